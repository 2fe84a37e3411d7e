"""What the truth says of the door is what the door does: every posting of a scenario through the pure admission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kruispunt_processors.admit.admission import Admitted, Refused, admit
from kruispunt_producers.adapters import Batch, Located, Row
from kruispunt_producers.adapters.csv_export import csv_records
from kruispunt_producers.intake import Intake
from kruispunt_producers.posting_box import PostingBox, box_path
from kruispunt_producers.synthetic import Expected, Outcome, Scenario
from kruispunt_producers.synthetic.profiles import agencies
from kruispunt_producers.synthetic.truth import Channel
from kruispunt_schemas import wire
from kruispunt_schemas.keys import ParticipantKeys, create_participant
from kruispunt_schemas.needtoknow import authoring
from kruispunt_schemas.needtoknow.bundle import Bundle, VerificationKey
from kruispunt_schemas.records.frame import Posting
from kruispunt_schemas.wire import Headers

NOW = datetime(2025, 9, 1, 12, tzinfo=UTC)
Keys = Mapping[str, ParticipantKeys]


@pytest.fixture(scope="module")
def all_keys(tmp_path_factory: pytest.TempPathFactory, scenario: Scenario) -> Keys:
    data = tmp_path_factory.mktemp("keys")
    return {name: create_participant(data, name) for name in scenario.participants}


@pytest.fixture(scope="module")
def bundle(all_keys: Keys) -> Bundle:
    return authoring.make(
        {
            name: [
                VerificationKey(
                    key_id=keys.signer.key_id,
                    public_key=keys.signer.public_key().hex(),
                    valid_from=NOW - timedelta(days=1),
                )
            ]
            for name, keys in all_keys.items()
        }
    )


def outcome(
    bundle: Bundle, participant: str, value: bytes | None, headers: Headers
) -> tuple[str, str] | None:
    """Return reason and field of a refusal, None when the door lets it in."""
    posting = Posting(participant=participant, offset=0, appended_at=NOW)
    found = admit(posting, value, wire.header_map(headers), bundle, bytes(32))
    assert isinstance(found, Admitted | Refused)
    return (found.reason, found.field) if isinstance(found, Refused) else None


def said(expected: Expected) -> tuple[str | None, str | None] | None:
    return (expected.reason, expected.field) if expected.outcome is Outcome.QUARANTINE else None


def test_raw_postings(scenario: Scenario, all_keys: Keys, bundle: Bundle) -> None:
    messages = scenario.raw_messages(all_keys, NOW, lambda _: 1)
    by_index = {each.raw: each for each in scenario.truth() if each.raw is not None}
    assert len(messages) == len(by_index)
    for message in messages:
        truth = by_index[message.index]
        assert outcome(bundle, message.participant, message.value, message.headers) == said(truth), (
            message.trap
        )


def test_the_same_bytes_again_are_the_same_bytes(scenario: Scenario, all_keys: Keys) -> None:
    values = Counter(
        message.value for message in scenario.raw_messages(all_keys, NOW, lambda _: 1) if message.value
    )
    repeated = [each for each in scenario.truth() if each.duplicate == "SAME_SIGNAL"]
    assert sum(count - 1 for count in values.values()) == len(repeated) > 0


def test_postings_from_the_sources(
    scenario: Scenario, all_keys: Keys, bundle: Bundle, tmp_path: Path
) -> None:
    """Through the adapters and the posting box of both phases: ids, versions and verdicts are those of the truth."""
    for agency in agencies():
        name, keys = agency.participant, all_keys[agency.participant]
        truth = [
            each for each in scenario.truth() if each.participant == name and each.channel is Channel.SOURCE
        ]
        expected = {
            str(each.signal_id(keys.secret)): each
            for each in truth
            if each.outcome is not Outcome.REFUSED_BY_ADAPTER
        }
        with PostingBox(box_path(tmp_path, name)) as box:
            intake = Intake(box, keys, agency.adapter.draft, "source")
            present: set[str] = set()
            for phase in (1, 2):
                intake.take(batch_of(scenario, agency.participant, phase), NOW)
                if agency.table:
                    change = scenario.postgresql_rows(name, phase)
                    present |= {str(row[agency.key]) for row in change.rows}
                    present -= set(change.deleted)
                    intake.sweep(frozenset(present), NOW)
            queued = box.queued(limit=10_000)
            assert len(queued) == len(expected)
            for posting in queued:
                headers = wire.header_map(posting.headers)
                entry = expected.pop(headers["ce_id"].decode())
                value = wire.wrapped(1, posting.payload)
                assert outcome(bundle, name, value, posting.headers) == said(entry), entry.trap
            assert not expected
            assert len(box.refusals()) == sum(each.outcome is Outcome.REFUSED_BY_ADAPTER for each in truth)


def batch_of(scenario: Scenario, participant: str, phase: int) -> Batch:
    """Return what the participant's source reads in a phase."""
    agency = next(each for each in agencies() if each.participant == participant)
    if agency.table:
        rows = scenario.postgresql_rows(participant, phase).rows
        return Batch(tuple(Located(str(row[agency.key]), Row(row)) for row in rows), None)
    return Batch(
        tuple(
            Located(f"{name}:{line}", record)
            for name, content in scenario.csv_files(participant, phase).items()
            for line, record in csv_records(agency.columns)(content)
        ),
        None,
    )
