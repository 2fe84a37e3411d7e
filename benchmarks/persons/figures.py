"""What a run amounts to: shares with their intervals, held against the bars.

Must not: run or write anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kruispunt_processors.persons.decision import OutcomeKind
from kruispunt_processors.persons.measures import Interval, clopper_pearson, wilson

from benchmarks.persons.census import Kin
from benchmarks.persons.judging import Judged
from benchmarks.persons.rates import Slip, Source

FALSE_LINKS_BAR: Final = 8e-4
FALSE_LINKS_BOUND_BAR: Final = 12e-4
"""False links in automatic links, and the upper bound of the 95% interval of Clopper and Pearson."""
LINKED_BAR: Final = 0.85
WITH_REVIEW_BAR: Final = 0.975
REVIEW_BAR: Final = 0.11


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """Return the share, 0 of nothing."""
        return self.part / self.whole if self.whole else 0.0

    @property
    def exact(self) -> Interval:
        """Return the interval of Clopper and Pearson."""
        return clopper_pearson(self.part, self.whole)

    @property
    def score(self) -> Interval:
        """Return the interval of Wilson."""
        return wilson(self.part, self.whole)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of some mentions.

    false_links: of the links made. linked, with_review, false_new, found: of the mentions of known persons. review: of all;
    begotten: of all, those that an earlier review left without an answer.
    compared: mentions compared, mean and 99th percentile. reduction: comparisons that the keys save.
    """

    mentions: int
    known: int
    false_links: Share
    linked: Share
    with_review: Share
    review: Share
    begotten: Share
    false_new: Share
    found: Share
    compared_mean: float
    compared_p99: int

    @property
    def bars_met(self) -> Mapping[str, bool]:
        """Return each bar and whether it is met."""
        return {
            f"false links <= {FALSE_LINKS_BAR * 1e4:.0f} in 10,000": self.false_links.value
            <= FALSE_LINKS_BAR,
            f"its 95% upper bound <= {FALSE_LINKS_BOUND_BAR * 1e4:.0f}": self.false_links.exact.high
            <= FALSE_LINKS_BOUND_BAR,
            f"linked automatically >= {LINKED_BAR}": self.linked.value >= LINKED_BAR,
            f"with review >= {WITH_REVIEW_BAR}": self.with_review.value >= WITH_REVIEW_BAR,
            f"to review <= {REVIEW_BAR:.0%}": self.review.value <= REVIEW_BAR,
        }


def figures(judged: Iterable[Judged]) -> Figures:
    """Return the figures of some mentions."""
    items = list(judged)
    known = [item for item in items if item.known]
    links = [item for item in items if item.kind is OutcomeKind.LINK]
    compared = sorted(item.mentions for item in items)
    return Figures(
        mentions=len(items),
        known=len(known),
        false_links=Share(sum(item.false_link for item in links), len(links)),
        linked=_share(known, lambda item: item.right),
        with_review=_share(known, lambda item: item.right or item.offered),
        review=_share(items, lambda item: item.kind is OutcomeKind.REVIEW),
        begotten=_share(items, lambda item: item.begotten),
        false_new=_share(known, lambda item: item.kind is OutcomeKind.NEW),
        found=_share(known, lambda item: item.found),
        compared_mean=sum(compared) / len(compared) if compared else 0.0,
        compared_p99=compared[int(len(compared) * 0.99)] if compared else 0,
    )


def by_slip(judged: Sequence[Judged]) -> dict[str, Figures]:
    """Return the figures of the mentions with each slip, and of those with none."""
    found = {
        slip.value: figures(mentions)
        for slip in Slip
        if (mentions := [item for item in judged if slip in item.slips])
    }
    return {"none": figures(item for item in judged if not item.slips)} | found


def by_kin(judged: Sequence[Judged]) -> dict[str, Figures]:
    """Return the figures by how the person mentioned stands to others."""
    return {kin.name.lower(): figures(item for item in judged if item.kin is kin) for kin in Kin}


def by_source(judged: Sequence[Judged]) -> dict[str, Figures]:
    """Return the figures by the care of the source."""
    return {source.value: figures(item for item in judged if item.source is source) for source in Source}


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """What links would be at another bound of the posterior, the guards being as they are."""

    threshold: float
    false_links: Share
    linked: Share


def by_threshold(judged: Sequence[Judged], thresholds: Sequence[float]) -> list[AtThreshold]:
    """Return the links at each bound. What follows from earlier decisions is left as it was."""
    known = sum(item.known for item in judged)
    free = sorted(
        ((item.posterior, item.first_is_right) for item in judged if item.persons and not item.guards),
        reverse=True,
    )
    found = []
    for threshold in thresholds:
        links = [right for posterior, right in free if posterior >= threshold]
        right = sum(links)
        found.append(AtThreshold(threshold, Share(len(links) - right, len(links)), Share(right, known)))
    return found


def _share(items: Sequence[Judged], has: Callable[[Judged], bool]) -> Share:
    return Share(sum(has(item) for item in items), len(items))
