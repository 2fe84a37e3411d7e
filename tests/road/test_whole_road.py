"""The whole road on real servers, counted against the generator's truth."""

from __future__ import annotations

import base64
import json
from collections import Counter

import psycopg
import pytest
from click.testing import CliRunner
from kruispunt_consumers.audit.endings import Ending
from kruispunt_consumers.inbox import commands as inbox
from kruispunt_processors.database.tables import metadata
from kruispunt_producers.synthetic import Outcome
from kruispunt_producers.synthetic.profiles import agencies

from tests.kills.schedules import SMALL
from tests.road.conftest import RECIPIENT, Run

pytestmark = pytest.mark.timeout(600)


def test_every_kill_of_the_small_set_hit(road: Run) -> None:
    assert len(road.outcome.hits) == len(SMALL.kills) == 4
    ended = [hit.evidence.partition(";")[0] for hit in road.outcome.hits]
    assert ended == ["ended by SIGKILL"] * 2 + ["immediate shutdown request in its log"] + [
        "ended by SIGKILL"
    ]


def test_nothing_is_lost_and_nothing_comes_twice(road: Run) -> None:
    """Balance, truth, outboxes, topics and inboxes are counted against each other: see tests/kills/reckoning.py."""
    assert road.outcome.reckoning.wrong == []


def test_the_audit_adds_up(road: Run) -> None:
    assert road.verdict.adds_up, [(item.rule, item.subject, item.sentence) for item in road.verdict.findings]
    assert road.verdict.waiting == 0


def test_every_signal_ended_once(road: Run) -> None:
    signals = [item for item in road.verdict.outcomes if item.record_type not in {"Receipt", "Consultation"}]
    expected = sum(item.outcome is not Outcome.REFUSED_BY_ADAPTER for item in road.world.truth)
    assert len(signals) - road.outcome.reckoning.posted_again == expected >= SMALL.signals
    assert Ending.UNDER_WAY not in {item.ending for item in signals}


def test_the_truth_covers_every_trap_and_type(road: Run) -> None:
    truth = road.world.truth
    assert {item.signal_type for item in truth if item.outcome is Outcome.DECIDED} == {
        agency.signal_type for agency in agencies()
    }
    kinds = Counter(item.duplicate for item in truth if item.outcome is Outcome.DUPLICATE)
    assert kinds["SAME_SIGNAL"]
    assert kinds["SAME_CONTENT"]
    assert len({item.reason for item in truth if item.outcome is Outcome.QUARANTINE}) >= 15


def test_every_view_of_the_task_force_is_acknowledged(road: Run) -> None:
    balance = road.verdict.received[RECIPIENT]
    answers = road.verdict.acknowledgements[RECIPIENT]
    assert balance.views > 0
    assert answers.rejected == answers.outstanding == 0
    assert answers.stored + answers.withdrawn == balance.views + balance.withdrawals


def test_showing_a_view_needs_user_and_purpose_and_names_what_is_withheld(road: Run) -> None:
    view = road.world.show.newest_view(RECIPIENT)
    common = ["show", view, "--as", RECIPIENT, "--data", str(road.world.data)]
    refused = CliRunner().invoke(inbox.inbox, [*common, "--user", "analyst-1"])
    assert refused.exit_code == 2
    assert "purpose" in refused.output
    shown = CliRunner().invoke(inbox.inbox, [*common, "--user", "analyst-1", "--purpose", "weekly meeting"])
    assert shown.exit_code == 0, shown.output
    assert "withheld" in shown.output
    assert "verified under key" in shown.output


def test_neither_database_nor_logs_hold_content(road: Run) -> None:
    """Names, numbers and statements of the sources must not stand in the common database or in a worker's log."""
    needles = _content_of_sources(road)
    assert len(needles) > 100
    kept = _dump(road)
    assert len(kept) > 10_000
    for path in sorted((road.world.data / "logs").glob("worker-*.log")):
        kept += path.read_bytes()
    for needle in needles:
        raw = needle.encode()
        for shape in (raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")[:-1]):
            assert shape not in kept, "content of a source stands in the database or in a log"


def _content_of_sources(road: Run) -> set[str]:
    found: set[str] = set()
    for participant in road.world.show.scenario.with_tables:
        for row in road.world.show.scenario.postgresql_rows(participant).rows:
            for column, value in row.items():
                named = any(
                    part in column
                    for part in ("naam", "nom", "numero_national", "rijksregister", "feit", "fait", "motiv")
                )
                if isinstance(value, str) and named and len(value) >= 8:
                    found.add(value)
    return found


def _dump(road: Run) -> bytes:
    """Return every value of every table, text as it is and bytes as hex."""
    lines: list[str] = []
    with psycopg.connect(road.world.show.settings.database_address()) as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(f"select * from {table.name}".encode()):  # noqa: S608
                values = [item.hex() if isinstance(item, bytes) else str(item) for item in row]
                lines.append(json.dumps(values, ensure_ascii=False))
    return "\n".join(lines).encode()
