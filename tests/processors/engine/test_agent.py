from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from kruispunt_processors.engine.agent import incoming, own_topics


def test_a_message_keeps_the_brokers_millisecond() -> None:
    for _ in range(200):
        millis = random.randrange(1_600_000_000_000, 2_000_000_000_000)  # noqa: S311
        read: Any = SimpleNamespace(
            topic="out.vsse",
            partition=0,
            offset=4,
            timestamp=millis / 1000,
            key=None,
            value=b"v",
            headers=[("a", b"1"), ("a", b"2")],
        )
        found = incoming(read)
        assert found.appended_at.microsecond % 1000 == 0
        assert (found.appended_at.timestamp() * 1000) == pytest.approx(millis, abs=0.01)
        assert found.headers == {"a": b"2"}


def test_posting_topics_are_an_explicit_list() -> None:
    assert own_topics(["ocad", "vsse"]) == ["out.ocad", "out.vsse"]
