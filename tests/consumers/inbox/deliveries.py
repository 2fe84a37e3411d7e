"""Deliveries as route would write them, made with the contract's own functions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from kruispunt_consumers.inbox.intake import Intake
from kruispunt_consumers.inbox.reading import Arrival
from kruispunt_consumers.inbox.store import InboxStore
from kruispunt_schemas import codec, disclosure, identity, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import Bundle, VerificationKey
from kruispunt_schemas.records.backbone import Status, Verdict, Withdrawal
from kruispunt_schemas.records.frame import (
    Classification,
    Delivery,
    Handling,
    Lifecycle,
    Passage,
    Posting,
    Withheld,
)
from kruispunt_schemas.records.judgements import PseudonymChange
from kruispunt_schemas.records.sections import (
    CaseAssessment,
    CaseSituation,
    Contact,
    Context,
    DataSubject,
    EntityCategory,
    Evaluation4x4,
    Fact,
    InformationReliability,
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
    SourceReliability,
    Sources,
    Subject,
    SubjectKind,
)
from kruispunt_schemas.signing import Signer

ME = "ltf-antwerpen"
OCAD = "ocad"
VSSE = "vsse"
SECRET_WORDS = "seen near the harbour with two others"
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NOW = MONDAY + timedelta(hours=2)
JUDGEMENT = UUID(int=7001)
RELEASED = frozenset({"context", "subject", "situation", "assessment", "measures", "contact"})
WITHHELD = (
    Withheld(section="sources", rules=()),
    Withheld(section="distribution", rules=("guard-distribution",)),
)


def signer_of(participant: str) -> Signer:
    """Return the same key for the same participant, every time."""
    seed = hashlib.sha256(participant.encode()).digest()
    return Signer(f"{participant}-1", Ed25519PrivateKey.from_private_bytes(seed))


def bundle_of(*participants: str) -> Bundle:
    """Return a bundle with the keys of these participants, valid since 2021."""
    keys = {
        name: (
            VerificationKey(
                key_id=signer_of(name).key_id,
                public_key=signer_of(name).public_key().hex(),
                valid_from=datetime(2021, 1, 1, tzinfo=UTC),
            ),
        )
        for name in participants
    }
    return make(keys, read_participants())


BUNDLE = bundle_of(OCAD, VSSE, ME)


def sections(statement: str = SECRET_WORDS) -> Sections:
    """Return the sections of a radicalisation case."""
    return Sections(
        context=Context(
            reference="2026/118",
            phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
            municipality="11002",
            legal_basis="Law of 29 April 2024, art. 4",
            purpose="follow-up",
            nature=Nature.JUDICIAL,
            purposes=(Purpose.INVESTIGATION, Purpose.PREVENTION),
        ),
        subject=Subject(
            kind=SubjectKind.PERSON,
            data_subject=DataSubject.SUSPECT,
            names=(PersonName(family="Broeck", particle="van den", given="Joris"),),
            birth=PartialDate(year=1991, month=5, day=0),
            sex=Sex.MALE,
            nationality="BE",
            categories=(EntityCategory.PVE,),
        ),
        situation=CaseSituation(
            facts=(
                Fact(statement=statement, observed_on=date(2026, 3, 1), municipality="11002"),
                Fact(statement="Bought a one-way ticket."),
            ),
            travel_planned_on=date(2026, 4, 1),
        ),
        assessment=CaseAssessment(
            summary="Probably recruiting.",
            indicators=("isolation", "new contacts"),
            proposed_categories=(EntityCategory.HP,),
        ),
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
        contact=Contact(unit="Analysis", function="duty officer", telephone="+32 2 000 00 00"),
    )


def signal(
    *,
    originator: str = OCAD,
    reference: str = "2026/118",
    version: int = 1,
    lifecycle: Lifecycle = Lifecycle.ORIGINAL,
    statement: str = SECRET_WORDS,
    published_at: datetime = MONDAY,
    signer: Signer | None = None,
) -> SignedBytes:
    """Return a signed case; a recall has its context alone."""
    found = sections(statement)
    assert found.context is not None
    context = replace(found.context, reference=reference)
    kept = Sections(context=context) if lifecycle is Lifecycle.RECALL else replace(found, context=context)
    return disclosure.compose(
        Draft(
            signal_type="RadicalisationCase",
            version=version,
            lifecycle=lifecycle,
            observed_at=published_at - timedelta(hours=1),
            classification=Classification.RESTRICTED,
            handling=(Handling.TLP_AMBER,),
            sections=kept,
        ),
        originator=originator,
        secret=hashlib.sha256(f"secret of {originator}".encode()).digest(),
        signer=signer or signer_of(originator),
        published_at=published_at,
    )


def request(reference: str = "KS/1", *, urgent: bool = True) -> SignedBytes:
    """Return a signed request for information."""
    found = sections()
    assert found.context is not None
    return disclosure.compose(
        Draft(
            signal_type="InformationRequest",
            version=1,
            lifecycle=Lifecycle.ORIGINAL,
            observed_at=MONDAY,
            classification=Classification.UNCLASSIFIED,
            sections=Sections(
                context=replace(found.context, reference=reference),
                situation=RequestSituation(
                    instrument=RequestInstrument.KANTSCHRIFT, urgent=urgent, question="Where was the bicycle?"
                ),
            ),
        ),
        originator=OCAD,
        secret=hashlib.sha256(f"secret of {OCAD}".encode()).digest(),
        signer=signer_of(OCAD),
        published_at=MONDAY,
    )


def posting(offset: int, participant: str = OCAD) -> Posting:
    """Return an out-position."""
    return Posting(participant=participant, offset=offset, appended_at=MONDAY)


def view(
    signed: SignedBytes,
    number: int,
    *,
    recipient: str = ME,
    released: frozenset[str] = RELEASED,
    withheld: tuple[Withheld, ...] = WITHHELD,
    replaces: tuple[UUID, ...] = (),
    bundle: str | None = BUNDLE.name,
    judgement: UUID | None = None,
    corroborates: tuple[UUID, ...] = (),
) -> SignedBytes:
    """Return the view of a signal for a recipient, as route writes it; its output id follows from a number.

    judgement: that it was decided again for.
    """
    header = signed.read_header()
    return signed.releasing(released).with_passage(
        Passage(
            bundle=bundle,
            delivery=Delivery(
                output_id=output_id(number, recipient),
                recipient=recipient,
                decision_id=identity.decision_id(header.originator, header.signal_id, judgement),
                grounds=("ground-territory",),
                withheld=withheld,
                replaces=replaces,
                persons=("0a" * 16,),
                corroborates=corroborates,
            ),
        )
    )


def recall_view(number: int, *replaces: UUID, reference: str = "2026/118", version: int = 2) -> SignedBytes:
    """Return the recall of a case, without sections."""
    return view(
        signal(reference=reference, version=version, lifecycle=Lifecycle.RECALL),
        number,
        released=frozenset(),
        withheld=(),
        replaces=replaces,
    )


def output_id(number: int, recipient: str = ME) -> UUID:
    """Return the output id of a view made with `view`: the number stands for the signal id."""
    return identity.delivery_id(OCAD, UUID(int=number), recipient)


def withdrawal(number: int, *withdraws: UUID, recipient: str = ME, originator: str = OCAD) -> Withdrawal:
    """Return a withdrawal."""
    return Withdrawal(
        output_id=identity.withdrawal_id(OCAD, UUID(int=number), recipient),
        recipient=recipient,
        decision_id=identity.decision_id(OCAD, UUID(int=number)),
        originator=originator,
        withdraws=withdraws,
        withdrawn_at=NOW,
    )


def renamed(
    number: int,
    view: UUID,
    *persons: str,
    recipient: str = ME,
    originator: str = OCAD,
    judgement: UUID = JUDGEMENT,
) -> PseudonymChange:
    """Return other pseudonyms for a view; the number stands for the signal id."""
    return PseudonymChange(
        output_id=identity.pseudonym_change_id(OCAD, UUID(int=number), recipient, judgement),
        recipient=recipient,
        decision_id=identity.decision_id(OCAD, UUID(int=number), judgement),
        originator=originator,
        view=view,
        persons=persons,
        changed_at=NOW,
    )


def status(offset: int, participant: str = ME, reason: str | None = None) -> Status:
    """Return what admission says of an own posting."""
    at = posting(offset, participant)
    verdict = Verdict.ACCEPTED if reason is None else Verdict.REFUSED
    return Status(
        output_id=identity.status_id(at, verdict, reason),
        posting=at,
        record_type="Receipt",
        verdict=verdict,
        reason=reason,
        field=None if reason is None else "header.stored_at",
    )


def arrival(
    record: SignedBytes | Withdrawal | PseudonymChange | Status, offset: int, *, wire_id: int = 7
) -> Arrival:
    """Return a record as it arrives on the topic."""
    value, headers = message(record, wire_id=wire_id)
    return Arrival(offset, MONDAY + timedelta(seconds=offset), value, wire.header_map(headers))


def message(
    record: SignedBytes | Withdrawal | PseudonymChange | Status, *, wire_id: int = 7
) -> tuple[bytes, wire.Headers]:
    """Return value and headers of a record as route or admit writes them."""
    if isinstance(record, SignedBytes):
        passage = record.read_passage()
        identifier = (
            passage.delivery.output_id if passage and passage.delivery else identity.derived_id("none")
        )
        schema, payload = record.schema, record.encoded()
    else:
        identifier, schema, payload = (
            record.output_id,
            schemas.load(type(record).__name__),
            codec.encode(record),
        )
    headers = wire.envelope(
        schema, identifier=str(identifier), source="/backbone/route", time=NOW, traceparent=None
    )
    return wire.wrapped(wire_id, payload), headers


@dataclass
class Announced:
    """Bundles in memory; ``late`` come with the next `read`."""

    bundles: dict[str, Bundle]
    late: tuple[Bundle, ...] = ()
    reads: int = 0

    def get(self, name: str) -> Bundle | None:
        return self.bundles.get(name)

    def read(self) -> None:
        self.reads += 1
        self.bundles.update({item.name: item for item in self.late})


def intake(store: InboxStore, *bundles: Bundle) -> Intake:
    """Return an intake that knows the bundle of these tests."""
    return Intake(store, ME, Announced({item.name: item for item in bundles or (BUNDLE,)}))
