from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_schemas import schema as schemas
from kruispunt_schemas import wire
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.vectors import samples

STATUS = schemas.load("Status")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class TestValues:
    @given(st.integers(0, 2**32 - 1), st.binary(max_size=30))
    def test_what_is_wrapped_is_unwrapped(self, wire_id: int, payload: bytes) -> None:
        value = wire.wrapped(wire_id, payload)
        assert value[:5] == b"\x00" + wire_id.to_bytes(4, "big")
        assert wire.unwrapped(value) == payload

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (None, "empty"),
            (b"", "empty"),
            (b"\x00", "wire-format"),
            (b"\x00\x00\x00\x07", "wire-format"),
            (b"\x01\x00\x00\x00\x07x", "wire-format"),
            (b"{}", "wire-format"),
        ],
    )
    def test_what_is_not_in_the_wire_format(self, value: bytes | None, reason: str) -> None:
        with pytest.raises(ContractError) as caught:
            wire.unwrapped(value)
        assert caught.value.reason == reason

    def test_a_prefix_alone_has_no_payload(self) -> None:
        assert wire.unwrapped(bytes(5)) == b""


class TestHeaders:
    def test_a_cloud_event(self) -> None:
        headers = wire.envelope(
            STATUS, identifier="an-id", source="/backbone/admit", time=samples.TIME, traceparent=TRACE
        )
        assert dict(headers) == {
            "content-type": b"application/avro",
            "ce_specversion": b"1.0",
            "ce_id": b"an-id",
            "ce_source": b"/backbone/admit",
            "ce_type": b"be.kruispunt.Status",
            "ce_time": b"2025-03-14T09:26:53.589793Z",
            "ce_dataschema": b"urn:kruispunt:schema:sha256:" + STATUS.fingerprint.hex().encode(),
            "traceparent": TRACE.encode(),
        }
        assert wire.fingerprint_of(wire.header_map(headers)) == STATUS.fingerprint
        assert wire.traceparent_of(wire.header_map(headers)) == TRACE

    def test_no_trace_no_header(self) -> None:
        headers = wire.envelope(STATUS, identifier="", source="", time=samples.TIME, traceparent=None)
        assert "traceparent" not in dict(headers)

    def test_a_whole_second_keeps_its_microseconds(self) -> None:
        time = samples.TIME - timedelta(microseconds=samples.TIME.microsecond)
        headers = wire.envelope(STATUS, identifier="", source="", time=time, traceparent=None)
        assert dict(headers)["ce_time"] == b"2025-03-14T09:26:53.000000Z"

    def test_every_shape_that_a_client_library_gives(self) -> None:
        assert wire.header_map(None) == {}
        assert wire.header_map([]) == {}
        expected = {"a": b"1", "b": b"", "c": b"2"}
        assert wire.header_map([("a", b"1"), ("b", None), ("c", "2")]) == expected
        assert wire.header_map({"a": b"1", "b": None, "c": "2"}) == expected
        assert wire.header_map([("a", b"1"), ("a", b"2")]) == {"a": b"2"}

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"urn:kruispunt:schema:sha256:",
            b"urn:kruispunt:schema:sha256:zz",
            b"urn:kruispunt:schema:sha256:" + b"0" * 62,
            b"urn:kruispunt:schema:sha256:" + b"0" * 66,
            b"sha256:" + b"0" * 64,
            b"\xff\xfe",
        ],
    )
    def test_no_fingerprint_or_no_valid_one(self, text: bytes) -> None:
        assert wire.fingerprint_of({"ce_dataschema": text}) is None
        assert wire.fingerprint_of({}) is None

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"00-x",
            TRACE.upper().encode(),
            TRACE[:-1].encode(),
            TRACE.encode() + b"-",
            b"\xff" * 55,
            TRACE.encode() + b"0",
        ],
    )
    def test_a_malformed_trace(self, text: bytes) -> None:
        assert wire.traceparent_of({"traceparent": text}) is None

    @given(st.binary(max_size=70))
    def test_any_bytes_are_answered(self, text: bytes) -> None:
        wire.traceparent_of({"traceparent": text})
        wire.fingerprint_of({"ce_dataschema": text})


def test_a_header_name_ends_at_its_first_nul_as_the_other_client_library_reads_it() -> None:
    pairs = [("ce_id", b"1"), ("ce_id\0hidden", b"2"), ("\0", b"3")]
    assert wire.header_map(pairs) == {"ce_id": b"2", "": b"3"}


@pytest.mark.parametrize("name", ["\\", "\\xff", "ce_id\\"])
def test_a_header_name_with_a_backslash_is_refused(name: str) -> None:
    with pytest.raises(ContractError) as refused:
        wire.check_names(wire.header_map([("ce_id", b"1"), (name, b"2")]))
    assert (refused.value.reason, refused.value.field) == ("header-name", "headers")
    wire.check_names(wire.header_map([("ce_id", b"1"), ("", b"2"), ("\N{SNOWMAN}", b"3")]))
