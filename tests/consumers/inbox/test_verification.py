"""Every way in which a view can be wrong is rejected with its reason and field; a genuine one is accepted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_consumers.inbox.reading import Unreadable, View, WithdrawalNotice, read
from kruispunt_consumers.inbox.verification import (
    Accepted,
    Rejected,
    shown_sections,
    verify,
    verify_notice,
)
from kruispunt_schemas import disclosure
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.frame import Lifecycle, Withheld

from tests.consumers.inbox.deliveries import (
    BUNDLE,
    ME,
    OCAD,
    RELEASED,
    VSSE,
    arrival,
    bundle_of,
    recall_view,
    signal,
    signer_of,
    view,
    withdrawal,
)


def as_read(record: SignedBytes) -> View:
    found = read(arrival(record, 0))
    assert isinstance(found, View)
    return found


def outcome(
    record: SignedBytes, *, bundle: Bundle | None = BUNDLE, seen: bytes | None = None
) -> Accepted | Rejected:
    return verify(as_read(record), recipient=ME, bundle=bundle, seen=seen)


def test_a_genuine_view_is_accepted_with_the_key_it_verified_under() -> None:
    accepted = outcome(view(signal(), 1))
    assert isinstance(accepted, Accepted)
    assert accepted.public_key == signer_of(OCAD).public_key()
    assert set(shown_sections(accepted.view)) == RELEASED


def test_a_genuine_recall_is_accepted() -> None:
    assert isinstance(outcome(recall_view(2)), Accepted)


def test_the_same_bytes_again_are_accepted() -> None:
    record = view(signal(), 1)
    assert isinstance(outcome(record, seen=as_read(record).digest), Accepted)


def test_1_a_view_for_somebody_else() -> None:
    assert outcome(view(signal(), 1, recipient="ltf-gent")) == Rejected(
        "foreign-recipient", "passage.delivery.recipient"
    )


def test_2_the_same_output_with_other_content() -> None:
    seen = as_read(view(signal(), 1)).digest
    less = view(signal(), 1, released=RELEASED - {"contact"})
    assert outcome(less, seen=seen) == Rejected("other-content", "passage.delivery.output_id")


@pytest.mark.parametrize("named", [None, "0" * 64])
def test_3_no_bundle_or_an_unknown_one(named: str | None) -> None:
    assert outcome(view(signal(), 1, bundle=named)) == Rejected("unknown-bundle", "passage.bundle")
    assert outcome(view(signal(), 1), bundle=None) == Rejected("unknown-bundle", "passage.bundle")


def test_4_a_key_that_the_bundle_does_not_hold() -> None:
    strange = signal(signer=replace(signer_of("stranger"), key_id="ocad-2"))
    assert outcome(view(strange, 1)) == Rejected("unknown-key", "proof.key_id")
    without = bundle_of(VSSE)
    assert outcome(view(signal(), 1, bundle=without.name), bundle=without) == Rejected(
        "unknown-key", "proof.key_id"
    )


def test_4_another_originators_key() -> None:
    assert outcome(view(signal(signer=signer_of(VSSE)), 1)) == Rejected("unknown-key", "proof.key_id")


def test_4_a_key_that_was_not_valid_then() -> None:
    old = signal(published_at=datetime(2020, 6, 1, tzinfo=UTC))
    assert outcome(view(old, 1)) == Rejected("unknown-key", "proof.key_id")


def test_5_another_types_name_in_the_header() -> None:
    record = as_read(view(signal(), 1))
    for field, header in (
        ("schema_fingerprint", replace(record.header, schema_fingerprint=bytes(32))),
        ("signal_type", replace(record.header, signal_type="FeedbackSheet")),
    ):
        rejected = verify(replace(record, header=header), recipient=ME, bundle=BUNDLE, seen=None)
        assert isinstance(rejected, Rejected)
        assert rejected.field == f"header.{field}"


def test_6_a_forged_signature() -> None:
    forged = signal(signer=replace(signer_of("stranger"), key_id="ocad-1"))
    assert outcome(view(forged, 1)) == Rejected("signature", "proof.signature")


def test_6_a_header_that_was_changed() -> None:
    original = view(signal(), 1)
    spliced = replace(original, header=signal(version=2).header)
    assert outcome(spliced) == Rejected("signature", "proof.signature")


@pytest.mark.parametrize("section", sorted(RELEASED))
def test_7_a_section_of_another_signal(section: str) -> None:
    original, other = view(signal(), 1), dict(signal(reference="2026/119").sections)
    swapped = tuple((name, other[name] if name == section else raw) for name, raw in original.sections)
    assert outcome(replace(original, sections=swapped)) == Rejected("commitment-mismatch", section)


def test_8_a_section_that_is_withheld_but_present() -> None:
    record = view(signal(), 1, withheld=(Withheld(section="contact", rules=("guard-clearance",)),))
    assert outcome(record) == Rejected("withheld-but-present", "contact")


def test_8_a_section_that_the_type_does_not_have() -> None:
    record = view(signal(), 1, withheld=(Withheld(section="appendix", rules=()),))
    assert outcome(record) == Rejected("unknown-section", "passage.delivery.withheld")


def test_9_a_recall_with_content() -> None:
    record = view(signal(version=2, lifecycle=Lifecycle.RECALL), 2, withheld=())
    assert outcome(record) == Rejected("recall-with-content", "context")


def test_an_absent_section_need_not_be_listed() -> None:
    assert isinstance(outcome(view(signal(), 1, released=frozenset({"context"}), withheld=())), Accepted)


def test_a_withdrawal_for_somebody_else_or_with_other_content() -> None:
    mine, other = (read(arrival(withdrawal(3, recipient=name), 0)) for name in (ME, "ltf-gent"))
    assert isinstance(mine, WithdrawalNotice)
    assert isinstance(other, WithdrawalNotice)
    assert verify_notice(mine, recipient=ME, seen=None) is None
    assert verify_notice(mine, recipient=ME, seen=mine.digest) is None
    assert verify_notice(mine, recipient=ME, seen=b"x") == Rejected("other-content", "output_id")
    assert verify_notice(other, recipient=ME, seen=None) == Rejected("foreign-recipient", "recipient")


GENUINE = view(signal(), 1)
SIGNED_BYTES = len(GENUINE.header) + sum(len(raw or b"") for _, raw in GENUINE.sections)


@settings(deadline=None, max_examples=300)
@given(st.integers(min_value=0, max_value=SIGNED_BYTES - 1), st.integers(min_value=1, max_value=255))
def test_no_changed_byte_of_what_was_signed_is_accepted(place: int, change: int) -> None:
    """Whatever byte of header or sections is changed: unreadable or rejected, and never an exception."""
    parts = bytearray(GENUINE.header + b"".join(raw or b"" for _, raw in GENUINE.sections))
    parts[place] ^= change
    header, position, sections = bytes(parts[: len(GENUINE.header)]), len(GENUINE.header), []
    for name, raw in GENUINE.sections:
        sections.append((name, None if raw is None else bytes(parts[position : position + len(raw)])))
        position += len(raw or b"")
    found = read(arrival(replace(GENUINE, header=header, sections=tuple(sections)), 0))
    if isinstance(found, View):
        assert isinstance(verify(found, recipient=ME, bundle=BUNDLE, seen=None), Rejected)
    else:
        assert isinstance(found, Unreadable)


def test_disclosure_agrees_on_what_is_genuine() -> None:
    disclosure.verify(GENUINE, GENUINE.read_header(), signer_of(OCAD).public_key())
