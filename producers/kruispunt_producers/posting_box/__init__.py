"""The posting box: what a participant has to say, kept on disk until the broker has it.

Any process of the participant enqueues; one flusher at a time sends (`kruispunt_producers.publisher`)::

    from kruispunt_producers.posting_box import PostingBox, box_path

    with PostingBox(box_path(data, "ltf-antwerpen")) as box:
        box.enqueue(signed, receipt_id, stored_at)        # on disk when it returns; again is harmless

Must not: know Kafka.
"""

from kruispunt_producers.posting_box.box import PostingBox, Queued, box_path
from kruispunt_producers.posting_box.failures import (
    BoxFullError,
    FlusherBusyError,
    IdentifierConflictError,
    PostingTooLargeError,
)
from kruispunt_producers.posting_box.kept import Kept, Known, Origin, RefusalEntry, Summary
from kruispunt_producers.posting_box.lock import FlusherLock
from kruispunt_producers.posting_box.reissue import Unavailable, reissue
from kruispunt_producers.posting_box.work import Enqueued, Limits, Work

__all__ = [
    "BoxFullError",
    "Enqueued",
    "FlusherBusyError",
    "FlusherLock",
    "IdentifierConflictError",
    "Kept",
    "Known",
    "Limits",
    "Origin",
    "PostingBox",
    "PostingTooLargeError",
    "Queued",
    "RefusalEntry",
    "Summary",
    "Unavailable",
    "Work",
    "box_path",
    "reissue",
]
