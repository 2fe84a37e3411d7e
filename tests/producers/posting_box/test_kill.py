"""A publisher killed with SIGKILL between any two steps loses nothing and invents no second id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kruispunt_producers import publishing
from kruispunt_producers.posting_box import PostingBox, box_path
from kruispunt_producers.synthetic import Outcome, Scenario, write_exports
from kruispunt_schemas.keys import create_participant

from tests.producers.posting_box import killed_child
from tests.producers.posting_box.killed_child import PARTICIPANT, STEPS
from tests.producers.simulated import stored

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

    monkeypatch.setattr(publishing, "kafka_sender", publishing.kafka_sender)
    monkeypatch.setattr(publishing, "wire_ids", publishing.wire_ids)
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
