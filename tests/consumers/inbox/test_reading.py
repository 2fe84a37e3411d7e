"""What cannot be read is named with its reason and, where the headers name it, its output id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_consumers.inbox.reading import Arrival, StatusNotice, Unreadable, View, WithdrawalNotice, read
from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.records.backbone import BundleActivation
from kruispunt_schemas.wire import FINGERPRINT_URN

from tests.consumers.inbox.deliveries import (
    MONDAY,
    arrival,
    output_id,
    posting,
    signal,
    status,
    view,
    withdrawal,
)


def test_each_kind_is_recognised() -> None:
    assert isinstance(read(arrival(view(signal(), 1), 0)), View)
    assert isinstance(read(arrival(withdrawal(1), 0)), WithdrawalNotice)
    assert isinstance(read(arrival(status(1), 0)), StatusNotice)


def test_the_registrys_id_is_no_part_of_the_content() -> None:
    one, other = (read(arrival(view(signal(), 1), 0, wire_id=wire_id)) for wire_id in (1, 99))
    assert isinstance(one, View)
    assert isinstance(other, View)
    assert one.digest == other.digest


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": None}, "empty"),
        ({"value": b""}, "empty"),
        ({"value": b"{}"}, "wire-format"),
        ({"value": b"\x00\x00\x00\x00\x07"}, "truncated"),
        ({"headers": {}}, "unknown-schema"),
        ({"headers": {"ce_dataschema": FINGERPRINT_URN.encode() + b"00" * 32}}, "unknown-schema"),
    ],
)
def test_damaged_records_are_named(change: dict[str, Any], reason: str) -> None:
    found = read(replace(arrival(view(signal(), 1), 0), **change))
    assert isinstance(found, Unreadable)
    assert found.reason == reason


def test_trailing_bytes_are_refused_and_the_headers_name_the_output() -> None:
    whole = arrival(view(signal(), 1), 0)
    found = read(replace(whole, value=(whole.value or b"") + b"\x00"))
    assert isinstance(found, Unreadable)
    assert (found.reason, found.output_id) == ("trailing-bytes", output_id(1))


@pytest.mark.parametrize(("with_passage", "field"), [(False, "passage"), (True, "passage.delivery")])
def test_a_signal_that_was_delivered_to_nobody(*, with_passage: bool, field: str) -> None:
    record = view(signal(), 1)
    passage = record.read_passage()
    assert passage is not None
    bare = record.with_passage(replace(passage, delivery=None, posting=posting(1)) if with_passage else None)
    found = read(arrival(bare, 0))
    assert isinstance(found, Unreadable)
    assert (found.reason, found.field) == ("missing", field)


def test_a_record_of_another_topic() -> None:
    record = BundleActivation(bundle="0" * 64, in_force_from=MONDAY, announced_at=MONDAY)
    fingerprint = schemas.load("BundleActivation").fingerprint.hex()
    headers = {"ce_dataschema": (FINGERPRINT_URN + fingerprint).encode(), "ce_id": b"no id"}
    found = read(Arrival(0, MONDAY, b"\x00\x00\x00\x00\x07" + codec.encode(record), headers))
    assert isinstance(found, Unreadable)
    assert (found.reason, found.output_id) == ("foreign-record", None)


@given(st.binary(max_size=400), st.sampled_from(["RadicalisationCase", "Withdrawal", "Status"]))
def test_no_bytes_make_reading_fail(value: bytes, name: str) -> None:
    fingerprint = schemas.load(name).fingerprint.hex()
    headers = {"ce_dataschema": (FINGERPRINT_URN + fingerprint).encode()}
    found = read(Arrival(0, MONDAY, b"\x00\x00\x00\x00\x07" + value, headers))
    assert isinstance(found, Unreadable | StatusNotice | WithdrawalNotice)
