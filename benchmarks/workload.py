"""The signals that are measured: about 1 kB, median fan-out 5, 99th percentile 40, 5% repeats.

Rules
-----
1. One seed gives one workload, whatever the clock: only the keys of the run differ.
2. Signals are signed before anything is measured.
3. Most are about a person of their own, one in ten about somebody known from an earlier one.

Must not: send anything.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from kruispunt_schemas import disclosure, keys, topics, wire
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.needtoknow import decisions, facts
from kruispunt_schemas.needtoknow.authoring import read_participants
from kruispunt_schemas.needtoknow.bundle import Bundle, Participant, ParticipantKind
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.facts import Observed
from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.frame import Classification, Lifecycle
from kruispunt_schemas.records.sections import (
    CaseAssessment,
    CaseSituation,
    Contact,
    Context,
    DataSubject,
    Distribution,
    Evaluation4x4,
    Fact,
    InformationReliability,
    Measure,
    MeasureKind,
    Measures,
    Nature,
    PartialDate,
    PersonName,
    Phenomenon,
    Purpose,
    Sections,
    Sex,
    SourceReliability,
    Sources,
    Subject,
    SubjectKind,
)
from kruispunt_schemas.wire import Headers

ORIGINATORS: Final = ("vsse", "federal-police", "police-gent", "police-antwerpen", "police-liege")
EXTRA_ZONES: Final = 25
WIDELY_NAMED: Final = 37
WIDE_SHARE: Final = 0.015
REPEAT_SHARE: Final = 0.05
KNOWN_SHARE: Final = 0.1
PUBLISHED_AT: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One posting, ready to be sent."""

    topic: str
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Shape:
    """What a workload looks like: bytes of a posting, recipients of a signal."""

    postings: int
    bytes_median: float
    fan_out_median: float
    fan_out_p99: float
    fan_out_mean: float


def participants() -> tuple[Participant, ...]:
    """Return the reviewed participants and enough zones without a territory to be named widely."""
    zones = (
        Participant(
            id=f"zone-{number:02}",
            name=f"Zone {number}",
            kind=ParticipantKind.LOCAL_POLICE,
            clearance=Classification.RESTRICTED,
            natures=(Nature.JUDICIAL, Nature.ADMINISTRATIVE, Nature.INTELLIGENCE),
            purposes=(Purpose.PREVENTION, Purpose.INVESTIGATION),
            screened_until=date(2031, 12, 31),
        )
        for number in range(EXTRA_ZONES)
    )
    return tuple(sorted((*read_participants(), *zones), key=lambda row: row.id))


def prepare(
    count: int,
    data: Path,
    wire_ids: Mapping[bytes, int],
    bundle: Bundle,
    *,
    seed: int = 1,
    first: int = 0,
    engine: PolicyEngine | None = None,
    nameable: Sequence[str] | None = None,
    placed: bool = True,
) -> tuple[list[Prepared], Shape]:
    """Return so many postings, signed with the keys in a data folder, and their shape.

    first: number of the first signal, so that two workloads of one run share none. engine: counts the recipients.
    nameable: who is named in signals that go to many, whoever may be unless given. placed: whether a signal says where.
    """
    random = Random(seed)
    engine = engine or PolicyEngine(bundle.policies, bundle.policy_schema)
    owners = {name: keys.read_participant(data, name) for name in ORIGINATORS}
    wanted = set(bundle.by_id if nameable is None else nameable)
    named = [row.id for row in bundle.participants if row.kind in _NAMEABLE and row.id in wanted]
    made: list[Prepared] = []
    fan_out: list[int] = []
    for number, draft in enumerate(_drafts(random, count, named, first, placed=placed)):
        if made and random.random() < REPEAT_SHARE:
            made.append(random.choice(made[-500:]))
            continue
        originator = ORIGINATORS[number % len(ORIGINATORS)]
        own = owners[originator]
        signed = disclosure.compose(
            draft, originator=originator, secret=own.secret, signer=own.signer, published_at=PUBLISHED_AT
        )
        envelope = wire.envelope(
            signed.schema,
            identifier=str(signed.read_header().signal_id),
            source=f"/participants/{originator}",
            time=PUBLISHED_AT,
            traceparent=None,
        )
        value = wire.wrapped(wire_ids[signed.schema.fingerprint], signed.encoded())
        made.append(Prepared(topics.out_topic(originator).name, value, envelope))
        observed = Observed.of(signed.read_header(), PUBLISHED_AT, draft.sections)
        fan_out.append(_recipients(bundle, engine, observed, signed.schema.sections))
    return made, _shape(made, fan_out)


def _recipients(bundle: Bundle, engine: PolicyEngine, observed: Observed, sections: tuple[str, ...]) -> int:
    groups = decisions.decide(bundle, engine, facts.of_signal(bundle, observed), sections)
    return sum(group.size for group in groups if any(item.released for item in group.sections))


def _shape(made: Sequence[Prepared], fan_out: Sequence[int]) -> Shape:
    ordered = sorted(fan_out)
    return Shape(
        postings=len(made),
        bytes_median=statistics.median(len(item.value) for item in made),
        fan_out_median=statistics.median(ordered),
        fan_out_p99=ordered[int(len(ordered) * 0.99)],
        fan_out_mean=round(statistics.fmean(ordered), 2),
    )


def _drafts(
    random: Random, count: int, nameable: Sequence[str], first: int, *, placed: bool
) -> Iterator[Draft]:
    for number in range(first, first + count):
        known = number > first and random.random() < KNOWN_SHARE
        person = random.randrange(first, number) if known else number
        wide = random.random() < WIDE_SHARE
        named = tuple(random.sample(list(nameable), WIDELY_NAMED)) if wide else ()
        yield Draft(
            signal_type="RadicalisationCase",
            version=1,
            lifecycle=Lifecycle.ORIGINAL,
            observed_at=PUBLISHED_AT - timedelta(hours=2),
            classification=Classification.UNCLASSIFIED
            if random.random() < 0.8
            else Classification.RESTRICTED,
            sections=_sections(random, f"B/{number}", _subject(person), named, placed=placed),
        )


def _subject(number: int) -> Subject:
    born = date(1950, 1, 1) + timedelta(days=number % 20_000)
    return Subject(
        kind=SubjectKind.PERSON,
        data_subject=DataSubject.SUSPECT,
        names=(
            PersonName(
                family=f"Family{number // 20_000}x{number % 977}", particle="", given=f"Given{number % 211}"
            ),
        ),
        birth=PartialDate(year=born.year, month=born.month, day=born.day),
        sex=Sex.MALE,
        nationality="BE",
        national_number=None,
    )


def _sections(
    random: Random, reference: str, subject: Subject, named: tuple[str, ...], *, placed: bool
) -> Sections:
    place = random.choice(_municipalities()) if placed else None
    return Sections(
        context=Context(
            reference=reference,
            phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
            municipality=place,
            legal_basis="Law of 29 April 2024, art. 4",
            purpose="follow-up",
            nature=Nature.JUDICIAL,
            purposes=(Purpose.INVESTIGATION, Purpose.PREVENTION),
        ),
        subject=subject,
        situation=CaseSituation(
            facts=(
                Fact(
                    statement="Seen with two others. " * random.randint(2, 6),
                    observed_on=date(2026, 3, 1),
                    municipality=place,
                ),
                Fact(statement="Bought a one-way ticket."),
            )
        ),
        assessment=CaseAssessment(summary="Probably recruiting. " * 3, indicators=("isolation", "travel")),
        sources=Sources(
            evaluations=(
                Evaluation4x4(
                    statement="The witness knows him.",
                    source=SourceReliability.B,
                    information=InformationReliability.TWO,
                ),
            )
        ),
        measures=Measures(
            measures=(
                Measure(kind=MeasureKind.PREVENTIVE, description="Home visit", from_on=date(2026, 3, 3)),
            )
        ),
        contact=Contact(unit="Watch desk North", function="duty officer", telephone="+32 2 000 00 00"),
        distribution=Distribution(named=named, excluded=()),
    )


@cache
def _municipalities() -> list[str]:
    return sorted(municipalities())


_NAMEABLE: Final = frozenset(ParticipantKind) - {
    ParticipantKind.OVERSIGHT,
    ParticipantKind.NATIONAL_TASK_FORCE,
    ParticipantKind.LOCAL_SAFETY_CELL,
}
