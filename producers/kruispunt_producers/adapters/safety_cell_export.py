"""The export of a local safety cell: feedback sheets, one line for each sheet.

Rules: what the cell records of consensus and professional secrecy travels as it is; the door decides on it. Must not:
leave a sheet out because it would be refused.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Final

from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.sections import (
    Contact,
    Context,
    Nature,
    Phenomenon,
    Purpose,
    Sections,
    SheetAssessment,
    SheetSituation,
    Subject,
    SubjectKind,
)

from kruispunt_producers.adapters import parts
from kruispunt_producers.adapters.csv_export import csv_folder
from kruispunt_producers.adapters.names import written_name
from kruispunt_producers.adapters.protocol import Adapter
from kruispunt_producers.adapters.row import Row, adapting
from kruispunt_producers.adapters.vocabulary import (
    CLASSIFICATION_NL,
    DATA_SUBJECT_NL,
    HANDLING,
    MEASURE_NL,
    SEX_NL,
    YES_NO,
)

COLUMNS: Final = (
    "FICHE", "STATUS", "VERGADERD_OP", "PERSOON", "GEBOREN", "GESLACHT", "RRN", "HOEDANIGHEID", "NIS", "CONSENSUS",
    "BEROEPSGEHEIM", "AANWEZIG", "FEITEN", "SAMENVATTING", "ADVIES", "BRON", "INFO", "CLASSIF", "MARKERING",
    "SOORT_MAATREGEL", "MAATREGEL", "VOORZITTER", "BESTEMD", "NIET_VOOR",
)  # fmt: skip
STATUS: Final = {"VASTGESTELD": Lifecycle.ORIGINAL, "INGETROKKEN": Lifecycle.RECALL}
LEGAL_BASIS: Final = "Wet van 30 juli 2018, art. 3"
PURPOSE: Final = "terugkoppeling naar de lokale taskforce"
PURPOSES: Final = (Purpose.CARE, Purpose.PREVENTION)
NOON: Final = time(12, tzinfo=UTC)
"""Sheets bear a day without a time: noon UTC is the same day everywhere in the country."""


@adapting
def draft(row: Row) -> Draft:
    """Return the feedback sheet of one line."""
    day = row.day("VERGADERD_OP")
    municipality = row.optional("NIS")
    return Draft(
        signal_type="FeedbackSheet",
        version=1,
        lifecycle=row.code("STATUS", STATUS),
        observed_at=datetime.combine(day, NOON),
        classification=row.code("CLASSIF", CLASSIFICATION_NL),
        handling=row.codes("MARKERING", ",", HANDLING),
        sections=Sections(
            context=Context(
                reference=row.text("FICHE"),
                phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
                municipality=municipality,
                legal_basis=LEGAL_BASIS,
                purpose=PURPOSE,
                nature=Nature.ADMINISTRATIVE,
                purposes=PURPOSES,
            ),
            subject=Subject(
                kind=SubjectKind.PERSON,
                data_subject=row.code("HOEDANIGHEID", DATA_SUBJECT_NL),
                names=(written_name(row.text("PERSOON")),),
                birth=parts.partial_date(row, "GEBOREN", "/"),
                sex=row.code("GESLACHT", SEX_NL),
                national_number=parts.national_number(row, "RRN"),
            ),
            situation=SheetSituation(
                consensus=row.code("CONSENSUS", YES_NO),
                professional_secrecy=row.code("BEROEPSGEHEIM", YES_NO),
                members_present=row.number("AANWEZIG"),
                facts=parts.facts(row, "FEITEN", day, municipality),
            ),
            assessment=SheetAssessment(summary=row.text("SAMENVATTING"), advice=row.text("ADVIES")),
            sources=parts.sources(row, "BRON", "INFO", "fiche"),
            measures=parts.measures(
                row.code("SOORT_MAATREGEL", MEASURE_NL), row.many("MAATREGEL", parts.SEPARATOR)
            ),
            contact=Contact(unit=row.text("VOORZITTER"), function="voorzitter van de cel"),
            distribution=parts.distribution(row, "BESTEMD", "NIET_VOOR"),
        ),
    )


ADAPTER: Final = Adapter("safety-cell-export", "csv", ("livc-*",), csv_folder(COLUMNS), draft)
