from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from kruispunt_producers.adapters import Batch, Located, Refusal, Row
from kruispunt_producers.intake import Intake, Tally
from kruispunt_producers.posting_box import BoxFullError, Limits, PostingBox, box_path
from kruispunt_schemas import topics
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.keys import ParticipantKeys
from kruispunt_schemas.records.frame import Lifecycle

from tests.producers.signals import NOW, draft


def adapt(row: Row) -> Draft | Refusal:
    summary = row.values.get("summary")
    if not isinstance(summary, str):
        return Refusal("missing", "summary")
    lifecycle = Lifecycle.RECALL if row.values.get("gone") else Lifecycle.ORIGINAL
    return draft(str(row.values["ref"]), summary, lifecycle)


def batch(*rows: tuple[str, str | None], cursor: str | None = None, gone: bool = False) -> Batch:
    return Batch(
        tuple(Located(ref, Row({"ref": ref, "summary": text, "gone": gone})) for ref, text in rows), cursor
    )


@pytest.fixture
def intake(box: PostingBox, keys: ParticipantKeys) -> Intake:
    return Intake(box, keys, adapt, "test")


def test_the_life_of_a_record(box: PostingBox, intake: Intake) -> None:
    assert intake.take(batch(("A", "een")), NOW) == Tally(originals=1)
    assert intake.take(batch(("A", "een")), NOW + timedelta(days=1)) == Tally(unchanged=1)
    assert intake.take(batch(("A", "twee")), NOW) == Tally(corrections=1)
    assert intake.take(batch(("A", "twee"), gone=True), NOW) == Tally(recalls=1)
    assert intake.take(batch(("A", "twee"), gone=True), NOW) == Tally(unchanged=1)
    assert box.summary().signals == box.waiting() == 3


def test_the_same_reference_twice_in_one_batch_makes_two_versions(box: PostingBox, intake: Intake) -> None:
    assert intake.take(batch(("A", "een"), ("A", "twee"), ("A", "twee")), NOW) == Tally(
        originals=1, corrections=1, unchanged=1
    )
    assert box.waiting() == 2


def test_cursor_postings_and_refusals_are_committed_together(tmp_path: Path, keys: ParticipantKeys) -> None:
    with PostingBox(box_path(tmp_path, "police-gent"), Limits(postings=1)) as box:
        intake = Intake(box, keys, adapt, "test")
        with pytest.raises(BoxFullError):
            intake.take(batch(("A", "een"), ("B", None), ("C", "drie"), cursor="9"), NOW)
        assert (box.waiting(), box.refusals(), box.cursor("test")) == (0, [], None)
        intake.take(batch(("A", "een"), ("B", None), cursor="9"), NOW)
        assert (box.waiting(), len(box.refusals()), box.cursor("test")) == (1, 1, "9")


def test_what_the_schema_or_the_size_refuses_stops_nothing(box: PostingBox, intake: Intake) -> None:
    tally = intake.take(
        batch(("A", "een"), ("B", "\ud800"), ("C", "x" * topics.MAX_POSTING_BYTES), ("D", "vier")), NOW
    )
    assert tally == Tally(originals=2, refused=2)
    assert [(each.position, each.reason) for each in box.refusals()] == [("B", "value"), ("C", "too-large")]


def test_a_mended_record_is_no_longer_refused(box: PostingBox, intake: Intake) -> None:
    intake.take(batch(("A", None)), NOW)
    assert len(box.refusals()) == 1
    intake.take(batch(("A", "een")), NOW)
    assert box.refusals() == []


def test_deleted_records_are_recalled_once(box: PostingBox, intake: Intake) -> None:
    intake.take(batch(("A", "een"), ("B", "twee")), NOW)
    assert intake.sweep(frozenset({"B"}), NOW) == Tally(recalls=1)
    assert intake.sweep(frozenset({"B"}), NOW) == Tally()
    assert box.waiting() == 3


def test_another_sources_records_are_not_swept(
    box: PostingBox, keys: ParticipantKeys, intake: Intake
) -> None:
    intake.take(batch(("A", "een")), NOW)
    assert Intake(box, keys, adapt, "another").sweep(frozenset(), NOW) == Tally()


def test_an_emptied_source_recalls_nothing_and_says_so(box: PostingBox, intake: Intake) -> None:
    intake.take(batch(*((f"A{place}", "x") for place in range(30))), NOW)
    with pytest.raises(ConfigurationError, match="30 of 30 published records are no longer in test"):
        intake.sweep(frozenset(), NOW)
    assert box.waiting() == 30
