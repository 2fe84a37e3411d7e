from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from kruispunt_processors.engine.condition import ANSWER_SECONDS, Condition
from kruispunt_processors.engine.supervision import STALL_SECONDS, Progress
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.reports import Report

ONE = ("admitted", 1)


@dataclass
class World:
    """A clock, and a database that answers or not."""

    now: float = 500.0
    count: int = 0
    oldest_seconds: float | None = None
    away: bool = False
    fresh: bool = True

    def __call__(self) -> float:
        return self.now

    async def look(self) -> World:
        if self.away:
            raise UnavailableError("PostgreSQL does not answer")
        return self


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def condition(world: World, tmp_path: Path) -> Condition:
    report = Report.begin(tmp_path, "resolve")
    report.assigned = 3
    return Condition(Progress(clock=world), report, lambda: world.fresh, world.look, clock=world)


async def test_a_worker_with_nothing_to_do_is_live_and_ready(condition: Condition) -> None:
    await condition.examine()
    health = condition.health()
    assert (health.live, health.ready, health.troubles) == (True, True, ())
    assert health.connected == {"broker": True, "bundles": True, "database": True}


async def test_a_worker_without_partitions_is_live_and_not_ready(condition: Condition) -> None:
    condition.report.assigned = 0
    await condition.examine()
    health = condition.health()
    assert (health.live, health.ready) == (True, False)
    assert health.troubles == ("no partition is assigned to it",)


async def test_each_server_that_is_silent_is_named(condition: Condition, world: World) -> None:
    assert condition.health().troubles == ("the database does not answer",)
    await condition.examine()
    assert condition.health().troubles == ()
    world.now += ANSWER_SECONDS
    world.away, world.fresh = True, False
    await condition.examine()
    health = condition.health()
    assert health.troubles == (
        "the broker does not answer",
        "its copy of the bundles is stale",
        "the database does not answer",
    )
    assert (health.live, health.ready) == (True, False)


async def test_a_partition_that_stands_still_is_named(condition: Condition, world: World) -> None:
    for _ in range(int(STALL_SECONDS) + 2):
        condition.progress.lagging({ONE: 7})
        await condition.examine()
        world.now += 1
    health = condition.health()
    assert (health.live, health.ready) == (False, False)
    assert health.troubles == ("it stands still on admitted/1",)
    assert health.behind_on == {"admitted/1": 7}


async def test_an_old_claim_is_a_trouble_whoever_made_it(condition: Condition, world: World) -> None:
    world.count, world.oldest_seconds = 3, STALL_SECONDS + 1
    await condition.examine()
    health = condition.health()
    assert (health.unfinished, health.oldest_seconds) == (3, STALL_SECONDS + 1)
    assert health.troubles == ("a claim is unfinished for 76 s",)
    assert (health.live, health.ready) == (True, True)


async def test_how_fast_it_goes_is_told(condition: Condition, world: World) -> None:
    for _ in range(5):
        await condition.examine()
        with condition.progress.batch({ONE: 20}) as hand:
            world.now += 1
            hand.done({ONE: 20})
    await condition.examine()
    assert condition.health().done == 100
