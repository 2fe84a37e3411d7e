from __future__ import annotations

import json
from datetime import timedelta

import pytest
from kruispunt_schemas import codec, disclosure
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.vectors import chain_samples, regenerate, samples

from tests.schemas.strategies import BACKBONE_CLASSES


@pytest.mark.parametrize("name", sorted(regenerate.documents()))
def test_our_code_gives_the_vectors(name: str) -> None:
    found = (regenerate.FOLDER / name).read_text(encoding="utf-8")
    assert found == regenerate.text(regenerate.documents()[name]), (
        f"{name} differs: a change of the contract, or vectors that were not made anew"
    )


def test_no_file_of_vectors_is_left_over() -> None:
    assert {path.name for path in regenerate.FOLDER.glob("*.json")} == set(regenerate.documents())


def test_every_record_type_has_a_vector() -> None:
    covered = {
        item["type"]
        for name in ("signals.json", "postings.json", "backbone.json")
        for item in json.loads((regenerate.FOLDER / name).read_text(encoding="utf-8"))
    }
    assert covered == set(schemas.TOPIC_TYPES)


def test_vectors_decode_to_the_records_they_were_made_of() -> None:
    for record in samples.RECORDS:
        cls = BACKBONE_CLASSES[type(record).__name__]
        assert codec.decode(schemas.load(cls.__name__), codec.encode(record), cls) == record
    for draft in (*samples.DRAFTS, *chain_samples.DRAFTS):
        signed = samples.composed(draft)
        disclosure.verify(signed, signed.read_header(), samples.signer().public_key())


def test_another_published_time_changes_the_header_and_no_section() -> None:
    signed = samples.composed(samples.CASE)
    later = disclosure.compose(
        samples.CASE,
        originator=samples.ORIGINATOR,
        secret=samples.SECRET,
        signer=samples.signer(),
        published_at=samples.TIME + timedelta(microseconds=1),
    )
    assert later.sections == signed.sections
    assert later.read_header().commitments == signed.read_header().commitments
    assert later.header != signed.header
