"""A failpoint is off unless asked for, hits at its passage, and refuses what it does not know."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kruispunt_schemas import failpoints
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.settings import Settings

ROOMS = ("producers", "processors", "consumers")
ROOT = Path(__file__).parents[2]
CHILD = """
import asyncio
from kruispunt_schemas import failpoints
from kruispunt_schemas.settings import Settings

async def outputs():
    futures = [asyncio.get_running_loop().create_future() for _ in range(4)]
    awaited = [failpoints.reached_when_done("stage.sending", each) for each in futures]
    futures[0].set_exception(OSError())
    futures[1].set_result(None)
    await asyncio.wait([awaited[0], awaited[1]])
    print("sending", flush=True)
    futures[2].set_result(None)
    await awaited[2]
    await asyncio.sleep(0)

failpoints.arm(Settings().failpoint)
for passage in range(1, 4):
    print(passage, flush=True)
    failpoints.reached("box.sent")
    failpoints.reached("stage.claimed")
asyncio.run(outputs())
print("alive", flush=True)
"""


def child(setting: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, failpoints.SETTING: setting}
    return subprocess.run(
        [sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, check=False
    )


def test_it_dies_by_sigkill_at_the_passage_and_says_so_before() -> None:
    done = child("stage.claimed:2")
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["1", "2"]
    armed, reached = (json.loads(line) for line in done.stderr.splitlines())
    assert armed["level"] == reached["level"] == "critical"
    assert (armed["failpoint"], armed["passages_left"]) == ("stage.claimed", 2)
    assert (reached["event"], reached["pid"]) == ("failpoint-reached", armed["pid"])


def test_a_confirmed_output_is_a_passage_and_a_refused_one_is_none() -> None:
    done = child("stage.sending:2")
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["1", "2", "3", "sending"]


@pytest.mark.parametrize("setting", ["", "stage.claimed:4", "inbox.kept"])
def test_it_lives_without_one_and_when_its_passage_never_comes(setting: str) -> None:
    done = child(setting)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "alive"
    assert ("armed" in done.stderr) is bool(setting)


@pytest.mark.parametrize(
    "setting", ["stage.send", "claimed", ":1", "stage.sent:", "stage.sent:0", "box.sent:x"]
)
def test_an_unknown_name_or_passage_is_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match=failpoints.SETTING):
        failpoints.arm(setting)


def test_nothing_is_armed_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(failpoints.SETTING, raising=False)
    assert Settings().failpoint is None


def test_every_failpoint_is_passed_somewhere() -> None:
    source = "".join(path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    for name in failpoints.NAMES:
        assert source.count(f'"{name}"') >= 1, name
