"""OCAD's register of individual threat evaluations: one wide table with Dutch columns.

Rules: names in one field, aliases between slashes; birth dates with zeros for unknown parts; a row that is struck
(``geschrapt_op``) is withdrawn. Must not: decide what is admissible; a level of 9 travels to the door.
"""

from __future__ import annotations

from typing import Final

from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.sections import (
    Contact,
    Context,
    EvaluationAssessment,
    EvaluationSituation,
    Nature,
    Phenomenon,
    Purpose,
    Sections,
    Subject,
    SubjectKind,
)

from kruispunt_producers.adapters import parts
from kruispunt_producers.adapters.followed_table import followed_table
from kruispunt_producers.adapters.names import written_name
from kruispunt_producers.adapters.protocol import Adapter
from kruispunt_producers.adapters.row import Row, adapting
from kruispunt_producers.adapters.vocabulary import (
    CATEGORY,
    CLASSIFICATION_NL,
    DATA_SUBJECT_NL,
    HANDLING,
    MEASURE_NL,
    SEX_NL,
)

TABLE: Final = "individuele_evaluatie"
KEY: Final = "dossiernr"
LEGAL_BASIS: Final = "KB 28 november 2006, art. 11"
PURPOSE: Final = "opvolging van de entiteit in de gemeenschappelijke gegevensbank"
PURPOSES: Final = (Purpose.CARE, Purpose.INTELLIGENCE, Purpose.INVESTIGATION, Purpose.PREVENTION)


@adapting
def draft(row: Row) -> Draft:
    """Return the threat evaluation of one row."""
    struck = row.values.get("geschrapt_op") is not None
    observed_at = row.moment("geschrapt_op" if struck else "geevalueerd_op")
    municipality = row.optional("gemeente")
    return Draft(
        signal_type="ThreatEvaluation",
        version=1,
        lifecycle=Lifecycle.RECALL if struck else Lifecycle.ORIGINAL,
        observed_at=observed_at,
        classification=row.code("classificatie", CLASSIFICATION_NL),
        handling=row.codes("markeringen", ",", HANDLING),
        sections=Sections(
            context=Context(
                reference=row.text(KEY),
                phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
                municipality=municipality,
                legal_basis=LEGAL_BASIS,
                purpose=PURPOSE,
                nature=Nature.ADMINISTRATIVE,
                purposes=PURPOSES,
            ),
            subject=Subject(
                kind=SubjectKind.PERSON,
                data_subject=row.code("hoedanigheid", DATA_SUBJECT_NL),
                names=tuple(written_name(name) for name in row.many("naam", "/")),
                birth=parts.partial_date(row, "geboortedatum", "."),
                birth_place=row.optional("geboorteplaats"),
                sex=row.code("geslacht", SEX_NL),
                nationality=row.optional("nationaliteit"),
                national_number=parts.national_number(row, "rijksregisternr"),
                categories=tuple(sorted(set(row.codes("categorie", ",", CATEGORY)))),
            ),
            situation=EvaluationSituation(
                facts=parts.facts(row, "feiten", observed_at.date(), municipality),
                review_due_on=row.optional_day("herziening_op"),
            ),
            assessment=EvaluationAssessment(
                level=row.number("niveau"),
                reasons_for_inclusion=row.text("motivering"),
                problem_points=row.many("knelpunten", parts.SEPARATOR),
                intentions=row.text("intenties"),
                capacities=row.text("capaciteiten"),
                antecedents=row.text("antecedenten"),
                psychological=row.text("psychisch"),
            ),
            sources=parts.sources(row, "bron", "informatie", "evaluatie"),
            measures=parts.measures(
                row.code("soort_maatregel", MEASURE_NL), row.many("maatregelen", parts.SEPARATOR)
            ),
            contact=Contact(unit="OCAD", function=row.text("contact")),
            distribution=parts.distribution(row, "bestemd_voor", "niet_voor"),
        ),
    )


ADAPTER: Final = Adapter("ocad-evaluations", "postgresql", ("ocad",), followed_table(TABLE, KEY), draft)
