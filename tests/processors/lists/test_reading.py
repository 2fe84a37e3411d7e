from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_processors.lists.reading import MAX_FIELD, MAX_LINE, opened
from kruispunt_processors.persons.rows import Fault
from kruispunt_schemas.failures import ConfigurationError


def read(
    path: Path, content: bytes, encoding: str = "utf-8", delimiter: str | None = None
) -> list[tuple[int, list[str], Fault | None]]:
    path.write_bytes(content)
    with opened(path, encoding, delimiter) as table:
        return list(table.rows())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(path: Path, delimiter: str) -> None:
    header = f"id{delimiter}family{delimiter}given\n"
    assert read(
        path,
        f"{header}1{delimiter}x, y; z{delimiter}\n".replace(
            f"x, y; z{delimiter}", f'"x, y; z"{delimiter}'
        ).encode(),
    ) == [(2, ["1", "x, y; z", ""], None)]


def test_a_delimiter_of_ones_own(path: Path) -> None:
    assert read(path, b"id:family,x\n1:a\n", delimiter=":") == [(2, ["1", "a"], None)]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8", "id,naam\n1,Gérard\n".encode()),
        ("utf-8", "\ufeffid,naam\n1,Gérard\n".encode()),
        ("utf-8-sig", "\ufeffid,naam\n1,Gérard\n".encode()),
        ("latin-1", "id,naam\n1,Gérard\n".encode("latin-1")),
        ("windows-1252", "id,naam\n1,Gérard\n".encode("cp1252")),
    ],
)
def test_encodings(path: Path, encoding: str, content: bytes) -> None:
    path.write_bytes(content)
    with opened(path, encoding) as table:
        assert table.header == ["id", "naam"]
        assert list(table.rows()) == [(2, ["1", "Gérard"], None)]
        assert table.position == table.size == len(content)


def test_a_byte_of_another_encoding_is_a_fault_of_its_row_alone(path: Path) -> None:
    one, two = read(path, b"id,naam\n1,G\xe9rard\n2,An\n")
    assert one == (2, ["1", "G?rard"], Fault(2, "row", "not utf-8: say which with --encoding"))
    assert two == (3, ["2", "An"], None)


def test_lines_are_counted_over_line_breaks_in_cells_and_empty_lines(path: Path) -> None:
    found = read(path, b'id,naam\r\n1,"a\r\nb"\r\n\r\n2,c\r\n')
    assert [(line, cells) for line, cells, _ in found] == [(2, ["1", "a\r\nb"]), (5, ["2", "c"])]


def test_a_quote_that_is_never_closed_swallows_a_bounded_part(path: Path) -> None:
    rows = b"".join(b"%d,abcdefghijkl\n" % number for number in range(2, 4000))
    found = read(path, b'id,naam\n1,"open\n' + rows)
    (line, _, fault), (second, *_), *_ = found
    assert fault is not None
    assert fault.reason.startswith("lines 2 to ")
    assert line == 2
    assert second < 2 + MAX_FIELD // 10
    assert found[-1][1] == ["3999", "abcdefghijkl"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1 names no column"),
        (b"\n1,2\n", "line 1 names no column"),
        ("id,naam\n".encode("utf-16"), "save it as UTF-8"),
        (b"id,pr\xe9nom\n", "line 1 is not utf-8: say which with --encoding"),
        (b"id,naam\n" + b"x" * (MAX_LINE + 1), "line 2 is longer than 1,048,576 characters"),
    ],
)
def test_what_is_no_list(path: Path, content: bytes, told: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        read(path, content)
    assert told in str(failure.value)
    assert str(path) in str(failure.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"), opened(tmp_path / "none.csv"):
        pass


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=6))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows([["id", "naam"], *rows])
    found = read(tmp_path_factory.mktemp("x") / "a.csv", out.getvalue().encode())
    assert [cells for _, cells, _ in found] == rows
    assert all(fault is None for _, _, fault in found)
