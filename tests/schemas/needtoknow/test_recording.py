"""What a decision records of its facts gives them back, in one form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import facts, recording
from kruispunt_schemas.needtoknow.facts import Observed, SignalFacts
from kruispunt_schemas.records.backbone import Decision, EvidenceSource, FactHolders, StatedFact
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.vectors import samples

from tests.schemas.needtoknow.bundles import bundle, observed
from tests.schemas.needtoknow.test_facts import signals

BUNDLE = bundle()


def recorded_as(signal: SignalFacts) -> Decision:
    """Return a decision record with the facts of a signal."""
    sample = next(item for item in samples.RECORDS if isinstance(item, Decision))
    return replace(
        sample,
        posting=replace(sample.posting, appended_at=samples.TIME),
        originator="agency",
        signal_type=signal.stated.signal_type,
        lifecycle=Lifecycle(signal.stated.lifecycle),
        classification=signal.stated.classification,
        stated=recording.stated(signal),
        holders=recording.holders(BUNDLE, signal),
    )


@settings(deadline=None)
@given(signals)
def test_the_facts_come_back(signal: Observed) -> None:
    found = facts.of_signal(BUNDLE, replace(signal, header=replace(signal.header, originator="agency")))
    decision = recorded_as(found)
    assert recording.recorded(BUNDLE, decision) == found
    assert [item.fact for item in decision.holders] == sorted(item.fact for item in decision.holders)
    assert [item.fact for item in decision.stated] == sorted(item.fact for item in decision.stated)


def test_what_is_as_by_default_is_left_out() -> None:
    stated = recording.stated(facts.of_signal(BUNDLE, observed()))
    assert stated == (
        StatedFact(fact="nature", value="JUDICIAL"),
        StatedFact(fact="phenomenon", value="DRUGS"),
        StatedFact(fact="purposes", value="INVESTIGATION PREVENTION"),
    )


@pytest.mark.parametrize(
    "holders",
    [
        (FactHolders(fact="is_rich", members=b"\x00\x80"),),
        (FactHolders(fact="is_named", members=b"\x01"),),
        (
            FactHolders(fact="is_named", members=b"\x00\x80"),
            FactHolders(fact="is_excluded", members=b"\x00\x80"),
        ),
        (
            FactHolders(fact="is_named", members=b"\x00\x80"),
            FactHolders(fact="is_named", members=b"\x00\x80"),
        ),
        (FactHolders(fact="is_named", members=b"\x00\x80\x00"),),
    ],
    ids=["unknown fact", "of nobody", "out of order", "twice", "another bundle's set"],
)
def test_holders_have_one_form(holders: tuple[FactHolders, ...]) -> None:
    decision = replace(recorded_as(facts.of_signal(BUNDLE, observed())), holders=holders)
    with pytest.raises(ContractError, match="holders"):
        recording.recorded(BUNDLE, decision)


@pytest.mark.parametrize(
    "stated",
    [
        (StatedFact(fact="shoe_size", value="44"),),
        (StatedFact(fact="under_embargo", value="False"),),
        (StatedFact(fact="under_embargo", value="yes"),),
        (StatedFact(fact="purposes", value="CARE"), StatedFact(fact="nature", value="JUDICIAL")),
        (StatedFact(fact="day", value="2026-01-01"),),
    ],
    ids=["unknown fact", "as by default", "no flag", "out of order", "what the posting says"],
)
def test_what_is_stated_has_one_form(stated: tuple[StatedFact, ...]) -> None:
    decision = replace(recorded_as(facts.of_signal(BUNDLE, observed())), stated=stated)
    with pytest.raises(ContractError, match=r"stated|holders"):
        recording.recorded(BUNDLE, decision)


@settings(deadline=None)
@given(signals)
def test_evidence_cites_every_section_that_facts_come_from(signal: Observed) -> None:
    found = recording.evidence(signal)
    digests = {item.section: item.digest.hex() for item in signal.header.commitments}
    sections = [item.reference for item in found if item.source is EvidenceSource.SECTION]
    assert sections == [f"{name}:{digests[name]}" for name in facts.SECTIONS]
