"""The federal police's files: one table with French columns, the birth date in three numbers.

Rules: an annulled file (``annule_le``) is withdrawn; particles have a column of their own. Must not: decide what is
admissible.
"""

from __future__ import annotations

from typing import Final

from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.sections import (
    CaseAssessment,
    CaseSituation,
    Contact,
    Context,
    MeasureKind,
    Nature,
    PartialDate,
    Phenomenon,
    Purpose,
    Sections,
    Subject,
    SubjectKind,
)

from kruispunt_producers.adapters import parts
from kruispunt_producers.adapters.followed_table import followed_table
from kruispunt_producers.adapters.names import person_name, written_name
from kruispunt_producers.adapters.protocol import Adapter
from kruispunt_producers.adapters.row import DATE, Row, adapting
from kruispunt_producers.adapters.vocabulary import (
    CATEGORY,
    CLASSIFICATION_FR,
    DATA_SUBJECT_FR,
    HANDLING,
    SEX_FR,
)

TABLE: Final = "dossier_radicalisation"
KEY: Final = "numero_dossier"
LEGAL_BASIS: Final = "Loi sur la fonction de police, art. 44/1"
PURPOSE: Final = "suivi des personnes radicalisées"
PURPOSES: Final = (Purpose.INVESTIGATION, Purpose.PREVENTION)


def _birth(row: Row) -> PartialDate | None:
    if row.values.get("annee_naissance") is None:
        return None
    year, month, day = (row.number(f"{part}_naissance") for part in ("annee", "mois", "jour"))
    if not (0 <= year <= 9999 and 0 <= month <= 12 and 0 <= day <= 31):
        raise row.refuse(DATE, "annee_naissance")
    return PartialDate(year=year, month=month, day=day)


@adapting
def draft(row: Row) -> Draft:
    """Return the radicalisation case of one row."""
    annulled = row.values.get("annule_le") is not None
    observed_at = row.moment("annule_le" if annulled else "constate_le")
    municipality = row.optional("code_ins")
    name = person_name(row.text("nom"), row.optional("prenoms") or "", row.optional("particule") or "")
    return Draft(
        signal_type="RadicalisationCase",
        version=1,
        lifecycle=Lifecycle.RECALL if annulled else Lifecycle.ORIGINAL,
        observed_at=observed_at,
        classification=row.code("degre", CLASSIFICATION_FR),
        handling=row.codes("mentions", ",", HANDLING),
        sections=Sections(
            context=Context(
                reference=row.text(KEY),
                phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
                municipality=municipality,
                legal_basis=LEGAL_BASIS,
                purpose=PURPOSE,
                nature=Nature.JUDICIAL,
                purposes=PURPOSES,
            ),
            subject=Subject(
                kind=SubjectKind.PERSON,
                data_subject=row.code("qualite", DATA_SUBJECT_FR),
                names=(name, *(written_name(alias) for alias in row.many("alias", "/"))),
                birth=_birth(row),
                birth_place=row.optional("lieu_naissance"),
                sex=row.code("sexe", SEX_FR),
                nationality=row.optional("nationalite"),
                national_number=parts.national_number(row, "numero_national"),
                categories=tuple(sorted(set(row.codes("categories", ",", CATEGORY)))),
            ),
            situation=CaseSituation(
                facts=parts.facts(row, "faits", observed_at.date(), municipality),
                travel_planned_on=row.optional_day("depart_prevu_le"),
            ),
            assessment=CaseAssessment(
                summary=row.text("appreciation"),
                indicators=row.many("indicateurs", parts.SEPARATOR),
                proposed_categories=tuple(sorted(set(row.codes("categories_proposees", ",", CATEGORY)))),
            ),
            sources=parts.sources(row, "fiabilite_source", "fiabilite_info", "dossier"),
            measures=parts.measures(MeasureKind.REPRESSIVE, row.many("mesures", parts.SEPARATOR)),
            contact=Contact(unit="DJSOC/Terro", function=row.text("contact")),
            distribution=parts.distribution(row, "destinataires", "exclus"),
        ),
    )


ADAPTER: Final = Adapter(
    "federal-police-files", "postgresql", ("federal-police",), followed_table(TABLE, KEY), draft
)
