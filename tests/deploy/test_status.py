from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kruispunt_deploy.stack.inspection import PartView, StackView
from kruispunt_deploy.stack.status import advice, status_page
from kruispunt_deploy.stack.workers import WorkerView, views
from kruispunt_deploy.stack_commands import status
from kruispunt_schemas import pages
from kruispunt_schemas.health import Health
from kruispunt_schemas.reports import Report, State
from prometheus_client import CollectorRegistry
from rich.console import Console

READY = StackView("/data", "ready", 7, (PartView("kafka", "ready", 8, "127.0.0.1:1", 3.1, 0, 400, "/l"),))


@pytest.fixture(scope="module")
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left(data: Path, name: str, state: State, pid: int, **more: Any) -> Report:
    report = Report.begin(data, name)
    report.state, report.pid = state, pid
    for field, value in more.items():
        setattr(report, field, value)
    report.write(data)
    return report


def serving(data: Path, name: str, **more: Any) -> None:
    """Leave the report of a worker that this process is, with a page that says so."""
    facts = {"role": name.partition("-")[0], "pid": os.getpid(), "live": True, "ready": True}
    health = Health.model_validate({**facts, "uptime_seconds": 300.0, **more})
    address = pages.serve(lambda: health, CollectorRegistry())
    left(data, name, State.WORKING, os.getpid(), address=address)


def drawn(found: StackView, workers: tuple[WorkerView, ...], width: int = 100) -> str:
    output = StringIO()
    Console(file=output, width=width).print(status_page(found, workers))
    return output.getvalue()


def test_a_folder_without_reports_has_no_workers(tmp_path: Path) -> None:
    assert views(tmp_path) == ()


def test_what_works_is_told_in_words_and_figures(tmp_path: Path) -> None:
    serving(tmp_path, "admit", per_second=812.4, behind=1200, refused=3)
    serving(tmp_path, "resolve", behind=0)
    serving(tmp_path, "route", behind=0, unfinished=2, oldest_seconds=0.4)
    serving(tmp_path, "inbox-ltf-gent")
    found = views(tmp_path)
    assert [each.name for each in found] == ["admit", "resolve", "route", "inbox-ltf-gent"]
    assert [each.state for each in found] == ["working", "nothing to do", "nothing to do", "nothing to do"]
    assert all(each.well for each in found)
    assert advice(READY, found) == ["kruispunt quarantine list (something was refused)"]
    page = drawn(READY, found)
    for text in ("812.4", "1,200", "0.4 s", "5 min", "All is well"):
        assert text in page
    assert "restarts" in drawn(READY, found, width=80)


def test_what_was_stopped_as_asked_is_well(tmp_path: Path, ended: int) -> None:
    for name in ("admit", "resolve", "route"):
        left(tmp_path, name, State.STOPPED, ended)
    found = views(tmp_path)
    assert [(each.state, each.well) for each in found] == [("stopped", True)] * 3
    assert advice(READY, found) == ["kruispunt worker (none runs)"]


def test_each_that_is_not_well_comes_with_what_to_do(tmp_path: Path, ended: int) -> None:
    stuck = {"live": False, "ready": False, "troubles": ("it stands still on admitted/3",)}
    serving(tmp_path, "resolve", **stuck)
    left(tmp_path, "admit", State.WORKING, ended, restarts=2, error="it crashed (OSError)")
    left(tmp_path, "agency-ocad", State.WORKING, os.getpid(), address="http://127.0.0.1:1")
    left(tmp_path, "agency-vsse", State.REFUSED, ended, error="no keys: run `kruispunt provision`")
    left(tmp_path, "agency-adiv", State.WAITING, ended, error="the registry does not answer")
    serving(tmp_path, "inbox-ltf-gent", ready=False, troubles=("Kafka does not answer",))
    found = {each.name: each for each in views(tmp_path)}
    assert {name: each.state for name, each in found.items()} == {
        "admit": "ended without being asked",
        "resolve": "it stands still on admitted/3",
        "agency-ocad": "does not answer",
        "agency-vsse": "refused to start",
        "agency-adiv": "waits for a server",
        "inbox-ltf-gent": "Kafka does not answer",
        "route": "not started",
    }
    assert not any(each.well for each in found.values())
    assert all(each.advice for each in found.values())
    page = drawn(READY, tuple(found.values()))
    assert "All is well" not in page
    assert "it crashed (OSError)" in page
    assert "route: kruispunt worker --role route" in page


def test_a_page_of_another_process_does_not_answer_for_it(tmp_path: Path) -> None:
    serving(tmp_path, "route", pid=1)
    assert views(tmp_path)[0].state == "does not answer"


def test_what_has_only_just_started_is_well(tmp_path: Path) -> None:
    left(tmp_path, "route", State.STARTING, os.getpid())
    serving(tmp_path, "admit", ready=False, uptime_seconds=2.0)
    serving(tmp_path, "resolve")
    assert {each.state for each in views(tmp_path)} == {"starting", "nothing to do"}
    assert all(each.well for each in views(tmp_path))


def test_scripts_get_the_same_with_an_exit_code(tmp_path: Path, ended: int) -> None:
    left(tmp_path / "data", "route", State.WORKING, ended)
    result = CliRunner().invoke(status, ["--data", str(tmp_path / "data"), "--json"])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["well"]) == (1, False)
    assert told["workers"][0]["state"] == "ended without being asked"
    assert told["next"] == ["kruispunt up --detach"]
    assert CliRunner().invoke(status, ["--watch", "--json"]).exit_code == 2


def test_servers_that_the_environment_names_are_asked_and_not_the_local_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: with `KRUISPUNT_BROKERS` it said that the stack was stopped, and to start one."""
    monkeypatch.setenv("KRUISPUNT_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("KRUISPUNT_REGISTRY", "http://127.0.0.1:1/apis/ccompat/v7")
    done = CliRunner().invoke(status, ["--data", str(tmp_path), "--json"])
    told = json.loads(done.output)
    assert (done.exit_code, told["phase"], told["healthy"]) == (1, "elsewhere", False)
    assert {part["name"]: part["state"] for part in told["parts"]} == {
        "brokers": "does not answer",
        "registry": "does not answer",
    }
    assert told["next"][0] == "brokers: does not answer, then kruispunt doctor"
    parts = tuple(PartView(name, "ready", address=f"{name} answers") for name in ("brokers", "registry"))
    page = drawn(StackView("/data", "elsewhere", None, parts), ())
    assert "KRUISPUNT_BROKERS" in page
    assert "brokers answers" in page
    assert "up --detach" not in page
