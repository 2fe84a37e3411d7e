"""The kinds of kill. Each makes sure that there is work, kills, shows that it hit, and waits for the recovery.

Rules
-----
1. A kill that did not hit fails: `Hit.evidence` holds what was seen (how the process ended, what was left open).
2. Recovery is counted from the death, or from the return of a server that was kept away, to the first output of every
   stage concerned.
3. Workers are killed as children of the stack's supervisor, which starts them again; one that was armed with a failpoint
   is started again unarmed by the kill itself.

Must not: judge what comes out (`reckoning`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Protocol

from kruispunt_schemas import failpoints

from tests.kills.meanwhile import (
    BEHIND,
    all_in_sync,
    is_down_or_fed,
    listens,
    nothing_before,
    pass_time,
    pass_under_load,
    posting_waits,
    recovered,
    shares_of,
    wait_at_work,
)
from tests.kills.world import OPEN_ROLES, ROLES, World

HIT_SECONDS = 60.0
SESSION_SECONDS = 6.0
PAUSED_SECONDS = 12.0
AFTERWARDS_SECONDS = 8.0
"""Load after a broker of three is back: leaders and groups move once more."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A kill that hit. at: seconds since the schedule began. recovery: seconds (rule 2)."""

    at: float
    what: str
    instant: str
    evidence: str
    recovery: float


class Kill(Protocol):
    """Something that can be done to a road."""

    @property
    def title(self) -> str:
        """Name it for a line of progress."""

    def perform(self, world: World, random: Random) -> Hit:
        """Do it, and wait until the road has recovered."""


@dataclass(frozen=True, slots=True)
class AtFailpoint:
    """A worker that kills itself at the N-th passage of a failpoint."""

    role: str
    name: failpoints.Name
    passage: int = 1

    @property
    def title(self) -> str:
        return f"{self.role} at {self.name}:{self.passage}"

    def perform(self, world: World, random: Random) -> Hit:  # noqa: ARG002 - the instant is the failpoint's
        part = f"worker-{self.role}"
        world.stack.stop(part)
        while world.lag_of(self.role) < BEHIND and world.portions_left:
            world.feed(1).result()
            world.wait_for(f"everything before {self.role}", lambda: nothing_before(world, self.role))
        before = world.put_out(self.role)
        world.start_worker(self.role, failpoint=f"{self.name}:{self.passage}", restart=False)
        world.wait_for(f"the end at {self.title}", lambda: is_down_or_fed(world, part), HIT_SECONDS)
        died = time.monotonic()
        ended = world.how_it_ended(part)
        assert ended == "ended by SIGKILL", f"{self.title}: {ended}"
        left, lag = world.open_claims(self.role) if self.role in OPEN_ROLES else 0, world.lag_of(self.role)
        out = world.put_out(self.role) - before
        assert lag > 0, self.title
        if self.role in OPEN_ROLES and self.name != "stage.marked":
            assert left, f"{self.title}: no claim was left open"
        if self.name == "stage.sending" and self.role in OPEN_ROLES:
            assert out >= self.passage, f"{self.title}: {out} outputs lie on the topics"
        if self.name == "stage.sent":
            assert out, f"{self.title}: nothing was sent"
        world.start_worker(self.role)
        recovery = recovered(world, died, (self.role,))
        claims = f"{left} claims open, " if self.role in OPEN_ROLES else ""
        return _hit(
            world,
            died,
            f"{self.role} worker",
            f"failpoint `{self.name}`, passage {self.passage}",
            f"{ended}; {claims}{lag} messages not acknowledged, {out} outputs of it on the topics",
            recovery,
        )


@dataclass(frozen=True, slots=True)
class AtRandom:
    """SIGKILL from outside while the worker works; the supervisor starts it again."""

    role: str

    @property
    def title(self) -> str:
        return f"{self.role} at a random instant"

    def perform(self, world: World, random: Random) -> Hit:
        part = f"worker-{self.role}"
        world.feed(2)
        wait_at_work(world, self.role)
        pass_time(random.uniform(0.0, 0.6))
        lag = 0
        while not lag:
            wait_at_work(world, self.role)
            world.stack.kill(part)
            died = time.monotonic()
            lag = world.lag_of(self.role)
        left = world.open_claims(self.role) if self.role in OPEN_ROLES else 0
        recovery = recovered(world, died, (self.role,))
        claims = f"{left} claims open, " if self.role in OPEN_ROLES else ""
        return _hit(
            world,
            died,
            f"{self.role} worker",
            "a random instant under load",
            f"{world.how_it_ended(part)}; {claims}{lag} messages not acknowledged",
            recovery,
        )


@dataclass(frozen=True, slots=True)
class Broker:
    """SIGKILL of a broker, which stays away for a time between two bounds in seconds. part: ``kafka``, or ``kafka-1`` to ``kafka-3``."""

    part: str = "kafka"
    longest: float = 6.0
    shortest: float = 2.0

    @property
    def title(self) -> str:
        return f"{self.part} killed"

    def perform(self, world: World, random: Random) -> Hit:
        address = world.stack.parts[self.part].address
        world.feed(2)
        world.wait_for("the road at work", lambda: world.at_work(random.choice(OPEN_ROLES)))
        world.stack.kill(self.part, restart=False)
        died = time.monotonic()
        world.wait_for(f"the silence of {self.part}", lambda: not listens(address))
        open_claims = {role: world.open_claims(role) for role in OPEN_ROLES}
        if self.part == "kafka":
            world.feed(2)
            pass_time(random.uniform(self.shortest, self.longest))
        else:
            pass_under_load(world, random.uniform(self.shortest, self.longest))
        assert not listens(address)
        world.stack.start(self.part)
        back = time.monotonic()
        recovery = recovered(world, back, ROLES)
        others = ""
        if self.part != "kafka":
            pass_under_load(world, AFTERWARDS_SECONDS)
            synced = world.wait_for("every replica in sync", lambda: all_in_sync(world))
            stall = world.gauge.longest_stall("route", died, time.monotonic() - synced)
            others = f"; longest time without a decision {stall:.1f} s"
        return _hit(
            world,
            died,
            f"{self.part}",
            "a random instant under load",
            f"{world.how_it_ended(self.part)}; away for {back - died:.1f} s; claims open meanwhile: "
            + ", ".join(f"{role} {count}" for role, count in open_claims.items())
            + others,
            recovery,
        )


@dataclass(frozen=True, slots=True)
class Database:
    """Immediate stop of PostgreSQL (SIGQUIT, as ``pg_ctl -m immediate``), which stays away for some seconds."""

    longest: float = 6.0

    @property
    def title(self) -> str:
        return "PostgreSQL stopped at once"

    def perform(self, world: World, random: Random) -> Hit:
        info = world.stack.parts["postgres"]
        assert info.pid is not None
        world.feed(2)
        world.wait_for("claims being made", lambda: world.at_work(random.choice(OPEN_ROLES)))
        os.kill(info.pid, signal.SIGQUIT)
        died = time.monotonic()
        world.stack.stop("postgres")  # or the supervisor would start it again at once
        world.wait_for("the silence of PostgreSQL", lambda: not listens(info.address))
        lag = {role: world.lag_of(role) for role in OPEN_ROLES}
        pass_under_load(world, random.uniform(2.0, self.longest))
        assert not listens(info.address)
        log = (world.data / "logs" / "postgres.log").read_text(encoding="utf-8", errors="replace")
        requests = log.count("received immediate shutdown request")
        assert requests, "PostgreSQL's log knows of no immediate stop"
        world.stack.start("postgres")
        back = time.monotonic()
        recovery = recovered(world, back, OPEN_ROLES)
        return _hit(
            world,
            died,
            "PostgreSQL",
            "a random instant under load",
            f"immediate shutdown request in its log; away for {back - died:.1f} s; messages waiting meanwhile: "
            + ", ".join(f"{role} {count}" for role, count in lag.items()),
            recovery,
        )


@dataclass(frozen=True, slots=True)
class OneOfTwo:
    """Two workers of a role under load: one is stopped (SIGTERM, or SIGKILL) and started again."""

    role: str
    by: str = "SIGTERM"

    @property
    def title(self) -> str:
        return f"one of two {self.role} workers, {self.by}"

    def perform(self, world: World, random: Random) -> Hit:
        first, second = f"worker-{self.role}", f"worker-{self.role}-2"
        if second not in world.stack.parts or world.stack.parts[second].pid is None:
            world.start_worker(self.role, name=second)
        shared = shares_of(world, self.role)
        world.feed(3)
        wait_at_work(world, self.role)
        pass_time(random.uniform(0.0, 0.4))
        if self.by == "SIGTERM":
            world.stack.stop(first)
        else:
            world.stack.kill(first, restart=False)
        died = time.monotonic()
        lag = world.lag_of(self.role)
        taken = world.wait_for(
            "the other to have every partition", lambda: world.members(self.role) == [sum(shared)]
        )
        world.stack.start(first)
        again = shares_of(world, self.role)
        ended = world.how_it_ended(first) if self.by == "SIGKILL" else "ended as asked"
        recovery = recovered(world, died, (self.role,))
        world.stack.stop(second)
        return _hit(
            world,
            died,
            f"one of two {self.role} workers, {self.by}, started again",
            "a random instant under load",
            f"{ended}; partitions {shared} before, [{sum(shared)}] {taken:.1f} s later, {again} at last; "
            f"{lag} messages not acknowledged",
            recovery,
        )


@dataclass(frozen=True, slots=True)
class Paused:
    """One of two workers stopped by SIGSTOP past its session timeout, then continued: it comes back from the dead."""

    role: str

    @property
    def title(self) -> str:
        return f"{self.role} paused past its session"

    def perform(self, world: World, random: Random) -> Hit:  # noqa: ARG002 - the pause has its length
        first, second = f"worker-{self.role}", f"worker-{self.role}-2"
        world.start_worker(self.role, name=second)
        shared = shares_of(world, self.role)
        pid = world.stack.parts[first].pid
        assert pid is not None
        world.feed(3)
        while True:
            wait_at_work(world, self.role)
            os.kill(pid, signal.SIGSTOP)
            stopped = time.monotonic()
            left, lag = (
                world.open_claims(self.role) if self.role in OPEN_ROLES else 0,
                world.lag_of(self.role),
            )
            if lag:
                break
            os.kill(pid, signal.SIGCONT)
        taken = world.wait_for(
            "the other to have every partition", lambda: world.members(self.role) == [sum(shared)]
        )
        pass_time(max(0.0, PAUSED_SECONDS - taken))
        world.feed(2)
        os.kill(pid, signal.SIGCONT)
        paused = time.monotonic() - stopped
        assert paused > SESSION_SECONDS
        shares_of(world, self.role)
        recovery = recovered(world, stopped, (self.role,))
        same = world.stack.parts[first].pid == pid
        world.stack.stop(second)
        claims = f"{left} claims open, " if self.role in OPEN_ROLES else ""
        return _hit(
            world,
            stopped,
            f"one of two {self.role} workers, SIGSTOP and SIGCONT",
            "a random instant under load",
            f"paused for {paused:.1f} s (session {SESSION_SECONDS:.0f} s); {claims}{lag} messages not acknowledged; "
            f"partitions {shared} before, [{sum(shared)}] after {taken:.1f} s; "
            + ("it joined again" if same else "it ended and was started again"),
            recovery,
        )


@dataclass(frozen=True, slots=True)
class Publisher:
    """An agency's publishing process that kills itself at a failpoint of box or flusher, or is killed while it sends."""

    name: failpoints.Name | None
    passage: int = 1

    @property
    def title(self) -> str:
        return f"publisher at {self.name}:{self.passage}" if self.name else "publisher at a random instant"

    def perform(self, world: World, random: Random) -> Hit:  # noqa: ARG002 - the instant is the failpoint's
        world.wait_for("the agencies' rest", lambda: not world.feeding)
        while True:
            portion = world.take()
            if not portion.participant:
                continue
            process = subprocess.Popen(
                world.command(
                    "agency", "publish", "--as", portion.participant,
                    "--from", world.show.source_of(portion.participant),
                ),
                env=world.environment(f"{self.name}:{self.passage}" if self.name else ""),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if self.name is None:
                world.wait_for(
                    "a posting that waits", partial(posting_waits, world, process, portion.participant)
                )
                process.kill()
            code = process.wait(HIT_SECONDS)
            died = time.monotonic()
            if code == -signal.SIGKILL and (
                world.waiting(portion.participant) or self.name == "box.recorded"
            ):
                break
            assert code in {0, -signal.SIGKILL}, (
                f"{self.title}: ended with {code}"
            )  # too few records, or too quick
        waiting = world.waiting(portion.participant)
        world.publish(portion.participant)
        return _hit(
            world,
            died,
            f"publisher of {portion.participant}",
            f"failpoint `{self.name}`, passage {self.passage}" if self.name else "while postings wait",
            f"ended by SIGKILL; {waiting} postings in its box not recorded as taken",
            time.monotonic() - died,
            participant=portion.participant,
        )


@dataclass(frozen=True, slots=True)
class Inbox:
    """A task force's inbox that kills itself between keeping and acknowledging."""

    participant: str
    name: failpoints.Name

    @property
    def title(self) -> str:
        return f"inbox of {self.participant} at {self.name}"

    def perform(self, world: World, random: Random) -> Hit:  # noqa: ARG002 - the instant is the failpoint's
        command = world.command("inbox", "follow", "--as", self.participant, "--once")
        done = subprocess.run(
            command, env=world.environment(self.name), capture_output=True, check=False, timeout=HIT_SECONDS
        )
        died = time.monotonic()
        assert done.returncode == -signal.SIGKILL, f"{self.title}: ended with {done.returncode}"
        waiting = world.waiting(self.participant)
        world.show.receive(self.participant)
        return _hit(
            world,
            died,
            f"inbox of {self.participant}",
            f"failpoint `{self.name}`",
            f"ended by SIGKILL; {waiting} receipts in its posting box",
            time.monotonic() - died,
        )


def _hit(
    world: World, died: float, what: str, instant: str, evidence: str, recovery: float, participant: str = ""
) -> Hit:
    if participant:
        world.interrupted.add(participant)
    return Hit(round(died - world.began, 1), what, instant, evidence, round(recovery, 1))
