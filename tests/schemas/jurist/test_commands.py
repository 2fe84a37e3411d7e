"""The commands as a person calls them, over the whole chain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kruispunt_schemas import command
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow.authoring import ROOT

CASE = """
[[case]]
id = "one"
why = "Because."
[case.signal]
type = "RadicalisationCase"
from = "federal-police"
municipality = "Gent"
[case.receives]
ltf-gent = "all"
[case.refused]
ltf-brussel = "no-ground"
"""


def run(*words: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(
        command.kruispunt, ["policy", *map(str, words)], prog_name="kruispunt", env={"COLUMNS": "200"}
    )
    assert result.exit_code == code, result.output + str(result.exception)
    return result


def as_json(*words: str | Path, code: int = 0) -> Any:
    return json.loads(run(*words, "--json", code=code).stdout)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "one.toml"
    path.write_text(CASE, encoding="utf-8")
    return path


def test_the_group_shows_what_every_installed_room_adds() -> None:
    shown = run("--help").output
    for name in ("check", "cases", "table", "preview", "explain", "why-not", "diff", "activate"):
        assert f"\n  {name} " in shown


def test_cases_that_pass(cases: Path) -> None:
    assert "1 cases, 0 fail" in run("cases", cases).output
    assert as_json("cases", cases.parent)["failed"] == []


def test_a_case_that_fails_says_what_came_instead_with_the_sentence(cases: Path) -> None:
    cases.write_text(CASE.replace("no-ground", "guard-embargo"), encoding="utf-8")
    result = run("cases", cases, "--language", "nl", code=1)
    assert "the reason is not guard-embargo but no-ground" in result.output
    assert "Geen enkele regel geeft deze dienst recht op dit onderdeel." in result.output
    assert "Next: " in result.stderr
    assert as_json("cases", cases, code=1)["failed"] == ["one"]


def test_the_language_may_stand_in_the_environment(cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRUISPUNT_LANGUAGE", "fr")
    cases.write_text(CASE.replace("no-ground", "guard-embargo"), encoding="utf-8")
    assert "Aucune règle ne donne" in run("cases", cases, code=1).output


def test_a_broken_file_is_a_failure_of_ours(cases: Path) -> None:
    cases.write_text(CASE.replace("ltf-gent", "ltf-atlantis"), encoding="utf-8")
    result = CliRunner().invoke(command.kruispunt, ["policy", "cases", str(cases)])
    assert isinstance(result.exception, PolicyError)
    assert "one: receives: no participant is called ltf-atlantis" in str(result.exception)


def test_mutants_are_counted_and_those_that_survive_are_named(cases: Path) -> None:
    found = as_json("cases", cases, "--mutate", code=1)
    assert 0 < found["noticed"] < found["mutants"]
    assert {"rule": "guard-embargo", "change": "the rule is deleted"} in found["survivors"]
    assert "mutants are noticed by a case" in run("cases", cases, "--mutate", "--at-least", "0").output


def test_another_policy_can_be_tried(cases: Path, tmp_path: Path) -> None:
    text = (ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")
    other = tmp_path / "need_to_know.cedar"
    other.write_text(text.replace('context.recipient_kind == "local-task-force"', "false"), encoding="utf-8")
    assert as_json("cases", cases, "--policy", other, code=1)["failed"] == ["one"]
    assert as_json("cases", cases, "--policy", tmp_path, code=1)["failed"] == ["one"]


def test_the_check_names_rules_and_says_what_to_do(tmp_path: Path) -> None:
    text = (ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")
    other = tmp_path / "need_to_know.cedar"
    other.write_text(text.replace("context.under_embargo", "context.under_embrago"), encoding="utf-8")
    result = run("check", "--policy", other, code=1)
    assert "under_embrago" in result.output
    assert "Next: " in result.stderr


def test_the_check_of_the_reviewed_policy_can_be_read_by_a_program() -> None:
    result = CliRunner().invoke(command.kruispunt, ["policy", "check", "--json"])
    found = json.loads(result.stdout)
    assert found["sound"] == (result.exit_code == 0)
    assert all({"weight", "subject", "text"} == set(item) for item in found["findings"])


def test_the_table_is_shown_written_and_compared(tmp_path: Path) -> None:
    assert "RadicalisationCase" in run("table", "--language", "de").output
    assert as_json("table", "--check", "--folder", tmp_path, code=1)["stale"] == ["policy.md", "policy.svg"]
    run("table", "--write", "--folder", tmp_path)
    assert as_json("table", "--check", "--folder", tmp_path)["current"]
    (tmp_path / "policy.md").write_text("other", encoding="utf-8")
    assert "policy table --write" in run("table", "--check", "--folder", tmp_path, code=1).stderr


def test_the_preview_says_that_followers_were_not_consulted(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    draft = {
        "signal_type": "RadicalisationCase",
        "originator": "federal-police",
        "sections": {"context": {"municipality": "44021"}},
    }
    path.write_text(json.dumps(draft), encoding="utf-8")
    assert "was not consulted" in run("preview", path).output
    found = as_json("preview", path, "--language", "nl")
    assert found["followers_consulted"] is False
    assert any("ltf-gent" in item["participants"] for item in found["recipients"])
    assert found["sentences"]["ground-territory"].startswith("De task force")
