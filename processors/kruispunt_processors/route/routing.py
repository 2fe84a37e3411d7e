"""From a resolved signal to a decision record and the records sent: the pure part of route.

Rules
-----
1. `decide` and `plan` of the contract make the decision; this module adds the bytes that are sent, with the digest
   that the decision record holds of each.
2. What is sent follows from the decision record and the input's bytes alone: `outputs` makes the same again from a
   record that was claimed before, and refuses to send bytes that differ from the digest.
3. Recipients get pairwise pseudonyms of persons, never references.
4. A decision again is `again`'s.

Must not: read a clock or the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kruispunt_schemas import codec, identity
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.needtoknow import decisions, facts, recording
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.decisions import PlannedOutput
from kruispunt_schemas.records.backbone import Decision, GroupOutcome, OutputKind, Withdrawal
from kruispunt_schemas.records.frame import Delivery, Header, Lifecycle, Passage, Posting, Resolution
from kruispunt_schemas.records.sections import Sections
from kruispunt_schemas.schema import RecordSchema


class DivergentOutputError(KruispuntError):
    """A claimed decision and the input give other bytes than were claimed: nothing is sent."""


Place = tuple[str, int, int]
"""Topic, partition and offset at which a record lies."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolved signal, read: bundle is the name of the one that decides; of the sections those that facts come from.

    place: where it was read.
    """

    posting: Posting
    signed: SignedBytes
    header: Header
    sections: Sections
    bundle: str
    case_key: bytes
    resolution: Resolution
    place: Place | None = None

    @property
    def originator(self) -> str:
        """Return who signed it."""
        return self.header.originator

    @property
    def signal_id(self) -> UUID:
        """Return its id."""
        return self.header.signal_id

    @property
    def judgement(self) -> UUID | None:
        """Return the judgement that it is decided again for: none, it is decided first."""
        return None

    @property
    def persons(self) -> tuple[str, ...]:
        """Return the references of its persons, sorted."""
        return tuple(sorted(self.resolution.persons))


@dataclass(frozen=True, slots=True)
class Output:
    """One record to send to one recipient: its type and its Avro bytes."""

    output_id: UUID
    recipient: str
    schema: RecordSchema
    payload: bytes


def outcomes(bundle: Bundle, engine: PolicyEngine, item: Resolved) -> tuple[GroupOutcome, ...]:
    """Return the outcome of every group of participants."""
    signal = facts.of_signal(bundle, _observed(item))
    return decisions.decide(bundle, engine, signal, item.signed.schema.sections)


def decision(
    bundle: Bundle,
    groups: tuple[GroupOutcome, ...],
    item: Resolved,
    *,
    held: Mapping[str, tuple[UUID, ...]],
    rounds: tuple[UUID, ...] = (),
    now: datetime,
    pseudonym_key: bytes,
) -> tuple[Decision, list[Output]]:
    """Return the decision record and what is sent.

    held: output ids of earlier current views, by recipient. rounds: the judgements in whose rounds such views were given,
    sorted.
    """
    originator, signal_id = item.header.originator, item.header.signal_id
    observed = _observed(item)
    signal = facts.of_signal(bundle, observed)
    sections = tuple(sorted(item.signed.schema.sections))
    planned = decisions.plan(
        bundle,
        groups,
        sections=sections,
        originator=originator,
        signal_id=signal_id,
        lifecycle=item.header.lifecycle,
        held=held,
    )
    draft = Decision(
        decision_id=identity.decision_id(originator, signal_id),
        posting=item.posting,
        originator=originator,
        signal_type=item.header.signal_type,
        signal_id=signal_id,
        version=item.header.version,
        lifecycle=item.header.lifecycle,
        case_key=item.case_key,
        bundle=bundle.name,
        decided_at=now,
        supersedes=item.resolution.supersedes,
        sections=sections,
        classification=signal.stated.classification,
        stated=recording.stated(signal),
        holders=recording.holders(bundle, signal),
        evidence=recording.evidence(observed),
        groups=groups,
        outputs=(),
        rounds=rounds,
    )
    made = [output_of(plan, draft, item.signed, item.resolution.persons, pseudonym_key) for plan in planned]
    digests = [(plan, identity.digest(output.payload)) for plan, output in zip(planned, made, strict=True)]
    decided = decisions.record(digests, originator, item.resolution.supersedes, rounds)
    return replace(draft, outputs=decided), made


def outputs(bundle: Bundle, decided: Decision, item: Resolved, pseudonym_key: bytes) -> list[Output]:
    """Return what is sent for a decision record, sorted by recipient; raise DivergentOutputError by rule 2."""
    planned = decisions.plan(
        bundle,
        decided.groups,
        sections=decided.sections,
        originator=decided.originator,
        signal_id=decided.signal_id,
        lifecycle=Lifecycle(decided.lifecycle),
        held={output.recipient: decisions.replaced(decided, output) for output in decided.outputs},
    )
    made = [output_of(plan, decided, item.signed, item.resolution.persons, pseudonym_key) for plan in planned]
    claimed = {decisions.output_id(decided, output): output.digest for output in decided.outputs}
    refuse_divergent(made, claimed)
    return made


def refuse_divergent(made: Sequence[Output], claimed: Mapping[UUID, bytes]) -> None:
    """Raise DivergentOutputError unless what is made has just the digests that were claimed."""
    if {output.output_id: identity.digest(output.payload) for output in made} != claimed:
        raise DivergentOutputError("the claimed decision and the signal give other bytes than were claimed")


def _observed(item: Resolved) -> facts.Observed:
    return facts.Observed.of(item.header, item.posting.appended_at, item.sections, item.resolution.followers)


def output_of(
    plan: PlannedOutput,
    decided: Decision,
    signed: SignedBytes,
    persons: tuple[str, ...],
    pseudonym_key: bytes,
) -> Output:
    """Return the record that a planned view or withdrawal is. persons: references."""
    if plan.kind is OutputKind.WITHDRAWAL:
        return withdrawal_of(plan, decided)
    delivery = Delivery(
        output_id=plan.output_id,
        recipient=plan.recipient,
        decision_id=decided.decision_id,
        grounds=plan.grounds,
        withheld=plan.withheld,
        replaces=plan.replaces,
        persons=pseudonyms(pseudonym_key, plan.recipient, persons),
    )
    view = signed.releasing(plan.released).with_passage(Passage(bundle=decided.bundle, delivery=delivery))
    return Output(plan.output_id, plan.recipient, view.schema, view.encoded())


def withdrawal_of(plan: PlannedOutput, decided: Decision) -> Output:
    """Return the record that a planned withdrawal is."""
    withdrawal = Withdrawal(
        output_id=plan.output_id,
        recipient=plan.recipient,
        decision_id=decided.decision_id,
        originator=decided.originator,
        withdraws=plan.replaces,
        withdrawn_at=decided.decided_at,
    )
    return Output(plan.output_id, plan.recipient, schemas.load("Withdrawal"), codec.encode(withdrawal))


def pseudonyms(key: bytes, recipient: str, persons: tuple[str, ...]) -> tuple[str, ...]:
    """Return what persons are called to one recipient, sorted."""
    return tuple(sorted(identity.pseudonym(key, recipient, person) for person in persons))
