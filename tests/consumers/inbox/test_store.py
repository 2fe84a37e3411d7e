"""The file of an inbox: its owner's alone, of one layout, with errors that say what to do."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from kruispunt_consumers.inbox.store import InboxStore, StoreError, store_path

from tests.consumers.inbox.deliveries import ME, NOW, arrival, intake, signal, view


def test_only_the_owner_can_read_it(store: InboxStore, tmp_path: Path) -> None:
    intake(store).take([arrival(view(signal(), 1), 0)], NOW)
    files = sorted((tmp_path / "inbox").iterdir())
    assert [path.suffix for path in files] == [".sqlite", ".sqlite-shm", ".sqlite-wal"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "inbox").stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = store_path(tmp_path, ME)
    path.parent.mkdir()
    path.touch(mode=0o644)
    with InboxStore(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_inbox_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"kruispunt inbox follow --as {ME} --once"):
        InboxStore(store_path(tmp_path, ME), create=False)
    assert not (tmp_path / "inbox").exists()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = store_path(tmp_path, ME)
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="SQLITE_NOTADB"):
        InboxStore(path)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    path = store_path(tmp_path, ME)
    InboxStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute("pragma user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="layout 99"):
        InboxStore(path)


@pytest.mark.parametrize("layout", [1, 2])
def test_an_older_layout_is_brought_along(tmp_path: Path, layout: int) -> None:
    """Layout 1 knew no time for a reply, layout 2 no judgements and no other signals."""
    path = store_path(tmp_path, ME)
    with InboxStore(path) as store:
        intake(store).take([arrival(view(signal(), 1), 0)], NOW)
        before = store.items()
    with sqlite3.connect(path) as db:
        db.execute("drop table renamed")
        for column in ("again", "corroborates", *(["reply_due_at"] if layout == 1 else [])):
            db.execute(f"alter table item drop column {column}")
        db.execute(f"pragma user_version = {layout}")
    db.close()
    with InboxStore(path) as store:
        assert store.items() == before
        intake(store).take([arrival(view(signal(reference="more"), 2), 1)], NOW)
    with InboxStore(path) as store:
        assert len(store.items()) == 2


def test_what_one_process_keeps_another_reads(store: InboxStore, tmp_path: Path) -> None:
    intake(store).take([arrival(view(signal(), 1), 0)], NOW)
    with InboxStore(store_path(tmp_path, ME), create=False) as other:
        assert other.items() == store.items()
