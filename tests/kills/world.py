"""A whole road to be killed: an embedded stack, the demonstration's own steps, and signals fed in portions.

Rules
-----
1. What runs is the demonstration (`kruispunt_deploy.demonstration`): the same workers, publishers, sources and audit.
2. Sources grow by portions of about `PORTION` postings, so that every kill finds work and the supply lasts.
3. An agency whose run fails, for a server is away, runs again, as its timer would; what waits lies in its box.
4. Waiting is for a condition, up to a deadline, and says what did not happen.

Must not: judge what comes out (`reckoning`).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Self

import psycopg
from confluent_kafka import ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from kruispunt_deploy.demonstration.road import ROLES, Lag, Road
from kruispunt_deploy.demonstration.steps import Demonstration
from kruispunt_deploy.stack import LocalStack
from kruispunt_producers import synthetic
from kruispunt_producers.posting_box import PostingBox, box_path
from kruispunt_schemas import failpoints, topics
from kruispunt_schemas.failures import KruispuntError, UnavailableError

from tests.kills.gauge import Gauge
from tests.waiting import wait_until

PORTION = 60
QUIET_SECONDS = 240.0
PATIENCE = 90.0
WRITES = {
    "admit": (topics.ADMITTED, topics.QUARANTINE, topics.ACCESS),
    "resolve": (topics.RESOLVED, topics.REPERTORY, topics.REVIEWS, topics.QUARANTINE),
    "route": (topics.DECISIONS,),
}
OPEN_ROLES = ("resolve", "route")
"""Roles that claim; admit claims nothing."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What is added to a source before its agency publishes; nothing for the raw postings."""

    participant: str
    place: Callable[[], object]


class World:
    """One road, open between ``with`` and its end."""

    def __init__(self, data: Path, *, signals: int, seed: int, brokers: Literal[1, 3] = 1) -> None:
        self.data = data
        self._held = ExitStack()
        self.stack = LocalStack(data, brokers=brokers)
        self._scenario = synthetic.generate(seed, signals)
        self.interrupted: set[str] = set()
        """Participants whose publisher was killed: what was in flight may lie on their topics twice."""

    def __enter__(self) -> Self:
        self._held.enter_context(self.stack)
        self.show = Demonstration(self.stack, self.data, self._scenario)
        self.show.provision(lambda _step: None)
        self.admin = AdminClient({"bootstrap.servers": self.stack.addresses.brokers, "log_level": 0})
        self.gauge = self._held.enter_context(Gauge(Road(self.stack.addresses, self.show.participants)))
        self._aside = self._held.enter_context(ThreadPoolExecutor(1, thread_name_prefix="agencies"))
        self._portions = list(self._all_portions())
        self._fed = self.feed(0)
        self.began = time.monotonic()
        self.show.start_workers()
        self.show.wait_for_workers()
        return self

    def __exit__(self, *error: object) -> None:
        self._held.__exit__(None, None, None)

    @property
    def truth(self) -> tuple[synthetic.Expected, ...]:
        """What must become of every posting."""
        return self._scenario.truth()

    # The supply.

    @property
    def portions_left(self) -> int:
        """How many portions no agency has published yet."""
        return len(self._portions)

    def take(self) -> Portion:
        """Take the next portion and place it in its source; the caller publishes it."""
        if not self._portions:
            message = "nothing is left to publish: there is nothing to kill anybody in"
            raise AssertionError(message)
        portion = self._portions.pop(0)
        _stubbornly(portion.place)
        return portion

    def feed(self, portions: int = 1) -> Future[None]:
        """Have the next portions published, in order and aside; the future ends when the broker has them."""
        self._fed = self._aside.submit(self._feed, portions)
        return self._fed

    def feed_all(self) -> None:
        """Publish everything that is left, until no box holds anything."""
        self.feed(len(self._portions)).result()
        for name in self._scenario.participants:
            self.publish(name)

    @property
    def feeding(self) -> bool:
        """Tell whether portions are being published aside."""
        return not self._fed.done()

    def publish(self, participant: str) -> None:
        """Publish what is new in a participant's source until nothing waits in its box."""

        def once() -> None:
            if self.show.publish(participant).waiting:
                message = f"{participant} still has postings in its box"
                raise UnavailableError(message)

        _stubbornly(once)

    def _feed(self, portions: int) -> None:
        for _ in range(portions):
            if self._portions:
                portion = self.take()
                if portion.participant:
                    self.publish(portion.participant)

    def _all_portions(self) -> Iterator[Portion]:
        """Give the first phase cut and mixed, the raw postings, then the changes."""
        whole = [self._portions_of(name) for name in self._scenario.participants]
        longest = max(map(len, whole))
        for number in range(longest):
            yield from (portions[number] for portions in whole if number < len(portions))
        yield Portion("", self._post_raw)
        for name in self._scenario.participants:
            yield Portion(name, partial(self._place_changes, name))

    def _portions_of(self, participant: str) -> list[Portion]:
        scenario = self._scenario
        if participant in scenario.with_exports:
            folder = self.show.exports(participant)
            return [
                Portion(participant, partial(synthetic.write_files, folder, {name: content}))
                for name, content in scenario.csv_files(participant).items()
            ]
        change = scenario.postgresql_rows(participant)
        parts = [
            replace(change, rows=change.rows[start : start + PORTION])
            for start in range(0, len(change.rows), PORTION)
        ]
        return [
            Portion(participant, partial(synthetic.write_change, self.show.legacy, part)) for part in parts
        ]

    def _place_changes(self, participant: str) -> None:
        if participant in self._scenario.with_exports:
            synthetic.write_exports(self.show.exports(participant), self._scenario, participant, 2)
        else:
            synthetic.write_tables(self.show.legacy, self._scenario, participant, 2)

    def _post_raw(self) -> None:
        # Not stubbornly: they go past every box, so a second try would post them twice.
        self.wait_for("the brokers", self.answers)
        self.show.post_raw()

    # What can be seen.

    def answers(self) -> bool:
        """Tell whether the road can be looked at: brokers and database answer."""
        try:
            self.show.road.lag()
            return all(self.open_claims(role) is not None for role in OPEN_ROLES)
        except KruispuntError:
            return False

    def lag(self) -> Lag | None:
        """Return what is not committed, None while the brokers do not answer."""
        try:
            return self.show.road.lag()
        except UnavailableError:
            return None

    def lag_of(self, role: str) -> int:
        """Return what a role has not committed, 0 while the brokers do not answer."""
        found = self.lag()
        return 0 if found is None else int(getattr(found, role))

    def open_claims(self, role: str) -> int | None:
        """Return what a role has claimed and not marked, None while the database does not answer."""
        try:
            return self.show.road.open_claims(role)
        except psycopg.OperationalError:
            return None

    def put_out(self, role: str) -> int:
        """Return how many outputs lie on the topics of a role; those of ``in.*`` are route's while nobody posts."""
        places = [
            TopicPartition(topic.name, number) for topic in WRITES[role] for number in range(topic.partitions)
        ]
        if role == "route":
            places += [TopicPartition(topics.in_topic(name).name, 0) for name in self.show.participants]
        return sum(self.show.road.ends(places).values())

    def at_work(self, role: str) -> bool:
        """Tell whether a role is in the middle of something."""
        return bool(self.open_claims(role)) if role in OPEN_ROLES else self.lag_of(role) > 0

    def members(self, role: str) -> list[int]:
        """Return how many partitions each member of a role's group has, none while they change hands."""
        try:
            asked = self.admin.describe_consumer_groups([f"kruispunt.{role}"], request_timeout=5)
            found = next(iter(asked.values())).result(5)
        except (KafkaException, TimeoutError):
            return []
        if found.state is not ConsumerGroupState.STABLE:
            return []
        return sorted(
            len(member.assignment.topic_partitions) if member.assignment else 0 for member in found.members
        )

    def waiting(self, participant: str) -> int:
        """Return how many postings wait in a participant's box."""
        path = box_path(self.data, participant)
        if not path.is_file():
            return 0
        with PostingBox(path) as box:
            return box.waiting()

    def wait_for(self, what: str, condition: Callable[[], bool], within: float = PATIENCE) -> float:
        """Return how long it took until a condition held, in seconds."""
        began = time.monotonic()
        wait_until(condition, within=within, what=what)
        return time.monotonic() - began

    # What can be done to it.

    def start_worker(
        self, role: str, *, failpoint: str = "", restart: bool = True, name: str | None = None
    ) -> str:
        """Start a worker of a role, armed or not; return its name in the stack."""
        part = name or f"worker-{role}"
        self.stack.spawn(
            part, self.show.worker_command(role), {failpoints.SETTING: failpoint}, restart=restart
        )
        return part

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of one of the commands."""
        return [sys.executable, "-m", "kruispunt_schemas", *arguments, "--data", str(self.data), "--json"]

    def environment(self, failpoint: str = "") -> dict[str, str]:
        """Return the environment of a command, with a failpoint armed or not."""
        addresses = self.stack.addresses
        return {
            **os.environ,
            "KRUISPUNT_BROKERS": addresses.brokers,
            "KRUISPUNT_REGISTRY": addresses.registry,
            failpoints.SETTING: failpoint,
        }

    def how_it_ended(self, part: str) -> str:
        """Return how the last process of a part ended, as the keeper saw it."""
        lines = (self.data / "logs" / "events.jsonl").read_text(encoding="utf-8").splitlines()
        ends = [item for item in map(json.loads, lines) if item["part"] == part and item["state"] == "died"]
        return str(ends[-1]["detail"]) if ends else ""

    def wait_quiet(self) -> None:
        """Return once the road has done all there is."""
        self.wait_for("an answer of the servers", self.answers)
        self.show.wait_quiet(QUIET_SECONDS)


def _stubbornly(work: Callable[[], object]) -> None:
    """Do it, again when a server was away, up to a deadline."""

    def done() -> bool:
        try:
            work()
        except (UnavailableError, psycopg.OperationalError):
            return False
        return True

    wait_until(done, within=PATIENCE, what="an agency's run without a failure")


__all__ = ["OPEN_ROLES", "ROLES", "World"]
