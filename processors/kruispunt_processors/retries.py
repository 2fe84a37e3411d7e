"""A quarantined message that is tried again: which stage it belongs to and where it was posted.

Rule: ``retry`` carries the bytes and headers as they were read, and the original position in headers of its own; the
stage that refused takes it up as if it had just been read. What nobody posted has the place where it lay for a position;
only route takes such a one up, for a revision. Must not: change the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from kruispunt_schemas import topics
from kruispunt_schemas.records.backbone import QuarantineEntry, Stage
from kruispunt_schemas.records.frame import Posting
from kruispunt_schemas.wire import Headers

STAGE_HEADER: Final = "kruispunt-retry-stage"
POSTING_HEADER: Final = "kruispunt-retry-posting"
RETRY_HEADERS: Final = frozenset({STAGE_HEADER, POSTING_HEADER})
_RESOLVED: Final = rf"{topics.RESOLVED.name}\.[0-9]{{1,4}}"
_POSITION: Final = re.compile(rf"({topics.PARTICIPANT.pattern}|{_RESOLVED})/([0-9]{{1,18}})/([0-9]{{1,18}})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Retried:
    """What the headers of a retry say."""

    stage: Stage
    posting: Posting


def posting_of(topic: str, offset: int, appended_at: datetime) -> Posting:
    """Return the position of a message on a topic ``out.<participant>``."""
    return Posting(participant=topics.owner(topic), offset=offset, appended_at=appended_at)


def retry_headers(entry: QuarantineEntry) -> Headers:
    """Return the headers of a retry: those that were read, and the stage and position."""
    micros = (entry.posting.appended_at - _EPOCH) // _MICROSECOND
    position = f"{entry.posting.participant}/{entry.posting.offset}/{micros}"
    kept = [(header.name, header.value) for header in entry.headers if header.name not in RETRY_HEADERS]
    return [*kept, (STAGE_HEADER, entry.stage.value.encode()), (POSTING_HEADER, position.encode())]


def retried(headers: Mapping[str, bytes]) -> Retried | None:
    """Return what the headers of a retry say, None when they are damaged."""
    try:
        stage = Stage(headers[STAGE_HEADER].decode())
        found = _POSITION.fullmatch(headers[POSTING_HEADER].decode())
        if found is None or stage is Stage.UNRECOGNISED:
            return None
        participant, offset, micros = found.groups()
        if topics.is_partition(participant) and stage is not Stage.ROUTE:
            return None
        appended_at = _EPOCH + int(micros) * _MICROSECOND
    except (KeyError, ValueError, OverflowError):
        return None
    return Retried(stage, Posting(participant=participant, offset=int(offset), appended_at=appended_at))
