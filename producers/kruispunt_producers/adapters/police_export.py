"""The nightly export of a local police zone: radicalisation cases, one line for each report.

Rules: dates as dd/mm/yyyy, times in Brussels; status ``INGETROKKEN`` withdraws. Must not: raise on a broken line.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.sections import (
    CaseAssessment,
    CaseSituation,
    Contact,
    Context,
    MeasureKind,
    Nature,
    Phenomenon,
    Purpose,
    Sections,
    Subject,
    SubjectKind,
)

from kruispunt_producers.adapters import parts
from kruispunt_producers.adapters.csv_export import csv_folder
from kruispunt_producers.adapters.names import person_name
from kruispunt_producers.adapters.protocol import Adapter
from kruispunt_producers.adapters.row import Row, adapting
from kruispunt_producers.adapters.vocabulary import (
    CATEGORY,
    CLASSIFICATION_NL,
    DATA_SUBJECT_NL,
    HANDLING,
    SEX_NL,
)

COLUMNS: Final = (
    "PV_NR", "STATUS", "DATUM", "UUR", "NAAM", "VOORNAAM", "GEBOREN", "GEBOORTEPLAATS", "GESLACHT", "RRN",
    "NATIONALITEIT", "HOEDANIGHEID", "NIS", "FEITEN", "INDICATOREN", "BEOORDELING", "CATEGORIE", "BRON", "INFO",
    "CLASSIF", "MARKERING", "MAATREGEL", "EENHEID", "BESTEMD", "NIET_VOOR",
)  # fmt: skip
STATUS: Final = {"NIEUW": Lifecycle.ORIGINAL, "INGETROKKEN": Lifecycle.RECALL}
LEGAL_BASIS: Final = "Wet op het politieambt, art. 44/1"
PURPOSE: Final = "opvolging van radicalisering"
PURPOSES: Final = (Purpose.INVESTIGATION, Purpose.PREVENTION)
BRUSSELS: Final = ZoneInfo("Europe/Brussels")


@adapting
def draft(row: Row) -> Draft:
    """Return the radicalisation case of one line."""
    day = row.day("DATUM")
    municipality = row.optional("NIS")
    return Draft(
        signal_type="RadicalisationCase",
        version=1,
        lifecycle=row.code("STATUS", STATUS),
        observed_at=datetime.combine(day, row.clock("UUR"), BRUSSELS).astimezone(UTC),
        classification=row.code("CLASSIF", CLASSIFICATION_NL),
        handling=row.codes("MARKERING", ",", HANDLING),
        sections=Sections(
            context=Context(
                reference=row.text("PV_NR"),
                phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
                municipality=municipality,
                legal_basis=LEGAL_BASIS,
                purpose=PURPOSE,
                nature=Nature.JUDICIAL,
                purposes=PURPOSES,
            ),
            subject=Subject(
                kind=SubjectKind.PERSON,
                data_subject=row.code("HOEDANIGHEID", DATA_SUBJECT_NL),
                names=(person_name(row.text("NAAM"), row.optional("VOORNAAM") or ""),),
                birth=parts.partial_date(row, "GEBOREN", "/"),
                birth_place=row.optional("GEBOORTEPLAATS"),
                sex=row.code("GESLACHT", SEX_NL),
                nationality=row.optional("NATIONALITEIT"),
                national_number=parts.national_number(row, "RRN"),
            ),
            situation=CaseSituation(facts=parts.facts(row, "FEITEN", day, municipality)),
            assessment=CaseAssessment(
                summary=row.text("BEOORDELING"),
                indicators=row.many("INDICATOREN", parts.SEPARATOR),
                proposed_categories=tuple(sorted(set(row.codes("CATEGORIE", ",", CATEGORY)))),
            ),
            sources=parts.sources(row, "BRON", "INFO", "proces-verbaal"),
            measures=parts.measures(MeasureKind.PREVENTIVE, row.many("MAATREGEL", parts.SEPARATOR)),
            contact=Contact(unit=row.text("EENHEID"), function="informatieambtenaar"),
            distribution=parts.distribution(row, "BESTEMD", "NIET_VOOR"),
        ),
    )


ADAPTER: Final = Adapter("police-export", "csv", ("police-*",), csv_folder(COLUMNS), draft)
