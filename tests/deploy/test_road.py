"""Looking at a road whose broker is away is an error of ours, whichever way the broker is silent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from kruispunt_deploy.demonstration import road
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.settings import Addresses


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_broker_that_is_killed_while_it_is_asked_is_unavailable(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(road, "ANSWER_SECONDS", 0.3)
    looking = road.Road(
        Addresses(brokers=silent, registry="", database="postgresql://nobody@127.0.0.1:1/x"), ["a1"]
    )
    with pytest.raises(UnavailableError, match="Kafka does not answer"):
        looking.lag()


def test_a_partition_without_a_leader_has_no_end(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a broker of three is dead its partitions' ends come back as -1001: a lag below zero would look like none."""
    answer: Future[object] = Future()
    answer.set_result(SimpleNamespace(offset=-1001))
    made: list[object] = []

    def client(_settings: object) -> object:
        made.append(SimpleNamespace(list_offsets=lambda places, **_: dict.fromkeys(places, answer)))
        return made[-1]

    monkeypatch.setattr(road, "AdminClient", client)
    looking = road.Road(
        Addresses(brokers=silent, registry="", database="postgresql://nobody@127.0.0.1:1/x"), ["a1"]
    )
    for _ in range(2):
        with pytest.raises(UnavailableError, match="LEADER_NOT_AVAILABLE"):
            looking.lag()
    assert len(made) == 2, "a client that failed is asked again"
