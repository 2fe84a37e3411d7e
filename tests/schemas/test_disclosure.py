"""A signal stays provably the originator's when sections are withheld, and stops being so with any other change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_schemas import codec, disclosure, identity, signing
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.records.frame import Header, Lifecycle
from kruispunt_schemas.records.sections import Sections
from kruispunt_schemas.signing import Signer
from kruispunt_schemas.vectors import chain_samples, samples

DRAFTS = (*samples.DRAFTS, *chain_samples.DRAFTS)
KEY = samples.signer().public_key()
CASE = samples.composed(samples.CASE)


def received(schema: schemas.RecordSchema, raw: bytes, key: bytes = KEY) -> None:
    """Do what a recipient does with bytes: decode, verify."""
    signed = codec.decode_signed(schema, raw)
    disclosure.verify(signed, signed.read_header(), key)


def refusal(action: Callable[[], object]) -> tuple[str, str]:
    """Return reason and field of the refusal that an action must meet."""
    with pytest.raises(ContractError) as caught:
        action()
    return caught.value.reason, caught.value.field


def verification(signed: SignedBytes, key: bytes = KEY) -> tuple[str, str]:
    """Return reason and field with which a signal does not verify."""
    return refusal(lambda: disclosure.verify(signed, signed.read_header(), key))


def with_part(signed: SignedBytes, name: str, raw: bytes | None) -> SignedBytes:
    """Return the signal with other bytes for a section."""
    parts = tuple((item, raw if item == name else content) for item, content in signed.sections)
    return replace(signed, sections=parts)


def resigned(
    header: Header, record_type: str = "RadicalisationCase", signer: Signer | None = None
) -> SignedBytes:
    """Return the case under another header, signed by the originator's key."""
    raw = codec.write_part(CASE.schema, "header", header)
    proof = (signer or samples.signer()).sign(record_type, raw)
    return replace(CASE, header=raw, proof=codec.write_part(CASE.schema, "proof", proof))


def flips(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Give every byte string that differs in the lowest or highest bit of one byte."""
    for place in range(len(raw)):
        for bit in (0x01, 0x80):
            yield place, raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :]


class TestComposing:
    @pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft.signal_type)
    def test_a_reissue_gives_the_same_bytes(self, draft: Draft) -> None:
        # A signer read anew and a draft made anew: nothing is remembered between the two.
        again = replace(draft, handling=tuple(reversed(draft.handling)), sections=replace(draft.sections))
        assert samples.composed(again).encoded() == samples.composed(draft).encoded()

    def test_it_verifies_and_holds_what_was_drafted(self) -> None:
        for draft in DRAFTS:
            signed = samples.composed(draft)
            received(signed.schema, signed.encoded())
            header = signed.read_header()
            assert header.signal_id == identity.signal_id(samples.SECRET, draft.reference, draft.version)
            assert header.signal_id.version == 8
            assert header.handling == tuple(sorted(draft.handling))
            if draft.version > 1:
                assert header.replaces == identity.signal_id(
                    samples.SECRET, draft.reference, draft.version - 1
                )
            else:
                assert header.replaces is None
            for name in Sections.NAMES:
                drafted, read = draft.sections.get(name), signed.read_sections().get(name)
                assert (read is None) == (drafted is None)
                if read is not None and drafted is not None:
                    assert replace(read, salt=b"") == drafted
                    assert read.salt == identity.section_salt(samples.SECRET, header.signal_id, name)

    def test_salts_differ_by_section_version_and_agency(self) -> None:
        ids = [identity.signal_id(samples.SECRET, "r", version) for version in (1, 2)]
        salts = {
            identity.section_salt(secret, signal, name)
            for secret in (samples.SECRET, samples.SEED)
            for signal in ids
            for name in Sections.NAMES
        }
        assert len(salts) == 2 * 2 * len(Sections.NAMES)

    @pytest.mark.parametrize(
        "name",
        ["Nonsense", "", "Receipt", "Consultation", "Judgement", "Query", "Context", "Header", "Status"],
    )
    def test_an_unknown_type(self, name: str) -> None:
        found = refusal(lambda: samples.composed(replace(samples.CASE, signal_type=name)))
        assert found == ("unknown-type", "header.signal_type")

    def test_a_signal_needs_its_context(self) -> None:
        found = refusal(lambda: samples.composed(replace(samples.CASE, sections=Sections())))
        assert found == ("missing", "context")

    def test_a_section_of_another_type_is_named(self) -> None:
        found = refusal(lambda: samples.composed(replace(samples.CASE, signal_type="FeedbackSheet")))
        assert found == ("value", "situation")

    def test_a_section_that_the_type_does_not_have_is_not_dropped_in_silence(self) -> None:
        more = replace(chain_samples.LEVEL.sections, subject=samples.SUBJECT)
        found = refusal(lambda: samples.composed(replace(chain_samples.LEVEL, sections=more)))
        assert found == ("unknown-section", "subject")

    def test_receipts_and_consultations(self) -> None:
        for signed in (samples.receipt(), samples.consultation()):
            again = codec.decode_signed(signed.schema, signed.encoded())
            disclosure.verify_signature(again, KEY)
            other = replace(again, header=again.header[:-1] + bytes([again.header[-1] ^ 1]))
            assert refusal(partial(disclosure.verify_signature, other, KEY)) == (
                "signature",
                "proof.signature",
            )

    def test_a_receipt_cannot_pass_for_another_record(self) -> None:
        signed = samples.receipt()
        other = replace(signed, schema=schemas.load("Consultation"))
        assert refusal(lambda: disclosure.verify_signature(other, KEY)) == ("signature", "proof.signature")


class TestViews:
    @pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft.signal_type)
    def test_every_subset_of_sections_verifies(self, draft: Draft) -> None:
        signed = samples.composed(draft)
        names = signed.schema.sections
        for size in range(len(names) + 1):
            for released in combinations(names, size):
                view = signed.releasing(frozenset(released)).with_passage(samples.PASSAGE)
                received(signed.schema, view.encoded())
                there = {name for name, raw in view.sections if raw is not None}
                assert there == {name for name in released if draft.sections.get(name) is not None}

    def test_an_absent_section_and_a_withheld_one_look_the_same(self) -> None:
        """Released or withheld, an absent section gives the same bytes; nor does the view's form tell which it is."""
        names = frozenset(CASE.schema.sections)
        for name in names - {"context"}:
            absent = samples.composed(
                replace(samples.CASE, sections=replace(samples.CASE.sections, **{name: None}))
            )
            assert absent.releasing(names).encoded() == absent.releasing(names - {name}).encoded()
            with_it, without = (signed.releasing(names - {name}).encoded() for signed in (CASE, absent))
            # All that differs is one commitment (32 bytes) and the signature (64 bytes), both as good as random.
            assert len(with_it) == len(without)
            different = [place for place, (a, b) in enumerate(zip(with_it, without, strict=True)) if a != b]
            header, proof = len(CASE.header), with_it.index(CASE.proof)
            signature = proof + len(CASE.proof) - 64
            digest = CASE.header.index(_digest(CASE, name))
            assert digest + 32 <= header
            assert all(digest <= p < digest + 32 or signature <= p < signature + 64 for p in different)

    def test_a_commitment_to_absence_says_nothing_without_the_salt(self) -> None:
        recall = samples.composed(samples.RECALL)
        digests = [item.digest for item in recall.read_header().commitments]
        assert len(set(digests)) == len(digests)
        guesses = {disclosure.commitment("RadicalisationCase", "subject", None, bytes(16))}
        assert not guesses & set(digests)

    def test_an_absent_section_can_be_shown_absent_by_who_knows_its_salt(self) -> None:
        recall = samples.composed(samples.RECALL)
        header = recall.read_header()
        for item in header.commitments:
            if item.section != "context":
                salt = identity.section_salt(samples.SECRET, header.signal_id, item.section)
                assert disclosure.commitment("RadicalisationCase", item.section, None, salt) == item.digest

    def test_the_backbones_passage_is_not_signed(self) -> None:
        for passage in (None, samples.PASSAGE, replace(samples.PASSAGE, delivery=None)):
            received(CASE.schema, CASE.with_passage(passage).encoded())


def _digest(signed: SignedBytes, name: str) -> bytes:
    return next(item.digest for item in signed.read_header().commitments if item.section == name)


class TestTampering:
    @pytest.mark.parametrize("name", CASE.schema.sections)
    def test_every_bit_of_every_section(self, name: str) -> None:
        header, raw = CASE.read_header(), dict(CASE.sections)[name]
        assert raw is not None
        for _, other in flips(raw):
            signed = with_part(CASE, name, other)
            assert refusal(partial(disclosure.verify, signed, header, KEY)) == (
                "commitment-mismatch",
                name,
            )

    @pytest.mark.parametrize(
        "draft", [samples.SHEET, samples.EVALUATION], ids=lambda draft: draft.signal_type
    )
    def test_every_byte_of_the_whole_record(self, draft: Draft) -> None:
        signed = samples.composed(draft)
        raw = signed.encoded()
        key_name = raw.index(samples.signer().key_id.encode())
        key_names = range(key_name, key_name + len(samples.signer().key_id))
        for place, other in flips(raw):
            if place in key_names:
                continue  # The name of the key is looked up, see the next test.
            reason, field = refusal(partial(received, signed.schema, other))
            assert reason in {
                "encoding",
                "text",
                "truncated",
                "trailing-bytes",
                "schema-mismatch",
                "type-mismatch",
                "signature",
                "commitments",
                "commitment-mismatch",
            }
            assert field or reason == "trailing-bytes"

    def test_another_name_of_the_key_finds_no_key_or_another_one(self) -> None:
        proof = replace(CASE.read_proof(), key_id="federal-police-2")
        other = replace(CASE, proof=codec.write_part(CASE.schema, "proof", proof))
        stranger = Ed25519PrivateKey.from_private_bytes(samples.SECRET).public_key().public_bytes_raw()
        assert verification(other, stranger) == ("signature", "proof.signature")

    @pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), bytes(33), samples.SECRET])
    def test_another_key(self, key: bytes) -> None:
        assert verification(CASE, key) == ("signature", "proof.signature")

    def test_sections_swapped_between_two_signals(self) -> None:
        context = samples.CASE.sections.context
        assert context is not None
        other = samples.composed(
            replace(
                samples.CASE,
                sections=replace(samples.CASE.sections, context=replace(context, reference="another")),
            )
        )
        for name, raw in other.sections:
            assert raw != dict(CASE.sections)[name]
            assert verification(with_part(CASE, name, raw)) == ("commitment-mismatch", name)

    def test_a_section_moved_to_another_version_of_the_same_signal(self) -> None:
        second = samples.composed(replace(samples.CASE, version=2, lifecycle=Lifecycle.CORRECTION))
        for name, raw in CASE.sections:
            assert verification(with_part(second, name, raw)) == ("commitment-mismatch", name)

    def test_a_section_put_where_there_was_none(self) -> None:
        recall = samples.composed(samples.RECALL)
        raw = dict(CASE.sections)["subject"]
        assert verification(with_part(recall, "subject", raw)) == ("commitment-mismatch", "subject")

    @pytest.mark.parametrize(
        "change",
        [
            {"originator": "vsse"},
            {"version": 2},
            {"published_at": samples.TIME.replace(microsecond=0)},
            {"handling": ()},
            {"replaces": samples.EARLIER_ID},
        ],
        ids=str,
    )
    def test_a_changed_header(self, change: dict[str, Any]) -> None:
        header = codec.write_part(CASE.schema, "header", replace(CASE.read_header(), **change))
        assert verification(replace(CASE, header=header)) == ("signature", "proof.signature")

    def test_the_header_of_another_signal(self) -> None:
        recall = samples.composed(samples.RECALL)
        assert verification(replace(CASE, header=recall.header)) == ("signature", "proof.signature")
        moved = replace(CASE, header=recall.header, proof=recall.proof)
        assert verification(moved)[0] == "commitment-mismatch"

    def test_another_type(self) -> None:
        sheet = samples.composed(samples.SHEET)
        moved = replace(CASE, header=sheet.header, proof=sheet.proof)
        assert verification(moved) == ("schema-mismatch", "header.schema_fingerprint")
        header = replace(CASE.read_header(), signal_type="FeedbackSheet")
        assert verification(resigned(header)) == ("type-mismatch", "header.signal_type")
        assert verification(resigned(CASE.read_header(), "FeedbackSheet")) == ("signature", "proof.signature")

    def test_commitments_that_leave_out_repeat_or_reorder_a_section(self) -> None:
        found = CASE.read_header().commitments
        for other in (found[1:], (*found, found[-1]), tuple(reversed(found)), (found[0], *found), ()):
            header = replace(CASE.read_header(), commitments=other)
            assert verification(resigned(header)) == ("commitments", "header.commitments")

    def test_the_signature_comes_before_the_commitments(self) -> None:
        header = replace(CASE.read_header(), commitments=())
        stranger = Signer("federal-police-1", Ed25519PrivateKey.from_private_bytes(samples.SECRET))
        assert verification(resigned(header, signer=stranger)) == ("signature", "proof.signature")


class TestSigning:
    @settings(max_examples=50)
    @given(st.text(max_size=10), st.binary(max_size=30), st.text(max_size=10), st.binary(max_size=30))
    def test_a_signature_holds_for_one_type_and_one_header(
        self, kind: str, header: bytes, other_kind: str, other: bytes
    ) -> None:
        proof = samples.signer().sign(kind, header)
        assert proof.key_id == "federal-police-1"
        assert signing.genuine(KEY, kind, header, proof.signature)
        same = (kind, header) == (other_kind, other)
        assert signing.genuine(KEY, other_kind, other, proof.signature) == same

    def test_no_list_of_parts_has_the_bytes_of_another(self) -> None:
        assert signing.signed_bytes("ab", b"c") != signing.signed_bytes("a", b"bc")

    @pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
    def test_what_is_no_signature(self, signature: bytes) -> None:
        assert not signing.genuine(KEY, "RadicalisationCase", CASE.header, signature)

    def test_the_key_is_not_shown(self) -> None:
        assert samples.SEED.hex() not in repr(samples.signer())
        assert repr(samples.SEED) not in repr(samples.signer())
