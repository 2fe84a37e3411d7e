"""Cedar at its boundary: what is refused at load, and that no error ever releases anything."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow import facts
from kruispunt_schemas.needtoknow.bundle import ParticipantKind, Regime, Role, Tier
from kruispunt_schemas.needtoknow.cedar import KEPT, PolicyEngine
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.records.backbone import SectionOutcome
from kruispunt_schemas.records.frame import Handling, Lifecycle
from kruispunt_schemas.records.sections import DataSubject, MeasureKind, Nature, Sections
from kruispunt_schemas.schema import SIGNAL_TYPES

from tests.schemas.needtoknow.bundles import POLICIES, POLICY_SCHEMA, bundle, observed, worded

BUNDLE = bundle()
FACTS = facts.of_participant(BUNDLE, facts.of_signal(BUNDLE, observed()), "force-a")
PERMIT = worded("ground-all", "permit (principal, action, resource);")
OVERFLOW = "when { context.classification * 9223372036854775807 > 0 }"
OVERFLOWING = replace(FACTS, classification=2, clearance=2)


def engine(*policies: str) -> PolicyEngine:
    """Return an engine of these policies under the real schema."""
    return PolicyEngine("\n".join(policies), POLICY_SCHEMA)


def _field(name: str, kind: object) -> st.SearchStrategy[Any]:
    choices: dict[str, list[Any]] = {
        "signal_type": [*SIGNAL_TYPES, "Nonsense"],
        "lifecycle": list(Lifecycle),
        "nature": list(Nature),
        "originator_kind": list(ParticipantKind),
        "recipient_kind": list(ParticipantKind),
        "data_subject": [*DataSubject, "NONE"],
        "tier": list(Tier),
        "regime": list(Regime),
    }
    sets: dict[str, list[Any]] = {
        "markings": list(Handling),
        "measure_kinds": list(MeasureKind),
        "recipient_roles": list(Role),
    }
    if name in sets:
        found = st.lists(st.sampled_from(sets[name]), max_size=3, unique=True)
        return found.map(lambda items: tuple(sorted(str(item) for item in items)))
    if name in choices:
        return st.sampled_from(choices[name]).map(str)
    return st.integers(0, 5) if kind == "int" else st.booleans()


any_facts = st.builds(Facts, **{item.name: _field(item.name, item.type) for item in fields(Facts)})


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
            (PERMIT + PERMIT, "several policies have the same @id: ground-all"),
            ('@id("guard-a") forbid (principal, action, resource);', "guard-a: @law is missing"),
            (
                worded("guard-a", "permit (principal, action, resource);"),
                "guard-a: a permit is called ground-",
            ),
            (PERMIT.replace('@de("de")', ""), "ground-all: @de is missing"),
            (PERMIT.replace('"read"', '"sure"'), "ground-all: @confidence is one of read, believed, unsure"),
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
            sections=("context",), released=True, grounds=("ground-all",), guards=(), errors=0
        )

    def test_a_guard_beats_every_ground_and_the_grounds_overruled_are_named_in_order(self) -> None:
        rules = [
            worded(f"ground-{name}", "permit (principal, action, resource);") for name in ("b", "a", "c")
        ]
        guards = [worded(f"guard-{name}", "forbid (principal, action, resource);") for name in ("z", "y")]
        assert outcome(engine(*guards, *rules)) == SectionOutcome(
            sections=("context",),
            released=False,
            grounds=("ground-a", "ground-b", "ground-c"),
            guards=("guard-y", "guard-z"),
            errors=0,
        )

    def test_a_guard_can_withhold_one_section_and_leave_the_rest(self) -> None:
        found = engine(
            PERMIT, worded("guard-g", 'forbid (principal, action == Action::"sources", resource);')
        ).evaluate(FACTS, Sections.NAMES)
        assert [(item.sections, item.released) for item in found] == [
            (tuple(sorted(set(Sections.NAMES) - {"sources"})), True),
            (("sources",), False),
        ]

    def test_a_section_that_no_ground_permits_is_left_out_whatever_guards_say(self) -> None:
        rules = engine(
            worded("ground-g", 'permit (principal, action == Action::"contact", resource);'),
            worded("guard-g", "forbid (principal, action, resource);"),
        )
        (found,) = rules.evaluate(FACTS, Sections.NAMES)
        assert (found.sections, found.released, found.guards) == (("contact",), False, ("guard-g",))

    @settings(max_examples=200, deadline=None)
    @given(any_facts)
    def test_the_reviewed_policies_keep_their_promises(self, facts: Facts) -> None:
        found = engine_of_record().evaluate(facts, Sections.NAMES)
        for item in found:
            assert item.errors == 0
            assert item.grounds
            assert "distribution" not in item.sections
            assert item.released == (not item.guards)
            if item.released:
                assert facts.classification <= min(facts.clearance, facts.channel)
                assert facts.purpose_fits
                assert facts.nature_fits
                assert facts.is_screened
                assert not any((facts.is_excluded, facts.is_originator, facts.lacks_agreement))
                assert facts.lifecycle != "RECALL"
                assert facts.recipient_kind != "local-safety-cell" or facts.classification == 0
                assert "THIRD_PARTY_RULE" not in facts.markings or facts.has_consent
                assert not facts.under_embargo or "magistrate" in facts.recipient_roles


_RECORD: list[PolicyEngine] = []


def engine_of_record() -> PolicyEngine:
    """Return the reviewed policies, parsed once."""
    if not _RECORD:
        _RECORD.append(engine(POLICIES))
    return _RECORD[0]


class TestErrorsWithhold:
    def test_a_guard_that_errs_does_not_let_its_ground_through(self) -> None:
        """Cedar itself skips the guard and answers Allow."""
        rules = engine(PERMIT, worded("guard-g", f"forbid (principal, action, resource) {OVERFLOW};"))
        found = outcome(rules, OVERFLOWING)
        assert (found.released, found.errors, found.grounds) == (False, 1, ("ground-all",))
        assert outcome(rules).released

    def test_a_ground_that_errs_beside_one_that_holds(self) -> None:
        rules = engine(PERMIT, worded("ground-other", f"permit (principal, action, resource) {OVERFLOW};"))
        assert (outcome(rules, OVERFLOWING).released, outcome(rules, OVERFLOWING).errors) == (False, 1)

    def test_an_error_beside_a_guard_that_holds_names_the_guard(self) -> None:
        rules = engine(
            PERMIT,
            worded("guard-g", "forbid (principal, action, resource);"),
            worded("ground-other", f"permit (principal, action, resource) {OVERFLOW};"),
        )
        found = outcome(rules, OVERFLOWING)
        assert (found.released, found.guards, found.errors) == (False, ("guard-g",), 1)

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
        assert rules.evaluate(replace(FACTS), ("sources", "context")) is first
        assert rules.evaluated == 1
        rules.evaluate(replace(FACTS, is_excluded=True), ("context", "sources"))
        rules.evaluate(FACTS, ("context",))
        assert rules.evaluated == 3

    def test_what_is_kept_is_bounded(self) -> None:
        assert engine(PERMIT)._evaluated.cache_parameters()["maxsize"] == KEPT


class TestWhatGroundsRead:
    def test_it_is_the_facts_that_they_name(self) -> None:
        rules = engine(
            worded("ground-a", "permit (principal, action, resource) when { context.is_named };"),
            worded("guard-a", "forbid (principal, action, resource) when { context.is_excluded };"),
        )
        assert rules._read_by_grounds == ("is_named",)
        assert outcome(rules, replace(FACTS, is_named=True)).released
        assert not outcome(rules, replace(FACTS, is_named=True, is_excluded=True)).released
        assert rules.evaluate(replace(FACTS, is_excluded=True), ("context",)) == ()

    @settings(max_examples=200, deadline=None)
    @given(any_facts, any_facts)
    def test_what_is_kept_of_others_changes_no_answer(self, before: Facts, facts: Facts) -> None:
        warm, cold = engine_of_record(), PolicyEngine(POLICIES, POLICY_SCHEMA)
        warm.evaluate(before, Sections.NAMES)
        assert warm.evaluate(facts, Sections.NAMES) == cold.evaluate(facts, Sections.NAMES)
