from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_processors.engine import driver
from kruispunt_processors.engine.records import Fetched, Reading
from kruispunt_schemas import wire
from kruispunt_schemas.failures import ContractError

from tests.rawposts import Name, batch_of

PARTITION = TopicPartition("out.vsse", 0)
SETTINGS: tuple[list[object], int, None, None, bool, int] = ([], 0, None, None, True, 0)
"""No aborted transactions, from offset 0, no deserialisers, sums checked, read uncommitted."""
_STOCK = Reading.__mro__[1]
Row = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
SOUND: list[Row] = [
    (None, b"v", [("ce_id", b"1"), ("ce_id", b"2"), ("empty", None), ("", b"")]),
    (b"k", None, []),
    (b"", b"", [(f"h{number}", b"x") for number in range(10_000)]),
    (b"k" * 2**20, b"v" * 2**20, [("n" * 2**20, b"w" * 2**20)]),
]


def stock(data: bytes) -> list[Row]:
    return _rows(_STOCK(PARTITION, MemoryRecords(data), *SETTINGS))


def read(data: bytes, *, offset: int = 0) -> list[Row]:
    return _rows(Reading(PARTITION, Fetched(data), [], offset, *SETTINGS[2:]))


def _rows(records: Iterable[Any]) -> list[Row]:
    return [(record.key, record.value, list(record.headers)) for record in records]


@pytest.mark.parametrize("codec", [0, 1])
def test_sound_records_are_read_as_aiokafka_reads_them(codec: int) -> None:
    data = batch_of(SOUND, codec=codec)
    assert read(data) == stock(data) == SOUND


@pytest.mark.parametrize("codec", [0, 1])
@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"caf\xe9", "caf\\xe9"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        (b"ce_id\xff", "ce_id\\xff"),
    ],
)
def test_a_header_name_that_is_not_utf_8_stops_no_reader(raw: bytes, name: str, codec: int) -> None:
    """Regression: aiokafka raised on it, and admit was started again for ever."""
    rows: Sequence[Row] = [*SOUND[:2], (b"k", b"posted", [(Name(raw), b"x"), ("ce_id", b"3")]), *SOUND[:2]]
    data = batch_of(rows, codec=codec)
    with pytest.raises(UnicodeDecodeError):
        stock(data)
    expected = [*SOUND[:2], (b"k", b"posted", [(name, b"x"), ("ce_id", b"3")]), *SOUND[:2]]
    assert read(data) == expected
    assert read(data, offset=1) == expected[1:]


@given(names=st.lists(st.binary(max_size=8), max_size=5))
def test_whatever_a_name_holds_it_is_read_and_never_taken_for_text(names: list[bytes]) -> None:
    (found,) = read(batch_of([(None, b"v", [(Name(raw), raw) for raw in names])]))
    assert [value for _, value in found[2]] == names
    assert all(name.encode() for name, _ in found[2] if name)
    kept = [raw.partition(b"\0")[0] for raw in names]
    text = all(name.partition("\0")[0].encode() == raw for (name, _), raw in zip(found[2], kept, strict=True))
    if text and not any(b"\\" in raw for raw in kept):
        wire.check_names(wire.header_map(found[2]))
    else:
        with pytest.raises(ContractError, match="header-name: headers"):
            wire.check_names(wire.header_map(found[2]))


def test_a_consumer_of_this_process_reads_so() -> None:
    assert driver.Consumer is not None
    assert (fetcher.MemoryRecords, fetcher.PartitionRecords) == (Fetched, Reading)
