"""The reviewed policy over every participant of the chain, against every case of the jurist."""

from __future__ import annotations

from functools import cache

import pytest
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.jurist import mutation, trial
from kruispunt_schemas.jurist.case_files import read_cases
from kruispunt_schemas.jurist.options import bundle_of_files
from kruispunt_schemas.needtoknow.bundle import Bundle, ParticipantKind
from kruispunt_schemas.needtoknow.cedar import PolicyEngine

CASES = {f"{file}: {case.id}": case for file, cases in read_cases().items() for case in cases}


@cache
def whole() -> Bundle:
    return bundle_of_files()


@cache
def engine() -> PolicyEngine:
    return PolicyEngine(whole().policies, whole().policy_schema)


@cache
def prepared(name: str) -> trial.Prepared:
    return trial.prepare(CASES[name], whole())


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_the_jurist(name: str) -> None:
    result = trial.judge(prepared(name), engine().evaluate, whole())
    assert {item.participant: item.mistakes for item in result.judged if not item.passed} == {}


def test_every_weakened_policy_is_noticed() -> None:
    """The whole of it: a few hundred mutants in some ten seconds."""
    score = mutation.score([prepared(name) for name in CASES], whole())
    assert {(item.rule, item.change) for item in score.survivors} == set()


def test_half_of_the_cases_refuse() -> None:
    refusing = [case for case in CASES.values() if case.refused or case.nobody_else]
    assert len(CASES) >= 160
    assert 2 * len(refusing) >= len(CASES)


def test_every_type_and_every_kind_of_participant_is_judged() -> None:
    assert {case.signal.type for case in CASES.values()} == set(schemas.SIGNAL_TYPES)
    judged = {name for case in CASES.values() for name in case.judged}
    assert {whole().by_id[name].kind for name in judged} == set(ParticipantKind)
