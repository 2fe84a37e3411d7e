from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_schemas.needtoknow import bitmaps, facts
from kruispunt_schemas.needtoknow.bundle import ORDINALS, Group, Participant, ParticipantKind, Role, Territory
from kruispunt_schemas.needtoknow.facts import Facts, Observed
from kruispunt_schemas.records.frame import Classification, Follower, Lifecycle
from kruispunt_schemas.records.sections import (
    DataSubject,
    Distribution,
    Measure,
    MeasureKind,
    Measures,
    PartialDate,
    Phenomenon,
    Purpose,
    Sex,
    SheetSituation,
    Subject,
    SubjectKind,
)
from kruispunt_schemas.schema import SIGNAL_TYPES
from kruispunt_schemas.vectors import samples

from tests.schemas.needtoknow.bundles import ANTWERP, DAY, GHENT, PARTICIPANTS, bundle, observed, row

BUNDLE = bundle()
NAMES = [row.id for row in PARTICIPANTS]
EVERYBODY = (1 << len(NAMES)) - 1
signals = st.builds(
    observed,
    signal_type=st.sampled_from(SIGNAL_TYPES),
    originator=st.sampled_from([*NAMES, "nobody"]),
    lifecycle=st.sampled_from(list(Lifecycle)),
    classification=st.sampled_from(list(Classification)),
    municipality=st.sampled_from([None, ANTWERP, GHENT, "99999"]),
    named=st.lists(st.sampled_from([*NAMES, "nobody"]), max_size=5).map(tuple),
    excluded=st.lists(st.sampled_from([*NAMES, "nobody"]), max_size=5).map(tuple),
)


def by_hand(name: str, signal: Observed) -> Facts:
    """Return the facts of one participant, computed one by one."""
    own, header = BUNDLE.by_id[name], signal.header
    areas = {area.id: area.municipalities for area in BUNDLE.territories}
    assert signal.context is not None
    assert signal.distribution is not None
    origin = BUNDLE.by_id.get(header.originator)
    return Facts(
        signal_type=header.signal_type,
        lifecycle=header.lifecycle.value,
        classification=ORDINALS[header.classification],
        nature="JUDICIAL",
        originator_kind=origin.kind.value if origin else "",
        data_subject="NONE",
        is_minor=False,
        markings=(),
        measure_kinds=(),
        under_embargo=False,
        under_secrecy=False,
        has_consensus=True,
        recipient_kind=own.kind.value,
        recipient_roles=tuple(sorted(own.roles)),
        clearance=ORDINALS[own.clearance],
        channel=ORDINALS[own.clearance],
        tier="none",
        regime="domestic",
        is_national=own.territory is None,
        has_national_mandate=header.signal_type in own.mandate,
        is_competent=False,
        purpose_fits=True,
        nature_fits=True,
        lacks_agreement=False,
        is_screened=True,
        is_originator=name == header.originator,
        is_named=name in signal.distribution.named,
        is_excluded=name in signal.distribution.excluded,
        in_territory=signal.context.municipality in areas.get(own.territory or "", ()),
    )


@settings(deadline=None)
@given(signals)
def test_groups_are_all_participants_each_once_with_equal_facts(signal: Observed) -> None:
    found = facts.groups(BUNDLE, facts.of_signal(BUNDLE, signal))
    seen = 0
    for group, members in found:
        assert members
        assert not seen & members
        seen |= members
        for name in bitmaps.members_of(BUNDLE, members):
            assert by_hand(name, signal) == group
    assert seen == EVERYBODY
    assert len({group for group, _ in found}) == len(found)


def test_a_signal_without_context_or_distribution() -> None:
    signal = Observed(observed().header, samples.TIME)
    found = facts.of_signal(BUNDLE, signal)
    assert [fact for fact, members in found.holders.items() if members] == ["is_originator"]
    assert all(not group.in_territory and not group.is_named for group, _ in facts.groups(BUNDLE, found))
    assert all(not group.purpose_fits and not group.nature_fits for group, _ in facts.groups(BUNDLE, found))


def test_where_every_fact_comes_from_is_written_down() -> None:
    assert set(facts.SOURCES) == {item.name for item in fields(Facts)}


def one(signal: Observed, name: str = "force-a", **changes: Any) -> Facts:
    """Return the facts of one participant."""
    made = bundle(**changes)
    return facts.of_participant(made, facts.of_signal(made, signal), name)


def with_row(own: Participant) -> dict[str, Any]:
    """Return the change of a bundle in which one row is another."""
    return {"participants": tuple(own if item.id == own.id else item for item in PARTICIPANTS)}


def told(**values: Any) -> Observed:
    """Return a signal with this distribution."""
    return replace(observed(), distribution=Distribution(**values))


def within(**values: Any) -> Observed:
    """Return a signal with this context."""
    signal = observed()
    assert signal.context is not None
    return replace(signal, context=replace(signal.context, **values))


class TestRelations:
    def test_competence_is_for_the_phenomenon(self) -> None:
        own = row("force-a", ParticipantKind.LOCAL_TASK_FORCE, clusters=(Phenomenon.DRUGS,))
        assert one(observed(), **with_row(own)).is_competent
        assert not one(within(phenomenon=Phenomenon.ENVIRONMENT), **with_row(own)).is_competent

    def test_one_purpose_in_common_is_enough_and_none_fits_nobody(self) -> None:
        assert one(within(purposes=(Purpose.CARE, Purpose.INVESTIGATION))).purpose_fits
        assert not one(within(purposes=(Purpose.CARE,))).purpose_fits
        assert not one(within(purposes=())).purpose_fits

    def test_a_nature_that_the_row_does_not_have(self) -> None:
        own = row("force-a", ParticipantKind.LOCAL_TASK_FORCE, natures=())
        assert not one(observed(), **with_row(own)).nature_fits

    def test_an_agreement_is_asked_for_the_sources_that_the_bundle_names(self) -> None:
        signal = within(data_source="ANPR")
        assert one(signal, restricted_sources=("ANPR",)).lacks_agreement
        assert not one(signal).lacks_agreement
        own = row("force-a", ParticipantKind.LOCAL_TASK_FORCE, agreements=("ANPR",))
        assert not one(signal, restricted_sources=("ANPR",), **with_row(own)).lacks_agreement

    def test_a_source_that_no_agreement_is_asked_for_is_not_stated(self) -> None:
        """It is the originator's own text: a decision lasts and holds no content."""
        assert facts.of_signal(BUNDLE, within(data_source="a note by J.")).stated.data_source == ""

    @pytest.mark.parametrize(("until", "expected"), [(samples.TIME.date(), True), (None, False)])
    def test_a_screening_holds_to_the_end_of_its_day(self, until: Any, expected: bool) -> None:
        own = row("force-a", ParticipantKind.LOCAL_TASK_FORCE, screened_until=until)
        assert one(observed(), **with_row(own)).is_screened is expected
        later = replace(observed(), appended_at=datetime(DAY.year + 1, 1, 1, tzinfo=UTC))
        assert not one(later, **with_row(own)).is_screened

    def test_without_a_channel_of_its_own_it_carries_what_the_clearance_allows(self) -> None:
        assert one(observed()).channel == ORDINALS[Classification.CONFIDENTIAL]
        own = row("force-a", ParticipantKind.LOCAL_TASK_FORCE, channel=Classification.RESTRICTED)
        assert one(observed(), **with_row(own)).channel == ORDINALS[Classification.RESTRICTED]


class TestOfWhomTheSignalSaysIt:
    def test_a_site_is_a_territory(self) -> None:
        areas = (
            Territory(id="area-a", name="A", municipalities=(), sites=("port",)),
            Territory(id="area-b", name="B", municipalities=(GHENT,)),
        )
        assert one(within(municipality=None, site="port"), territories=areas).in_territory
        assert not one(within(municipality=None, site=None), territories=areas).in_territory

    @pytest.mark.parametrize(
        ("at", "expected"),
        [("2026-01-01T00:00:00Z", True), ("2026-01-02T00:00:00Z", False), ("2025-12-31T23:59:59Z", False)],
    )
    def test_a_group_lasts_from_its_first_instant_until_before_its_last(
        self, at: str, expected: bool
    ) -> None:
        group = Group(
            id="incident",
            name="Incident",
            members=("force-a",),
            valid_from=datetime(2026, 1, 1, tzinfo=UTC),
            valid_until=datetime(2026, 1, 2, tzinfo=UTC),
        )
        signal = replace(told(groups=("incident", "another")), appended_at=datetime.fromisoformat(at))
        assert one(signal, groups=(group,)).in_active_group is expected
        assert not one(signal, "force-b", groups=(group,)).in_active_group

    def test_consent_and_following(self) -> None:
        signal = replace(
            told(consented=("force-a",)),
            followers=(Follower(participant="force-b", event=samples.SIGNAL_ID),),
        )
        assert (one(signal).has_consent, one(signal).follows_subject) == (True, False)
        assert (one(signal, "force-b").has_consent, one(signal, "force-b").follows_subject) == (False, True)


def about(**values: Any) -> Subject:
    """Return a subject."""
    common: dict[str, Any] = {
        "kind": SubjectKind.PERSON,
        "data_subject": DataSubject.SUSPECT,
        "sex": Sex.UNKNOWN,
    }
    return Subject(**{**common, **values})


class TestStated:
    @pytest.mark.parametrize(
        ("birth", "expected"),
        [
            ((2008, 11, 25), False),
            ((2008, 11, 26), True),
            ((2008, 11, 0), True),
            ((2008, 0, 0), True),
            ((2007, 0, 0), False),
            ((0, 11, 26), False),
            (None, False),
        ],
        ids=["18 today", "18 tomorrow", "some day", "some month", "19 next year", "no year", "unknown"],
    )
    def test_whoever_may_be_under_age_is_a_minor(self, birth: Any, expected: bool) -> None:
        known = PartialDate(year=birth[0], month=birth[1], day=birth[2]) if birth else None
        signal = replace(
            observed(), appended_at=datetime(2026, 11, 25, tzinfo=UTC), subject=about(birth=known)
        )
        assert one(signal).is_minor is expected

    @pytest.mark.parametrize(
        ("month", "day", "expected"), [(4, 29, True), (4, 30, False), (5, 30, True), (5, 31, False)]
    )
    def test_whoever_is_born_in_a_known_month_is_of_age_on_its_last_day(
        self, month: int, day: int, expected: bool
    ) -> None:
        known = PartialDate(year=2008, month=month, day=0)
        at = datetime(2026, month, day, tzinfo=UTC)
        assert one(replace(observed(), appended_at=at, subject=about(birth=known))).is_minor is expected

    def test_a_signal_about_nobody_has_no_data_subject(self) -> None:
        assert one(observed()).data_subject == "NONE"
        assert (
            one(replace(observed(), subject=about(data_subject=DataSubject.VICTIM))).data_subject == "VICTIM"
        )

    def test_kinds_of_measures_are_a_set(self) -> None:
        kinds = (MeasureKind.REPRESSIVE, MeasureKind.PREVENTIVE, MeasureKind.REPRESSIVE)
        measures = Measures(measures=tuple(Measure(kind=kind, description="") for kind in kinds))
        assert one(replace(observed(), measures=measures)).measure_kinds == ("PREVENTIVE", "REPRESSIVE")

    def test_embargo_secrecy_and_a_sheet_without_consensus(self) -> None:
        found = one(told(embargo=True, professional_secrecy=True))
        assert (found.under_embargo, found.under_secrecy, found.has_consensus) == (True, True, True)
        sheet = SheetSituation(consensus=False, professional_secrecy=False, members_present=3)
        assert not one(replace(observed(), situation=sheet)).has_consensus

    def test_the_kind_of_the_originator(self) -> None:
        assert one(observed()).originator_kind == "federal-police"
        assert one(observed(originator="nobody")).originator_kind == ""
        assert Role.ENFORCES_LAW in one(observed(), "agency").recipient_roles
