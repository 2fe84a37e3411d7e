"""The one boundary between bytes and records.

fastavro reads more than it should (trailing bytes, long varints, negative union indices, arrays in several blocks)
and writes more than it should (True as a number, unknown keys). So:

Rules
-----
1. Reading is done field by field; what fastavro raises becomes a ContractError that names the field.
2. What was read is encoded again and compared: another encoding of the same value is refused. (What the backbone itself
   wrote after that, on the topics between its stages, is not encoded a second and third time.)
   Only then, and only when the writer's schema is another one, is it projected to the schema of this program: what is
   new to it is left out, an enum symbol that it does not know becomes the default one.
3. Writing is strict (`avro_values`: fastavro writes numbers of any size, and True as one), and what was written is read
   back before it is signed (`disclosure`).
4. A signal keeps the bytes of its header and of each section, for commitments are made over bytes, not over parses.
   A view is cut by replacing a section's bytes with null.

Must not: check a signature or an invariant (`disclosure`, `invariants`), or repeat a value in an error.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any, Final, TypeVar

import fastavro
from pydantic import TypeAdapter, ValidationError

from kruispunt_schemas import avro_values
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.records import backbone, frame, judgements, postings, queries
from kruispunt_schemas.records import sections as parts
from kruispunt_schemas.schema import RecordSchema

NULL: Final = b"\x00"
PRESENT: Final = b"\x02"

Record = (
    backbone.BundleActivation
    | backbone.BundleContent
    | backbone.Decision
    | backbone.QuarantineEntry
    | backbone.RepertoryEvent
    | backbone.Review
    | backbone.Status
    | backbone.Withdrawal
    | judgements.JudgementApplied
    | judgements.PseudonymChange
    | judgements.Revision
    | queries.AccessAlert
    | queries.Answer
    | queries.QueryAnswered
)
AnyHeader = (
    frame.Header
    | judgements.JudgementHeader
    | postings.ConsultationHeader
    | postings.ReceiptHeader
    | queries.QueryHeader
)
HEADERS: Final[dict[str, type[AnyHeader]]] = {
    "Consultation": postings.ConsultationHeader,
    "Judgement": judgements.JudgementHeader,
    "Query": queries.QueryHeader,
    "Receipt": postings.ReceiptHeader,
}
"""The headers of the postings that are no signals."""
T = TypeVar("T")

_CLASSES: Final[dict[str, type]] = {
    cls.__name__: cls
    for module in (backbone, frame, judgements, postings, queries, parts)
    for cls in vars(module).values()
    if isinstance(cls, type) and is_dataclass(cls) and cls.__module__ == module.__name__
}


@dataclass(frozen=True, slots=True)
class SignedBytes:
    """A posting as bytes: header, sections (name to bytes, None when null), proof and passage, under one schema.

    found: bytes that were read already and what that gave, by field; it counts for these very bytes alone.
    """

    schema: RecordSchema
    header: bytes
    sections: tuple[tuple[str, bytes | None], ...]
    proof: bytes
    passage: bytes | None
    found: Mapping[str, tuple[bytes, Mapping[str, Any]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def encoded(self) -> bytes:
        """Return the Avro bytes of the record."""
        pieces = [self.header]
        for _, section in self.sections:
            pieces.extend((NULL,) if section is None else (PRESENT, section))
        pieces.append(self.proof)
        pieces.extend((NULL,) if self.passage is None else (PRESENT, self.passage))
        return b"".join(pieces)

    def with_passage(self, passage: frame.Passage | None) -> SignedBytes:
        """Return the same signed bytes with another passage."""
        return replace(self, passage=None if passage is None else _write(self.schema, "passage", passage))

    def releasing(self, released: frozenset[str]) -> SignedBytes:
        """Return the view in which only the released sections remain."""
        kept = tuple((name, content if name in released else None) for name, content in self.sections)
        return replace(self, sections=kept)

    def read_header(self) -> frame.Header:
        """Return the header of a signal."""
        return self._read("header", self.header, frame.Header)

    def read_proof(self) -> frame.Proof:
        """Return the proof."""
        return self._read("proof", self.proof, frame.Proof)

    def read_passage(self) -> frame.Passage | None:
        """Return the passage, None on ``out.*``."""
        return None if self.passage is None else self._read("passage", self.passage, frame.Passage)

    def read_sections(self, *names: str) -> parts.Sections:
        """Return the sections of a signal; one that this program does not know stays in the bytes only.

        names: of those to read, all without any; the others are left out.
        """
        names = names or parts.Sections.NAMES
        present = {
            name: read_section(self.schema, name, raw, self._found(name, raw))
            for name, raw in self.sections
            if raw is not None and name in names
        }
        return parts.Sections(**present)  # type: ignore[arg-type]

    def read_receipt(self) -> postings.ReceiptHeader:
        """Return the header of a receipt."""
        return self._read("header", self.header, postings.ReceiptHeader)

    def read_consultation(self) -> postings.ConsultationHeader:
        """Return the header of a consultation."""
        return self._read("header", self.header, postings.ConsultationHeader)

    def read_judgement(self) -> judgements.JudgementHeader:
        """Return the header of a judgement."""
        return self._read("header", self.header, judgements.JudgementHeader)

    def read_query(self) -> queries.QueryHeader:
        """Return the header of a query."""
        return self._read("header", self.header, queries.QueryHeader)

    def read_any_header(self) -> AnyHeader:
        """Return the header of a posting of whatever type."""
        return self._read("header", self.header, HEADERS.get(self.schema.name, frame.Header))

    def _read(self, name: str, raw: bytes, cls: type[T]) -> T:
        return _read_class(self.schema, name, raw, cls, self._found(name, raw))

    def _found(self, name: str, raw: bytes) -> Mapping[str, Any] | None:
        of, data = self.found.get(name, (None, None))
        return data if of is raw else None


def encode(record: Record) -> bytes:
    """Return the Avro bytes of a record that the backbone writes."""
    schema = schemas.load(type(record).__name__)
    return _write_whole(schema.parsed, record)


def decode(schema: RecordSchema, value: bytes, cls: type[T]) -> T:
    """Return a record that the backbone wrote; raise ContractError when the bytes are not exactly one such record."""
    data = _read_exactly(schema.parsed, value, "")
    _compare(schema.parsed, data, value, "")
    own = _own(schema)
    return _valid(cls, data if own is None else _read_exactly(schema.parsed, value, "", own.parsed), "")


def decode_signed(schema: RecordSchema, value: bytes, *, trusted: bool = False) -> SignedBytes:
    """Cut a posting into its parts; raise ContractError (with the field) unless the bytes are its one encoding.

    trusted: the backbone wrote them after the posting had passed here, so they are not encoded again.
    """
    if not schema.signed:
        raise ContractError("not-a-posting", "", f"{schema.name} carries no proof")
    stream = io.BytesIO(value)
    found: dict[str, bytes | None] = {}
    read: dict[str, tuple[bytes, Mapping[str, Any]]] = {}
    for name in schema.fields:
        if name in schema.sections or name == "passage":
            index = stream.read(1)
            if index == NULL:
                found[name] = None
                continue
            if index != PRESENT:
                raise ContractError("truncated" if not index else "encoding", name)
        start = stream.tell()
        data = _read_from(schema.field(name), stream, name)
        raw = found[name] = value[start : stream.tell()]
        if not trusted:
            _compare(schema.field(name), data, raw, name)
        read[name] = (raw, data)
    if stream.tell() != len(value):
        raise ContractError("trailing-bytes", "", "the record ends before the value does")
    header, proof = found["header"], found["proof"]
    if header is None or proof is None:
        raise ContractError("missing", "header")
    return SignedBytes(
        schema, header, tuple((name, found[name]) for name in schema.sections), proof, found["passage"], read
    )


def read_section(
    schema: RecordSchema, name: str, raw: bytes, found: Mapping[str, Any] | None = None
) -> parts.Section:
    """Return one section of a signal. found: what reading these bytes gave before."""
    cls = _CLASSES.get(str(schema.field(name)["name"]).rsplit(".", 1)[-1])
    if cls is None:
        raise ContractError("unknown-section", name)
    section: parts.Section = _read_class(schema, name, raw, cls, found)
    return section


def write_part(schema: RecordSchema, name: str, part: object) -> bytes:
    """Return the Avro bytes of one field and check that they read back as the same value.

    Raise ContractError with the field when the value does not fit its schema.
    """
    raw = _write(schema, name, part)
    if _read_class(schema, name, raw, type(part)) != part:
        raise ContractError("value", name, "it does not read back as it was written")
    return raw


def schema_of(fingerprint: bytes | None) -> RecordSchema:
    """Return the record schema with that fingerprint; raise ContractError for one that this program does not carry."""
    schema = None if fingerprint is None else schemas.by_fingerprint().get(fingerprint)
    if schema is None:
        raise ContractError(
            "unknown-schema", "header.schema_fingerprint", "no known schema has this fingerprint"
        )
    return schema


def _adapter(cls: type[T]) -> TypeAdapter[T]:
    adapter = _ADAPTERS.get(cls)
    if adapter is None:
        adapter = _ADAPTERS[cls] = TypeAdapter(cls)
    return adapter


_ADAPTERS: Final[dict[type, TypeAdapter[Any]]] = {}


def _write(schema: RecordSchema, name: str, part: object) -> bytes:
    return _write_whole(schema.field(name), part, name)


def _write_whole(parsed: schemas.AvroSchema, record: object, field: str = "") -> bytes:
    out = io.BytesIO()
    try:
        fastavro.schemaless_writer(out, parsed, avro_values.of(parsed, record), strict=True)
    except Exception as error:
        raise ContractError("value", field, f"it does not fit its schema ({type(error).__name__})") from None
    return out.getvalue()


def _read_class(
    schema: RecordSchema, name: str, raw: bytes, cls: type[T], found: Mapping[str, Any] | None = None
) -> T:
    own = _own(schema)
    if own is not None and name not in own.fields:
        raise ContractError("unknown-section", name)
    if own is not None or found is None:
        found = _read_exactly(schema.field(name), raw, name, None if own is None else own.field(name))
    return _valid(cls, found, name)


def _own(schema: RecordSchema) -> RecordSchema | None:
    """Return this program's schema of a record that was written under another one, None when it is the same."""
    if schema.name not in schemas.TOPIC_TYPES:
        return None
    own = schemas.load(schema.name)
    return None if own.fingerprint == schema.fingerprint else own


def _valid(cls: type[T], data: Mapping[str, Any], field: str) -> T:
    try:
        return _adapter(cls).validate_python(data)
    except ValidationError:
        # Its text repeats values, so it goes no further.
        raise ContractError("value", field, f"it is no {cls.__name__}") from None


def _read_exactly(
    parsed: schemas.AvroSchema, raw: bytes, field: str, reader: schemas.AvroSchema | None = None
) -> Mapping[str, Any]:
    stream = io.BytesIO(raw)
    data = _read_from(parsed, stream, field, reader)
    if stream.tell() != len(raw):
        raise ContractError("trailing-bytes", field)
    return data


def _read_from(
    parsed: schemas.AvroSchema, stream: io.BytesIO, field: str, reader: schemas.AvroSchema | None = None
) -> Mapping[str, Any]:
    try:
        data = fastavro.schemaless_reader(stream, parsed, reader)
    except EOFError:
        raise ContractError("truncated", field) from None
    except UnicodeDecodeError:
        raise ContractError("text", field, "a string is not valid UTF-8") from None
    except Exception as error:
        # Hostile bytes make fastavro raise whatever its C code meets: index, overflow, memory, date out of range.
        raise ContractError("encoding", field, f"it cannot be read ({type(error).__name__})") from None
    if not isinstance(data, Mapping):
        raise ContractError("encoding", field)
    return data


def _compare(parsed: schemas.AvroSchema, data: Mapping[str, Any], raw: bytes, field: str) -> None:
    out = io.BytesIO()
    try:
        fastavro.schemaless_writer(out, parsed, data, strict=True)
    except Exception as error:
        raise ContractError(
            "encoding", field, f"it cannot be written again ({type(error).__name__})"
        ) from None
    if out.getvalue() != raw:
        raise ContractError("encoding", field, "it is not the one encoding of its value")
    if not avro_values.fit(parsed, data):
        raise ContractError("encoding", field, "a number has more than 32 bits")
