"""The one module that speaks to Kafka: confluent-kafka's idempotent producer behind a small interface.

Rules
-----
1. ``acks=all``, idempotent, no time limit on a message: a broker that is away is waited for, so that nothing is given
   up while it may lie in the log already.
2. The partitioner is the contract's; librdkafka's default would scatter one key over two partitions.
3. What the client library raises or reports becomes a value (`Delivered`, `Failed`) or an error of ours.

Must not: open the posting box, or repeat a value or a header in an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from kruispunt_schemas import topics
from kruispunt_schemas.failures import ConfigurationError, KruispuntError, UnavailableError
from kruispunt_schemas.wire import Headers

ClientSettings = Mapping[str, str | int | float | bool]
"""Settings of librdkafka that say where the brokers are and how to be let in."""

UNKNOWN_TOPIC_AFTER_MS: Final = 5_000
CLOSE_SECONDS: Final = 5.0
_SIZE_MARGIN_BYTES: Final = 64 * 1024

_SETTINGS: Final[dict[str, str | int | float | bool]] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": topics.PARTITIONER,
    "message.timeout.ms": 0,
    "message.max.bytes": topics.MAX_POSTING_BYTES + _SIZE_MARGIN_BYTES,
    "topic.metadata.propagation.max.ms": UNKNOWN_TOPIC_AFTER_MS,
    "reconnect.backoff.max.ms": 1_000,
    "linger.ms": 5,
    "log_level": 0,
}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The broker has it: ``offset`` is its place on the topic."""

    number: int
    offset: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The client gave it up; it may or may not be in the log. ``fatal``: the client must be made anew."""

    number: int
    error: KruispuntError
    fatal: bool


class Sender(Protocol):
    """What the flusher needs of a message broker; postings keep the order in which they were sent."""

    def send(self, number: int, topic: str, value: bytes, headers: Headers) -> bool:
        """Hand over one posting; False when there is no room now."""

    def poll(self, seconds: float) -> list[Delivered | Failed]:
        """Wait at most so long for reports and return them."""

    def trouble(self) -> str | None:
        """Say why nothing goes out, None when nothing is known to be wrong."""

    def close(self) -> None:
        """Let go; what was not reported counts as not sent."""


class KafkaSender:
    """A `Sender` over one idempotent producer."""

    def __init__(self, client: ClientSettings) -> None:
        self._reports: list[Delivered | Failed] = []
        self._trouble: str | None = None
        try:
            self._producer = Producer({**_SETTINGS, **client, "error_cb": self._on_error})
        except KafkaException as error:
            raise ConfigurationError(f"the Kafka client refuses its settings: {_text(error)}") from None

    def send(self, number: int, topic: str, value: bytes, headers: Headers) -> bool:
        """Hand over one posting; False when the client's queue is full."""

        def report(error: KafkaError | None, message: Message) -> None:
            self._on_report(number, topic, error, message)

        try:
            self._producer.produce(topic, value=value, headers=list(headers), on_delivery=report)
        except BufferError:
            return False
        except KafkaException as error:
            self._reports.append(Failed(number, _translated(error.args[0], topic), fatal=True))
        return True

    def poll(self, seconds: float) -> list[Delivered | Failed]:
        """Wait at most so long for reports and return them."""
        if self._producer.poll(seconds):
            self._producer.poll(0)
        reports, self._reports = self._reports, []
        return reports

    def trouble(self) -> str | None:
        """Say what the client last complained of, until something is delivered again."""
        return self._trouble

    def close(self) -> None:
        """Drop what is not sent (it is in the posting box) and stop."""
        self._producer.purge()
        self._producer.flush(CLOSE_SECONDS)

    def _on_report(self, number: int, topic: str, error: KafkaError | None, message: Message) -> None:
        offset = message.offset()
        if error is None and offset is not None and offset >= 0:
            self._trouble = None
            self._reports.append(Delivered(number, offset))
        elif error is None:
            unknown = UnavailableError(f"{topic}: the broker reported no offset")
            self._reports.append(Failed(number, unknown, fatal=True))
        else:
            fatal = error.code() in (KafkaError._FATAL, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)  # noqa: SLF001 - librdkafka's own codes start with an underscore
            self._reports.append(Failed(number, _translated(error, topic), fatal=fatal or error.fatal()))

    def _on_error(self, error: KafkaError) -> None:
        # The first complaint stands until something is delivered: a broker that is away gives several in turn.
        self._trouble = self._trouble or f"Kafka does not answer ({error.name()})"
        _log.debug("kafka.client", code=error.name())


def _translated(error: KafkaError, topic: str) -> KruispuntError:
    """Return an error of ours for an error of the client; the text names topic and code, nothing else."""
    code = error.code()
    if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION):  # noqa: SLF001 - see above
        return ConfigurationError(f"the topic {topic} does not exist: run `kruispunt provision`")
    if code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
        return ConfigurationError(f"the broker does not let this client write to {topic}")
    if code == KafkaError.MSG_SIZE_TOO_LARGE:
        return ConfigurationError(f"the topic {topic} takes smaller records than the contract says")
    return UnavailableError(f"{topic}: the broker did not take a posting ({error.name()})")


def _text(error: KafkaException) -> str:
    first = error.args[0] if error.args else None
    return first.str() if isinstance(first, KafkaError) else type(error).__name__


def deliver(
    client: ClientSettings, messages: Sequence[tuple[str, bytes | None, Headers]], seconds: float = 30.0
) -> list[int]:
    """Send messages as they are, in order, and return their offsets; raise when one was not taken in time."""
    offsets: dict[int, int] = {}
    failures: list[KruispuntError] = []
    try:
        producer = Producer({**_SETTINGS, **client})
        for place, (topic, value, headers) in enumerate(messages):

            def report(
                error: KafkaError | None, message: Message, place: int = place, topic: str = topic
            ) -> None:
                offset = message.offset()
                if error is not None or offset is None:
                    failures.append(
                        _translated(error, topic) if error else UnavailableError(f"{topic}: no offset")
                    )
                else:
                    offsets[place] = offset

            producer.produce(topic, value=value, headers=list(headers), on_delivery=report)
        producer.flush(seconds)
    except KafkaException as error:
        raise UnavailableError(f"the Kafka client failed: {_text(error)}") from None
    if failures:
        raise failures[0]
    if len(offsets) != len(messages):
        raise UnavailableError(f"Kafka took {len(offsets)} of {len(messages)} messages in {seconds:.0f} s")
    return [offsets[place] for place in range(len(messages))]
