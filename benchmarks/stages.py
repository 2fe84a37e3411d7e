"""Each stage, engine against plain loop: signals per second and CPU microseconds per signal.

Method
------
1. The road has run over the workload once, on servers of their own: every stage's input lies on its topics, and nothing
   else. A worker reads ahead: what it read beyond the messages counted would be counted as their cost.
2. For each stage three runs of each, alternating. Each starts from an empty database and a group that nobody knows.
3. Measured between the first look that finds a tenth of the input done and the last that saw it move before its end:
   start-up and the first filling of caches are in neither, nor is the wait for a last commit, which comes once a second
   from the worker and after each batch from the rival. Medians of three are compared.

Must not: run a stage's successor before the stage: what a run repeats would become the successor's input.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from benchmarks.bed import Bed, Sample

RUNS: Final = 3
WITHIN_SECONDS: Final = 300.0
ORDER: Final = ("route", "resolve", "admit")


@dataclass(frozen=True, slots=True)
class Run:
    """One run: messages per second, CPU microseconds per message."""

    per_second: float
    cpu_micros: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One stage: three runs of each, in the order in which they ran."""

    stage: str
    messages: int
    engine: list[Run]
    rival: list[Run]

    @property
    def ratio(self) -> float:
        """Return the engine's median rate over the rival's."""
        return median(self.engine).per_second / median(self.rival).per_second

    @property
    def added_micros(self) -> float:
        """Return the CPU microseconds per message that the engine adds, by medians."""
        return median(self.engine).cpu_micros - median(self.rival).cpu_micros


def compare(bed: Bed, totals: dict[str, int], tell: Callable[[str], None]) -> list[Comparison]:
    """Return the comparison of every stage. totals: records on each stage's sources that are to be done."""
    found: list[Comparison] = []
    for stage in ORDER:
        engine: list[Run] = []
        rival: list[Run] = []
        for number in range(RUNS):
            for kind, runs in (("engine", engine), ("rival", rival)):
                tell(f"{stage}: {kind}, run {number + 1} of {RUNS}")
                runs.append(_run(bed, stage, kind, totals[stage]))
        found.append(Comparison(stage, totals[stage], engine, rival))
    return found


def _run(bed: Bed, stage: str, kind: str, total: int) -> Run:
    engine, rival = f"kruispunt.{stage}", f"plain.{stage}"
    bed.forget(engine, rival)
    group, argv = (engine, bed.engine(stage)) if kind == "engine" else (rival, bed.rival(stage))
    with bed.running(argv) as process:
        return measured(bed.watch(stage, group, process, total, WITHIN_SECONDS), total)


def measured(samples: list[Sample], total: int) -> Run:
    """Return rate and CPU time between two looks, by rule 3."""
    moved = [now for before, now in pairwise(samples) if before.done < now.done < total]
    first = next((sample for sample in moved if sample.done >= total / 10), samples[-1])
    last = moved[-1] if moved else samples[-1]
    done = last.done - first.done
    if done <= 0:
        raise RuntimeError("too few messages to measure anything: everything was done between two looks")
    return Run(done / (last.at - first.at), (last.cpu - first.cpu) / done * 1e6)


def median(runs: list[Run]) -> Run:
    """Return the median of each figure."""
    return Run(
        statistics.median(run.per_second for run in runs), statistics.median(run.cpu_micros for run in runs)
    )
