"""Cedar at its boundary: what is refused at load, and that no error ever releases anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.records.backbone import SectionOutcome
from kruispunt_schemas.records.sections import Sections

from tests.schemas.needtoknow.bundles import POLICIES, POLICY_SCHEMA

FACTS = Facts(
    signal_type="RadicalisationCase",
    lifecycle="ORIGINAL",
    classification=0,
    clearance=0,
    recipient_kind="local-task-force",
    is_originator=False,
    is_named=False,
    is_excluded=False,
    in_territory=True,
    follows_subject=False,
    has_national_mandate=False,
)
PERMIT = '@id("ground") permit (principal, action, resource);'
OVERFLOW = "when { context.classification * 9223372036854775807 > 0 }"
OVERFLOWING = replace(FACTS, classification=2)


def engine(*policies: str) -> PolicyEngine:
    """Return an engine of these policies under the real schema."""
    return PolicyEngine("\n".join(policies), POLICY_SCHEMA)


def outcome(policies: PolicyEngine, facts: Facts = FACTS, section: str = "context") -> SectionOutcome:
    """Return the outcome for one section."""
    (found,) = policies.evaluate(facts, (section,))
    return found


class TestLoading:
    @pytest.mark.parametrize(
        ("policies", "expected"),
        [
            ("permit (principal, action, resource);", "a policy has no @id"),
            (PERMIT + "forbid (principal, action, resource);", "a policy has no @id"),
            ('@id("") permit (principal, action, resource);', "a policy has no @id"),
            ("@id permit (principal, action, resource);", "a policy has no @id"),
            ('@name("x") permit (principal, action, resource);', "a policy has no @id"),
            (PERMIT + PERMIT, "several policies have the same @id: ground"),
            (PERMIT + '@id("ground") forbid (principal, action, resource);', "the same @id: ground"),
            ("permit (", "the policies cannot be parsed"),
            ('@id("a") permit (principal, action, resource) when { context.shoe_size > 4 };', "shoe_size"),
            (
                '@id("a") permit (principal, action, resource) when { context.is_named > 4 };',
                "unexpected type",
            ),
            ('@id("a") permit (principal, action == Action::"gossip", resource);', "gossip"),
            ('@id("a") permit (principal == Person::"x", action, resource);', "Person"),
        ],
    )
    def test_a_mistake_is_refused_and_named(self, policies: str, expected: str) -> None:
        with pytest.raises(PolicyError, match=expected):
            engine(policies)

    def test_a_schema_that_is_none(self) -> None:
        with pytest.raises(PolicyError, match="the policies cannot be parsed"):
            PolicyEngine(PERMIT, "entity")

    def test_the_reviewed_policies(self) -> None:
        assert outcome(engine(POLICIES)).released


class TestDeciding:
    def test_nothing_is_released_by_default(self) -> None:
        assert engine().evaluate(FACTS, Sections.NAMES) == ()

    def test_a_ground_releases(self) -> None:
        assert outcome(engine(PERMIT)) == SectionOutcome(
            sections=("context",), released=True, grounds=("ground",), guards=(), errors=0
        )

    def test_a_guard_beats_every_ground_and_the_grounds_overruled_are_named_in_order(self) -> None:
        rules = [f'@id("{name}") permit (principal, action, resource);' for name in ("b", "a", "c")]
        guards = [f'@id("{name}") forbid (principal, action, resource);' for name in ("z", "y")]
        assert outcome(engine(*guards, *rules)) == SectionOutcome(
            sections=("context",), released=False, grounds=("a", "b", "c"), guards=("y", "z"), errors=0
        )

    def test_a_guard_can_withhold_one_section_and_leave_the_rest(self) -> None:
        found = engine(
            PERMIT, '@id("g") forbid (principal, action == Action::"sources", resource);'
        ).evaluate(FACTS, Sections.NAMES)
        assert [(item.sections, item.released) for item in found] == [
            (tuple(sorted(set(Sections.NAMES) - {"sources"})), True),
            (("sources",), False),
        ]

    @settings(max_examples=50, deadline=None)
    @given(
        st.builds(
            Facts,
            signal_type=st.sampled_from(["FeedbackSheet", "RadicalisationCase", "Nonsense"]),
            lifecycle=st.sampled_from(["ORIGINAL", "CORRECTION", "RECALL", "UNRECOGNISED"]),
            classification=st.integers(0, 5),
            clearance=st.integers(0, 4),
            recipient_kind=st.sampled_from(
                ["local-task-force", "local-safety-cell", "oversight", "prosecutor"]
            ),
            is_originator=st.booleans(),
            is_named=st.booleans(),
            is_excluded=st.booleans(),
            in_territory=st.booleans(),
            has_national_mandate=st.booleans(),
        )
    )
    def test_the_reviewed_policies_keep_their_promises(self, facts: Facts) -> None:
        found = engine_of_record().evaluate(facts, Sections.NAMES)
        for item in found:
            assert item.errors == 0
            if item.released:
                assert item.grounds
                assert facts.classification <= facts.clearance
                assert not facts.is_excluded
                assert not facts.is_originator
                assert facts.lifecycle != "RECALL"
                assert "distribution" not in item.sections
                assert facts.recipient_kind != "local-safety-cell" or facts.classification == 0
            else:
                assert item.guards


_RECORD: list[PolicyEngine] = []


def engine_of_record() -> PolicyEngine:
    """Return the reviewed policies, parsed once."""
    if not _RECORD:
        _RECORD.append(engine(POLICIES))
    return _RECORD[0]


class TestErrorsWithhold:
    def test_a_guard_that_errs_does_not_let_its_ground_through(self) -> None:
        """Cedar itself skips the guard and answers Allow."""
        rules = engine(PERMIT, f'@id("guard") forbid (principal, action, resource) {OVERFLOW};')
        found = outcome(rules, OVERFLOWING)
        assert (found.released, found.errors, found.grounds) == (False, 1, ("ground",))
        assert outcome(rules).released

    def test_a_ground_that_errs_beside_one_that_holds(self) -> None:
        rules = engine(PERMIT, f'@id("other") permit (principal, action, resource) {OVERFLOW};')
        assert (outcome(rules, OVERFLOWING).released, outcome(rules, OVERFLOWING).errors) == (False, 1)

    def test_an_error_beside_a_guard_that_holds_names_the_guard(self) -> None:
        rules = engine(
            PERMIT,
            '@id("guard") forbid (principal, action, resource);',
            f'@id("other") permit (principal, action, resource) {OVERFLOW};',
        )
        found = outcome(rules, OVERFLOWING)
        assert (found.released, found.guards, found.errors) == (False, ("guard",), 1)

    def test_a_section_that_the_policies_do_not_know(self) -> None:
        found = outcome(engine(PERMIT), section="annex")
        assert not found.released
        assert found.errors >= 1

    def test_a_number_beyond_cedars(self) -> None:
        found = outcome(engine(PERMIT), replace(FACTS, clearance=2**63))
        assert not found.released
        assert found.errors >= 1


class TestTheCache:
    def test_facts_and_sections_are_the_whole_key(self) -> None:
        rules = engine(POLICIES)
        first = rules.evaluate(FACTS, ("context", "sources"))
        assert rules.evaluate(replace(FACTS), ("context", "sources")) is first
        assert (rules.asked, rules.answered_from_cache) == (2, 1)
        rules.evaluate(replace(FACTS, is_excluded=True), ("context", "sources"))
        rules.evaluate(FACTS, ("context",))
        assert (rules.asked, rules.answered_from_cache) == (4, 1)

    def test_another_order_of_sections_gives_the_same_outcomes(self) -> None:
        rules = engine(POLICIES)
        assert rules.evaluate(FACTS, ("sources", "context")) == rules.evaluate(FACTS, ("context", "sources"))
