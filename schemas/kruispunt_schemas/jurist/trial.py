"""Trying a case: what its participants get under a bundle, and what of that is not as the case says.

Rules
-----
1. ``receives`` is exact: these sections and no others, and each ground that is given permits one of them.
2. ``refused`` as a whole: nothing is released; "no-ground" means that no ground permits anything, a guard that it overrules
   a ground somewhere. Of a section: that one is not released, for that reason. Several reasons all hold.
3. ``nobody_else``: nothing is released to any participant that the case does not name.
4. An evaluation error fails the case.

Must not: read a file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.jurist.case import Case, Receives, Refused
from kruispunt_schemas.jurist.resolving import facts_of, givable, mistakes_of, sections_of
from kruispunt_schemas.needtoknow import bitmaps, facts
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.needtoknow.rules import NO_GROUND
from kruispunt_schemas.records.backbone import SectionOutcome

Evaluate = Callable[[Facts, Sequence[str]], tuple[SectionOutcome, ...]]
"""What a policy says of facts: `PolicyEngine.evaluate`, or a mutant's."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case under a bundle. judged: the facts of the participants that it names; others: those of everybody else.

    others: empty unless the case says nobody_else. givable: the sections that the policy can give.
    """

    case: Case
    sections: tuple[str, ...]
    givable: frozenset[str]
    judged: dict[str, Facts]
    others: tuple[tuple[Facts, int], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a participant. mistakes: what is not as the case says; reasons: the rules behind what was withheld."""

    participant: str
    expected: str
    released: tuple[str, ...]
    grounds: tuple[str, ...]
    reasons: tuple[str, ...]
    mistakes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Tell whether it is as the case says."""
        return not self.mistakes


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case."""

    case: Case
    judged: tuple[Judged, ...]

    @property
    def passed(self) -> bool:
        """Tell whether everything is as the case says."""
        return all(item.passed for item in self.judged)


def prepare(case: Case, bundle: Bundle) -> Prepared:
    """Return a case under a bundle; raise PolicyError with every name that the bundle does not have."""
    if found := list(mistakes_of(case, bundle)):
        raise PolicyError("\n".join(f"{case.id}: {mistake}" for mistake in found))
    signal = facts_of(case.signal, bundle)
    named = bitmaps.bitmap_of(bundle, case.judged)
    groups = facts.groups(bundle, signal)
    return Prepared(
        case=case,
        sections=sections_of(case.signal),
        givable=givable(bundle.policies, sections_of(case.signal)),
        judged={
            name: next(found for found, members in groups if members >> bundle.index[name] & 1)
            for name in case.judged
        },
        others=tuple((found, members & ~named) for found, members in groups if members & ~named)
        if case.nobody_else
        else (),
    )


def run(case: Case, bundle: Bundle, engine: PolicyEngine) -> Result:
    """Return what comes of a case."""
    return judge(prepare(case, bundle), engine.evaluate, bundle)


def judge(prepared: Prepared, evaluate: Evaluate, bundle: Bundle) -> Result:
    """Return what comes of a prepared case under a policy."""
    case = prepared.case
    judged = [
        _judged(prepared, name, evaluate(found, prepared.sections)) for name, found in prepared.judged.items()
    ]
    for found, members in prepared.others:
        outcomes = evaluate(found, prepared.sections)
        if any(item.released or item.errors for item in outcomes):
            for name in bitmaps.members_of(bundle, members):
                came = _came(name, "nothing: the case says nobody else", outcomes)
                mistakes = (f"it gets {_listed(came.released)} by {_listed(came.grounds)}",)
                judged.append(
                    Judged(name, came.expected, came.released, came.grounds, came.reasons, mistakes)
                )
    return Result(case, tuple(judged))


def _judged(prepared: Prepared, name: str, outcomes: tuple[SectionOutcome, ...]) -> Judged:
    received, refused = prepared.case.receives.get(name), prepared.case.refused.get(name)
    came = _came(name, _expected(received, refused), outcomes)
    mistakes = [*_of_errors(outcomes)]
    if received is not None:
        mistakes += _of_receiving(prepared, received, outcomes)
    if refused is not None:
        mistakes += _of_refusal(refused, outcomes)
    return Judged(name, came.expected, came.released, came.grounds, came.reasons, tuple(mistakes))


def _came(name: str, expected: str, outcomes: tuple[SectionOutcome, ...]) -> Judged:
    return Judged(
        participant=name,
        expected=expected,
        released=_released(outcomes),
        grounds=tuple(sorted({rule for item in outcomes if item.released for rule in item.grounds})),
        reasons=tuple(sorted({rule for item in outcomes for rule in item.guards}))
        or (() if outcomes else (NO_GROUND,)),
        mistakes=(),
    )


def _of_errors(outcomes: Collection[SectionOutcome]) -> Iterator[str]:
    if any(item.errors for item in outcomes):
        yield "a rule could not be evaluated"


def _of_receiving(
    prepared: Prepared, expected: Receives, outcomes: tuple[SectionOutcome, ...]
) -> Iterator[str]:
    wanted = prepared.givable if expected.sections == "all" else frozenset(expected.sections)
    released = set(_released(outcomes))
    if lacking := sorted(wanted - released):
        by_section = _reasons(outcomes)
        why = sorted({rule for name in lacking for rule in by_section.get(name, (NO_GROUND,))})
        yield f"it does not get {_listed(lacking)}: {_listed(why)}"
    if beyond := sorted(released - wanted):
        yield f"it gets {_listed(beyond)} too"
    permitting = {rule for item in outcomes if item.released for rule in item.grounds}
    if absent := [rule for rule in expected.by if rule not in permitting]:
        yield f"not by {_listed(absent)} but by {_listed(permitting) or 'nothing'}"


def _of_refusal(expected: Refused, outcomes: tuple[SectionOutcome, ...]) -> Iterator[str]:
    if expected.whole:
        if released := _released(outcomes):
            grounds = {rule for item in outcomes if item.released for rule in item.grounds}
            yield f"it gets {_listed(released)} by {_listed(grounds)}"
        reasons = {rule for item in outcomes for rule in item.guards} if outcomes else {NO_GROUND}
        yield from _of_reasons(expected.whole, reasons, "")
    by_section = _reasons(outcomes)
    released = _released(outcomes)
    for name, rules in expected.sections.items():
        if name in released:
            yield f"it gets {name}"
        yield from _of_reasons(rules, set(by_section.get(name, (NO_GROUND,))), f" of {name}")


def _of_reasons(expected: Sequence[str], reasons: set[str], where: str) -> Iterator[str]:
    if absent := [rule for rule in expected if rule not in reasons]:
        yield f"the reason{where} is not {_listed(absent)} but {_listed(reasons) or 'none'}"


def _released(outcomes: Collection[SectionOutcome]) -> tuple[str, ...]:
    return tuple(sorted(name for item in outcomes if item.released for name in item.sections))


def _reasons(outcomes: Collection[SectionOutcome]) -> dict[str, tuple[str, ...]]:
    """Return the guards of each section that a ground permits."""
    return {name: item.guards for item in outcomes for name in item.sections}


def _expected(received: Receives | None, refused: Refused | None) -> str:
    parts = []
    if received is not None:
        what = "everything" if received.sections == "all" else _listed(received.sections)
        parts.append(what + (f" by {_listed(received.by)}" if received.by else ""))
    if refused is not None and refused.whole:
        parts.append(f"nothing: {_listed(refused.whole)}")
    if refused is not None:
        parts += [f"no {name}: {_listed(rules)}" for name, rules in refused.sections.items()]
    return "; ".join(parts)


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
