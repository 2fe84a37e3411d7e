"""What a kill waits for: a road at work, a worker that is down, a recovery; with the load kept up meanwhile.

Must not: kill anything.
"""

from __future__ import annotations

import socket
import subprocess
import time

from kruispunt_schemas import topics

from tests.kills.world import ROLES, World

RECOVERY_SECONDS = 90.0
BEHIND = 40
"""Messages that wait for a worker before it is armed: on several partitions."""


def recovered(world: World, since: float, roles: tuple[str, ...]) -> float:
    """Return how long after ``since`` each of these stages had put something out; feed when there is too little to do."""

    def grown() -> bool:
        if world.gauge.grown_since(since, roles) is not None:
            return True
        keep_busy(world)
        return False

    world.wait_for(f"an output of {', '.join(roles)}", grown, RECOVERY_SECONDS)
    at = world.gauge.grown_since(since, roles)
    assert at is not None
    return at - since


def shares_of(world: World, role: str) -> list[int]:
    """Return how the partitions of a role are shared by two members, once none is without a member."""
    retries = topics.RETRY.partitions
    own = {
        "admit": len(world.show.participants),
        "resolve": topics.ADMITTED.partitions,
        "route": topics.RESOLVED.partitions,
    }
    found: list[int] = []

    def settled() -> bool:
        found[:] = world.members(role)
        return len(found) == 2 and sum(found) == own[role] + retries

    world.wait_for(f"two members that share the partitions of {role}", settled)
    return list(found)


def wait_at_work(world: World, role: str) -> None:
    """Wait until a role is in the middle of something; feed when there is nothing to be in the middle of."""

    def at_work() -> bool:
        if world.at_work(role):
            return True
        keep_busy(world)
        return False

    world.wait_for(f"{role} at work", at_work)


def keep_busy(world: World) -> None:
    """Have another portion published when little is left to do and none is on its way."""
    found = world.lag()
    if found is not None and found.total < BEHIND and not world.feeding:
        world.feed(1)


def pass_under_load(world: World, seconds: float) -> None:
    """Let time pass while agencies publish."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not world.feeding:
            world.feed(1)
        pass_time(min(left, 0.2))


def all_in_sync(world: World) -> bool:
    found = world.admin.list_topics(timeout=5).topics.values()
    return all(len(part.isrs) == len(part.replicas) for topic in found for part in topic.partitions.values())


def nothing_before(world: World, role: str) -> bool:
    """Tell whether the stages before a role have nothing left: all that comes is there."""
    found = world.lag()
    return found is not None and not any(getattr(found, name) for name in ROLES[: ROLES.index(role)])


def is_down_or_fed(world: World, part: str) -> bool:
    """Tell whether a worker is down; until then it gets more to do: a later passage may be in a later batch."""
    if world.stack.parts[part].state == "failed":
        return True
    keep_busy(world)
    return False


def posting_waits(world: World, process: subprocess.Popen[bytes], participant: str) -> bool:
    return process.poll() is not None or world.waiting(participant) > 0


def listens(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=0.5):
            return True
    except OSError:
        return False


def pass_time(seconds: float) -> None:
    """Let time pass: here the time is what is asked for (a server that is away, an instant at random)."""
    time.sleep(seconds)
