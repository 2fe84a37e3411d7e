"""Derive a decision again and say where the record departs from it.

In this order
-------------
1. Facts are rebuilt from their evidence: header, context, distribution, bundle rows, and the followers that the event
   on ``repertory`` cites (C3: the evidence cited is that).
2. The facts recorded of the signal are those rebuilt; every participant of the bundle is in exactly one group (C4).
3. The policy is asked again with these facts (C5).
4. Outputs follow from the outcomes and from the views held of superseded versions (C6).

When the posting has expired, the recorded facts are attested, and 2 to 4 are done with them: the groups must still
cover everybody once, and outcomes and outputs must still follow. Who follows the subject is not attested, for the
repertory lasts.

Must not: read a topic or enter a finding; it returns departures as values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import bitmaps, decisions, facts, recording
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.comparison import Policy
from kruispunt_schemas.needtoknow.decisions import PlannedOutput
from kruispunt_schemas.needtoknow.facts import Observed, SignalFacts
from kruispunt_schemas.records.backbone import (
    Decision,
    Evidence,
    EvidenceSource,
    GroupOutcome,
    OutputKind,
    SectionOutcome,
)
from kruispunt_schemas.records.frame import Follower, Header, Lifecycle

from kruispunt_consumers.audit.findings import Rule

NAMED: Final = 3
"""A sentence names at most three participants."""


@dataclass(frozen=True, slots=True)
class Departure:
    """A rule that a decision breaks, and one sentence."""

    rule: Rule
    sentence: str


@dataclass(frozen=True, slots=True)
class Derived:
    """A decision as it follows from the signal and the bundle."""

    sections: tuple[str, ...]
    signal: SignalFacts
    evidence: tuple[Evidence, ...]
    groups: tuple[GroupOutcome, ...]
    outputs: tuple[PlannedOutput, ...]


def held_after(superseded: Iterable[Decision]) -> dict[str, tuple[UUID, ...]]:
    """Return by recipient the views of superseded versions that none of those versions replaced or withdrew."""
    earlier = list(superseded)
    gone = {
        output_id
        for item in earlier
        for output in item.outputs
        for output_id in decisions.replaced(item, output)
    }
    held: dict[str, list[UUID]] = {}
    for item in earlier:
        for output in item.outputs:
            output_id = decisions.output_id(item, output)
            if output.kind is OutputKind.VIEW and output_id not in gone:
                held.setdefault(output.recipient, []).append(output_id)
    return {recipient: tuple(sorted(ids)) for recipient, ids in held.items()}


def derive(
    policy: Policy,
    observed: Observed,
    sections: tuple[str, ...],
    held: Mapping[str, tuple[UUID, ...]],
) -> Derived:
    """Return facts, groups and outputs as they follow from the signal and the bundle."""
    signal = facts.of_signal(policy.bundle, observed)
    groups = decisions.decide(policy.bundle, policy.engine, signal, sections)
    header = observed.header
    asked = tuple(sorted(sections))
    outputs = decisions.plan(
        policy.bundle,
        groups,
        sections=asked,
        originator=header.originator,
        signal_id=header.signal_id,
        lifecycle=header.lifecycle,
        held=held,
    )
    return Derived(asked, signal, recording.evidence(observed), groups, outputs)


def plan_as_recorded(
    bundle: Bundle, decision: Decision, held: Mapping[str, tuple[UUID, ...]]
) -> tuple[PlannedOutput, ...]:
    """Return the outputs that follow from the groups as recorded; the groups must be sound."""
    return decisions.plan(
        bundle,
        decision.groups,
        sections=decision.sections,
        originator=decision.originator,
        signal_id=decision.signal_id,
        lifecycle=decision.lifecycle,
        held=held,
    )


def departures(decision: Decision, policy: Policy, again: Derived) -> Iterator[Departure]:
    """Give every way in which a decision departs from what was derived again."""
    # 1.
    if decision.evidence != again.evidence:
        yield Departure(Rule.EVIDENCE, "its evidence is not where its facts come from")
    # 2.
    yield from _of_facts(decision, policy.bundle, again)
    # 3.
    if decision.groups != again.groups:
        yield from _of_groups(policy.bundle, decision.groups, again.groups)
    # 4.
    yield from of_outputs(decision, again.outputs)


def departures_from_facts(decision: Decision, policy: Policy) -> Iterator[Departure]:
    """Give every way in which a decision departs from its own recorded facts: its content has expired."""
    # 2.
    try:
        signal = recording.recorded(policy.bundle, decision)
    except ContractError:
        yield Departure(Rule.FACTS, "its facts are not in their one form")
        return
    # 3.
    groups = decisions.decide(policy.bundle, policy.engine, signal, decision.sections)
    if decision.groups != groups:
        yield from _of_groups(policy.bundle, decision.groups, groups)


def departures_from_followers(
    decision: Decision, bundle: Bundle, followers: tuple[Follower, ...]
) -> Iterator[Departure]:
    """Give every way in which the followers recorded depart from those that the repertory event cites."""
    others = [item for item in followers if item.participant != decision.originator]
    holders = recording.recorded(bundle, decision).holders
    again = bitmaps.bitmap_of(bundle, (item.participant for item in others))
    if wrong := bitmaps.members_of(bundle, holders["follows_subject"] ^ again):
        yield Departure(Rule.FACTS, f"follows_subject is recorded of others than rebuilt: {_names(wrong)}")
    cited = {item.reference for item in decision.evidence if item.source is EvidenceSource.REPERTORY}
    if cited != {str(item.event) for item in others}:
        yield Departure(Rule.EVIDENCE, "its evidence is not where its facts come from")


def of_outputs(decision: Decision, outputs: tuple[PlannedOutput, ...]) -> Iterator[Departure]:
    """Give every way in which a decision's outputs depart from a plan."""
    said = {output.recipient: output for output in decision.outputs}
    if len(said) != len(decision.outputs):
        yield Departure(Rule.OUTPUTS, "a recipient stands twice among its outputs")
    planned = {output.recipient: output for output in outputs}
    if extra := sorted(said.keys() - planned.keys()):
        yield Departure(Rule.OUTPUTS, f"it sends to {_names(extra)}, to whom nothing follows")
    if lacking := sorted(planned.keys() - said.keys()):
        yield Departure(Rule.OUTPUTS, f"it sends nothing to {_names(lacking)}, to whom something follows")
    other = sorted(
        name
        for name in said.keys() & planned.keys()
        if (said[name].kind, decisions.replaced(decision, said[name]))
        != (planned[name].kind, planned[name].replaces)
    )
    if other:
        yield Departure(Rule.OUTPUTS, f"kind or replaced views differ for {_names(other)}")


def kept_back(bundle: Bundle, groups: tuple[GroupOutcome, ...], header: Header) -> dict[str, str]:
    """Return by participant the guards, joined, that keep a whole signal from it although a ground permits it.

    Its own signal and a recall are kept back from nobody: there is nothing to send.
    """
    found: dict[str, str] = {}
    if header.lifecycle is Lifecycle.RECALL:
        return found
    own = bitmaps.bitmap_of(bundle, (header.originator,))
    for members, group in decisions.members_by_group(bundle, groups):
        if any(item.released for item in group.sections) or not any(item.grounds for item in group.sections):
            continue
        guards = " + ".join(
            sorted({guard for item in group.sections if item.grounds for guard in item.guards})
        )
        found.update(dict.fromkeys(bitmaps.members_of(bundle, members & ~own), guards))
    return found


def by_participant(
    bundle: Bundle, groups: tuple[GroupOutcome, ...]
) -> dict[str, tuple[SectionOutcome, ...]] | str:
    """Return what groups say of every participant, or why they do not cover each exactly once."""
    rest = (1 << len(bundle.participants)) - 1
    implicit: GroupOutcome | None = None
    result: dict[str, tuple[SectionOutcome, ...]] = {}
    for group in groups:
        if group.members is None:
            if implicit is not None:
                return "two of its groups leave their members open"
            implicit = group
            continue
        try:
            bitmap = bitmaps.unpack(bundle, group.members)
        except ContractError:
            return "a group's bitmap has not one bit for each participant of the bundle"
        if bitmap & ~rest:
            return "a participant is in two of its groups"
        if bitmap.bit_count() != group.size:
            return "a group's size is not the number of its members"
        rest &= ~bitmap
        result.update(dict.fromkeys(bitmaps.members_of(bundle, bitmap), group.sections))
    if rest.bit_count() != (implicit.size if implicit else 0):
        return "its groups do not cover every participant of the bundle once"
    if implicit is not None:
        result.update(dict.fromkeys(bitmaps.members_of(bundle, rest), implicit.sections))
    return result


def _of_facts(decision: Decision, bundle: Bundle, again: Derived) -> Iterator[Departure]:
    if decision.sections != again.sections:
        yield Departure(Rule.FACTS, "it decides on other sections than the signal's type has")
    if decision.classification != again.signal.stated.classification:
        yield Departure(Rule.FACTS, "the classification recorded is not the one rebuilt")
    if decision.stated != recording.stated(again.signal):
        yield Departure(Rule.FACTS, "what it says that the signal states is not what is rebuilt")
    if decision.holders == recording.holders(bundle, again.signal):
        return
    try:
        said = recording.recorded(bundle, decision).holders
    except ContractError:
        yield Departure(Rule.FACTS, "its facts are not in their one form")
        return
    for fact in facts.HELD:
        if wrong := bitmaps.members_of(bundle, said[fact] ^ again.signal.holders[fact]):
            yield Departure(Rule.FACTS, f"{fact} is recorded of others than rebuilt: {_names(wrong)}")


def _of_groups(
    bundle: Bundle, said: tuple[GroupOutcome, ...], derived: tuple[GroupOutcome, ...]
) -> Iterator[Departure]:
    recorded, again = by_participant(bundle, said), by_participant(bundle, derived)
    if isinstance(recorded, str) or isinstance(again, str):
        yield Departure(Rule.FACTS, recorded if isinstance(recorded, str) else str(again))
        return
    if wrong := sorted(name for name in again if recorded[name] != again[name]):
        yield Departure(Rule.SECTION_OUTCOMES, f"section outcomes differ for {_names(wrong)}")
    else:
        yield Departure(Rule.FACTS, "its groups are not in their one form")


def _names(names: list[str]) -> str:
    first = names[:NAMED]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
