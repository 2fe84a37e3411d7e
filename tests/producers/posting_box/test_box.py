from __future__ import annotations

import os
from pathlib import Path

import pytest
from kruispunt_producers.posting_box import (
    BoxFullError,
    FlusherBusyError,
    FlusherLock,
    IdentifierConflictError,
    Limits,
    PostingBox,
    PostingTooLargeError,
    RefusalEntry,
    box_path,
)
from kruispunt_schemas import topics
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.keys import ParticipantKeys
from kruispunt_schemas.wire import header_map, traceparent_of

from tests.producers.signals import NOW, draft, signed


def test_enqueue_is_idempotent_by_identifier_and_keeps_the_first_headers(
    box: PostingBox, keys: ParticipantKeys
) -> None:
    made = signed(keys)
    identifier = made.read_header().signal_id
    first = box.enqueue(made, identifier, NOW)
    (before,) = box.queued()
    again = box.enqueue(made, identifier, NOW, traceparent=f"00-{'1' * 32}-{'2' * 16}-01")
    (after,) = box.queued()
    assert (first.repeated, again.repeated, again.number) == (False, True, first.number)
    assert after == before
    assert traceparent_of(header_map(after.headers)) is not None


def test_headers_are_cloudevents_in_the_participants_name(box: PostingBox, keys: ParticipantKeys) -> None:
    made = signed(keys)
    box.enqueue(made, made.read_header().signal_id, NOW, traceparent=f"00-{'1' * 32}-{'2' * 16}-01")
    headers = header_map(box.queued()[0].headers)
    assert headers["ce_source"] == b"/participants/police-gent"
    assert headers["ce_type"] == b"be.kruispunt.RadicalisationCase"
    assert headers["traceparent"] == f"00-{'1' * 32}-{'2' * 16}-01".encode()


def test_other_bytes_under_the_same_id_are_refused_and_change_nothing(
    box: PostingBox, keys: ParticipantKeys
) -> None:
    made = signed(keys)
    box.enqueue(made, made.read_header().signal_id, NOW)
    before = box.queued()
    other = signed(keys, draft(summary="iets anders"))
    with pytest.raises(IdentifierConflictError, match="other bytes") as caught:
        box.enqueue(other, made.read_header().signal_id, NOW)
    assert "anders" not in str(caught.value)
    assert box.queued() == before


def test_an_acknowledged_posting_still_recognises_its_id(box: PostingBox, keys: ParticipantKeys) -> None:
    made = signed(keys)
    number = box.enqueue(made, made.read_header().signal_id, NOW).number
    box.acknowledge([(number, 41)])
    assert box.enqueue(made, made.read_header().signal_id, NOW).repeated
    summary = box.summary()
    assert (summary.queued, summary.queued_bytes, summary.acknowledged, summary.last_offset) == (0, 0, 1, 41)


def test_the_bound_of_postings_is_stated_and_frees_up(tmp_path: Path, keys: ParticipantKeys) -> None:
    with PostingBox(box_path(tmp_path, "livc-gent"), Limits(postings=2)) as box:
        made = [signed(keys, draft(f"A.{each}")) for each in range(3)]
        numbers = [box.enqueue(each, each.read_header().signal_id, NOW).number for each in made[:2]]
        with pytest.raises(BoxFullError, match=r"2 postings .* the bound is 2 "):
            box.enqueue(made[2], made[2].read_header().signal_id, NOW)
        box.acknowledge([(numbers[0], 0)])
        assert not box.enqueue(made[2], made[2].read_header().signal_id, NOW).repeated


def test_the_bound_of_bytes_holds(tmp_path: Path, keys: ParticipantKeys) -> None:
    with PostingBox(box_path(tmp_path, "livc-gent"), Limits(queued_bytes=3_000)) as box:
        made = [signed(keys, draft(f"A.{each}")) for each in range(9)]
        box.enqueue(made[0], made[0].read_header().signal_id, NOW)
        with pytest.raises(BoxFullError, match="3000 bytes"):
            enqueue_all(box, made)
        assert 0 < box.summary().queued_bytes <= 3_000


def enqueue_all(box: PostingBox, made: list[SignedBytes]) -> None:
    for each in made:
        box.enqueue(each, each.read_header().signal_id, NOW)


def test_a_posting_above_the_contracts_size_is_refused(box: PostingBox, keys: ParticipantKeys) -> None:
    made = signed(keys, draft(summary="x" * topics.MAX_POSTING_BYTES))
    with pytest.raises(PostingTooLargeError, match=str(topics.MAX_POSTING_BYTES)):
        box.enqueue(made, made.read_header().signal_id, NOW)
    assert box.waiting() == 0


def test_a_transaction_is_all_or_nothing(box: PostingBox, keys: ParticipantKeys) -> None:
    with pytest.raises(ZeroDivisionError):
        half_done(box, signed(keys))
    assert (box.waiting(), box.cursor("bron")) == (0, None)


def half_done(box: PostingBox, made: SignedBytes) -> None:
    with box.transaction() as work:
        work.enqueue(made, made.read_header().signal_id, NOW)
        work.set_cursor("bron", "7")
        raise ZeroDivisionError


def test_two_processes_may_enqueue_into_one_box(box: PostingBox, keys: ParticipantKeys) -> None:
    with PostingBox(box.path) as other:
        for place, writer in enumerate((box, other, box, other)):
            made = signed(keys, draft(f"A.{place}"))
            writer.enqueue(made, made.read_header().signal_id, NOW)
    assert [each.number for each in box.queued()] == [1, 2, 3, 4]


def test_refusals_are_kept_once_for_each_position_until_the_record_is_good(box: PostingBox) -> None:
    def entry(reason: str) -> RefusalEntry:
        return RefusalEntry(source="s", position="a.csv:3", reason=reason, field="DATUM", refused_at=NOW)

    with box.transaction() as work:
        work.refuse(entry("date"))
        work.refuse(entry("missing"))
    assert [each.reason for each in box.refusals()] == ["missing"]
    with box.transaction() as work:
        work.accept("s", "a.csv:3")
    assert box.refusals() == []


def test_the_folder_bears_the_participants_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="participant's name"):
        PostingBox(tmp_path / "Not A Participant" / "outbox.sqlite")


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = box_path(tmp_path, "livc-gent")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database at all, by far" * 100)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        PostingBox(path)


def test_files_are_the_participants_alone(box: PostingBox) -> None:
    assert box.path.stat().st_mode & 0o077 == 0
    assert box.path.parent.stat().st_mode & 0o077 == 0


def test_a_second_flusher_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    folder = tmp_path / "police-gent"
    with FlusherLock(folder):
        with pytest.raises(FlusherBusyError, match=f"process {os.getpid()} already sends for police-gent"):
            FlusherLock(folder).__enter__()
        assert FlusherLock(folder).holder() == os.getpid()
    assert FlusherLock(folder).holder() is None
    with FlusherLock(folder):
        pass
