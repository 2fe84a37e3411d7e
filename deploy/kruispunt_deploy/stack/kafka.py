"""Apache Kafka in KRaft mode, combined broker and controller, one node or three.

Rules
-----
1. Everything that a client must know to connect is in `Listeners`; whoever adds another protocol changes that alone.
2. Topics are never made by use. Records up to 7 MiB pass (the contract's largest, plus framing).
3. Three nodes replicate threefold with two in sync. A dead node is noticed within seconds (the tuned bounds below).
4. A node is ready when it answers a metadata request with itself in the list: it is registered and unfenced.
5. A log folder is formatted once, with Kafka's own tool; a folder with ``meta.properties`` is left as it is.

Must not: make topics or access rules (provisioning does).
"""

from __future__ import annotations

import base64
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from kruispunt_deploy.stack.datafolder import LOOPBACK, DataFolder, write_whole
from kruispunt_deploy.stack.java import Java
from kruispunt_deploy.stack.processes import Spec

Brokers = Literal[1, 3]
LARGEST_RECORD = 7 * 1024 * 1024  # bytes, on internal topics; the contract
LARGEST_BATCH = LARGEST_RECORD + 64 * 1024  # bytes; headers, keys and batch framing
HEAP_MIB = 512
FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-Xmx{HEAP_MIB}m", "-XX:+ExitOnOutOfMemoryError")
# Milliseconds. With the defaults writers stall 9 to 13 s after one of three nodes dies, with these 3 to 5 s; a single
# node that was killed may register again after 3 s instead of 9.
FAST_FAILURE = {
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
    "controller.quorum.election.timeout.ms": "500",
}
LOGGING = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN" shutdownHook="disable">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{ISO8601} %p %c{1} %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka.authorizer.logger" level="INFO"/>
    <Logger name="org.apache.kafka" level="INFO"/>
    <Logger name="kafka" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""


@dataclass(frozen=True, slots=True)
class Listeners:
    """How clients, brokers and controllers reach each other: plaintext on the loopback address."""

    clients: Mapping[int, int]  # node to port
    controllers: Mapping[int, int]

    @property
    def bootstrap(self) -> str:
        """Addresses for clients, ``host:port[,host:port]``."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self.clients.values())

    def address(self, node: int) -> str:
        """Return the address of one node."""
        return f"{LOOPBACK}:{self.clients[node]}"

    def settings(self, node: int) -> dict[str, str]:
        """Return the broker's settings that concern connections."""
        voters = ",".join(f"{each}@{LOOPBACK}:{port}" for each, port in self.controllers.items())
        return {
            "listeners": f"CLIENT://{self.address(node)},CONTROLLER://{LOOPBACK}:{self.controllers[node]}",
            "advertised.listeners": f"CLIENT://{self.address(node)}",
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": voters,
        }

    def client(self) -> dict[str, str | int | float | bool]:
        """Return the settings of a confluent-kafka client of the operator."""
        return {"bootstrap.servers": self.bootstrap}


class Kafka:
    """The nodes of one cluster: their settings, how to format them, how to run them."""

    def __init__(self, data: DataFolder, brokers: Brokers) -> None:
        self._data = data
        self.nodes = tuple(range(1, brokers + 1))
        names = [f"kafka-{node}{role}" for node in self.nodes for role in ("", "-controller")]
        ports = data.ports(names)
        self.listeners = Listeners(
            clients={node: ports[f"kafka-{node}"] for node in self.nodes},
            controllers={node: ports[f"kafka-{node}-controller"] for node in self.nodes},
        )

    def names(self) -> tuple[str, ...]:
        """Return the names of the parts: ``kafka``, or ``kafka-1`` to ``kafka-3``."""
        return ("kafka",) if len(self.nodes) == 1 else tuple(f"kafka-{node}" for node in self.nodes)

    def settings(self, node: int) -> dict[str, str]:
        """Return ``server.properties`` of a node."""
        factor, in_sync = ("3", "2") if len(self.nodes) > 1 else ("1", "1")
        return {
            "process.roles": "broker,controller",
            "node.id": str(node),
            **self.listeners.settings(node),
            "log.dirs": str(self._folder(node) / "log"),
            "auto.create.topics.enable": "false",
            "default.replication.factor": factor,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": factor,
            "offsets.topic.num.partitions": "8",  # the default of 50 delays the first group
            "transaction.state.log.replication.factor": factor,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": "8",
            "share.coordinator.state.topic.replication.factor": factor,
            "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": "8",
            "group.initial.rebalance.delay.ms": "0",
            "message.max.bytes": str(LARGEST_BATCH),
            "replica.fetch.max.bytes": str(LARGEST_BATCH),
            "replica.fetch.response.max.bytes": str(2 * LARGEST_BATCH),
            "unclean.leader.election.enable": "false",
            **FAST_FAILURE,
        }

    def unformatted(self) -> tuple[int, ...]:
        """Write the settings of every node; return the nodes whose log folder is not formatted yet."""
        for node in self.nodes:
            folder = self._folder(node)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # signals are in it
            lines = [f"{key}={value}\n" for key, value in self.settings(node).items()]
            write_whole(folder / "server.properties", "".join(lines))
            write_whole(folder / "log4j2.xml", LOGGING)
        return tuple(node for node in self.nodes if not (self._folder(node) / "log/meta.properties").exists())

    def format_spec(self, node: int, java: Java, jars: Sequence[Path], *quicker: str) -> Spec:
        """Return the command that formats the log folder of a node, about a second; ``quicker``: flags for the start."""
        tool = ("kafka.tools.StorageTool", "format", "-t", self._cluster_id(), "-c")
        return Spec(
            name=f"format of {self._name(node)}",
            argv=[
                *self._java(node, java, jars, *quicker),
                *tool,
                str(self._folder(node) / "server.properties"),
            ],
            log=self._log(node),
            folder=self._folder(node),
        )

    def spec(self, node: int, java: Java, jars: Sequence[Path], *quicker: str) -> Spec:
        """Return how to run a node; ``quicker``: further flags of Java, about its start."""
        return Spec(
            name=self._name(node),
            argv=[
                *self._java(node, java, jars, *quicker), "kafka.Kafka", str(self._folder(node) / "server.properties")
            ],
            log=self._log(node),
            folder=self._folder(node),
            ready=lambda: self.is_ready(node),
            address=self.listeners.address(node),
            tier=1,
            ready_within=90,
            stop_within=20,
        )  # fmt: skip

    def is_ready(self, node: int) -> bool:
        """Tell whether a node answers and counts itself among the brokers; bounded to about 2 s."""
        try:
            with socket.create_connection((LOOPBACK, self.listeners.clients[node]), timeout=0.5):
                pass
        except OSError:
            return False
        return node in brokers_at(
            {**self.listeners.client(), "bootstrap.servers": self.listeners.address(node)}
        )

    def _name(self, node: int) -> str:
        return self.names()[node - 1]

    def _folder(self, node: int) -> Path:
        return self._data.path / f"kafka-{node}"

    def _log(self, node: int) -> Path:
        return self._data.logs / f"{self._name(node)}.log"

    def _java(self, node: int, java: Java, jars: Sequence[Path], *flags: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._folder(node) / 'log4j2.xml'}"
        class_path = ":".join(map(str, jars))
        return [str(java.executable), *FLAGS, *flags, logging, "-cp", class_path]

    def _cluster_id(self) -> str:
        file = self._data.path / "cluster-id"
        if not file.exists():
            # Kafka takes a UUID in URL-safe base64; a leading dash would read as an option.
            made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
            write_whole(file, made.replace("-", "_", 1) if made.startswith("-") else made)
        return file.read_text(encoding="ascii")


def brokers_at(client: Mapping[str, str | int | float | bool], *, within: float = 1.5) -> frozenset[int]:
    """Return the ids of the brokers that a cluster names, none when it does not answer within so many seconds."""
    try:
        return frozenset(AdminClient({**client, "log_level": 0}).list_topics(timeout=within).brokers)
    except KafkaException:
        return frozenset()
