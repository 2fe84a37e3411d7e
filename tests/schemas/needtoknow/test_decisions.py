"""Who may see what, and what each is sent: a table of cases, refusals and later versions among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from kruispunt_schemas import identity
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import bitmaps, decisions, facts
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.decisions import PlannedOutput
from kruispunt_schemas.needtoknow.facts import Observed
from kruispunt_schemas.records.backbone import GroupOutcome, OutputKind, SectionOutcome
from kruispunt_schemas.records.frame import Classification, Lifecycle, Withheld
from kruispunt_schemas.records.sections import Sections
from kruispunt_schemas.vectors import samples

from tests.schemas.needtoknow.bundles import GHENT, PARTICIPANTS, POLICY_SCHEMA, bundle, observed, worded
from tests.schemas.needtoknow.test_facts import signals

BUNDLE = bundle()
ENGINE = PolicyEngine(BUNDLE.policies, BUNDLE.policy_schema)
SECTIONS = Sections.NAMES
ALL = frozenset(SECTIONS) - {"distribution"}
NAMED = frozenset({"context", "subject", "situation", "contact"})
POLICE = ALL - {"assessment", "sources"}
V1, V2 = UUID(int=1), UUID(int=2)


def groups_of(signal: Observed, engine: PolicyEngine = ENGINE) -> tuple[GroupOutcome, ...]:
    return decisions.decide(BUNDLE, engine, facts.of_signal(BUNDLE, signal), SECTIONS)


def outcomes(signal: Observed) -> dict[str, tuple[SectionOutcome, ...]]:
    """Return the outcome of every participant."""
    return {
        name: group.sections
        for members, group in decisions.members_by_group(BUNDLE, groups_of(signal))
        for name in bitmaps.members_of(BUNDLE, members)
    }


def planned(
    signal: Observed, held: Mapping[str, tuple[UUID, ...]] | None = None, engine: PolicyEngine = ENGINE
) -> dict[str, PlannedOutput]:
    """Return what each recipient is sent."""
    outputs = decisions.plan(
        BUNDLE,
        groups_of(signal, engine),
        sections=tuple(sorted(SECTIONS)),
        originator=samples.ORIGINATOR,
        signal_id=samples.SIGNAL_ID,
        lifecycle=signal.header.lifecycle,
        held=held or {},
    )
    assert [item.recipient for item in outputs] == sorted({item.recipient for item in outputs})
    return {item.recipient: item for item in outputs}


def released(signal: Observed) -> dict[str, frozenset[str]]:
    """Return the sections that each recipient of a view gets."""
    return {name: item.released for name, item in planned(signal).items()}


CASES: dict[str, tuple[dict[str, Any], dict[str, frozenset[str]]]] = {
    "territory and mandate": (
        {},
        {"force-a": ALL, "mandated": ALL, "police-a": POLICE},
    ),
    "another territory": ({"municipality": GHENT}, {"force-b": ALL, "mandated": ALL}),
    "no place": ({"municipality": None}, {"mandated": ALL}),
    "named by the originator": (
        {"municipality": None, "named": ("police-a",)},
        {"mandated": ALL, "police-a": NAMED},
    ),
    "oversight, though named: it reads the topics": (
        {"municipality": None, "named": ("watch",)},
        {"mandated": ALL},
    ),
    "a safety cell, though named: it gets extracts only": (
        {"municipality": None, "named": ("cell-a",)},
        {"mandated": ALL},
    ),
    "named and in the territory": (
        {"named": ("police-a",)},
        {"force-a": ALL, "mandated": ALL, "police-a": POLICE},
    ),
    "excluded, though named and mandated": (
        {"named": ("mandated",), "excluded": ("mandated", "force-a")},
        {"police-a": POLICE},
    ),
    "the originator gets nothing back": (
        {"originator": "force-a", "named": ("force-a",)},
        {"mandated": ALL, "police-a": POLICE},
    ),
    "confidential": (
        {"classification": Classification.CONFIDENTIAL},
        {"force-a": ALL, "mandated": ALL},
    ),
    "secret": ({"classification": Classification.SECRET}, {"mandated": ALL}),
    "a classification that nobody recognises": ({"classification": Classification.UNRECOGNISED}, {}),
    "a feedback sheet reaches the information officer, the hinge": (
        {"signal_type": "FeedbackSheet"},
        {"force-a": ALL, "mandated": ALL, "officer-a": ALL - {"sources"}, "police-a": POLICE},
    ),
    "an evaluation reaches the safety cell as an extract": (
        {"signal_type": "ThreatEvaluation"},
        {
            "cell-a": frozenset({"context", "subject", "measures", "contact"}),
            "force-a": ALL,
            "mandated": ALL,
            "police-a": POLICE,
        },
    ),
    "a classified evaluation does not, whatever its clearance": (
        {"signal_type": "ThreatEvaluation", "classification": Classification.RESTRICTED},
        {"force-a": ALL, "mandated": ALL},
    ),
    "a recall of what nobody holds": ({"lifecycle": Lifecycle.RECALL}, {}),
}


@pytest.mark.parametrize("what", CASES)
def test_who_receives_what(what: str) -> None:
    changes, expected = CASES[what]
    assert released(observed(**changes)) == expected


class TestGroups:
    @settings(deadline=None)
    @given(signals)
    def test_every_participant_is_in_exactly_one(self, signal: Observed) -> None:
        groups = groups_of(signal)
        assert sum(group.size for group in groups) == len(PARTICIPANTS)
        assert set(outcomes(signal)) == {row.id for row in PARTICIPANTS}
        assert len({group.sections for group in groups}) == len(groups)
        implicit = [group for group in groups if group.members is None]
        assert len(implicit) <= 1
        for group in implicit:
            assert group is groups[-1]
            assert not any(item.grounds for item in group.sections)
            assert group.size == max(
                item.size for item in groups if not any(outcome.grounds for outcome in item.sections)
            )
        explicit = [bitmaps.unpack(BUNDLE, group.members) for group in groups if group.members is not None]
        assert [bitmap.bit_count() for bitmap in explicit] == [
            group.size for group in groups if group.members is not None
        ]
        assert explicit == sorted(explicit, key=lambda bitmap: bitmap & -bitmap)

    @settings(deadline=None, max_examples=25)
    @given(signals)
    def test_another_engine_gives_the_same_decision(self, signal: Observed) -> None:
        other = PolicyEngine(BUNDLE.policies, BUNDLE.policy_schema)
        assert groups_of(signal, other) == groups_of(signal)

    def test_refusals_are_written_down_with_the_guard_and_the_ground_overruled(self) -> None:
        found = outcomes(observed(excluded=("force-a",)))
        sources = next(item for item in found["force-a"] if "sources" in item.sections)
        assert (sources.released, sources.grounds, sources.guards) == (
            False,
            ("ground-territory",),
            ("guard-excluded",),
        )
        assert all(not item.released and not item.grounds for item in found["watch"])


class TestOutputs:
    def test_a_view_says_why_and_what_is_withheld(self) -> None:
        view = planned(observed(named=("police-a",)))["police-a"]
        assert view.kind is OutputKind.VIEW
        assert view.output_id == identity.delivery_id(samples.ORIGINATOR, samples.SIGNAL_ID, "police-a")
        assert view.grounds == ("ground-named", "ground-territory-police")
        assert view.withheld == (
            Withheld(section="assessment", rules=()),
            Withheld(section="distribution", rules=()),
            Withheld(section="sources", rules=()),
        )
        assert view.replaces == ()

    def test_what_is_withheld_does_not_tell_whether_the_signal_has_it(self) -> None:
        bare = observed()
        assert (
            planned(bare)["force-a"].withheld == planned(replace(bare, distribution=None))["force-a"].withheld
        )

    def test_a_correction_replaces_every_earlier_view(self) -> None:
        correction = observed(lifecycle=Lifecycle.CORRECTION)
        found = planned(correction, {"force-a": (V2, V1), "mandated": ()})
        assert found["force-a"].replaces == (V1, V2)
        assert found["mandated"].replaces == ()
        assert {item.kind for item in found.values()} == {OutputKind.VIEW}

    def test_who_may_no_longer_see_it_gets_a_withdrawal(self) -> None:
        narrowed = observed(lifecycle=Lifecycle.CORRECTION, municipality=GHENT)
        found = planned(narrowed, {"force-a": (V1,), "police-a": (V2,), "mandated": (V1,)})
        assert {name for name, item in found.items() if item.kind is OutputKind.WITHDRAWAL} == {
            "force-a",
            "police-a",
        }
        withdrawal = found["force-a"]
        assert withdrawal.output_id == identity.withdrawal_id(
            samples.ORIGINATOR, samples.SIGNAL_ID, "force-a"
        )
        assert (withdrawal.replaces, withdrawal.released, withdrawal.grounds) == ((V1,), frozenset(), ())
        assert found["force-b"].kind is OutputKind.VIEW
        assert found["mandated"].replaces == (V1,)

    def test_a_classification_raised_withdraws(self) -> None:
        raised = observed(lifecycle=Lifecycle.CORRECTION, classification=Classification.SECRET)
        found = planned(raised, {"force-a": (V1,)})
        assert found["force-a"].kind is OutputKind.WITHDRAWAL

    def test_a_recall_reaches_exactly_those_who_hold_a_view(self) -> None:
        found = planned(
            observed(lifecycle=Lifecycle.RECALL), {"force-b": (V1,), "police-a": (V2,), "watch": ()}
        )
        assert set(found) == {"force-b", "police-a"}
        for item in found.values():
            assert (item.kind, item.released, item.grounds) == (OutputKind.VIEW, frozenset(), ())
            assert [withheld.section for withheld in item.withheld] == sorted(SECTIONS)

    def test_a_recall_has_no_content_whatever_the_policy_permits(self) -> None:
        generous = PolicyEngine(worded("ground-all", "permit (principal, action, resource);"), POLICY_SCHEMA)
        found = planned(observed(lifecycle=Lifecycle.RECALL), {"force-b": (V1,)}, generous)
        assert set(found) == {"force-b"}
        assert found["force-b"].released == frozenset()
        assert found["force-b"].grounds == ()

    def test_who_left_the_bundle_still_withdraws(self) -> None:
        for lifecycle in (Lifecycle.CORRECTION, Lifecycle.RECALL):
            found = planned(observed(lifecycle=lifecycle), {"gone": (V2, V1), "gone-too": ()})
            assert found["gone"].kind is OutputKind.WITHDRAWAL
            assert found["gone"].replaces == (V1, V2)
            assert "gone-too" not in found

    def test_output_ids_differ_by_recipient_and_signal(self) -> None:
        first = planned(observed())
        other = decisions.plan(
            BUNDLE,
            groups_of(observed()),
            sections=tuple(sorted(SECTIONS)),
            originator=samples.ORIGINATOR,
            signal_id=samples.EARLIER_ID,
            lifecycle=Lifecycle.ORIGINAL,
            held={},
        )
        ids = {item.output_id for item in first.values()} | {item.output_id for item in other}
        assert len(ids) == 2 * len(first)

    def test_a_policy_that_errs_sends_nothing(self) -> None:
        broken = PolicyEngine(
            worded("ground-all", "permit (principal, action, resource);")
            + worded(
                "guard-broken",
                "forbid (principal, action, resource) when { context.classification * 9223372036854775807 > 0 };",
            ),
            POLICY_SCHEMA,
        )
        signal = observed(classification=Classification.CONFIDENTIAL)
        assert planned(signal, engine=broken) == {}
        assert all(item.errors == 1 for group in groups_of(signal, broken) for item in group.sections)

    def test_a_decision_of_another_bundle_is_not_read_as_one_of_this(self) -> None:
        many = tuple(PARTICIPANTS[-1].model_copy(update={"id": f"p{number:02}"}) for number in range(9))
        other: Bundle = bundle(participants=many)
        with pytest.raises(ContractError, match=r"groups\.members"):
            list(decisions.members_by_group(other, groups_of(observed())))
