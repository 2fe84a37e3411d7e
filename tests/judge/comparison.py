"""The comparison of a decision record with the second judge's verdict: every difference in a sentence.

Rules: compared are the classification, the facts stated and of whom the others hold, the outcome of every participant, and
who is sent a view or a withdrawal. Each participant has to stand in exactly one group. Must not: mend anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kruispunt_schemas.needtoknow import bitmaps, decisions
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.backbone import Decision, OutputKind, SectionOutcome

from tests.judge.judge import Ruling, Verdict


def differences(bundle: Bundle, decision: Decision, verdict: Verdict) -> list[str]:
    """Return what a record says otherwise than the judge, nothing when they agree."""
    return [
        *_differ("classification", decision.classification, verdict.classification),
        *_of_each("stated", {item.fact: item.value for item in decision.stated}, verdict.stated),
        *_of_each("holds of", held(bundle, decision), verdict.bound),
        *_of_each("outcome", *_narrowed(expanded(bundle, decision), verdict.rulings)),
        *_sizes(bundle, decision),
        *_differ("views", sent(decision, OutputKind.VIEW), verdict.views),
        *_differ("withdrawals", sent(decision, OutputKind.WITHDRAWAL), verdict.withdrawals),
    ]


def held(bundle: Bundle, decision: Decision) -> dict[str, frozenset[str]]:
    """Return of whom each fact holds."""
    return {
        item.fact: frozenset(bitmaps.members_of(bundle, bitmaps.unpack(bundle, item.members, "holders")))
        for item in decision.holders
    }


def expanded(bundle: Bundle, decision: Decision) -> dict[str, tuple[Ruling, ...]]:
    """Return the outcome of every participant to whom any section is opened by a ground."""
    found: dict[str, tuple[Ruling, ...]] = {}
    for members, group in decisions.members_by_group(bundle, decision.groups):
        rulings = _rulings(group.sections)
        if rulings:
            found.update(dict.fromkeys(bitmaps.members_of(bundle, members), rulings))
    return found


def sent(decision: Decision, kind: OutputKind) -> frozenset[str]:
    """Return who is sent an output of a kind."""
    return frozenset(output.recipient for output in decision.outputs if output.kind is kind)


def _rulings(outcomes: tuple[SectionOutcome, ...]) -> tuple[Ruling, ...]:
    found = [
        Ruling(
            section,
            outcome.released,
            outcome.grounds,
            outcome.guards if not outcome.errors else (*outcome.guards, f"errors: {outcome.errors}"),
        )
        for outcome in outcomes
        for section in outcome.sections
    ]
    return tuple(sorted(found, key=lambda ruling: ruling.section))


def _narrowed(
    recorded: Mapping[str, tuple[Ruling, ...]], ruled: Mapping[str, tuple[Ruling, ...]]
) -> tuple[dict[str, object], dict[str, object]]:
    """Leave out the sections of which both say the same, so that what differs is what is read."""
    left: dict[str, object] = {}
    right: dict[str, object] = {}
    for name in recorded.keys() | ruled.keys():
        ours, theirs = recorded.get(name, ()), ruled.get(name, ())
        if ours != theirs:
            left[name] = [ruling for ruling in ours if ruling not in theirs]
            right[name] = [ruling for ruling in theirs if ruling not in ours]
    return left, right


def _sizes(bundle: Bundle, decision: Decision) -> Iterator[str]:
    together = 0
    for members, group in decisions.members_by_group(bundle, decision.groups):
        yield from _differ("size of a group", group.size, members.bit_count())
        together += members.bit_count()
    yield from _differ("participants in groups", together, len(bundle.participants))


def _of_each(what: str, recorded: Mapping[str, Any], ruled: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(recorded.keys() | ruled.keys()):
        yield from _differ(f"{what} {name}", recorded.get(name), ruled.get(name))


def _differ(what: str, recorded: object, ruled: object) -> Iterator[str]:
    if recorded != ruled:
        ours, theirs = recorded, ruled
        if isinstance(recorded, frozenset) and isinstance(ruled, frozenset):
            ours, theirs = sorted(recorded - ruled), sorted(ruled - recorded)
        yield f"{what}: the record has {ours}, the judge {theirs}"
