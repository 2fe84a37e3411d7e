"""Which true pairs share a key, and so can be found at all.

Must not: decide; keep what a row says.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable

from kruispunt_processors.persons.evaluation import Ids
from kruispunt_processors.persons.keys import blocking_keys
from kruispunt_processors.persons.rows import Row


def sharing_a_key(truth: Iterable[Ids], rows_of_a: Iterable[Row], rows_of_b: Iterable[Row] | None) -> int:
    """Return how many true pairs share a key; a pair of which a row is not in the lists shares none.

    rows_of_b: None when both rows of a pair are of one list. In memory: the keys of the rows that the truth names.
    """
    true = list(truth)
    secret = os.urandom(32)
    of_a = _keys(
        rows_of_a,
        {one for one, _ in true} | ({two for _, two in true} if rows_of_b is None else set()),
        secret,
    )
    of_b = of_a if rows_of_b is None else _keys(rows_of_b, {two for _, two in true}, secret)
    nothing = array("q")
    return sum(not {*of_a.get(one, nothing)}.isdisjoint(of_b.get(two, nothing)) for one, two in true)


def _keys(rows: Iterable[Row], wanted: set[str], secret: bytes) -> dict[str, array[int]]:
    return {
        row.id: array("q", [key.value for key in blocking_keys(row.particulars, secret)])
        for row in rows
        if row.id in wanted
    }
