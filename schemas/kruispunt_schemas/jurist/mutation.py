"""Mutants of the policy: the policy with one rule deleted or weakened; a good file of cases notices each of them.

Rules
-----
1. A mutant differs by one step: a rule is gone, or one of its conditions, one alternative of a list, one branch of an "or",
   or one of several sections that it speaks of.
2. A case kills a mutant when it passes under the policy and fails under the mutant. What no case kills survives: a case is
   missing, or the step makes no difference to anyone.
3. A mutant is judged by the conditions of its rules (`conditions`); a case is tried again only where the changed rule
   answers otherwise than before.

Must not: change a file.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kruispunt_schemas.jurist.trial import Prepared, judge
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.conditions import (
    Condition,
    Conditions,
    Expression,
    combined,
    conditions,
    written,
)
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.records.backbone import SectionOutcome


@dataclass(frozen=True, slots=True)
class Mutant:
    """The policy with one rule as ``instead``, None for without it. change: in words."""

    rule: str
    change: str
    instead: Conditions | None = field(compare=False, hash=False)


@dataclass(frozen=True, slots=True)
class Score:
    """Which mutants no case kills; killed: by which case each of the others is killed first."""

    killed: Mapping[Mutant, str]
    survivors: tuple[Mutant, ...]

    @property
    def total(self) -> int:
        """Return how many mutants there are."""
        return len(self.killed) + len(self.survivors)


def mutants(policies: str) -> Iterator[Mutant]:
    """Give every mutant of a policy, rule by rule (rule 1)."""
    for rule in conditions(policies):
        yield Mutant(rule.rule, "the rule is deleted", None)
        for place, part in enumerate(rule.parts):
            rest = (*rule.parts[:place], *rule.parts[place + 1 :])
            yield Mutant(rule.rule, f"without the condition {part.text}", replace(rule, parts=rest))
            for change, expression in _narrower(part.expression):
                parts = (*rule.parts[:place], Condition.of(expression), *rule.parts[place + 1 :])
                yield Mutant(rule.rule, f"{change}, in {part.text}", replace(rule, parts=parts))
        for section in sorted(rule.sections or ()):
            if len(rule.sections or ()) > 1:
                fewer = frozenset(rule.sections or ()) - {section}
                yield Mutant(rule.rule, f"no longer about {section}", replace(rule, sections=fewer))


def score(
    prepared: Sequence[Prepared], bundle: Bundle, said: Callable[[int, int], None] = lambda _done, _of: None
) -> Score:
    """Return which mutants the cases kill; cases that fail under the policy itself do not count.

    said: told how many mutants were judged, and of how many.
    """
    known = conditions(bundle.policies)
    cases = [_Tried.of(item, known) for item in prepared]
    cases = [item for item in cases if judge(item.prepared, item.under(known), bundle).passed]
    killed: dict[Mutant, str] = {}
    survivors: list[Mutant] = []
    found = list(mutants(bundle.policies))
    for number, mutant in enumerate(found, start=1):
        changed = [mutant.instead if rule.rule == mutant.rule else rule for rule in known]
        ruled = [rule for rule in changed if rule is not None]
        old = next(rule for rule in known if rule.rule == mutant.rule)
        for item in cases:
            evaluate = item.evaluating(ruled, old, mutant.instead)
            if evaluate is not None and not judge(item.prepared, evaluate, bundle).passed:
                killed[mutant] = item.prepared.case.id
                break
        else:
            survivors.append(mutant)
        said(number, len(found))
    return Score(killed, tuple(survivors))


@dataclass(frozen=True, slots=True)
class _Tried:
    """A prepared case with, for each of its facts, the rules whose conditions hold."""

    prepared: Prepared
    holding: dict[Facts, frozenset[str]]
    values: dict[Facts, dict[str, Any]]

    @classmethod
    def of(cls, prepared: Prepared, known: Iterable[Conditions]) -> _Tried:
        everyone = {*prepared.judged.values(), *(found for found, _ in prepared.others)}
        values = {found: asdict(found) for found in everyone}
        return cls(
            prepared,
            {found: frozenset(rule.rule for rule in known if rule.hold(values[found])) for found in everyone},
            values,
        )

    def under(
        self, ruled: Iterable[Conditions]
    ) -> Callable[[Facts, Sequence[str]], tuple[SectionOutcome, ...]]:
        """Return what rules say of the case's facts, as they held."""
        rules = list(ruled)
        return lambda found, sections: combined(
            [rule for rule in rules if rule.rule in self.holding[found]], sections
        )

    def evaluating(
        self, ruled: list[Conditions], old: Conditions, new: Conditions | None
    ) -> Callable[[Facts, Sequence[str]], tuple[SectionOutcome, ...]] | None:
        """Return what a mutant says of the case's facts, None when it says the same of all of them (rule 3)."""
        now = {found: new is not None and new.hold(values) for found, values in self.values.items()}
        sections = new is None or new.sections == old.sections
        if sections and all(holds == (old.rule in self.holding[found]) for found, holds in now.items()):
            return None

        def evaluate(found: Facts, names: Sequence[str]) -> tuple[SectionOutcome, ...]:
            applying = [
                rule
                for rule in ruled
                if (now[found] if rule.rule == old.rule else rule.rule in self.holding[found])
            ]
            return combined(applying, names)

        return evaluate


def _narrower(expression: Expression) -> Iterator[tuple[str, Expression]]:
    """Give an expression without each alternative of its lists and each branch of its "or"s, with what went."""
    for path in _paths(expression):
        node = _at(expression, path)
        if "Set" in node and len(node["Set"]) > 1:
            for place, item in enumerate(node["Set"]):
                kept = [*node["Set"][:place], *node["Set"][place + 1 :]]
                yield f"without {written(item)}", _with(expression, path, {"Set": kept})
        if "||" in node:
            for side, other in (("left", "right"), ("right", "left")):
                yield f"without {written(node['||'][side])}", _with(expression, path, node["||"][other])


def _paths(expression: Expression, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the way to every expression within an expression; what stands in a list is no expression of its own here."""
    yield path
    operator, operands = next(iter(expression.items()))
    if operator in ("Value", "Set", "."):
        return
    for name, inner in operands.items():
        yield from _paths(inner, (*path, operator, name))


def _at(expression: Expression, path: tuple[str, ...]) -> Expression:
    for step in path:
        expression = expression[step]
    return expression


def _with(expression: Expression, path: tuple[str, ...], node: Expression) -> Expression:
    if not path:
        return node
    changed = copy.deepcopy(expression)
    _at(changed, path[:-1])[path[-1]] = node
    return changed
