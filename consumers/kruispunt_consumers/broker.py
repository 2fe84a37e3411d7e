"""Kafka at one boundary of this room: how a consumer is opened, and what its errors are called.

::

    KruispuntError
    ├── ConfigurationError
    │   ├── TopicMissingError        the topic does not exist
    │   └── AccessRefusedError       the broker does not let this principal read it
    └── UnavailableError
        └── BrokersSilentError       no broker answered within the bound

Rules
-----
1. A consumer belongs to no group: partitions are assigned by hand and offsets are kept elsewhere.
2. It starts where it is told; an offset that the broker no longer has is an error, never a jump.
3. `opened` asks the broker for the topic at start, so that a wrong address or name is learnt before anything waits.
4. What librdkafka says on its own log goes nowhere: what matters comes back as an error.

Must not: decode a value, or hold an offset.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException
from kruispunt_schemas.failures import ConfigurationError, KruispuntError, UnavailableError
from kruispunt_schemas.topics import MAX_INTERNAL_BYTES

ANSWER_SECONDS: Final = 10.0
"""How long a broker may take to answer a question about a topic."""

_FETCH_BYTES: Final = MAX_INTERNAL_BYTES + 1024 * 1024
"""A whole record of the largest size, with room for its framing."""


class TopicMissingError(ConfigurationError):
    """The topic does not exist."""


class AccessRefusedError(ConfigurationError):
    """The broker does not let this principal read the topic."""


class BrokersSilentError(UnavailableError):
    """No broker answered within the bound."""


SILENT: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - librdkafka's own codes begin with an underscore
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)
_REFUSED: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,  # noqa: SLF001
        KafkaError.SASL_AUTHENTICATION_FAILED,
    }
)
_MISSING: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    }
)
OUT_OF_RANGE: Final = frozenset(
    {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}  # noqa: SLF001
)
END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001


@contextmanager
def opened(brokers: str, topic: str, *, client: str) -> Iterator[Consumer]:
    """Open a consumer and check that the topic is there; close it in the end. client: its name at the broker."""
    logger = logging.getLogger("kruispunt.librdkafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    with translated(topic, brokers):
        consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "client.id": client,
                "group.id": client,  # librdkafka asks for one; nothing is committed and no group is joined
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "allow.auto.create.topics": False,
                "isolation.level": "read_committed",
                "fetch.message.max.bytes": _FETCH_BYTES,
                "fetch.max.bytes": 4 * _FETCH_BYTES,
                "receive.message.max.bytes": 8 * _FETCH_BYTES,
                "fetch.wait.max.ms": 100,
                "reconnect.backoff.max.ms": 1000,
            },
            logger=logger,
        )
    try:
        with translated(topic, brokers):
            known = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
            if known.error is not None:
                raise named(known.error, topic, brokers)
        yield consumer
    finally:
        consumer.close()


@contextmanager
def translated(topic: str, brokers: str) -> Iterator[None]:
    """Turn what the Kafka client raises into a named error."""
    try:
        yield
    except KafkaException as error:
        raise named(error.args[0], topic, brokers) from None


def named(error: KafkaError, topic: str, brokers: str) -> KruispuntError:
    """Return the error of ours for an error of Kafka's."""
    code = error.code()
    if code in _MISSING:
        return TopicMissingError(f"there is no topic {topic}: check the name, or run `kruispunt provision`")
    if code in _REFUSED:
        return AccessRefusedError(f"the broker refuses access to {topic} ({error.name()})")
    if code in SILENT:
        return BrokersSilentError(
            f"no broker at {brokers} answered: is the stack running? `kruispunt doctor` tells"
        )
    return UnavailableError(f"Kafka failed on {topic}: {error.name()}")
