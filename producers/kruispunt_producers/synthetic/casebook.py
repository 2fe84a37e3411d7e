"""Draws ordinary cases: who, where, when, what, how sure, for whom.

Rules: references count up within an agency; a person is met again and again, some far more than others; a local
agency's cases lie in its own territory. Everything comes from the one random source that it is given.

Must not: make a trap (`traps`), or read the clock.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, TypeVar

from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.frame import Handling
from kruispunt_schemas.records.sections import (
    DataSubject,
    InformationReliability,
    MeasureKind,
    SourceReliability,
)

from kruispunt_producers.synthetic import stories
from kruispunt_producers.synthetic.cases import Case
from kruispunt_producers.synthetic.persons import Person, draw_persons
from kruispunt_producers.synthetic.profiles import Agency, homes, task_forces
from kruispunt_producers.synthetic.writing import write

T = TypeVar("T")

UNTIL: Final = datetime(2025, 6, 30, tzinfo=UTC)
"""No case is observed later, so that a scenario lies in the past of every run."""
SPAN_MINUTES: Final = 365 * 24 * 60
PERSONS_PER_SIGNAL: Final = 650 / 2_000
"""650 entities in 2023 (DOMAIN section 3), for the default of 2,000 postings."""
AT_HOME_SHARE: Final = 0.85
NAMED_SHARE: Final = 0.06
EXCLUDED_SHARE: Final = 0.03
HANDLING_SHARE: Final = 0.1
LEVELS: Final = ((1, 18), (2, 52), (3, 26), (4, 4))
SOURCES: Final = (
    (SourceReliability.A, 20),
    (SourceReliability.B, 50),
    (SourceReliability.C, 15),
    (SourceReliability.X, 15),
)
INFORMATION: Final = (
    (InformationReliability.ONE, 20),
    (InformationReliability.TWO, 40),
    (InformationReliability.THREE, 25),
    (InformationReliability.FOUR, 15),
)


class Casebook:
    """Draws persons once and cases of any agency, in an order that is the caller's."""

    def __init__(self, random: Random, signals: int) -> None:
        self._random = random
        self.persons = draw_persons(random, max(12, round(signals * PERSONS_PER_SIGNAL)), homes())
        self._often = [1 / (place + 8) for place in range(len(self.persons))]
        self._numbers: Counter[str] = Counter()
        self._notes = 0

    def reference(self, agency: Agency) -> str:
        """Return the agency's next reference."""
        self._numbers[agency.participant] += 1
        return f"{agency.prefix}.{UNTIL.year}.{self._numbers[agency.participant]:06}"

    def draw(self, agency: Agency) -> Case:
        """Return an ordinary case."""
        random = self._random
        person = self._person(agency)
        self._notes += 1
        municipality = self._municipality(agency, person)
        named, excluded = self._distribution()
        return Case(
            participant=agency.participant,
            reference=self.reference(agency),
            observed_at=UNTIL - timedelta(minutes=random.randrange(SPAN_MINUTES)),
            municipality=municipality,
            classification=random.choices(*_columns(agency.classifications))[0],
            handling=self._handling(),
            person=person,
            written=write(random, person, numbers=agency.numbers),
            data_subject=DataSubject.SUSPECT if random.random() < 0.7 else DataSubject.OTHER,
            statements=stories.statements(random, agency.phrases, self._notes),
            opinion=random.choice(agency.phrases.opinions),
            indicators=stories.some(random, agency.phrases.indicators, 3),
            source=random.choices(*_columns(SOURCES))[0],
            information=random.choices(*_columns(INFORMATION))[0],
            measure_kind=MeasureKind.PREVENTIVE if random.random() < 0.7 else MeasureKind.REINTEGRATION,
            measures=stories.some(random, agency.phrases.measures, 2),
            advice=random.choice(agency.phrases.advice),
            named=named,
            excluded=excluded,
            level=random.choices(*_columns(LEVELS))[0],
            evaluation=(
                random.choice(stories.INTENTIONS),
                random.choice(stories.CAPACITIES),
                random.choice(stories.ANTECEDENTS),
                random.choice(stories.PSYCHOLOGICAL),
            ),
            problem_points=stories.some(random, stories.PROBLEM_POINTS, 2),
            consensus=True,
            secrecy=False,
            members=random.randint(4, 12),
        )

    def _person(self, agency: Agency) -> Person:
        towns = set(agency.towns)
        near = [place for place, person in enumerate(self.persons) if person.home in towns]
        if towns and near and self._random.random() < AT_HOME_SHARE:
            return self.persons[self._random.choices(near, [self._often[place] for place in near])[0]]
        return self._random.choices(self.persons, self._often)[0]

    def _municipality(self, agency: Agency, person: Person) -> str:
        if agency.towns:
            if person.home in agency.towns:
                return person.home
            people = [municipalities()[nis].population for nis in agency.towns]
            return self._random.choices(agency.towns, people)[0]
        if self._random.random() < AT_HOME_SHARE:
            return person.home
        return self._random.choices(homes(), [weight for _, _, weight in homes()])[0][0]

    def _distribution(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        names = [name for name, _ in task_forces()]
        drawn = self._random.random()
        if drawn < NAMED_SHARE:
            return tuple(sorted(self._random.sample(names, self._random.randint(1, 2)))), ()
        if drawn < NAMED_SHARE + EXCLUDED_SHARE:
            return (), (self._random.choice(names),)
        return (), ()

    def _handling(self) -> tuple[Handling, ...]:
        if self._random.random() >= HANDLING_SHARE:
            return ()
        return (
            self._random.choice(
                (Handling.DIFFUSION_RESTREINTE, Handling.THIRD_PARTY_RULE, Handling.TLP_AMBER)
            ),
        )


def _columns(table: tuple[tuple[T, int], ...]) -> tuple[list[T], list[int]]:
    return [value for value, _ in table], [weight for _, weight in table]
