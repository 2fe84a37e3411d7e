"""The local stack: the real servers as children of one supervising process.

Rules
-----
1. The process that opens a `LocalStack` is its supervisor and holds the data folder's lock; see `processes` for what
   that means for the children.
2. Kafka, PostgreSQL and the downloads start side by side; the registry waits for its archive and its database.
3. ``stack.json`` (mode 600: it holds the database's password) exists exactly while every part was started and the
   stack is open; it is rewritten when a part changes.
4. Stopping is the reverse: what was spawned, then registry and Kafka, then PostgreSQL. An exception while starting
   stops what was started.
5. A stack that finds no `archives` for quicker starts has one Kafka node and the registry record for them, and makes
   them when it is closed without an exception: under a bound, saying so, and Ctrl-C ends that wait alone. Whoever
   opens it to be ended by Ctrl-C leaves that out.

Must not: print. It tells `Report` what happens.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from types import FrameType, TracebackType
from typing import Self, TypeVar

from kruispunt_schemas.failures import ConfigurationError, UnavailableError
from kruispunt_schemas.settings import Addresses

from kruispunt_deploy.stack.archives import MAKE_SECONDS, Archive, archive_of
from kruispunt_deploy.stack.artifacts import Fetcher, registry_folder
from kruispunt_deploy.stack.datafolder import DataFolder, write_whole
from kruispunt_deploy.stack.java import find_java
from kruispunt_deploy.stack.kafka import FLAGS as KAFKA_FLAGS
from kruispunt_deploy.stack.kafka import Brokers, Kafka
from kruispunt_deploy.stack.postgres import Postgres
from kruispunt_deploy.stack.processes import Keeper, PartInfo, Spec
from kruispunt_deploy.stack.progress import Report, Step, silence
from kruispunt_deploy.stack.registry import FLAGS as REGISTRY_FLAGS
from kruispunt_deploy.stack.registry import STARTER, Registry

SERVERS = ("postgres", "kafka", "registry")
COMMON_DATABASE = "kruispunt"
REGISTRY_DATABASE = "apicurio"
WORKER_TIER = 2  # above the servers: stopped first
RECORD_SECONDS = 30.0  # for a server to stop and write its recording, about 5 on two idle cores
HURRIED_SECONDS = 5.0  # for one to stop, about 1, when nobody wants its recording
WORKER_HEALTHY_SECONDS = 300.0  # a worker that stands still takes over a minute to notice
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


def _in_background(work: Callable[[], T], name: str) -> Future[T]:
    """Run work in a daemon thread: unlike a pool's, it never keeps an interrupted process from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            future.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return future


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, once: what comes after finds the stack already stopping."""

    def end(number: int, _frame: FrameType | None) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {each: signal.signal(each, end) for each in ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class LocalStack:
    """Real servers for one data folder, open between ``with`` and its end; see the package for an example."""

    def __init__(
        self,
        data: Path,
        *,
        brokers: Brokers = 1,
        progress: Report = silence,
        servers: Collection[str] = SERVERS,
        record: bool = True,
    ) -> None:
        """Prepare a stack; nothing is touched before it is opened.

        ``servers`` leaves some out (tests). ``record``: make archives for quicker starts where there are none (rule 5).
        """
        self._data = DataFolder(data)
        self._brokers: Brokers = brokers
        self._show = progress
        self._servers = frozenset(servers) | ({"postgres"} if "registry" in servers else set())
        self._keeper: Keeper | None = None
        self._postgres: Postgres | None = None
        self._kafka: Kafka | None = None
        self._registry: Registry | None = None
        self._record = record
        self._recordings: dict[Path, tuple[Archive, Spec]] = {}
        self._published = False
        self._publishing = Lock()
        self._telling = Lock()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(well=kind is None)

    @property
    def data(self) -> Path:
        """The data folder, absolute."""
        return self._data.path

    @property
    def addresses(self) -> Addresses:
        """Addresses of the servers, the database's with its password; raise ConfigurationError when not all run."""
        if self._kafka is None or self._registry is None or self._postgres is None:
            raise ConfigurationError("the stack is not open, or was opened without some of its servers")
        return Addresses(
            brokers=self._kafka.listeners.bootstrap,
            registry=self._registry.url,
            database=self._postgres.url(COMMON_DATABASE, COMMON_DATABASE),
        )

    @property
    def parts(self) -> Mapping[str, PartInfo]:
        """Every part and spawned process as it is now, by name."""
        return self._keeper.parts() if self._keeper else {}

    @property
    def postgres(self) -> Postgres:
        """The database server, for `Postgres.create_database`."""
        if self._postgres is None:
            raise ConfigurationError("the stack is not open, or was opened without PostgreSQL")
        return self._postgres

    @property
    def kafka(self) -> Kafka:
        """The Kafka nodes, for their listeners and the operator's client settings."""
        if self._kafka is None:
            raise ConfigurationError("the stack is not open, or was opened without Kafka")
        return self._kafka

    def open(self) -> None:
        """Start everything and wait until it is ready; raise a KruispuntError, with everything stopped again."""
        self._data.hold()
        try:
            self._data.events.unlink(missing_ok=True)
            keeper = self._keeper = Keeper(self._progress, self._publish)
            waiting: list[Future[None]] = []
            if "postgres" in self._servers:
                postgres = self._postgres = Postgres(self._data)
                database = _in_background(lambda: self._start_postgres(keeper, postgres), "start-postgres")
                waiting.append(database)
            if "kafka" in self._servers:
                kafka = self._kafka = Kafka(self._data, self._brokers)
                waiting.append(_in_background(lambda: self._start_kafka(keeper, kafka), "start-kafka"))
            if "registry" in self._servers:
                registry = self._registry = Registry(self._data)
                waiting.append(
                    _in_background(lambda: self._start_registry(keeper, registry, database), "start-registry")
                )
            done, _ = wait(waiting, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            self._published = True
            self._publish()
        except BaseException:
            self.close()
            raise

    def close(self, *, well: bool = False) -> None:
        """Stop everything in order and give the data folder back; harmless when it was not open.

        ``well``: there is time to make archives for quicker starts.
        """
        self._published = False
        if self._keeper is not None:
            self._data.stack_file.unlink(missing_ok=True)
            if well and self._recordings:
                self._make_archives(self._keeper)
            self._keeper.close()
            self._keeper = None
            for recording in self._recordings:
                recording.unlink(missing_ok=True)
            self._recordings.clear()
        self._postgres = self._kafka = self._registry = None
        self._data.release()

    def spawn(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        ready: Callable[[], bool] | None = None,
        ready_within: float = 60.0,
        restart: bool = True,
    ) -> PartInfo:
        """Run a further process with the servers' guarantees and wait until it is ready (no probe: at once).

        Its log is ``logs/<name>.log``; `kill`, `stop`, `start` and `restart` take its name. Times in seconds.
        Raise UnavailableError, with the end of its log, when it does not become ready.
        """
        spec = Spec(
            name=name,
            argv=argv,
            log=self._data.logs / f"{name}.log",
            ready=ready,
            environment=dict(env or {}),
            tier=WORKER_TIER,
            ready_within=ready_within,
            restart=restart,
            given_up_after=None,
            healthy_after=WORKER_HEALTHY_SECONDS,
        )
        return self._running().start(spec)

    def kill(self, name: str, *, restart: bool = True) -> int:
        """Send SIGKILL to a part and return its pid; it comes back by itself unless ``restart`` is False."""
        return self._running().kill(name, restart=restart)

    def stop(self, name: str) -> None:
        """Stop one part in its own clean way; it stays down until `start`."""
        self._running().stop(name)

    def start(self, name: str) -> PartInfo:
        """Start a part that was stopped or killed and wait until it is ready."""
        return self.restart(name)

    def restart(self, name: str) -> PartInfo:
        """Stop a part when it runs, start it, and wait until it is ready."""
        return self._running().restart(name)

    def wait_ready(self, name: str, within: float | None = None) -> PartInfo:
        """Wait until a part is ready, for instance after `kill`; raise UnavailableError past ``within`` seconds."""
        return self._running().wait_ready(name, within)

    def _running(self) -> Keeper:
        if self._keeper is None:
            raise ConfigurationError("the stack is not open")
        return self._keeper

    def _start_postgres(self, keeper: Keeper, postgres: Postgres) -> None:
        self._progress(Step("postgres", "preparing"))
        initdb = postgres.initdb_spec()
        if initdb is not None:
            keeper.run(initdb)
            postgres.after_initdb()
        keeper.start(postgres.spec())
        postgres.create_database(COMMON_DATABASE)
        postgres.create_database(REGISTRY_DATABASE)

    def _start_kafka(self, keeper: Keeper, kafka: Kafka) -> None:
        self._progress(Step("kafka", "preparing"))
        jars = Fetcher("kafka", report=self._progress, stopping=keeper.stopping).fetch()
        java = find_java()
        archive = archive_of("kafka", java, KAFKA_FLAGS, jars)
        use = archive.use() if archive else ()
        formats = [kafka.format_spec(node, java, jars, *use) for node in kafka.unformatted()]
        for formatted in [_in_background(partial(keeper.run, spec), spec.name) for spec in formats]:
            formatted.result()
        first, *others = kafka.nodes
        nodes = [
            self._quicker("kafka", archive, partial(kafka.spec, first, java, jars)),
            *(kafka.spec(node, java, jars, *use) for node in others),
        ]
        for started in [_in_background(partial(keeper.start, spec), spec.name) for spec in nodes]:
            started.result()
        if len(nodes) > 1:
            self._progress(Step("kafka", "ready", f"{len(nodes)} nodes"))

    def _start_registry(self, keeper: Keeper, registry: Registry, database: Future[None]) -> None:
        self._progress(Step("registry", "preparing"))
        folder = registry_folder(report=self._progress, stopping=keeper.stopping)
        database.result()
        address = self.postgres.url(REGISTRY_DATABASE, REGISTRY_DATABASE)
        java = find_java()
        archive = archive_of("registry", java, REGISTRY_FLAGS, [folder / STARTER])
        keeper.start(self._quicker("registry", archive, partial(registry.spec, java, folder, address)))

    def _quicker(self, part: str, archive: Archive | None, spec: Callable[..., Spec]) -> Spec:
        """Return how to run a server with its archive, or so that it records for one; ``spec`` takes flags of Java."""
        recording = self._data.path / f"{part}.recording"
        recording.unlink(missing_ok=True)  # of a stack that was killed
        if archive is None:
            return spec()
        if (use := archive.use()) or not self._record:
            return spec(*use)
        recorded = replace(spec(*archive.record(recording)), stop_within=HURRIED_SECONDS)
        self._recordings[recording] = (archive, recorded)
        return recorded

    def _make_archives(self, keeper: Keeper) -> None:
        """Stop the servers that recorded and make the archives, side by side; no failure is worth an exception."""
        try:
            wanted = {path: what for path, what in self._recordings.items() if not what[0].is_there}
            for _, recorded in wanted.values():
                self._progress(Step(recorded.name, "preparing", "quicker starts, once"))
            keeper.stop_down_to(WORKER_TIER)
            keeper.stop(*(recorded.name for _, recorded in wanted.values()), within=RECORD_SECONDS)
            making = [
                _in_background(
                    partial(self._make_archive, keeper, recording, *what), f"archive-{what[1].name}"
                )
                for recording, what in wanted.items()
            ]
            wait(making)
        except KeyboardInterrupt:
            self._progress(Step("archives", "stopped", "interrupted, the next stack tries again"))

    def _make_archive(self, keeper: Keeper, recording: Path, archive: Archive, recorded: Spec) -> None:
        try:
            recording.stat()
            with archive.making(recording) as command:
                name = f"archive of {recorded.name}"
                keeper.run(Spec(name, command, log=recorded.log, ready_within=MAKE_SECONDS))
        except (OSError, UnavailableError) as error:
            cause = error.strerror if isinstance(error, OSError) else str(error).partition(";")[0]
            self._progress(Step(recorded.name, "stopped", f"no quicker starts: {cause}"))
        else:
            self._progress(Step(recorded.name, "stopped", "the next start is quicker"))

    def _progress(self, step: Step) -> None:
        """Record a step in ``logs/events.jsonl`` of this run, for whoever follows from outside, and show it."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **asdict(step)}
        with self._telling, self._data.events.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._show(step)

    def _publish(self) -> None:
        """Write ``stack.json`` anew, once everything was started."""
        with self._publishing:
            if not self._published or self._servers != frozenset(SERVERS):
                return
            content = {
                **self.addresses.model_dump(),
                "pid": os.getpid(),
                "parts": {name: asdict(info) for name, info in self.parts.items()},
            }
            write_whole(self._data.stack_file, json.dumps(content, indent=2), mode=0o600)
