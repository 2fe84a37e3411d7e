"""The report of a long run says what was found, and its picture is well formed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.kills import report
from tests.kills.kills import Hit
from tests.kills.reckoning import Reckoning
from tests.kills.running import Outcome

SVG = "{http://www.w3.org/2000/svg}"
HIT = Hit(12.5, "resolve worker", "failpoint `stage.sent`, passage 2", "ended by SIGKILL; 9 claims open", 7.5)


def outcome(*wrong: str) -> Outcome:
    return Outcome(
        name="resolve",
        title="the resolve worker <twice>",
        signals=4_000,
        brokers=1,
        seconds=60.0,
        stall=9.5,
        hits=[HIT, HIT],
        reckoning=Reckoning(4_000, 3_900, 60, 40, 9_000, 12, 3_000, 7, {"in.*": 5}, list(wrong)),
        samples=[(at / 4, {"admit": at, "resolve": at // 2, "route": at // 3}) for at in range(200)],
    )


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    found = {"commit": "abc", "cores": 2, "at": "2026-01-01T00:00+00:00", **asdict(outcome())}
    (tmp_path / "resolve.json").write_text(json.dumps(found))
    return tmp_path


def test_it_counts_the_kills_of_each_instant(kept: Path) -> None:
    text = report.write(kept, kept / "reports", ["resolve", "not run"]).read_text()
    assert "**Nothing was lost, nothing came twice.** 2 kills over 4,000 signals" in text
    assert "| resolve: between send and mark (admit: and acknowledgement) | 2 |" in text
    assert text.count("| 12 | resolve worker | failpoint `stage.sent`, passage 2 |") == 2
    assert "in.* 5" in text


def test_what_is_wrong_is_said_first(kept: Path) -> None:
    found = json.loads((kept / "resolve.json").read_text())
    found["reckoning"]["wrong"] = ["the outbox of ocad still holds postings"]
    text = report.markdown([found])
    assert "**1 things are wrong.**" in text
    assert "- wrong: the outbox of ocad still holds postings" in text


def test_the_picture_has_a_panel_and_a_line_for_each_kill(kept: Path) -> None:
    report.write(kept, kept / "reports", ["resolve"])
    picture = ET.parse(kept / "reports" / "kills.svg").getroot()  # noqa: S314 - made here
    assert sum(line.get("stroke-dasharray") is not None for line in picture.iter(f"{SVG}line")) == 2
    assert len(list(picture.iter(f"{SVG}polyline"))) == 3
