"""The conditions of a policy taken apart: which facts a rule reads, and which of its conditions hold.

Rules
-----
1. A rule applies to a section that it speaks of when every one of its conditions holds; the parts that ``&&`` joins are
   conditions of their own.
2. This is a second reading of the policy, for questions that Cedar does not answer: what is missing, what would flip an
   outcome, what a rule without one condition would do. No outcome is ever decided here: that is `cedar`, and tests hold the
   two equal.
3. A condition reads enums, sets of enums, ordinals and booleans, nothing else; another operator raises PolicyError.

Must not: release anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Final

import cedarpy

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.needtoknow.rules import rules
from kruispunt_schemas.records.backbone import SectionOutcome

Values = Mapping[str, Any]
"""Facts by name."""
Expression = Any
"""An expression as Cedar's JSON writes it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule. facts: those that it reads; text: as the policy file says it, without ``context.``."""

    text: str
    facts: frozenset[str]
    expression: Expression = field(compare=False, hash=False)

    @classmethod
    def of(cls, expression: Expression) -> Condition:
        """Return the condition of an expression."""
        return cls(written(expression), frozenset(_read(expression)), expression)

    def holds(self, facts: Values) -> bool:
        """Tell whether it holds."""
        return bool(_value(self.expression, facts))

    def comparisons(self) -> Iterator[Expression]:
        """Give what it joins by "and", "or" and "not"."""
        yield from _comparisons(self.expression)


@dataclass(frozen=True, slots=True)
class Conditions:
    """A rule's conditions, all of which must hold. sections: those that it speaks of, None for all."""

    rule: str
    permits: bool
    sections: frozenset[str] | None
    parts: tuple[Condition, ...]

    @property
    def facts(self) -> frozenset[str]:
        """Return the facts that the rule reads."""
        return frozenset(name for part in self.parts for name in part.facts)

    def speaks_of(self, section: str) -> bool:
        """Tell whether the rule is about a section."""
        return self.sections is None or section in self.sections

    def hold(self, facts: Values) -> bool:
        """Tell whether every condition holds."""
        return all(part.holds(facts) for part in self.parts)

    def missing(self, facts: Values) -> tuple[Condition, ...]:
        """Return the conditions that do not hold."""
        return tuple(part for part in self.parts if not part.holds(facts))


@cache
def conditions(policies: str) -> tuple[Conditions, ...]:
    """Return the conditions of every rule of a policy text, in its order."""
    named = rules(policies)
    parsed = json.loads(cedarpy.policies_to_json_str(policies))["staticPolicies"]
    by_id = {str(rule["annotations"]["id"]): rule for rule in parsed.values()}
    return tuple(
        Conditions(
            name,
            rule.permits,
            None if rule.sections is None else frozenset(rule.sections),
            tuple(_parts(name, by_id[name])),
        )
        for name, rule in named.items()
    )


def values_of(facts: Facts) -> dict[str, Any]:
    """Return facts by name."""
    return {name: getattr(facts, name) for name in _NAMES}


def outcomes(
    ruled: Iterable[Conditions], facts: Facts, sections: Collection[str]
) -> tuple[SectionOutcome, ...]:
    """Return what rules come to, as `PolicyEngine.evaluate` says it."""
    values = values_of(facts)
    return combined([rule for rule in ruled if rule.hold(values)], sections)


def combined(applying: Collection[Conditions], sections: Collection[str]) -> tuple[SectionOutcome, ...]:
    """Return what rules come to whose conditions hold."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for section in sorted(sections):
        about = [rule for rule in applying if rule.speaks_of(section)]
        grounds = tuple(sorted(rule.rule for rule in about if rule.permits))
        if grounds:
            guards = tuple(sorted(rule.rule for rule in about if not rule.permits))
            found.setdefault((grounds, guards), []).append(section)
    return tuple(
        sorted(
            (
                SectionOutcome(
                    sections=tuple(names), released=not guards, grounds=grounds, guards=guards, errors=0
                )
                for (grounds, guards), names in found.items()
            ),
            key=lambda item: item.sections,
        )
    )


def conjuncts(expression: Expression) -> Iterator[Expression]:
    """Give the parts that ``&&`` joins, in order."""
    joined = expression.get("&&") if isinstance(expression, Mapping) else None
    if joined is None:
        yield expression
        return
    yield from conjuncts(joined["left"])
    yield from conjuncts(joined["right"])


def written(expression: Expression) -> str:
    """Return an expression as the policy file says it, without ``context.``."""
    operator, operands = _opened(expression)
    if operator == "Value":
        return json.dumps(operands, ensure_ascii=False)
    if operator == "Set":
        return f"[{', '.join(written(item) for item in operands)}]"
    if operator == ".":
        return str(operands["attr"])
    if operator == "!":
        return f"!{written(operands['arg'])}"
    left, right = written(operands["left"]), written(operands["right"])
    if operator in _METHODS:
        return f"{left}.{operator}({right})"
    text = f"{left} {operator} {right}"
    return f"({text})" if operator in ("&&", "||") else text


def _parts(name: str, rule: Mapping[str, Any]) -> Iterator[Condition]:
    if any(rule[scope]["op"] != "All" for scope in ("principal", "resource")):
        raise PolicyError(f"{name}: its principal and resource are any; a rule speaks of facts")
    for condition in rule["conditions"]:
        body = condition["body"]
        for part in [{"!": {"arg": body}}] if condition["kind"] == "unless" else conjuncts(body):
            try:
                yield Condition.of(part)
            except PolicyError as error:
                raise PolicyError(f"{name}: {error}") from None


_NAMES: Final = tuple(item.name for item in fields(Facts))
_METHODS: Final = ("contains", "containsAny", "containsAll")
_BINARY: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "contains": lambda left, right: right in left,
    "containsAny": lambda left, right: not set(left).isdisjoint(right),
    "containsAll": lambda left, right: set(left) >= set(right),
}


def _value(expression: Expression, facts: Values) -> Any:
    operator, operands = _opened(expression)
    if operator in _BINARY:
        return _BINARY[operator](_value(operands["left"], facts), _value(operands["right"], facts))
    return _OTHERS[operator](operands, facts)


_OTHERS: Final[Mapping[str, Callable[[Any, Values], Any]]] = {
    "Value": lambda value, _facts: value,
    "Set": lambda items, facts: [_value(item, facts) for item in items],
    ".": lambda operands, facts: facts[operands["attr"]],
    "!": lambda operands, facts: not _value(operands["arg"], facts),
    "&&": lambda operands, facts: _value(operands["left"], facts) and _value(operands["right"], facts),
    "||": lambda operands, facts: _value(operands["left"], facts) or _value(operands["right"], facts),
}


def _comparisons(expression: Expression) -> Iterator[Expression]:
    operator, operands = _opened(expression)
    if operator in ("!", "&&", "||"):
        for item in operands.values():
            yield from _comparisons(item)
    else:
        yield expression


def _read(expression: Expression) -> Iterator[str]:
    operator, operands = _opened(expression)
    if operator == ".":
        yield operands["attr"]
    elif operator == "Set":
        for item in operands:
            yield from _read(item)
    elif operator != "Value":
        for item in operands.values():
            yield from _read(item)


def _opened(expression: Expression) -> tuple[str, Any]:
    """Return operator and operands; raise PolicyError for one that is not known (rule 3)."""
    operator, operands = next(iter(expression.items()))
    if operator == "." and operands["left"] != {"Var": "context"}:
        raise PolicyError("it reads something else than a fact of the context")
    if operator not in _OTHERS and operator not in _BINARY:
        raise PolicyError(f"it uses {operator}, which the jurist's tools cannot read")
    return operator, operands
