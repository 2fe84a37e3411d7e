from __future__ import annotations

import json
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from kruispunt_producers.adapters import Refusal, Row
from kruispunt_producers.adapters.csv_export import csv_records
from kruispunt_producers.synthetic import Expected, Outcome, Scenario, generate, persons, write_truth
from kruispunt_producers.synthetic.casebook import Casebook
from kruispunt_producers.synthetic.persons import national_number
from kruispunt_producers.synthetic.plot import MINIMUM
from kruispunt_producers.synthetic.profiles import agencies, homes, task_forces
from kruispunt_producers.synthetic.raw import KINDS
from kruispunt_producers.synthetic.traps import BROKEN, INVARIANTS
from kruispunt_producers.synthetic.truth import Channel
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.sections import Sex
from stdnum.be import nn


def postings(scenario: Scenario) -> list[Expected]:
    return [each for each in scenario.truth() if each.outcome is not Outcome.REFUSED_BY_ADAPTER]


def test_one_seed_is_one_world(scenario: Scenario) -> None:
    again = generate(seed=7, signals=400)
    assert again.truth() == scenario.truth()
    for participant in scenario.with_exports:
        for phase in (1, 2):
            assert again.csv_files(participant, phase) == scenario.csv_files(participant, phase)
    for participant in scenario.with_tables:
        assert again.postgresql_rows(participant) == scenario.postgresql_rows(participant)
    assert generate(seed=8, signals=400).truth() != scenario.truth()


@pytest.mark.parametrize("signals", [MINIMUM, 400, 2_000])
def test_the_number_of_postings_is_exact_and_every_trap_is_there(signals: int) -> None:
    scenario = generate(seed=2, signals=signals)
    found = scenario.truth()
    assert len(postings(scenario)) == signals
    traps = {each.trap for each in found}
    assert {kind.trap for kind in KINDS} <= traps
    assert {each.trap for each in (*INVARIANTS, *BROKEN)} <= traps
    assert {
        "same content under a new reference",
        "correction",
        "correction that moves away",
        "correction that raises the classification",
        "correction that excludes a recipient",
        "correction of a copy",
        "correction of what was refused",
        "record withdrawn",
        "record deleted",
    } <= traps
    assert {each.participant for each in found} == set(scenario.participants)


def test_too_few_signals_are_refused() -> None:
    with pytest.raises(ValueError, match=str(MINIMUM)):
        generate(signals=MINIMUM - 1)


def test_refused_lines_stand_where_the_truth_says(scenario: Scenario) -> None:
    """The exports, read with the real adapters, give the postings and refusals of the truth, no more and no fewer."""
    by_name = {agency.participant: agency for agency in agencies()}
    for participant in scenario.with_exports:
        agency = by_name[participant]
        refused: dict[str, tuple[str, str]] = {}
        references: Counter[str] = Counter()
        for phase in (1, 2):
            for name, content in scenario.csv_files(participant, phase).items():
                for line, record in csv_records(agency.columns)(content):
                    made = agency.adapter.draft(record) if isinstance(record, Row) else record
                    if isinstance(made, Refusal):
                        refused[f"{name}:{line}"] = (made.reason, made.field)
                    else:
                        references[made.reference] += 1
        mine = [
            each
            for each in scenario.truth()
            if each.participant == participant and each.channel is Channel.SOURCE
        ]
        assert refused == {
            each.position: (each.reason, each.field)
            for each in mine
            if each.outcome is Outcome.REFUSED_BY_ADAPTER
        }
        assert references == Counter(
            each.reference for each in mine if each.outcome is not Outcome.REFUSED_BY_ADAPTER
        )


def test_refused_rows_are_refused_as_the_truth_says(scenario: Scenario) -> None:
    by_name = {agency.participant: agency for agency in agencies()}
    for participant in scenario.with_tables:
        agency = by_name[participant]
        refused = {
            str(row[agency.key]): (made.reason, made.field)
            for row in scenario.postgresql_rows(participant).rows
            if isinstance(made := agency.adapter.draft(Row(row)), Refusal)
        }
        assert refused == {
            each.position: (each.reason, each.field)
            for each in scenario.truth()
            if each.participant == participant and each.outcome is Outcome.REFUSED_BY_ADAPTER
        }


def test_a_group_says_the_same_and_nothing_else_does(scenario: Scenario) -> None:
    groups = Counter(each.group for each in scenario.truth() if each.group is not None)
    assert groups
    assert set(groups.values()) == {2}
    decided = [each.group for each in scenario.truth() if each.group and each.outcome is Outcome.DECIDED]
    assert sorted(decided) == sorted(groups)
    said: Counter[str] = Counter()
    by_name = {agency.participant: agency for agency in agencies()}
    for participant in scenario.with_tables:
        agency = by_name[participant]
        for phase in (1, 2):
            for row in scenario.postgresql_rows(participant, phase).rows:
                made = agency.adapter.draft(Row(row))
                if isinstance(made, Draft) and made.lifecycle is Lifecycle.ORIGINAL:
                    situation = made.sections.situation
                    assert situation is not None
                    said[repr((made.sections.subject, situation, made.sections.assessment))] += 1
    assert max(said.values()) == 2


def test_phase_two_changes_what_phase_one_published(scenario: Scenario) -> None:
    first = {
        (each.participant, each.reference): each
        for each in scenario.truth()
        if each.phase == 1 and each.version
    }
    changed = [each for each in scenario.truth() if each.version == 2]
    assert changed
    for each in changed:
        before = first[each.participant, each.reference]
        assert each.outcome is Outcome.DECIDED
        assert before.outcome in {Outcome.DECIDED, Outcome.DUPLICATE, Outcome.QUARANTINE}
        if each.trap == "correction that moves away":
            assert before.municipality != each.municipality
    assert len({(each.participant, each.reference) for each in changed}) == len(changed)


def test_persons_are_distinct_and_numbers_are_never_issued_ones() -> None:
    drawn = Casebook(Random(1), 2_000).persons  # noqa: S311
    assert len(drawn) == 650
    assert len({person.identity for person in drawn}) == len(drawn)
    births = [person.birth for person in drawn]
    assert len(set(map(repr, births))) == len(births)
    numbers = [person.national_number for person in drawn if person.national_number]
    assert 0.7 < len(numbers) / len(drawn) < 0.9
    assert len(set(numbers)) == len(numbers)
    for person in drawn:
        if person.national_number:
            assert person.national_number[6:9] == ("999" if person.sex is Sex.MALE else "000")
            assert nn.is_valid(person.national_number)


def test_the_check_of_a_national_number_follows_the_rule() -> None:
    assert national_number(date(1993, 5, 18), Sex.MALE) == "93051899916"[:9] + f"{97 - 930518999 % 97:02}"
    assert national_number(date(2000, 1, 25), Sex.FEMALE) == f"000125000{97 - 2000125000 % 97:02}"


def test_persons_past_the_supply_of_birth_dates_carry_no_number() -> None:
    supply = (persons.LAST_BIRTH - persons.FIRST_BIRTH).days + 1
    drawn = persons.draw_persons(Random(1), supply + 50, homes())  # noqa: S311
    assert all(person.national_number is None and person.birth.month == 0 for person in drawn[supply:])


def test_most_signals_lie_where_a_task_force_takes_part() -> None:
    covered = {nis for _, towns in task_forces() for nis in towns}
    towns = [each.municipality for each in postings(generate()) if each.municipality]
    assert 0.75 < sum(nis in covered for nis in towns) / len(towns) < 0.95
    for _, territory in task_forces():
        assert sum(nis in territory for nis in towns) > 20


def test_the_truth_is_kept_as_json_lines(scenario: Scenario, tmp_path: Path) -> None:
    write_truth(tmp_path / "truth.jsonl", scenario.truth())
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert len(lines) == len(scenario.truth())
    assert {line["outcome"] for line in lines} == {"decided", "duplicate", "quarantine", "refused-by-adapter"}


def test_raw_indices_follow_each_other(scenario: Scenario) -> None:
    indices = [each.raw for each in scenario.truth() if each.raw is not None]
    assert all(after == before + 1 for before, after in pairwise(indices))
