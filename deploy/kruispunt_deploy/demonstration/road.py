"""How far the road is: what the workers have not committed, and what they have claimed and not marked.

Rules
-----
1. A group's offsets are read by a consumer of that group that never subscribes, so it never joins. Not by the admin client:
   librdkafka (2.16, its issue 5040) ends the process when a coordinator has only just moved.

Must not: change anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from kruispunt_schemas import topics
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.settings import Addresses

ANSWER_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.5
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
        self._admin: AdminClient | None = None
        self._members: dict[str, Consumer] = {}
        self._asked: psycopg.Connection[tuple[object, ...]] | None = None
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
        if self._asked is None or self._asked.closed:
            self._asked = psycopg.connect(
                self._database, autocommit=True, connect_timeout=int(ANSWER_SECONDS)
            )
        row = self._asked.execute(_OPEN[role].encode()).fetchone()
        return 0 if row is None else int(str(row[0]))

    def close(self) -> None:
        """Let go of the database and of the groups."""
        if self._asked is not None:
            self._asked.close()
        self._forget()

    def wait_quiet(self, within: float, watch: Callable[[Lag], None] = lambda _lag: None) -> None:
        """Return once nothing lags and no claim is open; raise UnavailableError after so many seconds."""
        deadline = time.monotonic() + within
        while True:
            lag = self.lag()
            watch(lag)
            if lag.total == 0 and not any(self.open_claims(role) for role in _OPEN):
                self.close()
                return
            if time.monotonic() > deadline:
                self.close()
                raise UnavailableError(
                    f"after {within:.0f} s the workers still lag: admit {lag.admit}, resolve {lag.resolve}, "
                    f"route {lag.route} messages; see the logs of the workers"
                )
            time.sleep(LOOK_SECONDS)

    def ends(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where partitions end now; raise UnavailableError."""
        with self._asking() as admin:
            asked = admin.list_offsets(
                {place: OffsetSpec.latest() for place in places},  # type: ignore[no-untyped-call]
                request_timeout=ANSWER_SECONDS,
            )
            found = {place: future.result(ANSWER_SECONDS).offset for place, future in asked.items()}
            if min(found.values(), default=0) < 0:
                # The client's way to say that a partition has no leader: no error, and an offset below zero.
                raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
            return found

    def _lag(self, role: str) -> int:
        # One request for what is committed and one for the ends: this looks while two cores do the work.
        places = self._sources[role]
        ends = self.ends(places)
        with self._asking():
            found = self._member(role).committed(places, ANSWER_SECONDS)
        done = {(place.topic, place.partition): max(0, place.offset) for place in found}
        return sum(end - done.get((place.topic, place.partition), 0) for place, end in ends.items())

    def _member(self, role: str) -> Consumer:
        """Return a consumer of a role's group (rule 1)."""
        member = self._members.get(role)
        if member is None:
            settings = {"bootstrap.servers": self._brokers, "group.id": f"kruispunt.{role}", "log_level": 0}
            member = self._members[role] = Consumer({**settings, "enable.auto.commit": False})
        return member

    @contextmanager
    def _asking(self) -> Iterator[AdminClient]:
        """Give the client, made anew after a failure as the groups' are; what it raises becomes ours.

        A client that lived through a broker's restart may ask under the leader's old epoch, or not answer, for ever.
        """
        admin = self._admin = self._admin or AdminClient({"bootstrap.servers": self._brokers, "log_level": 0})
        try:
            yield admin
        except KafkaException as error:
            self._forget()
            raise UnavailableError(f"Kafka does not answer ({error.args[0].name()})") from None
        except TimeoutError:
            self._forget()
            raise UnavailableError(f"Kafka does not answer within {ANSWER_SECONDS:.0f} s") from None

    def _forget(self) -> None:
        """Let go of every client of Kafka."""
        self._admin = None
        while self._members:
            self._members.popitem()[1].close()


def _partitions(topic: topics.Topic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, number) for number in range(topic.partitions)]
