"""``kruispunt worker`` as a process: what it waits for, and what ends it with what to do next."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kruispunt_processors import exits
from kruispunt_schemas import keys, reports
from kruispunt_schemas.reports import State

from tests.waiting import wait_until

WITHIN = 60.0
NOWHERE = {
    "KRUISPUNT_BROKERS": "127.0.0.1:1",
    "KRUISPUNT_REGISTRY": "http://127.0.0.1:1",
    "KRUISPUNT_DATABASE": "postgresql://nobody@127.0.0.1:1/none",
}


def started(data: Path, log: Path, addresses: dict[str, str]) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KRUISPUNT_")}
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "kruispunt_schemas", "worker", "--data", str(data)],
            stdout=output,
            stderr=output,
            env={**kept, **addresses},
        )


def ends(log: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "ended"]


@pytest.mark.parametrize("addresses", [NOWHERE, {}])
def test_nothing_provisioned_ends_it_with_what_to_do_next(tmp_path: Path, addresses: dict[str, str]) -> None:
    """Regression: it started its roles again for ever, with a message each time."""
    log = tmp_path / "log"
    worker = started(tmp_path, log, addresses)
    try:
        assert worker.wait(WITHIN) == exits.REFUSED
    finally:
        worker.kill()
        worker.wait()
    told = " ".join(log.read_text().splitlines()[-3:])
    assert ("kruispunt provision" if addresses else "kruispunt up") in told
    assert ends(log) == []


def test_servers_that_are_away_are_waited_for_with_growing_pauses(tmp_path: Path) -> None:
    keys.create_backbone(tmp_path)
    log = tmp_path / "log"
    worker = started(tmp_path, log, NOWHERE)
    try:

        def of_route() -> list[dict[str, Any]]:
            return [end for end in ends(log) if end["role"] == "route"]

        wait_until(lambda: len(of_route()) >= 2, within=WITHIN, what="a second end")
        assert [(end["code"], end["again_in_seconds"]) for end in of_route()[:2]] == [
            (exits.UNAVAILABLE, 0.5),
            (exits.UNAVAILABLE, 1.0),
        ]
        report = reports.read(reports.path_of(tmp_path, "route"))
        assert report is not None
        assert report.state in {State.WAITING, State.STARTING}
        assert "registry" in report.error
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(WITHIN)
