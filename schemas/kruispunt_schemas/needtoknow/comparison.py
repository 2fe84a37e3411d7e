"""Which outcomes would be otherwise under another bundle: past decisions decided again under two bundles.

Rules
-----
1. A decision is decided again from what it records (`recording.recorded`); participants are the same by name. Of a
   participant that the decision's own bundle did not have, the signal says nothing.
2. What a row says (mandate, clearance, roles) is the compared bundle's; where an event happened is as it was recorded, for a
   decision records who was competent for the place and not the place.
3. A change is one section of one participant, gained or lost. rules: the grounds that now permit, or the guards that now
   withhold; "no-ground" where none permits any more.
4. Where two policies differ is looked for by their conditions (`conditions`), which is fast; each difference is then put to
   Cedar, and what Cedar says is given.
5. A recall releases nothing under any policy and is not compared.

Must not: read a topic or a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from kruispunt_schemas.needtoknow import bitmaps
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.conditions import conditions, outcomes
from kruispunt_schemas.needtoknow.facts import Facts, SignalFacts, groups
from kruispunt_schemas.needtoknow.recording import recorded
from kruispunt_schemas.needtoknow.rules import NO_GROUND
from kruispunt_schemas.records.backbone import Decision, SectionOutcome
from kruispunt_schemas.records.frame import Lifecycle


@dataclass(frozen=True, slots=True)
class Policy:
    """A bundle and its policies, parsed."""

    bundle: Bundle
    engine: PolicyEngine

    @classmethod
    def of(cls, bundle: Bundle) -> Policy:
        """Return the policy of a bundle; raise PolicyError with every mistake in its rules."""
        return cls(bundle, PolicyEngine(bundle.policies, bundle.policy_schema))


@dataclass(frozen=True, slots=True)
class Changed:
    """One section of one participant, gained or lost (rule 3)."""

    decision_id: UUID
    signal_id: UUID
    signal_type: str
    participant: str
    section: str
    gained: bool
    rules: tuple[str, ...]


@dataclass(slots=True)
class Difference:
    """What differs over many decisions; counts of sections by participant, type, section and rule."""

    decisions: int = 0
    touched: int = 0
    gained: int = 0
    lost: int = 0
    participants: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    sections: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)

    def add(self, changes: Iterable[Changed]) -> None:
        """Count one decision more."""
        self.decisions += 1
        found = list(changes)
        self.touched += bool(found)
        for item in found:
            self.gained += item.gained
            self.lost += not item.gained
            self.participants[item.participant] += 1
            self.types[item.signal_type] += 1
            self.sections[item.section] += 1
            self.rules.update(item.rules)

    def counts(self) -> dict[str, object]:
        """Return the counts as plain values, the highest first."""
        numbers = {name: getattr(self, name) for name in ("decisions", "touched", "gained", "lost")}
        counters = {name: getattr(self, name) for name in ("participants", "types", "sections", "rules")}
        return {**numbers, **{name: dict(counter.most_common()) for name, counter in counters.items()}}


def compare(decision: Decision, own: Bundle, old: Policy, new: Policy) -> Iterator[Changed]:
    """Give every section of a decision that the two policies release differently, by participant and section.

    own: the bundle that the decision cites; raise ContractError when its facts cannot be read.
    """
    if decision.lifecycle is Lifecycle.RECALL:
        return
    signal = recorded(own, decision)
    before, after = (_facts(own, signal, policy) for policy in (old, new))
    for name in sorted({*before, *after}):
        earlier, later = before.get(name), after.get(name)
        if _foreseen(old, earlier, decision.sections) != _foreseen(new, later, decision.sections):
            yield from _changes(
                decision, name, _decided(old, earlier, decision), _decided(new, later, decision)
            )


def _changes(
    decision: Decision, name: str, before: Mapping[str, SectionOutcome], after: Mapping[str, SectionOutcome]
) -> Iterator[Changed]:
    for section in sorted(decision.sections):
        was, now = before.get(section), after.get(section)
        gained = now is not None and now.released
        if gained == (was is not None and was.released):
            continue
        rules: tuple[str, ...] = (NO_GROUND,)
        if now is not None:
            rules = now.grounds if gained else now.guards
        yield Changed(
            decision_id=decision.decision_id,
            signal_id=decision.signal_id,
            signal_type=decision.signal_type,
            participant=name,
            section=section,
            gained=gained,
            rules=rules,
        )


def translated(own: Bundle, other: Bundle, signal: SignalFacts) -> SignalFacts:
    """Return what a signal says of one bundle's participants, of another's by name."""
    if own.index == other.index:
        return signal
    return SignalFacts(
        signal.stated,
        {
            fact: bitmaps.bitmap_of(other, bitmaps.members_of(own, members))
            for fact, members in signal.holders.items()
        },
    )


def _facts(own: Bundle, signal: SignalFacts, policy: Policy) -> dict[str, Facts]:
    """Return the facts of every participant of a policy's bundle."""
    bundle = policy.bundle
    return {
        name: facts
        for facts, members in groups(bundle, translated(own, bundle, signal))
        for name in bitmaps.members_of(bundle, members)
    }


def _foreseen(policy: Policy, facts: Facts | None, sections: tuple[str, ...]) -> frozenset[str]:
    """Return the sections that are released, as the conditions have it (rule 4)."""
    return frozenset() if facts is None else _released(policy.bundle.policies, facts, sections)


@lru_cache(maxsize=65_536)
def _released(policies: str, facts: Facts, sections: tuple[str, ...]) -> frozenset[str]:
    found = outcomes(conditions(policies), facts, sections)
    return frozenset(name for item in found if item.released for name in item.sections)


def _decided(policy: Policy, facts: Facts | None, decision: Decision) -> dict[str, SectionOutcome]:
    """Return what Cedar says of each section that a ground permits."""
    found = () if facts is None else policy.engine.evaluate(facts, decision.sections)
    return {name: outcome for outcome in found for name in outcome.sections}
