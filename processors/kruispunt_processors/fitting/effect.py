"""What another model would change on the same rows: links that come and go, and how right they are.

Rules: the rows are linked with themselves, in order, as signals come (`persons.linking`), in memory; so a sample is bounded by
whoever gives it. Two links are the same when they give one row to one person.

Must not: read a file or a database.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kruispunt_processors.persons.evaluation import Evaluation, FoundPair, Ids, evaluate
from kruispunt_processors.persons.keys import KeyKind, blocking_keys
from kruispunt_processors.persons.linking import Found, Pair, PairOutcome, pairs
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.normalisation import Particulars

MAX_BLOCK: Final = 64
"""Rows that one key finds, as in the directory."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Links and reviews before and after, the links that come and go, and both evaluated where a truth is given."""

    links: tuple[int, int]
    reviews: tuple[int, int]
    gained: int
    lost: int
    evaluated: tuple[Evaluation, Evaluation] | None


def effect(
    ids: Sequence[str], rows: Sequence[Particulars], before: Model, after: Model, truth: Sequence[Ids] | None
) -> Effect:
    """Return what the model after would change on rows that are linked with themselves."""
    found = [linked(rows, model) for model in (before, after)]
    links = [{(pair.person, pair.b) for pair in each if pair.outcome is PairOutcome.LINK} for each in found]

    def evaluated(each: Sequence[Pair], truth: Sequence[Ids]) -> Evaluation:
        named = [
            FoundPair((ids[pair.a], ids[pair.b]), pair.outcome is PairOutcome.LINK, pair.posterior)
            for pair in each
        ]
        return evaluate(truth, named, within=True)

    return Effect(
        (len(links[0]), len(links[1])),
        (len(found[0]) - len(links[0]), len(found[1]) - len(links[1])),
        len(links[1] - links[0]),
        len(links[0] - links[1]),
        None if truth is None else (evaluated(found[0], truth), evaluated(found[1], truth)),
    )


def linked(rows: Sequence[Particulars], model: Model) -> list[Pair]:
    """Return the pairs of rows that are linked, or for review."""
    secret = os.urandom(32)
    under: dict[int, list[int]] = {}
    persons = array("q", range(len(rows)))
    result: list[Pair] = []
    for number, row in enumerate(rows):
        shared: dict[int, list[KeyKind]] = {}
        cut = False
        for key in blocking_keys(row, secret):
            block = under.setdefault(key.value, [])
            cut = cut or len(block) > MAX_BLOCK
            for each in block[:MAX_BLOCK]:
                shared.setdefault(each, []).append(key.kind)
            if len(block) <= MAX_BLOCK:
                block.append(number)
        found = [Found(each, persons[each], rows[each], tuple(kinds)) for each, kinds in shared.items()]
        for pair in pairs(number, row, found, model, cut=cut):
            if pair.outcome is PairOutcome.LINK:
                persons[number] = pair.person
            result.append(pair)
    return result
