from __future__ import annotations

import json

import cedarpy
import pytest
from kruispunt_schemas.jurist import mutation, trial
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.conditions import conditions

from tests.schemas.jurist.worlds import bundle, case, engine

TERRITORY = case('[receives]\nforce-a = "all"\n[refused]\nforce-b = "no-ground"\n')


def survivors(*cases: str) -> set[tuple[str, str]]:
    prepared = [trial.prepare(case(text), bundle()) for text in cases]
    return {(item.rule, item.change) for item in mutation.score(prepared, bundle()).survivors}


def test_every_rule_is_deleted_and_weakened_step_by_step() -> None:
    found = list(mutation.mutants(bundle().policies))
    assert len({(item.rule, item.change) for item in found}) == len(found)
    by_rule: dict[str, list[str]] = {}
    for item in found:
        by_rule.setdefault(item.rule, []).append(item.change)
    assert set(by_rule) == {rule.rule for rule in conditions(bundle().policies)}
    assert all("the rule is deleted" in changes for changes in by_rule.values())
    territory = by_rule["ground-territory"]
    assert "without the condition in_territory" in territory
    assert any(change.startswith('without "RadicalisationCase", in ') for change in territory)
    assert any(change.startswith('without recipient_kind == "local-task-force", in ') for change in territory)
    assert "no longer about sources" in territory


def test_a_case_notices_what_it_is_about_and_nothing_else() -> None:
    left = survivors('[receives]\nforce-a = "all"\n[refused]\nforce-b = "no-ground"\n')
    assert ("ground-territory", "the rule is deleted") not in left
    assert ("ground-territory", "without the condition in_territory") not in left
    assert ("ground-territory", "no longer about sources") not in left
    assert ("guard-embargo", "the rule is deleted") in left


def test_a_guard_is_noticed_from_both_sides() -> None:
    refused = 'embargo = true\n[refused]\nforce-a = "guard-embargo"\n'
    received = '[receives]\nforce-a = "all"\n'
    assert ("guard-embargo", "the rule is deleted") not in survivors(refused)
    assert ("guard-embargo", "without the condition under_embargo") in survivors(refused)
    assert ("guard-embargo", "without the condition under_embargo") not in survivors(refused, received)


def test_a_case_that_fails_anyway_notices_nothing() -> None:
    assert (
        mutation.score([trial.prepare(case('[refused]\nforce-a = "no-ground"\n'), bundle())], bundle()).killed
        == {}
    )


def test_what_was_killed_says_by_which_case() -> None:
    score = mutation.score([trial.prepare(TERRITORY, bundle())], bundle())
    assert set(score.killed.values()) == {"plain"}
    assert score.total == len(score.killed) + len(score.survivors)


@pytest.mark.parametrize("rule", ["ground-territory", "guard-clearance", "ground-named", "guard-minor"])
def test_a_deleted_rule_does_what_cedar_does_without_it(rule: str) -> None:
    """The whole way round: the policy without the rule, parsed by Cedar, gives the same verdict on the case."""
    parsed = json.loads(cedarpy.policies_to_json_str(bundle().policies))
    kept = {
        name: item for name, item in parsed["staticPolicies"].items() if item["annotations"]["id"] != rule
    }
    text = cedarpy.policies_from_json_str(json.dumps({**parsed, "staticPolicies": kept}))
    without = PolicyEngine(text, bundle().policy_schema)
    for found in (
        TERRITORY,
        case('classification = "TOP_SECRET"\n[refused]\nforce-a = "guard-clearance"\n'),
        case('[signal.subject]\nbirth = "2015"\n[refused]\nforce-a = {subject = "guard-minor"}\n'),
        case('named = ["force-b"]\n[receives]\nforce-b = ["context", "subject", "situation", "contact"]\n'),
    ):
        prepared = trial.prepare(found, bundle())
        if not trial.judge(prepared, engine().evaluate, bundle()).passed:
            continue
        passes = trial.judge(prepared, without.evaluate, bundle()).passed
        score = mutation.score([prepared], bundle())
        deleted = next(
            item
            for item in (*score.killed, *score.survivors)
            if (item.rule, item.change) == (rule, "the rule is deleted")
        )
        assert (deleted in score.survivors) == passes
