from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from kruispunt_deploy.stack import Step
from kruispunt_deploy.stack.artifacts import Fetcher, locked
from kruispunt_deploy.stack.display import Display, Follower
from kruispunt_deploy.stack_commands import doctor, down, status, up
from kruispunt_schemas import failpoints
from kruispunt_schemas.command import kruispunt
from rich.console import Console

STEPS = [
    Step("kafka", "fetching", "kafka-clients-4.3.1.jar", 8_000_000, 56_000_000),
    Step("kafka", "fetching", "zstd-jni-1.5.6-10.jar", 40_000_000, 56_000_000),
    Step("kafka", "starting"),
    Step("postgres", "ready", "in 0.2 s"),
    Step("kafka", "died", "ended by SIGKILL [9]"),
]


def checks(*arguments: str) -> dict[str, dict[str, str]]:
    result = CliRunner().invoke(doctor, [*arguments, "--json"])
    found = {check["check"]: check for check in json.loads(result.stdout)}
    problems = any(check["state"] == "problem" for check in found.values())
    assert result.exit_code == (1 if problems else 0)
    return found


@pytest.fixture(autouse=True)
def no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROKERS", "REGISTRY", "DATABASE", "DATA"):
        monkeypatch.delenv(f"KRUISPUNT_{name}", raising=False)


@pytest.mark.parametrize("name", ["up", "down", "status", "doctor"])
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(kruispunt, [name, "--help"])
    assert result.exit_code == 0
    assert f"Example: kruispunt {name}" in result.output
    assert "--json" in result.output


def test_nothing_that_runs_is_told_with_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(status, ["--data", str(tmp_path / "data")])
    assert result.exit_code == 1
    assert "kruispunt up" in result.output
    result = CliRunner().invoke(down, ["--data", str(tmp_path / "data")])
    assert result.exit_code == 0
    assert "Nothing runs" in result.output
    assert not (tmp_path / "data").exists()


def test_another_number_of_brokers_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(up, ["--data", str(tmp_path), "--brokers", "2"])
    assert result.exit_code == 2


def test_doctor_counts_what_must_be_fetched_and_names_what_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRUISPUNT_CACHE", str(tmp_path))
    found = checks("--data", str(tmp_path / "data"))
    assert found["kafka artifacts"]["state"] == found["registry artifacts"]["state"] == "note"
    assert "fetches 159 MB" in found["registry artifacts"]["mend"]
    assert found["servers"]["state"] == "note"
    item = locked("kafka")[0]
    file = Fetcher("kafka").cached(item)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half")
    found = checks("--data", str(tmp_path / "data"))
    assert found["kafka artifacts"]["state"] == "problem"
    assert item.filename in found["kafka artifacts"]["detail"]


def test_doctor_says_that_half_the_addresses_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRUISPUNT_BROKERS", "127.0.0.1:1")
    found = checks("--data", str(tmp_path))
    assert found["servers"]["state"] == "problem"
    assert "KRUISPUNT_REGISTRY" in found["servers"]["detail"]


def test_off_a_terminal_a_line_is_shown_for_each_change() -> None:
    output = StringIO()
    with Display(Console(file=output, width=100)) as display:
        for step in STEPS:
            display(step)
    assert output.getvalue().splitlines() == [
        "kafka      fetching 8 of 56 MB kafka-clients-4.3.1.jar",
        "kafka      starting",
        "postgres   ready in 0.2 s",
        "kafka      died ended by SIGKILL [9]",
    ]


def test_on_a_terminal_a_line_moves_for_each_part_and_fits_80_columns() -> None:
    output = StringIO()
    console = Console(file=output, width=80, force_terminal=True, color_system=None)
    with Display(console) as display:
        for step in STEPS[:4]:
            display(step)
        drawn = console.render_lines(display._moving.get_renderable())
    text = ["".join(segment.text for segment in line) for line in drawn]
    assert [line.split()[1] for line in text] == ["kafka", "postgres"]
    assert "0:00:00" in text[0]
    assert text[1].rstrip().endswith("ready in 0.2 s")


def test_a_follower_reads_each_whole_line_once(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    follower = Follower(file)
    assert follower.new() == []
    line = (
        json.dumps({"at": "", "part": "kafka", "state": "ready", "detail": "", "done": 0, "total": 0}) + "\n"
    )
    file.write_text(line + line[:20])
    assert follower.new() == [Step("kafka", "ready")]
    file.write_text(line + line)
    assert follower.new() == [Step("kafka", "ready")]
    assert follower.new() == []


def test_doctor_finds_a_failpoint_that_was_left_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks("--data", str(tmp_path))["failpoint"]["state"] == "ok"
    monkeypatch.setenv(failpoints.SETTING, "stage.sent:3")
    found = checks("--data", str(tmp_path))["failpoint"]
    assert (found["state"], found["detail"]) == ("problem", "stage.sent:3")
    assert failpoints.SETTING in found["mend"]
