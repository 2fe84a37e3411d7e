"""Derive a decision again and say where the record departs from it.

In this order
-------------
1. Facts are rebuilt from their evidence: header, context, distribution, bundle rows (C3: the evidence cited is that).
2. Every participant of the bundle is in exactly one group, with the facts rebuilt for it (C4).
3. The policy is asked again with these facts (C5).
4. Outputs follow from the outcomes and from the views held of superseded versions (C6).

When the posting has expired, the recorded facts are attested, and 2 to 4 are done with them: the groups must still
cover everybody once, and outcomes and outputs must still follow.

Must not: read a topic or enter a finding; it returns departures as values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kruispunt_schemas.needtoknow import decisions, facts
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.decisions import PlannedOutput
from kruispunt_schemas.needtoknow.facts import Observed
from kruispunt_schemas.records.backbone import Decision, Facts, GroupOutcome, OutputKind, SectionOutcome
from kruispunt_schemas.records.frame import Lifecycle

from kruispunt_consumers.audit.findings import Rule
from kruispunt_consumers.audit.inforce import Policy

NAMED: Final = 3
"""A sentence names at most three participants."""


@dataclass(frozen=True, slots=True)
class Departure:
    """A rule that a decision breaks, and one sentence."""

    rule: Rule
    sentence: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision says of one participant."""

    facts: Facts
    sections: tuple[SectionOutcome, ...]


def held_after(superseded: Iterable[Decision]) -> dict[str, tuple[UUID, ...]]:
    """Return by recipient the views of superseded versions that none of those versions replaced or withdrew."""
    earlier = list(superseded)
    gone = {output_id for item in earlier for output in item.outputs for output_id in output.replaces}
    held: dict[str, list[UUID]] = {}
    for item in earlier:
        for output in item.outputs:
            if output.kind is OutputKind.VIEW and output.output_id not in gone:
                held.setdefault(output.recipient, []).append(output.output_id)
    return {recipient: tuple(sorted(ids)) for recipient, ids in held.items()}


def derive(
    policy: Policy,
    observed: Observed,
    sections: tuple[str, ...],
    held: Mapping[str, tuple[UUID, ...]],
) -> tuple[tuple[GroupOutcome, ...], tuple[PlannedOutput, ...]]:
    """Return groups and outputs as they follow from the signal and the bundle."""
    groups = decisions.decide(policy.bundle, policy.engine, observed, sections)
    header = observed.header
    return groups, decisions.plan(
        policy.bundle,
        groups,
        originator=header.originator,
        signal_id=header.signal_id,
        lifecycle=header.lifecycle,
        held=held,
    )


def plan_as_recorded(
    bundle: Bundle, decision: Decision, held: Mapping[str, tuple[UUID, ...]]
) -> tuple[PlannedOutput, ...]:
    """Return the outputs that follow from the groups as recorded; the groups must be sound."""
    return decisions.plan(
        bundle,
        decision.groups,
        originator=decision.originator,
        signal_id=decision.signal_id,
        lifecycle=decision.lifecycle,
        held=held,
    )


def departures(
    decision: Decision,
    policy: Policy,
    observed: Observed,
    groups: tuple[GroupOutcome, ...],
    outputs: tuple[PlannedOutput, ...],
) -> Iterator[Departure]:
    """Give every way in which a decision departs from what was derived again."""
    # 1.
    if decision.evidence != facts.evidence(observed):
        yield Departure(Rule.EVIDENCE, "its evidence is not where its facts come from")
    # 2. and 3.
    if decision.groups != groups:
        yield from _of_groups(policy.bundle, decision.groups, groups)
    # 4.
    yield from of_outputs(decision, outputs)


def departures_from_facts(decision: Decision, policy: Policy) -> Iterator[Departure]:
    """Give every way in which a decision departs from its own recorded facts: its content has expired."""
    # 2.
    said = by_participant(policy.bundle, decision.groups)
    if isinstance(said, str):
        yield Departure(Rule.FACTS, said)
        return
    # 3.
    for group in decision.groups:
        asked = tuple(item.section for item in group.sections)
        if policy.engine.evaluate(group.facts, asked) != group.sections:
            yield Departure(Rule.SECTION_OUTCOMES, "section outcomes do not follow from its recorded facts")


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
        if (said[name].output_id, said[name].kind, said[name].replaces)
        != (planned[name].output_id, planned[name].kind, planned[name].replaces)
    )
    if other:
        yield Departure(Rule.OUTPUTS, f"id, kind or replaced views differ for {_names(other)}")


def kept_back(bundle: Bundle, groups: tuple[GroupOutcome, ...]) -> dict[str, str]:
    """Return by participant the guards, joined, that keep a whole signal from it although a ground permits it.

    Its own signal and a recall are kept back from nobody: there is nothing to send.
    """
    found: dict[str, str] = {}
    for group in groups:
        if group.members is None or group.facts.is_originator or group.facts.lifecycle == Lifecycle.RECALL:
            continue
        if any(item.released for item in group.sections) or not any(item.grounds for item in group.sections):
            continue
        guards = " + ".join(
            sorted({guard for item in group.sections if item.grounds for guard in item.guards})
        )
        found.update(dict.fromkeys(facts.members_of(bundle, facts.unpack(bundle, group.members)), guards))
    return found


def by_participant(bundle: Bundle, groups: tuple[GroupOutcome, ...]) -> dict[str, Outcome] | str:
    """Return what groups say of every participant, or why they do not cover each exactly once."""
    everybody = (1 << len(bundle.participants)) - 1
    rest = everybody
    implicit: GroupOutcome | None = None
    result: dict[str, Outcome] = {}
    for group in groups:
        if group.members is None:
            if implicit is not None:
                return "two of its groups leave their members open"
            implicit = group
            continue
        if len(group.members) != (len(bundle.participants) + 7) // 8:
            return "a group's bitmap has not one bit for each participant of the bundle"
        bitmap = facts.unpack(bundle, group.members)
        if bitmap & ~rest:
            return "a participant is in two of its groups"
        if bitmap.bit_count() != group.size:
            return "a group's size is not the number of its members"
        rest &= ~bitmap
        result.update(dict.fromkeys(facts.members_of(bundle, bitmap), Outcome(group.facts, group.sections)))
    if rest.bit_count() != (implicit.size if implicit else 0):
        return "its groups do not cover every participant of the bundle once"
    if implicit is not None:
        result.update(
            dict.fromkeys(facts.members_of(bundle, rest), Outcome(implicit.facts, implicit.sections))
        )
    return result


def _of_groups(
    bundle: Bundle, said: tuple[GroupOutcome, ...], derived: tuple[GroupOutcome, ...]
) -> Iterator[Departure]:
    recorded, again = by_participant(bundle, said), by_participant(bundle, derived)
    if isinstance(recorded, str) or isinstance(again, str):
        yield Departure(Rule.FACTS, recorded if isinstance(recorded, str) else str(again))
        return
    wrong_facts = sorted(name for name in again if recorded[name].facts != again[name].facts)
    if wrong_facts:
        yield Departure(Rule.FACTS, f"the facts recorded for {_names(wrong_facts)} are not those rebuilt")
    wrong_outcomes = sorted(name for name in again if recorded[name].sections != again[name].sections)
    if wrong_outcomes:
        yield Departure(Rule.SECTION_OUTCOMES, f"section outcomes differ for {_names(wrong_outcomes)}")
    if not wrong_facts and not wrong_outcomes:
        yield Departure(Rule.FACTS, "its groups are not in their one form")


def _names(names: list[str]) -> str:
    first = names[:NAMED]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
