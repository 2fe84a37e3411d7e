"""What a decision records of its facts, and reading it back.

Rules
-----
1. Recorded is what the signal states and of whom its facts hold; what stands in the record's other fields, in the rows of
   the bundle or is as by default is left out. Each record has one form.
2. Evidence cites the commitments of the sections and the repertory events that facts come from; which fact comes from
   where is the same for every signal (`facts.SOURCES`).

Must not: compute a fact (`facts`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Final

from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow.bitmaps import pack, unpack
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.facts import HELD, SECTIONS, Observed, SignalFacts, Stated
from kruispunt_schemas.records.backbone import Decision, Evidence, EvidenceSource, FactHolders, StatedFact
from kruispunt_schemas.records.frame import Follower


def stated(signal: SignalFacts) -> tuple[StatedFact, ...]:
    """Return what is stated as a decision records it, sorted by fact; what follows from its other fields is left out."""
    found = []
    for item in fields(Stated):
        value = getattr(signal.stated, item.name)
        if item.name not in _ELSEWHERE and value != item.default:
            found.append(StatedFact(fact=item.name, value=_written(value)))
    return tuple(sorted(found, key=lambda item: item.fact))


def holders(bundle: Bundle, signal: SignalFacts) -> tuple[FactHolders, ...]:
    """Return the holders as a decision records them, sorted by fact; a fact that holds of nobody is left out."""
    return tuple(
        FactHolders(fact=fact, members=pack(bundle, signal.holders[fact]))
        for fact in HELD
        if signal.holders[fact]
    )


def recorded(bundle: Bundle, decision: Decision) -> SignalFacts:
    """Return what a decision records that its signal says.

    Raise ContractError when it is not in the form that `stated` and `holders` give.
    """
    held = {item.fact: unpack(bundle, item.members, "holders.members") for item in decision.holders}
    row = bundle.by_id.get(decision.originator)
    signal = SignalFacts(
        stated=Stated(
            signal_type=decision.signal_type,
            lifecycle=decision.lifecycle.value,
            classification=decision.classification,
            originator_kind=row.kind.value if row else "",
            day=decision.posting.appended_at.date(),
            **{item.fact: _read(item) for item in decision.stated},  # type: ignore[arg-type]
        ),
        holders={fact: held.get(fact, 0) for fact in HELD},
    )
    if holders(bundle, signal) != decision.holders or stated(signal) != decision.stated:
        raise ContractError("value", "holders", "its facts are not in their one form")
    return signal


_ELSEWHERE: Final = frozenset({"signal_type", "lifecycle", "classification", "originator_kind", "day"})
_SETS: Final = frozenset({"purposes", "markings", "measure_kinds"})
_FLAGS: Final = frozenset({"is_minor", "under_embargo", "under_secrecy", "lacks_consensus"})
_TEXTS: Final = frozenset({"nature", "phenomenon", "data_source", "data_subject"})


def _written(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _read(item: StatedFact) -> object:
    if item.fact in _SETS:
        return tuple(item.value.split(" "))
    if item.fact in _FLAGS:
        return item.value == "True"
    if item.fact in _TEXTS:
        return item.value
    raise ContractError("value", "stated", "a fact that no signal states")


def evidence(observed: Observed) -> tuple[Evidence, ...]:
    """Return where every fact can be found again, sorted by source and reference.

    Which fact comes from which section, header field or row is in `facts.SOURCES`.
    """
    digests = {item.section: item.digest.hex() for item in observed.header.commitments}
    sections = tuple(
        Evidence(source=EvidenceSource.SECTION, reference=f"{name}:{digests[name]}")
        for name in SECTIONS
        if name in digests
    )
    return sections + _events(observed.others)


def evidence_again(first: Decision, others: Iterable[Follower]) -> tuple[Evidence, ...]:
    """Return the evidence of a decision again: the sections of the first one, and the events of those who follow now.

    others: they, but for the originator.
    """
    return tuple(item for item in first.evidence if item.source is not EvidenceSource.REPERTORY) + _events(
        others
    )


def _events(others: Iterable[Follower]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(source=EvidenceSource.REPERTORY, reference=str(event))
        for event in sorted({item.event for item in others}, key=str)
    )
