"""The Avro schemas of the contract, loaded once, each named by its fingerprint.

Rules
-----
1. One file for each named type in ``avro/``; a record that stands on a topic is loaded with every reference inlined.
2. Fingerprint: SHA-256 of the inlined JSON with sorted keys, ``doc`` removed and logical types kept. Avro's parsing
   canonical form drops logical types, so it cannot tell a timestamp from a number.
3. A signal type is a record whose fields are ``header``, nullable sections, ``proof`` and last ``passage``.

Must not: ask the registry; its ids never decide anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import fastavro.schema

NAMESPACE: Final = "be.kruispunt"
FRAME_FIELDS: Final = ("header", "proof", "passage")
SIGNAL_TYPES: Final = (
    "Alert",
    "AssetFreeze",
    "EnforcementCase",
    "EntityChange",
    "FeedbackSheet",
    "IncidentLogEntry",
    "InformationAnswer",
    "InformationRequest",
    "MeasureReport",
    "RadicalisationCase",
    "ThreatEvaluation",
    "ThreatLevel",
    "TravelHit",
)
POSTING_TYPES: Final = (*SIGNAL_TYPES, "Consultation", "Judgement", "Query", "Receipt")
BACKBONE_TYPES: Final = (
    "AccessAlert",
    "Answer",
    "BundleActivation",
    "BundleContent",
    "Decision",
    "JudgementApplied",
    "PseudonymChange",
    "QuarantineEntry",
    "QueryAnswered",
    "RepertoryEvent",
    "Review",
    "Revision",
    "Status",
    "Withdrawal",
)
TOPIC_TYPES: Final = (*POSTING_TYPES, *BACKBONE_TYPES)

_AVRO: Final = Path(str(files(__package__) / "avro"))

AvroSchema = Any
"""A parsed schema as fastavro holds it: str, list or dict."""


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """A record type: ``name`` without namespace, ``json`` as registered, ``fingerprint`` (32 bytes).

    sections: names of the sections in the order of the schema; none for what is no signal.
    """

    name: str
    parsed: AvroSchema
    json: str
    fingerprint: bytes
    fields: tuple[str, ...]
    sections: tuple[str, ...]

    @property
    def subject(self) -> str:
        """Return the registry's subject (RecordNameStrategy)."""
        return f"{NAMESPACE}.{self.name}"

    @property
    def signed(self) -> bool:
        """Tell whether the record carries a header and a proof."""
        return "proof" in self.fields

    def field(self, name: str) -> AvroSchema:
        """Return the schema of a field, references resolved; of a nullable field the non-null branch."""
        return _field_schemas(self.name, self.fingerprint)[name]


def plain(schema: AvroSchema, *, docs: bool) -> AvroSchema:
    """Return the schema as plain JSON data, without the parser's marks and, unless asked for, without ``doc``."""
    if isinstance(schema, Mapping):
        return {
            key: plain(value, docs=docs)
            for key, value in schema.items()
            if not key.startswith("__") and (docs or key != "doc")
        }
    return [plain(item, docs=docs) for item in schema] if isinstance(schema, list) else schema


def fingerprint(schema: AvroSchema) -> bytes:
    """Return the SHA-256 fingerprint of an inlined schema (CONTRACT section 2)."""
    text = json.dumps(plain(schema, docs=False), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


_KNOWN: dict[tuple[str, bytes], AvroSchema] = {}
"""Every record schema seen by this process, so that its fields can be parsed when first needed."""


def record_schema(parsed: AvroSchema) -> RecordSchema:
    """Wrap a parsed record schema."""
    name = str(parsed["name"]).rsplit(".", 1)[-1]
    fields = tuple(field["name"] for field in parsed["fields"])
    sections = tuple(item for item in fields if item not in FRAME_FIELDS) if "proof" in fields else ()
    schema = RecordSchema(
        name=name,
        parsed=parsed,
        # Sorted, for fastavro orders keys anew in every process: the registry must see one text, not many versions.
        json=json.dumps(plain(parsed, docs=True), sort_keys=True, ensure_ascii=False),
        fingerprint=fingerprint(parsed),
        fields=fields,
        sections=sections,
    )
    _KNOWN[(name, schema.fingerprint)] = parsed
    return schema


@cache
def _field_schemas(name: str, schema_fingerprint: bytes) -> dict[str, AvroSchema]:
    """Parse every field of a known record on its own, so that it can be read and written alone."""
    parsed = _KNOWN[(name, schema_fingerprint)]
    definitions = plain(parsed["__named_schemas"], docs=False)
    fields: dict[str, AvroSchema] = {}
    for field in plain(parsed, docs=False)["fields"]:
        branch = field["type"]
        if isinstance(branch, list):
            branch = next(item for item in branch if item != "null")
        fields[field["name"]] = fastavro.schema.parse_schema(_inlined(branch, definitions, set()))
    return fields


def _inlined(schema: AvroSchema, definitions: Mapping[str, AvroSchema], seen: set[str]) -> AvroSchema:
    """Return the schema with each named type written out where it is first used."""
    if isinstance(schema, str) and schema in definitions:
        if schema in seen:
            return schema
        return _inlined(definitions[schema], definitions, seen)
    if isinstance(schema, list):
        return [_inlined(branch, definitions, seen) for branch in schema]
    if not isinstance(schema, Mapping):
        return schema
    if schema["type"] in ("record", "enum", "fixed"):
        if schema["name"] in seen:
            return schema["name"]
        seen.add(schema["name"])
    result = dict(schema)
    if schema["type"] == "record":
        result["fields"] = [
            {**field, "type": _inlined(field["type"], definitions, seen)} for field in schema["fields"]
        ]
    elif schema["type"] == "array":
        result["items"] = _inlined(schema["items"], definitions, seen)
    return result


@cache
def load(name: str) -> RecordSchema:
    """Load one record of the contract by its name without namespace; raise KeyError when there is none."""
    path = _AVRO / f"{NAMESPACE}.{name}.avsc"
    if not path.is_file():
        raise KeyError(name)
    return record_schema(fastavro.schema.load_schema(str(path)))


@cache
def by_fingerprint() -> Mapping[bytes, RecordSchema]:
    """Return every record that stands on a topic, by fingerprint."""
    return {load(name).fingerprint: load(name) for name in TOPIC_TYPES}
