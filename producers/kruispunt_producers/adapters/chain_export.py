"""The export of any service of the chain: one JSON object a line, UTF-8, each a signal of any type of the contract.

Rules
-----
1. An object says what the contract says, under the contract's names: ``type``, ``observed_at``, ``classification``,
   ``handling``, ``withdrawn``, and one object for each section. The dataclasses of the sections are the one list of
   fields: a type or a field that the contract gains needs nothing here.
2. Enums are their symbols, days yyyy-mm-dd, identifiers UUIDs; null is absent. What the contract wants sorted is sorted.
3. A key that the contract does not have is refused: ``embargoed`` for ``embargo`` must not pass as "no embargo". So is a
   key that comes twice.
4. A refusal names the dotted path of the field.

Must not: decide what is admissible, or raise, whatever the bytes.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any, Final, get_args, get_origin, get_type_hints
from uuid import UUID

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records import sections as parts
from kruispunt_schemas.records.frame import Classification, Handling, Lifecycle

from kruispunt_producers.adapters.export_folder import ExportFolder
from kruispunt_producers.adapters.protocol import Adapter
from kruispunt_producers.adapters.row import DATE, MISSING, NUMBER, Refusal, Row, adapting

PATTERN: Final = "*.jsonl"
WHOLE_LINE: Final = "line"
KEY: Final = "key"
"""Reason: a key that the contract does not have there."""
IDENTIFIER: Final = "identifier"
"""Reason: no UUID."""
BOOLEAN: Final = "boolean"
LIST: Final = "list"
OBJECT: Final = "object"
"""Reasons: JSON of another kind was expected."""
HEADER: Final = frozenset({"type", "observed_at", "classification", "handling", "withdrawn"})
SETS: Final = frozenset(
    {"categories", "consented", "excluded", "groups", "named", "proposed_categories", "purposes"}
)
"""Lists that the contract wants sorted, each item once."""
_TYPES: Final = {name: name for name in schemas.SIGNAL_TYPES}
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TELLABLE: Final = re.compile(r"[a-z_]{1,40}")
"""A key that may be named in a refusal; another one may hold content."""


def records(content: bytes) -> Iterator[tuple[int, Row | Refusal]]:
    """Cut a file into records, each with its line number; empty lines are left out."""
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line.decode(), object_pairs_hook=_each_once)
        except (ValueError, RecursionError):
            found = None
        yield number, Row(found) if isinstance(found, dict) else Refusal("json", WHOLE_LINE)


@adapting
def draft(row: Row) -> Draft:
    """Return the signal of one object."""
    signal_type = row.code("type", _TYPES)
    classes = _sections_of(signal_type)
    _refuse_other_keys(row, row.values, HEADER | classes.keys(), "")
    found: dict[str, Any] = {
        name: _record(row, cls, row.values[name], name)
        for name, cls in classes.items()
        if row.values.get(name) is not None
    }
    sections = parts.Sections(**found)
    if sections.context is None or not sections.context.reference:
        raise row.refuse(MISSING, "context.reference")
    withdrawn = row.values.get("withdrawn")
    recalled = withdrawn is not None and _value(row, bool, withdrawn, "withdrawn")
    handling = row.values.get("handling")
    return Draft(
        signal_type=signal_type,
        version=1,
        lifecycle=Lifecycle.RECALL if recalled else Lifecycle.ORIGINAL,
        observed_at=row.moment("observed_at"),
        classification=row.code("classification", _symbols(Classification)),
        handling=tuple(sorted(set(_items(row, Handling, [] if handling is None else handling, "handling")))),
        sections=sections,
    )


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


@cache
def _sections_of(signal_type: str) -> Mapping[str, type]:
    """Return the dataclass of each section of a type."""
    schema = schemas.load(signal_type)
    return {
        name: getattr(parts, str(schema.field(name)["name"]).rsplit(".", 1)[-1]) for name in schema.sections
    }


@cache
def _symbols(kind: type[StrEnum]) -> Mapping[str, Any]:
    return {item.value: item for item in kind if item.value != "UNRECOGNISED"}


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    return {name: hint for name, hint in get_type_hints(cls).items() if name != "salt"}


def _record(row: Row, cls: type, value: object, path: str) -> Any:
    """Return one record; a field that is not given takes its default."""
    if not isinstance(value, dict):
        raise row.refuse(OBJECT, path)
    hints = _hints(cls)
    _refuse_other_keys(row, value, hints.keys(), f"{path}.")
    given: dict[str, Any] = {}
    for field in fields(cls):
        if field.name not in hints:
            continue
        if value.get(field.name) is not None:
            given[field.name] = _value(row, hints[field.name], value[field.name], f"{path}.{field.name}")
            if field.name in SETS:
                given[field.name] = tuple(sorted(set(given[field.name])))
        elif field.default is NO_DEFAULT:
            raise row.refuse(MISSING, f"{path}.{field.name}")
    return cls(**given)


def _items(row: Row, hint: Any, value: object, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise row.refuse(LIST, path)
    if None in value:
        raise row.refuse(MISSING, f"{path}.{value.index(None)}")
    return tuple(_value(row, hint, item, f"{path}.{place}") for place, item in enumerate(value))


def _value(row: Row, hint: Any, value: object, path: str) -> Any:
    """Return a value of the type that a field asks for."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is types.UnionType:
        return _value(row, arguments[0], value, path)
    if origin is tuple:
        return _items(row, arguments[0], value, path)
    if isinstance(hint, type) and is_dataclass(hint):
        return _record(row, hint, value, path)
    return _plain(row, hint, value, path)


def _plain(row: Row, hint: type, value: object, path: str) -> Any:
    leaf = Row({path: value})
    if issubclass(hint, StrEnum):
        return leaf.code(path, _symbols(hint))
    if hint is bool:
        if not isinstance(value, bool):
            raise row.refuse(BOOLEAN, path)
        return value
    if hint is int:
        number = leaf.number(path)
        if not -(2**31) <= number < 2**31:
            raise row.refuse(NUMBER, path)
        return number
    if hint is str:
        return leaf.optional(path) or ""
    return _parsed(row, hint, leaf.text(path), path)


def _parsed(row: Row, hint: type, text: str, path: str) -> date | UUID:
    try:
        if hint is UUID:
            return UUID(text)
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise row.refuse(IDENTIFIER if hint is UUID else DATE, path)


def _refuse_other_keys(
    row: Row, value: Mapping[str, object], known: frozenset[str] | Any, prefix: str
) -> None:
    for key in value:
        if key not in known:
            raise row.refuse(
                KEY, f"{prefix}{key}" if _TELLABLE.fullmatch(key) else prefix.rstrip(".") or WHOLE_LINE
            )


ADAPTER: Final = Adapter(
    "chain-export", "chain", ("*",), lambda folder: ExportFolder(folder, PATTERN, records), draft
)
