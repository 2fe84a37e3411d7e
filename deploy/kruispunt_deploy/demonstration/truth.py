"""The generator's truth against the audit's balance: pure.

Rules: counted by what is certain. Within a group of equal contents one is decided and the others are duplicates,
whichever came first; so duplicates are compared by kind and number, quarantine by reason and number, refusals of the
adapters by reason and field. Must not: read a topic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from kruispunt_consumers.audit.balance import Verdict
from kruispunt_producers.synthetic import Expected, Outcome

ACCESS_TYPES = frozenset({"Receipt", "Consultation"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the balance that is not the truth's."""

    figure: str
    expected: int
    found: int


def differences(
    truth: Iterable[Expected], verdict: Verdict, refused_by_adapters: Counter[str]
) -> list[Difference]:
    """Return every figure that differs. refused_by_adapters: ``reason field`` counted over all posting boxes."""
    expected, found = _expected(truth), _found(verdict, refused_by_adapters)
    return [
        Difference(figure, expected[figure], found[figure])
        for figure in sorted(expected.keys() | found.keys())
        if expected[figure] != found[figure]
    ]


def _expected(truth: Iterable[Expected]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for item in truth:
        match item.outcome:
            case Outcome.DECIDED:
                counts[f"decided of {item.participant}"] += 1
            case Outcome.DUPLICATE:
                counts[f"duplicate {item.duplicate} of {item.participant}"] += 1
            case Outcome.QUARANTINE:
                counts[f"quarantine {item.reason} of {item.participant}"] += 1
            case Outcome.REFUSED_BY_ADAPTER:
                counts[f"refused by adapter {item.reason} {item.field}"] += 1
    return counts


def _found(verdict: Verdict, refused_by_adapters: Counter[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for item in verdict.outcomes:
        if item.record_type in ACCESS_TYPES:
            continue
        owner = item.place.participant
        reason = f" {item.reason}" if item.reason else ""
        counts[f"{_WORDS.get(item.ending.value, item.ending.value)}{reason} of {owner}"] += 1
    counts.update({f"refused by adapter {name}": count for name, count in refused_by_adapters.items()})
    return counts


_WORDS = {"quarantined": "quarantine"}
