from __future__ import annotations

from dataclasses import asdict, replace
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kruispunt_schemas.needtoknow.authoring import ROOT
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.conditions import combined, conditions
from kruispunt_schemas.needtoknow.counterfactual import (
    Change,
    _changes,
    facts_to_change,
    rules_to_change,
)
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.needtoknow.rules import Language
from kruispunt_schemas.records.sections import Sections

from tests.schemas.needtoknow.fact_strategies import facts

POLICIES = (ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")
ENGINE = PolicyEngine(POLICIES, (ROOT / "policy" / "need_to_know.cedarschema").read_text(encoding="utf-8"))
RULED = conditions(POLICIES)
SECTIONS = tuple(name for name in Sections.NAMES if name != "distribution")
FORCE = Facts(
    signal_type="RadicalisationCase",
    lifecycle="ORIGINAL",
    classification=0,
    nature="ADMINISTRATIVE",
    originator_kind="federal-police",
    data_subject="SUSPECT",
    is_minor=False,
    markings=(),
    measure_kinds=(),
    under_embargo=False,
    under_secrecy=False,
    has_consensus=True,
    recipient_kind="local-task-force",
    recipient_roles=("enforces-law",),
    clearance=3,
    channel=3,
    tier="consult",
    regime="domestic",
    is_national=False,
    has_national_mandate=False,
    is_competent=True,
    purpose_fits=True,
    nature_fits=True,
    lacks_agreement=False,
    is_screened=True,
    in_territory=True,
)


def released(found: Facts, section: str) -> bool:
    return any(item.released for item in ENGINE.evaluate(found, (section,)))


def made(found: Facts, changes: tuple[Change, ...]) -> Facts:
    values = asdict(found)
    for change in changes:
        values = change.made(values)
    return Facts(**values)


def said(found: Facts, section: str = "situation") -> list[list[str]]:
    return [
        [change.said(Language.EN) for change in answer]
        for answer in facts_to_change(ENGINE, POLICIES, found, section)
    ]


def test_of_what_was_released_there_is_nothing_to_change() -> None:
    assert facts_to_change(ENGINE, POLICIES, FORCE, "situation") == []
    assert rules_to_change(POLICIES, FORCE, "situation") == []


def test_what_is_released_to_nobody_stays_so() -> None:
    assert facts_to_change(ENGINE, POLICIES, FORCE, "distribution") == []


def test_an_embargo_would_have_to_be_lifted() -> None:
    found = replace(FORCE, under_embargo=True)
    assert said(found)[0] == ["a magistrate has deferred dissemination: yes → no"]
    assert [item.guards for item in rules_to_change(POLICIES, found, "situation")] == [("guard-embargo",)]


def test_consent_is_more_plausible_than_another_marking() -> None:
    found = replace(FORCE, markings=("THIRD_PARTY_RULE",))
    assert said(found) == [
        ["the originator has consented to passing it on to this service: no → yes"],
        ["marking THIRD_PARTY_RULE: yes → no"],
    ]


def test_an_ordinal_changes_by_as_little_as_will_do() -> None:
    found = replace(FORCE, classification=3, clearance=1)
    assert said(found) == [
        ["classification of the signal: SECRET → RESTRICTED"],
        ["clearance of the recipient: RESTRICTED → SECRET"],
    ]


def test_two_obstacles_need_two_changes() -> None:
    found = replace(FORCE, under_embargo=True, is_screened=False)
    answers = facts_to_change(ENGINE, POLICIES, found, "situation")
    assert {len(answer) for answer in answers} == {2}
    assert rules_to_change(POLICIES, found, "situation")[0].guards == ("guard-embargo", "guard-screening")


def test_a_neighbour_would_have_to_be_concerned() -> None:
    found = replace(FORCE, in_territory=False)
    facts_needed = [answer[0].fact for answer in facts_to_change(ENGINE, POLICIES, found, "situation")]
    assert {"is_named", "in_territory", "follows_subject", "in_active_group"} <= set(facts_needed)
    grounds = {item.ground: item for item in rules_to_change(POLICIES, found, "situation")}
    assert [part.text for part in grounds["ground-territory"].conditions] == ["in_territory"]


def test_four_obstacles_are_beyond_an_answer() -> None:
    found = replace(FORCE, under_embargo=True, is_screened=False, purpose_fits=False, nature_fits=False)
    assert facts_to_change(ENGINE, POLICIES, found, "situation") == []


@pytest.mark.parametrize("language", list(Language))
def test_an_answer_is_said_in_every_language(language: Language) -> None:
    (answer, *_) = facts_to_change(ENGINE, POLICIES, replace(FORCE, is_excluded=True), "subject")
    assert "→" in answer[0].said(language)


@settings(max_examples=60, deadline=None)
@given(facts(), st.sampled_from(SECTIONS))
def test_every_answer_flips_and_all_have_one_size(found: Facts, section: str) -> None:
    answers = facts_to_change(ENGINE, POLICIES, found, section)
    assert not (answers and released(found, section))
    assert len({len(answer) for answer in answers}) <= 1
    for answer in answers:
        assert released(made(found, answer), section)


@settings(max_examples=15, deadline=None)
@given(facts(), st.sampled_from(SECTIONS))
def test_no_smaller_set_of_changes_would_have_done(found: Facts, section: str) -> None:
    """By brute force: every single change, and many of the pairs."""
    assume(not released(found, section))
    answers = facts_to_change(ENGINE, POLICIES, found, section)
    size = len(answers[0]) if answers else 3
    about = [rule for rule in RULED if rule.speaks_of(section)]
    read = {name for rule in about for name in rule.facts}
    singles = [change for fact in sorted(read) for change in _changes(POLICIES, fact, getattr(found, fact))]
    smaller: list[tuple[Change, ...]] = [(change,) for change in singles] if size > 1 else []
    if size > 2:
        smaller += [
            pair
            for pair in combinations(singles, 2)
            if (pair[0].fact, pair[0].element) != (pair[1].fact, pair[1].element)
        ][:1500]
    for changes in smaller:
        values = asdict(made(found, changes))
        outcomes = combined([rule for rule in about if rule.hold(values)], (section,))
        assert not any(item.released for item in outcomes), changes


@settings(max_examples=60, deadline=None)
@given(facts(), st.sampled_from(SECTIONS))
def test_without_the_rules_that_are_named_it_is_released(found: Facts, section: str) -> None:
    for item in rules_to_change(POLICIES, found, section):
        values = asdict(found)
        left = [rule for rule in RULED if rule.rule not in item.guards]
        applying = [
            rule
            for rule in left
            if all(
                part.holds(values)
                for part in rule.parts
                if rule.rule != item.ground or part not in item.conditions
            )
        ]
        assert combined(applying, (section,))[0].released
