from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow import fact_words
from kruispunt_schemas.needtoknow.authoring import ROOT
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.conditions import Condition, conditions, outcomes
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.needtoknow.rules import Language, rules
from kruispunt_schemas.records.sections import Sections

from tests.schemas.needtoknow.bundles import worded
from tests.schemas.needtoknow.fact_strategies import facts

POLICIES = (ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")
ENGINE = PolicyEngine(POLICIES, (ROOT / "policy" / "need_to_know.cedarschema").read_text(encoding="utf-8"))


@settings(max_examples=300, deadline=None)
@given(facts())
def test_the_second_reading_says_what_cedar_says(found: Facts) -> None:
    assert outcomes(conditions(POLICIES), found, Sections.NAMES) == ENGINE.evaluate(found, Sections.NAMES)


def test_every_rule_has_its_conditions_in_the_order_of_the_file() -> None:
    assert [rule.rule for rule in conditions(POLICIES)] == list(rules(POLICIES))
    by_name = {rule.rule: rule for rule in conditions(POLICIES)}
    assert [part.text for part in by_name["guard-clearance"].parts] == ["classification > clearance"]
    assert by_name["ground-named"].facts == {"is_named", "recipient_kind"}


def test_a_condition_says_which_facts_it_reads_and_what_is_missing() -> None:
    rule = next(rule for rule in conditions(POLICIES) if rule.rule == "ground-hit")
    values = {"tier": "hit", "follows_subject": False, "signal_type": "EntityChange"}
    assert [part.text for part in rule.missing(values)] == ["follows_subject"]
    assert not rule.hold(values)
    assert rule.speaks_of("contact")
    assert not rule.speaks_of("subject")


def test_alternatives_and_negations_are_written_as_in_the_file() -> None:
    texts = {part.text for rule in conditions(POLICIES) for part in rule.parts}
    assert "(in_territory || is_national)" in texts
    assert '!recipient_roles.contains("magistrate")' in texts


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ({"like": {"left": {"Value": "a"}, "pattern": ["Wildcard"]}}, "it uses like"),
        ({".": {"left": {"Var": "principal"}, "attr": "name"}}, "something else than a fact"),
    ],
)
def test_what_the_tools_cannot_read_is_refused_with_its_name(expression: object, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        Condition.of(expression)


def test_a_rule_that_is_not_about_facts_is_refused() -> None:
    named = worded("guard-x", 'forbid (principal == Recipient::"x", action, resource);')
    with pytest.raises(PolicyError, match="guard-x: its principal"):
        conditions(POLICIES + named)


def test_unless_is_read_as_not() -> None:
    odd = worded("guard-x", "forbid (principal, action, resource) unless { context.is_screened };")
    (rule,) = conditions(odd)
    assert [part.text for part in rule.parts] == ["!is_screened"]


def test_a_rule_without_conditions_always_holds() -> None:
    (rule,) = conditions(worded("guard-x", "forbid (principal, action, resource);"))
    assert rule.hold({})
    assert rule.speaks_of("anything")


def test_every_fact_has_a_name_in_every_language() -> None:
    for field in fields(Facts):
        for language in Language:
            assert fact_words.called(field.name, language) != field.name


def test_values_are_shown_in_words() -> None:
    assert fact_words.shown("is_named", True, Language.NL) == "ja"
    assert fact_words.shown("clearance", 3, Language.FR) == "SECRET"
    assert fact_words.shown("markings", ("A", "B"), Language.DE) == "A, B"
    assert fact_words.shown("markings", (), Language.DE) == "-"
    assert fact_words.shown("nature", "", Language.EN) == "-"


def test_rules_read_known_facts_alone() -> None:
    known = {field.name for field in fields(Facts)}
    assert {name for rule in conditions(POLICIES) for name in rule.facts} <= known
