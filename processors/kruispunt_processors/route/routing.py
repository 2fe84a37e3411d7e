"""From a resolved signal to a decision record and the records sent: the pure part of route.

Rules
-----
1. `decide` and `plan` of the contract make the decision; this module adds the bytes that are sent, with the digest
   that the decision record holds of each.
2. What is sent follows from the decision record and the input's bytes alone: `outputs` makes the same again from a
   record that was claimed before, and refuses to send bytes that differ from the digest.
3. Recipients get pairwise pseudonyms of persons, never references.

Must not: read a clock or the database.
"""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolved signal, read: bundle is the name of the one that decides; of the sections those that facts come from."""

    posting: Posting
    signed: SignedBytes
    header: Header
    sections: Sections
    bundle: str
    case_key: bytes
    resolution: Resolution


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
    now: datetime,
    pseudonym_key: bytes,
) -> tuple[Decision, list[Output]]:
    """Return the decision record and what is sent. held: output ids of earlier current views, by recipient."""
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
    )
    made = [_output(plan, draft, item, pseudonym_key) for plan in planned]
    digests = [(plan, identity.digest(output.payload)) for plan, output in zip(planned, made, strict=True)]
    decided = decisions.record(digests, originator, item.resolution.supersedes)
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
    made = [_output(plan, decided, item, pseudonym_key) for plan in planned]
    claimed = {decisions.output_id(decided, output): output.digest for output in decided.outputs}
    if {output.output_id: identity.digest(output.payload) for output in made} != claimed:
        raise DivergentOutputError("the claimed decision and the signal give other bytes than were claimed")
    return made


def _observed(item: Resolved) -> facts.Observed:
    return facts.Observed.of(item.header, item.posting.appended_at, item.sections, item.resolution.followers)


def _output(plan: PlannedOutput, decided: Decision, item: Resolved, pseudonym_key: bytes) -> Output:
    if plan.kind is OutputKind.WITHDRAWAL:
        withdrawal = Withdrawal(
            output_id=plan.output_id,
            recipient=plan.recipient,
            decision_id=decided.decision_id,
            originator=decided.originator,
            withdraws=plan.replaces,
            withdrawn_at=decided.decided_at,
        )
        return Output(plan.output_id, plan.recipient, schemas.load("Withdrawal"), codec.encode(withdrawal))
    delivery = Delivery(
        output_id=plan.output_id,
        recipient=plan.recipient,
        decision_id=decided.decision_id,
        grounds=plan.grounds,
        withheld=plan.withheld,
        replaces=plan.replaces,
        persons=tuple(
            sorted(
                identity.pseudonym(pseudonym_key, plan.recipient, person)
                for person in item.resolution.persons
            )
        ),
    )
    view = item.signed.releasing(plan.released).with_passage(
        Passage(bundle=decided.bundle, delivery=delivery)
    )
    return Output(plan.output_id, plan.recipient, view.schema, view.encoded())
