from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_producers.adapters import ExportFolder, Refusal, Row, police_export, safety_cell_export
from kruispunt_producers.adapters.csv_export import csv_records
from kruispunt_producers.adapters.protocol import Adapter
from kruispunt_producers.synthetic import Scenario
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.failures import ConfigurationError

RECORDS = csv_records(("A", "B", "C"))
ADAPTERS = (
    (police_export.ADAPTER, police_export.COLUMNS, "police-gent"),
    (safety_cell_export.ADAPTER, safety_cell_export.COLUMNS, "livc-antwerpen"),
)


def cut(content: bytes) -> list[tuple[int, Row | Refusal]]:
    return list(RECORDS(content))


def test_a_good_file() -> None:
    found = cut('A;B;C\r\n1;é;"x;y"\r\n\r\n2;;\r\n'.encode("latin-1"))
    assert found == [(2, Row({"A": "1", "B": "é", "C": "x;y"})), (4, Row({"A": "2", "B": "", "C": ""}))]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1;2", "columns"),
        ("1;2;3;4", "columns"),
        ('1;"2;3', "quoting"),
        ('1;"2"2;3', "quoting"),
        ("1;2\r3;4", "quoting"),
    ],
)
def test_a_broken_line_is_refused_at_its_number_and_the_next_goes_on(line: str, reason: str) -> None:
    found = cut(f"A;B;C\n1;2;3\n{line}\n4;5;6\n".encode("latin-1"))
    assert found[1] == (3, Refusal(reason, "line"))
    assert found[2] == (4, Row({"A": "4", "B": "5", "C": "6"}))


def test_a_record_over_two_lines_is_two_broken_lines() -> None:
    found = cut(b'A;B;C\n1;"two\nlines";3\n4;5;6\n')
    assert [isinstance(content, Refusal) for _, content in found] == [True, True, False]


@pytest.mark.parametrize("content", [b"", b"A;B\n1;2\n", b"A,B,C\n1,2,3\n", b"\xef\xbb\xbfA;B;C\n1;2;3\n"])
def test_a_file_without_the_columns_is_refused_at_its_first_line(content: bytes) -> None:
    assert cut(content) == [(1, Refusal("heading", "line"))]


@given(st.binary(max_size=300))
def test_no_bytes_raise(noise: bytes) -> None:
    for content in (noise, b"A;B;C\n" + noise):
        for line, record in RECORDS(content):
            assert line >= 1
            assert isinstance(record, Row | Refusal)


@pytest.mark.parametrize(("adapter", "columns", "participant"), ADAPTERS)
@given(data=st.data())
def test_noise_in_a_good_export_never_raises(
    adapter: Adapter, columns: tuple[str, ...], participant: str, scenario: Scenario, data: st.DataObject
) -> None:
    """Any byte of a real export may be anything: each line is a draft or a refusal, the next line goes on."""
    content = bytearray(next(iter(scenario.csv_files(participant).values()))[:4_000])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=12)):
        content[place] = data.draw(st.integers(0, 255))
    for _, record in csv_records(columns)(bytes(content)):
        made = adapter.draft(record) if isinstance(record, Row) else record
        assert isinstance(made, Draft | Refusal)


@pytest.mark.parametrize(("adapter", "columns", "participant"), ADAPTERS)
@given(data=st.data())
def test_any_text_in_any_column_is_a_draft_or_a_refusal_of_a_column(
    adapter: Adapter, columns: tuple[str, ...], participant: str, scenario: Scenario, data: st.DataObject
) -> None:
    content = next(iter(scenario.csv_files(participant).values()))
    good = next(record for _, record in csv_records(columns)(content) if isinstance(record, Row))
    column = data.draw(st.sampled_from(columns))
    made = adapter.draft(Row({**good.values, column: data.draw(st.text())}))
    assert isinstance(made, Draft) or made.field in columns


def folder(path: Path) -> ExportFolder:
    return ExportFolder(str(path), "*.csv", RECORDS)


def read(source: ExportFolder, cursor: str | None) -> tuple[list[str], str | None]:
    """Return the positions read and the cursor after."""
    positions: list[str] = []
    for batch in source.batches(cursor):
        positions += [record.position for record in batch.records]
        cursor = batch.cursor or cursor
    return positions, cursor


def test_new_and_changed_files_are_read_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "2025-02.csv").write_bytes(b"A;B;C\n1;2;3\n")
    (tmp_path / "2025-01.csv").write_bytes(b"A;B;C\n1;2;3\nbroken\n")
    (tmp_path / "2025-03.csv.part").write_bytes(b"A;B;C\n1;2;3\n")
    (tmp_path / ".2025-03.csv").write_bytes(b"A;B;C\n1;2;3\n")
    first, cursor = read(folder(tmp_path), None)
    assert first == ["2025-01.csv:2", "2025-01.csv:3", "2025-02.csv:2"]
    assert read(folder(tmp_path), cursor) == ([], cursor)
    (tmp_path / "2025-02.csv").write_bytes(b"A;B;C\n1;2;4\n")
    again, cursor = read(folder(tmp_path), cursor)
    assert again == ["2025-02.csv:2"]
    assert set(json.loads(cursor or "")) == {"2025-01.csv", "2025-02.csv"}


def test_the_cursor_moves_at_the_end_of_a_file_only(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_bytes(b"A;B;C\n" + b"1;2;3\n" * 450)
    cursors = [batch.cursor for batch in folder(tmp_path).batches(None)]
    assert cursors[:-1] == [None, None]
    assert cursors[-1] is not None


def test_a_missing_directory_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="exports are expected there"):
        folder(tmp_path / "nowhere")
