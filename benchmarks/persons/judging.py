"""The resolver over the stream, each outcome held against the truth.

Rules
-----
1. The directory begins with a mention of everybody known. Then one mention after another: its keys, the candidates that they
   find, the decision; what was decided is added before the next one comes. Nobody answers a review.
2. A reference stands for the person of the mention that it was made for. A link is right when that is the person mentioned,
   also to a reference that a review or a wrong *new* left beside an older one.
3. *Known* is a mention whose person has a mention in the directory, of whichever reference.
4. A review *offers* the true person when it is among its first `OFFERED` candidates.

Must not: let the resolver see a truth.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from kruispunt_processors.persons.decision import Guard, Outcome, OutcomeKind, decide
from kruispunt_processors.persons.keys import blocking_keys
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.normalisation import particulars

from benchmarks.persons.census import Kin
from benchmarks.persons.directory import Directory
from benchmarks.persons.households import draw
from benchmarks.persons.rates import Slip, Source
from benchmarks.persons.stream import Mention, Stream

OFFERED: Final = 10
"""Candidates that an analyst is shown."""
SECRET: Final = bytes(range(32))
"""Key of the keyed hashes: any will do here."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One mention and what became of it.

    known: see rule 3. right: a link to the person mentioned. found: some key led to the person. offered: see rule 4.
    first_is_right: the most likely candidate is the person. begotten: a review between two references of the person, no guard
    fired: it would be a link had an earlier review been answered. mentions, persons: compared.
    """

    kind: OutcomeKind
    known: bool
    right: bool
    found: bool
    offered: bool
    first_is_right: bool
    begotten: bool
    posterior: float
    guards: tuple[Guard, ...]
    mentions: int
    persons: int
    kin: Kin
    source: Source
    slips: tuple[Slip, ...]

    @property
    def false_link(self) -> bool:
        """Return whether it was linked to somebody else."""
        return self.kind is OutcomeKind.LINK and not self.right


@dataclass(frozen=True, slots=True)
class Run:
    """One seed. known: mentions in the directory at first. cut: look-ups cut off. Seconds are for orientation only."""

    seed: int
    known: int
    judged: list[Judged]
    build_seconds: float
    resolve_seconds: float


Watcher = Callable[[Mention, Outcome, Judged, Callable[[str], int]], None]
"""Is shown every mention, its outcome, the judgement, and who is behind a reference."""


def judge(
    seed: int,
    persons: int,
    mentions: int,
    directory: Directory,
    model: Model,
    step: Callable[[int], None],
    watch: Watcher | None = None,
) -> Run:
    """Return what becomes of so many mentions before a directory of so many persons. step: told of work done."""
    started = time.perf_counter()
    stream = Stream(draw(seed, persons), seed)
    owners = array("I")
    for mention in stream.known_mentions():
        said = particulars(mention.subject)
        if said is not None:
            directory.add(len(owners), said, blocking_keys(said, SECRET))
            owners.append(mention.truth)
        step(1)
    known, built = len(directory), time.perf_counter()
    judged = list(_judged(stream, mentions, directory, model, owners, step, watch))
    return Run(seed, known, judged, built - started, time.perf_counter() - built)


def _judged(
    stream: Stream,
    count: int,
    directory: Directory,
    model: Model,
    owners: array[int],
    step: Callable[[int], None],
    watch: Watcher | None,
) -> Iterator[Judged]:
    there = set(owners)

    def owner(reference: str) -> int:
        return owners[int(reference)]

    for mention in stream.mentions(count):
        said = particulars(mention.subject)
        if said is None:
            raise ValueError("a mention that says nothing")
        keys = blocking_keys(said, SECRET)
        candidates = directory.candidates(keys)
        outcome = decide(said, candidates, model)
        truth = mention.truth
        behind = [owner(item.reference) for item in outcome.considered]
        found = _Found(
            known=truth in there,
            right=outcome.reference is not None and owner(outcome.reference) == truth,
            place=behind.index(truth) if truth in behind else None,
            begotten=outcome.kind is OutcomeKind.REVIEW
            and not outcome.guards
            and behind[:2] == [truth, truth],
        )
        judgement = _judgement(mention, outcome, found, len(candidates))
        if watch is not None:
            watch(mention, outcome, judgement, owner)
        yield judgement
        reference = len(owners) if outcome.reference is None else int(outcome.reference)
        if outcome.reference is None:
            owners.append(truth)
        directory.add(reference, said, keys)
        there.add(truth)
        step(1)


@dataclass(frozen=True, slots=True)
class _Found:
    """place: of the true person among the candidates, None when no key led there."""

    known: bool
    right: bool
    place: int | None
    begotten: bool


def _judgement(mention: Mention, outcome: Outcome, found: _Found, compared: int) -> Judged:
    return Judged(
        kind=outcome.kind,
        known=found.known,
        right=found.right,
        found=found.place is not None,
        offered=outcome.kind is OutcomeKind.REVIEW and found.place is not None and found.place < OFFERED,
        first_is_right=found.place == 0,
        begotten=found.begotten,
        posterior=outcome.posterior,
        guards=outcome.guards,
        mentions=compared,
        persons=len(outcome.considered),
        kin=mention.kin,
        source=mention.source,
        slips=mention.slips,
    )
