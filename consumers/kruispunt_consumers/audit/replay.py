"""Replay the topics of a backbone: the shell around `examination`.

Rules
-----
1. Where topics end is asked once, what is caused before its causes: ``in.*`` first, ``out.*`` last. So everything that
   is read has its cause among what is read; the reverse may be under way.
2. Topics only: no database, no registry, no file.

Must not: judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from kruispunt_schemas import topics
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.settings import Addresses

from kruispunt_consumers.audit.balance import Verdict
from kruispunt_consumers.audit.examination import EVERYBODY, Examination, phases
from kruispunt_consumers.audit.findings import BOUND, Patience
from kruispunt_consumers.audit.ledger import Scope
from kruispunt_consumers.topic_reader import TopicReader
from kruispunt_consumers.topic_record import Extent, TopicRecord

CLIENT: Final = "kruispunt-audit"


@dataclass(frozen=True, slots=True)
class Step:
    """Where a replay is: records read and to be read in a phase."""

    phase: str
    read: int
    total: int


class Reader(Protocol):
    """Gives topics; `TopicReader` does so from Kafka."""

    def topics(self) -> Mapping[str, int]:
        """Return the number of partitions of every topic."""

    def extents(self, topics: Iterable[str]) -> list[Extent]:
        """Return where each partition of the topics starts and ends now."""

    def read(self, extents: Sequence[Extent]) -> Iterator[TopicRecord]:
        """Give the records of these extents, those of a partition in order."""


Report = Callable[[Step], None]
REPORT_EVERY: Final = 200
"""Records between two reports."""
PHASE_NAMES: Final = ("bundles", "retries", "backbone", "postings", "deliveries")


def silence(_step: Step) -> None:
    """Report to nobody."""


def replay(
    addresses: Addresses,
    *,
    scope: Scope = EVERYBODY,
    complete: bool = False,
    bound: timedelta = BOUND,
    report: Report = silence,
) -> Verdict:
    """Read every topic to its end as it is now and return the verdict; raise UnavailableError when Kafka is silent.

    complete: everything is said to have arrived, so that what is missing is a failure at once.
    """
    reader = TopicReader(addresses.brokers, client=CLIENT)
    return replay_from(reader, scope=scope, complete=complete, bound=bound, report=report)


def replay_from(
    reader: Reader,
    *,
    scope: Scope = EVERYBODY,
    complete: bool = False,
    bound: timedelta = BOUND,
    report: Report = silence,
) -> Verdict:
    """Replay what a reader gives."""
    ordered = phases(reader.topics(), scope)
    if not ordered[0]:
        raise ConfigurationError("there is no topic audit.bundles: run `kruispunt provision`")
    unknown = sorted(
        name for name in scope.participants or () if topics.out_topic(name).name not in ordered[3]
    )
    if unknown:
        raise ConfigurationError(f"no participant is called {', '.join(unknown)}: nothing would be checked")
    extents: list[list[Extent]] = [reader.extents(phase) for phase in reversed(ordered)][::-1]
    examination = Examination(Patience(datetime.now(UTC), bound, complete), scope)
    for name, phase in zip(PHASE_NAMES, extents, strict=True):
        read, total = 0, sum(item.end - item.start for item in phase)
        report(Step(name, read, total))
        for record in reader.read(phase):
            examination.take(record)
            read += 1
            if read % REPORT_EVERY == 0:
                report(Step(name, read, total))
        report(Step(name, total, total))
    return examination.close([item for phase in extents for item in phase])
