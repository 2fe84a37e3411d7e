"""How common names are: a table of bits (-log2 of the share of persons), made from lists of counts.

    python -m kruispunt_processors.persons.frequencies given_names.csv surnames.csv > models/names-2019.toml

Rules
-----
1. A given name counts within its origin: who shares a family name mostly shares the origin, so that the two together are
   less rare than their product over the country.
2. A family name counts over all, with every origin taken to be a fifth at least: who is in the directory of a security
   service is no sample of the population.
3. A name of which only the rank is known has the count `UNCOUNTED`. Where several origins have a name, the highest share
   counts: to take a name for rarer than it is makes false links.

Must not: name a person; the lists hold names and counts.
"""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from kruispunt_processors.persons.names import words

UNCOUNTED: Final = 100
LEAST_SHARE: Final = 0.2


def bits(rows: Iterable[Mapping[str, str]], *, family: bool) -> dict[str, float]:
    """Return the bits of each folded name; rows: ``name``, ``origin``, ``count``."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        folded = words(row["name"])
        name = "".join(folded) if family else folded[0]
        counts.setdefault(row["origin"], Counter())[name] += int(row["count"] or UNCOUNTED)
    total = sum(sum(counted.values()) for counted in counts.values())
    found: dict[str, float] = {}
    for counted in counts.values():
        within = sum(counted.values())
        share = max(LEAST_SHARE, within / total) if family else 1.0
        for name, count in counted.items():
            found[name] = min(found.get(name, math.inf), -math.log2(share * count / within))
    return found


def _table(title: str, found: Mapping[str, float]) -> str:
    return f"[{title}]\n" + "".join(f"{name} = {found[name]:.1f}\n" for name in sorted(found))


def _rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8") as table:
        return list(csv.DictReader(table))


if __name__ == "__main__":
    given, surnames = (_rows(path) for path in sys.argv[1:3])
    sys.stdout.write(
        _table("given", bits(given, family=False)) + "\n" + _table("family", bits(surnames, family=True))
    )
