from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from kruispunt_processors.lists import spool as module
from kruispunt_processors.lists.spool import Spool, spool
from kruispunt_processors.persons.keys import KeyKind
from kruispunt_processors.persons.names import Name
from kruispunt_processors.persons.normalisation import Kind, Particulars
from kruispunt_processors.persons.rows import Row


def row(identifier: str, family: str = "peeters", given: str = "an") -> Row:
    return Row(
        2,
        identifier,
        Particulars(Kind.PERSON, (Name((family,), (given,)),), (1980, 3, 2), number="80030299960"),
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def filled(rows: Spool, *ids: str) -> None:
    for each in ids:
        rows.add(row(each))
    rows.complete()


@pytest.mark.usefixtures("folder")
def test_rows_are_found_by_what_they_share_and_given_back() -> None:
    with spool() as rows:
        rows.add(row("één"))
        rows.add(row("two", "janssens", "bert"))
        rows.complete()
        found, cut = rows.sharing(row("x").particulars, len(rows))
        assert KeyKind.NUMBER in found[0]
        assert found[1] == [KeyKind.NUMBER]
        assert not cut
        assert rows.row(0) == ("één", row("één").particulars)


@pytest.mark.usefixtures("folder")
def test_only_rows_before_a_number_are_found() -> None:
    with spool() as rows:
        filled(rows, "a", "b", "c")
        assert sorted(rows.sharing(row("x").particulars, 2)[0]) == [0, 1]


@pytest.mark.usefixtures("folder")
def test_a_key_that_too_many_share_finds_the_first_of_them_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_BLOCK", 2)
    with spool() as rows:
        filled(rows, "a", "b")
        assert rows.sharing(row("x").particulars, 2)[1] is False
        filled(rows, "c")
        found, cut = rows.sharing(row("x").particulars, 3)
        assert (sorted(found), cut, rows.blocks_cut) == ([0, 1], True, 1)


@pytest.mark.usefixtures("folder")
def test_an_id_is_known_within_its_part() -> None:
    with spool() as rows:
        assert [rows.is_known("a", "1"), rows.is_known("a", "1"), rows.is_known("b", "1")] == [
            False,
            True,
            False,
        ]


def test_the_disk_holds_nothing_that_a_row_says_in_a_folder_of_its_own_that_goes(folder: Path) -> None:
    with spool() as rows:
        filled(rows, *[f"dossier-{number}" for number in range(2000)])
        (private,) = folder.iterdir()
        assert private.stat().st_mode & 0o777 == 0o700
        content = b"".join(path.read_bytes() for path in private.iterdir())
        assert len(content) > 100_000
        for said in (b"dossier", b"peeters", b"80030299960", b"1980"):
            assert said not in content
    assert list(folder.iterdir()) == []


def test_the_folder_goes_when_the_run_fails(folder: Path) -> None:
    with pytest.raises(TypeError), spool() as rows:
        rows.row(99)
    assert list(folder.iterdir()) == []
