"""The report on who is who: figures in words, as JSON and in two pictures.

Must not: measure or judge.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from kruispunt_processors.persons.model import Model

from benchmarks.commits import commit
from benchmarks.persons.figures import (
    FALSE_LINKS_BAR,
    AtThreshold,
    Figures,
    Share,
    by_kin,
    by_slip,
    by_source,
    by_threshold,
    figures,
)
from benchmarks.persons.judging import Run

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured. base: shares of mentions with this or that. peak: bytes of memory."""

    command: str
    persons: int
    model: Model
    runs: Sequence[Run]
    base: Mapping[str, float]
    unseen: bool
    peak: int


def write(report: Report, folder: Path) -> Path:
    """Write ``persons.md`` with its JSON and pictures into a folder; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    judged = [item for run in report.runs for item in run.judged]
    pooled = figures(judged)
    slips, curve = by_slip(judged), by_threshold(judged, THRESHOLDS)
    (folder / "persons.json").write_text(
        json.dumps(
            {
                "command": report.command,
                "commit": commit(),
                "model": report.model.version,
                "unseen": report.unseen,
                "persons": report.persons,
                "base": report.base,
                "pooled": _plain(pooled),
                "seeds": {str(run.seed): _plain(figures(run.judged)) for run in report.runs},
                "kin": {name: _plain(part) for name, part in by_kin(judged).items()},
                "source": {name: _plain(part) for name, part in by_source(judged).items()},
                "slips": {name: _plain(part) for name, part in slips.items()},
                "thresholds": [
                    {
                        "threshold": at.threshold,
                        "false_links": _share(at.false_links),
                        "linked": _share(at.linked),
                    }
                    for at in curve
                ],
            },
            indent=1,
        )
        + "\n",
        encoding="utf-8",
    )
    _threshold_picture(curve, report.model.link, folder / "persons-threshold.svg")
    _slips_picture(slips, folder / "persons-slips.svg")
    path = folder / "persons.md"
    path.write_text(_text(report, pooled, slips), encoding="utf-8")
    return path


def summary(found: Figures) -> list[str]:
    """Return the figures and the bars, a line each."""
    exact = found.false_links.exact
    return [
        f"false links in 10,000: {found.false_links.value * 1e4:.1f} ({found.false_links.part} of {found.false_links.whole:,}; "
        f"95%: {exact.low * 1e4:.1f} to {exact.high * 1e4:.1f} Clopper-Pearson, to {found.false_links.score.high * 1e4:.1f} Wilson)",
        f"linked automatically: {_of(found.linked)}; with review: {_of(found.with_review)}; false new: {_of(found.false_new)}",
        f"to review: {_of(found.review)}, begotten by a review without an answer: {_of(found.begotten)}",
        f"blocking: pairs completeness {_of(found.found)}, mentions compared {found.compared_mean:.1f} (p99 {found.compared_p99})",
        *(f"{'met' if met else 'NOT MET'}: {bar}" for bar, met in found.bars_met.items()),
    ]


def _of(share: Share) -> str:
    score = share.score
    return f"{share.value:.4f} ({score.low:.4f} to {score.high:.4f})"


def _text(report: Report, pooled: Figures, slips: Mapping[str, Figures]) -> str:
    judged = [item for run in report.runs for item in run.judged]
    seeds = ", ".join(str(run.seed) for run in report.runs)
    known = sum(run.known for run in report.runs) // len(report.runs)
    reduction = 1 - pooled.compared_mean / known
    lines = [
        "# Who is who: how well",
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} at commit {commit()} by `{report.command}`: {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {report.peak / 2**30:.1f} GiB at most. Method: `benchmarks/persons/README.md`.",
        "",
        f"{pooled.mentions:,} mentions before {known:,} known ones of {report.persons:,} persons, model {report.model.version}, "
        f"seeds {seeds} "
        + ("(unseen: no model was fitted or tuned on them)." if report.unseen else "(seeds used in tuning)."),
        "",
        "| measure | value (95% interval) | bar | met |",
        "|---|---|---|---|",
    ]
    exact, bars = pooled.false_links.exact, list(pooled.bars_met.items())
    values = [
        f"{pooled.false_links.value * 1e4:.1f} ({pooled.false_links.part} of {pooled.false_links.whole:,})",
        f"{exact.high * 1e4:.1f} (Clopper-Pearson; Wilson {pooled.false_links.score.high * 1e4:.1f})",
        _of(pooled.linked),
        _of(pooled.with_review),
        _of(pooled.review),
    ]
    lines += [
        f"| {bar.split(' <=')[0].split(' >=')[0]} | {value} | {bar.rpartition('= ')[2]} | {'yes' if met else '**no**'} |"
        for (bar, met), value in zip(bars, values, strict=True)
    ]
    lines += [
        f"| to review because an earlier review has no answer yet | {_of(pooled.begotten)} | | |",
        f"| false *new*: a known person taken for a new one | {_of(pooled.false_new)} | | |",
        f"| pairs completeness of the keys | {_of(pooled.found)} | | |",
        f"| reduction ratio of the keys | {reduction:.6f} | | |",
        f"| mentions compared, mean and 99th percentile | {pooled.compared_mean:.1f}, {pooled.compared_p99} | | |",
        "",
        "By seed:",
        "",
        *_table({str(run.seed): figures(run.judged) for run in report.runs}, "seed"),
        "",
        "## Where the errors fall",
        "",
        "Shares are of the mentions of known persons, *review* of all; false links are counted. A mention with two slips is in",
        "two rows.",
        "",
        *_table(by_kin(judged), "person mentioned"),
        "",
        *_table(by_source(judged), "source"),
        "",
        *_table(slips, "slip"),
        "",
        "![Links against the bound of the posterior](persons-threshold.svg)",
        "",
        "![What becomes of the mentions with each slip](persons-slips.svg)",
        "",
        "## What the stream is like",
        "",
        *(f"- {name}: {value:.1%}" for name, value in report.base.items()),
        "",
        "Shares of all mentions with each slip (rates and reasons: `benchmarks/persons/rates.py`): "
        + ", ".join(
            f"{name} {part.mentions / pooled.mentions:.1%}" for name, part in slips.items() if name != "none"
        )
        + ".",
    ]
    return "\n".join(lines) + "\n"


def _table(rows: Mapping[str, Figures], head: str) -> list[str]:
    lines = [
        f"| {head} | mentions | linked | with review | false new | found by keys | review | false links | links |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return lines + [
        f"| {name} | {part.mentions:,} | {part.linked.value:.3f} | {part.with_review.value:.3f} | "
        f"{part.false_new.value:.3f} | {part.found.value:.3f} | {part.review.value:.3f} | {part.false_links.part} | "
        f"{part.false_links.whole:,} |"
        for name, part in rows.items()
        if part.mentions
    ]


def _share(share: Share) -> dict[str, float]:
    exact, score = share.exact, share.score
    return {
        "part": share.part,
        "whole": share.whole,
        "value": share.value,
        "exact_low": exact.low,
        "exact_high": exact.high,
        "wilson_low": score.low,
        "wilson_high": score.high,
    }


def _plain(found: Figures) -> dict[str, Any]:
    shares = ("false_links", "linked", "with_review", "review", "begotten", "false_new", "found")
    return {
        "mentions": found.mentions,
        "known": found.known,
        **{name: _share(getattr(found, name)) for name in shares},
        "compared_mean": found.compared_mean,
        "compared_p99": found.compared_p99,
        "bars_met": dict(found.bars_met),
    }


def _threshold_picture(curve: Sequence[AtThreshold], chosen: float, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 3.6))
    linked = [at.linked.value for at in curve]
    axes.plot(linked, [max(at.false_links.value * 1e4, 0.05) for at in curve], marker="o")
    axes.plot(
        linked, [at.false_links.exact.high * 1e4 for at in curve], linestyle=":", label="95% upper bound"
    )
    for at in curve:
        weight = "bold" if at.threshold == chosen else "normal"
        place = (at.linked.value, max(at.false_links.value * 1e4, 0.05))
        axes.annotate(
            f"{at.threshold:g}", place, fontsize=7, weight=weight, textcoords="offset points", xytext=(2, 5)
        )
    axes.axhline(FALSE_LINKS_BAR * 1e4, color="grey", linewidth=0.8, label="bar")
    axes.set_yscale("log")
    axes.set_xlabel("share of known persons' mentions linked automatically")
    axes.set_ylabel("false links in 10,000")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _slips_picture(slips: Mapping[str, Figures], path: Path) -> None:
    rows = sorted(slips.items(), key=lambda item: item[1].linked.value)
    names = [name for name, _ in rows]
    linked = [part.linked.value for _, part in rows]
    offered = [part.with_review.value - part.linked.value for _, part in rows]
    figure, axes = plt.subplots(figsize=(7, 0.6 + 0.22 * len(rows)))
    axes.barh(names, linked, label="linked automatically")
    axes.barh(names, offered, left=linked, label="offered in a review")
    missed = [1 - part.with_review.value for _, part in rows]
    axes.barh(names, missed, left=[1 - each for each in missed], label="missed", color="lightgrey")
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlim(0, 1)
    axes.legend(frameon=False, ncol=3, bbox_to_anchor=(0.5, 1.0), loc="lower center", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
