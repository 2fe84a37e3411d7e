"""``python -m benchmarks``: everything that is measured, into one report.

Must not: assert a timing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from kruispunt_deploy.stack import LocalStack, ended_by_signals
from rich.console import Console

from benchmarks import latency, report, road, shares, stages
from benchmarks.bed import ROLES, Bed
from benchmarks.history import multiply
from benchmarks.workload import Prepared, Shape, prepare

WARM_UP: Final = 500
SAMPLED_SECONDS: Final = 10


class Signing:
    """Makes workloads one after another, none of which shares a signal with another."""

    def __init__(self, bed: Bed) -> None:
        self._bed, self._bundle, self._made = bed, bed.bundle(), 0

    def next(self, count: int) -> tuple[list[Prepared], Shape]:
        """Return the next so many postings and their shape."""
        found = prepare(
            count, self._bed.data, self._bed.wire_ids, self._bundle, seed=self._made + 1, first=self._made
        )
        self._made += count
        return found


@click.command(epilog="Example: python -m benchmarks --signals 3000 --history 0 --out /tmp/report")
@click.option("--signals", default=10_000, show_default=True, help="Postings of a pass.")
@click.option(
    "--seconds", default=40, show_default=True, help="Length of the latency run at 50 signals a second."
)
@click.option(
    "--history",
    default=200_000,
    show_default=True,
    help="Signals in the database in the second half; 0: no such half.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/reports"), show_default=True)
def bench(signals: int, seconds: int, history: int, out: Path) -> None:
    """Measure the road and its stages beside their rivals and write the report."""
    console = Console(stderr=True)
    with ended_by_signals():
        with _bed(console.log) as bed:
            compared = _compared(bed, signals, console.log)
        with _bed(console.log) as bed:
            shape, parts, sampled = _whole_road(bed, signals, seconds, history, console.log)
    results = report.Results(shape, compared, parts, sampled)
    console.log(f"written: {report.write(results, out)}")


@contextmanager
def _bed(say: Callable[[str], None]) -> Iterator[Bed]:
    """Give servers of their own, with nothing on their topics."""
    with tempfile.TemporaryDirectory(prefix="kruispunt-bench-") as name:
        Path(name).chmod(0o711)
        data = Path(name) / "data"
        say("starting the servers")
        with LocalStack(data) as stack:
            yield Bed(stack, data)


def _compared(bed: Bed, signals: int, say: Callable[[str], None]) -> list[stages.Comparison]:
    """Compare every stage over what one pass of the road has left on its topics."""
    say(f"signing {signals:,} signals for the stages")
    postings, _ = Signing(bed).next(WARM_UP + signals)
    road.run(bed, postings[WARM_UP:], postings[:WARM_UP])
    return stages.compare(bed, {role: bed.ends(role) for role in ROLES}, say)


def _whole_road(
    bed: Bed, signals: int, seconds: int, history: int, say: Callable[[str], None]
) -> tuple[Shape, list[report.Part], dict[str, dict[str, float]]]:
    signing = Signing(bed)
    say(f"signing {signals:,} signals")
    postings, shape = signing.next(WARM_UP + signals)
    say(f"the whole road: {shape}")
    parts = [_part(bed, 0, postings, signing, seconds, say)]
    if history:
        there = multiply(bed.settings.database_address(), history)
        say(f"the whole road with {there:,} signals of history")
        parts.append(_part(bed, there, signing.next(WARM_UP + signals)[0], signing, seconds, say))
    say("sampling")
    return shape, parts, _sampled(bed, signing.next(WARM_UP + signals)[0], say)


def _part(
    bed: Bed,
    history: int,
    postings: list[Prepared],
    signing: Signing,
    seconds: int,
    say: Callable[[str], None],
) -> report.Part:
    whole = road.run(bed, postings[WARM_UP:], postings[:WARM_UP])
    paced, _ = signing.next(seconds * latency.PER_SECOND + latency.WARM_UP)
    own, bare = latency.of_road(bed, paced), latency.of_two_hops(bed, paced)
    say(f"{whole.per_second:.0f} signals/s; {own} beside {bare}")
    return report.Part(history, whole, own, bare)


def _sampled(bed: Bed, postings: list[Prepared], say: Callable[[str], None]) -> dict[str, dict[str, float]]:
    program = shares.sampler()
    if program is None:
        say("py-spy is not there: nothing is sampled")
        return {}
    with road.at_work(bed) as workers:
        bed.send(postings[:WARM_UP])
        road.wait_quiet(bed, road.READY_SECONDS)
        bed.send(postings[WARM_UP:])
        files = {role: bed.data / f"{role}.samples" for role in workers}
        samplers = [
            shares.start(program, process.pid, SAMPLED_SECONDS, files[role])
            for role, process in workers.items()
        ]
        for process in samplers:
            process.wait()
    return {role: shares.shares(path.read_text(encoding="utf-8")) for role, path in files.items()}


if __name__ == "__main__":
    bench()
