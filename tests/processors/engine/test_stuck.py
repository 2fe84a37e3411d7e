"""A worker that is stuck, as a process on a real broker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_processors import exits
from kruispunt_schemas import reports

from tests.stacks import StackUnderTest
from tests.waiting import wait_until

WITHIN = 150.0
pytestmark = pytest.mark.timeout(240)


def test_a_stage_that_blocks_on_one_partition_ends_the_worker_and_it_is_started_with_growing_pauses(
    stack: StackUnderTest, tmp_path: Path
) -> None:
    brokers, name = stack.addresses.brokers, f"stuck-{uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(30)
    producer = Producer({"bootstrap.servers": brokers})
    producer.produce(name, b"block", partition=0)
    log = tmp_path / "log"
    command = [sys.executable, "-m", "tests.processors.engine.blocking", "pool"]
    with log.open("wb") as output:
        pool = subprocess.Popen([*command, name, str(tmp_path), brokers, name], stderr=output)
    try:

        def ends() -> list[dict[str, Any]]:
            producer.produce(name, b"go on", partition=1)
            producer.flush(10)
            lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
            return [line for line in lines if line["event"] == "ended"]

        found = wait_until(lambda: len(ends()) >= 2 and ends(), within=WITHIN, what="a second end")
        assert {end["code"] for end in found} == {exits.STALLED}
        assert [end["again_in_seconds"] for end in found[:2]] == [0.5, 1.0]
        assert set((tmp_path / "handled").read_text().split()) == {"1"}, "the other partition went on"
        report = reports.read(reports.path_of(tmp_path, name))
        assert report is not None
        assert report.restarts >= 1
        assert report.error == f"it stood still for 15 s on {name}/0"
    finally:
        pool.send_signal(signal.SIGTERM)
        pool.wait(30)
