"""The pure decision: who may see which section, and what each is sent. The same answer for route and for audit.

Rules
-----
1. ``decide`` is a function of bundle and signal. Participants with equal facts are decided once, those with equal
   outcomes are one group; every participant of the bundle is in exactly one.
2. The largest group without any ground is left implicit (members None): all who are in no other group.
3. A participant to whom at least one section is released gets a view; it replaces the views that it got of the
   superseded versions.
4. Who holds a view of a superseded version but gets none of this one gets a withdrawal. A recall is sent as a view
   without sections to exactly those who hold an earlier view, whatever the policy permits: the signed header proves
   it.
5. An output id follows from originator, signal id and recipient, of a decision again from the judgement too: what a
   recipient of the signal knows. So a decision record has none: `output_id` and `replaced` give them again.
6. What an output replaces is a place among the views that there can be: those of the superseded versions, of a decision
   again those of its own version; first as the first decisions gave them, then as each round did (`rounds`).

Must not: read a clock, a database or a topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import bitmaps, facts
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.facts import Facts, SignalFacts, Stated
from kruispunt_schemas.records.backbone import (
    DecidedOutput,
    Decision,
    GroupOutcome,
    OutputKind,
    SectionOutcome,
)
from kruispunt_schemas.records.frame import Lifecycle, Withheld


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """What one recipient is sent: a view with these sections, or a withdrawal. view: the one that other pseudonyms are for."""

    output_id: UUID
    recipient: str
    kind: OutputKind
    released: frozenset[str] = frozenset()
    grounds: tuple[str, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    replaces: tuple[UUID, ...] = ()
    view: UUID | None = None


def decide(
    bundle: Bundle, engine: PolicyEngine, signal: SignalFacts, sections: tuple[str, ...]
) -> tuple[GroupOutcome, ...]:
    """Return the groups of participants with equal outcomes, in the order of their first member; the implicit one last."""
    found: dict[tuple[SectionOutcome, ...], int] = {}
    touched = facts.touched(signal)
    for settled in _settled(bundle, engine, signal.stated, sections):
        engine.asked += 1
        if rest := settled.members & ~touched:
            found[settled.outcome] = found.get(settled.outcome, 0) | rest
        for flags, members in facts.split(settled.members & touched, signal.holders):
            engine.asked += 1
            outcome = settled.raised.get(flags)
            if outcome is None:
                outcome = engine.evaluate(facts.raised(settled.facts, flags), sections)
                settled.raised[flags] = outcome
            found[outcome] = found.get(outcome, 0) | members
    decided = sorted(found.items(), key=lambda item: item[1] & -item[1])
    groundless = [item for item in decided if not any(outcome.grounds for outcome in item[0])]
    implicit = max(groundless, key=lambda item: item[1].bit_count(), default=None)
    ordered = [item for item in decided if item is not implicit] + ([implicit] if implicit else [])
    return tuple(
        GroupOutcome(
            members=None if item is implicit else bitmaps.pack(bundle, item[1]),
            size=item[1].bit_count(),
            sections=item[0],
        )
        for item in ordered
    )


def plan(
    bundle: Bundle,
    groups: tuple[GroupOutcome, ...],
    *,
    sections: tuple[str, ...],
    originator: str,
    signal_id: UUID,
    lifecycle: Lifecycle,
    held: Mapping[str, tuple[UUID, ...]],
) -> tuple[PlannedOutput, ...]:
    """Return what each recipient is sent, sorted by recipient.

    sections: names of those decided on. held: output ids of earlier views by recipient.
    """
    outputs: list[PlannedOutput] = []
    recall = lifecycle is Lifecycle.RECALL
    holding = bitmaps.bitmap_of(bundle, (recipient for recipient, earlier in held.items() if earlier))
    for members, group in members_by_group(bundle, groups):
        shown = shown_of(group.sections, sections, recall=recall)
        gets_view = holding if recall else members if shown.released else 0
        for recipient in bitmaps.members_of(bundle, members & (gets_view | holding)):
            earlier = tuple(sorted(held.get(recipient, ())))
            if recall or shown.released:
                outputs.append(
                    PlannedOutput(
                        output_id=identity.delivery_id(originator, signal_id, recipient),
                        recipient=recipient,
                        kind=OutputKind.VIEW,
                        released=shown.released,
                        grounds=shown.grounds,
                        withheld=shown.withheld,
                        replaces=earlier,
                    )
                )
            else:
                outputs.append(_withdrawal(originator, signal_id, recipient, earlier))
    outputs.extend(
        _withdrawal(originator, signal_id, recipient, tuple(sorted(earlier)))
        for recipient, earlier in held.items()
        if recipient not in bundle.index and earlier
    )
    return tuple(sorted(outputs, key=lambda item: item.recipient))


def members_by_group(bundle: Bundle, groups: tuple[GroupOutcome, ...]) -> Iterator[tuple[int, GroupOutcome]]:
    """Give each group with the bitmap of its members, the implicit one's included."""
    rest = (1 << len(bundle.participants)) - 1
    for group in groups:
        members = rest if group.members is None else bitmaps.unpack(bundle, group.members)
        rest &= ~members
        yield members, group


def output_id(decision: Decision, output: DecidedOutput) -> UUID:
    """Return the id of an output of a decision; see `id_of`."""
    return id_of(decision, output.kind, output.recipient)


def id_of(decision: Decision, kind: OutputKind, recipient: str) -> UUID:
    """Return the id of what a decision sends a recipient (rule 5); raise ContractError for a kind that it cannot send."""
    about = decision.originator, decision.signal_id, recipient
    judgement = decision.judgement_id
    match kind:
        case OutputKind.VIEW | OutputKind.OWED:
            return identity.delivery_id(*about, judgement)
        case OutputKind.WITHDRAWAL:
            return identity.withdrawal_id(*about, judgement)
        case OutputKind.PSEUDONYMS if judgement is not None:
            return identity.pseudonym_change_id(*about, judgement)
        case _:
            raise ContractError("value", "outputs.kind", "no decision of this sort sends it")


def replaced(decision: Decision, output: DecidedOutput) -> tuple[UUID, ...]:
    """Return the ids of the views that an output replaces or withdraws, sorted.

    Raise ContractError for one that the decision cannot replace (rule 6).
    """
    if not output.replaces:
        return ()
    versions = decision.supersedes if decision.judgement_id is None else (decision.signal_id,)
    views = tuple(_replaceable(decision.originator, output.recipient, versions, decision.rounds))
    if any(not 0 <= place < len(views) for place in output.replaces):
        raise ContractError("value", "outputs.replaces", "it replaces what the decision does not supersede")
    return tuple(sorted(views[place] for place in output.replaces))


def record(
    outputs: Iterable[tuple[PlannedOutput, bytes]],
    originator: str,
    versions: tuple[UUID, ...],
    rounds: tuple[UUID, ...] = (),
) -> tuple[DecidedOutput, ...]:
    """Return planned outputs, each with its digest, as a decision records them.

    versions: those whose views may be replaced; rounds: as the decision has them (rule 6).
    """
    return tuple(
        DecidedOutput(
            recipient=plan.recipient,
            kind=plan.kind,
            digest=digest,
            replaces=tuple(
                place
                for place, view in enumerate(
                    _replaceable(originator, plan.recipient, versions, rounds) if plan.replaces else ()
                )
                if view in plan.replaces
            ),
        )
        for plan, digest in outputs
    )


def _replaceable(
    originator: str, recipient: str, versions: tuple[UUID, ...], rounds: tuple[UUID, ...]
) -> Iterator[UUID]:
    """Give the id of every view that there can be, in the order of rule 6."""
    for judgement in (None, *rounds):
        for version in versions:
            yield identity.delivery_id(originator, version, recipient, judgement)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a group's outcome comes to in a view."""

    released: frozenset[str]
    grounds: tuple[str, ...]
    withheld: tuple[Withheld, ...]


@lru_cache(maxsize=4096)
def shown_of(
    outcomes: tuple[SectionOutcome, ...], sections: tuple[str, ...], *, recall: bool = False
) -> Shown:
    """Return the sections released, the rules that permit any, and those withheld with the guards that withhold them.

    A section withheld without a guard is one that no ground permits.
    """
    granted = [] if recall else [outcome for outcome in outcomes if outcome.released]
    released = frozenset(name for outcome in granted for name in outcome.sections)
    guards = {name: outcome.guards for outcome in outcomes for name in outcome.sections}
    return Shown(
        released=released,
        grounds=tuple(sorted({ground for outcome in granted for ground in outcome.grounds})),
        withheld=tuple(
            Withheld(section=name, rules=guards.get(name, ()))
            for name in sorted(sections)
            if name not in released
        ),
    )


def _withdrawal(originator: str, signal_id: UUID, recipient: str, earlier: tuple[UUID, ...]) -> PlannedOutput:
    return PlannedOutput(
        output_id=identity.withdrawal_id(originator, signal_id, recipient),
        recipient=recipient,
        kind=OutputKind.WITHDRAWAL,
        replaces=earlier,
    )


@dataclass(frozen=True, slots=True)
class _Settled:
    """A group of participants as the bundle alone makes it, what is decided of it, and of it with facts that a signal adds."""

    facts: Facts
    members: int
    outcome: tuple[SectionOutcome, ...]
    raised: dict[tuple[str, ...], tuple[SectionOutcome, ...]]


@lru_cache(maxsize=4096)
def _settled(
    bundle: Bundle, engine: PolicyEngine, stated: Stated, sections: tuple[str, ...]
) -> tuple[_Settled, ...]:
    return tuple(
        _Settled(group, members, engine.evaluate(group, sections), {})
        for group, members in facts.by_bundle(bundle, stated)
    )
