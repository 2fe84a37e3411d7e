"""A small backbone in memory: it posts, admits, resolves and routes with the contract's own functions.

`World.records` holds what would lie on Kafka. A test changes one thing in it and asks what the audit finds.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from kruispunt_consumers.audit.balance import Verdict
from kruispunt_consumers.audit.examination import EVERYBODY, examine
from kruispunt_consumers.audit.findings import Patience
from kruispunt_consumers.audit.ledger import Scope
from kruispunt_consumers.audit.rederivation import held_after
from kruispunt_consumers.topic_record import Extent, TopicRecord
from kruispunt_schemas import codec, disclosure, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.needtoknow import authoring, decisions, facts, recording
from kruispunt_schemas.needtoknow.bundle import Bundle, VerificationKey
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.facts import Observed
from kruispunt_schemas.records.backbone import (
    BundleActivation,
    BundleContent,
    Decision,
    DuplicateKind,
    HoldingRegistered,
    OutputKind,
    PersonRegistered,
    QuarantineEntry,
    RawHeader,
    RepertoryEvent,
    RepertoryKind,
    Stage,
    Status,
    Withdrawal,
)
from kruispunt_schemas.records.backbone import (
    Verdict as Told,
)
from kruispunt_schemas.records.frame import (
    Classification,
    Delivery,
    Follower,
    Lifecycle,
    Passage,
    Posting,
    Proof,
    Resolution,
)
from kruispunt_schemas.records.postings import ConsultationHeader, ReceiptHeader, ReceiptResult
from kruispunt_schemas.records.sections import (
    CaseAssessment,
    CaseSituation,
    Contact,
    Context,
    DataSubject,
    Distribution,
    Fact,
    Nature,
    PersonName,
    Phenomenon,
    Purpose,
    Sections,
    Sex,
    Subject,
    SubjectKind,
)
from kruispunt_schemas.signing import Signer

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ANTWERPEN = "11002"
MARKER = "a sentence that only this signal holds"
PEOPLE = (
    "federal-police",
    "livc-antwerpen",
    "ltf-antwerpen",
    "ltf-gent",
    "ocad",
    "police-antwerpen",
    "vsse",
)
R = TypeVar("R", bound=codec.Record)


def signer_of(participant: str) -> Signer:
    """Return the participant's key, the same in every run."""
    seed = sha256(participant.encode()).digest()
    return Signer(f"{participant}-1", Ed25519PrivateKey.from_private_bytes(seed))


def secret_of(participant: str) -> bytes:
    return sha256(b"secret of " + participant.encode()).digest()


def bundle_of(*, clearance: Classification | None = None) -> Bundle:
    """Return a bundle of a few participants; clearance: another one for the task force of Antwerpen."""
    rows = [row for row in authoring.read_participants() if row.id in PEOPLE]
    if clearance is not None:
        rows = [
            row.model_copy(update={"clearance": clearance}) if row.id == "ltf-antwerpen" else row
            for row in rows
        ]
    keys = {
        row.id: [
            VerificationKey(
                key_id=f"{row.id}-1",
                public_key=signer_of(row.id).public_key().hex(),
                valid_from=START - timedelta(days=1),
            )
        ]
        for row in rows
    }
    return authoring.make(keys, rows)


def draft(
    reference: str,
    version: int = 1,
    *,
    lifecycle: Lifecycle = Lifecycle.ORIGINAL,
    municipality: str | None = ANTWERPEN,
    named: tuple[str, ...] = (),
    excluded: tuple[str, ...] = (),
    classification: Classification = Classification.UNCLASSIFIED,
) -> disclosure.Draft:
    """Return a case of radicalisation, recalled or not."""
    context = Context(
        reference=reference,
        phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
        municipality=municipality,
        legal_basis="art. 44 police function act",
        purpose="follow-up",
        nature=Nature.JUDICIAL,
        purposes=(Purpose.INVESTIGATION, Purpose.PREVENTION),
    )
    whole = Sections(
        context=context,
        subject=Subject(
            kind=SubjectKind.PERSON,
            data_subject=DataSubject.SUSPECT,
            names=(PersonName(family="Peeters", particle="", given="An"),),
            sex=Sex.FEMALE,
        ),
        situation=CaseSituation(facts=(Fact(statement=f"{MARKER} ({reference}, {version})"),)),
        assessment=CaseAssessment(summary="seems to hold"),
        contact=Contact(unit="Terro", function="duty officer"),
        distribution=Distribution(named=named, excluded=excluded) if named or excluded else None,
    )
    recalled = lifecycle is Lifecycle.RECALL
    return disclosure.Draft(
        signal_type="RadicalisationCase",
        version=version,
        lifecycle=lifecycle,
        observed_at=START - timedelta(hours=1),
        classification=classification,
        sections=Sections(context=context, distribution=whole.distribution) if recalled else whole,
    )


class World:
    """Topics and what was posted on them."""

    def __init__(self, bundle: Bundle | None = None) -> None:
        self.records: dict[str, list[TopicRecord]] = {}
        self.starts: dict[str, int] = {}
        self.now = START
        self.bundle = bundle or bundle_of()
        self.engine = PolicyEngine(self.bundle.policies, self.bundle.policy_schema)
        self.decided: dict[UUID, Decision] = {}
        self.held: dict[str, dict[str, UUID]] = {}
        self.events: dict[UUID, RepertoryEvent] = {}
        for name in self.bundle.by_id:
            self.records[topics.out_topic(name).name] = []
            self.records[topics.in_topic(name).name] = []
        self.activate(self.bundle)

    def copy(self) -> World:
        """Return a world of its own with the same records."""
        other = copy(self)
        other.records = {topic: list(lying) for topic, lying in self.records.items()}
        other.starts, other.decided = dict(self.starts), dict(self.decided)
        other.held = {person: dict(first) for person, first in self.held.items()}
        other.events = dict(self.events)
        return other

    # What lies on topics

    def append(
        self, topic: str, schema: schemas.RecordSchema | None, payload: bytes, ident: str = ""
    ) -> TopicRecord:
        """Append a record as the broker would, one second after the last one."""
        self.now += timedelta(seconds=1)
        headers: list[tuple[str, bytes]] = []
        value = payload
        if schema is not None:
            headers = wire.envelope(schema, identifier=ident, source="/test", time=self.now, traceparent=None)
            value = wire.wrapped(7, payload)
        lying = self.records.setdefault(topic, [])
        record = TopicRecord(
            topic=topic,
            partition=0,
            offset=self.starts.get(topic, 0) + len(lying),
            appended_at=self.now,
            key=None,
            value=value,
            headers=tuple(headers),
        )
        lying.append(record)
        return record

    def put(self, topic: str, record: codec.Record, ident: UUID | None = None) -> TopicRecord:
        return self.append(topic, schemas.load(type(record).__name__), codec.encode(record), str(ident))

    def put_signed(self, topic: str, signed: SignedBytes, ident: object = "") -> TopicRecord:
        return self.append(topic, signed.schema, signed.encoded(), str(ident))

    def trim(self, topic: str, count: int) -> None:
        """Let retention take the first records of a topic."""
        del self.records[topic][:count]
        self.starts[topic] = self.starts.get(topic, 0) + count

    def activate(self, bundle: Bundle) -> None:
        self.put("audit.bundles", BundleContent(bundle=bundle.name, content=bundle.content))
        self.put(
            "audit.bundles",
            BundleActivation(
                bundle=bundle.name, in_force_from=self.now + timedelta(seconds=1), announced_at=self.now
            ),
        )
        self.bundle = bundle
        self.engine = PolicyEngine(bundle.policies, bundle.policy_schema)

    # What a participant does

    def post(self, owner: str, signed: SignedBytes) -> Posting:
        return posting_of(self.put_signed(topics.out_topic(owner).name, signed))

    def post_garbage(self, owner: str, value: bytes) -> Posting:
        return posting_of(self.append(topics.out_topic(owner).name, None, value))

    def compose(self, owner: str, item: disclosure.Draft) -> SignedBytes:
        return disclosure.compose(
            item,
            originator=owner,
            secret=secret_of(owner),
            signer=signer_of(owner),
            published_at=START,
        )

    def receipt(self, participant: str, output_id: UUID) -> Posting:
        header = ReceiptHeader(
            receipt_id=identity.receipt_id(participant, output_id, "STORED"),
            participant=participant,
            output_id=output_id,
            result=ReceiptResult.STORED,
            stored_at=START,
        )
        return self._access(participant, disclosure.compose_receipt(header, signer_of(participant)))

    def consultation(self, participant: str, output_id: UUID) -> Posting:
        header = ConsultationHeader(
            consultation_id=identity.derived_id("consultation", participant),
            participant=participant,
            user="an",
            output_id=output_id,
            signal_id=output_id,
            purpose="follow-up",
            consulted_at=START,
        )
        return self._access(participant, disclosure.compose_consultation(header, signer_of(participant)))

    def _access(self, participant: str, signed: SignedBytes) -> Posting:
        posting = self.post(participant, signed)
        passage = Passage(posting=posting, bundle=self.bundle.name)
        self.put_signed("audit.access", signed.with_passage(passage))
        return posting

    # What the backbone does

    def admit(self, posting: Posting, signed: SignedBytes) -> bytes:
        header = signed.read_header()
        context = signed.read_sections().context
        case_key = identity.case_key(b"c" * 32, header.originator, context.reference if context else "")
        passage = Passage(posting=posting, bundle=self.bundle.name, case_key=case_key)
        self.put_signed("admitted", signed.with_passage(passage))
        self.status(posting, Told.ACCEPTED, signed=signed)
        return case_key

    def status(
        self, posting: Posting, verdict: Told, reason: str | None = None, signed: SignedBytes | None = None
    ) -> None:
        status = Status(
            output_id=identity.status_id(posting, verdict, reason),
            posting=posting,
            record_type=signed.schema.name if signed else None,
            verdict=verdict,
            reason=reason,
            field=None if reason is None else "",
        )
        self.put(topics.in_topic(posting.participant).name, status, status.output_id)

    def refuse(self, posting: Posting, reason: str, stage: Stage = Stage.ADMIT) -> None:
        read = self.at(posting) if stage is Stage.ADMIT else self.admitted_at(posting)
        entry = QuarantineEntry(
            entry_id=identity.quarantine_id(stage.value, posting),
            stage=stage,
            posting=posting,
            reason=reason,
            field="",
            detail="",
            value=read.value,
            headers=tuple(RawHeader(name=name, value=value) for name, value in sorted(read.headers)),
        )
        self.put("quarantine", entry, entry.entry_id)
        if stage is Stage.ADMIT:
            self.status(posting, Told.REFUSED, reason)

    def register(
        self,
        posting: Posting,
        signed: SignedBytes,
        case_key: bytes,
        *,
        supersedes: tuple[UUID, ...] = (),
        duplicate: tuple[DuplicateKind, Posting] | None = None,
    ) -> RepertoryEvent:
        header = signed.read_header()
        persons = () if duplicate else persons_of(signed)
        event = RepertoryEvent(
            event_id=identity.event_id(posting),
            kind=RepertoryKind.DUPLICATE if duplicate else RepertoryKind.REGISTERED,
            posting=posting,
            originator=header.originator,
            signal_type=header.signal_type,
            signal_id=header.signal_id,
            version=header.version,
            case_key=case_key,
            canonical_case_key=case_key,
            bundle=self.bundle.name,
            registered_at=self.now,
            duplicate_kind=duplicate[0] if duplicate else None,
            duplicate_of=duplicate[1] if duplicate else None,
            supersedes=supersedes,
            persons=tuple(
                PersonRegistered(
                    reference=person,
                    mention_id=identity.mention_id(posting),
                    keys=(b"k" * 16,),
                    sealed_identity=b"sealed",
                )
                for person in persons
            ),
            holdings=tuple(
                HoldingRegistered(
                    participant=header.originator,
                    reference=person,
                    capacity=header.signal_type,
                    since=posting.appended_at,
                )
                for person in persons
            ),
            followers=tuple(
                Follower(participant=name, event=held)
                for person in persons
                for name, held in sorted(self.held.get(person, {}).items())
            ),
        )
        for person in persons:
            self.held.setdefault(person, {}).setdefault(header.originator, event.event_id)
        self.events[event.event_id] = event
        self.put("repertory", event, event.event_id)
        return event

    def resolve(
        self, posting: Posting, signed: SignedBytes, case_key: bytes, supersedes: tuple[UUID, ...] = ()
    ) -> None:
        event = self.register(posting, signed, case_key, supersedes=supersedes)
        passage = Passage(
            posting=posting,
            bundle=self.bundle.name,
            case_key=case_key,
            resolution=Resolution(
                persons=persons_of(signed),
                supersedes=supersedes,
                registered_as=event.event_id,
                followers=event.followers,
            ),
        )
        self.put_signed("resolved", signed.with_passage(passage))

    def decision(
        self, posting: Posting, signed: SignedBytes, case_key: bytes, supersedes: tuple[UUID, ...] = ()
    ) -> tuple[Decision, dict[UUID, tuple[str, SignedBytes | Withdrawal]]]:
        """Return a decision and what is sent, each by output id with its recipient."""
        header, sections = signed.read_header(), signed.read_sections()
        event = self.events[identity.event_id(posting)]
        observed = Observed.of(header, posting.appended_at, sections, event.followers)
        signal = facts.of_signal(self.bundle, observed)
        asked = tuple(sorted(signed.schema.sections))
        groups = decisions.decide(self.bundle, self.engine, signal, asked)
        held = held_after(self.decided[signal_id] for signal_id in supersedes)
        plan = decisions.plan(
            self.bundle,
            groups,
            sections=asked,
            originator=header.originator,
            signal_id=header.signal_id,
            lifecycle=header.lifecycle,
            held=held,
        )
        decision_id = identity.decision_id(header.originator, header.signal_id)
        sent: dict[UUID, tuple[str, SignedBytes | Withdrawal]] = {}
        for output in plan:
            if output.kind is OutputKind.WITHDRAWAL:
                sent[output.output_id] = (
                    output.recipient,
                    Withdrawal(
                        output_id=output.output_id,
                        recipient=output.recipient,
                        decision_id=decision_id,
                        originator=header.originator,
                        withdraws=output.replaces,
                        withdrawn_at=self.now,
                    ),
                )
                continue
            delivery = Delivery(
                output_id=output.output_id,
                recipient=output.recipient,
                decision_id=decision_id,
                grounds=output.grounds,
                withheld=output.withheld,
                replaces=output.replaces,
                persons=tuple(
                    identity.pseudonym(b"p" * 32, output.recipient, person) for person in persons_of(signed)
                ),
            )
            view = signed.releasing(output.released).with_passage(
                Passage(bundle=self.bundle.name, delivery=delivery)
            )
            sent[output.output_id] = (output.recipient, view)
        decision = Decision(
            decision_id=decision_id,
            posting=posting,
            originator=header.originator,
            signal_type=header.signal_type,
            signal_id=header.signal_id,
            version=header.version,
            lifecycle=header.lifecycle,
            case_key=case_key,
            bundle=self.bundle.name,
            decided_at=self.now,
            supersedes=supersedes,
            sections=asked,
            classification=signal.stated.classification,
            stated=recording.stated(signal),
            holders=recording.holders(self.bundle, signal),
            evidence=recording.evidence(observed),
            groups=groups,
            outputs=decisions.record(
                [(output, identity.digest(payload_of(sent[output.output_id][1]))) for output in plan],
                header.originator,
                supersedes,
            ),
        )
        return decision, sent

    def route(
        self, posting: Posting, signed: SignedBytes, case_key: bytes, supersedes: tuple[UUID, ...] = ()
    ) -> Decision:
        decision, sent = self.decision(posting, signed, case_key, supersedes)
        for output_id, (recipient, record) in sent.items():
            self.send(recipient, output_id, record)
        self.put("audit.decisions", decision, decision.decision_id)
        self.decided[decision.signal_id] = decision
        return decision

    def send(self, recipient: str, output_id: UUID, record: SignedBytes | Withdrawal) -> None:
        topic = topics.in_topic(recipient).name
        if isinstance(record, Withdrawal):
            self.put(topic, record, output_id)
        else:
            self.put_signed(topic, record, output_id)

    def road(
        self, owner: str, item: disclosure.Draft, supersedes: tuple[UUID, ...] = ()
    ) -> tuple[Posting, SignedBytes, Decision]:
        """Post a signal and take it all the way."""
        signed = self.compose(owner, item)
        posting = self.post(owner, signed)
        case_key = self.admit(posting, signed)
        self.resolve(posting, signed, case_key, supersedes)
        return posting, signed, self.route(posting, signed, case_key, supersedes)

    def repeat(self, owner: str, item: disclosure.Draft, kind: DuplicateKind, of: Posting) -> Posting:
        """Post a signal that is found to be a duplicate."""
        signed = self.compose(owner, item)
        posting = self.post(owner, signed)
        self.register(posting, signed, self.admit(posting, signed), duplicate=(kind, of))
        return posting

    # What a test looks at and changes

    def at(self, posting: Posting) -> TopicRecord:
        topic = topics.out_topic(posting.participant).name
        return next(item for item in self.records[topic] if item.offset == posting.offset)

    def admitted_at(self, posting: Posting) -> TopicRecord:
        return next(
            item
            for item in self.records["admitted"]
            if signed_in(item).read_passage() == self._passage(item, posting)
        )

    @staticmethod
    def _passage(item: TopicRecord, posting: Posting) -> Passage | None:
        passage = signed_in(item).read_passage()
        return passage if passage is not None and passage.posting == posting else None

    def change(self, topic: str, place: int, cls: type[R], change: Callable[[R], R]) -> None:
        """Change one record that the backbone wrote."""
        record = self.records[topic][place]
        schema = schemas.load(cls.__name__)
        changed = change(codec.decode(schema, wire.unwrapped(record.value), cls))
        payload = codec.encode(changed)
        self.records[topic][place] = replace(record, value=wire.wrapped(7, payload))

    def change_signed(self, topic: str, place: int, change: Callable[[SignedBytes], SignedBytes]) -> None:
        """Change one signal or view."""
        record = self.records[topic][place]
        changed = change(signed_in(record))
        self.records[topic][place] = replace(record, value=wire.wrapped(7, changed.encoded()))

    def extents(self) -> list[Extent]:
        return [
            Extent(topic, 0, self.starts.get(topic, 0), self.starts.get(topic, 0) + len(lying))
            for topic, lying in self.records.items()
        ]

    def verdict(
        self, *, complete: bool = True, later: timedelta = timedelta(minutes=1), scope: Scope = EVERYBODY
    ) -> Verdict:
        lying = [record for records in self.records.values() for record in records]
        return examine(lying, self.extents(), Patience(self.now + later, complete=complete), scope)

    def view_place(self, recipient: str, decision: Decision) -> tuple[str, int]:
        """Return topic and place of the view that a decision sent to a recipient."""
        topic = topics.in_topic(recipient).name
        wanted = identity.delivery_id(decision.originator, decision.signal_id, recipient)
        for place, record in enumerate(self.records[topic]):
            if wire.header_map(record.headers)["ce_id"] == str(wanted).encode():
                return topic, place
        raise LookupError(recipient)


def posting_of(record: TopicRecord) -> Posting:
    return Posting(
        participant=topics.owner(record.topic), offset=record.offset, appended_at=record.appended_at
    )


def signed_in(record: TopicRecord) -> SignedBytes:
    schema = codec.schema_of(wire.fingerprint_of(wire.header_map(record.headers)))
    return codec.decode_signed(schema, wire.unwrapped(record.value))


def persons_of(signed: SignedBytes) -> tuple[str, ...]:
    """Return the persons that resolve finds: q for references that begin so, else p; a classified signal names none."""
    sections = signed.read_sections()
    if signed.read_header().classification is not Classification.UNCLASSIFIED or sections.subject is None:
        return ()
    return ("q",) if sections.context is not None and sections.context.reference.startswith("Q") else ("p",)


def payload_of(record: SignedBytes | Withdrawal) -> bytes:
    return record.encoded() if isinstance(record, SignedBytes) else codec.encode(record)


def forged(signed: SignedBytes) -> SignedBytes:
    """Return a signal with the signature of somebody else under the originator's key id."""
    proof = signed.read_proof()
    other = signer_of("somebody").sign(signed.schema.name, signed.header)
    return replace(
        signed,
        proof=codec.write_part(signed.schema, "proof", Proof(key_id=proof.key_id, signature=other.signature)),
    )


def small_world() -> World:
    """Return a fresh copy of the small world, built once."""
    return _small_world().copy()


@cache
def _small_world() -> World:
    """Build a backbone on which everything happened once, and all is well.

    federal-police/0  decided      seen by task force, police, OCAD, State Security ...
    federal-police/1  decided      a correction of 0, now in Gent: Antwerpen gets withdrawals
    federal-police/2  duplicate    0 again
    federal-police/3  duplicate    the content of 1 under another reference
    federal-police/4  quarantined  forged
    vsse/0            decided      named for Gent, excluded for OCAD, classified
    vsse/1            quarantined  garbage
    ltf-gent/0, 1     access       a receipt and a consultation
    """
    world = World()
    first, _, decision = world.road("federal-police", draft("A"))
    world.road(
        "federal-police",
        draft("A", 2, lifecycle=Lifecycle.CORRECTION, municipality="44021"),
        (decision.signal_id,),
    )
    world.repeat("federal-police", draft("A"), DuplicateKind.SAME_SIGNAL, first)
    world.repeat("federal-police", draft("B"), DuplicateKind.SAME_CONTENT, first)
    posting = world.post("federal-police", forged(world.compose("federal-police", draft("C"))))
    world.refuse(posting, "signature")
    _, _, named = world.road(
        "vsse",
        draft(
            "Z",
            municipality=None,
            named=("ltf-gent",),
            excluded=("ocad",),
            classification=Classification.RESTRICTED,
        ),
    )
    world.refuse(world.post_garbage("vsse", b"not a record"), "wire-format")
    output = identity.delivery_id("vsse", named.signal_id, "ltf-gent")
    world.receipt("ltf-gent", output)
    world.consultation("ltf-gent", output)
    return world
