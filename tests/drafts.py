"""Drafts of every type, composed with keys that are the same every time, and a bundle that knows them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from kruispunt_schemas import disclosure, identity, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.keys import BackboneKeys, PersonKeys
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import Bundle, VerificationKey
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.records.frame import Classification, Lifecycle, Posting
from kruispunt_schemas.records.postings import ConsultationHeader, ReceiptHeader, ReceiptResult
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
    EntityCategory,
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
    SourceReliability,
    Sources,
    Subject,
    SubjectKind,
    TravelMode,
    TravelSituation,
)
from kruispunt_schemas.signing import Signer

VSSE, OCAD, LTF = "vsse", "ocad", "ltf-antwerpen"
ORIGINATORS = {
    "Alert": "federal-police",
    "AssetFreeze": "treasury",
    "EnforcementCase": "police-antwerpen",
    "EntityChange": OCAD,
    "FeedbackSheet": LTF,
    "IncidentLogEntry": "nccn",
    "InformationAnswer": "ctif",
    "InformationRequest": "federal-prosecutor",
    "MeasureReport": LTF,
    "RadicalisationCase": VSSE,
    "ThreatEvaluation": OCAD,
    "ThreatLevel": OCAD,
    "TravelHit": "belpiu",
}
NATURES = {
    "Alert": Nature.JUDICIAL,
    "InformationAnswer": Nature.JUDICIAL,
    "InformationRequest": Nature.JUDICIAL,
    "RadicalisationCase": Nature.INTELLIGENCE,
}
"""By type; the others are administrative."""
GROUP = "incident-2026-zaventem"
ANTWERPEN, GENT = "11002", "44021"
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KEYS_VALID_FROM = datetime(2021, 1, 1, tzinfo=UTC)
BACKBONE = BackboneKeys(
    case=b"c" * 32,
    content=b"t" * 32,
    pseudonym=b"y" * 32,
    persons={1: PersonKeys(blocking=b"p" * 32, sealing=bytes(range(64)))},
)


def signer_of(participant: str) -> Signer:
    """Return the same key for the same participant, every time."""
    seed = hashlib.sha256(participant.encode()).digest()
    return Signer(f"{participant}-1", Ed25519PrivateKey.from_private_bytes(seed))


def secret_of(participant: str) -> bytes:
    """Return the agency secret of a participant."""
    return hashlib.sha256(f"secret of {participant}".encode()).digest()


def key_of(participant: str, *, until: datetime | None = None) -> VerificationKey:
    """Return the key that a bundle lists."""
    signer = signer_of(participant)
    return VerificationKey(
        key_id=signer.key_id,
        public_key=signer.public_key().hex(),
        valid_from=KEYS_VALID_FROM,
        valid_until=until,
    )


@cache
def bundle(keys_until: datetime | None = None) -> Bundle:
    """Return the bundle of the reviewed files in which every participant has its key."""
    rows = read_participants()
    return make({row.id: (key_of(row.id, until=keys_until),) for row in rows}, rows)


@cache
def policies() -> PolicyEngine:
    """Return the policies of that bundle, parsed."""
    return PolicyEngine(bundle().policies, bundle().policy_schema)


def national_number(nine_digits: str) -> str:
    """Return an RRN with valid check digits (born before 2000)."""
    return f"{nine_digits}{97 - int(nine_digits) % 97:02}"


def person(
    family: str = "Broeck",
    given: str = "Joris",
    *,
    particle: str = "van den",
    birth: tuple[int, int, int] | None = (1991, 5, 17),
    number: str | None = None,
) -> Subject:
    """Return a subject that is a person."""
    return Subject(
        kind=SubjectKind.PERSON,
        data_subject=DataSubject.SUSPECT,
        names=(PersonName(family=family, particle=particle, given=given),),
        birth=None if birth is None else PartialDate(year=birth[0], month=birth[1], day=birth[2]),
        sex=Sex.MALE,
        nationality="BE",
        national_number=number,
    )


def sections(
    signal_type: str = "RadicalisationCase",
    *,
    reference: str = "2026/118",
    municipality: str | None = ANTWERPEN,
    statement: str = "Seen near the harbour with two others.",
    subject: Subject | None = None,
    named: tuple[str, ...] = (),
    excluded: tuple[str, ...] = (),
) -> Sections:
    """Return the sections of a signal of any type, all that it has."""
    facts = (
        Fact(statement=statement, observed_on=date(2026, 3, 1), municipality=municipality),
        Fact(statement="Bought a one-way ticket."),
    )
    whole = Sections(
        context=Context(
            reference=reference,
            phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
            municipality=municipality,
            legal_basis="Law of 29 April 2024, art. 4",
            purpose="follow-up",
            nature=NATURES.get(signal_type, Nature.ADMINISTRATIVE),
            purposes=(Purpose.CARE, Purpose.INTELLIGENCE, Purpose.INVESTIGATION, Purpose.PREVENTION),
        ),
        subject=subject or person(),
        situation=_SITUATIONS.get(signal_type, lambda facts: CaseSituation(facts=facts))(facts),
        assessment=_ASSESSMENTS.get(signal_type, _ASSESSMENTS["RadicalisationCase"]),
        sources=Sources(
            evaluations=(
                Evaluation4x4(
                    statement="The witness knows him.",
                    source=SourceReliability.B,
                    information=InformationReliability.TWO,
                ),
            )
        ),
        measures=Measures(
            measures=(
                Measure(kind=MeasureKind.PREVENTIVE, description="Home visit", from_on=date(2026, 3, 3)),
            )
        ),
        contact=Contact(unit="Watch desk North", function="duty officer", telephone="+32 2 000 00 00"),
        distribution=Distribution(
            named=named, excluded=excluded, groups=(GROUP,) if signal_type == "IncidentLogEntry" else ()
        ),
    )
    absent: Mapping[str, None] = dict.fromkeys(
        name for name in Sections.NAMES if name not in schemas.load(signal_type).sections
    )
    return replace(whole, **absent)


_SITUATIONS: dict[str, Any] = {
    "RadicalisationCase": lambda facts: CaseSituation(facts=facts, travel_planned_on=date(2026, 4, 1)),
    "ThreatEvaluation": lambda facts: EvaluationSituation(facts=facts, review_due_on=date(2026, 9, 1)),
    "FeedbackSheet": lambda facts: SheetSituation(
        consensus=True, professional_secrecy=False, members_present=5, facts=facts
    ),
    "EntityChange": lambda _facts: EntitySituation(
        status=EntityStatus.PROPOSED, categories=(EntityCategory.PVE,), review_due_on=date(2029, 3, 2)
    ),
    "AssetFreeze": lambda _facts: FreezeSituation(
        action=FreezeAction.FREEZE, legal_act="Royal decree of 28 December 2006", from_on=date(2026, 3, 2)
    ),
    "TravelHit": lambda _facts: TravelSituation(
        mode=TravelMode.AIR, origin="Zaventem", destination="Istanbul", planned_on=date(2026, 3, 5)
    ),
    "InformationRequest": lambda facts: RequestSituation(
        instrument=RequestInstrument.INFORMATION, urgent=False, question=facts[0].statement
    ),
    "InformationAnswer": lambda facts: AnswerSituation(
        request=UUID(int=11), result=AnswerResult.ANSWERED, facts=facts
    ),
}
_ASSESSMENTS: dict[str, Assessment] = {
    "RadicalisationCase": CaseAssessment(summary="Probably recruiting.", indicators=("isolation",)),
    "ThreatEvaluation": EvaluationAssessment(
        level=3,
        reasons_for_inclusion="Known to plan travel.",
        problem_points=("housing",),
        intentions="Wants to leave.",
        capacities="Has means.",
        antecedents="One conviction.",
        psychological="No known disorder.",
    ),
    "FeedbackSheet": SheetAssessment(summary="The approach works.", advice="Go on."),
    "ThreatLevel": LevelAssessment(level=2, motivation="Unlikely."),
}


def draft(
    signal_type: str = "RadicalisationCase",
    *,
    version: int = 1,
    lifecycle: Lifecycle | None = None,
    classification: Classification = Classification.UNCLASSIFIED,
    observed_at: datetime = MONDAY - timedelta(hours=2),
    parts: Sections | None = None,
    **changes: Any,
) -> Draft:
    """Return a draft; ``changes`` go to `sections`, a recall keeps its context alone."""
    lifecycle = lifecycle or (Lifecycle.ORIGINAL if version == 1 else Lifecycle.CORRECTION)
    found = parts if parts is not None else sections(signal_type, **changes)
    return Draft(
        signal_type=signal_type,
        version=version,
        lifecycle=lifecycle,
        observed_at=observed_at,
        classification=classification,
        sections=Sections(context=found.context) if lifecycle is Lifecycle.RECALL else found,
    )


def composed(
    made: Draft | None = None,
    *,
    originator: str | None = None,
    signer: Signer | None = None,
    published_at: datetime = MONDAY - timedelta(minutes=1),
) -> SignedBytes:
    """Return the signed signal of a draft, by the usual originator of its type."""
    made = made or draft()
    originator = originator or ORIGINATORS[made.signal_type]
    return disclosure.compose(
        made,
        originator=originator,
        secret=secret_of(originator),
        signer=signer or signer_of(originator),
        published_at=published_at,
    )


def receipt(
    participant: str = LTF, *, speaker: str | None = None, signer: Signer | None = None
) -> SignedBytes:
    """Return a signed receipt."""
    output = UUID(int=7)
    header = ReceiptHeader(
        receipt_id=identity.receipt_id(participant, output, "STORED"),
        participant=speaker or participant,
        output_id=output,
        result=ReceiptResult.STORED,
        stored_at=MONDAY,
    )
    return disclosure.compose_receipt(header, signer or signer_of(participant))


def consultation(participant: str = LTF, *, signer: Signer | None = None) -> SignedBytes:
    """Return a signed consultation."""
    header = ConsultationHeader(
        consultation_id=UUID(int=8),
        participant=participant,
        user="analyst-4",
        output_id=UUID(int=7),
        signal_id=UUID(int=9),
        purpose="follow-up",
        consulted_at=MONDAY,
    )
    return disclosure.compose_consultation(header, signer or signer_of(participant))


def posting(participant: str = VSSE, offset: int = 0, at: datetime = MONDAY) -> Posting:
    """Return an out-position."""
    return Posting(participant=participant, offset=offset, appended_at=at)


def wired(record: SignedBytes, *, wire_id: int = 7, source: str = "test") -> tuple[bytes, dict[str, bytes]]:
    """Return value and headers of a posting as it travels."""
    return wire.wrapped(wire_id, record.encoded()), headers_of(record.schema, source=source)


def headers_of(schema: schemas.RecordSchema, *, source: str = "test") -> dict[str, bytes]:
    """Return the envelope of a record of a schema."""
    trace = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    return dict(
        wire.envelope(
            schema, identifier="id", source=f"/participants/{source}", time=MONDAY, traceparent=trace
        )
    )


def with_section(parts: Sections, name: str, **changes: Any) -> Sections:
    """Return sections with some fields of one of them changed."""
    section: Any = parts.get(name)
    changed: Mapping[str, Any] = {name: replace(section, **changes)}
    return replace(parts, **changed)
