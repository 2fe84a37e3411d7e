"""The flusher: sends what waits in a posting box to the participant's own topic, in order, once at a time.

Rules
-----
1. One flusher for each participant; a second is refused (`posting_box.lock`).
2. Order of sending is the order of numbers. A posting is marked only on the broker's report, with its offset; so a
   kill between any two steps loses nothing, and repeats at most what was in flight, under the same id.
3. Broker or registry away: it waits, and says so in the log and in the box (`agency status`).
4. An error that waiting does not mend (no such topic, no right to write) is raised; the posting stays queued.

In a process of the participant::

    with Flusher(box, kafka_sender(addresses), wire_ids(addresses, data)) as flusher:
        flusher.pump(0.5)             # as often as you like
        flusher.drain(30.0)           # until nothing waits, or the time is up

Must not: decide what is published, or look into a payload.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog
from kruispunt_schemas import codec, failpoints, topics, tracing, wire
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.registry import CACHE_FILE, Registry
from kruispunt_schemas.settings import Addresses

from kruispunt_producers.kafka import ClientSettings, Delivered, Failed, KafkaSender, Sender
from kruispunt_producers.posting_box import FlusherLock, PostingBox, Queued

WINDOW_POSTINGS: Final = 1_000
WINDOW_BYTES: Final = 32 << 20
STALL_SECONDS: Final = 10.0
PUMP_SECONDS: Final = 0.2

WireIds = Callable[[bytes], int]
"""Fingerprint to the registry's id; raises UnavailableError when nobody knows it."""

_log = structlog.get_logger(__name__)


def kafka_sender(addresses: Addresses, client: ClientSettings | None = None) -> Callable[[], Sender]:
    """Return what makes a sender to the brokers; ``client`` adds settings, for example certificates."""
    return lambda: KafkaSender({"bootstrap.servers": addresses.brokers, **(client or {})})


def wire_ids(addresses: Addresses, data: Path) -> WireIds:
    """Return the look-up of registry ids, kept in ``DATA/registry-ids.json`` for when the registry is away."""
    found: dict[bytes, int] = {}

    def look_up(fingerprint: bytes) -> int:
        if fingerprint not in found:
            with closing(Registry(addresses.registry, data / CACHE_FILE)) as registry:
                found.update(registry.wire_ids([codec.schema_of(fingerprint)]))
        return found[fingerprint]

    return look_up


@dataclass(frozen=True, slots=True)
class _Flight:
    """A posting handed to the client: bytes, when (ns since 1970), and its headers, which name its trace."""

    size: int
    since: int
    headers: wire.Headers


def _landed(flight: _Flight | None) -> None:
    """Record that the broker has taken a posting."""
    if flight is None or not tracing.active():
        return
    headers = dict(flight.headers)
    parent = wire.traceparent_of(headers)
    times = (flight.since, time.time_ns())
    context = tracing.child(parent, "send")
    tracing.record("send", context, parent=parent, times=times, record_type=wire.type_of(flight.headers))


class Flusher:
    """Sends one box; holds the participant's lock while open. Use it from one thread."""

    def __init__(self, box: PostingBox, sender: Callable[[], Sender], ids: WireIds) -> None:
        self._box = box
        self._make = sender
        self._ids = ids
        self._lock = FlusherLock(box.path.parent)
        self._topic = topics.out_topic(box.participant).name
        self._sender: Sender | None = None
        self._sent = 0
        self._flying: dict[int, _Flight] = {}
        self._trouble: str | None = None
        self._heard = time.monotonic()

    def __enter__(self) -> Self:
        self._lock.__enter__()
        try:
            self._sender = self._make()  # it connects while the first records are read and signed
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._restart()
        finally:
            self._lock.__exit__(kind, error, trace)

    def pump(self, seconds: float = PUMP_SECONDS) -> int:
        """Send what waits and wait at most so long for reports; return how many the broker took.

        Raise ConfigurationError when waiting does not help; everything unsent stays in the box.
        """
        sender = self._sender = self._sender or self._make()
        missing: UnavailableError | None = None
        try:
            self._fill(sender)
        except UnavailableError as error:
            missing = error
        reports = sender.poll(seconds)
        delivered = [(item.number, item.offset) for item in reports if isinstance(item, Delivered)]
        if delivered:
            failpoints.reached("box.sent")
            self._box.acknowledge(delivered)
            failpoints.reached("box.recorded")
            self._heard = time.monotonic()
            for number, _ in delivered:
                _landed(self._flying.pop(number, None))
        failed = [item for item in reports if isinstance(item, Failed)]
        if failed:
            self._give_up(failed)
        self._tell(str(missing) if missing else self._stalled(sender))
        return len(delivered)

    def drain(self, seconds: float, watch: Callable[[int], None] | None = None) -> int:
        """Pump until nothing waits or the time is up; return how many postings still wait.

        ``watch`` is called with that number as it falls.
        """
        deadline = time.monotonic() + seconds
        while waiting := self._box.waiting():
            if watch is not None:
                watch(waiting)
            if time.monotonic() >= deadline:
                return waiting
            self.pump()
        if watch is not None:
            watch(0)
        return 0

    def _fill(self, sender: Sender) -> None:
        if not self._flying:
            self._heard = time.monotonic()
        while len(self._flying) < WINDOW_POSTINGS and self._bytes_flying() < WINDOW_BYTES:
            waiting = self._box.queued(self._sent, limit=100)
            for posting in waiting:
                if not self._send(sender, posting):
                    return
            if not waiting:
                return

    def _send(self, sender: Sender, posting: Queued) -> bool:
        value = wire.wrapped(self._ids(posting.fingerprint), posting.payload)
        if not sender.send(posting.number, self._topic, value, posting.headers):
            return False
        self._sent = posting.number
        self._flying[posting.number] = _Flight(len(value), time.time_ns(), posting.headers)
        failpoints.reached("box.sending")
        return True

    def _bytes_flying(self) -> int:
        return sum(flight.size for flight in self._flying.values())

    def _give_up(self, failed: list[Failed]) -> None:
        """Start anew from the lowest number that waits; raise what waiting does not mend."""
        self._restart()
        lasting = next((item.error for item in failed if not isinstance(item.error, UnavailableError)), None)
        if lasting is not None:
            self._tell(str(lasting))
            raise lasting
        _log.warning("flusher.restarted", participant=self._box.participant, postings=len(failed))

    def _restart(self) -> None:
        sender, self._sender = self._sender, None
        self._sent = 0
        self._flying.clear()
        if sender is not None:
            sender.close()

    def _stalled(self, sender: Sender) -> str | None:
        if not self._flying:
            return None
        if (known := sender.trouble()) is not None:
            return known
        silent = time.monotonic() - self._heard
        return f"Kafka has taken nothing for {STALL_SECONDS:.0f} s" if silent > STALL_SECONDS else None

    def _tell(self, trouble: str | None) -> None:
        """Say once that sending stopped, and once that it goes on."""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        self._box.report_trouble(trouble, datetime.now(UTC))
        if trouble is None:
            _log.info("flusher.resumed", participant=self._box.participant)
        else:
            waiting = self._box.waiting()
            _log.warning(
                "flusher.waiting", participant=self._box.participant, trouble=trouble, queued=waiting
            )
