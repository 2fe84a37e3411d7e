"""Two dates of birth beside each other, any part of which may be unknown (0).

Rules
-----
1. A swapped day and month, one slip and an unknown part are levels of their own.
2. A birthday that registers write for an unknown one (1 January, 1 July) says less than another.

Must not: weigh.
"""

from __future__ import annotations

from typing import Final

from rapidfuzz.distance import OSA

from kruispunt_processors.persons.normalisation import Birth

HABITUAL: Final = frozenset(((1, 1), (7, 1)))
"""Month and day that registers write when the birthday is not known."""


def birth_level(a: Birth, b: Birth) -> str:
    """Return how far two dates agree; both have a year, or both a day."""
    if a[2] and b[2]:
        return _full(a, b)
    if a[0] != b[0]:
        return "different"
    if a[1] and b[1]:
        return "month" if a[1] == b[1] else "same-year"
    return "year"


def _full(a: Birth, b: Birth) -> str:
    year, month, day = a
    other_year, other_month, other_day = b
    if month == other_month and day == other_day:
        if year == other_year and year:
            return "habitual" if (month, day) in HABITUAL else "equal"
        return "year-off" if year and other_year and _slip(f"{year}", f"{other_year}") else "day"
    if year != other_year or not year:
        return "different"
    if month == other_day and day == other_month:
        return "swapped"
    one = month == other_month or day == other_day
    return "close" if one and _slip(f"{month:02}{day:02}", f"{other_month:02}{other_day:02}") else "same-year"


def _slip(a: str, b: str) -> bool:
    return OSA.distance(a, b) == 1
