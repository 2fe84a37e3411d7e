"""A stream of mentions, each of which knows whom it is about.

Rules
-----
1. One seed gives one stream over one population, whatever a resolver makes of it.
2. The directory begins with one mention of everybody who is known at first (`known_mentions`), most read from a document.
3. `NEW_SHARE` of the stream are first mentions of persons who are not there; `AGAIN_SHARE` are about somebody whom the stream
   mentioned before, new ones among them; the others are about anybody in the directory.
4. By `KIN_SHARES`, twins and juniors are mentioned more often than they exist; so are persons with a number
   (`NUMBERED_SHARE`), who are few for want of synthetic numbers.

Must not: ask a resolver.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final

from kruispunt_schemas.records.sections import Subject

from benchmarks.persons.census import Census, Kin
from benchmarks.persons.corruption import mentioned, organisation_mentioned
from benchmarks.persons.rates import KNOWN_BY_DOCUMENT, SOURCES, Care, Slip, Source

NEW_SHARE: Final = 0.15
AGAIN_SHARE: Final = 0.2
ORGANISATION_SHARE: Final = 0.01
NUMBERED_SHARE: Final = 0.2
"""Mentions drawn among persons with a number. Many more have one in real sources, where resolving is easy."""
KIN_SHARES: Final = {Kin.PLAIN: 0.5, Kin.TWIN: 0.2, Kin.SIBLING: 0.25, Kin.JUNIOR: 0.05}
"""Mentions by kin of the person, of all not drawn for a number: 20% twins where 8% of persons are."""
NEW_ORGANISATIONS: Final = 10
"""One organisation in so many is not in the directory at first."""


@dataclass(frozen=True, slots=True)
class Mention:
    """What a signal says about whom.

    truth: number of the person or organisation in the census. first: nobody in the directory is that person yet.
    """

    subject: Subject
    truth: int
    kin: Kin
    source: Source
    slips: tuple[Slip, ...]
    first: bool


class Stream:
    """Mentions about one population."""

    def __init__(self, census: Census, seed: int) -> None:
        self._census = census
        self._random = Random(f"stream/{seed}")
        self._numbered = list(census.numbered())
        self._weights = list(accumulate(care.share for care in SOURCES))

    def known_mentions(self) -> Iterator[Mention]:
        """Yield a mention of everybody who is in the directory at first."""
        random = Random(f"known/{self._census.seed}")
        read, typed = SOURCES[0], SOURCES[1]
        for number, absent in enumerate(self._census.absent):
            if not absent:
                yield self._mention(random, number, read if random.random() < KNOWN_BY_DOCUMENT else typed)
        for number in self._census.organisations:
            if number % NEW_ORGANISATIONS:
                yield self._mention(random, number, read)

    def mentions(self, count: int) -> Iterator[Mention]:
        """Yield the stream. Raise ValueError when the population has too few newcomers for it."""
        random = self._random
        known, new = _by_kin(self._census, absent=False), _by_kin(self._census, absent=True)
        organisations = self._census.organisations
        numbered = [number for number in self._numbered if not self._census.absent[number]]
        for people in new.values():
            random.shuffle(people)
        there = {number for number in organisations if number % NEW_ORGANISATIONS}
        before: list[int] = []
        kinds, weights = tuple(KIN_SHARES), list(accumulate(KIN_SHARES.values()))
        for _ in range(count):
            kin = kinds[bisect(weights, random.random(), 0, len(kinds) - 1)]
            draw = random.random()
            first = False
            if organisations and random.random() < ORGANISATION_SHARE:
                number = random.choice(organisations)
                first = number not in there
                there.add(number)
            elif draw < NEW_SHARE:
                if not new[kin]:
                    raise ValueError(
                        f"the population has too few unknown persons ({kin.name.lower()}) for {count} mentions"
                    )
                number, first = new[kin].pop(), True
            elif draw < NEW_SHARE + AGAIN_SHARE and before:
                number = random.choice(before)
            elif random.random() < NUMBERED_SHARE and numbered:
                number = random.choice(numbered)
            else:
                number = random.choice(known[kin])
            before.append(number)
            care = SOURCES[bisect(self._weights, random.random(), 0, len(SOURCES) - 1)]
            yield self._mention(random, number, care, first=first)

    def _mention(self, random: Random, number: int, care: Care, *, first: bool = False) -> Mention:
        if number >= len(self._census):
            subject, slips = organisation_mentioned(random, self._census.organisation(number), care.factor)
            return Mention(subject, number, Kin.ORGANISATION, care.source, slips, first)
        person = self._census.person(number)
        subject, slips = mentioned(random, person, care.factor, lambda: self._another(random))
        return Mention(subject, number, person.kin, care.source, slips, first)

    def _another(self, random: Random) -> str | None:
        return self._census.person(random.choice(self._numbered)).national_number if self._numbered else None


def _by_kin(census: Census, *, absent: bool) -> dict[Kin, list[int]]:
    found: dict[Kin, list[int]] = {kin: [] for kin in KIN_SHARES}
    for number, kin in enumerate(census.kin):
        if bool(census.absent[number]) == absent:
            found[Kin(kin)].append(number)
    return found


def counted(mentions: Sequence[Mention]) -> dict[str, float]:
    """Return the base figures of a stream: shares of mentions with this or that."""
    whole = len(mentions)

    def share(part: int) -> float:
        return part / whole if whole else 0.0

    def has_full_birth(mention: Mention) -> bool:
        birth = mention.subject.birth
        return birth is not None and bool(birth.day)

    return {
        "first mention of a new person": share(sum(each.first for each in mentions)),
        "full birth date": share(sum(has_full_birth(each) for each in mentions)),
        "national or enterprise number": share(
            sum(bool(each.subject.national_number or each.subject.enterprise_number) for each in mentions)
        ),
        "place of birth": share(sum(each.subject.birth_place is not None for each in mentions)),
        "no slip at all": share(sum(not each.slips for each in mentions)),
    }
