"""Runs a schedule from its first signal to the reckoning; what was found is a value that can be kept as JSON.

Must not: print, or decide whether what was found is good enough (`Outcome.wrong` says it).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from kruispunt_consumers.audit.balance import Verdict

from tests.kills.kills import Hit
from tests.kills.reckoning import Reckoning, receive, reckon
from tests.kills.schedules import Schedule
from tests.kills.world import World

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a schedule did. samples: seconds since its beginning, with the outputs of each stage until then.

    stall: the longest time in which nothing was decided between the first kill and the last recovery, in seconds.
    """

    name: str
    title: str
    signals: int
    brokers: int
    seconds: float
    stall: float
    hits: list[Hit]
    reckoning: Reckoning
    samples: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Tell whether nothing was wrong."""
        return not self.reckoning.wrong


def run(world: World, schedule: Schedule, say: Say = lambda _text: None) -> tuple[Outcome, Verdict]:
    """Perform a schedule on an open road, let it come to its end, and count; return the audit's verdict too."""
    random = Random(schedule.seed)  # noqa: S311 - instants must be repeatable
    hits: list[Hit] = []
    for kill in schedule.kills:
        say(f"{len(hits) + 1} of {len(schedule.kills) + len(schedule.at_the_end)}: {kill.title}")
        hits.append(kill.perform(world, random))
    recovered = time.monotonic()
    say("the rest of the signals")
    world.feed_all()
    world.wait_quiet()
    for kill in schedule.at_the_end:
        say(kill.title)
        hits.append(kill.perform(world, random))
    say("recipients receive")
    recipients = receive(world, everybody=schedule.everybody)
    world.wait_quiet()
    say("the audit replays every topic")
    verdict = world.show.audit()
    say("counting")
    reckoning = reckon(world, verdict, recipients)
    outcome = Outcome(
        name=schedule.name,
        title=schedule.title,
        signals=schedule.signals,
        brokers=schedule.brokers,
        seconds=round(time.monotonic() - world.began, 1),
        stall=round(world.gauge.longest_stall("route", world.began + hits[0].at, recovered), 1),
        hits=hits,
        reckoning=reckoning,
        samples=[(round(item.at - world.began, 2), item.counts) for item in world.gauge.samples],
    )
    return outcome, verdict


def perform(data: Path, schedule: Schedule, say: Say = lambda _text: None) -> Outcome:
    """Run a schedule on a road of its own in an empty folder."""
    say("servers start")
    with World(data, signals=schedule.signals, seed=schedule.seed, brokers=schedule.brokers) as world:
        return run(world, schedule, say)[0]
