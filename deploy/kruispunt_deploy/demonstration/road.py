"""How far the road is: what the workers have not committed, and what they have claimed and not marked.

Must not: change anything; a group's offsets are read without joining it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition
from kruispunt_schemas import topics
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.settings import Addresses

ANSWER_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.25
ROLES: Final = ("admit", "resolve", "route")
_OPEN: Final = {
    "resolve": "select count(*) from claim where not marked",
    "route": "select count(*) from decision_claim where not marked",
}


@dataclass(frozen=True, slots=True)
class Lag:
    """Messages that each role has not committed."""

    admit: int
    resolve: int
    route: int

    @property
    def total(self) -> int:
        """Return the sum."""
        return self.admit + self.resolve + self.route


class Road:
    """Looks at the topics and the common database of one backbone."""

    def __init__(self, addresses: Addresses, participants: list[str]) -> None:
        if addresses.database is None:
            raise UnavailableError("the address of the common database is not known")
        self._brokers = addresses.brokers
        self._database = addresses.database
        self._sources = {
            "admit": [TopicPartition(topics.out_topic(name).name, 0) for name in participants],
            "resolve": _partitions(topics.ADMITTED),
            "route": _partitions(topics.RESOLVED),
        }

    def lag(self) -> Lag:
        """Return what is not committed, read in the order of the road: nothing slips from one stage into another."""
        return Lag(**{role: self._lag(role) for role in ROLES})

    def open_claims(self, role: str) -> int:
        """Return how many positions a role has claimed and not marked."""
        with psycopg.connect(self._database, connect_timeout=int(ANSWER_SECONDS)) as connection:
            row = connection.execute(_OPEN[role].encode()).fetchone()
        return 0 if row is None else int(row[0])

    def wait_quiet(self, within: float, watch: Callable[[Lag], None] = lambda _lag: None) -> None:
        """Return once nothing lags and no claim is open; raise UnavailableError after so many seconds."""
        deadline = time.monotonic() + within
        while True:
            lag = self.lag()
            watch(lag)
            if lag.total == 0 and not any(self.open_claims(role) for role in _OPEN):
                return
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"after {within:.0f} s the workers still lag: admit {lag.admit}, resolve {lag.resolve}, "
                    f"route {lag.route} messages; see the logs of the workers"
                )
            time.sleep(LOOK_SECONDS)

    def _lag(self, role: str) -> int:
        consumer = Consumer(
            {"bootstrap.servers": self._brokers, "group.id": f"kruispunt.{role}", "enable.auto.commit": False}
        )
        try:
            committed = consumer.committed(self._sources[role], timeout=ANSWER_SECONDS)
            lag = 0
            for place in committed:
                first, end = consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS)
                lag += end - max(first, place.offset)
        except KafkaException as error:
            raise UnavailableError(f"Kafka does not answer ({error.args[0].name()})") from None
        finally:
            consumer.close()
        return lag


def _partitions(topic: topics.Topic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, number) for number in range(topic.partitions)]
