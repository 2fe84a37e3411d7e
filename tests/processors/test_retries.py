from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.retries import (
    POSTING_HEADER,
    STAGE_HEADER,
    Retried,
    posting_of,
    retried,
    retry_headers,
)
from kruispunt_schemas import codec, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.records.backbone import QuarantineEntry, Stage
from kruispunt_schemas.records.frame import Posting
from kruispunt_schemas.wire import Message

from tests import drafts

OUTBOUND = Outbound("/backbone/admit", {schemas.load(name).fingerprint: 4 for name in schemas.TOPIC_TYPES})
STAGES = [Stage.ADMIT, Stage.RESOLVE, Stage.ROUTE]


def quarantined(posting: Posting, headers: dict[str, bytes], stage: Stage = Stage.ADMIT) -> Message:
    return OUTBOUND.quarantine(
        stage, posting, reason="signature", field="proof", detail="", value=b"as read", headers=headers
    )


def entry(message: Message) -> QuarantineEntry:
    return codec.decode(schemas.load("QuarantineEntry"), wire.unwrapped(message.value), QuarantineEntry)


POSTINGS = st.builds(
    Posting,
    participant=st.from_regex(topics.PARTICIPANT, fullmatch=True),
    offset=st.integers(0, 10**18 - 1),
    appended_at=st.datetimes(
        datetime(1970, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
        datetime(2200, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
)


@settings(deadline=None)
@given(posting=POSTINGS, stage=st.sampled_from(STAGES))
def test_a_retry_says_where_it_was_posted_and_which_stage_refused(posting: Posting, stage: Stage) -> None:
    made = entry(quarantined(posting, drafts.headers_of(schemas.load("Receipt")), stage))
    headers = wire.header_map(retry_headers(made))
    assert retried(headers) == Retried(stage, posting)
    assert {name: headers[name] for name in headers if not name.startswith("kruispunt-retry")} == {
        raw.name: raw.value for raw in made.headers
    }


def test_a_retry_that_is_refused_again_gives_the_same_entry() -> None:
    """Regression: the headers of the retry went into the second entry, so one id had two contents."""
    first = quarantined(drafts.posting(), drafts.headers_of(schemas.load("Receipt")))
    again = quarantined(drafts.posting(), wire.header_map(retry_headers(entry(first))))
    assert again == first


SOUND = {STAGE_HEADER: b"ADMIT", POSTING_HEADER: b"vsse/41/1700000000000000"}


@pytest.mark.parametrize(
    "damage",
    [
        {STAGE_HEADER: b"NOBODY"},
        {STAGE_HEADER: b"\xff"},
        {STAGE_HEADER: b"UNRECOGNISED"},
        {POSTING_HEADER: b""},
        {POSTING_HEADER: b"vsse/41"},
        {POSTING_HEADER: b"vsse/41/1/2"},
        {POSTING_HEADER: b"vsse/x/1"},
        {POSTING_HEADER: b"vsse/41/1e9"},
        {POSTING_HEADER: b"vsse/-1/1"},
        {POSTING_HEADER: b"/41/1"},
        {POSTING_HEADER: b"\xff/41/1"},
        {POSTING_HEADER: b"vsse/41/" + b"9" * 30},
        {POSTING_HEADER: b"vsse/" + b"9" * 30 + b"/1"},
        {POSTING_HEADER: b"vsse/" + b"9" * 5000 + b"/1"},
    ],
)
def test_damaged_headers_say_nothing(damage: dict[str, bytes]) -> None:
    assert retried(SOUND) is not None
    assert retried({**SOUND, **damage}) is None


@pytest.mark.parametrize(
    ("stage", "position", "known"),
    [
        (b"ROUTE", b"resolved.3/41/1", True),
        (b"RESOLVE", b"resolved.3/41/1", False),
        (b"ADMIT", b"resolved.3/41/1", False),
        (b"ROUTE", b"admitted.3/41/1", False),
        (b"ROUTE", b"resolved.x/41/1", False),
    ],
)
def test_only_route_takes_up_what_nobody_posted(stage: bytes, position: bytes, known: bool) -> None:
    found = retried({STAGE_HEADER: stage, POSTING_HEADER: position})
    assert (found is not None) is known
    if found is not None:
        assert (found.posting.participant, found.posting.offset) == ("resolved.3", 41)


@pytest.mark.parametrize("name", SOUND)
def test_missing_headers_say_nothing(name: str) -> None:
    assert retried({key: value for key, value in SOUND.items() if key != name}) is None
    assert retried({}) is None


@given(stage=st.binary(max_size=10), position=st.binary(max_size=40))
def test_arbitrary_headers_never_raise_and_what_is_read_can_be_written(stage: bytes, position: bytes) -> None:
    found: Any = retried({STAGE_HEADER: stage, POSTING_HEADER: position})
    if found is not None:
        assert quarantined(found.posting, {}).value


def test_the_position_of_a_posting_follows_from_its_topic() -> None:
    assert posting_of("out.vsse", 3, drafts.MONDAY) == drafts.posting(offset=3)
    with pytest.raises(ValueError, match="admitted"):
        posting_of("admitted", 3, drafts.MONDAY)
