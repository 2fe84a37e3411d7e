from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_processors.resolve import content
from kruispunt_schemas import disclosure
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Classification, Handling, Lifecycle
from kruispunt_schemas.records.sections import Measures, Sections

from tests import drafts
from tests.drafts import BACKBONE, MONDAY, composed, draft


def fingerprint(signed: SignedBytes, key: bytes = BACKBONE.content) -> bytes | None:
    return content.fingerprint(key, signed, signed.read_header())


@settings(deadline=None, max_examples=40)
@given(
    secret=st.binary(min_size=32, max_size=32),
    reference=st.text(min_size=1, max_size=20),
    version=st.integers(1, 99),
    observed=st.timedeltas(timedelta(0), timedelta(days=900)),
    published=st.timedeltas(timedelta(0), timedelta(days=900)),
    signal_type=st.sampled_from(schemas.SIGNAL_TYPES),
)
def test_salts_reference_version_and_times_make_no_difference(
    secret: bytes, reference: str, version: int, observed: timedelta, published: timedelta, signal_type: str
) -> None:
    other = disclosure.compose(
        draft(
            signal_type, reference=reference, version=version, observed_at=MONDAY - timedelta(1000) + observed
        ),
        originator=drafts.ORIGINATORS[signal_type],
        secret=secret,
        signer=drafts.signer_of("vsse"),
        published_at=MONDAY + published,
    )
    assert fingerprint(other) == fingerprint(composed(draft(signal_type)))


def leaves(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value in a record, but for the salts and the reference."""
    if isinstance(value, tuple):
        inner = [found for place, item in enumerate(value) for found in leaves(item, (*path, place))]
        return [path, *inner]
    if is_dataclass(value):
        return [
            found
            for field in fields(value)
            if field.name not in ("salt", "reference")
            for found in leaves(getattr(value, field.name), (*path, field.name))
        ]
    return [path]


def changed(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return a record with the value at a path changed."""
    if path:
        head, *rest = path
        if isinstance(head, int):
            return (*value[:head], changed(value[head], tuple(rest)), *value[head + 1 :])
        return replace(value, **{head: changed(getattr(value, head), tuple(rest))})
    if isinstance(value, StrEnum):
        members = list(type(value))
        return members[(members.index(value) + 1) % len(members)]
    if isinstance(value, tuple):
        return (*value, value[0])
    if isinstance(value, UUID):
        return UUID(int=value.int + 1)
    changes: dict[type, Any] = {bool: not value, str: f"{value} "}
    step: Any = timedelta(days=1) if isinstance(value, date) else 1
    return changes[type(value)] if type(value) in changes else value + step


@pytest.mark.parametrize("signal_type", schemas.SIGNAL_TYPES)
def test_everything_else_makes_a_difference(signal_type: str) -> None:
    parts = drafts.sections(signal_type, named=("ocad", "vsse"), excluded=("dvz", "nvo"))
    seen = {fingerprint(composed(draft(signal_type, parts=parts)))}
    tried = 0
    for name in Sections.NAMES:
        for path in leaves(parts.get(name)):
            if not path or _value(parts.get(name), path) in (None, ()):
                continue
            other = replace(parts, **{name: changed(parts.get(name), path)})
            found = fingerprint(composed(draft(signal_type, parts=other)))
            assert found not in seen, f"{name}.{path}"
            seen.add(found)
            tried += 1
        if name != "context" and parts.get(name) is not None:
            gone = fingerprint(composed(draft(signal_type, parts=replace(parts, **{name: None}))))
            assert gone not in seen, f"{name} absent"
            seen.add(gone)
    assert tried > 20


def _value(record: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        record = record[step] if isinstance(step, int) else getattr(record, step)
    return record


@pytest.mark.parametrize("field", ["national_number", "description", "birth_place"])
def test_what_was_unknown_and_is_known_now_makes_a_difference(field: str) -> None:
    parts = drafts.with_section(drafts.sections(), "subject", **{field: "x"})
    assert fingerprint(composed(draft(parts=parts))) != fingerprint(composed())


def test_classification_and_handling_make_a_difference() -> None:
    plain = draft()
    marked = [
        replace(plain, classification=Classification.RESTRICTED),
        replace(plain, handling=(Handling.TLP_RED,)),
        replace(plain, handling=(Handling.TLP_RED, Handling.THIRD_PARTY_RULE)),
    ]
    assert len({fingerprint(composed(item)) for item in (plain, *marked)}) == 4


def test_handling_in_another_order_is_the_same() -> None:
    one, other = (Handling.TLP_RED, Handling.THIRD_PARTY_RULE), (Handling.THIRD_PARTY_RULE, Handling.TLP_RED)
    made: list[Draft] = [replace(draft(), handling=handling) for handling in (one, other)]
    assert len({fingerprint(composed(item)) for item in made}) == 1


def test_it_is_keyed_and_a_recall_has_none() -> None:
    assert fingerprint(composed(), b"1" * 32) != fingerprint(composed(), b"2" * 32)
    assert fingerprint(composed(draft(version=2, lifecycle=Lifecycle.RECALL))) is None


def test_an_empty_section_is_not_an_absent_one() -> None:
    empty = replace(drafts.sections(), measures=Measures())
    absent = replace(drafts.sections(), measures=None)
    assert fingerprint(composed(draft(parts=empty))) != fingerprint(composed(draft(parts=absent)))
