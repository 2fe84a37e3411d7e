"""Sets of a bundle's participants: bitmaps to reckon with, and their one form as bytes.

Rules: bit n of a bitmap is participant n of the bundle. A set has one form as bytes, the shorter of two.
Must not: know what a set is of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow.bundle import Bundle


def members_of(bundle: Bundle, bitmap: int) -> list[str]:
    """Return the participants of a bitmap, sorted."""
    return [bundle.participants[place].id for place in places(bitmap)]


def bitmap_of(bundle: Bundle, names: Iterable[str]) -> int:
    """Return the bitmap of the participants with these names; a name that the bundle does not have is left out."""
    bitmap = 0
    for name in names:
        place = bundle.index.get(name)
        if place is not None:
            bitmap |= 1 << place
    return bitmap


_BITMAP: Final = b"\x00"
_GAPS: Final = b"\x01"


def pack(bundle: Bundle, bitmap: int) -> bytes:
    """Return a set of participants as bytes, the shorter of two forms; on a tie the bitmap.

    00 and a bitmap, participant 0 the most significant bit of its first byte; or 01 and for each participant the distance
    from the one before (from -1 for the first) as a varint of 7 bits a byte, lowest first.
    """
    length = (len(bundle.participants) + 7) // 8
    gaps = _gaps(bitmap)
    if len(gaps) < length:
        return _GAPS + gaps
    return _BITMAP + int(f"{bitmap:0{8 * length}b}"[::-1], 2).to_bytes(length, "big")


def unpack(bundle: Bundle, packed: bytes, field: str = "groups.members") -> int:
    """Return the bitmap of its bytes; raise ContractError unless they are the one form of a set of the bundle's."""
    form, body = packed[:1], packed[1:]
    bitmap = 0
    if form == _GAPS:
        place, gap, shift = -1, 0, 0
        for byte in body:
            gap |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                place, gap, shift = place + gap, 0, 0
                if place >= len(bundle.participants):
                    break
                bitmap |= 1 << max(place, 0)
    elif form == _BITMAP and body:
        bitmap = int(f"{int.from_bytes(body, 'big'):0{8 * len(body)}b}"[::-1], 2)
    if bitmap >> len(bundle.participants) or pack(bundle, bitmap) != packed:
        raise ContractError("value", field, "not a set of the bundle's participants in its one form")
    return bitmap


def _gaps(bitmap: int) -> bytes:
    out = bytearray()
    before = -1
    for place in places(bitmap):
        gap, before = place - before, place
        while gap > 0x7F:
            out.append(gap & 0x7F | 0x80)
            gap >>= 7
        out.append(gap)
    return bytes(out)


def places(bitmap: int) -> Iterator[int]:
    """Yield the places of a bitmap's participants, lowest first."""
    while bitmap:
        lowest = bitmap & -bitmap
        yield lowest.bit_length() - 1
        bitmap ^= lowest
