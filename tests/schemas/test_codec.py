"""The codec under honest and hostile bytes: exactly one encoding of each value, and no other exception than ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar
from uuid import UUID

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.records import backbone, frame, judgements, postings, queries, sections
from kruispunt_schemas.records.sections import Distribution
from kruispunt_schemas.vectors import samples

from tests.schemas import strategies
from tests.schemas.strategies import BACKBONE_CLASSES, Whole

CASE = samples.composed(samples.CASE)
REASONS = {"encoding", "text", "trailing-bytes", "truncated", "value"}
SAFE_TEXT = re.compile(
    r"[a-z-]+: [a-z_.]+(: (it cannot be (read|written again) \([A-Za-z]+\)|it is not the one encoding of its value"
    r"|a string is not valid UTF-8|the record ends before the value does|it is no [A-Za-z]+|a number has more than 32 bits))?"
)
T = TypeVar("T")
thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_everything(signed: SignedBytes) -> None:
    """Read every part of a posting that decoded."""
    signed.read_proof()
    signed.read_passage()
    signed.read_any_header()
    signed.read_sections()


def decoded_or_refused(schema: schemas.RecordSchema, raw: bytes) -> SignedBytes | ContractError:
    """Decode; check that what decodes is the one encoding, and that a refusal is ours, named and without content."""
    signed = _attempt(lambda: codec.decode_signed(schema, raw))
    if isinstance(signed, ContractError):
        assert signed.reason in REASONS
        assert signed.field in schema.fields or (signed.field, signed.reason) == ("", "trailing-bytes")
        assert SAFE_TEXT.fullmatch(str(signed)), str(signed)
        return signed
    assert signed.encoded() == raw
    read_everything(signed)
    return signed


def _attempt(read: Callable[[], T]) -> T | ContractError:
    try:
        return read()
    except ContractError as error:
        return error


def refused(schema: schemas.RecordSchema, raw: bytes) -> tuple[str, str]:
    """Return reason and field of a refusal."""
    found = decoded_or_refused(schema, raw)
    assert isinstance(found, ContractError), "it was accepted"
    return found.reason, found.field


def with_section(name: str, raw: bytes) -> bytes:
    """Return the bytes of the sample case with other bytes for one section."""
    parts = tuple((item, raw if item == name else content) for item, content in CASE.sections)
    return replace(CASE, sections=parts).encoded()


class TestRoundTrips:
    @thorough
    @given(strategies.any_posting)
    def test_postings(self, whole: Whole) -> None:
        raw = whole.signed.encoded()
        signed = codec.decode_signed(whole.signed.schema, raw)
        assert signed == whole.signed
        assert signed.encoded() == raw
        assert signed.read_sections() == whole.sections
        assert signed.read_proof() == whole.proof
        assert signed.read_passage() == whole.passage
        assert signed.read_any_header() == whole.header

    @pytest.mark.parametrize("name", schemas.BACKBONE_TYPES)
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.data())
    def test_records_of_the_backbone(self, name: str, data: st.DataObject) -> None:
        record = data.draw(strategies.of(BACKBONE_CLASSES[name]))
        raw = codec.encode(record)
        found: Any = codec.decode(schemas.load(name), raw, BACKBONE_CLASSES[name])
        assert found == record
        assert codec.encode(found) == raw

    @pytest.mark.parametrize("name", schemas.TOPIC_TYPES)
    def test_every_dataclass_mirrors_its_avro_record(self, name: str) -> None:
        def check(schema: Any) -> None:
            if isinstance(schema, list):
                for branch in schema:
                    check(branch)
            elif isinstance(schema, dict) and schema["type"] == "array":
                check(schema["items"])
            elif isinstance(schema, dict) and schema["type"] == "enum":
                assert [item.value for item in codec_enum(schema["name"])] == schema["symbols"]
                assert schema["default"] == schema["symbols"][0] == "UNRECOGNISED"
            elif isinstance(schema, dict) and schema["type"] == "record":
                if not schema["name"].endswith(schemas.SIGNAL_TYPES):
                    cls = codec._CLASSES[schema["name"].rsplit(".", 1)[-1]]
                    assert [field.name for field in fields(cls)] == [
                        field["name"] for field in schema["fields"]
                    ]
                for field in schema["fields"]:
                    check(field["type"])

        check(schemas.plain(schemas.load(name).parsed, docs=False))


def codec_enum(name: str) -> Any:
    """Return the enum class of an Avro enum."""
    short = name.rsplit(".", 1)[-1]
    return next(
        vars(module)[short]
        for module in (backbone, frame, judgements, postings, queries, sections)
        if short in vars(module)
    )


class TestHostileBytes:
    @thorough
    @given(strategies.any_posting, st.data())
    def test_truncation(self, whole: Whole, data: st.DataObject) -> None:
        raw = whole.signed.encoded()
        cut = data.draw(st.integers(0, len(raw) - 1))
        refused(whole.signed.schema, raw[:cut])

    @thorough
    @given(strategies.any_posting, st.binary(min_size=1, max_size=8))
    def test_appended_bytes(self, whole: Whole, more: bytes) -> None:
        assert refused(whole.signed.schema, whole.signed.encoded() + more) == ("trailing-bytes", "")

    @thorough
    @given(strategies.any_posting, st.data())
    def test_changed_bytes(self, whole: Whole, data: st.DataObject) -> None:
        raw = bytearray(whole.signed.encoded())
        for _ in range(data.draw(st.integers(1, 3))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        decoded_or_refused(whole.signed.schema, bytes(raw))

    @thorough
    @given(strategies.any_posting, st.data(), st.binary(max_size=12))
    def test_inserted_and_cut_bytes(self, whole: Whole, data: st.DataObject, more: bytes) -> None:
        raw = whole.signed.encoded()
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(len(raw), start + 12)))
        decoded_or_refused(whole.signed.schema, raw[:start] + more + raw[end:])

    @thorough
    @given(st.sampled_from(schemas.POSTING_TYPES), st.binary(max_size=200))
    def test_noise(self, name: str, raw: bytes) -> None:
        decoded_or_refused(schemas.load(name), raw)

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(samples.RECORDS), st.data())
    def test_changed_records_of_the_backbone(self, record: codec.Record, data: st.DataObject) -> None:
        raw = bytearray(codec.encode(record))
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        schema = schemas.load(type(record).__name__)
        found = _attempt(lambda: codec.decode(schema, bytes(raw), type(record)))
        if isinstance(found, ContractError):
            assert SAFE_TEXT.fullmatch(str(found)), str(found)
        else:
            assert codec.encode(found) == bytes(raw)

    def test_every_cut_of_a_sample(self) -> None:
        raw = CASE.encoded()
        for size in range(len(raw)):
            refused(CASE.schema, raw[:size])


SALT = bytes(16)
REST = bytes(6)
"""What follows the names in a distribution that says nothing else."""
ONE_NAME = SALT + b"\x02\x06abc\x00" + REST
OTHER_ENCODINGS = {
    "a varint longer than needed": SALT + b"\x82\x00\x06abc\x00" + REST,
    "a varint of ten bytes": SALT + b"\x82\x80\x80\x80\x80\x80\x80\x80\x80\x00\x06abc\x00" + REST,
    "a block with its size": SALT + b"\x01\x08\x06abc\x00" + REST,
    "a wrong block size": SALT + b"\x01\x7e\x06abc\x00" + REST,
    "a length of text longer than needed": SALT + b"\x02\x86\x80\x00abc\x00" + REST,
    "an array in two blocks": SALT + b"\x02\x06abc\x02\x06def\x00" + REST,
}


class TestOtherEncodingsOfAValue:
    def test_the_sound_one_is_read(self) -> None:
        signed = codec.decode_signed(CASE.schema, with_section("distribution", ONE_NAME))
        assert signed.read_sections().distribution == Distribution(salt=SALT, named=("abc",), excluded=())

    @pytest.mark.parametrize("what", OTHER_ENCODINGS)
    def test_another_one_is_refused(self, what: str) -> None:
        found = refused(CASE.schema, with_section("distribution", OTHER_ENCODINGS[what]))
        assert found == ("encoding", "distribution")

    @pytest.mark.parametrize("index", [b"\x01", b"\x03", b"\x04", b"\x80\x00", b"\xff\x7f"])
    def test_an_index_of_the_union_of_a_section(self, index: bytes) -> None:
        raw = CASE.encoded()
        start = len(CASE.header)
        assert raw[start : start + 1] == b"\x02"
        assert refused(CASE.schema, raw[:start] + index + raw[start + 1 :]) == ("encoding", "context")

    @pytest.mark.parametrize("index", [b"\x01", b"\x03", b"\x04", b"\x80\x00", b"\x82\x00"])
    def test_an_index_of_a_union_within_a_section(self, index: bytes) -> None:
        contact = SALT + b"\x02u\x02f" + index + b"\x02t\x00"
        reason, field = refused(CASE.schema, with_section("contact", contact))
        # A null branch shifts what follows, which then is no text.
        assert reason in {"encoding", "text"}
        assert field == "contact"

    @pytest.mark.parametrize("index", [b"\x01", b"\x0c", b"\x7f", b"\x80\x00", b"\xfe\xff\xff\xff\x0f"])
    def test_an_index_of_an_enum_that_does_not_exist(self, index: bytes) -> None:
        sources = SALT + b"\x02\x02s" + index + b"\x02\x00"
        assert refused(CASE.schema, with_section("sources", sources)) == ("encoding", "sources")

    def test_another_index_of_an_enum_is_another_value(self) -> None:
        for symbol in range(5):
            raw = with_section("sources", SALT + b"\x02\x02s" + bytes([symbol * 2]) + b"\x02\x00")
            found = codec.decode_signed(CASE.schema, raw).read_sections().sources
            assert found is not None
            assert found.evaluations[0].source is list(sections.SourceReliability)[symbol]

    @pytest.mark.parametrize("text", [b"\xff\xfe\xfd", b"\xc0\x80x", b"\xed\xa0\x80", b"ab\xc3"])
    def test_text_that_is_not_utf_8(self, text: bytes) -> None:
        raw = SALT + b"\x02" + bytes([len(text) * 2]) + text + b"\x00\x00"
        assert refused(CASE.schema, with_section("distribution", raw)) == ("text", "distribution")

    @pytest.mark.parametrize("length", [b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\xfe\xff\xff\xff\x0f"])
    def test_a_huge_length(self, length: bytes) -> None:
        for raw in (SALT + length, SALT + b"\x02" + length + b"abc\x00\x00"):
            reason, field = refused(CASE.schema, with_section("distribution", raw))
            assert reason in {"truncated", "encoding", "text"}
            assert field == "distribution"

    @pytest.mark.parametrize("length", [b"\x01", b"\x05", b"\xff\xff\xff\xff\x0f"])
    def test_a_negative_length(self, length: bytes) -> None:
        reason, field = refused(
            CASE.schema, with_section("distribution", SALT + b"\x02" + length + b"abc\x00\x00")
        )
        assert reason in {"truncated", "encoding", "text"}
        assert field == "distribution"

    @pytest.mark.parametrize("number", [b"\x80\x80\x80\x80\x10", b"\x81\x80\x80\x80\x10"])
    def test_a_number_of_more_than_32_bits(self, number: bytes) -> None:
        """Other implementations of Avro cannot read one, fastavro can."""
        signed = samples.composed(samples.EVALUATION)
        raw = dict(signed.sections)["assessment"]
        assert raw is not None
        assert raw[16:17] == b"\x06"
        other = raw[:16] + number + raw[17:]
        parts = tuple((name, other if name == "assessment" else content) for name, content in signed.sections)
        found = refused(signed.schema, replace(signed, sections=parts).encoded())
        assert found == ("encoding", "assessment")

    def test_a_boolean_that_is_neither(self) -> None:
        signed = samples.composed(samples.SHEET)
        raw = dict(signed.sections)["situation"]
        assert raw is not None
        other = raw[:16] + b"\x02" + raw[17:]
        parts = tuple((name, other if name == "situation" else content) for name, content in signed.sections)
        assert refused(signed.schema, replace(signed, sections=parts).encoded()) == ("encoding", "situation")

    def test_an_identifier_in_capitals(self) -> None:
        identifier = str(samples.SIGNAL_ID).encode()
        raw = CASE.encoded().replace(identifier, identifier.upper(), 1)
        assert raw != CASE.encoded()
        assert refused(CASE.schema, raw) == ("encoding", "header")

    @pytest.mark.parametrize("index", range(len(samples.RECORDS)))
    def test_records_of_the_backbone_too(self, index: int) -> None:
        record = samples.RECORDS[index]
        schema, raw = schemas.load(type(record).__name__), codec.encode(record)
        with pytest.raises(ContractError, match="trailing-bytes: record"):
            codec.decode(schema, raw + b"\x00", type(record))
        with pytest.raises(ContractError):
            codec.decode(schema, raw[:-1], type(record))
        longer = bytes([raw[0] | 0x80]) + b"\x00" + raw[1:]
        with pytest.raises(ContractError, match="encoding: record"):
            codec.decode(
                schema,
                longer if raw[0] < 0x80 else raw[:1] + bytes([raw[1] | 0x80, 0]) + raw[2:],
                type(record),
            )

    def test_an_array_in_blocks_in_a_record_of_the_backbone(self) -> None:
        record = next(item for item in samples.RECORDS if isinstance(item, backbone.Review))
        raw = codec.encode(record)
        one = b"\x04\x10person-2\x10person-3\x00"
        assert one in raw
        with pytest.raises(ContractError, match="not the one encoding"):
            codec.decode(
                schemas.load("Review"),
                raw.replace(one, b"\x02\x10person-2\x02\x10person-3\x00"),
                backbone.Review,
            )


class TestErrorsHoldNoContent:
    @pytest.mark.parametrize("size", range(1, 400, 7))
    def test_a_cut_record(self, size: int) -> None:
        found = decoded_or_refused(CASE.schema, CASE.encoded()[:-size])
        assert isinstance(found, ContractError)
        assert found.__cause__ is None
        assert found.__suppress_context__ or found.__context__ is None
        for word in ("Zoë", "Müller", "FP/2025", "isolation", samples.ORIGINATOR):
            assert word not in f"{found} {found.detail} {found.field}"

    def test_a_value_that_does_not_fit(self) -> None:
        for wrong in (5.7, None, "GEHEIM", ("GEHEIM",), 2**31, -(2**31) - 1):
            header = replace(CASE.read_header(), version=wrong)  # type: ignore[arg-type]  # wrong on purpose
            with pytest.raises(ContractError) as caught:
                codec.write_part(CASE.schema, "header", header)
            assert (caught.value.reason, caught.value.field) == ("value", "header")
            assert "GEHEIM" not in str(caught.value)

    def test_a_posting_of_another_kind(self) -> None:
        with pytest.raises(ContractError, match="value: header: it is no Header"):
            samples.receipt().read_header()


class TestWritingIsStrict:
    def test_times_are_kept_to_the_microsecond_in_utc(self) -> None:
        local = samples.TIME.astimezone(timezone(timedelta(hours=2)))
        header = replace(CASE.read_header(), observed_at=local)
        raw = codec.write_part(CASE.schema, "header", header)
        parts = SignedBytes(CASE.schema, raw, CASE.sections, CASE.proof, None)
        assert parts.read_header().observed_at == samples.TIME
        assert parts.read_header().observed_at.tzinfo == UTC

    @pytest.mark.parametrize(
        "part",
        [
            sections.Contact(salt=SALT, unit="\ud800", function="f"),
            sections.Contact(salt=SALT[:15], unit="u", function="f"),
            sections.Contact(salt=b"", unit="u", function="f"),
            sections.Contact(salt=SALT, unit="u", function="f", email=5),  # type: ignore[arg-type]  # wrong on purpose
            sections.Contact(salt=SALT, unit=None, function="f"),  # type: ignore[arg-type]  # wrong on purpose
            sections.Sources(salt=SALT),
        ],
        ids=["surrogate", "short salt", "no salt", "number", "none", "another section"],
    )
    def test_a_section_that_does_not_fit_is_refused_with_its_name(self, part: object) -> None:
        with pytest.raises(ContractError) as caught:
            codec.write_part(CASE.schema, "contact", part)
        assert (caught.value.reason, caught.value.field) == ("value", "contact")

    @pytest.mark.parametrize(
        "change",
        [
            {"observed_at": datetime(2025, 1, 1)},  # noqa: DTZ001
            {"signal_id": "0e8a3c5e-2b6f-8d21-9c44-5d0f7a1b2c3d"},
            {"handling": [frame.Handling.TLP_RED]},
            {"lifecycle": "ABANDONED"},
            {"schema_fingerprint": b"short"},
        ],
        ids=["naive time", "id as text", "list", "unknown symbol", "short digest"],
    )
    def test_a_header_that_would_not_read_back_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(ContractError) as caught:
            codec.write_part(CASE.schema, "header", replace(CASE.read_header(), **change))
        assert (caught.value.reason, caught.value.field) == ("value", "header")

    def test_what_the_backbone_writes(self) -> None:
        record = next(item for item in samples.RECORDS if isinstance(item, backbone.Status))
        with pytest.raises(ContractError, match="value: record"):
            codec.encode(replace(record, output_id=None))  # type: ignore[arg-type]  # wrong on purpose


class TestSlices:
    def test_they_are_what_an_avro_library_writes(self) -> None:
        for draft in samples.DRAFTS:
            signed = samples.composed(draft)
            for released in (frozenset(signed.schema.sections), frozenset({"context"}), frozenset[str]()):
                view = signed.releasing(released).with_passage(samples.PASSAGE)
                again = codec.decode_signed(signed.schema, view.encoded())
                assert again == view
                assert again.read_passage() == samples.PASSAGE
                assert again.with_passage(None).encoded() == signed.releasing(released).encoded()

    def test_bytes_put_in_place_of_those_read_are_read_themselves(self) -> None:
        first, second = (samples.composed(draft) for draft in samples.DRAFTS[:2])
        again = codec.decode_signed(first.schema, first.encoded())
        assert replace(again, proof=second.proof).read_proof() == second.read_proof()
        assert again.with_passage(samples.PASSAGE).read_passage() == samples.PASSAGE

    def test_what_is_no_posting_is_refused(self) -> None:
        with pytest.raises(ContractError, match="not-a-posting"):
            codec.decode_signed(schemas.load("Status"), b"")

    def test_a_fingerprint_that_nobody_knows(self) -> None:
        for fingerprint in (None, b"", bytes(32)):
            with pytest.raises(ContractError) as caught:
                codec.schema_of(fingerprint)
            assert (caught.value.reason, caught.value.field) == (
                "unknown-schema",
                "header.schema_fingerprint",
            )
        assert codec.schema_of(CASE.schema.fingerprint) is CASE.schema

    def test_the_ids_of_a_library_and_ours_agree(self) -> None:
        assert fastavro.schema.fullname(CASE.schema.parsed) == CASE.schema.subject
        assert isinstance(CASE.read_header().signal_id, UUID)
