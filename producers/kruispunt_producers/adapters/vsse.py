"""State Security's notes: one table, Dutch and French mixed as it grew, many rows classified.

Rules: no national number is recorded, a birth date often in part; a note that was revoked (``ingetrokken``) is withdrawn.
Must not: lower a classification.
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
    SEX_NL,
    YES_NO,
)

TABLE: Final = "nota"
KEY: Final = "nota_ref"
LEGAL_BASIS: Final = "Wet van 30 november 1998, art. 7"
PURPOSE: Final = "inlichting over een bedreiging van de inwendige veiligheid"
PURPOSES: Final = (Purpose.INTELLIGENCE, Purpose.INVESTIGATION, Purpose.PREVENTION)


@adapting
def draft(row: Row) -> Draft:
    """Return the radicalisation case of one note."""
    revoked = row.code("ingetrokken", YES_NO)
    observed_at = row.moment("gewijzigd" if revoked else "vastgesteld")
    municipality = row.optional("nis")
    return Draft(
        signal_type="RadicalisationCase",
        version=1,
        lifecycle=Lifecycle.RECALL if revoked else Lifecycle.ORIGINAL,
        observed_at=observed_at,
        classification=row.code("classif", CLASSIFICATION_NL),
        handling=row.codes("caveats", ",", HANDLING),
        sections=Sections(
            context=Context(
                reference=row.text(KEY),
                phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
                municipality=municipality,
                legal_basis=LEGAL_BASIS,
                purpose=PURPOSE,
                nature=Nature.INTELLIGENCE,
                purposes=PURPOSES,
            ),
            subject=Subject(
                kind=SubjectKind.PERSON,
                data_subject=row.code("hoedanigheid", DATA_SUBJECT_NL),
                names=tuple(written_name(name) for name in row.many("personne", "/")),
                birth=parts.partial_date(row, "geboren", "-"),
                sex=row.code("sexe", SEX_NL),
                nationality=row.optional("natl"),
                categories=tuple(sorted(set(row.codes("cat", ",", CATEGORY)))),
            ),
            situation=CaseSituation(facts=parts.facts(row, "contenu", observed_at.date(), municipality)),
            assessment=CaseAssessment(
                summary=row.text("beoordeling"), indicators=row.many("indicatoren", parts.SEPARATOR)
            ),
            sources=parts.sources(row, "bron", "info", "nota"),
            contact=Contact(unit="VSSE", function=row.text("dienst")),
            distribution=parts.distribution(row, "dest", "excl"),
        ),
    )


ADAPTER: Final = Adapter("vsse-notes", "postgresql", ("vsse",), followed_table(TABLE, KEY), draft)
