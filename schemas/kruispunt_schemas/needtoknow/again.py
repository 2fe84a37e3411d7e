"""A decision again: what a judgement of persons changes for each recipient. The same answer for route and for audit.

Rules
-----
1. The facts are those that the first decision recorded, but that other participants follow the subject (never the
   originator, for itself); the bundle is the first decision's. So `draft` needs no content.
2. What a recipient holds follows from the earlier decisions of the version, the first and each again: `standing`.
3. Sent is what is different, and nothing where nothing is:

   | due now | held | sent |
   |---|---|---|
   | nothing | a view | WITHDRAWAL |
   | other sections than those held | a view or nothing | VIEW, which replaces what is held |
   | the sections held | a view | PSEUDONYMS when the persons are others, else nothing |

4. A view cannot be made when the content is gone. It is OWED then, once: not again while the same sections are owed. What is
   held stays, with its pseudonyms, unless it shows what is no longer due: then it is withdrawn beside.
5. Grounds alone are no difference: the record says on which ones a view that stays is due now.

Must not: read a clock, a database or a topic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.needtoknow import bitmaps, decisions, recording
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.decisions import PlannedOutput, Shown
from kruispunt_schemas.needtoknow.facts import SignalFacts
from kruispunt_schemas.records.backbone import Decision, OutputKind
from kruispunt_schemas.records.frame import Follower

NOTHING_SENT: Final = identity.digest(b"")
"""The digest of an output that is owed."""


@dataclass(frozen=True, slots=True)
class View:
    """A view that a recipient holds, and the sections that it shows."""

    output_id: UUID
    released: frozenset[str]


def draft(
    bundle: Bundle,
    engine: PolicyEngine,
    earlier: Sequence[Decision],
    *,
    followers: tuple[Follower, ...],
    judgement: UUID,
    now: datetime,
) -> Decision:
    """Return the decision again of a version, without outputs.

    earlier: its decisions so far, oldest first, one at least. Raise ContractError when the first one's facts cannot be read.
    """
    first = earlier[0]
    others = tuple(item for item in followers if item.participant != first.originator)
    recorded = recording.recorded(bundle, first)
    following = bitmaps.bitmap_of(bundle, (item.participant for item in others))
    signal = SignalFacts(recorded.stated, {**recorded.holders, "follows_subject": following})
    return replace(
        first,
        decision_id=identity.decision_id(first.originator, first.signal_id, judgement),
        decided_at=now,
        holders=recording.holders(bundle, signal),
        evidence=recording.evidence_again(first, others),
        groups=decisions.decide(bundle, engine, signal, first.sections),
        outputs=(),
        judgement_id=judgement,
        rounds=rounds(earlier),
    )


def number(decision: Decision) -> int:
    """Return which decision of its version it is: 0 the first one, n the n-th round."""
    return 0 if decision.judgement_id is None else 1 + len(decision.rounds)


def rounds(earlier: Sequence[Decision]) -> tuple[UUID, ...]:
    """Return the judgements of the decisions again among these, in their order."""
    return tuple(item.judgement_id for item in earlier if item.judgement_id is not None)


def standing(bundle: Bundle, earlier: Sequence[Decision]) -> dict[str, View]:
    """Return the view of the version that each recipient holds after these decisions, oldest first."""
    held: dict[str, View] = {}
    for decision in earlier:
        shown = (
            due(bundle, decision) if any(item.kind is OutputKind.VIEW for item in decision.outputs) else {}
        )
        for output in decision.outputs:
            if output.kind is OutputKind.VIEW and output.recipient in shown:
                view = View(decisions.output_id(decision, output), shown[output.recipient].released)
                held[output.recipient] = view
            elif output.kind is OutputKind.WITHDRAWAL:
                held.pop(output.recipient, None)
    return held


def due(bundle: Bundle, decision: Decision) -> dict[str, Shown]:
    """Return what a decision releases to each recipient to whom it releases anything."""
    return {
        recipient: shown
        for members, group in decisions.members_by_group(bundle, decision.groups)
        if (shown := decisions.shown_of(group.sections, decision.sections)).released
        for recipient in bitmaps.members_of(bundle, members)
    }


def plan(
    bundle: Bundle, earlier: Sequence[Decision], drafted: Decision, *, renamed: bool, content: bool
) -> tuple[PlannedOutput, ...]:
    """Return what each recipient is sent by a decision again, sorted by recipient; to one there may be two.

    renamed: the persons are others than its recipients were told last. content: views can be made.
    """
    held, now, before = standing(bundle, earlier), due(bundle, drafted), due(bundle, earlier[-1])
    found: list[PlannedOutput] = []
    for recipient in sorted({*held, *now}):
        view, shown, last = held.get(recipient), now.get(recipient), before.get(recipient)
        if not content and shown is not None and _differs(view, shown):
            owed = last is not None and last.released == shown.released and _differs(view, last)
            found += _without_content(drafted, recipient, view, shown, renamed=renamed, owed=owed)
        else:
            found += _with_content(drafted, recipient, view, shown, renamed=renamed)
    return tuple(found)


def recorded(drafted: Decision, outputs: Iterable[tuple[PlannedOutput, bytes]]) -> Decision:
    """Return the decision again with what is sent, each output with the digest of its bytes; what is owed has none."""
    digests = ((item, NOTHING_SENT if item.kind is OutputKind.OWED else digest) for item, digest in outputs)
    return replace(
        drafted,
        outputs=decisions.record(digests, drafted.originator, (drafted.signal_id,), drafted.rounds),
    )


def _differs(view: View | None, shown: Shown) -> bool:
    return view is None or view.released != shown.released


def _with_content(
    drafted: Decision, recipient: str, view: View | None, shown: Shown | None, *, renamed: bool
) -> Iterator[PlannedOutput]:
    """Give what rule 3 says."""
    if shown is None:
        if view is not None:
            yield _planned(drafted, recipient, OutputKind.WITHDRAWAL, view)
    elif _differs(view, shown):
        yield _planned(drafted, recipient, OutputKind.VIEW, view, shown)
    elif renamed:
        yield _planned(drafted, recipient, OutputKind.PSEUDONYMS, view)


def _without_content(
    drafted: Decision, recipient: str, view: View | None, shown: Shown, *, renamed: bool, owed: bool
) -> Iterator[PlannedOutput]:
    """Give what rule 4 says."""
    if view is not None and not view.released <= shown.released:
        yield _planned(drafted, recipient, OutputKind.WITHDRAWAL, view)
    elif view is not None and renamed:
        yield _planned(drafted, recipient, OutputKind.PSEUDONYMS, view)
    if not owed:
        yield _planned(drafted, recipient, OutputKind.OWED, None, shown)


def _planned(
    drafted: Decision, recipient: str, kind: OutputKind, view: View | None, shown: Shown | None = None
) -> PlannedOutput:
    output_id = decisions.id_of(drafted, kind, recipient)
    held = None if view is None else view.output_id
    if kind is OutputKind.PSEUDONYMS:
        return PlannedOutput(output_id, recipient, kind, view=held)
    replaces = () if held is None else (held,)
    if shown is None:
        return PlannedOutput(output_id, recipient, kind, replaces=replaces)
    return PlannedOutput(output_id, recipient, kind, shown.released, shown.grounds, shown.withheld, replaces)
