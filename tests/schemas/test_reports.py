from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kruispunt_schemas import reports
from kruispunt_schemas.reports import Report, State


@pytest.fixture(scope="module")
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left(data: Path, pid: int, state: State, restarts: int = 0) -> None:
    report = Report.begin(data, "route")
    report.pid, report.restarts = pid, restarts
    report.failed(state, "what went wrong")
    report.write(data)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = Report.begin(tmp_path, "route")
    report.assigned = 4
    report.write(tmp_path)
    assert reports.read(reports.path_of(tmp_path, "route")) == report
    assert (report.pid, report.restarts, report.state) == (os.getpid(), 0, State.STARTING)
    assert list((tmp_path / "workers").iterdir()) == [tmp_path / "workers" / "route.json"]


def test_an_end_that_nobody_asked_for_is_counted_with_its_error(tmp_path: Path, ended: int) -> None:
    for restarts, state in enumerate((State.STARTING, State.WORKING, State.WAITING, State.FAILED)):
        left(tmp_path, ended, state, restarts)
        again = Report.begin(tmp_path, "route")
        assert (again.restarts, again.error) == (restarts + 1, "what went wrong")
        assert again.assigned == 0


def test_an_end_that_was_asked_for_is_no_restart(tmp_path: Path, ended: int) -> None:
    left(tmp_path, ended, State.STOPPED, 7)
    assert Report.begin(tmp_path, "route").restarts == 0
    left(tmp_path, ended, State.REFUSED, 7)
    assert (again := Report.begin(tmp_path, "route")).restarts == 0
    assert again.error == ""
    left(tmp_path, ended, State.RENEWING, 7)
    assert Report.begin(tmp_path, "route").restarts == 7


def test_a_second_process_of_a_name_is_no_restart_of_the_first(tmp_path: Path) -> None:
    left(tmp_path, os.getppid(), State.WORKING, 3)
    assert Report.begin(tmp_path, "route").restarts == 0


def test_two_processes_of_a_name_have_a_file_each_and_a_slot_that_is_free_is_taken_again(
    tmp_path: Path, ended: int
) -> None:
    """Regression: the second worker of a role hid the first from `kruispunt status`."""
    left(tmp_path, os.getppid(), State.WORKING)
    left(tmp_path, ended, State.FAILED, 4)
    second = Report.begin(tmp_path, "route")
    assert (second.name, second.slot, second.restarts) == ("route", "route-2", 5)
    assert {path.stem for path in (tmp_path / "workers").iterdir()} == {"route", "route-2"}
    first = reports.read(reports.path_of(tmp_path, "route"))
    assert first is not None
    assert first == reports.left_by(tmp_path, "route", os.getppid())
    assert reports.left_by(tmp_path, "route", os.getpid()) == second
    assert reports.left_by(tmp_path, "rout", os.getpid()) is None


def test_a_damaged_report_is_none(tmp_path: Path) -> None:
    path = tmp_path / "route.json"
    assert reports.read(path) is None
    path.write_text("{")
    assert reports.read(path) is None
