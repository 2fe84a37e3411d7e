"""Why not: the smallest change that would have released a section to a participant.

Rules
-----
1. `facts_to_change` gives every set of changes of facts of the smallest size that works, up to `DEEPEST`: no smaller set
   does. Most plausible first: what an originator says of a recipient, then what the signal says, then what the
   recipient's row says, last what can hardly be otherwise (what kind of service it is, what type of signal).
2. A change makes one fact otherwise: a boolean, a word of an enumeration, an ordinal by as little as will do, one word
   more or less of a set. Words of an enumeration that do the same are one change.
3. `rules_to_change` gives what the policy would have to be without: the guards that withhold, and, where no ground
   permits, the conditions of a ground that do not hold; fewest first.
4. Each answer is put to Cedar before it is given. For a section that was released there is none.

Must not: say that a change would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Final

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow import fact_words
from kruispunt_schemas.needtoknow.bundle import ORDINALS, ParticipantKind, Regime, Role, Tier
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.conditions import Condition, Conditions, conditions
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.needtoknow.rules import Language
from kruispunt_schemas.records.frame import Handling, Lifecycle
from kruispunt_schemas.records.sections import DataSubject, MeasureKind, Nature
from kruispunt_schemas.schema import SIGNAL_TYPES

DEEPEST: Final = 3
"""Changes in one answer, at most."""
_PLAUSIBLE: Final = (
    "has_consent is_named is_excluded in_active_group in_territory follows_subject",
    "under_embargo has_consensus under_secrecy markings classification lacks_agreement is_screened purpose_fits nature_fits",
    "measure_kinds nature data_subject is_minor clearance channel tier has_national_mandate is_competent lifecycle",
    "recipient_roles regime is_national is_originator signal_type originator_kind recipient_kind",
)
"""Facts by how easily they might have been otherwise (rule 1)."""
_RANK: Final = {fact: rank for rank, names in enumerate(_PLAUSIBLE) for fact in names.split()}
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "signal_type": SIGNAL_TYPES,
    "lifecycle": tuple(item.value for item in Lifecycle),
    "nature": tuple(item.value for item in Nature),
    "originator_kind": tuple(item.value for item in ParticipantKind),
    "recipient_kind": tuple(item.value for item in ParticipantKind),
    "data_subject": ("NONE", *(item.value for item in DataSubject)),
    "tier": tuple(item.value for item in Tier),
    "regime": tuple(item.value for item in Regime),
}
_ELEMENTS: Final[dict[str, tuple[str, ...]]] = {
    "markings": tuple(item.value for item in Handling),
    "measure_kinds": tuple(item.value for item in MeasureKind),
    "recipient_roles": tuple(item.value for item in Role),
}
_UNKNOWN: Final = "UNRECOGNISED"


@dataclass(frozen=True, slots=True)
class Change:
    """One fact otherwise: from ``before`` to any of ``after``. element: the word of a set that comes or goes, else ''."""

    fact: str
    before: object
    after: tuple[object, ...]
    element: str = ""

    def made(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return facts with the change."""
        if not self.element:
            return {**values, self.fact: self.after[0]}
        return {**values, self.fact: tuple(sorted({*values[self.fact]} ^ {self.element}))}

    def said(self, language: Language) -> str:
        """Return the change in words: what the fact is called, what it was, what it would have been."""
        if self.element:
            before, after = (fact_words.shown("", item, language) for item in (self.before, self.after[0]))
            return f"{fact_words.called(self.fact, language)} {self.element}: {before} → {after}"
        before = fact_words.shown(self.fact, self.before, language)
        after = " / ".join(fact_words.shown(self.fact, item, language) for item in self.after)
        return f"{fact_words.called(self.fact, language)}: {before} → {after}"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What the policy would have to be without. ground: the one that would permit, '' where one does already."""

    ground: str
    conditions: tuple[Condition, ...]
    guards: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return how many rules and conditions would have to go."""
        return len(self.conditions) + len(self.guards)


def facts_to_change(
    engine: PolicyEngine, policies: str, facts: Facts, section: str
) -> list[tuple[Change, ...]]:
    """Return every smallest set of changes of facts that would have released a section, most plausible first."""
    if _released(engine, facts, section):
        return []
    about = [rule for rule in conditions(policies) if rule.speaks_of(section)]
    grounds = [rule for rule in about if rule.permits]
    guards = [rule for rule in about if not rule.permits]
    if any(not rule.parts for rule in guards):
        return []
    search = _Search(policies, guards, asdict(facts))
    for size in range(1, DEEPEST + 1):
        found = {
            frozenset(item.fact + item.element + str(item.after) for item in answer): answer
            for ground in grounds
            for answer in search.answers(ground, (), size)
        }
        if found:
            answers = [tuple(sorted(answer, key=_place)) for answer in found.values()]
            answers = [answer for answer in answers if not _overdone(answer, answers)]
            for answer in answers:
                _checked(engine, facts, section, answer)
            return sorted(
                answers, key=lambda answer: (sum(_RANK[item.fact] for item in answer), *map(_place, answer))
            )
    return []


def rules_to_change(policies: str, facts: Facts, section: str) -> list[PolicyChange]:
    """Return what the policy would have to be without for a section to be released, fewest first (rule 3)."""
    values = asdict(facts)
    about = [rule for rule in conditions(policies) if rule.speaks_of(section)]
    guards = tuple(sorted(rule.rule for rule in about if not rule.permits and rule.hold(values)))
    grounds = [(rule.rule, rule.missing(values)) for rule in about if rule.permits]
    if any(not missing for _, missing in grounds):
        return [PolicyChange("", (), guards)] if guards else []
    return sorted(
        (PolicyChange(name, missing, guards) for name, missing in grounds),
        key=lambda item: (item.size, item.ground),
    )


@dataclass(frozen=True, slots=True)
class _Search:
    """Looks for sets of changes: an obstacle falls only by a change of a fact that it reads."""

    policies: str
    guards: list[Conditions]
    values: dict[str, Any]

    def answers(
        self, ground: Conditions, made: tuple[Change, ...], left: int
    ) -> Iterator[tuple[Change, ...]]:
        """Give the sets of exactly so many more changes after which a ground permits and no guard withholds."""
        values = self.values
        for change in made:
            values = change.made(values)
        obstacles = [frozenset(part.facts) for part in ground.missing(values)]
        obstacles += [rule.facts for rule in self.guards if rule.hold(values)]
        if not obstacles:
            if left == 0:
                yield made
            return
        if left < _at_least(obstacles):
            return
        changed = {(item.fact, item.element) for item in made}
        for fact in min(obstacles, key=len):
            for change in _changes(self.policies, fact, self.values[fact]):
                if (fact, change.element) not in changed:
                    yield from self.answers(ground, (*made, change), left - 1)


def _at_least(obstacles: Iterable[frozenset[str]]) -> int:
    """Return how many changes obstacles need at least: those that share no fact need one each, and sets may need more."""
    hit: set[str] = set()
    count = 0
    for facts in obstacles:
        if hit.isdisjoint(facts):
            hit |= facts
            count += 1
    return count


@cache
def _changes(policies: str, fact: str, before: Any) -> tuple[Change, ...]:
    """Return every change of a fact from a value (rule 2)."""
    if isinstance(before, bool):
        return (Change(fact, before, (not before,)),)
    if fact in _ELEMENTS:
        words = [word for word in _ELEMENTS[fact] if word != _UNKNOWN or word in before]
        return tuple(Change(fact, word in before, (word not in before,), word) for word in words)
    if fact in fact_words.ORDERED:
        levels = sorted(
            set(range(max(ORDINALS.values()))) - {before}, key=lambda level: (abs(level - before), level)
        )
        return tuple(Change(fact, before, (level,)) for level in levels)
    groups: dict[tuple[bool, ...], list[object]] = {}
    for word in _WORDS.get(fact, ()):
        if word not in (before, _UNKNOWN):
            groups.setdefault(_told(policies, fact, word), []).append(word)
    return tuple(Change(fact, before, tuple(words)) for words in groups.values())


def _told(policies: str, fact: str, word: str) -> tuple[bool, ...]:
    """Return what the policy tells a word by: the outcome of each comparison that reads the fact alone."""
    return tuple(
        Condition.of(leaf).holds({fact: word})
        for rule in conditions(policies)
        for part in rule.parts
        if fact in part.facts
        for leaf in part.comparisons()
        if Condition.of(leaf).facts == {fact}
    )


def _overdone(answer: tuple[Change, ...], answers: list[tuple[Change, ...]]) -> bool:
    """Tell whether another answer differs by a smaller step of an ordinal alone (rule 2)."""
    return any(
        other != answer
        and [(item.fact, item.element) for item in other] == [(item.fact, item.element) for item in answer]
        and all(
            mine.after == theirs.after or (mine.fact in fact_words.ORDERED and _step(theirs) < _step(mine))
            for mine, theirs in zip(answer, other, strict=True)
        )
        for other in answers
    )


def _step(change: Change) -> int:
    before, after = change.before, change.after[0]
    return abs(after - before) if isinstance(after, int) and isinstance(before, int) else 0


def _place(change: Change) -> tuple[int, str, str, str]:
    return (_RANK[change.fact], change.fact, change.element, str(change.after))


def _released(engine: PolicyEngine, facts: Facts, section: str) -> bool:
    return any(item.released for item in engine.evaluate(facts, (section,)))


def _checked(engine: PolicyEngine, facts: Facts, section: str, answer: tuple[Change, ...]) -> None:
    """Put an answer to Cedar (rule 4)."""
    values = asdict(facts)
    for change in answer:
        values = change.made(values)
    if not _released(engine, Facts(**values), section):
        raise PolicyError(f"the policy's two readings differ on {section}: no answer is given")
