"""Hypothesis strategies for every record of the contract, built from the dataclasses themselves."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from uuid import UUID

from hypothesis import strategies as st
from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.records import backbone, frame, judgements, queries
from kruispunt_schemas.records import sections as parts
from kruispunt_schemas.schema import RecordSchema

FIXED_SIZES = {"salt": 16, "digest": 32, "schema_fingerprint": 32, "signature": 64}
"""Bytes of the fixed types, by the name of the field that has one."""
BACKBONE_CLASSES: dict[str, type] = {
    name: next(getattr(module, name) for module in (backbone, judgements, queries) if hasattr(module, name))
    for name in schemas.BACKBONE_TYPES
}


def of(cls: type) -> st.SearchStrategy[typing.Any]:
    """Return a strategy for a record class."""
    hints = typing.get_type_hints(cls)
    return st.builds(cls, **{field.name: _of_type(hints[field.name], field.name) for field in fields(cls)})


def _deferred(cls: type) -> st.SearchStrategy[typing.Any]:
    return st.deferred(lambda: of(cls))


_shared: Callable[[type], st.SearchStrategy[typing.Any]] = cache(_deferred)


def _of_type(hint: object, name: str) -> st.SearchStrategy[typing.Any]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        kinds = [item for item in arguments if item is not type(None)]
        return st.one_of(st.none(), *(_of_type(item, name) for item in kinds))
    if origin is tuple:
        return st.lists(_of_type(arguments[0], name), max_size=3).map(tuple)
    assert isinstance(hint, type)
    return _of_class(hint, name)


def _of_class(hint: type, name: str) -> st.SearchStrategy[typing.Any]:
    if issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    if hint is bytes:
        size = FIXED_SIZES.get(name)
        return st.binary(min_size=size or 0, max_size=size or 40)
    bits = 64 if name == "offset" else 32
    simple: dict[type, st.SearchStrategy[typing.Any]] = {
        bool: st.booleans(),
        int: st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
        str: st.text(max_size=20),
        UUID: st.uuids(),
        datetime: st.datetimes(timezones=st.just(UTC)),
        date: st.dates(),
    }
    return simple[hint] if hint in simple else _shared(hint)


@dataclass(frozen=True, slots=True)
class Whole:
    """A posting with the values that its bytes were made of."""

    header: object
    sections: parts.Sections
    proof: frame.Proof
    passage: frame.Passage | None
    signed: SignedBytes


def section_class(schema: RecordSchema, name: str) -> type:
    """Return the record class of a section."""
    found: type = getattr(parts, str(schema.field(name)["name"]).rsplit(".", 1)[-1])
    return found


@st.composite
def postings_of(draw: st.DrawFn, name: str) -> Whole:
    """Draw a whole posting of a type."""
    schema = schemas.load(name)
    header = draw(of(codec.HEADERS.get(name, frame.Header)))
    sections: dict[str, typing.Any] = {
        section: draw(st.none() | of(section_class(schema, section))) for section in schema.sections
    }
    proof = draw(of(frame.Proof))
    passage = draw(st.none() | of(frame.Passage))
    raw = tuple(
        (section, None if value is None else codec.write_part(schema, section, value))
        for section, value in sections.items()
    )
    signed = SignedBytes(
        schema,
        codec.write_part(schema, "header", header),
        raw,
        codec.write_part(schema, "proof", proof),
        None if passage is None else codec.write_part(schema, "passage", passage),
    )
    return Whole(header, parts.Sections(**sections), proof, passage, signed)


any_posting = st.sampled_from(schemas.POSTING_TYPES).flatmap(postings_of)
