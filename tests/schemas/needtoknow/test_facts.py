from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import facts
from kruispunt_schemas.needtoknow.bundle import ORDINALS
from kruispunt_schemas.needtoknow.facts import Facts, Observed, SignalFacts
from kruispunt_schemas.records.backbone import Decision, EvidenceSource, FactHolders
from kruispunt_schemas.records.frame import Classification, Lifecycle
from kruispunt_schemas.schema import SIGNAL_TYPES
from kruispunt_schemas.vectors import samples

from tests.schemas.needtoknow.bundles import ANTWERP, GHENT, PARTICIPANTS, bundle, event_of, observed

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
    followers=st.lists(st.sampled_from([*NAMES, "nobody"]), max_size=5).map(tuple),
)


def by_hand(name: str, signal: Observed) -> Facts:
    """Return the facts of one participant, computed one by one."""
    row, header = BUNDLE.by_id[name], signal.header
    areas = {area.id: area.municipalities for area in BUNDLE.territories}
    assert signal.context is not None
    assert signal.distribution is not None
    return Facts(
        signal_type=header.signal_type,
        lifecycle=header.lifecycle.value,
        classification=ORDINALS[header.classification],
        clearance=ORDINALS[row.clearance],
        recipient_kind=row.kind.value,
        is_originator=name == header.originator,
        is_named=name in signal.distribution.named,
        is_excluded=name in signal.distribution.excluded,
        in_territory=signal.context.municipality in areas.get(row.territory or "", ()),
        follows_subject=name != header.originator and name in {item.participant for item in signal.followers},
        has_national_mandate=header.signal_type in row.mandate,
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
        for name in facts.members_of(BUNDLE, members):
            assert by_hand(name, signal) == group
    assert seen == EVERYBODY
    assert len({group for group, _ in found}) == len(found)


@settings(deadline=None)
@given(signals)
def test_every_fact_cites_where_it_can_be_found_again(signal: Observed) -> None:
    found = facts.evidence(signal)
    places = [(item.source, item.reference) for item in found]
    assert places == sorted(places)
    assert all(list(item.facts) == sorted(item.facts) for item in found)
    followers = {str(item.event) for item in signal.followers if item.participant != signal.header.originator}
    cited = {fact for item in found for fact in item.facts}
    assert cited | ({"follows_subject"} if not followers else set()) == set(Facts.__dataclass_fields__)
    assert {item.reference for item in found if item.source is EvidenceSource.REPERTORY} == followers
    digests = {item.section: item.digest.hex() for item in signal.header.commitments}
    for item in found:
        if item.source is EvidenceSource.HEADER:
            assert hasattr(signal.header, item.reference)
        elif item.source is EvidenceSource.SECTION:
            name, digest = item.reference.split(":")
            assert digests[name] == digest
        elif item.source is EvidenceSource.REPERTORY:
            assert item.facts == ("follows_subject",)
        else:
            assert item.source is EvidenceSource.BUNDLE
            assert hasattr(BUNDLE, item.reference)


def test_a_signal_without_context_or_distribution() -> None:
    signal = Observed(observed().header, None, None)
    found = facts.of_signal(BUNDLE, signal)
    assert [fact for fact, members in found.holders.items() if members] == ["is_originator"]
    assert all(not group.in_territory and not group.is_named for group, _ in facts.groups(BUNDLE, found))


def test_an_originator_does_not_follow_the_subject_of_its_own_signal() -> None:
    signal = observed(originator="agency", followers=("agency", "force-b"))
    found = facts.of_signal(BUNDLE, signal)
    assert facts.members_of(BUNDLE, found.holders["follows_subject"]) == ["force-b"]
    cited = [item.reference for item in facts.evidence(signal) if item.source is EvidenceSource.REPERTORY]
    assert cited == [str(event_of("force-b"))]


@settings(deadline=None)
@given(signals)
def test_what_a_decision_records_gives_the_facts_back(signal: Observed) -> None:
    found = facts.of_signal(BUNDLE, signal)
    decision = recorded_as(found)
    assert facts.recorded(BUNDLE, decision) == found
    assert [item.fact for item in decision.holders] == sorted(item.fact for item in decision.holders)


@pytest.mark.parametrize(
    "holders",
    [
        (FactHolders(fact="is_rich", members=b"\x80"),),
        (FactHolders(fact="is_named", members=b"\x00"),),
        (FactHolders(fact="is_named", members=b"\x80"), FactHolders(fact="is_excluded", members=b"\x80")),
        (FactHolders(fact="is_named", members=b"\x80"), FactHolders(fact="is_named", members=b"\x80")),
        (FactHolders(fact="is_named", members=b"\x80\x00"),),
    ],
    ids=["unknown fact", "of nobody", "out of order", "twice", "another bundle's bitmap"],
)
def test_recorded_facts_have_one_form(holders: tuple[FactHolders, ...]) -> None:
    decision = replace(recorded_as(facts.of_signal(BUNDLE, observed())), holders=holders)
    with pytest.raises(ContractError, match="holders"):
        facts.recorded(BUNDLE, decision)


def recorded_as(signal: SignalFacts) -> Decision:
    """Return a decision record with the facts of a signal."""
    return replace(
        next(item for item in samples.RECORDS if isinstance(item, Decision)),
        signal_type=signal.signal_type,
        lifecycle=Lifecycle(signal.lifecycle),
        classification=signal.classification,
        holders=facts.record(BUNDLE, signal),
    )


class TestBitmaps:
    @given(st.integers(0, EVERYBODY))
    def test_they_come_back(self, bitmap: int) -> None:
        packed = facts.pack(BUNDLE, bitmap)
        assert len(packed) == 1
        assert facts.unpack(BUNDLE, packed) == bitmap
        assert len(facts.members_of(BUNDLE, bitmap)) == bitmap.bit_count()

    @given(st.integers(1, 20), st.data())
    def test_for_any_number_of_participants(self, size: int, data: st.DataObject) -> None:
        rows = tuple(PARTICIPANTS[-1].model_copy(update={"id": f"p{number:02}"}) for number in range(size))
        many = bundle(participants=rows)
        bitmap = data.draw(st.integers(0, (1 << size) - 1))
        packed = facts.pack(many, bitmap)
        assert len(packed) == (size + 7) // 8
        assert facts.unpack(many, packed) == bitmap

    def test_the_first_participant_is_the_most_significant_bit(self) -> None:
        rows: Any = tuple(PARTICIPANTS[-1].model_copy(update={"id": f"p{number:02}"}) for number in range(9))
        many = bundle(participants=rows)
        assert facts.pack(many, 0b1) == b"\x80\x00"
        assert facts.pack(many, 0b1_0000_0010) == b"\x40\x80"
        assert facts.members_of(many, 0b1_0000_0010) == ["p01", "p08"]

    def test_a_bit_beyond_the_participants_is_refused(self) -> None:
        rows: Any = tuple(PARTICIPANTS[-1].model_copy(update={"id": f"p{number:02}"}) for number in range(9))
        with pytest.raises(ContractError, match=r"groups\.members"):
            facts.unpack(bundle(participants=rows), b"\x00\x40")

    @pytest.mark.parametrize("packed", [b"", b"\x00\x00"])
    def test_one_of_another_bundle_is_refused(self, packed: bytes) -> None:
        with pytest.raises(ContractError, match=r"groups\.members"):
            facts.unpack(BUNDLE, packed)
