"""Child processes under one keeper: started, probed, restarted, stopped; none outlives its owner.

Rules
-----
1. Every child is started by the keeper's own thread, through `guard`. The kernel's parent-death signal fires when the
   *thread* that started a child ends, so that thread lives until the last child is gone.
2. A child runs in a session of its own: Ctrl-C in a terminal reaches the owner alone, who stops the parts in order.
3. A child is ready when its probe says so, within its bound; one that is not is stopped and counts as failed.
4. A child that was ready and ends without being asked is reported and started again after 0.25 s, doubled each time to
   8 s; good health for a while clears the count. After so many times in a row it is given up, unless its spec says
   never. One that never was ready has failed.
5. To stop is to ask (the child's own signal), to wait its bound, then to kill its whole session.

Must not: know what a part is.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import TypeVar

from kruispunt_schemas.failures import UnavailableError

from kruispunt_deploy.stack import guard
from kruispunt_deploy.stack.progress import Report, State, Step

RESTARTS = 6  # in a row before a child is given up
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0  # seconds before a restart
HEALTHY_SECONDS = 60.0  # of running that clear the count of restarts
POLL_SECONDS = 0.05  # how often children and probes are looked at
LAST_LINES = 12  # of a log that an error shows

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Account:
    """Another user to run as, and its group."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run and how to tell that it is ready; times in seconds.

    given_up_after: restarts in a row, None for never. healthy_after: running time that clears their count.
    """

    name: str
    argv: Sequence[str]
    log: Path
    ready: Callable[[], bool] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    account: Account | None = None
    address: str = ""
    tier: int = 0
    ready_within: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 15.0
    death_signal: signal.Signals = signal.SIGKILL
    restart: bool = True
    given_up_after: int | None = RESTARTS
    healthy_after: float = HEALTHY_SECONDS


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A child as it is now; ``ready_seconds`` from its last start, None until it was ready."""

    name: str
    state: State
    pid: int | None
    address: str
    ready_seconds: float | None
    restarts: int
    log: str


class Child:
    """One process of a keeper; changed by the keeper's thread alone."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.state: State = "starting"
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.ready_seconds: float | None = None
        self.restarts = 0
        self.in_a_row = 0
        self.was_ready = False
        self.start_at: float | None = None
        self.wanted = True
        self.settled = Event()  # ready, stopped or failed

    def info(self) -> PartInfo:
        """Return a snapshot."""
        return PartInfo(
            name=self.spec.name,
            state=self.state,
            pid=self.process.pid if self.process is not None and self.process.poll() is None else None,
            address=self.spec.address,
            ready_seconds=self.ready_seconds,
            restarts=self.restarts,
            log=str(self.spec.log),
        )


def _enough(child: Child) -> bool:
    bound = child.spec.given_up_after
    return bound is not None and child.in_a_row >= bound


def last_lines(log: Path, count: int = LAST_LINES) -> str:
    """Return the end of a log for an error text, '' when there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"  {line}" for line in lines[-count:])


def guarded(argv: Sequence[str], account: Account | None = None, death: int = signal.SIGKILL) -> list[str]:
    """Return the command line that runs ``argv`` bound to the life of this process; see `guard`."""
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    identity = (os.getpid(), int(death), uid, gid)
    return [sys.executable, "-I", "-S", guard.__file__, *map(str, identity), "--", *argv]


class Keeper:
    """Owns the children: one thread that starts, watches, restarts and stops them."""

    def __init__(self, report: Report, changed: Callable[[], None] = lambda: None) -> None:
        self.stopping = Event()
        self._report = report
        self._changed = changed
        self._children: dict[str, Child] = {}
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._over = Event()
        self._guarding = Lock()
        self._thread = Thread(target=self._keep, name="stack-keeper", daemon=True)
        self._thread.start()

    def parts(self) -> dict[str, PartInfo]:
        """Return every child as it is now, in the order of their start."""
        return {name: child.info() for name, child in list(self._children.items())}

    def start(self, spec: Spec) -> PartInfo:
        """Start a child and wait until it is ready; raise UnavailableError with the end of its log."""
        child = self._ask(lambda: self._admit(spec))
        return self.wait_ready(child.spec.name)

    def wait_ready(self, name: str, within: float | None = None) -> PartInfo:
        """Wait until a child is ready (also after a restart); raise UnavailableError when it failed."""
        child = self._child(name)
        bound = child.spec.ready_within + LONGEST_PAUSE if within is None else within
        child.settled.wait(bound)
        if child.state != "ready":
            raise UnavailableError(
                f"{name} is not ready ({child.state}); its log {child.spec.log} ends with\n{last_lines(child.spec.log)}"
            )
        return child.info()

    def run(self, spec: Spec) -> None:
        """Run a command to its end within its bound; raise UnavailableError when it fails or is interrupted."""
        process = self._ask(lambda: self._spawn(spec))
        deadline = time.monotonic() + spec.ready_within
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(POLL_SECONDS)
                break
            if self.stopping.is_set() or time.monotonic() > deadline:
                self._kill(process)
                raise UnavailableError(f"{spec.name} was interrupted after {spec.ready_within:.0f} s at most")
        if code != 0:
            raise UnavailableError(
                f"{spec.name} ended with code {code}; its log {spec.log} ends with\n{last_lines(spec.log)}"
            )

    def kill(self, name: str, *, restart: bool = True) -> int:
        """Send SIGKILL to a child and return the pid that was hit; it is started again unless told otherwise."""

        def order() -> int:
            child = self._child(name)
            if child.process is None or child.process.poll() is not None:
                raise UnavailableError(f"{name} does not run")
            child.wanted = restart
            child.settled.clear()
            child.state = "died"
            child.process.kill()
            return child.process.pid

        return self._ask(order)

    def stop(self, *names: str, within: float | None = None) -> None:
        """Stop children together, each within its bound, then by force; unknown or stopped ones are passed over.

        ``within``: seconds, instead of their own bounds.
        """

        def ask() -> list[tuple[Child, subprocess.Popen[bytes]]]:
            asked = []
            for child in (self._children[name] for name in names if name in self._children):
                child.wanted = False
                child.start_at = None
                if child.process is not None and child.process.poll() is None:
                    self._set(child, "stopping")
                    child.process.send_signal(child.spec.stop_signal)
                    asked.append((child, child.process))
                else:
                    self._set(child, "stopped")
            return asked

        for child, process in self._ask(ask, even_if_stopping=True):
            try:
                process.wait(child.spec.stop_within if within is None else within)
            except subprocess.TimeoutExpired:
                self._kill(process)
            self._ask(partial(self._set, child, "stopped"), even_if_stopping=True)

    def stop_down_to(self, lowest: int = 0) -> None:
        """Stop the children of every tier from the highest to the one given, tier by tier."""
        tiers = {child.spec.tier for child in self._children.values() if child.spec.tier >= lowest}
        for tier in sorted(tiers, reverse=True):
            self.stop(*(name for name, child in self._children.items() if child.spec.tier == tier))

    def restart(self, name: str) -> PartInfo:
        """Stop a child when it runs, start it, and wait until it is ready."""
        self.stop(name)

        def order() -> None:
            child = self._child(name)
            child.wanted, child.in_a_row = True, 0
            self._launch(child)

        self._ask(order)
        return self.wait_ready(name)

    def close(self) -> None:
        """Stop every child, the highest tier first, then end the thread; harmless when done before."""
        self.stopping.set()
        self.stop_down_to()
        self._over.set()
        self._thread.join()

    def _child(self, name: str) -> Child:
        try:
            return self._children[name]
        except KeyError:
            raise UnavailableError(
                f"there is no part {name!r}: {', '.join(self._children) or 'none'}"
            ) from None

    def _ask(self, order: Callable[[], T], *, even_if_stopping: bool = False) -> T:
        """Have the keeper's thread do something and return what it returned or raise what it raised."""
        answer: Future[T] = Future()

        def carry_out() -> None:
            if self.stopping.is_set() and not even_if_stopping:
                answer.set_exception(UnavailableError("the stack is being stopped"))
                return
            try:
                answer.set_result(order())
            except BaseException as error:  # noqa: BLE001 - handed to the caller
                answer.set_exception(error)

        if self._over.is_set():
            raise UnavailableError("the stack was stopped")
        self._orders.put(carry_out)
        return answer.result()

    def _keep(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(queue.Empty):
                self._orders.get(timeout=POLL_SECONDS)()
            for child in list(self._children.values()):
                self._look_at(child)

    def _admit(self, spec: Spec) -> Child:
        known = self._children.get(spec.name)
        if known is not None and known.process is not None and known.process.poll() is None:
            raise UnavailableError(f"{spec.name} runs already (pid {known.process.pid})")
        child = self._children[spec.name] = Child(spec)
        self._launch(child)
        return child

    def _spawn(self, spec: Spec) -> subprocess.Popen[bytes]:
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        with spec.log.open("ab") as log:
            try:
                return subprocess.Popen(
                    guarded(spec.argv, spec.account, spec.death_signal),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=spec.folder,
                    env={**os.environ, **spec.environment},
                    start_new_session=True,
                )
            except OSError as error:
                raise UnavailableError(f"{spec.name} cannot be started: {error.strerror}") from None

    def _launch(self, child: Child) -> None:
        child.settled.clear()
        child.start_at = None
        child.started = time.monotonic()
        child.ready_seconds = None
        child.process = self._spawn(child.spec)
        self._set(child, "starting")
        Thread(
            target=self._probe, args=(child, child.process), name=f"probe-{child.spec.name}", daemon=True
        ).start()

    def _probe(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        deadline = child.started + child.spec.ready_within
        while process.poll() is None and child.wanted:
            try:
                is_ready = child.spec.ready is None or child.spec.ready()
            except Exception as error:  # noqa: BLE001 - a probe is the caller's code
                self._orders.put(partial(self._fail, child, f"its probe failed: {type(error).__name__}"))
                return
            if is_ready:
                self._orders.put(partial(self._became_ready, child, process))
                return
            if time.monotonic() > deadline:
                self._orders.put(
                    partial(self._fail, child, f"not ready within {child.spec.ready_within:.0f} s")
                )
                return
            time.sleep(POLL_SECONDS)

    def _became_ready(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        if child.process is process and child.wanted and process.poll() is None:
            child.was_ready = True
            child.ready_seconds = time.monotonic() - child.started
            self._set(child, "ready", f"in {child.ready_seconds:.1f} s")

    def _fail(self, child: Child, reason: str) -> None:
        child.wanted = False
        if child.process is not None:
            self._kill(child.process)
        self._set(child, "failed", reason)

    def _look_at(self, child: Child) -> None:
        if child.process is None:
            return
        code = child.process.poll()
        now = time.monotonic()
        if code is None:
            if child.state == "ready" and now - child.started > child.spec.healthy_after:
                child.in_a_row = 0
        elif child.state in {"starting", "ready", "died"}:
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
            child.settled.clear()
            self._set(child, "died", f"ended {how}")
            if not child.wanted:
                self._set(child, "stopped")
            elif not (child.spec.restart and child.was_ready) or _enough(child):
                self._fail(child, f"ended {how}, {child.in_a_row} restarts in a row")
            else:
                pause = min(FIRST_PAUSE * 2 ** min(child.in_a_row, 16), LONGEST_PAUSE)
                child.in_a_row += 1
                child.restarts += 1
                child.start_at = now + pause
                self._set(child, "restarting", f"in {pause:.2f} s")
        elif child.start_at is not None and now >= child.start_at and not self.stopping.is_set():
            try:
                self._launch(child)
            except UnavailableError as error:
                self._fail(child, str(error))

    def _set(self, child: Child, state: State, detail: str = "") -> None:
        child.state = state
        self._report(Step(child.spec.name, state, detail))
        self._changed()
        if state in {"ready", "stopped", "failed"}:
            child.settled.set()

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
