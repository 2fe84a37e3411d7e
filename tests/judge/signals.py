"""From a truth to a decision record, the way a signal goes: signed, encoded, read from its bytes, decided, encoded, read.

Rules: what is decided comes from bytes alone, and so does the record that is compared. Keys are the same in every run.
Must not: hand a truth to what decides.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from kruispunt_processors.route import routing
from kruispunt_processors.route.routing import Resolved
from kruispunt_schemas import codec, disclosure, identity
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.needtoknow import facts
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.records.backbone import Decision
from kruispunt_schemas.records.frame import (
    Classification,
    Follower,
    Handling,
    Lifecycle,
    Posting,
    Resolution,
)
from kruispunt_schemas.records.sections import (
    AnswerResult,
    AnswerSituation,
    Assessment,
    CaseAssessment,
    CaseSituation,
    Contact,
    Context,
    DataSubject,
    Distribution,
    EntitySituation,
    EntityStatus,
    Evaluation4x4,
    EvaluationAssessment,
    EvaluationSituation,
    Fact,
    FreezeAction,
    FreezeSituation,
    InformationReliability,
    LevelAssessment,
    Measure,
    MeasureKind,
    Measures,
    Nature,
    PartialDate,
    PersonName,
    Phenomenon,
    Purpose,
    RequestInstrument,
    RequestSituation,
    Sections,
    Sex,
    SheetAssessment,
    SheetSituation,
    Situation,
    SourceReliability,
    Sources,
    Subject,
    SubjectKind,
    TravelMode,
    TravelSituation,
)

from tests.drafts import secret_of, signer_of
from tests.judge.truth import Truth

DAY: Final = date(2026, 3, 1)
FACTS: Final = (Fact(statement="Seen with two others.", observed_on=DAY),)
SITUATIONS: Final[dict[str, Situation]] = {
    "EntityChange": EntitySituation(status=EntityStatus.PROPOSED, review_due_on=DAY),
    "AssetFreeze": FreezeSituation(action=FreezeAction.FREEZE, legal_act="Royal decree", from_on=DAY),
    "TravelHit": TravelSituation(mode=TravelMode.AIR, origin="BRU", destination="IST", planned_on=DAY),
    "InformationRequest": RequestSituation(
        instrument=RequestInstrument.INFORMATION, urgent=False, question="What is known?"
    ),
    "InformationAnswer": AnswerSituation(request=UUID(int=5), result=AnswerResult.ANSWERED, facts=FACTS),
    "ThreatEvaluation": EvaluationSituation(facts=FACTS),
}
"""Situations of the types that are no plain case."""
ASSESSMENTS: Final[dict[str, Assessment]] = {
    "ThreatEvaluation": EvaluationAssessment(
        level=3,
        reasons_for_inclusion="Plans to leave.",
        intentions="Wants to leave.",
        capacities="Has means.",
        antecedents="None.",
        psychological="No known disorder.",
    ),
    "FeedbackSheet": SheetAssessment(summary="It works.", advice="Go on."),
    "ThreatLevel": LevelAssessment(level=3, motivation="Possible and likely."),
}


def decided(bundle: Bundle, engine: PolicyEngine, truth: Truth) -> tuple[Decision, int]:
    """Return the decision record on a signal, read back from its bytes, and how many bytes those are."""
    posted = _composed(truth).encoded()
    signed = codec.decode_signed(schemas.load(truth["type"]), posted)
    header = signed.read_header()
    item = Resolved(
        posting=Posting(
            participant=truth["originator"],
            offset=truth["number"],
            appended_at=datetime.fromisoformat(truth["appended_at"]),
        ),
        signed=signed,
        header=header,
        sections=signed.read_sections(*facts.SECTIONS),
        bundle=bundle.name,
        case_key=bytes(32),
        resolution=Resolution(
            persons=(),
            supersedes=(header.replaces,) if header.replaces else (),
            registered_as=UUID(int=truth["number"]),
            followers=tuple(
                Follower(participant=name, event=UUID(int=place + 1))
                for place, name in enumerate(truth["followers"])
            ),
        ),
    )
    held = {
        name: (identity.delivery_id(header.originator, header.replaces, name),)
        for name in truth["holding"]
        if header.replaces
    }
    made, _ = routing.decision(
        bundle,
        routing.outcomes(bundle, engine, item),
        item,
        held=held,
        now=item.posting.appended_at,
        pseudonym_key=b"y" * 32,
    )
    written = codec.encode(made)
    return codec.decode(schemas.load("Decision"), written, Decision), len(written)


def _composed(truth: Truth) -> codec.SignedBytes:
    published_at = datetime.fromisoformat(truth["appended_at"]) - timedelta(minutes=1)
    draft = Draft(
        signal_type=truth["type"],
        version=truth["version"],
        lifecycle=Lifecycle(truth["lifecycle"]),
        observed_at=published_at,
        classification=Classification(truth["classification"]),
        handling=tuple(Handling(name) for name in truth["handling"]),
        sections=_sections(truth),
    )
    owner = truth["originator"]
    return disclosure.compose(
        draft, originator=owner, secret=secret_of(owner), signer=signer_of(owner), published_at=published_at
    )


def _sections(truth: Truth) -> Sections:
    recalled = truth["lifecycle"] == "RECALL"
    kinds = truth["measures"]
    return Sections(
        context=Context(
            reference=f"J/{truth['number']}",
            phenomenon=Phenomenon(truth["phenomenon"]),
            municipality=truth["municipality"],
            legal_basis="Law of 29 April 2024, art. 4",
            purpose="follow-up",
            nature=Nature(truth["nature"]),
            purposes=tuple(Purpose(name) for name in truth["purposes"]),
            site=truth["site"],
            data_source=truth["data_source"],
        ),
        subject=_subject(truth["subject"]) if truth["subject"] else None,
        situation=_situation(truth) if truth["situation"] else None,
        assessment=ASSESSMENTS.get(truth["type"], CaseAssessment(summary="Probably recruiting."))
        if truth["assessment"]
        else None,
        sources=Sources(
            evaluations=(
                Evaluation4x4(
                    statement="Heard.", source=SourceReliability.B, information=InformationReliability.TWO
                ),
            )
        )
        if truth["sources"]
        else None,
        measures=None
        if kinds is None
        else Measures(
            measures=tuple(Measure(kind=MeasureKind(kind), description="As agreed.") for kind in kinds)
        ),
        contact=None if recalled else Contact(unit="Watch desk", function="duty officer"),
        distribution=_distribution(truth["distribution"]) if truth["distribution"] else None,
    )


def _situation(truth: Truth) -> Situation:
    if truth["type"] == "FeedbackSheet":
        return SheetSituation(
            consensus=truth["consensus"], professional_secrecy=False, members_present=4, facts=FACTS
        )
    return SITUATIONS.get(truth["type"], CaseSituation(facts=FACTS))


def _subject(told: dict[str, Any]) -> Subject:
    birth = told["birth"]
    return Subject(
        kind=SubjectKind.PERSON,
        data_subject=DataSubject(told["data_subject"]),
        names=(PersonName(family="Voorbeeld", particle="", given="An"),),
        birth=None if birth is None else PartialDate(year=birth[0], month=birth[1], day=birth[2]),
        sex=Sex.UNKNOWN,
    )


def _distribution(told: dict[str, Any]) -> Distribution:
    return Distribution(
        named=tuple(told["named"]),
        excluded=tuple(told["excluded"]),
        consented=tuple(told["consented"]),
        groups=tuple(told["groups"]),
        embargo=told["embargo"],
        embargo_agreed=told["embargo_agreed"],
        professional_secrecy=told["professional_secrecy"],
    )
