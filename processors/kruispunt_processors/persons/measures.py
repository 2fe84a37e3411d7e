"""How good a resolver is: shares with their intervals, and what blocking keeps and saves.

Rules
-----
1. A share of nothing is None, never zero or one.
2. Intervals are two-sided. Wilson's is near the truth on average (Wilson 1927); Clopper and Pearson's never covers less
   than it says, and is the one to hold a bar against (Clopper and Pearson 1934).

Must not: know what a person is; read or write anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95
_TINY: Final = 1e-300
_CLOSE: Final = 1e-15
_FRACTION_TERMS: Final = 10_000
_HALVINGS: Final = 60
"""Steps of the bisection: from an interval of 1 to 1e-18, beyond what a float tells apart."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a share, both between 0 and 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of mentions as a resolver judged them: right links, wrong links, and links that it left out."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float | None:
        """Return the share of links that are right."""
        return share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float | None:
        """Return the share of true pairs that are linked."""
        return share(self.right, self.right + self.missed)

    @property
    def f1(self) -> float | None:
        """Return the harmonic mean of precision and recall."""
        return share(2 * self.right, 2 * self.right + self.wrong + self.missed)


def share(part: int, whole: int) -> float | None:
    """Return part of whole, None of nothing; raise ValueError unless 0 <= part <= whole."""
    _check(part, whole)
    return part / whole if whole else None


def pairs_completeness(found: int, true: int) -> float | None:
    """Return the share of true pairs that blocking puts before the resolver (Christen 2012, section 7.3)."""
    return share(found, true)


def reduction_ratio(compared: int, possible: int) -> float | None:
    """Return the share of comparisons that blocking saves (Christen 2012, section 7.3)."""
    saved = share(compared, possible)
    return None if saved is None else 1 - saved


def wilson(part: int, whole: int, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval; (0, 1) for a share of nothing. Raise ValueError unless 0 <= part <= whole."""
    _check(part, whole)
    if not whole:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p, square = part / whole, z * z
    middle = p + square / (2 * whole)
    reach = z * math.sqrt(p * (1 - p) / whole + square / (4 * whole * whole))
    scale = 1 + square / whole
    low, high = (middle - reach) / scale, (middle + reach) / scale
    return Interval(low if part else 0.0, high if part < whole else 1.0)


def clopper_pearson(part: int, whole: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact interval; (0, 1) for a share of nothing. Raise ValueError unless 0 <= part <= whole."""
    _check(part, whole)
    tail = (1 - confidence) / 2
    low = _quantile(tail, part, whole - part + 1) if part else 0.0
    high = _quantile(1 - tail, part + 1, whole - part) if part < whole else 1.0
    return Interval(low, high)


def _check(part: int, whole: int) -> None:
    if not 0 <= part <= whole:
        raise ValueError(f"no share: {part} of {whole}")


def _quantile(probability: float, a: float, b: float) -> float:
    """Return where the beta distribution's cumulative probability is reached, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if incomplete_beta(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).

    The fraction converges fast below (a + 1) / (a + b + 2); beyond it the symmetry I_x(a, b) = 1 - I_1-x(b, a) is used.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(front) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    """Return 1 / (1 + d1 / (1 + d2 / (1 + ...))), evaluated from the front (Lentz's method)."""
    value, c, d = 1.0, 1.0, 0.0
    for term in range(_FRACTION_TERMS):
        m = term // 2
        if term == 0:
            numerator = 1.0
        elif term % 2:
            numerator = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            numerator = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _nonzero(1 + numerator * d)
        c = _nonzero(1 + numerator / c)
        value *= c * d
        if abs(1 - c * d) < _CLOSE:
            break
    return value - 1


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
