"""Activating a policy: what is proposed, what is objected to, and who is asked. No broker is needed for any of it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from kruispunt_consumers.audit import policy_commands
from kruispunt_consumers.audit.past import Past, read_past
from kruispunt_deploy import activation
from kruispunt_deploy.activation_command import activate
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.jurist.case import Case, Refused
from kruispunt_schemas.jurist.case_files import read_cases
from kruispunt_schemas.needtoknow.authoring import ROOT
from kruispunt_schemas.needtoknow.bundle import Bundle

from tests.consumers.audit.test_policy_commands import MemoryReader
from tests.consumers.audit.world import World, bundle_of, small_world


def run(*words: str, code: int = 0, answer: str = "") -> Result:
    result = CliRunner().invoke(activate, words, input=answer, env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output + str(result.exception)
    return result


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[Bundle]:
    """What was announced, over a backbone whose bundle in force has a weaker policy; the reviewed one has no objections."""
    weaker = bundle_of()
    policies = weaker.policies.replace("context.in_territory &&", "context.is_named &&", 1)
    own = {name: getattr(weaker, name) for name in Bundle.model_fields}
    world = World(Bundle.model_validate({**own, "policies": policies}))
    small = small_world()
    world.records["audit.decisions"] = []
    world.records["audit.bundles"] += small.records["audit.bundles"][:1]
    world.records["audit.decisions"] += small.records["audit.decisions"]
    past = read_past(MemoryReader(world))
    found: list[Bundle] = []
    monkeypatch.setattr(policy_commands, "read", lambda _data: past)
    monkeypatch.setattr(activation, "objections", lambda: iter(()))
    monkeypatch.setattr(
        activation,
        "activate",
        lambda _settings, bundle: not found.append(bundle),  # type: ignore[func-returns-value]
    )
    return found


def test_a_renewed_bundle_keeps_participants_and_keys() -> None:
    last = bundle_of()
    assert activation.renewed(last).name == last.name
    assert all(row.keys for row in activation.renewed(last).participants)


def test_a_backbone_without_a_bundle_is_provisioned_first() -> None:
    with pytest.raises(ConfigurationError, match="kruispunt provision"):
        activation.propose(Past())


def test_it_shows_what_would_have_been_otherwise_and_asks(announced: list[Bundle]) -> None:
    shown = run(answer="n\n", code=1)
    assert "would be otherwise" in shown.output
    assert "Announce it?" in shown.output
    assert "Nothing was announced" in shown.stderr
    assert announced == []


def test_with_yes_it_announces(announced: list[Bundle]) -> None:
    found = json.loads(run("--yes", "--json").stdout)
    assert found["activated"]
    assert found["difference"]["gained"] > 0
    assert [item.name for item in announced] == [found["bundle"]]
    assert announced[0].policies == (ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")


def test_json_asks_nothing(announced: list[Bundle]) -> None:
    assert "give --yes" in run("--json", code=2).stderr
    assert announced == []


def test_what_is_in_force_already_is_not_announced_again(
    announced: list[Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    past = read_past(MemoryReader(small_world()))
    monkeypatch.setattr(policy_commands, "read", lambda _data: past)
    assert "nothing was announced" in run().output
    assert announced == []


def test_objections_refuse_it(announced: list[Bundle], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation, "objections", lambda: iter(["case one: ltf-gent: it gets [all]"]))
    result = run("--yes", code=1)
    assert "case one: ltf-gent: it gets [all]" in result.stderr
    assert "kruispunt policy check" in result.stderr
    assert announced == []


def test_a_case_that_fails_is_an_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_cases()
    name, cases = next(iter(whole.items()))
    broken = replace_refusal(cases[0])
    monkeypatch.setattr(activation, "read_cases", lambda: {name: (broken, *cases[1:])})
    assert any(item.startswith(f"case {broken.id}: ") for item in activation.objections())


def replace_refusal(case: Case) -> Case:
    """Return a case that refuses what it gave."""
    name = next(iter(case.receives))
    return case.model_copy(update={"receives": {}, "refused": {name: Refused.model_validate("no-ground")}})
