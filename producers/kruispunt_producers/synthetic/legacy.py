"""The legacy tables of three agencies, and how a made-up case is written into them: what the adapters undo.

Rules: columns, codes and types are the agency's own; there is no column of ours. Must not: open a connection.
"""

from __future__ import annotations

from typing import Final

from kruispunt_schemas.records.frame import Classification, Handling
from kruispunt_schemas.records.sections import DataSubject, InformationReliability, MeasureKind, Sex

from kruispunt_producers.adapters import federal_police, ocad, vocabulary, vsse
from kruispunt_producers.adapters.names import person_name
from kruispunt_producers.synthetic.cases import Case

Values = dict[str, object]
"""One row: column to value."""

INFORMATION: Final[dict[InformationReliability, str]] = {
    item: code for code, item in vocabulary.INFORMATION.items()
}
CLASSIFICATION_NL: Final[dict[Classification, str]] = {
    item: code for code, item in vocabulary.CLASSIFICATION_NL.items()
}
CLASSIFICATION_FR: Final[dict[Classification, str]] = {
    item: code for code, item in vocabulary.CLASSIFICATION_FR.items()
}
HANDLING: Final[dict[Handling, str]] = {item: code for code, item in vocabulary.HANDLING.items()}
MEASURE_NL: Final[dict[MeasureKind, str]] = {item: code for code, item in vocabulary.MEASURE_NL.items()}
SEX_NL: Final[dict[Sex, str]] = {item: code for code, item in vocabulary.SEX_NL.items()}
SEX_FR: Final[dict[Sex, str]] = {item: code for code, item in vocabulary.SEX_FR.items()}
SUBJECT_NL: Final[dict[DataSubject, str]] = {item: code for code, item in vocabulary.DATA_SUBJECT_NL.items()}
SUBJECT_FR: Final[dict[DataSubject, str]] = {item: code for code, item in vocabulary.DATA_SUBJECT_FR.items()}

DEFINITIONS: Final = {
    ocad.TABLE: """create table if not exists individuele_evaluatie (
        dossiernr varchar(20) primary key, geevalueerd_op timestamptz not null, niveau smallint, naam text,
        geboortedatum varchar(10), geboorteplaats text, geslacht char(1), rijksregisternr varchar(15),
        nationaliteit char(2), hoedanigheid text, categorie text, gemeente char(5), feiten text, motivering text,
        knelpunten text, intenties text, capaciteiten text, antecedenten text, psychisch text, bron char(1),
        informatie char(1), classificatie char(3), markeringen text, soort_maatregel varchar(5), maatregelen text,
        herziening_op date, bestemd_voor text, niet_voor text, contact text, geschrapt_op timestamptz)""",
    federal_police.TABLE: """create table if not exists dossier_radicalisation (
        numero_dossier varchar(20) primary key, constate_le timestamptz not null, nom text, prenoms text,
        particule text, alias text, jour_naissance smallint, mois_naissance smallint, annee_naissance smallint,
        lieu_naissance text, sexe char(1), nationalite char(2), numero_national varchar(15), qualite text,
        code_ins char(5), faits text, indicateurs text, appreciation text, categories text,
        categories_proposees text, fiabilite_source char(1), fiabilite_info char(1), degre char(3), mentions text,
        mesures text, depart_prevu_le date, destinataires text, exclus text, contact text, annule_le timestamptz)""",
    vsse.TABLE: """create table if not exists nota (
        nota_ref varchar(20) primary key, vastgesteld timestamptz not null, gewijzigd timestamptz, personne text,
        geboren varchar(10), sexe char(1), natl char(2), hoedanigheid text, cat text, nis char(5), contenu text,
        beoordeling text, indicatoren text, bron char(1), info char(1), classif char(3), caveats text, dest text,
        excl text, dienst text, ingetrokken char(1) not null default 'N')""",
}


def birth(case: Case, separator: str) -> str:
    """Return the birth date as written: day, month, year, zeros for what is unknown."""
    date = case.written.birth
    return separator.join((f"{date.day:02}", f"{date.month:02}", f"{date.year:04}"))


def dotted_number(number: str | None) -> str | None:
    """Return a national number the way it stands on a card."""
    if number is None:
        return None
    return f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}"


def full_name(case: Case) -> str:
    """Return the name in one field."""
    return f"{case.written.family}, {case.written.given}"


def ocad_row(case: Case) -> Values:
    """Return the row of OCAD's register."""
    intentions, capacities, antecedents, psychological = case.evaluation
    return {
        "dossiernr": case.reference,
        "geevalueerd_op": case.observed_at,
        "niveau": case.level,
        "naam": full_name(case),
        "geboortedatum": birth(case, "."),
        "geboorteplaats": case.person.birth_place,
        "geslacht": SEX_NL[case.person.sex],
        "rijksregisternr": dotted_number(case.written.national_number),
        "nationaliteit": case.person.nationality,
        "hoedanigheid": SUBJECT_NL[case.data_subject],
        "categorie": ",".join(case.person.categories),
        "gemeente": case.municipality,
        "feiten": "|".join(case.statements),
        "motivering": case.opinion,
        "knelpunten": "|".join(case.problem_points),
        "intenties": intentions,
        "capaciteiten": capacities,
        "antecedenten": antecedents,
        "psychisch": psychological,
        "bron": case.source.value,
        "informatie": INFORMATION[case.information],
        "classificatie": CLASSIFICATION_NL[case.classification],
        "markeringen": ",".join(HANDLING[item] for item in case.handling),
        "soort_maatregel": MEASURE_NL[case.measure_kind],
        "maatregelen": "|".join(case.measures),
        "herziening_op": None,
        "bestemd_voor": ",".join(case.named),
        "niet_voor": ",".join(case.excluded),
        "contact": "dienst individuele evaluaties",
        "geschrapt_op": case.withdrawn_at,
    }


def federal_police_row(case: Case) -> Values:
    """Return the row of the federal police's files."""
    name = person_name(case.written.family, case.written.given)
    return {
        "numero_dossier": case.reference,
        "constate_le": case.observed_at,
        "nom": name.family,
        "prenoms": name.given,
        "particule": name.particle or None,
        "alias": None,
        "jour_naissance": case.written.birth.day,
        "mois_naissance": case.written.birth.month,
        "annee_naissance": case.written.birth.year,
        "lieu_naissance": case.person.birth_place,
        "sexe": SEX_FR[case.person.sex],
        "nationalite": case.person.nationality,
        "numero_national": case.written.national_number,
        "qualite": SUBJECT_FR[case.data_subject],
        "code_ins": case.municipality,
        "faits": "|".join(case.statements),
        "indicateurs": "|".join(case.indicators),
        "appreciation": case.opinion,
        "categories": ",".join(case.person.categories),
        "categories_proposees": None,
        "fiabilite_source": case.source.value,
        "fiabilite_info": INFORMATION[case.information],
        "degre": CLASSIFICATION_FR[case.classification],
        "mentions": ",".join(HANDLING[item] for item in case.handling),
        "mesures": "|".join(case.measures),
        "depart_prevu_le": None,
        "destinataires": ",".join(case.named),
        "exclus": ",".join(case.excluded),
        "contact": "permanence DJSOC/Terro",
        "annule_le": case.withdrawn_at,
    }


def vsse_row(case: Case) -> Values:
    """Return the row of State Security's notes."""
    return {
        "nota_ref": case.reference,
        "vastgesteld": case.observed_at,
        "gewijzigd": case.withdrawn_at,
        "personne": full_name(case),
        "geboren": birth(case, "-"),
        "sexe": SEX_NL[case.person.sex],
        "natl": case.person.nationality,
        "hoedanigheid": SUBJECT_NL[case.data_subject],
        "cat": ",".join(case.person.categories),
        "nis": case.municipality,
        "contenu": "|".join(case.statements),
        "beoordeling": case.opinion,
        "indicatoren": "|".join(case.indicators),
        "bron": case.source.value,
        "info": INFORMATION[case.information],
        "classif": CLASSIFICATION_NL[case.classification],
        "caveats": ",".join(HANDLING[item] for item in case.handling),
        "dest": ",".join(case.named),
        "excl": ",".join(case.excluded),
        "dienst": "dienst analyse",
        "ingetrokken": "N" if case.withdrawn_at is None else "J",
    }
