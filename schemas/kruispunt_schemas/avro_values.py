"""What fastavro is given to write, and what it must not have read: the checks that it leaves out.

fastavro writes and reads an int of more than 32 bits, writes True or 5.7 as a number, and finds the branch of a union by
trying each, which costs more than writing the record.

Rules
-----
1. A record goes to fastavro as plain values of exactly the type that its schema asks for, a nullable record with the
   name of its branch. Anything else raises TypeError or ValueError, without the value.
2. A record has exactly the fields of its schema: nothing is filled in, nothing left out.
3. What a schema asks for is compiled once: functions that call each other, one for each type.

Must not: read or write bytes (`codec`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from kruispunt_schemas.schema import AvroSchema

Value = Callable[[Any], Any]
Fits = Callable[[Any], bool]
Named = Mapping[str, AvroSchema]


def of(parsed: AvroSchema, record: object) -> Any:
    """Return what fastavro writes for a record (a dataclass); raise TypeError or ValueError by rules 1 and 2."""
    known = _VALUES.get(id(parsed))
    if known is None:
        known = _VALUES[id(parsed)] = (parsed, _value(parsed, parsed["__named_schemas"]))
    return known[1](record)


def fit(parsed: AvroSchema, value: Mapping[str, Any]) -> bool:
    """Tell whether every Avro int of what fastavro has read has 32 bits at most."""
    known = _FITS.get(id(parsed))
    if known is None:
        known = _FITS[id(parsed)] = (parsed, _fitting(parsed, parsed["__named_schemas"]))
    fits = known[1]
    return fits is None or fits(value)


_VALUES: Final[dict[int, tuple[AvroSchema, Value]]] = {}
_FITS: Final[dict[int, tuple[AvroSchema, Fits | None]]] = {}
"""Both by identity of a parsed schema, which is kept alive beside."""


def _number(bits: int) -> Value:
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def check(value: Any) -> Any:
        if type(value) is not int:
            raise TypeError("not a whole number")
        if not least <= value <= most:
            raise ValueError(f"more than {bits} bits")
        return value

    return check


def _exactly(kind: type) -> Value:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"no {kind.__name__}")
        return value

    return check


def _instant(value: Any) -> Any:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError("no aware time")
    return value


def _day(value: Any) -> Any:
    if type(value) is not date:
        raise TypeError("no date")
    return value


_PLAIN: Final[dict[str, Value]] = {
    "boolean": _exactly(bool),
    "int": _number(32),
    "long": _number(64),
    "string": _exactly(str),
    "bytes": _exactly(bytes),
    "fixed": _exactly(bytes),
    "enum": _exactly(str),
}
_LOGICAL: Final[dict[str, Value]] = {"uuid": _exactly(UUID), "timestamp-micros": _instant, "date": _day}


def _value(schema: AvroSchema, named: Named) -> Value:
    """Return what makes the value of a schema; raise KeyError for a type that the contract does not use."""
    if isinstance(schema, list):
        return _nullable(schema[-1], named)
    definition = named.get(schema) if isinstance(schema, str) else schema
    if definition is None:
        return _PLAIN[schema]
    logical = definition.get("logicalType")
    if logical is not None:
        return _LOGICAL[logical]
    if definition["type"] == "array":
        item = _value(definition["items"], named)
        return lambda values: [item(value) for value in values]
    return _record(definition, named) if definition["type"] == "record" else _PLAIN[definition["type"]]


def _nullable(branch: AvroSchema, named: Named) -> Value:
    made = _value(branch, named)
    definition = named.get(branch) if isinstance(branch, str) else branch
    if definition is None or definition["type"] != "record":
        return lambda value: None if value is None else made(value)
    name = definition["name"]
    return lambda value: None if value is None else (name, made(value))


def _record(definition: AvroSchema, named: Named) -> Value:
    parts = [(field["name"], _value(field["type"], named)) for field in definition["fields"]]
    names = {name for name, _ in parts}
    known: set[type] = set()

    def make(record: Any) -> Any:
        if type(record) not in known:
            if {field.name for field in fields(record)} != names:
                raise TypeError("not the fields of its schema")
            known.add(type(record))
        return {name: value(getattr(record, name)) for name, value in parts}

    return make


def _fitting(schema: AvroSchema, named: Named) -> Fits | None:
    """Return the check of a schema, None where no int can stand."""
    if isinstance(schema, list):
        branch = _fitting(schema[-1], named)
        return None if branch is None else lambda value: value is None or branch(value)
    if schema == "int":
        return lambda value: -(2**31) <= value < 2**31
    definition = named.get(schema) if isinstance(schema, str) else schema
    if definition is None or definition["type"] not in ("record", "array"):
        return None
    if definition["type"] == "array":
        items = _fitting(definition["items"], named)
        return None if items is None else lambda values: all(items(value) for value in values)
    checks = [
        (field["name"], check)
        for field in definition["fields"]
        if (check := _fitting(field["type"], named)) is not None
    ]
    return (lambda value: all(check(value[name]) for name, check in checks)) if checks else None
