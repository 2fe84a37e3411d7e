"""``python -m benchmarks.population``: what a participant costs that has nothing to do with a signal.

Method
------
1. The same number of signals over the whole road, once with 50 participants and once with every row of the reviewed files,
   on servers of their own. No signal says where: it concerns services of the whole country and those named, who are
   among the 50. So recipients are about as many (the report says how many), and the others make topics and bundle larger.
2. Three runs of each, alternating; medians are compared: CPU microseconds a posting, all servers and workers counted.
   One more run has signals from everywhere: sizes and costs where the whole chain receives.
3. Sizes are those of the decision records on their topic, Avro bytes. The rate of the cache is that of one engine which
   decides the same signals: outcomes asked for, and those that Cedar was asked for.

Must not: assert a timing.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from confluent_kafka import Consumer, TopicPartition
from kruispunt_deploy.stack import LocalStack, ended_by_signals
from kruispunt_schemas import topics, wire
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import Participant
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from rich.console import Console

from benchmarks import road
from benchmarks.bed import Bed
from benchmarks.commits import commit
from benchmarks.workload import participants, prepare

SMALL: Final = 50
RUNS: Final = 3
WARM_UP: Final = 500
COST_BAR: Final = 1.5
SIZE_BAR: Final = 4096
READ_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """One run: how many participants, CPU microseconds a posting by process, sizes of decision records in bytes.

    asked, evaluated: see rule 3.
    """

    participants: int
    per_second: float
    cpu_micros: dict[str, float]
    fan_out_mean: float
    sizes: list[int]
    asked: int
    evaluated: int

    @property
    def cost(self) -> float:
        """Return the CPU microseconds of a posting over all processes."""
        return sum(self.cpu_micros.values())

    def size(self, share: float) -> int:
        """Return the size below which this share of the records lies."""
        return sorted(self.sizes)[min(len(self.sizes) - 1, int(len(self.sizes) * share))]


def few() -> tuple[Participant, ...]:
    """Return `SMALL` participants: the demonstration's, and some to be named widely."""
    own = {row.id for row in read_participants()}
    return tuple(row for row in participants() if row.id in own or row.id.startswith("zone-"))[:SMALL]


def all_of_them() -> tuple[Participant, ...]:
    """Return every row of the reviewed files, and those of `few`."""
    rows = {row.id: row for row in (*read_participants(everything=True), *few())}
    return tuple(rows[name] for name in sorted(rows))


def measure(rows: Sequence[Participant], signals: int, *, placed: bool = False) -> Crowd:
    """Return one run with these participants. placed: whether signals say where."""
    with tempfile.TemporaryDirectory(prefix="kruispunt-bench-") as name:
        Path(name).chmod(0o711)
        data = Path(name) / "data"
        with LocalStack(data) as stack:
            bed = Bed(stack, data, rows)
            bundle = make({}, rows)
            engine = PolicyEngine(bundle.policies, bundle.policy_schema)
            named = [row.id for row in few()]
            postings, shape = prepare(
                WARM_UP + signals, data, bed.wire_ids, bundle, engine=engine, nameable=named, placed=placed
            )
            found = road.run(bed, postings[WARM_UP:], postings[:WARM_UP])
            sizes = decision_sizes(bed.brokers)
    return Crowd(
        participants=len(rows),
        per_second=found.per_second,
        cpu_micros=found.cpu_micros,
        fan_out_mean=shape.fan_out_mean,
        sizes=sizes,
        asked=engine.asked,
        evaluated=engine.evaluated,
    )


def decision_sizes(brokers: str) -> list[int]:
    """Return the sizes of the decision records on their topic; raise TimeoutError when they cannot be read."""
    settings = {"bootstrap.servers": brokers, "group.id": "population", "enable.auto.commit": False}
    reader = Consumer(settings)
    try:
        places = [
            TopicPartition(topics.DECISIONS.name, number) for number in range(topics.DECISIONS.partitions)
        ]
        ends = [reader.get_watermark_offsets(place, READ_SECONDS)[1] for place in places]
        for place in places:
            place.offset = 0
        reader.assign(places)
        found: list[int] = []
        deadline = time.monotonic() + READ_SECONDS
        while len(found) < sum(ends):
            found += [
                len(wire.unwrapped(item.value())) for item in reader.consume(1000, 1.0) if not item.error()
            ]
            if time.monotonic() > deadline:
                raise TimeoutError(f"read {len(found)} of {sum(ends)} decision records")
        return found
    finally:
        reader.close()


def compare(signals: int, say: Callable[[str], None]) -> tuple[list[Crowd], list[Crowd]]:
    """Return the runs with few and those with all participants."""
    small: list[Crowd] = []
    large: list[Crowd] = []
    for number in range(RUNS):
        for rows, runs in ((few(), small), (all_of_them(), large)):
            say(f"run {number + 1} of {RUNS} with {len(rows):,} participants")
            runs.append(measure(rows, signals))
            say(f"{runs[-1].cost:,.0f} us a posting, {runs[-1].per_second:.0f} a second")
    return small, large


def cost(runs: Sequence[Crowd]) -> float:
    """Return the median of the costs."""
    return statistics.median(run.cost for run in runs)


def write(small: Sequence[Crowd], large: Sequence[Crowd], placed: Crowd, folder: Path) -> Path:
    """Write ``population.md`` and its figures into a folder; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        name: [{**asdict(run), "sizes": None, "p50": run.size(0.5), "p99": run.size(0.99)} for run in runs]
        for name, runs in (("small", small), ("large", large), ("placed", [placed]))
    }
    (folder / "population.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    ratio = cost(large) / cost(small)
    lines = [
        "# What a participant costs",
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} at commit {commit()} by `make bench`: {os.cpu_count()} cores, Python "
        f"{platform.python_version()}. Method: `benchmarks/population.py`.",
        "",
        f"{large[0].participants:,} participants cost **{ratio:.2f}** times what {small[0].participants} cost, in CPU time a "
        f"posting over the whole road (bar: {COST_BAR}).",
        "",
        "| participants | CPU us a posting (median) | single runs | signals/s | mean fan-out | decision record p50, bytes "
        f"| p99 (bar: {SIZE_BAR:,}) | largest | outcomes not asked of Cedar |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {runs[0].participants:,} | {cost(runs):,.0f} | {', '.join(f'{run.cost:,.0f}' for run in runs)} | "
        f"{statistics.median(run.per_second for run in runs):,.0f} | {runs[0].fan_out_mean:.1f} | "
        f"{statistics.median(run.size(0.5) for run in runs):,.0f} | {statistics.median(run.size(0.99) for run in runs):,.0f} | "
        f"{max(max(run.sizes) for run in runs):,} | {100 * (1 - runs[0].evaluated / runs[0].asked):.2f} % |"
        for runs in (small, large)
    ]
    names = list(small[0].cpu_micros)
    lines += [
        "",
        "By process, CPU us a posting (medians):",
        "",
        "| participants | " + " | ".join(names) + " |",
    ]
    lines += ["|---|" + "---|" * len(names)]
    for runs in (small, large):
        cells = (f"{statistics.median(run.cpu_micros[name] for run in runs):,.0f}" for name in names)
        lines.append(f"| {runs[0].participants:,} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"With signals from every municipality, so that {placed.fan_out_mean:.1f} services receive one on average, {placed.participants:,} "
        f"participants: decision records of {placed.size(0.5):,} bytes (p50), {placed.size(0.99):,} (p99, bar: {SIZE_BAR:,}), "
        f"{max(placed.sizes):,} at most; {placed.cost:,.0f} CPU us a posting, {placed.per_second:,.0f} signals/s.",
    ]
    path = folder / "population.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@click.command(epilog="Example: python -m benchmarks.population --signals 2000 --out /tmp/report")
@click.option("--signals", default=4_000, show_default=True, help="Postings of a run.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/reports"), show_default=True)
def population(signals: int, out: Path) -> None:
    """Measure what 50 and what all participants cost, and write the report."""
    console = Console(stderr=True)
    with ended_by_signals():
        small, large = compare(signals, console.log)
        console.log("signals from every municipality")
        placed = measure(all_of_them(), signals, placed=True)
    console.log(f"written: {write(small, large, placed, out)}")


if __name__ == "__main__":
    population()
