"""The pure decision: who may see which section, and what each is sent. The same answer for route and for audit.

Rules
-----
1. ``decide`` is a function of bundle and signal. Every participant of the bundle is in exactly one group.
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

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.needtoknow import facts
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.facts import Observed
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
    bundle: Bundle, engine: PolicyEngine, observed: Observed, sections: tuple[str, ...]
) -> tuple[GroupOutcome, ...]:
    """Return the outcome of every group, in the order of their first member; the implicit one last."""
    decided = [
        (members, group, engine.evaluate(group, sections))
        for group, members in facts.groups(bundle, observed)
    ]
    decided.sort(key=lambda item: item[0] & -item[0])
    groundless = [item for item in decided if not any(outcome.grounds for outcome in item[2])]
    implicit = max(groundless, key=lambda item: item[0].bit_count(), default=None)
    ordered = [item for item in decided if item is not implicit] + ([implicit] if implicit else [])
    return tuple(
        GroupOutcome(
            members=None if item is implicit else facts.pack(bundle, item[0]),
            size=item[0].bit_count(),
            facts=item[1],
            sections=item[2],
        )
        for item in ordered
    )


def plan(
    bundle: Bundle,
    groups: tuple[GroupOutcome, ...],
    *,
    originator: str,
    signal_id: UUID,
    lifecycle: Lifecycle,
    held: Mapping[str, tuple[UUID, ...]],
) -> tuple[PlannedOutput, ...]:
    """Return what each recipient is sent, sorted by recipient. held: output ids of earlier views by recipient."""
    outputs: list[PlannedOutput] = []
    recall = lifecycle is Lifecycle.RECALL
    for recipient, decided in outcomes(bundle, groups).items():
        sections = tuple(replace(item, released=False) for item in decided) if recall else decided
        released = frozenset(item.section for item in sections if item.released)
        earlier = tuple(sorted(held.get(recipient, ())))
        if released or (recall and earlier):
            outputs.append(
                PlannedOutput(
                    output_id=identity.delivery_id(originator, signal_id, recipient),
                    recipient=recipient,
                    kind=OutputKind.VIEW,
                    released=released,
                    grounds=grounds_of(sections),
                    withheld=withheld_of(sections),
                    replaces=earlier,
                )
            )
        elif earlier:
            outputs.append(_withdrawal(originator, signal_id, recipient, earlier))
    outputs.extend(
        _withdrawal(originator, signal_id, recipient, tuple(sorted(earlier)))
        for recipient, earlier in held.items()
        if recipient not in bundle.index and earlier
    )
    return tuple(sorted(outputs, key=lambda item: item.recipient))


def outcomes(bundle: Bundle, groups: tuple[GroupOutcome, ...]) -> dict[str, tuple[SectionOutcome, ...]]:
    """Return the outcome of every participant of the bundle."""
    rest = (1 << len(bundle.participants)) - 1
    result: dict[str, tuple[SectionOutcome, ...]] = {}
    for group in groups:
        bitmap = rest if group.members is None else facts.unpack(bundle, group.members)
        rest &= ~bitmap
        result.update(dict.fromkeys(facts.members_of(bundle, bitmap), group.sections))
    return result


def grounds_of(sections: tuple[SectionOutcome, ...]) -> tuple[str, ...]:
    """Return the rules that permit at least one released section, sorted."""
    return tuple(sorted({ground for item in sections if item.released for ground in item.grounds}))


def withheld_of(sections: tuple[SectionOutcome, ...]) -> tuple[Withheld, ...]:
    """Return the sections withheld with the guards that withhold them; none when no ground permits."""
    return tuple(Withheld(section=item.section, rules=item.guards) for item in sections if not item.released)


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
