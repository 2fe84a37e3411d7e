"""A trial in processes, share by share: each has matters of its own, so nothing is decided anew in two of them.

Must not: be a script itself, for a process of the pool imports it by its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Final

from tests.judge.trial import Count, Trial

MOST_PROCESSES: Final = 2
SHARES: Final = 100
_trial: Trial | None = None
"""The trial of a process of the pool."""


def shares(signals: int, everybody: bool, seed: int) -> Iterator[Count]:
    """Give what each share came to, as they are done."""
    workers = min(MOST_PROCESSES, os.cpu_count() or 1)
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_begin, initargs=(signals, everybody, seed)
    ) as pool:
        for future in as_completed(pool.submit(_share, share) for share in range(SHARES)):
            yield future.result()


def _begin(signals: int, everybody: bool, seed: int) -> None:
    global _trial  # noqa: PLW0603 - what a process of the pool is set up with
    _trial = Trial(signals, everybody=everybody, seed=seed)


def _share(share: int) -> Count:
    if _trial is None:
        raise RuntimeError("this process was not set up")
    return _trial.run(share, SHARES)
