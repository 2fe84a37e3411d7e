from __future__ import annotations

from datetime import timedelta

from kruispunt_producers.adapters import Batch, Located, Row
from kruispunt_producers.intake import Intake
from kruispunt_producers.posting_box import Kept, PostingBox, Unavailable, reissue
from kruispunt_schemas import codec, disclosure
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.keys import ParticipantKeys
from kruispunt_schemas.records.frame import Lifecycle

from tests.producers.signals import NOW, draft


def published(box: PostingBox, keys: ParticipantKeys, *drafts: Draft) -> list[bytes]:
    """Publish drafts one after the other, have them acknowledged, and return the payloads that were sent."""
    sent: list[bytes] = []
    for day, each in enumerate(drafts):

        def as_it_is(_row: Row, made: Draft = each) -> Draft:
            return made

        intake = Intake(box, keys, as_it_is, "test")
        intake.take(Batch((Located("1", Row({})),), None), NOW + timedelta(days=day))
        for posting in box.queued():
            sent.append(posting.payload)
            box.acknowledge([(posting.number, posting.number)])
    return sent


def kept(box: PostingBox, version: int) -> Kept:
    found = box.kept("A.1", version)
    assert found is not None
    return found


def test_from_an_emptied_cache_the_same_bytes_come_again(box: PostingBox, keys: ParticipantKeys) -> None:
    (sent,) = published(box, keys, draft())
    again = reissue(kept(box, 1), draft(), keys.secret)
    assert not isinstance(again, Unavailable)
    assert again.encoded() == sent
    read = codec.decode_signed(again.schema, again.encoded())
    disclosure.verify(read, read.read_header(), keys.signer.public_key())
    assert read.read_header().published_at == NOW


def test_the_box_keeps_no_section_of_what_the_broker_took(box: PostingBox, keys: ParticipantKeys) -> None:
    published(box, keys, draft(summary="een heel herkenbare zin"))
    kept(box, 1)
    assert box.queued() == []
    box.close()
    stored = b"".join(path.read_bytes() for path in box.path.parent.iterdir())
    assert b"A.1" in stored
    assert b"heel herkenbare zin" not in stored


def test_each_version_is_told_from_the_others(box: PostingBox, keys: ParticipantKeys) -> None:
    first, second = published(box, keys, draft(), draft(summary="anders"))
    newest = reissue(kept(box, 2), draft(summary="anders"), keys.secret)
    assert not isinstance(newest, Unavailable)
    assert newest.encoded() == second != first
    assert reissue(kept(box, 1), draft(summary="anders"), keys.secret) == Unavailable("assessment")


def test_a_version_that_the_source_no_longer_has_is_unavailable(
    box: PostingBox, keys: ParticipantKeys
) -> None:
    published(box, keys, draft())
    assert reissue(kept(box, 1), None, keys.secret) == Unavailable("context")


def test_a_recall_needs_no_source(box: PostingBox, keys: ParticipantKeys) -> None:
    _, sent = published(box, keys, draft(), draft(lifecycle=Lifecycle.RECALL))
    again = reissue(kept(box, 2), None, keys.secret)
    assert not isinstance(again, Unavailable)
    assert again.encoded() == sent
