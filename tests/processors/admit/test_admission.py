from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_processors.admit.admission import Admitted, Forwarded, Refused, admit
from kruispunt_schemas import codec, identity
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.records.frame import Classification, Handling, Lifecycle, Passage, Posting
from kruispunt_schemas.records.sections import Distribution, Phenomenon, Sections

from tests import drafts
from tests.drafts import BACKBONE, LTF, MONDAY, OCAD, VSSE, composed, draft, with_section


def admitted(
    signed: SignedBytes | None = None, *, posting: Posting | None = None, **changes: Any
) -> Admitted | Forwarded | Refused:
    signed = signed or composed()
    value, headers = drafts.wired(signed)
    arguments = {"value": value, "headers": headers, "bundle": drafts.bundle(), **changes}
    return admit(posting or drafts.posting(), case_secret=BACKBONE.case, **arguments)


def refusal(outcome: Admitted | Forwarded | Refused) -> tuple[str, str]:
    assert isinstance(outcome, Refused)
    return outcome.reason, outcome.field


def signed_again(signed: SignedBytes, **changes: Any) -> SignedBytes:
    """Return the signal with another header, signed by its originator as if it were in order."""
    header = replace(signed.read_header(), **changes)
    raw = codec.write_part(signed.schema, "header", header)
    proof = drafts.signer_of(header.originator).sign(signed.schema.name, raw)
    return replace(signed, header=raw, proof=codec.write_part(signed.schema, "proof", proof))


@pytest.mark.parametrize("signal_type", schemas.SIGNAL_TYPES)
def test_a_sound_signal_of_each_type_goes_on_with_its_own_bytes(signal_type: str) -> None:
    signed = composed(draft(signal_type))
    at = drafts.posting(drafts.ORIGINATORS[signal_type], 41)
    outcome = admitted(signed, posting=at)
    assert isinstance(outcome, Admitted)
    assert outcome.signed.with_passage(None) == signed
    assert outcome.header == signed.read_header()
    assert outcome.case_key == identity.case_key(BACKBONE.case, at.participant, "2026/118")
    assert outcome.signed.read_passage() == Passage(
        posting=at, bundle=drafts.bundle().name, case_key=outcome.case_key
    )


@pytest.mark.parametrize("lifecycle", [Lifecycle.CORRECTION, Lifecycle.RECALL])
def test_a_later_version_has_the_case_key_of_the_first(lifecycle: Lifecycle) -> None:
    first, later = admitted(), admitted(composed(draft(version=2, lifecycle=lifecycle)))
    assert isinstance(first, Admitted)
    assert isinstance(later, Admitted)
    assert later.case_key == first.case_key


@pytest.mark.parametrize(
    ("record", "record_id"),
    [
        (drafts.receipt(), str(identity.receipt_id(LTF, UUID(int=7), "STORED"))),
        (drafts.consultation(), str(UUID(int=8))),
    ],
)
def test_a_verified_receipt_or_consultation_is_forwarded(record: SignedBytes, record_id: str) -> None:
    at = drafts.posting(LTF, 3)
    outcome = admitted(record, posting=at)
    assert isinstance(outcome, Forwarded)
    assert outcome.signed.with_passage(None) == record
    assert outcome.signed.read_passage() == Passage(posting=at, bundle=drafts.bundle().name)
    assert outcome.identifier == record_id


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (drafts.receipt(speaker=OCAD), ("not-owner", "header.participant")),
        (drafts.receipt(signer=drafts.signer_of(OCAD)), ("unknown-key", "proof.key_id")),
        (
            drafts.consultation(signer=replace(drafts.signer_of(OCAD), key_id=f"{LTF}-1")),
            ("signature", "proof.signature"),
        ),
    ],
)
def test_a_receipt_or_consultation_of_someone_else_is_refused(
    record: SignedBytes, expected: tuple[str, str]
) -> None:
    assert refusal(admitted(record, posting=drafts.posting(LTF))) == expected


# Step 1: the envelope.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ("empty", "")),
        (b"", ("empty", "")),
        (b"\x01\x00\x00\x00\x07rest", ("wire-format", "")),
        (b"\x00\x00", ("wire-format", "")),
        (b'{"json": true}', ("wire-format", "")),
        (b"\x00\x00\x00\x00\x07", ("truncated", "header")),
    ],
)
def test_a_value_that_is_not_in_the_wire_format(value: bytes | None, expected: tuple[str, str]) -> None:
    assert refusal(admitted(value=value)) == expected


@pytest.mark.parametrize(
    "named", [None, b"", b"urn:kruispunt:schema:sha256:zz", b"urn:kruispunt:schema:sha256:" + b"0" * 64]
)
def test_an_unknown_fingerprint(named: bytes | None) -> None:
    headers = drafts.wired(composed())[1]
    headers.pop("ce_dataschema")
    if named is not None:
        headers["ce_dataschema"] = named
    outcome = admitted(headers=headers)
    assert refusal(outcome) == ("unknown-schema", "header.schema_fingerprint")
    assert isinstance(outcome, Refused)
    assert outcome.record_type is None


def test_a_header_name_that_is_no_text() -> None:
    headers = drafts.wired(composed())[1]
    assert refusal(admitted(headers={**headers, "caf\\xe9": b""})) == ("header-name", "headers")
    assert isinstance(admitted(headers={**headers, "caf\u00e9": b""}), Admitted)


def test_a_schema_that_the_bundle_does_not_list() -> None:
    types = {**drafts.bundle().types, "RadicalisationCase": ("0" * 64,)}
    bundle = drafts.bundle().model_copy(update={"types": types})
    assert refusal(admitted(bundle=bundle)) == ("unknown-schema", "header.schema_fingerprint")


def test_a_record_that_only_the_backbone_writes() -> None:
    headers = drafts.headers_of(schemas.load("Decision"))
    assert refusal(admitted(headers=headers)) == ("unknown-schema", "header.schema_fingerprint")


def test_no_bundle_in_force() -> None:
    outcome = admitted(bundle=None)
    assert refusal(outcome) == ("no-bundle", "")


# Step 2: the one encoding.


def test_trailing_bytes() -> None:
    value = drafts.wired(composed())[0] + b"\x00"
    assert refusal(admitted(value=value)) == ("trailing-bytes", "")


def test_every_truncation_is_refused_and_names_a_field() -> None:
    value = drafts.wired(composed())[0]
    for length in range(6, len(value)):
        reason, field = refusal(admitted(value=value[:length]))
        assert reason in {"truncated", "encoding", "text"}, length
        assert field in schemas.load("RadicalisationCase").fields, length


def test_another_encoding_of_the_same_value_is_refused() -> None:
    signed = composed()
    # The version as a long varint: 1 is 0x02, and 0x82 0x00 reads as the same number.
    start = signed.header.index(b"\x08vsse") + 5
    assert signed.header[start] == 2
    longer = replace(signed, header=signed.header[:start] + b"\x82\x00" + signed.header[start + 1 :])
    assert refusal(admitted(longer)) == ("encoding", "header")


def test_a_passage_set_by_the_sender() -> None:
    signed = composed().with_passage(Passage(bundle=drafts.bundle().name))
    assert refusal(admitted(signed)) == ("passage", "passage")


# Steps 3 to 6: who says it.


def test_a_signal_in_another_name_than_that_of_the_topic() -> None:
    outcome = admitted(composed(originator=OCAD))
    assert refusal(outcome) == ("not-owner", "header.originator")
    assert isinstance(outcome, Refused)
    assert outcome.header is not None
    assert outcome.header.originator == OCAD
    assert outcome.posting.participant == VSSE


def test_an_unknown_key() -> None:
    signer = replace(drafts.signer_of(VSSE), key_id="vsse-9")
    assert refusal(admitted(composed(signer=signer))) == ("unknown-key", "proof.key_id")


def test_the_key_of_another_participant_under_its_own_name() -> None:
    assert refusal(admitted(composed(signer=drafts.signer_of(OCAD)))) == ("unknown-key", "proof.key_id")


@pytest.mark.parametrize(
    ("at", "valid"),
    [
        (MONDAY - timedelta(microseconds=1), True),
        (MONDAY, False),
        (MONDAY + timedelta(days=1), False),
    ],
)
def test_a_key_counts_at_the_append_time_and_no_longer(at: datetime, valid: bool) -> None:
    outcome = admitted(bundle=drafts.bundle(MONDAY), posting=drafts.posting(at=at))
    assert isinstance(outcome, Admitted) if valid else refusal(outcome) == ("unknown-key", "proof.key_id")


def test_a_key_not_yet_valid_at_the_append_time() -> None:
    early = drafts.KEYS_VALID_FROM - timedelta(microseconds=1)
    assert refusal(admitted(posting=drafts.posting(at=early))) == ("unknown-key", "proof.key_id")


def test_a_forged_signature() -> None:
    forger = replace(drafts.signer_of(OCAD), key_id=f"{VSSE}-1")
    assert refusal(admitted(composed(signer=forger))) == ("signature", "proof.signature")


def test_a_participant_that_the_bundle_does_not_know() -> None:
    signed = composed(originator="stranger")
    outcome = admitted(signed, posting=drafts.posting("stranger"))
    assert refusal(outcome) == ("unknown-key", "proof.key_id")


@pytest.mark.parametrize("name", [name for name in Sections.NAMES if name != "distribution"])
def test_a_tampered_section(name: str) -> None:
    signed, other = composed(), composed(draft("RadicalisationCase", parts=_other_sections()))
    swapped = tuple(
        (section, dict(other.sections)[section] if section == name else raw)
        for section, raw in signed.sections
    )
    assert refusal(admitted(replace(signed, sections=swapped))) == ("commitment-mismatch", name)


def _other_sections() -> Sections:
    """Return sections that differ in each from those of `drafts.sections`."""
    parts = drafts.sections(statement="Another.", municipality=drafts.GENT, subject=drafts.person("Peeters"))
    changed: dict[str, dict[str, object]] = {
        "assessment": {"summary": "Other."},
        "sources": {"evaluations": ()},
        "measures": {"measures": ()},
        "contact": {"unit": "Other"},
    }
    for name, changes in changed.items():
        parts = with_section(parts, name, **changes)
    return parts


def test_commitments_that_leave_a_section_out() -> None:
    signed = composed()
    fewer = signed.read_header().commitments[1:]
    assert refusal(admitted(signed_again(signed, commitments=fewer))) == ("commitments", "header.commitments")


def test_a_header_that_names_another_type_or_schema() -> None:
    signed = composed()
    other = schemas.load("ThreatEvaluation")
    for changes, expected in (
        ({"signal_type": other.name}, ("type-mismatch", "header.signal_type")),
        ({"schema_fingerprint": other.fingerprint}, ("schema-mismatch", "header.schema_fingerprint")),
    ):
        assert refusal(admitted(signed_again(signed, **changes))) == expected


def test_a_type_that_the_participant_may_not_publish() -> None:
    signed = composed(draft("ThreatEvaluation"), originator=VSSE)
    assert refusal(admitted(signed)) == ("not-permitted", "header.signal_type")


# Step 7: the invariants, through the door. Their own tests lie beside the contract.


def _sections(name: str, **changes: Any) -> Callable[[Sections], Sections]:
    return lambda parts: with_section(parts, name, **changes)


INVARIANTS: list[tuple[str, Callable[[Sections], Sections], tuple[str, str]]] = [
    (
        "RadicalisationCase",
        _sections("context", phenomenon=Phenomenon.UNRECOGNISED),
        ("unrecognised", "context.phenomenon"),
    ),
    (
        "RadicalisationCase",
        _sections("context", municipality="99999"),
        ("unknown-municipality", "context.municipality"),
    ),
    (
        "RadicalisationCase",
        lambda parts: replace(parts, distribution=Distribution(named=("nobody",))),
        ("unknown-participant", "distribution.named"),
    ),
    (
        "RadicalisationCase",
        lambda parts: replace(parts, distribution=Distribution(excluded=("nobody",))),
        ("unknown-participant", "distribution.excluded"),
    ),
    (
        "RadicalisationCase",
        _sections("subject", national_number="91051700100"),
        ("check-digits", "subject.national_number"),
    ),
    (
        "RadicalisationCase",
        _sections("subject", enterprise_number="0123456789"),
        ("check-digits", "subject.enterprise_number"),
    ),
    (
        "RadicalisationCase",
        lambda _: drafts.sections(subject=drafts.person(birth=(1991, 2, 30))),
        ("birth", "subject.birth"),
    ),
    ("FeedbackSheet", _sections("situation", consensus=False), ("consensus", "situation.consensus")),
    (
        "FeedbackSheet",
        _sections("situation", professional_secrecy=True),
        ("professional-secrecy", "situation.professional_secrecy"),
    ),
    ("ThreatEvaluation", _sections("assessment", level=0), ("level", "assessment.level")),
    ("ThreatEvaluation", _sections("assessment", level=5), ("level", "assessment.level")),
    ("ThreatLevel", _sections("assessment", level=5), ("level", "assessment.level")),
    ("Alert", _sections("context", purposes=()), ("missing", "context.purposes")),
    ("Alert", _sections("context", site="nowhere"), ("unknown-site", "context.site")),
    ("Alert", _sections("distribution", groups=("nobody",)), ("unknown-group", "distribution.groups")),
    ("Alert", _sections("distribution", embargo=True), ("not-entitled", "distribution.embargo")),
    (
        "Alert",
        _sections("distribution", consented=("nobody",)),
        ("unknown-participant", "distribution.consented"),
    ),
    (
        "IncidentLogEntry",
        _sections("distribution", groups=()),
        ("missing", "distribution.groups"),
    ),
]


@pytest.mark.parametrize(("signal_type", "change", "expected"), INVARIANTS)
def test_an_invariant_broken_in_a_section(
    signal_type: str, change: Callable[[Sections], Sections], expected: tuple[str, str]
) -> None:
    signed = composed(draft(signal_type, parts=change(drafts.sections(signal_type))))
    outcome = admitted(signed, posting=drafts.posting(drafts.ORIGINATORS[signal_type]))
    assert refusal(outcome) == expected
    assert isinstance(outcome, Refused)
    assert (outcome.record_type, outcome.header) == (signal_type, signed.read_header())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"classification": Classification.UNRECOGNISED}, ("unrecognised", "header.classification")),
        ({"handling": (Handling.UNRECOGNISED,)}, ("unrecognised", "header.handling.0")),
        ({"published_at": MONDAY + timedelta(minutes=5, microseconds=1)}, ("future", "header.published_at")),
        (
            {
                "observed_at": MONDAY + timedelta(minutes=6),
                "published_at": MONDAY,
            },
            ("future", "header.observed_at"),
        ),
        (
            {"observed_at": MONDAY + timedelta(seconds=1), "published_at": MONDAY},
            ("time-order", "header.observed_at"),
        ),
        ({"version": 0}, ("version", "header.version")),
        ({"version": 2}, ("version", "header.version")),
        ({"lifecycle": Lifecycle.CORRECTION}, ("version", "header.version")),
        ({"replaces": UUID(int=3)}, ("version", "header.replaces")),
        ({"version": 2, "lifecycle": Lifecycle.RECALL}, ("version", "header.replaces")),
    ],
)
def test_an_invariant_broken_in_the_header(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert refusal(admitted(signed_again(composed(), **changes))) == expected


def test_a_published_time_within_the_tolerance_of_clocks() -> None:
    latest = MONDAY + timedelta(minutes=5)
    assert isinstance(admitted(signed_again(composed(), published_at=latest)), Admitted)


def test_a_signal_without_its_context() -> None:
    signed = composed()
    without = tuple((name, None if name == "context" else raw) for name, raw in signed.sections)
    assert refusal(admitted(replace(signed, sections=without))) == ("missing", "context")


def test_the_first_step_that_fails_is_the_reason() -> None:
    forged = composed(draft("ThreatEvaluation"), originator=OCAD, signer=drafts.signer_of(LTF))
    assert refusal(admitted(forged))[0] == "not-owner"
    assert refusal(admitted(forged, posting=drafts.posting(OCAD)))[0] == "unknown-key"
    unpermitted = draft(
        "ThreatEvaluation", parts=with_section(drafts.sections("ThreatEvaluation"), "assessment", level=9)
    )
    assert refusal(admitted(composed(unpermitted, originator=VSSE)))[0] == "not-permitted"


# Properties.


@cache
def _postings() -> tuple[tuple[str, bytes, dict[str, bytes]], ...]:
    records = [(drafts.ORIGINATORS[name], composed(draft(name))) for name in schemas.SIGNAL_TYPES]
    records += [(LTF, drafts.receipt()), (LTF, drafts.consultation())]
    return tuple((owner, *drafts.wired(record)) for owner, record in records)


@settings(deadline=None)
@given(data=st.data())
def test_mutated_bytes_never_raise_and_never_pass_as_something_else(data: st.DataObject) -> None:
    owner, value, headers = data.draw(st.sampled_from(_postings()))
    mutated = bytearray(value)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        cut = data.draw(st.integers(0, 2))
        mutated[place : place + cut] = data.draw(st.binary(max_size=10))
        if not mutated:
            break
    first, again = (
        admit(drafts.posting(owner), bytes(mutated), headers, drafts.bundle(), BACKBONE.case)
        for _ in range(2)
    )
    assert first == again
    if isinstance(first, Refused):
        assert first.reason
        assert len(str(first.detail)) < 300
    else:
        assert first.signed.with_passage(None).encoded() == bytes(mutated[5:])
        assert bytes(mutated[5:]) == value[5:], "only the registry's id, which decides nothing, may differ"


@settings(deadline=None)
@given(value=st.binary(max_size=400), name=st.sampled_from(schemas.POSTING_TYPES))
def test_arbitrary_bytes_are_refused(value: bytes, name: str) -> None:
    headers = drafts.headers_of(schemas.load(name))
    outcome = admit(
        drafts.posting(), b"\x00\x00\x00\x00\x07" + value, headers, drafts.bundle(), BACKBONE.case
    )
    assert isinstance(outcome, Refused)


@settings(deadline=None)
@given(changes=st.fixed_dictionaries({}, optional={
    "version": st.integers(-(2**31), 2**31 - 1),
    "observed_at": st.datetimes(timezones=st.just(UTC)),
    "published_at": st.datetimes(timezones=st.just(UTC)),
    "lifecycle": st.sampled_from(Lifecycle),
    "classification": st.sampled_from(Classification),
    "signal_type": st.text(max_size=8),
    "handling": st.lists(st.sampled_from(Handling), max_size=3).map(tuple),
}))  # fmt: skip
def test_a_well_signed_header_of_any_content_gives_an_outcome(changes: dict[str, Any]) -> None:
    outcome = admitted(signed_again(composed(), **changes))
    assert isinstance(outcome, Admitted | Refused)


def test_a_refusal_repeats_no_value_of_the_signal() -> None:
    secret = "91051700100"
    signed = composed(draft(parts=with_section(drafts.sections(), "subject", national_number=secret)))
    outcome = admitted(signed)
    assert isinstance(outcome, Refused)
    assert secret not in f"{outcome.reason} {outcome.field} {outcome.detail}"


def test_a_view_of_a_signal_is_not_a_posting_of_the_recipient() -> None:
    view = composed().releasing(frozenset({"context"}))
    assert refusal(admitted(view, posting=drafts.posting(LTF))) == ("not-owner", "header.originator")
