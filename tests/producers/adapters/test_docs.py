"""What docs/adapters.md says is done: its adapter is loaded from the page and run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from kruispunt_producers import publishing
from kruispunt_producers.adapters import Row, choose, installed
from kruispunt_producers.adapters.chain_export import draft, records
from kruispunt_producers.posting_box import PostingBox, box_path
from kruispunt_producers.publishing import Job, publish
from kruispunt_schemas import codec, disclosure
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.keys import create_participant
from kruispunt_schemas.settings import Addresses

from tests.producers.simulated import FileBroker, stored, wire_id

PAGE = (Path(__file__).parents[3] / "docs" / "adapters.md").read_text(encoding="utf-8")


def block(mark: str) -> str:
    """Return the fenced block after a marked comment."""
    found = re.search(rf"<!-- {mark}: [^>]*-->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, f"docs/adapters.md has no block marked {mark}"
    return found[1]


def test_the_json_lines_adapter_of_the_page_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, exports = tmp_path / "broker.jsonl", tmp_path / "exports"
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "dvz_export.py").write_text(block("adapter"), encoding="utf-8")
    exports.mkdir()
    (exports / "2025-03.jsonl").write_text(block("records"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "package")
    monkeypatch.setattr(publishing, "kafka_sender", lambda *_: lambda: FileBroker(broker))
    monkeypatch.setattr(publishing, "wire_ids", lambda *_: wire_id)
    keys = create_participant(tmp_path, "dvz")
    job = Job(
        participant="dvz",
        source=f"jsonl:{exports}",
        adapter=choose("dvz", f"jsonl:{exports}", "dvz_export:ADAPTER"),
        addresses=Addresses(brokers="", registry=""),
        data=tmp_path,
    )
    try:
        done = publish(job, wait_seconds=5)
    finally:
        sys.modules.pop("dvz_export", None)
    assert (done.tally.originals, done.tally.refused, done.waiting) == (1, 1, 0)
    (posting,) = stored(broker)
    assert posting.topic == "out.dvz"
    signed = codec.decode_signed(schemas.load("RadicalisationCase"), posting.value[5:])
    disclosure.verify(signed, signed.read_header(), keys.signer.public_key())
    with PostingBox(box_path(tmp_path, "dvz")) as box:
        (refusal,) = box.refusals()
    assert (refusal.position, refusal.reason, refusal.field) == ("2025-03.jsonl:2", "date", "seen")


def test_the_line_of_the_page_is_a_travel_hit() -> None:
    line = block("chain").replace("\n", "").encode()
    ((_, record),) = records(line)
    assert isinstance(record, Row)
    found = draft(record)
    assert isinstance(found, Draft)
    assert found.signal_type == "TravelHit"


def test_the_table_of_the_page_names_every_adapter_that_is_installed() -> None:
    for name, adapter in installed().items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        assert all(f"`{pattern}`" in row for pattern in adapter.participants)
