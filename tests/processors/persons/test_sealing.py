"""Sealed particulars: the same bytes again, bound to their mention, and never shown when damaged."""

from __future__ import annotations

from uuid import UUID

import pytest
from kruispunt_processors.persons.sealing import KEY_BYTES, Sealer, SealError
from kruispunt_schemas.failures import ConfigurationError

MENTION = UUID(int=7)
KEY, OTHER = bytes(range(KEY_BYTES)), bytes(reversed(range(KEY_BYTES)))


def test_what_is_sealed_opens_and_a_replay_gives_the_same_bytes() -> None:
    sealer = Sealer(KEY)
    sealed = sealer.seal(MENTION, b"plain")
    assert sealer.open(MENTION, sealed) == b"plain"
    assert Sealer(KEY).seal(MENTION, b"plain") == sealed


@pytest.mark.parametrize("place", range(22))
def test_a_changed_byte_is_found_and_nothing_is_shown(place: int) -> None:
    sealed = bytearray(Sealer(KEY).seal(MENTION, b"plain"))
    sealed[place] ^= 1
    with pytest.raises(SealError) as raised:
        Sealer(KEY).open(MENTION, bytes(sealed))
    assert "plain" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01short", b"\x09" + bytes(40)])
def test_bytes_that_were_never_sealed_are_refused(sealed: bytes) -> None:
    with pytest.raises(SealError):
        Sealer(KEY).open(MENTION, sealed)


def test_sealed_bytes_cannot_be_moved_to_another_mention() -> None:
    sealed = Sealer(KEY).seal(MENTION, b"plain")
    with pytest.raises(SealError):
        Sealer(KEY).open(UUID(int=8), sealed)


def test_a_renewed_key_still_opens_what_the_older_one_sealed() -> None:
    old = Sealer(KEY).seal(MENTION, b"plain")
    renewed = Sealer(OTHER, 2, {1: KEY})
    assert renewed.open(MENTION, old) == b"plain"
    assert renewed.seal(MENTION, b"plain")[0] == 2
    with pytest.raises(SealError):
        Sealer(OTHER, 2).open(MENTION, old)


@pytest.mark.parametrize(("key", "key_id"), [(b"short", 1), (KEY, 0), (KEY, 256)])
def test_an_impossible_key_is_refused(key: bytes, key_id: int) -> None:
    with pytest.raises(ConfigurationError):
        Sealer(key, key_id)
