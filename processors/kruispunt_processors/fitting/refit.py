"""A model with other weights: what was counted and fitted, put in place of what the file says, and where it may not be.

Rules
-----
1. A level gets its new shares when it was met at least `LEAST` times in the pairs that tell of it: in the pairs that share something,
   and, unless its u is how common the name is, in the pairs at random too. Any other level keeps both of its shares, for one
   without the other weighs nothing that makes sense. So does one of which the file says u = 1: that is a judgement, not a count.
2. No share is below `SMALLEST`: what was not met in a sample may still happen.
3. Everything else of the file stays as it is, comments too: bounds, prior, twins, conflicts, anchors.

Must not: write a file.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kruispunt_processors.fitting.patterns import FIXES, UNSAID, Pattern, Shared
from kruispunt_processors.fitting.splink_em import FitError, Start

LEAST: Final = 30
SMALLEST: Final = 1e-4
FEW_AT_RANDOM: Final = 0.5
"""What counts for a level that was never met at random: half a pair."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What a file says of a level: m, and u, None where it is how common the name is."""

    m: float
    u: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A level before and after. met, at_random: in how many pairs it was met. weights in bits; of a name its bits come on top.

    after: None where the level keeps what it has.
    """

    field: str
    level: str
    before: Shares
    after: Shares | None
    met: int
    at_random: int

    @property
    def weights(self) -> tuple[float, float]:
        """Return the weight before and after."""
        return _weight(self.before), _weight(self.after or self.before)


def shares(text: str, fields: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, Shares]]:
    """Return what the text of a model says of each level. fields: the names of the levels of each field."""
    found: dict[str, Any] = tomllib.loads(text)
    found |= found.get("extra", {})
    return {
        field: {level: _shares(found[field][level]) for level in names} for field, names in fields.items() if field in found
    }  # fmt: skip


def starts(said: Mapping[str, Mapping[str, Shares]], at_random: Counter[Pattern]) -> dict[str, Start]:
    """Return what a fit begins with: m of the file, u as it was counted; each adds up to one."""
    found = {}
    for place, (field, names) in enumerate(said.items()):
        met = _met(at_random, place)
        counts = [met[code] or FEW_AT_RANDOM for code in range(len(names))]
        m = [each.m for each in names.values()]
        found[field] = Start(
            tuple(names), tuple(each / sum(m) for each in m), tuple(each / sum(counts) for each in counts)
        )
    return found


def changes(
    said: Mapping[str, Mapping[str, Shares]],
    fitted: Mapping[str, tuple[float, ...] | None],
    at_random: Counter[Pattern],
    blocks: Mapping[Shared, Counter[Pattern]],
) -> list[Change]:
    """Return every level with its shares before and after, by rules 1 and 2."""
    found = []
    for place, (field, names) in enumerate(said.items()):
        by_chance = _met(at_random, place)
        total = sum(by_chance.values())
        met: Counter[int] = Counter()
        for shared, counts in blocks.items():
            if field not in FIXES[shared]:
                met += _met(counts, place)
        m = fitted[field]
        for code, (level, before) in enumerate(names.items()):
            counted = before.u is None or (before.u < 1.0 and by_chance[code] >= LEAST)
            after = None
            if counted and met[code] >= LEAST and m is not None:
                u = None if before.u is None else max(by_chance[code] / total, SMALLEST / 100)
                after = Shares(_short(max(m[code], SMALLEST)), None if u is None else _short(u))
            found.append(Change(field, level, before, after, met[code], by_chance[code]))
    return found


def rewritten(text: str, changed: list[Change]) -> str:
    """Return the text of a model with the new shares; raise FitError when it does not say them afterwards."""
    for change in changed:
        if change.after is not None:
            text = _replaced(text, change.field, change.level, change.after)
    again = shares(text, {change.field: tuple(each.level for each in changed if each.field == change.field) for change in changed})  # fmt: skip
    for change in changed:
        if again[change.field][change.level] != (change.after or change.before):
            raise FitError(
                f"the model's [{change.field}] {change.level} is written in a form that is not known here"
            )
    return text


def _replaced(text: str, field: str, level: str, after: Shares) -> str:
    headed = re.search(rf"(?m)^\[(extra\.)?{re.escape(field)}\]$", text)
    start = headed.end() if headed is not None else len(text)
    end = text.find("\n[", start)
    section = text[start : end if end >= 0 else len(text)]
    number = r"[0-9.eE+-]+"
    section = re.sub(rf"(?m)^({re.escape(level)} = .*\bm = ){number}", rf"\g<1>{after.m!r}", section)
    if after.u is not None:
        section = re.sub(rf"(?m)^({re.escape(level)} = .*\bu = ){number}", rf"\g<1>{after.u!r}", section)
    return text[:start] + section + (text[end:] if end >= 0 else "")


def _met(patterns: Counter[Pattern], place: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for pattern, count in patterns.items():
        if pattern[place] != UNSAID:
            found[pattern[place]] += count
    return found


def _shares(found: Mapping[str, Any]) -> Shares:
    return Shares(float(found["m"]), None if found["u"] == "name" else float(found["u"]))


def _short(share: float) -> float:
    """Return a share to four digits: a sample tells no more."""
    return float(f"{share:.4g}")


def _weight(found: Shares) -> float:
    return math.log2(found.m) - (0.0 if found.u is None else math.log2(found.u))
