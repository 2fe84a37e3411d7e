from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from uuid import UUID

import click
import kruispunt_schemas
import pytest
from click.testing import CliRunner
from kruispunt_schemas import command
from kruispunt_schemas.failures import (
    ConfigurationError,
    ContractError,
    KruispuntError,
    PolicyError,
    UnavailableError,
)


def installed() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Give every command of what is installed, with the words that call it."""
    waiting: list[tuple[tuple[str, ...], click.Command]] = [((), command.kruispunt)]
    while waiting:
        words, found = waiting.pop()
        yield words, found
        if isinstance(found, click.Group):
            context = click.Context(found)
            for name in found.list_commands(context):
                inner = found.get_command(context, name)
                assert inner is not None, f"{' '.join(words)} {name} cannot be loaded"
                waiting.append(((*words, name), inner))


COMMANDS = sorted(installed(), key=lambda item: item[0])


@pytest.mark.parametrize("words", [words for words, _ in COMMANDS], ids=" ".join)
def test_help_is_there_without_any_server(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(command.kruispunt, [*words, "--help"], prog_name="kruispunt")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: kruispunt {' '.join(words)}".rstrip())


@pytest.mark.parametrize(
    "words", [words for words, found in COMMANDS if not isinstance(found, click.Group)], ids=" ".join
)
def test_help_shows_an_example_that_calls_the_command(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(command.kruispunt, [*words, "--help"], prog_name="kruispunt")
    assert f"Example: kruispunt {' '.join(words)}" in " ".join(result.output.split())


def test_every_entry_point_is_a_subcommand() -> None:
    names = {entry.name for entry in entry_points(group=command.GROUP)}
    assert names == {words[0] for words, _ in COMMANDS if len(words) == 1}
    assert {"agency", "inbox", "provision", "quarantine", "worker", "up", "down", "status", "doctor"} <= names


def test_an_entry_point_that_is_no_command_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("odd", "kruispunt_schemas.command:GROUP", command.GROUP)
    monkeypatch.setattr(command, "entry_points", lambda **_: [entry])
    result = CliRunner().invoke(command.kruispunt, ["odd"])
    assert result.exit_code == 2
    assert "No such command 'odd'" in result.output


def test_an_unknown_command_and_no_command() -> None:
    assert CliRunner().invoke(command.kruispunt, ["nonsense"]).exit_code == 2
    assert CliRunner().invoke(command.kruispunt, ["--version"]).output.startswith("kruispunt, version ")


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("set [both] or neither"),
        ContractError("value", "header.version", "it does not fit"),
        PolicyError("no"),
        UnavailableError("no answer"),
        KruispuntError("plain"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_of_ours_ends_with_code_2_and_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: KruispuntError
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setitem(command.kruispunt.commands, "failing", failing)
    monkeypatch.setattr(sys, "argv", ["kruispunt", "failing"])
    with pytest.raises(SystemExit) as caught:
        command.main()
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{type(error).__name__}: {error}" in " ".join(captured.err.split())
    assert "Traceback" not in captured.err


def test_another_failure_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def failing() -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(command.kruispunt.commands, "failing", failing)
    monkeypatch.setattr(sys, "argv", ["kruispunt", "failing"])
    with pytest.raises(ZeroDivisionError):
        command.main()


def test_it_runs_as_a_module_and_fails_clearly_without_a_stack(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "kruispunt_schemas", "agency", "status", "--as", "Not A Name"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_json_holds_what_records_hold(capsys: pytest.CaptureFixture[str]) -> None:
    command.print_json(
        {
            "id": UUID(int=0),
            "time": datetime(2025, 1, 2, tzinfo=UTC),
            "bytes": b"\x01\xff",
            "path": Path("a/b"),
            "set": {"b", "a"},
            "text": "é\x1b[31m\u202e",
        }
    )
    text = capsys.readouterr().out
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == {
        "id": "00000000-0000-0000-0000-000000000000",
        "time": "2025-01-02 00:00:00+00:00",
        "bytes": "01ff",
        "path": "a/b",
        "set": ["a", "b"],
        "text": "é\x1b[31m\u202e",
    }


def test_every_module_of_the_contract_imports_alone() -> None:
    names = [
        item.name
        for item in pkgutil.walk_packages(kruispunt_schemas.__path__, "kruispunt_schemas.")
        if not item.name.endswith("__main__")
    ]
    assert len(names) > 20
    for name in names:
        importlib.import_module(name)
    program = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "rooms = ('kruispunt_producers', 'kruispunt_processors', 'kruispunt_consumers', 'kruispunt_deploy',"
        " 'confluent_kafka', 'aiokafka', 'sqlalchemy')\n"
        "assert not [name for name in sys.modules if name.startswith(rooms)]\n"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
