"""The report: one Markdown file of every schedule's outcome, and a picture of the throughput with the kills in it.

Must not: hold a figure that is not in an outcome.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from tests.kills.gauge import OUTPUTS

Found = dict[str, Any]
"""An outcome as it was kept, with its circumstances."""

WIDTH: Final = 1000
PANEL: Final = 130
MARGIN: Final = 46
COLOURS: Final = {"admit": "#9aa7b5", "resolve": "#5b8ab0", "route": "#1d3f5e"}
STEP_SECONDS: Final = 2.0
INTERVALS: Final = {
    "stage.claimed": "between claim and send",
    "stage.sending": "among sends",
    "stage.sent": "between send and mark (admit: and acknowledgement)",
    "stage.marked": "between mark and acknowledgement",
    "box.committed": "posting box: between commit and send",
    "box.sending": "posting box: among sends",
    "box.sent": "posting box: between send and its record",
    "box.recorded": "posting box: after the record",
    "inbox.kept": "inbox: between keeping and owing the receipt to the box",
    "inbox.posted": "inbox: between the box and its record",
}


def circumstances(root: Path) -> Found:
    """Return what a reader needs to judge the figures: commit, machine, time."""

    def git(*arguments: str) -> str:
        asked = ["git", *arguments]
        return subprocess.run(asked, cwd=root, capture_output=True, text=True, check=False).stdout.strip()

    changed = bool(git("status", "--porcelain", "--untracked-files=no"))
    return {
        "commit": git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else ""),
        "cores": os.cpu_count(),
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def write(kept: Path, folder: Path, names: list[str]) -> Path:
    """Write the report of the schedules that have an outcome; return its path."""
    found = [
        json.loads(path.read_text("utf-8")) for name in names if (path := kept / f"{name}.json").is_file()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kills.svg").write_text(picture(found), encoding="utf-8")
    report = folder / "kills.md"
    report.write_text(markdown(found), encoding="utf-8")
    return report


def markdown(found: list[Found]) -> str:
    """Return the report's text."""
    hits = [hit for item in found for hit in item["hits"]]
    signals = sum(item["signals"] for item in found)
    wrong = sum(len(item["reckoning"]["wrong"]) for item in found)
    commits = sorted({item["commit"] for item in found})
    verdict = "**Nothing was lost, nothing came twice.**" if not wrong else f"**{wrong} things are wrong.**"
    lines = [
        "# Killed",
        "",
        (
            f"{verdict} {len(hits)} kills over {signals:,} signals of synthetic agencies, in {len(found)} schedules, each on a "
            "road of its own: real Kafka, PostgreSQL and registry, real processes. After each schedule the audit's balance was "
            "exact and equal to the generator's truth and to the agencies' outboxes; every inbox held exactly the outputs on its "
            "topic, each once; no output id had two contents. Written by `make kill-test`."
        ),
        "",
        (
            f"Commit {', '.join(commits)}; {found[0]['cores'] if found else '-'} cores, shared by all servers, workers and "
            f"agencies; {min((item['at'] for item in found), default='-')} to {max((item['at'] for item in found), default='-')}."
        ),
        "",
        "![Outputs a second of each stage, with the kills](kills.svg)",
        "",
        "## The balance after each schedule",
        "",
        "| schedule | kills | postings | decided | duplicates | quarantined | views and withdrawals | receipts | posted again | repeats on the wire | wrong |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for item in found:
        sum_ = item["reckoning"]
        lines.append(
            f"| {item['title']} | {len(item['hits'])} | {sum_['postings']:,} | {sum_['decided']:,} | {sum_['duplicates']:,} | "
            f"{sum_['quarantined']:,} | {sum_['views'] + sum_['withdrawals']:,} | {sum_['receipts']:,} | {sum_['posted_again']:,} | "
            f"{_repeats(sum_['repeats'])} | {len(sum_['wrong'])} |"
        )
    lines += [
        "",
        (
            "*Posted again*: postings that a killed publisher sent a second time under the same id; the backbone counts them as "
            "duplicates. *Repeats on the wire*: outputs that lie on a topic more than once, always with the same bytes; readers "
            "keep them once."
        ),
        "",
        "## Where it was hit",
        "",
        "| instant | kills |",
        "|---|--:|",
        *(f"| {name} | {count} |" for name, count in _instants(hits)),
        "",
        "## Every kill",
        "",
        (
            "Recovery: seconds from the death of a process, or from the return of a server, until every stage concerned had "
            "put something out again. A worker takes 2 to 4 s to start here; the group waits for the dead member's session (6 s)."
        ),
    ]
    for item in found:
        lines += [
            "",
            f"### {item['title'][0].upper()}{item['title'][1:]}",
            "",
            f"{item['signals']:,} signals, {item['brokers']} broker{'s' if item['brokers'] > 1 else ''}, {item['seconds']:.0f} s, commit {item['commit']}. "
            f"Longest time without a decision between the first kill and the last recovery: **{item['stall']:.1f} s**"
            + (
                " (workers are stopped on purpose before each failpoint)."
                if item["name"] in _STOPPED
                else "."
            ),
            "",
            "| at (s) | killed | instant | evidence that it hit | recovery (s) |",
            "|--:|---|---|---|--:|",
            *(
                f"| {hit['at']:.0f} | {hit['what']} | {hit['instant']} | {hit['evidence']} | {hit['recovery']:.1f} |"
                for hit in item["hits"]
            ),
        ]
        lines += [f"- wrong: {sentence}" for sentence in item["reckoning"]["wrong"]]
    return "\n".join(lines) + "\n"


_STOPPED: Final = frozenset({"resolve", "route", "edges"})


def _repeats(repeats: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in repeats.items()) or "0"


def _instants(hits: list[Found]) -> list[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for hit in hits:
        name = hit["instant"].partition("`")[2].partition("`")[0]
        interval = INTERVALS.get(name)
        who = hit["what"].removesuffix(" worker") if name.startswith("stage.") else ""
        counts[f"{who}: {interval}" if who else interval or f"{_whose(hit['what'])}, {hit['instant']}"] += 1
    return sorted(counts.items())


def _whose(what: str) -> str:
    return "a publisher" if what.startswith("publisher") else what


def picture(found: list[Found]) -> str:
    """Return an SVG: for each schedule the outputs a second of every stage, and a line where something was killed."""
    height = len(found) * (PANEL + MARGIN) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for place, role in enumerate(OUTPUTS):
        x = MARGIN + 110 * place
        parts += [
            f'<line x1="{x}" y1="20" x2="{x + 18}" y2="20" stroke="{COLOURS[role]}" stroke-width="2"/>',
            f'<text x="{x + 24}" y="24">{role}</text>',
        ]
    parts.append(f'<text x="{MARGIN + 340}" y="24" fill="#b3261e">| a kill</text>')
    for number, item in enumerate(found):
        parts += _panel(item, MARGIN + number * (PANEL + MARGIN))
    return "\n".join([*parts, "</svg>", ""])


def _panel(item: Found, top: int) -> list[str]:
    seconds = max(item["seconds"], 1.0)
    rates = {role: _rates(item["samples"], role) for role in OUTPUTS}
    highest = max((rate for series in rates.values() for _, rate in series), default=1.0) or 1.0
    across = (WIDTH - 2 * MARGIN) / seconds
    base = top + PANEL
    parts = [
        f'<text x="{MARGIN}" y="{top - 4}" font-weight="bold">{escape(item["title"])}</text>',
        f'<line x1="{MARGIN}" y1="{base}" x2="{WIDTH - MARGIN}" y2="{base}" stroke="#888"/>',
        f'<text x="{MARGIN - 6}" y="{top + 10}" text-anchor="end">{highest:.0f}/s</text>',
        f'<text x="{WIDTH - MARGIN}" y="{base + 14}" text-anchor="end">{seconds:.0f} s</text>',
    ]
    for hit in item["hits"]:
        x = MARGIN + hit["at"] * across
        parts.append(
            f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{base}" stroke="#b3261e" stroke-dasharray="2 2">'
            f"<title>{escape(hit['what'])}: {escape(hit['instant'])}</title></line>"
        )
    for role, series in rates.items():
        points = " ".join(
            f"{MARGIN + at * across:.1f},{base - rate / highest * PANEL:.1f}" for at, rate in series
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[role]}" stroke-width="1.3"/>')
    return parts


def _rates(samples: list[tuple[float, dict[str, int]]], role: str) -> list[tuple[float, float]]:
    """Return outputs a second at steps of `STEP_SECONDS`, from the samples of counts."""
    points: list[tuple[float, float]] = []
    start: tuple[float, int] | None = None
    for at, counts in samples:
        if start is None:
            start = (at, counts[role])
        elif at - start[0] >= STEP_SECONDS:
            points.append((at, (counts[role] - start[1]) / (at - start[0])))
            start = (at, counts[role])
    return points
