"""One signal of each type that the rest of the chain sends: the second half of the signals in the vectors.

Rules: as in `samples`. What the first half leaves at its default is filled here: site, source of the data, consent,
groups, embargo.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from kruispunt_schemas import identity
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records import frame
from kruispunt_schemas.records.sections import (
    AnswerResult,
    AnswerSituation,
    Assessment,
    CaseAssessment,
    CaseSituation,
    Distribution,
    EntityCategory,
    EntitySituation,
    EntityStatus,
    FreezeAction,
    FreezeSituation,
    LevelAssessment,
    Measures,
    Nature,
    Purpose,
    RequestInstrument,
    RequestSituation,
    Sections,
    Situation,
    Subject,
    TravelMode,
    TravelSituation,
)
from kruispunt_schemas.vectors import samples
from kruispunt_schemas.vectors.samples import CONTACT, FACT, MEASURES, SECRET, SUBJECT, TIME

SITE: Final = "site-north-terminal"
GROUP: Final = "incident-2026-zaventem"
DISTRIBUTION: Final = Distribution(
    named=("vsse",),
    excluded=("livc-gent",),
    consented=("dvz", "nvo"),
    groups=(GROUP,),
    professional_secrecy=True,
)
EMBARGOED: Final = replace(DISTRIBUTION, embargo=True, embargo_agreed=True)


def draft(
    signal_type: str,
    reference: str,
    nature: Nature,
    *purposes: Purpose,
    subject: Subject | None = SUBJECT,
    situation: Situation | None = None,
    assessment: Assessment | None = None,
    measures: Measures | None = None,
    distribution: Distribution = DISTRIBUTION,
) -> Draft:
    """Return the first version of a signal, unclassified."""
    context = replace(
        samples.CONTEXT,
        reference=reference,
        nature=nature,
        purposes=tuple(sorted(purposes)),
        site=SITE,
        data_source="ANPR",
    )
    return Draft(
        signal_type=signal_type,
        version=1,
        lifecycle=frame.Lifecycle.ORIGINAL,
        observed_at=TIME - timedelta(hours=1),
        classification=frame.Classification.UNCLASSIFIED,
        sections=Sections(
            context=context,
            subject=subject,
            situation=situation,
            assessment=assessment,
            measures=measures,
            contact=CONTACT,
            distribution=distribution,
        ),
    )


ENTITY: Final = draft(
    "EntityChange",
    "GGB/2025/é",
    Nature.ADMINISTRATIVE,
    Purpose.PREVENTION,
    Purpose.CARE,
    situation=EntitySituation(
        status=EntityStatus.VALIDATED,
        categories=(EntityCategory.HP, EntityCategory.PVE),
        review_due_on=date(2028, 3, 14),
    ),
    assessment=CaseAssessment(
        summary="A strong link with Belgium.", proposed_categories=(EntityCategory.HP,)
    ),
)
MEASURE: Final = draft("MeasureReport", "M-1", Nature.ADMINISTRATIVE, Purpose.PREVENTION, measures=MEASURES)
ALERT: Final = draft(
    "Alert",
    "CROSS-9",
    Nature.JUDICIAL,
    Purpose.INVESTIGATION,
    situation=CaseSituation(facts=(FACT,)),
    measures=MEASURES,
    distribution=EMBARGOED,
)
ENFORCEMENT: Final = draft(
    "EnforcementCase",
    "BH/77",
    Nature.ADMINISTRATIVE,
    Purpose.ENFORCEMENT,
    situation=CaseSituation(facts=(FACT,)),
    assessment=CaseAssessment(summary="", indicators=("no permit",)),
    measures=MEASURES,
)
FREEZE: Final = draft(
    "AssetFreeze",
    "T/2025/3",
    Nature.ADMINISTRATIVE,
    Purpose.ENFORCEMENT,
    situation=FreezeSituation(
        action=FreezeAction.FREEZE,
        legal_act="Royal decree of 28 December 2006, art. 3",
        from_on=date(2025, 3, 15),
    ),
)
TRAVEL: Final = draft(
    "TravelHit",
    "PNR/1",
    Nature.ADMINISTRATIVE,
    Purpose.INTELLIGENCE,
    Purpose.INVESTIGATION,
    situation=TravelSituation(
        mode=TravelMode.AIR, origin="Liège", destination="İstanbul", planned_on=date(2025, 3, 16)
    ),
)
LEVEL: Final = draft(
    "ThreatLevel",
    "NIV-2025-1",
    Nature.ADMINISTRATIVE,
    Purpose.CRISIS,
    Purpose.PROTECTION,
    subject=None,
    assessment=LevelAssessment(level=3, motivation="Possible and likely."),
    measures=MEASURES,
)
LOG: Final = draft(
    "IncidentLogEntry",
    "LOG-1/4",
    Nature.ADMINISTRATIVE,
    Purpose.CRISIS,
    subject=None,
    situation=CaseSituation(facts=(FACT,)),
    measures=MEASURES,
)
REQUEST: Final = draft(
    "InformationRequest",
    "KS/2025/12",
    Nature.JUDICIAL,
    Purpose.INVESTIGATION,
    situation=RequestSituation(
        instrument=RequestInstrument.KANTSCHRIFT, urgent=True, question="Where was the bicycle on 1 March?"
    ),
)
ANSWER: Final = draft(
    "InformationAnswer",
    "KS/2025/12/A",
    Nature.JUDICIAL,
    Purpose.INVESTIGATION,
    situation=AnswerSituation(
        request=identity.signal_id(SECRET, REQUEST.reference, 1), result=AnswerResult.ANSWERED, facts=(FACT,)
    ),
    assessment=CaseAssessment(summary="Probably lent out."),
)
DRAFTS: Final = (ENTITY, MEASURE, ALERT, ENFORCEMENT, FREEZE, TRAVEL, LEVEL, LOG, REQUEST, ANSWER)
