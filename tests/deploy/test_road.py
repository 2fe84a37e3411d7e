"""Looking at a road whose broker is away is an error of ours, whichever way the broker is silent."""

from __future__ import annotations

import socket
from collections.abc import Iterator

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
