"""Schedules of kills, each on a road of its own, and the small set that every run of the tests makes.

Must not: perform anything (`running`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tests.kills.kills import (
    AtFailpoint,
    AtRandom,
    Broker,
    Database,
    Inbox,
    Kill,
    OneOfTwo,
    Paused,
    Publisher,
)

TASK_FORCE = "ltf-antwerpen"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Kills in their order, over so many signals. at_the_end: kills once the road is quiet.

    everybody: all inboxes receive and acknowledge at the end, not those of the task forces alone.
    """

    name: str
    title: str
    signals: int
    seed: int
    kills: tuple[Kill, ...]
    at_the_end: tuple[Kill, ...] = ()
    everybody: bool = False
    brokers: Literal[1, 3] = 1


def _stages(role: str) -> Iterator[Kill]:
    for passage in (1, 2, 4):
        yield AtFailpoint(role, "stage.claimed", passage)
    for passage in (1, 9, 40):
        yield AtFailpoint(role, "stage.sending", passage)
    for passage in (1, 2, 4):
        yield AtFailpoint(role, "stage.sent", passage)
    for passage in (1, 2, 4):
        yield AtFailpoint(role, "stage.marked", passage)


SMALL = Schedule(
    "small",
    "the small set of every test run",
    2_000,
    2,
    (
        AtFailpoint("resolve", "stage.sending", 9),
        Broker(),
        Database(longest=3.0),
        Publisher("box.sent"),
    ),
)

LONG = (
    Schedule("resolve", "the resolve worker at every failpoint", 4_000, 11, tuple(_stages("resolve"))),
    Schedule("route", "the route worker at every failpoint", 4_000, 12, tuple(_stages("route"))),
    Schedule(
        "edges",
        "the admit worker, publishers and inboxes at every failpoint",
        4_000,
        13,
        (
            *(Publisher("box.committed") for _ in range(3)),
            *(Publisher("box.sending", passage) for passage in (1, 10, 25)),
            *(Publisher("box.sent") for _ in range(3)),
            *(Publisher("box.recorded") for _ in range(3)),
            *(Publisher(None) for _ in range(3)),
            *(AtFailpoint("admit", "stage.sending", passage) for passage in (1, 20, 70)),
            *(AtFailpoint("admit", "stage.sent") for _ in range(3)),
            *(AtFailpoint("admit", "stage.marked") for _ in range(3)),
        ),
        (Inbox(TASK_FORCE, "inbox.kept"), Inbox("ltf-brussel", "inbox.posted")),
        everybody=True,
    ),
    Schedule(
        "servers",
        "broker and PostgreSQL away, workers killed at random",
        6_000,
        14,
        (
            Broker(), Database(), AtRandom("resolve"), Broker(), Database(), AtRandom("route"),
            Broker(), Database(), AtRandom("admit"), AtRandom("route"), AtRandom("resolve"), AtRandom("admit"),
        ),
    ),
    Schedule(
        "outages",
        "the broker away for longer than a session",
        2_000,
        17,
        tuple(Broker(shortest=15.0, longest=25.0) for _ in range(3)),
    ),
    Schedule(
        "groups",
        "two workers of a role: stopped, killed, paused past the session",
        5_000,
        15,
        (
            OneOfTwo("route"), OneOfTwo("resolve"), OneOfTwo("admit"),
            OneOfTwo("route", "SIGKILL"), OneOfTwo("resolve", "SIGKILL"),
            Paused("route"), Paused("resolve"), Paused("admit"),
        ),
    ),
    Schedule(
        "brokers",
        "three brokers, each killed and restarted in turn under load",
        6_000,
        16,
        (Broker("kafka-1"), Broker("kafka-2"), Broker("kafka-3")),
        brokers=3,
    ),
)  # fmt: skip
