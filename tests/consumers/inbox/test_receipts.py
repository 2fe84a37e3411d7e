"""Receipts owed reach the posting box once, whatever is killed or refused in between."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from kruispunt_consumers.inbox.receipts import Clerk
from kruispunt_consumers.inbox.store import InboxStore, store_path
from kruispunt_producers.posting_box import BoxFullError, Limits, PostingBox, box_path
from kruispunt_schemas import codec, disclosure, identity
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.records.postings import ReceiptResult

from tests.consumers.inbox.deliveries import ME, NOW, arrival, intake, output_id, signal, signer_of, view


def clerk(box: PostingBox) -> Clerk:
    return Clerk(ME, signer_of(ME), box)


def posted(box: PostingBox) -> list[SignedBytes]:
    return [codec.decode_signed(codec.schema_of(item.fingerprint), item.payload) for item in box.queued()]


def test_a_receipt_is_signed_and_says_what_was_stored(store: InboxStore, tmp_path: Path) -> None:
    intake(store).take([arrival(view(signal(), 1), 0)], NOW)
    with PostingBox(box_path(tmp_path, ME)) as box:
        assert clerk(box).post_owed(store)
        (signed,) = posted(box)
    disclosure.verify_signature(signed, signer_of(ME).public_key())
    header = signed.read_receipt()
    assert (header.participant, header.output_id, header.result) == (ME, output_id(1), ReceiptResult.STORED)
    assert header.receipt_id == identity.receipt_id(ME, output_id(1), "STORED")
    assert header.stored_at == NOW
    assert store.owed() == ()


def test_a_kill_between_box_and_mark_enqueues_once(
    store: InboxStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake(store).take([arrival(view(signal(), 1), 0)], NOW)

    def killed(_self: InboxStore, _receipts: object) -> None:
        raise KeyboardInterrupt

    with PostingBox(box_path(tmp_path, ME)) as box:
        with monkeypatch.context() as patched:
            patched.setattr(InboxStore, "mark_posted", killed)
            with pytest.raises(KeyboardInterrupt):
                clerk(box).post_owed(store)
        assert len(store.owed()) == 1
        assert clerk(box).post_owed(store)
        assert len(posted(box)) == 1
    assert store.owed() == ()


def test_an_inbox_made_anew_does_not_contradict_its_first_receipts(tmp_path: Path) -> None:
    with PostingBox(box_path(tmp_path, ME)) as box:
        for folder, now in (("first", NOW), ("second", NOW.replace(year=2027))):
            with InboxStore(store_path(tmp_path / folder, ME)) as store:
                intake(store).take([arrival(view(signal(), 1), 0)], now)
                assert clerk(box).post_owed(store)
                assert store.owed() == ()
        (signed,) = posted(box)
        assert signed.read_receipt().stored_at == NOW


def test_a_full_box_leaves_receipts_owed(store: InboxStore, tmp_path: Path) -> None:
    intake(store).take([arrival(view(signal(), 1), 0), arrival(view(signal(reference="b"), 2), 1)], NOW)
    with PostingBox(box_path(tmp_path, ME), Limits(postings=1)) as box:
        assert not clerk(box).post_owed(store)
    assert len(store.owed()) == 2


def test_many_receipts_go_in_several_transactions(store: InboxStore, tmp_path: Path) -> None:
    with store.transaction():
        for number in range(1201):
            store.owe(ME, UUID(int=number), ReceiptResult.STORED, None, NOW)
    with PostingBox(box_path(tmp_path, ME)) as box:
        assert clerk(box).post_owed(store)
        assert box.summary().queued == 1201


def test_a_consultation_is_on_disk_or_refused(tmp_path: Path) -> None:
    def record(box: PostingBox, number: int) -> None:
        clerk(box).record_consultation(
            UUID(int=number), output_id(1), UUID(int=9), user="j.peeters", purpose="file 118", at=NOW
        )

    with PostingBox(box_path(tmp_path, ME), Limits(postings=1)) as box:
        record(box, 1)
        with pytest.raises(BoxFullError):
            record(box, 2)
    with PostingBox(box_path(tmp_path, ME)) as box:
        (signed,) = posted(box)
    assert signed.schema == schemas.load("Consultation")
    header = signed.read_consultation()
    assert (header.user, header.purpose, header.output_id) == ("j.peeters", "file 118", output_id(1))
