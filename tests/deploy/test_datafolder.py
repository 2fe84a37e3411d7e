from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest
from kruispunt_deploy.stack.datafolder import LOOPBACK, PORTS, DataFolder, holder_of, is_free, write_whole
from kruispunt_schemas.failures import ConfigurationError


def test_a_second_holder_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    first.hold()
    with pytest.raises(ConfigurationError, match=rf"pid {os.getpid()}.*kruispunt down.*--data"):
        DataFolder(tmp_path).hold()
    assert holder_of(tmp_path) == os.getpid()
    first.release()
    assert holder_of(tmp_path) is None


def test_what_a_dead_holder_left_behind_refuses_nothing(tmp_path: Path) -> None:
    (tmp_path / "stack.lock").write_text("1")
    (tmp_path / "stack.json").write_text("{}")
    folder = DataFolder(tmp_path)
    assert holder_of(tmp_path) is None
    folder.hold()
    assert not folder.stack_file.exists()
    folder.release()


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        DataFolder(tmp_path / "file" / "data").hold()


def test_ports_are_kept_and_a_busy_one_is_drawn_anew(tmp_path: Path) -> None:
    first = DataFolder(tmp_path).ports(["kafka", "postgres"])
    assert DataFolder(tmp_path).ports(["kafka", "postgres"]) == first
    assert set(first.values()) <= set(PORTS)
    with socket.socket() as busy:
        busy.bind((LOOPBACK, first["kafka"]))
        busy.listen()
        assert not is_free(first["kafka"])
        second = DataFolder(tmp_path).ports(["kafka", "postgres"])
    assert second["kafka"] not in first.values()
    assert second["postgres"] == first["postgres"]


def test_a_damaged_ports_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"kafka": ')
    assert DataFolder(tmp_path).ports(["kafka"])["kafka"] in PORTS


def test_secrets_are_kept_and_nobody_elses(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    secret = folder.secret("postgres.kruispunt")
    assert DataFolder(tmp_path).secret("postgres.kruispunt") == secret
    assert folder.secret("postgres.agency") != secret
    assert stat.S_IMODE((tmp_path / "secrets" / "postgres.kruispunt").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_a_write_that_fails_leaves_the_old_text_and_no_litter(tmp_path: Path) -> None:
    file = tmp_path / "stack.json"
    write_whole(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "\ud800")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
