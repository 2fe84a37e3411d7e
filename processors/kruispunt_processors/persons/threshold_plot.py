"""Precision and recall against the threshold, as one picture.

Rule: the SVG follows from the evaluation alone, byte for byte. Thresholds are drawn by their odds, so that .99 and .999 are
apart. Must not: read a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Final

from kruispunt_processors.persons.evaluation import Evaluation, Measure, Point, measure

WIDTH: Final = 720
HEIGHT: Final = 400
LEFT: Final = 56
RIGHT: Final = 40
TOP: Final = 44
BOTTOM: Final = 60
STEP_BITS: Final = 0.1
"""Thresholds that are nearer to each other, in bits of their odds, are drawn as one: about two pixels."""
FLOORS: Final = (0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0)
"""Where the upright axis may begin."""
TICKS: Final = (0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
_LAST: Final = 1e-6
"""Nearer to 0 or 1 than this is drawn as this."""
_PRECISION: Final = "#1f5fa8"
_RECALL: Final = "#c8691c"
_INK: Final = "#333333"
_GRID: Final = "#e3e3e3"


def picture(evaluation: Evaluation, link: float, new: float) -> str:
    """Return the picture as SVG. link, new: the model's bounds of the posterior."""
    return "\n".join(_svg(evaluation, link, new)) + "\n"


def _svg(evaluation: Evaluation, link: float, new: float) -> Iterator[str]:
    curve = _thinned(evaluation.curve)
    series = [
        (_PRECISION, "precision", [(point.threshold, measure(point.links.right, point.links.right + point.links.wrong)) for point in curve], evaluation.precision),
        (_RECALL, "recall", [(point.threshold, measure(point.links.right, point.links.right + point.links.missed)) for point in curve], evaluation.recall),
    ]  # fmt: skip
    lowest = min(
        (each.interval.low for _, _, points, decided in series for each in (*(m for _, m in points), decided) if each.value is not None),
        default=0.0,
    )  # fmt: skip
    floor = next(each for each in FLOORS if each <= lowest)
    leftmost = _odds(min([new, *(point.threshold for point in curve)]))
    rightmost = -_odds(_LAST)

    def across(threshold: float) -> float:
        share = (_odds(threshold) - leftmost) / (rightmost - leftmost)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def up(share: float) -> float:
        return HEIGHT - BOTTOM - (share - floor) / (1 - floor) * (HEIGHT - TOP - BOTTOM)

    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="{_INK}">'
    )
    yield "<title>Precision and recall against the threshold</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    yield from _axes(across, up, floor, leftmost)
    x = across(link)
    yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="{_INK}" stroke-dasharray="4 3"/>'
    yield f'<text x="{x:.1f}" y="{TOP - 6}" text-anchor="middle">link at {_short(link)}</text>'
    for colour, _, points, decided in series:
        yield from _line(colour, points, across, up)
        if decided.value is not None:
            yield f'<circle cx="{x:.1f}" cy="{up(decided.value):.1f}" r="4.5" fill="{colour}" stroke="#ffffff" stroke-width="1.5"/>'
    place = float(LEFT)
    for colour, name, _, decided in series:
        yield f'<line x1="{place:.0f}" y1="16" x2="{place + 22:.0f}" y2="16" stroke="{colour}" stroke-width="2.5"/>'
        text = f"{name}, as decided {_figure(decided)}"
        yield f'<text x="{place + 28:.0f}" y="20">{escape(text)}</text>'
        place += 28 + 6.4 * len(text) + 24
    yield f'<circle cx="{place + 6:.0f}" cy="16" r="4.5" fill="{_INK}"/>'
    yield f'<text x="{place + 16:.0f}" y="20">with the guards</text>'
    yield "</svg>"


def _axes(
    across: Callable[[float], float], up: Callable[[float], float], floor: float, leftmost: float
) -> Iterator[str]:
    for step in range(6):
        share = floor + (1 - floor) * step / 5
        y = up(share)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{_GRID}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_short(round(share, 4))}</text>'
    for tick in TICKS:
        if _odds(tick) >= leftmost:
            x = across(tick)
            yield f'<line x1="{x:.1f}" y1="{HEIGHT - BOTTOM}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM + 5}" stroke="{_INK}"/>'
            yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 19}" text-anchor="middle">{_short(tick)}</text>'
    yield f'<line x1="{LEFT}" y1="{HEIGHT - BOTTOM}" x2="{WIDTH - RIGHT}" y2="{HEIGHT - BOTTOM}" stroke="{_INK}"/>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle:.0f}" y="{HEIGHT - 16}" text-anchor="middle">a pair is linked from this posterior on (drawn by its odds); bands: 95% intervals</text>'


def _line(
    colour: str,
    points: Sequence[tuple[float, Measure]],
    across: Callable[[float], float],
    up: Callable[[float], float],
) -> Iterator[str]:
    there = [(across(threshold), each) for threshold, each in points if each.value is not None]
    if not there:
        return
    above = _steps([(x, up(each.interval.high)) for x, each in there])
    below = _steps([(x, up(each.interval.low)) for x, each in there])
    yield f'<polygon points="{" ".join([*above, *reversed(below)])}" fill="{colour}" fill-opacity="0.15"/>'
    line = " ".join(_steps([(x, up(each.value or 0.0)) for x, each in there]))
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'


def _steps(points: Sequence[tuple[float, float]]) -> list[str]:
    """Return the corners of a line that keeps its height until the next point."""
    corners = [f"{points[0][0]:.1f},{points[0][1]:.1f}"]
    for (_, height), (x, y) in pairwise(points):
        corners += [f"{x:.1f},{height:.1f}", f"{x:.1f},{y:.1f}"]
    return corners


def _thinned(curve: Sequence[Point]) -> list[Point]:
    """Return the last point of every step across: beyond what the eye tells apart there is no use in more."""
    steps: dict[int, Point] = {}
    for point in curve:
        steps[round(_odds(point.threshold) / STEP_BITS)] = point
    return list(steps.values())


def _odds(share: float) -> float:
    """Return the odds of a share in bits."""
    share = min(max(share, _LAST), 1 - _LAST)
    return math.log2(share / (1 - share))


def _figure(found: Measure) -> str:
    return "-" if found.value is None else _short(round(found.value, 4))


def _short(share: float) -> str:
    """Return a share without the zero before its point."""
    text = f"{share:g}"
    return text[1:] if text.startswith("0.") else text
