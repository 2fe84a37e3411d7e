"""Facts: what the policy sees of one recipient and one signal, each with the place where it can be found again.

Rules
-----
1. A fact is an enum, an ordinal or a boolean, computed from a signed header, a committed section or a bundle row.
2. Participants with equal facts form a group. Groups are bitmaps over the bundle's participants (bit n is
   participant n): first the groups that the bundle alone makes, then each is split by what the signal says.
3. Evidence names a header field, a section with its commitment, or the bundle; an auditor rebuilds facts from it.

Must not: decide anything, or ask a database or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow.bundle import ORDINALS, Bundle
from kruispunt_schemas.records.backbone import Evidence, EvidenceSource, Facts
from kruispunt_schemas.records.frame import Header
from kruispunt_schemas.records.sections import Context, Distribution


@dataclass(frozen=True, slots=True)
class Observed:
    """The parts of a signal that facts are computed from."""

    header: Header
    context: Context | None
    distribution: Distribution | None


def groups(bundle: Bundle, observed: Observed) -> list[tuple[Facts, int]]:
    """Return every group of participants with equal facts, with its bitmap; together they are all participants."""
    header = observed.header
    found = [
        (_of_signal(facts, header), members) for facts, members in _by_bundle(bundle, header.signal_type)
    ]
    municipality = observed.context.municipality if observed.context else None
    named = observed.distribution.named if observed.distribution else ()
    excluded = observed.distribution.excluded if observed.distribution else ()
    return _split(
        found,
        (
            ("is_originator", _bitmap(bundle, (header.originator,))),
            ("in_territory", bundle.covering.get(municipality or "", 0)),
            ("is_named", _bitmap(bundle, named)),
            ("is_excluded", _bitmap(bundle, excluded)),
        ),
    )


def evidence(observed: Observed) -> tuple[Evidence, ...]:
    """Return where each fact can be found again, sorted by fact."""
    digests = {item.section: item.digest.hex() for item in observed.header.commitments}

    def header(fact: str, field: str) -> Evidence:
        return Evidence(fact=fact, source=EvidenceSource.HEADER, reference=field)

    def section(fact: str, name: str) -> Evidence:
        return Evidence(fact=fact, source=EvidenceSource.SECTION, reference=f"{name}:{digests.get(name, '')}")

    def bundle(fact: str, rows: str) -> Evidence:
        return Evidence(fact=fact, source=EvidenceSource.BUNDLE, reference=rows)

    return (
        header("classification", "classification"),
        bundle("clearance", "participants"),
        bundle("has_national_mandate", "participants"),
        section("in_territory", "context"),
        bundle("in_territory", "territories"),
        section("is_excluded", "distribution"),
        section("is_named", "distribution"),
        header("is_originator", "originator"),
        header("lifecycle", "lifecycle"),
        bundle("recipient_kind", "participants"),
        header("signal_type", "signal_type"),
    )


def members_of(bundle: Bundle, bitmap: int) -> list[str]:
    """Return the participants of a bitmap, sorted."""
    return [row.id for place, row in enumerate(bundle.participants) if bitmap >> place & 1]


def pack(bundle: Bundle, bitmap: int) -> bytes:
    """Return a bitmap as bytes: participant 0 is the most significant bit of the first byte."""
    size = len(bundle.participants)
    bits = "".join("1" if bitmap >> place & 1 else "0" for place in range(size))
    length = (size + 7) // 8
    return int(bits.ljust(length * 8, "0"), 2).to_bytes(length, "big")


def unpack(bundle: Bundle, packed: bytes) -> int:
    """Return the bitmap of its bytes; raise ContractError unless there is one bit for each participant."""
    if len(packed) != (len(bundle.participants) + 7) // 8:
        raise ContractError("value", "groups.members", "not one bit for each participant of the bundle")
    bits = f"{int.from_bytes(packed, 'big'):b}".zfill(len(packed) * 8)
    return sum(1 << place for place in range(len(bundle.participants)) if bits[place] == "1")


def _bitmap(bundle: Bundle, names: Iterable[str]) -> int:
    return sum(1 << bundle.index[name] for name in set(names) if name in bundle.index)


@lru_cache(maxsize=64)
def _by_bundle(bundle: Bundle, signal_type: str) -> tuple[tuple[Facts, int], ...]:
    """Return the groups that a bundle alone makes for a type: kind, clearance, mandate."""
    found: dict[Facts, int] = {}
    for place, row in enumerate(bundle.participants):
        facts = Facts(
            signal_type=signal_type,
            lifecycle="",
            classification=0,
            clearance=ORDINALS[row.clearance],
            recipient_kind=row.kind.value,
            is_originator=False,
            is_named=False,
            is_excluded=False,
            in_territory=False,
            has_national_mandate=signal_type in row.mandate,
        )
        found[facts] = found.get(facts, 0) | (1 << place)
    return tuple(found.items())


def _of_signal(facts: Facts, header: Header) -> Facts:
    return replace(facts, lifecycle=header.lifecycle.value, classification=ORDINALS[header.classification])


Flag = Literal["is_originator", "in_territory", "is_named", "is_excluded"]


def _raised(facts: Facts, flag: Flag) -> Facts:
    changes: dict[Flag, bool] = {flag: True}
    return replace(facts, **changes)  # type: ignore[arg-type]


def _split(found: list[tuple[Facts, int]], flags: Iterable[tuple[Flag, int]]) -> list[tuple[Facts, int]]:
    for fact, bitmap in flags:
        refined: list[tuple[Facts, int]] = []
        for facts, members in found:
            if holds := members & bitmap:
                refined.append((_raised(facts, fact), holds))
            if lacks := members & ~bitmap:
                refined.append((facts, lacks))
        found = refined
    return found
