"""A mention as a source writes it: the register's truth with the slips of `rates` applied.

Rule: slips are drawn one by one in the table's order; each is applied where it can be, and noted.
Must not: know who else is in the population.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from kruispunt_producers.adapters.names import person_name
from kruispunt_schemas.records.sections import DataSubject, PartialDate, PersonName, Sex, Subject, SubjectKind

from benchmarks.persons.census import Organisation, Person
from benchmarks.persons.drafts import Draft
from benchmarks.persons.fact_slips import FACT_SLIPS
from benchmarks.persons.misspelling import slip
from benchmarks.persons.name_slips import NAME_SLIPS
from benchmarks.persons.rates import MOST, RATES, Slip

PARTICLE_FIELD: Final = 0.6
"""Sources whose particles come in a field of their own."""
_SLIPS: Final = {**FACT_SLIPS, **NAME_SLIPS}


def mentioned(
    random: Random, person: Person, factor: float, another: Callable[[], str | None]
) -> tuple[Subject, tuple[Slip, ...]]:
    """Return a person as a source of such care writes it, and the slips in it. another: somebody else's number."""
    draft = Draft.of(person)
    found: list[Slip] = []
    for rate in RATES:
        if random.random() >= min(MOST, rate.share * factor):
            continue
        if rate.slip is Slip.NUMBER_OF_ANOTHER:
            number = another() if draft.number else None
            applied = number is not None and number != draft.number
            draft.number = number if number is not None and applied else draft.number
        elif rate.slip in _SLIPS:
            applied = _SLIPS[rate.slip](random, draft, person)
        else:
            applied = False
        if applied:
            found.append(rate.slip)
    return _subject(random, draft), tuple(found)


def organisation_mentioned(
    random: Random, organisation: Organisation, factor: float
) -> tuple[Subject, tuple[Slip, ...]]:
    """Return an organisation as a source of such care writes it, and the slips in it."""
    name, form, number = organisation.name, organisation.legal_form, organisation.enterprise_number
    found: list[Slip] = []
    for rate in RATES:
        if random.random() >= min(MOST, rate.share * factor):
            continue
        if rate.slip is Slip.NUMBER_MISSING:
            number = ""
        elif rate.slip is Slip.TYPO:
            name = slip(random, name)
        elif rate.slip is Slip.LEGAL_FORM:
            form = ""
        else:
            continue
        found.append(rate.slip)
    written = f"{name} {form}".strip()
    subject = Subject(
        kind=SubjectKind.ORGANISATION,
        data_subject=DataSubject.OTHER,
        names=(PersonName(family=written, particle="", given=""),),
        sex=Sex.UNKNOWN,
        enterprise_number=number or None,
    )
    return subject, tuple(found)


def _subject(random: Random, draft: Draft) -> Subject:
    given = " ".join(draft.given)
    families = [draft.family, draft.other_family] if draft.other_family else [draft.family]
    names: list[PersonName] = []
    for family in families:
        if draft.one_field:
            whole = f"{given} {family}" if random.random() < 0.5 else f"{family} {given}"
            names.append(PersonName(family=whole.strip(), particle="", given=""))
        elif random.random() < PARTICLE_FIELD:
            names.append(person_name(family, given))
        else:
            names.append(PersonName(family=family, particle="", given=given))
    year, month, day = draft.birth
    return Subject(
        kind=SubjectKind.PERSON,
        data_subject=DataSubject.SUSPECT,
        names=tuple(names),
        birth=PartialDate(year=year, month=month, day=day) if year else None,
        birth_place=draft.place or None,
        sex=draft.sex,
        nationality=draft.nationality or None,
        national_number=draft.number or None,
    )
