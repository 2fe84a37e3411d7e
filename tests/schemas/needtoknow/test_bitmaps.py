"""Sets of participants: they come back, and each has one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import bitmaps
from kruispunt_schemas.needtoknow.bundle import Bundle

from tests.schemas.needtoknow.bundles import PARTICIPANTS, bundle


def of_size(size: int) -> Bundle:
    """Return a bundle with so many participants."""
    rows = tuple(PARTICIPANTS[-1].model_copy(update={"id": f"p{number:04}"}) for number in range(size))
    return bundle(participants=rows)


LARGE = of_size(1000)
NINE = of_size(9)


@given(st.sets(st.integers(0, 999)))
def test_a_set_comes_back(places: set[int]) -> None:
    bitmap = sum(1 << place for place in places)
    packed = bitmaps.pack(LARGE, bitmap)
    assert bitmaps.unpack(LARGE, packed) == bitmap
    assert len(packed) <= 1 + 125
    assert bitmaps.members_of(LARGE, bitmap) == [f"p{place:04}" for place in sorted(places)]
    assert bitmaps.bitmap_of(LARGE, bitmaps.members_of(LARGE, bitmap)) == bitmap


@given(st.integers(1, 20), st.data())
def test_for_any_number_of_participants(size: int, data: st.DataObject) -> None:
    many = of_size(size)
    bitmap = data.draw(st.integers(0, (1 << size) - 1))
    assert bitmaps.unpack(many, bitmaps.pack(many, bitmap)) == bitmap


def test_few_are_a_list_of_gaps_and_many_a_bitmap() -> None:
    assert bitmaps.pack(LARGE, 0) == b"\x01"
    assert bitmaps.pack(LARGE, 1 << 0 | 1 << 2 | 1 << 200) == b"\x01\x01\x02\xc6\x01"
    assert bitmaps.pack(LARGE, (1 << 1000) - 1) == b"\x00" + b"\xff" * 125


def test_in_a_bitmap_the_first_participant_is_the_most_significant_bit() -> None:
    assert bitmaps.pack(NINE, 0b1_0000_0011) == b"\x00\xc0\x80"


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x02",
        b"\x00",
        b"\x00\x80\x00",
        b"\x00\x00\x40",
        b"\x00\x80",
        b"\x01\x00",
        b"\x01\x01\x00",
        b"\x01\x0a",
        b"\x01\x81",
        b"\x01\x81\x00",
        b"\x01" + b"\xff" * 9000,
    ],
    ids=[
        "nothing",
        "no such form",
        "a bitmap without bits",
        "a bitmap where gaps are shorter",
        "a bit beyond the participants",
        "too short",
        "a gap of nothing",
        "the same twice",
        "a gap beyond the participants",
        "a gap that does not end",
        "a gap that is longer than need be",
        "a gap of thousands of digits",
    ],
)
def test_anything_but_the_one_form_is_refused(packed: bytes) -> None:
    with pytest.raises(ContractError, match=r"groups\.members"):
        bitmaps.unpack(NINE, packed)


def test_a_name_that_the_bundle_does_not_have_is_left_out() -> None:
    assert bitmaps.bitmap_of(NINE, ["p0003", "nobody"]) == 0b1000
