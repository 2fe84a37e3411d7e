"""Facts: what the policy sees of one recipient and one signal, each with the place where it can be found again.

Rules
-----
1. A fact is an enum, an ordinal or a boolean, computed from a signed header, a committed section, a bundle row or a
   repertory event.
2. Facts of a recipient come from its bundle row and from the signal: the signal says of whom each of `HELD` holds.
   A decision records what the signal says; the rows stand in the bundle that it cites.
3. Participants with equal facts form a group. Sets of participants are bitmaps over the bundle's (bit n is
   participant n): first the groups that the bundle alone makes, then each is split by what the signal says.
4. Evidence names a header field, a section with its commitment, the bundle, or a repertory event by its id; an auditor
   rebuilds facts from it. Who follows the subject is cited one by one; that nobody else does follows from the events of
   the person, each of which cites those before it.
5. An originator is no follower of the subject of its own signal.

Must not: decide anything, or ask a database or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow.bundle import ORDINALS, Bundle
from kruispunt_schemas.records.backbone import Decision, Evidence, EvidenceSource, FactHolders
from kruispunt_schemas.records.frame import Follower, Header
from kruispunt_schemas.records.sections import Context, Distribution

HELD: Final = ("follows_subject", "in_territory", "is_excluded", "is_named", "is_originator")
"""The facts that hold of some participants because of what a signal says, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the policy sees of one recipient and one signal; ordinals as in `ORDINALS`."""

    signal_type: str
    lifecycle: str
    classification: int
    clearance: int
    recipient_kind: str
    is_originator: bool
    is_named: bool
    is_excluded: bool
    in_territory: bool
    follows_subject: bool
    has_national_mandate: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """The parts of a signal that facts are computed from, and the followers that its repertory event cites."""

    header: Header
    context: Context | None
    distribution: Distribution | None
    followers: tuple[Follower, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalFacts:
    """What a signal says: its own facts, and the bitmap of the participants of whom each of `HELD` holds."""

    signal_type: str
    lifecycle: str
    classification: int
    holders: Mapping[str, int]


def of_signal(bundle: Bundle, observed: Observed) -> SignalFacts:
    """Return what a signal says of itself and of the participants of a bundle."""
    header, distribution = observed.header, observed.distribution
    municipality = observed.context.municipality if observed.context else None
    return SignalFacts(
        signal_type=header.signal_type,
        lifecycle=header.lifecycle.value,
        classification=ORDINALS[header.classification],
        holders={
            "follows_subject": bitmap_of(bundle, (item.participant for item in _others(observed))),
            "in_territory": bundle.covering.get(municipality or "", 0),
            "is_excluded": bitmap_of(bundle, distribution.excluded if distribution else ()),
            "is_named": bitmap_of(bundle, distribution.named if distribution else ()),
            "is_originator": bitmap_of(bundle, (header.originator,)),
        },
    )


def record(bundle: Bundle, signal: SignalFacts) -> tuple[FactHolders, ...]:
    """Return the holders as a decision records them."""
    return tuple(
        FactHolders(fact=fact, members=pack(bundle, signal.holders[fact]))
        for fact in HELD
        if signal.holders[fact]
    )


def recorded(bundle: Bundle, decision: Decision) -> SignalFacts:
    """Return what a decision records that its signal says.

    Raise ContractError when it is not in the form that `record` gives.
    """
    holders = {item.fact: unpack(bundle, item.members, "holders.members") for item in decision.holders}
    signal = SignalFacts(
        signal_type=decision.signal_type,
        lifecycle=decision.lifecycle.value,
        classification=decision.classification,
        holders={fact: holders.get(fact, 0) for fact in HELD},
    )
    if record(bundle, signal) != decision.holders:
        raise ContractError("value", "holders", "its facts are not in their one form")
    return signal


def groups(bundle: Bundle, signal: SignalFacts) -> list[tuple[Facts, int]]:
    """Return every group of participants with equal facts, with its bitmap; together they are all participants."""
    touched = 0
    for fact in HELD:
        touched |= signal.holders[fact]
    found: list[tuple[Facts, int]] = []
    for facts, members in _by_bundle(bundle, signal.signal_type, signal.lifecycle, signal.classification):
        if rest := members & ~touched:
            found.append((facts, rest))
        if split := members & touched:
            found.extend(_split(facts, split, signal.holders))
    return found


def evidence(observed: Observed) -> tuple[Evidence, ...]:
    """Return where every fact can be found again, sorted by source and reference."""
    digests = {item.section: item.digest.hex() for item in observed.header.commitments}
    return (
        *_BUNDLE_EVIDENCE,
        *_HEADER_EVIDENCE,
        *(
            Evidence(source=EvidenceSource.REPERTORY, reference=event, facts=("follows_subject",))
            for event in sorted({str(item.event) for item in _others(observed)})
        ),
        *(
            Evidence(source=EvidenceSource.SECTION, reference=f"{name}:{digests.get(name, '')}", facts=facts)
            for name, facts in _SECTION_FACTS
        ),
    )


def members_of(bundle: Bundle, bitmap: int) -> list[str]:
    """Return the participants of a bitmap, sorted."""
    names: list[str] = []
    while bitmap:
        lowest = bitmap & -bitmap
        names.append(bundle.participants[lowest.bit_length() - 1].id)
        bitmap ^= lowest
    return names


def bitmap_of(bundle: Bundle, names: Iterable[str]) -> int:
    """Return the bitmap of the participants with these names; a name that the bundle does not have is left out."""
    bitmap = 0
    for name in names:
        place = bundle.index.get(name)
        if place is not None:
            bitmap |= 1 << place
    return bitmap


def pack(bundle: Bundle, bitmap: int) -> bytes:
    """Return a bitmap as bytes: participant 0 is the most significant bit of the first byte."""
    length = (len(bundle.participants) + 7) // 8
    return int(f"{bitmap:0{8 * length}b}"[::-1], 2).to_bytes(length, "big")


def unpack(bundle: Bundle, packed: bytes, field: str = "groups.members") -> int:
    """Return the bitmap of its bytes; raise ContractError unless there is one bit for each participant."""
    length = (len(bundle.participants) + 7) // 8
    bitmap = int(f"{int.from_bytes(packed, 'big'):0{8 * length}b}"[::-1], 2) if packed else 0
    if len(packed) != length or bitmap >> len(bundle.participants):
        raise ContractError("value", field, "not one bit for each participant of the bundle")
    return bitmap


def _others(observed: Observed) -> list[Follower]:
    return [item for item in observed.followers if item.participant != observed.header.originator]


_SECTION_FACTS: Final = (("context", ("in_territory",)), ("distribution", ("is_excluded", "is_named")))
_HEADER_EVIDENCE: Final = tuple(
    Evidence(source=EvidenceSource.HEADER, reference=field, facts=(fact,))
    for field, fact in (
        ("classification", "classification"),
        ("lifecycle", "lifecycle"),
        ("originator", "is_originator"),
        ("signal_type", "signal_type"),
    )
)
_BUNDLE_EVIDENCE: Final = (
    Evidence(
        source=EvidenceSource.BUNDLE,
        reference="participants",
        facts=("clearance", "has_national_mandate", "recipient_kind"),
    ),
    Evidence(source=EvidenceSource.BUNDLE, reference="territories", facts=("in_territory",)),
)


@lru_cache(maxsize=256)
def _by_bundle(
    bundle: Bundle, signal_type: str, lifecycle: str, classification: int
) -> tuple[tuple[Facts, int], ...]:
    """Return the groups of participants of whom the signal says nothing: kind, clearance, mandate."""
    found: dict[Facts, int] = {}
    for place, row in enumerate(bundle.participants):
        facts = Facts(
            signal_type=signal_type,
            lifecycle=lifecycle,
            classification=classification,
            clearance=ORDINALS[row.clearance],
            recipient_kind=row.kind.value,
            is_originator=False,
            is_named=False,
            is_excluded=False,
            in_territory=False,
            follows_subject=False,
            has_national_mandate=signal_type in row.mandate,
        )
        found[facts] = found.get(facts, 0) | (1 << place)
    return tuple(found.items())


def _split(facts: Facts, members: int, holders: Mapping[str, int]) -> list[tuple[Facts, int]]:
    found: list[tuple[tuple[str, ...], int]] = [((), members)]
    for fact in HELD:
        found = [
            (flags, part)
            for raised, group in found
            for flags, part in (((*raised, fact), group & holders[fact]), (raised, group & ~holders[fact]))
            if part
        ]
    return [(_raised(facts, flags), part) for flags, part in found]


@lru_cache(maxsize=4096)
def _raised(facts: Facts, flags: tuple[str, ...]) -> Facts:
    changes = dict.fromkeys(flags, True)
    return replace(facts, **changes)  # type: ignore[arg-type]
