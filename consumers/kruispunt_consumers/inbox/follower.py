"""The following of a topic: the one loop of the inbox, around its pure and durable parts.

Rules
-----
1. At start, and after every batch: receipts owed go to the posting box, so that a kill between keeping and owing is
   made good by the next start.
2. Reading starts at the store's next offset. Where the broker has less, the gap is noted as an alert first.
3. A topic that ends before the next offset was made anew: following stops and says so; ``reread`` begins at its start.
4. Reading again is harmless; it also gives rejected outputs a second chance, for example after an upgrade.
5. A server that falls silent is told once and waited for, unless the end of the topic was all that was asked.

Must not: judge (`verification`), keep (`store`), or print.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import time_ns
from typing import Final

from kruispunt_schemas import failpoints, tracing, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import ConfigurationError, UnavailableError

from kruispunt_consumers.inbox.intake import Event, Intake
from kruispunt_consumers.inbox.outgoing import Outgoing
from kruispunt_consumers.inbox.reading import Arrival
from kruispunt_consumers.inbox.receipts import Clerk
from kruispunt_consumers.inbox.store import InboxStore
from kruispunt_consumers.inbox.topic import InTopic, Overtaken, Silence

POLL_SECONDS: Final = 0.3
"""How long one look for records lasts; also how soon a request to stop is heard."""
PATIENCE_POLLS: Final = 100
"""Looks without a record after which ``once`` gives up: about 30 s."""
DRAIN_SECONDS: Final = 30.0
"""How long receipts may take to reach the broker once the end of the topic is reached."""


class TopicRestartedError(ConfigurationError):
    """The topic ends before the offset that this inbox has read up to."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the following itself; the text holds no content."""

    text: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop is made of. tell: told what became of each record. stopping: asked between batches."""

    topic: InTopic
    store: InboxStore
    intake: Intake
    clerk: Clerk
    outgoing: Outgoing
    clock: Callable[[], datetime]
    tell: Callable[[Event | Notice], None]
    stopping: Callable[[], bool]


class Follower:
    """Follows one participant's topic."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._told: str | None = None

    def run(self, *, once: bool, reread: bool = False) -> int:
        """Follow until asked to stop, or with ``once`` to the end of the topic as it is now.

        Return how many postings still wait in the posting box.
        """
        self._post()
        end = self._start(reread=reread)
        topic, stopping = self._parts.topic, self._parts.stopping
        position = 0 if reread else self._parts.store.next_offset()
        fruitless = 0
        while not stopping() and not (once and max(position, topic.end_seen) >= end):
            try:
                reached = self._step()
                fruitless = 0 if reached else fruitless + 1
                position = max(position, reached)
            except UnavailableError as error:
                if once:
                    raise
                self._tell_once(str(error))
                topic.start_at(self._parts.store.next_offset())
            if once and fruitless > PATIENCE_POLLS:
                raise UnavailableError(f"{topic.name} could not be read to its end: no broker answers")
        return self._parts.outgoing.drain(DRAIN_SECONDS if once else POLL_SECONDS)

    def behind(self) -> int:
        """Return how many records of the topic are not kept yet."""
        return self._parts.topic.behind(self._parts.store.next_offset())

    def _start(self, *, reread: bool) -> int:
        """Assign the first offset to read, and return where the topic ends now."""
        span = self._parts.topic.span()
        store = self._parts.store
        if span.end < store.next_offset():
            if not reread:
                raise TopicRestartedError(
                    f"{self._parts.topic.name} ends at {span.end}, this inbox has read to {store.next_offset()}: "
                    "the topic was made anew; add --reread to begin at its start"
                )
            with store.transaction():
                store.restart_at(span.first)
        self._note_gap(span.first)
        self._parts.topic.start_at(span.first if reread else store.next_offset())
        return span.end

    def _step(self) -> int:
        """Take one batch; return the offset after it."""
        position = 0
        match self._parts.topic.next(POLL_SECONDS):
            case Overtaken():
                self._note_gap(self._parts.topic.span().first)
                self._parts.topic.start_at(self._parts.store.next_offset())
            case Silence(reason):
                self._tell_once(reason)
            case arrivals if arrivals:
                self._told = None
                began = time_ns()
                events = self._parts.intake.take(arrivals, self._parts.clock())
                if tracing.active():
                    self._record(arrivals, (began, time_ns()))
                failpoints.reached("inbox.kept")
                for event in events:
                    self._parts.tell(event)
                position = arrivals[-1].offset + 1
        self._post()
        return position

    def _record(self, arrivals: Sequence[Arrival], times: tuple[int, int]) -> None:
        """Record a span for each record kept, in the trace of its delivery, all as long as their batch took."""
        for arrival in arrivals:
            parent = wire.traceparent_of(arrival.headers)
            context = tracing.child(parent, "store", str(arrival.offset))
            record_type = wire.type_of(arrival.headers.items())
            known = record_type if record_type in schemas.TOPIC_TYPES else None
            tracing.record("store", context, parent=parent, times=times, record_type=known)

    def _post(self) -> None:
        if not self._parts.clerk.post_owed(self._parts.store):
            self._tell_once("the posting box is full: receipts wait in the inbox until it has room")
        self._parts.outgoing.pump()

    def _note_gap(self, first: int) -> None:
        event = self._parts.intake.note_gap(first, self._parts.clock())
        if event is not None:
            self._parts.tell(event)

    def _tell_once(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._parts.tell(Notice(text))
