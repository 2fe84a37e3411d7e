"""The servers that are measured on: one stack for a whole run, its processes counted from outside.

Rules
-----
1. Engine and rival are processes of their own, on the same broker and database, over the same records.
2. Before each of them the database is emptied and the consumer groups are forgotten: both start from nothing.
3. What a process did is read from its group's committed offsets and from the kernel's count of its CPU time.

Must not: look into a worker, or change a setting of the servers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from kruispunt_deploy.provisioning import provision
from kruispunt_deploy.stack import LocalStack
from kruispunt_processors.database.tables import metadata
from kruispunt_producers.kafka import deliver
from kruispunt_schemas import schema as schemas
from kruispunt_schemas import topics
from kruispunt_schemas.needtoknow.authoring import make
from kruispunt_schemas.needtoknow.bundle import Bundle, Participant
from kruispunt_schemas.registry import CACHE_FILE, Registry
from kruispunt_schemas.settings import Settings

from benchmarks.workload import Prepared, participants

ROLES: Final = ("admit", "resolve", "route")
ANSWER_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.1
SEND_AT_ONCE: Final = 5_000
_NOT_YET: Final = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
"""A group's coordinator that has only just been asked for the first time."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at one instant: seconds (monotonic), messages done, CPU seconds used."""

    at: float
    done: int
    cpu: float


class Bed:
    """An open stack, provisioned for the workload."""

    def __init__(self, stack: LocalStack, data: Path, rows: Sequence[Participant] | None = None) -> None:
        self.stack = stack
        self.data = data
        self.settings = Settings(data=data, **stack.addresses.model_dump())
        self.rows = tuple(rows or participants())
        provision(self.settings, lambda _: None, self.rows)
        self.brokers = stack.addresses.brokers
        self._admin = AdminClient({"bootstrap.servers": self.brokers})
        self._members: dict[str, Consumer] = {}
        with closing(Registry(stack.addresses.registry, data / CACHE_FILE)) as registry:
            self.wire_ids = registry.wire_ids([schemas.load(name) for name in schemas.TOPIC_TYPES])

    def send(self, postings: Sequence[Prepared]) -> None:
        """Post everything and wait until the broker has it."""
        for start in range(0, len(postings), SEND_AT_ONCE):
            part = [(item.topic, item.value, item.headers) for item in postings[start : start + SEND_AT_ONCE]]
            deliver({"bootstrap.servers": self.brokers}, part, ANSWER_SECONDS)

    def sources(self, role: str) -> list[TopicPartition]:
        """Return the partitions that a role reads, but for retries."""
        if role == "admit":
            return [TopicPartition(topics.out_topic(row.id).name, 0) for row in self.rows]
        topic = topics.ADMITTED if role == "resolve" else topics.RESOLVED
        return [TopicPartition(topic.name, number) for number in range(topic.partitions)]

    def ends(self, role: str) -> int:
        """Return how many records lie on a role's sources."""
        found = self._admin.list_offsets(
            {place: OffsetSpec.latest() for place in self.sources(role)},  # type: ignore[no-untyped-call]
            request_timeout=ANSWER_SECONDS,
        )
        return sum(future.result(ANSWER_SECONDS).offset for future in found.values())

    def done(self, role: str, group: str) -> int:
        """Return how many records of a role's sources a group has committed."""
        member = self._members.get(group)
        if member is None:
            # It never subscribes, so it never joins. The admin client's own question can end the process (librdkafka
            # issue 5040).
            settings = {"bootstrap.servers": self.brokers, "group.id": group, "enable.auto.commit": False}
            member = self._members[group] = Consumer(settings)
        try:
            found = member.committed(self.sources(role), ANSWER_SECONDS)
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET:
                raise
            return 0
        return sum(max(0, place.offset) for place in found)

    def forget(self, *groups: str) -> None:
        """Empty the database and forget the groups (rule 2)."""
        names = ", ".join(table.name for table in metadata.sorted_tables)
        with psycopg.connect(self.settings.database_address(), autocommit=True) as connection:
            connection.execute(f"truncate {names}".encode())
        for group, future in self._admin.delete_consumer_groups(list(groups)).items():
            try:
                future.result(ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].name() != "GROUP_ID_NOT_FOUND":
                    raise RuntimeError(f"group {group} is not forgotten: {error.args[0].name()}") from None

    @contextmanager
    def running(self, argv: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
        """Run a process for the length of the block; its words go to a log in the data folder."""
        log = self.data / "logs" / f"{'-'.join(argv[1:5]).replace('/', '_')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            process = subprocess.Popen(argv, stdout=out, stderr=out)
            try:
                yield process
            finally:
                process.terminate()
                process.wait(ANSWER_SECONDS)

    def engine(self, role: str) -> list[str]:
        """Return the command of the worker of a role."""
        return [sys.executable, "-m", "kruispunt_schemas", "worker", "--role", role, "--data", str(self.data)]

    def rival(self, role: str) -> list[str]:
        """Return the command of the plain loop of a role."""
        return [sys.executable, "-m", "benchmarks.rival", role, str(self.data)]

    def watch(
        self, role: str, group: str, process: subprocess.Popen[bytes], total: int, within: float
    ) -> list[Sample]:
        """Return samples until the group has committed so many records; raise TimeoutError after so many seconds."""
        samples: list[Sample] = []
        deadline = time.monotonic() + within
        while True:
            samples.append(Sample(time.monotonic(), self.done(role, group), cpu_seconds(process.pid)))
            if samples[-1].done >= total:
                return samples
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(
                    f"{role} ({group}) did {samples[-1].done} of {total}; see {self.data / 'logs'}"
                )
            time.sleep(LOOK_SECONDS)

    def bundle(self) -> Bundle:
        """Return the participants and policies of the run, without keys: enough to count recipients."""
        return make({}, self.rows)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, user and system, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
