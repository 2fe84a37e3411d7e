"""One run of an agency: read its source, fill its box, send; once or for as long as it is asked to.

Rules
-----
1. Commit first: a batch is in the box before anything of it is sent.
2. Once: ends when nothing waits, or when the broker took nothing more within the given time (what waits stays queued).
   A full box is emptied before more is read; when nothing leaves it, the error says so.
3. Following: a pass over the source every few seconds; what goes wrong on the way (source, broker, registry, a full
   box) is logged once and tried again, until it is told to stop.

Must not: print (the command does).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from kruispunt_schemas import failpoints
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.keys import read_participant
from kruispunt_schemas.settings import Addresses

from kruispunt_producers.adapters import Adapter, Batch, Source, open_source
from kruispunt_producers.intake import Intake, Tally
from kruispunt_producers.kafka import ClientSettings
from kruispunt_producers.posting_box import BoxFullError, Limits, PostingBox, box_path
from kruispunt_producers.publisher import Flusher, kafka_sender, wire_ids

if TYPE_CHECKING:
    from kruispunt_schemas.following import Figures

FOLLOW_SECONDS: Final = 2.0
"""Between two passes over a source that is followed."""
WAIT_SECONDS: Final = 60.0
"""How long a single run waits for the broker after the last progress."""
STOP_SECONDS: Final = 5.0
"""How long what is in flight may take to arrive when a follower is told to stop."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a run did. ``waiting``: postings that the broker has not taken; they stay in the box."""

    participant: str
    adapter: str
    tally: Tally
    acknowledged: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to publish: whose, from which source with which adapter, to which servers, with files in ``data``."""

    participant: str
    source: str
    adapter: Adapter
    addresses: Addresses
    data: Path
    limits: Limits = field(default_factory=Limits)
    client: ClientSettings | None = None


Watch = Callable[[int, int], None]
"""Called with the number of postings enqueued by this run and the number that wait."""


def publish(job: Job, *, wait_seconds: float = WAIT_SECONDS, watch: Watch | None = None) -> Published:
    """Publish a source once. Raise BoxFullError when the box has no room, and what the source or the keys raise."""
    with _open(job) as run:
        tally = run.pass_over(wait_seconds, watch)

        def watch_waiting(waiting: int) -> None:
            if watch is not None:
                watch(tally.enqueued, waiting)

        waiting = run.drain(wait_seconds, watch_waiting)
        return run.published(tally, waiting)


def follow(job: Job, *, stop: Callable[[], bool], watch: Watch | None = None, port: int = 0) -> Published:
    """Publish a source and what is added to it, until ``stop`` says so; then return what was done.

    port: of the pages that tell how it goes, 0 for a free one.
    """
    from kruispunt_schemas.following import Followed  # noqa: PLC0415 - a single run serves no pages
    from prometheus_client import CollectorRegistry  # noqa: PLC0415

    tally = Tally()
    with (
        _open(job) as run,
        Followed(job.data, "agency", job.participant, CollectorRegistry(), port) as followed,
    ):
        complaint: str | None = None

        def note(*_: int) -> None:
            followed.note(lambda: run.figures(complaint))

        due = time.monotonic()
        while not stop():
            if time.monotonic() >= due:
                try:
                    tally += run.pass_over(0.0, note)
                    complaint = None
                except (BoxFullError, UnavailableError) as error:
                    if str(error) != complaint:
                        complaint = str(error)
                        _log.warning("agency.waiting", participant=job.participant, trouble=complaint)
                due = time.monotonic() + FOLLOW_SECONDS
            run.flusher.pump()
            note()
            if watch is not None:
                watch(tally.enqueued, run.box.waiting())
        run.flusher.drain(STOP_SECONDS)
        return run.published(tally, run.box.waiting())


class _Run:
    """A run with everything open."""

    def __init__(self, job: Job, box: PostingBox, source: Source, intake: Intake, flusher: Flusher) -> None:
        self.box = box
        self.flusher = flusher
        self._job = job
        self._source = source
        self._intake = intake
        self._before = box.summary().acknowledged

    def pass_over(self, wait_seconds: float, watch: Watch | None) -> Tally:
        """Read what is new, batch by batch, sending in between; then recall what was deleted."""
        tally = Tally()
        for batch in self._source.batches(self.box.cursor(source_name(self._job.adapter, self._source))):
            tally += self._take(batch, wait_seconds)
            failpoints.reached("box.committed")
            self.flusher.pump(0.0)
            if watch is not None:
                watch(tally.enqueued, self.box.waiting())
        present = self._source.references()
        if present is not None:
            tally += self._intake.sweep(present, datetime.now(UTC))
        return tally

    def _take(self, batch: Batch, wait_seconds: float) -> Tally:
        """Take a batch; a full box is emptied first, as long as the broker takes something."""
        while True:
            try:
                return self._intake.take(batch, datetime.now(UTC))
            except BoxFullError:
                if not self._makes_room(wait_seconds):
                    raise

    def _makes_room(self, wait_seconds: float) -> bool:
        deadline = time.monotonic() + wait_seconds
        while self.box.waiting():
            if self.flusher.pump():
                return True
            if time.monotonic() >= deadline:
                return False
        return False

    def drain(self, wait_seconds: float, watch: Callable[[int], None]) -> int:
        """Send until nothing waits; give up when the broker took nothing for so long."""
        waiting = self.box.waiting()
        while waiting:
            left = self.flusher.drain(wait_seconds, watch)
            if left >= waiting:
                return left
            waiting = left
        return 0

    def figures(self, complaint: str | None) -> Figures:
        """Return how the box stands, for the pages. complaint: why the source cannot be read."""
        from kruispunt_schemas.following import Figures  # noqa: PLC0415 - see follow

        found = self.box.summary()
        oldest = found.oldest_queued_at
        return Figures(
            done=found.acknowledged - self._before,
            behind=found.queued,
            oldest_seconds=None if oldest is None else (datetime.now(UTC) - oldest).total_seconds(),
            refused=found.refusals,
            trouble=found.trouble or complaint,
        )

    def published(self, tally: Tally, waiting: int) -> Published:
        """Return what the run did."""
        return Published(
            participant=self._job.participant,
            adapter=self._job.adapter.name,
            tally=tally,
            acknowledged=self.box.summary().acknowledged - self._before,
            waiting=waiting,
        )


def source_name(adapter: Adapter, source: Source) -> str:
    """Return the name that a source's cursor and refusals are kept under."""
    return f"{adapter.name} {source.name}"


@contextlib.contextmanager
def _open(job: Job) -> Iterator[_Run]:
    keys = read_participant(job.data, job.participant)
    source = open_source(job.adapter, job.source)
    with contextlib.ExitStack() as stack:
        stack.callback(source.close)
        box = stack.enter_context(PostingBox(box_path(job.data, job.participant), job.limits))
        flusher = stack.enter_context(
            Flusher(box, kafka_sender(job.addresses, job.client), wire_ids(job.addresses, job.data))
        )
        intake = Intake(box, keys, job.adapter.draft, source_name(job.adapter, source))
        yield _Run(job, box, source, intake, flusher)
