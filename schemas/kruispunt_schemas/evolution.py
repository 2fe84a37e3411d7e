"""What changed between two schemas, in words; and the schemas released so far, which a change must stay compatible with.

Rules
-----
1. A registry says that a change is refused, not which: `changes` names each field that is new, gone or of another type.
2. ``avro/RELEASED.toml`` lists every schema that data may have been written under; its JSON lies beside it. A schema is
   added (``python -m kruispunt_schemas.evolution``) when it is released, never changed or removed.

Must not: decide what is compatible; the registry does (`registry`).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import fastavro.schema

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.schema import RecordSchema

_AVRO: Final = Path(__file__).parent / "avro"
RELEASED: Final = _AVRO / "RELEASED.toml"


def changes(before: str, after: str) -> list[str]:
    """Return what differs between the JSON of two schemas, one line each, sorted."""
    old, new = dict(_described(json.loads(before))), dict(_described(json.loads(after)))
    return sorted(
        [f"{name} is gone (it was {old[name]})" for name in old.keys() - new.keys()]
        + [f"{name} is new ({new[name]})" for name in new.keys() - old.keys()]
        + [
            f"{name} was {old[name]} and is {new[name]}"
            for name in old.keys() & new.keys()
            if old[name] != new[name]
        ]
    )


def released(path: Path = RELEASED) -> dict[str, tuple[RecordSchema, ...]]:
    """Return the released schemas of each record type, oldest first."""
    found: dict[str, tuple[RecordSchema, ...]] = {}
    for row in tomllib.loads(path.read_text(encoding="utf-8")).get("released", []):
        parsed = fastavro.schema.parse_schema(
            json.loads((path.parent / row["schema"]).read_text(encoding="utf-8"))
        )
        schema = schemas.record_schema(parsed)
        if schema.fingerprint.hex() != row["fingerprint"] or schema.name != row["type"]:
            message = f"{row['schema']} is not the schema that was released as {row['fingerprint'][:12]}"
            raise ValueError(message)
        found[schema.name] = (*found.get(schema.name, ()), schema)
    return found


def release() -> None:
    """Add every schema of this program that is not listed yet."""
    known = released() if RELEASED.exists() else {}
    for name in schemas.TOPIC_TYPES:
        schema = schemas.load(name)
        if schema.fingerprint in {item.fingerprint for item in known.get(name, ())}:
            continue
        file = f"released/{name}-{schema.fingerprint.hex()[:12]}.json"
        (_AVRO / file).parent.mkdir(exist_ok=True)
        (_AVRO / file).write_text(
            json.dumps(json.loads(schema.json), indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
        row = (
            f'[[released]]\ntype = "{name}"\nfingerprint = "{schema.fingerprint.hex()}"\nschema = "{file}"\n'
        )
        with RELEASED.open("a", encoding="utf-8") as table:
            table.write(f"\n{row}")


def _described(schema: Any) -> Iterator[tuple[str, str]]:
    """Give each field and enum of a schema with what it is."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _described(branch)
    if not isinstance(schema, dict):
        return
    name = str(schema.get("name", "")).rsplit(".", 1)[-1]
    if schema["type"] == "record":
        for field in schema["fields"]:
            default = ", with a default" if "default" in field else ""
            yield f"{name}.{field['name']}", f"{_type(field['type'])}{default}"
            yield from _described(field["type"])
    elif schema["type"] == "enum":
        yield name, f"one of {', '.join(schema['symbols'])}"
    elif schema["type"] == "fixed":
        yield name, f"{schema['size']} bytes"
    elif schema["type"] == "array":
        yield from _described(schema["items"])


def _type(schema: Any) -> str:
    if isinstance(schema, list):
        return " or ".join(_type(branch) for branch in schema)
    if isinstance(schema, str):
        return schema.rsplit(".", 1)[-1]
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("logicalType") or schema.get("name") or schema["type"]).rsplit(".", 1)[-1]


if __name__ == "__main__":
    release()
