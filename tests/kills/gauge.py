"""How much has come out of each stage, looked at a few times a second: throughput, recovery, stalls.

Must not: change anything; a broker that is away gives no sample.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Event, Thread
from typing import Self

from confluent_kafka import TopicPartition
from kruispunt_deploy.demonstration.road import Road
from kruispunt_schemas import topics
from kruispunt_schemas.failures import UnavailableError

OUTPUTS = {"admit": topics.ADMITTED, "resolve": topics.RESOLVED, "route": topics.DECISIONS}
LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Sample:
    """Records that lay on each stage's topic, at a monotonic time in seconds."""

    at: float
    counts: dict[str, int]


class Gauge:
    """Samples in a thread of its own while it is open."""

    def __init__(self, road: Road) -> None:
        self.samples: list[Sample] = []
        self._road = road
        self._over = Event()
        self._thread = Thread(target=self._look, name="gauge", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def now(self) -> dict[str, int]:
        """Return the counts at this moment; raise UnavailableError when the brokers are away."""
        places = {
            TopicPartition(topic.name, number): role
            for role, topic in OUTPUTS.items()
            for number in range(topic.partitions)
        }
        counts = dict.fromkeys(OUTPUTS, 0)
        for place, end in self._road.ends(places).items():
            counts[places[place]] += end
        return counts

    def grown_since(self, at: float, roles: tuple[str, ...]) -> float | None:
        """Return when every one of these stages had put something out after ``at``, None when one has not yet."""
        when: list[float] = []
        for role in roles:
            after = [sample for sample in list(self.samples) if sample.at >= at]
            grown = [sample.at for sample in after if sample.counts[role] > after[0].counts[role]]
            if not grown:
                return None
            when.append(grown[0])
        return max(when)

    def longest_stall(self, role: str, since: float, until: float) -> float:
        """Return the longest time in which a stage put nothing out, in seconds."""
        found = [sample for sample in self.samples if since <= sample.at <= until]
        last, longest, count = since, 0.0, None
        for sample in found:
            if count is None or sample.counts[role] > count:
                longest = max(longest, sample.at - last)
                last, count = sample.at, sample.counts[role]
        return longest

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            try:
                counts = self.now()
            except UnavailableError:
                continue
            self.samples.append(Sample(time.monotonic(), counts))
