"""The servers that tests run on: embedded ones, containers, or whatever the environment names."""

from __future__ import annotations

import gc
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from kruispunt_deploy.stack import LocalStack, registry
from kruispunt_deploy.stack.datafolder import LOOPBACK, DataFolder
from kruispunt_deploy.stack.kafka import Kafka, brokers_at
from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.settings import Addresses, Settings

from tests.waiting import wait_until

KINDS = ("embedded", "containers", "external")
IMAGES = {
    "kafka": "apache/kafka:4.3.1",
    "postgres": "postgres:18.4",
    "registry": "apicurio/apicurio-registry:3.3.3",
}
PULL_SECONDS = 240


@dataclass(frozen=True, slots=True)
class StackUnderTest:
    """Addresses of running servers; ``local`` when this process supervises them and may kill them."""

    addresses: Addresses
    local: LocalStack | None = None


def absent(reason: str) -> NoReturn:
    """Skip with the reason; fail where CI says that the servers must be there."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def opened(kind: str) -> Iterator[StackUnderTest]:
    """Open the servers of a kind for the length of the block."""
    with {"embedded": _embedded, "containers": _containers, "external": _external}[kind]() as stack:
        yield stack


@contextmanager
def _embedded() -> Iterator[StackUnderTest]:
    with tempfile.TemporaryDirectory(prefix="kruispunt-stack-", ignore_cleanup_errors=True) as name:
        # Ours to open: as root PostgreSQL runs as another account, which must reach its folder in it.
        Path(name).chmod(0o711)
        with ExitStack() as servers:
            try:
                local = servers.enter_context(LocalStack(Path(name) / "data"))
            except KruispuntError as error:
                absent(f"the embedded servers did not start: {error}")
            yield StackUnderTest(local.addresses, local)


@contextmanager
def _external() -> Iterator[StackUnderTest]:
    try:
        addresses = Settings().addresses()
    except KruispuntError as error:
        absent(str(error))
    yield StackUnderTest(addresses)


@contextmanager
def _containers() -> Iterator[StackUnderTest]:
    docker = pytest.importorskip("docker")
    containers = pytest.importorskip("testcontainers.core.container")
    # A client that finds no engine leaves its connection to the garbage collector.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            docker.from_env().close()
            silent = ""
        except docker.errors.DockerException as error:
            silent = str(error)
        gc.collect()
    if silent:
        pytest.skip(f"no container engine answers: {silent}")
    with tempfile.TemporaryDirectory(prefix="kruispunt-containers-") as name, ExitStack() as running:
        data = DataFolder(Path(name))
        # The broker's own settings, with the ports bound one to one so that the advertised address is true.
        kafka = Kafka(data, 1)
        port = kafka.listeners.clients[1]
        settings = {**kafka.settings(1), "listeners": f"CLIENT://0.0.0.0:{port},CONTROLLER://127.0.0.1:9094"}
        settings |= {"controller.quorum.voters": "1@127.0.0.1:9094", "log.dirs": "/tmp/kafka"}  # noqa: S108
        ports = data.ports(["postgres", "registry"])
        broker = containers.DockerContainer(IMAGES["kafka"]).with_bind_ports(port, port)
        for key, value in settings.items():
            broker = broker.with_env("KAFKA_" + key.upper().replace(".", "_"), value)
        database = containers.DockerContainer(IMAGES["postgres"]).with_bind_ports(5432, ports["postgres"])
        for key in ("USER", "PASSWORD", "DB"):
            database = database.with_env(f"POSTGRES_{key}", "kruispunt")
        store = containers.DockerContainer(IMAGES["registry"]).with_bind_ports(8080, ports["registry"])
        for container in (broker, database, store):
            running.enter_context(container)
        addresses = Addresses(
            brokers=kafka.listeners.bootstrap,
            registry=f"http://{LOOPBACK}:{ports['registry']}{registry.API}",
            database=f"postgresql://kruispunt:kruispunt@{LOOPBACK}:{ports['postgres']}/kruispunt",
        )
        wait_until(lambda: answers(addresses), within=PULL_SECONDS, what="an answer of the containers")
        yield StackUnderTest(addresses)


def answers(addresses: Addresses) -> bool:
    """Tell whether brokers, registry and database answer."""
    if not (
        brokers_at({"bootstrap.servers": addresses.brokers}, within=5)
        and registry.answers(addresses.registry)
    ):
        return False
    try:
        with psycopg.connect(addresses.database or "", connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False
