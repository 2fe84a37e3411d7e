"""One run of the whole road on servers of its own: every trap, a worker and a publisher killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kruispunt_consumers.audit.balance import Verdict
from kruispunt_deploy.demonstration.steps import Demonstration, Kill
from kruispunt_deploy.stack import LocalStack
from kruispunt_producers import synthetic
from kruispunt_producers.posting_box import PostingBox, box_path

from tests.waiting import wait_until

SIGNALS = 1_000
QUIET_SECONDS = 180.0
RECIPIENT = "ltf-antwerpen"


@dataclass(frozen=True, slots=True)
class PublisherKill:
    """A publisher killed by SIGKILL, with what still waited in its posting box."""

    participant: str
    waiting: int


@dataclass(frozen=True, slots=True)
class Run:
    """What the run left behind."""

    data: Path
    show: Demonstration
    stack: LocalStack
    worker_kill: Kill
    publisher_kill: PublisherKill
    received: int
    verdict: Verdict
    refused_by_adapters: Counter[str]


@pytest.fixture(scope="session")
def road(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Run the whole road once; skipped on servers that are not ours to kill."""
    if request.config.getoption("--stack") != "embedded":
        pytest.skip("only with --stack=embedded: the run kills processes and counts every topic")
    with tempfile.TemporaryDirectory(prefix="kruispunt-road-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        data = Path(name) / "data"
        with LocalStack(data) as stack:
            yield _run(stack, data)


def _run(stack: LocalStack, data: Path) -> Run:
    show = Demonstration(stack, data, synthetic.generate(seed=2, signals=SIGNALS))
    show.provision(lambda _step: None)
    show.start_workers()
    show.place_sources(1)
    publisher_kill = _kill_a_publisher(show, data)
    for participant in show.scenario.participants:
        show.publish(participant)
    show.post_raw()
    show.wait_for_workers()
    worker_kill = show.kill_in_the_middle("resolve")
    show.wait_quiet(QUIET_SECONDS)
    show.place_sources(2)
    for participant in show.scenario.participants:
        show.publish(participant)
    show.wait_quiet(QUIET_SECONDS)
    received = show.receive(RECIPIENT)
    show.wait_quiet(QUIET_SECONDS)
    return Run(
        data, show, stack, worker_kill, publisher_kill, received, show.audit(), show.refused_by_adapters()
    )


def _kill_a_publisher(show: Demonstration, data: Path) -> PublisherKill:
    """Kill the publishing process of an agency while postings wait; the next agency when one was too quick."""
    for participant in show.scenario.with_tables:
        command = [sys.executable, "-m", "kruispunt_schemas", "agency", "publish", "--as", participant]
        process = subprocess.Popen(
            [*command, "--from", show.source_of(participant), "--data", str(data), "--json"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_environment(show)},
        )
        path = box_path(data, participant)
        wait_until(
            lambda process=process, path=path: process.poll() is not None or _waiting(path) > 0,
            within=60,
            what=f"a posting of {participant} that waits",
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
        if left := _waiting(path):
            return PublisherKill(participant, left)
    message = "no publisher could be killed while postings waited"
    raise AssertionError(message)


def _environment(show: Demonstration) -> dict[str, str]:
    addresses = show.settings.addresses()
    return {"KRUISPUNT_BROKERS": addresses.brokers, "KRUISPUNT_REGISTRY": addresses.registry}


def _waiting(path: Path) -> int:
    if not path.is_file():
        return 0
    with PostingBox(path) as box:
        return box.waiting()
