"""Cedar at one boundary: parse once, validate at load, evaluate facts, never trust a bare Allow.

Rules (Cedar as it is, tried with cedarpy 4.12)
-----------------------------------------------
1. A bundle whose policies do not validate against its schema is refused; so is a rule without its words (`rules`).
2. A forbid that errors is skipped by Cedar and the answer is Allow: any diagnostic error withholds.
3. Permits that match are not listed on Deny: so the grounds are asked alone, and where one permits everything is asked.
   A section that no ground permits is left out: nothing is there to overrule. What the grounds say is kept by the facts
   that they read, which are fewer: most participants have no ground whatever a signal is marked with.
4. Reasons come in random order: they are mapped to ids and sorted.
5. Anything but Allow or Deny withholds and counts as an error.

Must not: see a signal or a participant's name; facts only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import lru_cache
from typing import Any, Final

import cedarpy

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.needtoknow.rules import rules
from kruispunt_schemas.records.backbone import SectionOutcome

_PRINCIPAL: Final = 'Recipient::"recipient"'
_RESOURCE: Final = 'Signal::"signal"'
_CONTEXT: Final = {"Var": "context"}
KEPT: Final = 65_536
"""Outcomes kept, by facts and sections: enough for all that honest signals say, and a bound for those that are not."""
_NO_ENTITIES: Final = cedarpy.Entities.from_json_str("[]")


class PolicyEngine:
    """The policies of one bundle, parsed; `evaluate` is a pure function of facts and keeps what it has decided.

    asked: outcomes of groups that decisions have asked for, kept ones included; whoever decides counts.
    """

    def __init__(self, policies: str, policy_schema: str) -> None:
        """Parse and validate; raise PolicyError with every mistake."""
        try:
            self._schema = cedarpy.Schema.from_str(policy_schema)
            result = cedarpy.validate_policies(policies, self._schema)
            parsed = json.loads(cedarpy.policies_to_json_str(policies))
            permits = {
                name: rule for name, rule in parsed["staticPolicies"].items() if rule["effect"] == "permit"
            }
            self._grounds = cedarpy.PolicySet.from_json_str(json.dumps({**parsed, "staticPolicies": permits}))
            self._everything = cedarpy.PolicySet.from_str(policies)
        except ValueError as error:
            raise PolicyError(f"the policies cannot be parsed: {error}") from None
        if not result.validation_passed:
            raise PolicyError("; ".join(str(item) for item in result.errors))
        self.rules = rules(policies)
        self._read_by_grounds = _read_by_grounds(permits)
        self._granted: dict[tuple[object, ...], dict[str, cedarpy.AuthzResult]] = {}
        self._evaluated = lru_cache(maxsize=KEPT)(self._evaluate)
        self.asked = 0

    def evaluate(self, facts: Facts, sections: Sequence[str]) -> tuple[SectionOutcome, ...]:
        """Return the outcome of the sections, equal ones together, sorted; facts are the whole key of the cache.

        A section that no ground permits is left out.
        """
        return self._evaluated(facts, tuple(sorted(sections)))

    @property
    def evaluated(self) -> int:
        """Return how often Cedar was asked about facts that were not kept; beside `asked`, the rate of the cache."""
        return self._evaluated.cache_info().misses

    def _evaluate(self, facts: Facts, sections: tuple[str, ...]) -> tuple[SectionOutcome, ...]:
        permitted = self._permitted(facts, sections)
        verdicts = self._ask(self._everything, facts, tuple(permitted))
        outcomes: dict[SectionOutcome, list[str]] = {}
        for section, answer in permitted.items():
            outcomes.setdefault(_outcome(answer, verdicts[section]), []).append(section)
        return tuple(
            sorted(
                (replace(outcome, sections=tuple(names)) for outcome, names in outcomes.items()),
                key=lambda outcome: outcome.sections,
            )
        )

    def _permitted(self, facts: Facts, sections: tuple[str, ...]) -> dict[str, cedarpy.AuthzResult]:
        """Return what the grounds say of each section that one permits or errs on; kept by the facts that they read."""
        key = (sections, *(getattr(facts, name) for name in self._read_by_grounds))
        found = self._granted.get(key)
        if found is None:
            if len(self._granted) >= KEPT:
                self._granted.clear()
            answers = self._ask(self._grounds, facts, sections)
            found = {name: answer for name, answer in answers.items() if _ids(answer) or _errors(answer)}
            self._granted[key] = found
        return found

    def _ask(
        self, policies: cedarpy.PolicySet, facts: Facts, sections: Sequence[str]
    ) -> dict[str, cedarpy.AuthzResult]:
        context = asdict(facts)
        requests = [
            {
                "principal": _PRINCIPAL,
                "action": f'Action::"{section}"',
                "resource": _RESOURCE,
                "context": context,
            }
            for section in sections
        ]
        if not requests:
            return {}
        results = cedarpy.is_authorized_batch(requests, policies, _NO_ENTITIES, self._schema)
        return dict(zip(sections, results, strict=True))


def _outcome(permitted: cedarpy.AuthzResult, verdict: cedarpy.AuthzResult) -> SectionOutcome:
    """Return what the policy says of a section, without its name. permitted: the grounds' answer, verdict: that of all."""
    errors = max(_errors(permitted), _errors(verdict))
    return SectionOutcome(
        sections=(),
        released=verdict.allowed and errors == 0,
        grounds=_ids(permitted),
        guards=_ids(verdict) if verdict.decision is cedarpy.Decision.Deny else (),
        errors=errors,
    )


def _errors(result: cedarpy.AuthzResult) -> int:
    sound = result.decision in (cedarpy.Decision.Allow, cedarpy.Decision.Deny)
    return len(result.diagnostics.errors) + (0 if sound else 1)


def _ids(result: cedarpy.AuthzResult) -> tuple[str, ...]:
    named = result.diagnostics.id_annotations_by_reason
    return tuple(sorted(named[reason] for reason in result.diagnostics.reasons))


def _read_by_grounds(grounds: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the facts that the permits name, sorted: their answer follows from these alone.

    All facts, should one read the context in another way than by naming a fact of it.
    """
    nodes = [node for rule in grounds.values() for node in _nodes(rule["conditions"])]
    read = [
        node[operator]["attr"]
        for node in nodes
        for operator in (".", "has")
        if operator in node and node[operator]["left"] == _CONTEXT
    ]
    if len(read) < nodes.count(_CONTEXT):
        return tuple(item.name for item in fields(Facts))
    return tuple(sorted(set(read)))


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Give every object within a value of JSON."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes(item)
