"""Whose a mention is: the resolver's decision as the repertory records it.

Rules
-----
1. Candidates are the mentions known under any of the keys that it looks under; a person judged not to be it is none.
2. LINKED: it is the person decided on. NEW: a new person, whose reference follows from the posting. PROVISIONAL: a new
   person too, until an analyst has answered: candidates are the persons that are likely enough, and whoever has its number.
3. The posterior is the most likely known person's, whatever was decided; of a person that is new, the next likely one is
   that most likely known person.

Must not: read the database or weigh anything (`persons` does).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.records.backbone import MatchKind, PersonRegistered
from kruispunt_schemas.records.frame import Posting

from kruispunt_processors.persons.decision import Candidate, Considered, Outcome, OutcomeKind, decide
from kruispunt_processors.persons.keys import KeyKind
from kruispunt_processors.persons.mentions import Mention
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.normalisation import Particulars

_MILLION: Final = 1_000_000
_KINDS: Final = {
    OutcomeKind.LINK: MatchKind.LINKED,
    OutcomeKind.NEW: MatchKind.NEW,
    OutcomeKind.REVIEW: MatchKind.PROVISIONAL,
}


@dataclass(frozen=True, slots=True)
class KnownMention:
    """A mention known before. reference: the person that it counts as now."""

    mention_id: UUID
    reference: str
    particulars: Particulars


@dataclass(frozen=True, slots=True)
class Match:
    """The person as registered; ``candidates`` (sorted) is not empty when an analyst must decide."""

    person: PersonRegistered
    candidates: tuple[str, ...]


def match(
    known: Mapping[int, Sequence[KnownMention]],
    mention: Mention,
    posting: Posting,
    model: Model,
    apart: frozenset[str] = frozenset(),
) -> Match:
    """Return whose a mention is. known: by blocking key. apart: persons that it was judged not to be."""
    outcome = decide(mention.particulars, _candidates(known, mention), model, apart)
    first = outcome.considered[0] if outcome.considered else None
    kind = _KINDS[outcome.kind]
    linked = kind is MatchKind.LINKED
    fresh = str(identity.derived_id("person", identity.posting_name(posting)))
    is_new = kind is MatchKind.NEW
    runner_up = first if is_new else outcome.runner_up
    person = PersonRegistered(
        reference=outcome.reference if linked and outcome.reference else fresh,
        mention_id=mention.mention_id,
        keys=key_bytes(key.value for key in mention.keys),
        sealed_identity=mention.sealed_identity,
        match=kind,
        model=outcome.model,
        posterior=round(outcome.posterior * _MILLION),
        found_by=() if is_new else tuple(sorted(item.value for item in outcome.found_by)),
        compared_with=None if is_new or first is None else first.mention_id,
        runner_up=runner_up.reference if runner_up else None,
        guards=tuple(sorted(guard.value for guard in outcome.guards)),
    )
    return Match(person, _in_question(outcome, model) if kind is MatchKind.PROVISIONAL else ())


def key_bytes(keys: Iterable[int]) -> tuple[bytes, ...]:
    """Return keys as a repertory event holds them: 8 bytes each, big-endian, signed; sorted as bytes."""
    return tuple(sorted([key.to_bytes(8, "big", signed=True) for key in keys]))


def key_value(key: bytes) -> int:
    """Return the number that those bytes are."""
    return int.from_bytes(key, "big", signed=True)


def _candidates(known: Mapping[int, Sequence[KnownMention]], mention: Mention) -> list[Candidate]:
    kinds: dict[UUID, list[KeyKind]] = {}
    found: dict[UUID, KnownMention] = {}
    for key in mention.looks_under:
        for item in known.get(key.value, ()):
            found[item.mention_id] = item
            kinds.setdefault(item.mention_id, []).append(key.kind)
    return [
        Candidate(item.reference, item.mention_id, item.particulars, tuple(kinds[item.mention_id]))
        for item in found.values()
    ]


def _in_question(outcome: Outcome, model: Model) -> tuple[str, ...]:
    def asked(item: Considered) -> bool:
        return item.posterior >= model.new or KeyKind.NUMBER in item.found_by

    return tuple(sorted(item.reference for item in outcome.considered if asked(item)))
