"""A publisher killed with SIGKILL between any two steps loses nothing and invents no second id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from kruispunt_producers import publishing
from kruispunt_producers.adapters import export_folder
from kruispunt_producers.posting_box import BoxFullError, Limits, PostingBox, box_path
from kruispunt_producers.publisher import kafka_sender, wire_ids
from kruispunt_producers.synthetic import Outcome, Scenario, generate, write_exports
from kruispunt_schemas.keys import create_participant

from tests.producers.posting_box import killed_child
from tests.producers.posting_box.killed_child import PARTICIPANT, STEPS
from tests.producers.simulated import FileBroker, stored, wire_id

ROOT = Path(__file__).parents[3]
IN_FLIGHT_AT_MOST = 1_000


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_lost_and_no_id_is_new(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch, step: str, count: int
) -> None:
    keys = create_participant(tmp_path, PARTICIPANT)
    exports, broker = tmp_path / "exports", tmp_path / "broker.jsonl"
    for phase in (1, 2):
        write_exports(exports, scenario, PARTICIPANT, phase)
    expected = {
        str(each.signal_id(keys.secret))
        for each in scenario.truth()
        if each.participant == PARTICIPANT
        and each.channel == "source"
        and each.outcome is not Outcome.REFUSED_BY_ADAPTER
    }

    child = subprocess.run(
        [sys.executable, "-m", killed_child.__name__, tmp_path, exports, broker, step, str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        timeout=60,
    )
    hit = child.returncode == -signal.SIGKILL
    assert hit or (count == 3 and child.returncode == 0), child.stderr.decode()
    before = stored(broker)

    monkeypatch.setattr(publishing, "kafka_sender", kafka_sender)
    monkeypatch.setattr(publishing, "wire_ids", wire_ids)
    done = killed_child.run(tmp_path, exports, broker)

    postings = stored(broker)
    assert {each.identifier for each in postings} == expected
    assert len({(each.identifier, each.value) for each in postings}) == len(expected)
    assert len(postings) - len(expected) <= min(len(before), IN_FLIGHT_AT_MOST)
    assert done.waiting == 0
    with PostingBox(box_path(tmp_path, PARTICIPANT)) as box:
        assert box.summary().acknowledged == len(expected)
    assert killed_child.run(tmp_path, exports, broker).tally.enqueued == 0
    assert len(stored(broker)) == len(postings)


def test_a_source_larger_than_the_box_goes_through_while_the_broker_takes(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_participant(tmp_path, PARTICIPANT)
    write_exports(tmp_path / "exports", scenario, PARTICIPANT)
    broker = tmp_path / "broker.jsonl"
    monkeypatch.setattr(publishing, "kafka_sender", lambda *_: lambda: FileBroker(broker))
    monkeypatch.setattr(publishing, "wire_ids", lambda *_: wire_id)
    monkeypatch.setattr(export_folder, "BATCH_RECORDS", 4)
    job = replace(killed_child.job(tmp_path, tmp_path / "exports"), limits=Limits(postings=6))
    done = publishing.publish(job, wait_seconds=5)
    assert done.waiting == 0
    assert done.acknowledged == done.tally.originals > 6

    (tmp_path / "broker.jsonl").unlink()
    monkeypatch.setattr(publishing, "kafka_sender", lambda *_: lambda: FileBroker(broker, away=True))
    write_exports(tmp_path / "exports", generate(seed=9, signals=400), PARTICIPANT)
    with pytest.raises(BoxFullError, match="the bound is 6"):
        publishing.publish(job, wait_seconds=0.1)
