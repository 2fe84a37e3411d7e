"""A fit from start to end: counted, fitted, written as a new version, and its effect.

Must not: read or write a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kruispunt_processors.fitting import refit, splink_em
from kruispunt_processors.fitting.effect import Effect, effect
from kruispunt_processors.fitting.patterns import Counting, Shared, levels
from kruispunt_processors.fitting.refit import Change
from kruispunt_processors.fitting.splink_em import FitError
from kruispunt_processors.lists.sources import Tell
from kruispunt_processors.persons.evaluation import Ids
from kruispunt_processors.persons.model import Model, parse
from kruispunt_processors.persons.normalisation import Particulars

SEED: Final = 1969
"""The same rows give the same version."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A new version. counted: pairs at random, and those that share something. text: of the file."""

    before: str
    after: str
    mentions: int
    counted: tuple[tuple[str, int], ...]
    changes: tuple[Change, ...]
    effect: Effect
    text: str


def fitted(
    ids: Sequence[str],
    rows: Sequence[Particulars],
    text: str,
    model: Model,
    version: str,
    truth: Sequence[Ids] | None,
    pairs: int,
    tell: Tell,
) -> Fitted:
    """Return a model fitted anew to rows. text: the model's file. pairs: to count, of each kind.

    Raise FitError when there is nothing to fit by.
    """
    counting = Counting(rows, model, SEED)
    blocks = {}
    for place, shared in enumerate(Shared):
        tell("counting pairs", place, 4)
        blocks[shared] = counting.sharing(shared, pairs)
    if not any(blocks.values()):
        raise FitError(
            "no two rows share a number, a date of birth or both names: there is nothing to fit by"
        )
    tell("counting pairs", 3, 4)
    at_random = counting.at_random(pairs)
    tell("counting pairs", 4, 4)
    said = refit.shares(text, {field: tuple(found) for field, found in levels(model).items()})
    tell("fitting", 0, 1)
    m = splink_em.fit(refit.starts(said, at_random), blocks)
    tell("fitting", 1, 1)
    changed = refit.changes(said, m, at_random, blocks)
    text = (
        f"# {model.version} with shares fitted to {len(rows):,} mentions (Splink, expectation maximisation).\n"
        + (refit.rewritten(text, changed))
    )
    after = parse(version, text)
    tell("linking by both", 0, 1)
    found = effect(ids, rows, model, after, truth)
    tell("linking by both", 1, 1)
    counted = (
        ("at random", at_random.total()),
        *((each.value, counts.total()) for each, counts in blocks.items()),
    )
    return Fitted(model.version, version, len(rows), counted, tuple(changed), found, text)
