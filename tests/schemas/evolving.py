"""Schemas one change away from ours, and signals written under them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import fastavro
from kruispunt_schemas import codec, disclosure, identity
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Commitment
from kruispunt_schemas.schema import RecordSchema
from kruispunt_schemas.vectors import samples

Change = Callable[[Any], None]
SALT = "be.kruispunt.Salt"


def record(schema: Any, name: str) -> Any:
    """Return the definition of a named type within a schema."""
    if isinstance(schema, dict):
        if schema.get("name") == f"be.kruispunt.{name}" and "type" in schema:
            return schema
        inside = list(schema.values())
    else:
        inside = schema if isinstance(schema, list) else []
    return next((found for item in inside if (found := record(item, name)) is not None), None)


def field(schema: Any, path: str) -> Any:
    """Return a field by ``Record.field``."""
    name, wanted = path.split(".")
    return next(item for item in record(schema, name)["fields"] if item["name"] == wanted)


def changed(base: RecordSchema, *changes: Change) -> RecordSchema:
    """Return a schema with changes made to it."""
    data = json.loads(base.json)
    for change in changes:
        change(data)
    return schemas.record_schema(fastavro.parse_schema(data))


def add_field(schema: Any) -> None:
    """Add a nullable field with a default to a section."""
    record(schema, "Contact")["fields"].append({"name": "room", "type": ["null", "string"], "default": None})


def add_section(schema: Any) -> None:
    """Add a section."""
    annex = {
        "type": "record",
        "name": "be.kruispunt.Annex",
        "fields": [{"name": "salt", "type": SALT}, {"name": "text", "type": "string"}],
    }
    schema["fields"].insert(-2, {"name": "annex", "type": ["null", annex], "default": None})


def add_symbol(schema: Any) -> None:
    """Add a symbol to an enum that has a default one."""
    record(schema, "Phenomenon")["symbols"].append("SPACE_DEBRIS")


def remove_required_field(schema: Any) -> None:
    """Remove a field without default."""
    fields = record(schema, "Contact")["fields"]
    fields.remove(field(schema, "Contact.unit"))


def change_type(schema: Any) -> None:
    """Make a text a number."""
    field(schema, "Context.reference")["type"] = "long"


def add_branch(schema: Any) -> None:
    """Let a union gain a branch."""
    field(schema, "Context.municipality")["type"].append("long")


def add_required_field(schema: Any) -> None:
    """Add a field without default."""
    record(schema, "Contact")["fields"].append({"name": "room", "type": "string"})


INCOMPATIBLE: dict[str, tuple[Change, str]] = {
    "removing a field without default": (remove_required_field, "Contact.unit is gone (it was string)"),
    "changing a type": (change_type, "Context.reference was string and is long"),
    "a union gaining a branch": (
        add_branch,
        "Context.municipality was null or string, with a default and is",
    ),
    "adding a field without default": (add_required_field, "Contact.room is new (string)"),
}


@dataclass(frozen=True, slots=True)
class Written:
    """A signal written under a later schema, with the values of the sections as Avro data."""

    signed: SignedBytes
    values: dict[str, Any]


def avro_value(schema: RecordSchema, name: str, raw: bytes) -> Any:
    """Return a section as Avro data."""
    return fastavro.schemaless_reader(io.BytesIO(raw), schema.field(name), None)


def written_under(later: RecordSchema, draft: Draft, more: dict[str, dict[str, Any]]) -> Written:
    """Return a draft as a publisher with a later schema writes it. more: what it adds, by section."""
    base = samples.composed(draft)
    header = base.read_header()
    values: dict[str, Any] = {}
    parts: list[tuple[str, bytes | None]] = []
    commitments: list[Commitment] = []
    known = dict(base.sections)
    for name in later.sections:
        salt = identity.section_salt(samples.SECRET, header.signal_id, name)
        raw = known.get(name)
        value = avro_value(base.schema, name, raw) if raw is not None else None
        if name in more:
            value = {**(value or {"salt": salt}), **more[name]}
        content = None
        if value is not None:
            out = io.BytesIO()
            fastavro.schemaless_writer(out, later.field(name), value)
            content = out.getvalue()
            values[name] = value
        parts.append((name, content))
        digest = disclosure.commitment(later.name, name, content, salt)
        commitments.append(Commitment(section=name, digest=digest))
    raw_header = codec.write_part(
        later,
        "header",
        replace(
            header,
            schema_fingerprint=later.fingerprint,
            commitments=tuple(sorted(commitments, key=lambda item: item.section)),
        ),
    )
    proof = codec.write_part(later, "proof", samples.signer().sign(later.name, raw_header))
    return Written(SignedBytes(later, raw_header, tuple(parts), proof, None), values)
