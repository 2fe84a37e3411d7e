"""The two judges agree, and would not if either were wrong."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from kruispunt_schemas.needtoknow.rules import Language
from kruispunt_schemas.records.backbone import Decision, OutputKind

from tests.judge import grounds, guards, judge, seen
from tests.judge.comparison import differences
from tests.judge.seen import Service, Signal, Ties, World, may_be_minor
from tests.judge.signals import decided
from tests.judge.trial import Count, Trial
from tests.judge.truth import Truth, Truths


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial(1_500, everybody=False)


@pytest.fixture(scope="module")
def decisions(trial: Trial) -> dict[str, list[tuple[Truth, Decision]]]:
    """Some signals for each rule that decides on them."""
    found: dict[str, list[tuple[Truth, Decision]]] = {}
    for number in range(0, 1_500, 4):
        truth = trial.truths.truth(number)
        decision, _ = decided(trial.bundle, trial.engine, truth)
        for rule in _cited(decision):
            found.setdefault(rule, []).append((truth, decision))
    return found


def _cited(decision: Decision) -> set[str]:
    outcomes = [outcome for group in decision.groups for outcome in group.sections]
    return {rule for outcome in outcomes for rule in (*outcome.grounds, *outcome.guards)}


class TestTheyAgree:
    def test_on_signals_among_the_participants_of_the_demonstration(self, trial: Trial) -> None:
        count = trial.run()
        assert (count.signals, count.shown) == (1_500, [])

    def test_on_signals_among_all_participants(self) -> None:
        count = Trial(150, everybody=True).run()
        assert (count.signals, count.shown) == (150, [])

    def test_one_seed_gives_one_row_of_truths(self, trial: Trial) -> None:
        again, other = Trial(1_500, everybody=False), Trial(1_500, everybody=False, seed=2)
        assert [again.truths.truth(number) for number in (0, 7, 1_499)] == [
            trial.truths.truth(number) for number in (0, 7, 1_499)
        ]
        assert other.truths.truth(7) != trial.truths.truth(7)

    def test_shares_are_the_whole_once(self, trial: Trial) -> None:
        numbers = [number for share in range(4) for number in trial.numbers(share, 4)]
        assert sorted(numbers) == list(range(1_500))


class TestTheSecondJudge:
    @pytest.mark.parametrize("module", [seen, grounds, guards, judge])
    def test_imports_nothing_of_ours(self, module: Any) -> None:
        own = {"tests.judge.seen", "tests.judge.grounds", "tests.judge.guards", "tests.judge.judge"}
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        named = {
            name
            for node in ast.walk(tree)
            for name in (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
        }
        assert {name for name in named - own if name.split(".")[0] not in sys.stdlib_module_names} == set()

    def test_has_every_rule_with_its_sentence(self, trial: Trial) -> None:
        written = {
            name: (name in grounds.GROUNDS, (rule.__doc__ or "").strip())
            for name, (rule, _) in {**grounds.GROUNDS, **guards.GUARDS}.items()
        }
        said = {
            name: (rule.permits, rule.sentences[Language.EN]) for name, rule in trial.engine.rules.items()
        }
        assert written == said

    @pytest.mark.parametrize(
        ("birth", "day", "expected"),
        [
            ((2008, 3, 2), "2026-03-01", True),
            ((2008, 3, 2), "2026-03-02", False),
            ((2008, 4, 0), "2026-04-29", True),
            ((2008, 4, 0), "2026-04-30", False),
            ((2008, 2, 29), "2026-02-28", True),
            ((2008, 2, 29), "2026-03-01", False),
            ((2008, 0, 0), "2026-12-30", True),
            ((2008, 0, 0), "2026-12-31", False),
            ((0, 5, 5), "2026-05-05", False),
            (None, "2026-05-05", False),
        ],
    )
    def test_takes_the_latest_day_of_birth_that_fits(
        self, birth: tuple[int, int, int] | None, day: str, expected: bool
    ) -> None:
        assert may_be_minor(birth, date.fromisoformat(day)) is expected


class TestADifferenceIsNoticed:
    def test_when_any_rule_of_the_judge_is_left_out(
        self,
        trial: Trial,
        decisions: dict[str, list[tuple[Truth, Decision]]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        assert len(decisions) > 30
        unnoticed = []
        for rule, signals in decisions.items():
            home = grounds.GROUNDS if rule in grounds.GROUNDS else guards.GUARDS
            monkeypatch.delitem(home, rule)
            truth, decision = signals[0]
            if not differences(trial.bundle, decision, judge.judge(trial.world, truth)):
                unnoticed.append(rule)
            monkeypatch.undo()
        assert unnoticed == []

    def test_when_a_rule_of_the_judge_is_milder(
        self,
        trial: Trial,
        decisions: dict[str, list[tuple[Truth, Decision]]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def milder(it: Signal, to: Service, ties: Ties) -> bool:
            return guards.guard_minor(it, to, ties) and to.kind != "partner-service"

        monkeypatch.setitem(guards.GUARDS, "guard-minor", (milder, guards.GUARDS["guard-minor"][1]))
        assert any(
            differences(trial.bundle, decision, judge.judge(trial.world, truth))
            for truth, decision in decisions["guard-minor"]
        )

    @pytest.mark.parametrize(
        "alter",
        ["released", "ground", "guard", "size", "members", "stated", "holders", "output", "classification"],
    )
    def test_when_a_decision_record_is_altered(
        self, trial: Trial, decisions: dict[str, list[tuple[Truth, Decision]]], alter: str
    ) -> None:
        truth, decision = next(
            (truth, decision)
            for truth, decision in decisions["guard-minor"]
            if decision.outputs and any(item.guards for item in decision.groups[0].sections)
        )
        verdict = judge.judge(trial.world, truth)
        assert differences(trial.bundle, decision, verdict) == []
        assert differences(trial.bundle, _altered(decision, alter), verdict)


def _altered(decision: Decision, what: str) -> Decision:
    group = decision.groups[0]
    outcome = next(item for item in group.sections if item.guards)
    changed: dict[str, Any] = {
        "released": {"released": not outcome.released},
        "ground": {"grounds": (*outcome.grounds, "ground-else")},
        "guard": {"guards": outcome.guards[1:]},
    }
    if what in changed:
        sections = tuple(
            replace(item, **changed[what]) if item is outcome else item for item in group.sections
        )
        return replace(decision, groups=(replace(group, sections=sections), *decision.groups[1:]))
    first, second = decision.groups[:2]
    sent = decision.outputs[0]
    kind = OutputKind.VIEW if sent.kind is OutputKind.WITHDRAWAL else OutputKind.WITHDRAWAL
    swapped = (replace(first, sections=second.sections), replace(second, sections=first.sections))
    others: dict[str, dict[str, Any]] = {
        "size": {"groups": (replace(group, size=group.size + 1), *decision.groups[1:])},
        "members": {"groups": (*swapped, *decision.groups[2:])},
        "stated": {"stated": decision.stated[1:]},
        "holders": {"holders": decision.holders[1:]},
        "output": {"outputs": (replace(sent, kind=kind), *decision.outputs[1:])},
        "classification": {"classification": decision.classification + 1},
    }
    return replace(decision, **others[what])


class TestATrial:
    def test_that_is_large_has_to_use_every_rule(self, trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trial, "_everybody", True)
        monkeypatch.setattr(trial, "_signals", 20_000)
        count = Count()
        assert set(trial.rarely_used(count)) == trial.engine.rules.keys()
        count.used.update(dict.fromkeys(trial.engine.rules, 30))
        assert trial.rarely_used(count) == []

    def test_among_services_that_publish_nothing_is_told_by_anybody(self, trial: Trial) -> None:
        world: World = trial.world
        assert Truths(world, {}, 1, matters=13).truth(5)["originator"] in world.kinds
