r"""Records of Kafka as aiokafka reads them, for posters who do not keep to UTF-8 in a header's name.

Rules
-----
1. A broker takes any bytes as the name of a header; aiokafka's parser raises at the first that are not UTF-8, and so it
   would for ever: one posting would keep a worker from everything behind it.
2. What a broker sent is read by aiokafka's compiled parser, at no cost. Where that gives up, reading goes on from the
   same offset with its parser in Python, over a buffer that writes such bytes as ``\xNN`` (`wire` says what becomes
   of such a name).

Leans on internals of aiokafka 0.14.0, which is pinned for it. Must not: know a topic.
"""

from __future__ import annotations

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from kruispunt_schemas import wire


class Fetched:
    """What a broker sent of one partition: the bytes, and aiokafka's own reader over them."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.records = MemoryRecords(raw)
        self.has_next = self.records.has_next
        self.size_in_bytes = self.records.size_in_bytes


class Reading(fetcher.PartitionRecords):  # type: ignore[misc]
    """Reads what was fetched, record by record (rule 2)."""

    def __init__(self, tp: Any, fetched: Fetched, *settings: Any) -> None:
        super().__init__(tp, fetched.records, *settings)
        self._raw = fetched.raw

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except UnicodeDecodeError:
            self._records = _LenientRecords(self._raw)
            self._records_iterator = self._unpack_records()
            return super().__next__()


class _LenientRecords(_MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self) -> Any:
        raw = self._next_slice
        if raw is None or raw[self.MAGIC_OFFSET] < 2:
            return super().next_batch()
        self._cache_next()
        return _LenientBatch(raw)


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    def __iter__(self) -> Any:
        super().__iter__()
        self._buffer: bytearray = _LenientBuffer(self._buffer)
        return self


class _LenientBuffer(bytearray):
    """A buffer whose slices become text whatever they hold; of a record only the names of its headers are made text."""

    def __getitem__(self, where: Any) -> Any:
        found = super().__getitem__(where)
        return _LenientBuffer(found) if isinstance(where, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "") -> str:  # noqa: ARG002 - aiokafka asks for strict
        return super().decode(encoding, wire.NAME_ERRORS)


def install() -> None:
    """Have every consumer of this process read so."""
    fetcher.MemoryRecords = Fetched
    fetcher.PartitionRecords = Reading
