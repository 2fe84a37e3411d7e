"""The report: figures as JSON, the same in words and tables, and two pictures.

Rule: it says what was measured, on what, and by which commit; it judges against the bars by ratio alone.
Must not: measure.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from benchmarks.commits import commit
from benchmarks.latency import Latency
from benchmarks.road import RoadRun
from benchmarks.shares import merged
from benchmarks.stages import Comparison, Run, median
from benchmarks.workload import Shape

RATIO_BAR: Final = 0.8


@dataclass(frozen=True, slots=True)
class Part:
    """What was measured with so many signals of history in the database."""

    history: int
    road: RoadRun
    latency: Latency
    two_hops: Latency


@dataclass(frozen=True, slots=True)
class Results:
    """Everything of one run. shares: of each step in the CPU time of each worker."""

    shape: Shape
    stages: list[Comparison]
    parts: list[Part]
    shares: Mapping[str, Mapping[str, float]]


def write(results: Results, folder: Path) -> Path:
    """Write ``benchmarks.md`` with its JSON and pictures into a folder; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.json").write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")
    _stages_picture(results, folder / "benchmarks-stages.svg")
    _shares_picture(results, folder / "benchmarks-shares.svg")
    path = folder / "benchmarks.md"
    path.write_text(_text(results), encoding="utf-8")
    return path


def _text(results: Results) -> str:
    shape = results.shape
    lines = [
        "# Speed",
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} at commit {commit()} by `make bench`: {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, all servers and workers on the same cores. Method: `benchmarks/README.md`.",
        f"Workload: {shape.postings:,} postings of {shape.bytes_median:,.0f} bytes (median), fan-out median "
        f"{shape.fan_out_median:.0f}, 99th percentile {shape.fan_out_p99:.0f}, mean {shape.fan_out_mean:.1f}.",
        "",
        "## Each stage beside a plain loop",
        "",
        "The same stage (its pure functions and SQL statements), once in the worker, once in a plain confluent-kafka loop. Medians of",
        f"three runs each, alternating. Bar: at least {RATIO_BAR} of the plain loop.",
        "",
        "| stage | worker, signals/s | plain loop, signals/s | ratio | worker, CPU us | plain loop, CPU us | engine adds, CPU us |",
        "|---|---|---|---|---|---|---|",
    ]
    for item in results.stages:
        own, rival = median(item.engine), median(item.rival)
        lines.append(
            f"| {item.stage} | {own.per_second:,.0f} | {rival.per_second:,.0f} | **{item.ratio:.2f}** | "
            f"{own.cpu_micros:,.0f} | {rival.cpu_micros:,.0f} | {item.added_micros:+,.0f} |"
        )
    lines += ["", "Single runs, signals/s:", ""]
    for item in results.stages:
        lines.append(
            f"- {item.stage}: worker {_rates(item.engine)}; plain loop {_rates(item.rival)} ({item.messages:,} messages each)."
        )
    lines += ["", "![Each stage beside a plain loop](benchmarks-stages.svg)", "", "## The whole road", ""]
    lines += [
        "| history, signals | signals/s, all servers included | latency p50, ms | p99, ms | two bare hops p50, ms | p99, ms |",
        "|---|---|---|---|---|---|",
    ]
    for part in results.parts:
        lines.append(
            f"| {part.history:,} | {part.road.per_second:,.0f} | {part.latency.p50:.0f} | {part.latency.p99:.0f} | "
            f"{part.two_hops.p50:.1f} | {part.two_hops.p99:.1f} |"
        )
    lines += [
        "",
        "Latency: from when a signal was due until the last of its views was read, at 50 signals a second. CPU time by process, "
        "microseconds per posting:",
        "",
    ]
    names = list(results.parts[0].road.cpu_micros)
    lines += ["| history | " + " | ".join(names) + " | sum |", "|---|" + "---|" * (len(names) + 1)]
    for part in results.parts:
        used = part.road.cpu_micros
        cells = " | ".join(f"{used[name]:,.0f}" for name in names)
        lines.append(f"| {part.history:,} | {cells} | {sum(used.values()):,.0f} |")
    if results.shares:
        lines += [
            "",
            "## Where the workers' CPU time goes",
            "",
            "Sampled 100 times a second over a pass of its own.",
            "",
        ]
        steps = merged(results.shares)
        lines += ["| worker | " + " | ".join(steps) + " |", "|---|" + "---|" * len(steps)]
        for worker, shares in results.shares.items():
            cells = " | ".join(f"{100 * shares.get(step, 0):.0f}%" for step in steps)
            lines.append(f"| {worker} | {cells} |")
        lines += ["", "![Share of each step](benchmarks-shares.svg)"]
    return "\n".join(lines) + "\n"


def _rates(runs: list[Run]) -> str:
    return ", ".join(f"{run.per_second:,.0f}" for run in runs)


def _stages_picture(results: Results, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 3.2))
    places = range(len(results.stages))
    axes.bar(
        [place - 0.2 for place in places],
        [median(item.engine).per_second for item in results.stages],
        0.4,
        label="worker",
    )
    axes.bar(
        [place + 0.2 for place in places],
        [median(item.rival).per_second for item in results.stages],
        0.4,
        label="plain loop",
    )
    axes.set_xticks(list(places), [item.stage for item in results.stages])
    axes.set_ylabel("signals a second")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _shares_picture(results: Results, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 0.8 + 0.7 * max(1, len(results.shares))))
    steps = merged(results.shares)
    colours = plt.get_cmap("tab20").colors
    workers = list(results.shares)
    left = [0.0] * len(workers)
    for step, colour in zip(steps, colours, strict=False):
        widths = [100 * results.shares[worker].get(step, 0.0) for worker in workers]
        axes.barh(workers, widths, left=left, label=step, color=colour)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_xlabel("% of the worker's CPU time")
    axes.invert_yaxis()
    axes.legend(frameon=False, ncol=1, bbox_to_anchor=(1.0, 1.0), loc="upper left", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
