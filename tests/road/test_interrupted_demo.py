"""The demonstration, interrupted: no orphan, no lock, no half data, whoever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
READY_SECONDS = 120.0
END_SECONDS = 60.0


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    if request.config.getoption("--stack") != "embedded":
        pytest.skip("only with --stack=embedded: the demonstration starts servers of its own")
    with tempfile.TemporaryDirectory(prefix="kruispunt-demo-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name) / "demo"


def started(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "kruispunt_schemas", "demo", "--signals", "200", "--data", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def family(folder: Path) -> list[int]:
    """Return the processes that name the folder in their command line or work in it, and their children."""
    parents: dict[int, int] = {}
    named: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            status = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if status[0] != "Z":
            parents[int(entry.name)] = int(status[1])
            if str(folder).encode() in command:
                named.add(int(entry.name))
    grown = True
    while grown:
        found = {pid for pid, parent in parents.items() if parent in named} - named
        named |= found
        grown = bool(found)
    return sorted(named)


def working(folder: Path) -> bool:
    return (folder / "workers" / "route.json").is_file()


def starting(folder: Path) -> bool:
    return (folder / "logs").is_dir() and len(family(folder)) > 1


@pytest.mark.parametrize(
    "moment", [starting, working], ids=["while the servers start", "while the workers work"]
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(
    folder: Path, moment: Callable[[Path], bool], number: signal.Signals
) -> None:
    process = started(folder)
    wait_until(lambda: moment(folder), within=READY_SECONDS, what="the moment to interrupt")
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(END_SECONDS) == 130
    assert family(folder) == []
    assert not folder.exists()


def test_killed_it_leaves_no_process_and_the_next_one_starts(folder: Path) -> None:
    process = started(folder)
    wait_until(lambda: working(folder), within=READY_SECONDS, what="the workers")
    members = family(folder)
    assert len(members) > 5
    process.kill()
    process.wait()
    wait_until(lambda: family(folder) == [], within=END_SECONDS, what="the end of every child")
    (folder / "workers" / "route.json").unlink()
    again = started(folder)
    wait_until(lambda: working(folder), within=READY_SECONDS, what="the workers of the next one")
    again.send_signal(signal.SIGINT)
    assert again.wait(END_SECONDS) == 130
    assert family(folder) == []
