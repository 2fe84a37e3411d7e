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
5. An output id follows from originator, signal id and recipient: what a recipient of the signal knows.

Must not: read a clock, a database or a topic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.needtoknow import facts
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.facts import SignalFacts
from kruispunt_schemas.records.backbone import GroupOutcome, OutputKind, SectionOutcome
from kruispunt_schemas.records.frame import Lifecycle, Withheld


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """What one recipient is sent: a view with these sections, or a withdrawal."""

    output_id: UUID
    recipient: str
    kind: OutputKind
    released: frozenset[str]
    grounds: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    replaces: tuple[UUID, ...]


def decide(
    bundle: Bundle, engine: PolicyEngine, signal: SignalFacts, sections: tuple[str, ...]
) -> tuple[GroupOutcome, ...]:
    """Return the groups of participants with equal outcomes, in the order of their first member; the implicit one last."""
    found: dict[tuple[SectionOutcome, ...], int] = {}
    for group, members in facts.groups(bundle, signal):
        outcome = engine.evaluate(group, sections)
        found[outcome] = found.get(outcome, 0) | members
    decided = sorted(found.items(), key=lambda item: item[1] & -item[1])
    groundless = [item for item in decided if not any(outcome.grounds for outcome in item[0])]
    implicit = max(groundless, key=lambda item: item[1].bit_count(), default=None)
    ordered = [item for item in decided if item is not implicit] + ([implicit] if implicit else [])
    return tuple(
        GroupOutcome(
            members=None if item is implicit else facts.pack(bundle, item[1]),
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
    holding = facts.bitmap_of(bundle, (recipient for recipient, earlier in held.items() if earlier))
    for members, group in bitmaps(bundle, groups):
        shown = _shown(group.sections, sections, recall)
        gets_view = holding if recall else members if shown.released else 0
        for recipient in facts.members_of(bundle, members & (gets_view | holding)):
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


def bitmaps(bundle: Bundle, groups: tuple[GroupOutcome, ...]) -> Iterator[tuple[int, GroupOutcome]]:
    """Give each group with the bitmap of its members, the implicit one's included."""
    rest = (1 << len(bundle.participants)) - 1
    for group in groups:
        members = rest if group.members is None else facts.unpack(bundle, group.members)
        rest &= ~members
        yield members, group


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a group's outcome comes to in a view."""

    released: frozenset[str]
    grounds: tuple[str, ...]
    withheld: tuple[Withheld, ...]


@lru_cache(maxsize=4096)
def _shown(outcomes: tuple[SectionOutcome, ...], sections: tuple[str, ...], recall: bool) -> _Shown:
    """Return the sections released, the rules that permit any, and those withheld with the guards that withhold them.

    A section withheld without a guard is one that no ground permits.
    """
    granted = [] if recall else [outcome for outcome in outcomes if outcome.released]
    released = frozenset(name for outcome in granted for name in outcome.sections)
    guards = {name: outcome.guards for outcome in outcomes for name in outcome.sections}
    return _Shown(
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
        released=frozenset(),
        grounds=(),
        withheld=(),
        replaces=earlier,
    )
