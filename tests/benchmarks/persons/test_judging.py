from __future__ import annotations

from collections.abc import Callable

import pytest
from kruispunt_processors.persons import model
from kruispunt_processors.persons.decision import Guard, Outcome, OutcomeKind
from kruispunt_processors.persons.keys import BlockingKey, KeyKind
from kruispunt_processors.persons.names import Name
from kruispunt_processors.persons.normalisation import Kind, Particulars

from benchmarks.persons import directory
from benchmarks.persons.census import Kin
from benchmarks.persons.directory import MemoryDirectory
from benchmarks.persons.figures import Share, by_kin, by_slip, by_threshold, figures
from benchmarks.persons.judging import Judged, Run, judge
from benchmarks.persons.rates import Slip, Source
from benchmarks.persons.stream import Mention


def judged(
    kind: OutcomeKind = OutcomeKind.LINK,
    *,
    known: bool = True,
    right: bool = True,
    found: bool = True,
    offered: bool = False,
    first_is_right: bool = True,
    begotten: bool = False,
    posterior: float = 0.999,
    guards: tuple[Guard, ...] = (),
    slips: tuple[Slip, ...] = (),
) -> Judged:
    return Judged(
        kind=kind,
        known=known,
        right=right,
        found=found,
        offered=offered,
        first_is_right=first_is_right,
        begotten=begotten,
        posterior=posterior,
        guards=guards,
        mentions=3,
        persons=2,
        kin=Kin.TWIN,
        source=Source.TYPED,
        slips=slips,
    )


LINK = judged()
FALSE_LINK = judged(right=False, first_is_right=False)
FALSE_LINK_OF_A_NEWCOMER = judged(known=False, right=False, found=False, first_is_right=False)
OFFERED = judged(OutcomeKind.REVIEW, right=False, offered=True, posterior=0.7)
NOT_OFFERED = judged(OutcomeKind.REVIEW, right=False, first_is_right=False, posterior=0.6)
FALSE_NEW = judged(OutcomeKind.NEW, right=False, found=False, first_is_right=False, posterior=0.01)
NEW = judged(
    OutcomeKind.NEW,
    known=False,
    right=False,
    found=False,
    first_is_right=False,
    posterior=0.0,
    slips=(Slip.TYPO,),
)
ALL = [LINK, FALSE_LINK, FALSE_LINK_OF_A_NEWCOMER, OFFERED, NOT_OFFERED, FALSE_NEW, NEW]


def test_figures() -> None:
    found = figures(ALL)
    assert (found.mentions, found.known) == (7, 5)
    assert found.false_links == Share(2, 3)
    assert found.linked == Share(1, 5)
    assert found.with_review == Share(2, 5)
    assert found.review == Share(2, 7)
    assert found.false_new == Share(1, 5)
    assert found.found == Share(4, 5)
    assert not any(list(found.bars_met.values())[:4])


def test_bars_are_met_by_enough_right_links_alone() -> None:
    assert all(figures([LINK] * 5_000).bars_met.values())
    few = figures([LINK] * 100).bars_met
    assert [bar for bar, met in few.items() if not met] == ["its 95% upper bound <= 12"]


def test_figures_by_kin_and_slip() -> None:
    assert by_kin(ALL)["twin"] == figures(ALL)
    assert by_kin(ALL)["plain"].mentions == 0
    assert by_slip(ALL)["typing slip"] == figures([NEW])
    assert by_slip(ALL)["none"].mentions == 6


def test_links_at_another_threshold() -> None:
    guarded = judged(OutcomeKind.REVIEW, right=False, offered=True, guards=(Guard.CONFLICT,))
    low, high = by_threshold([*ALL, guarded], [0.5, 0.9])
    assert (low.false_links, low.linked) == (Share(3, 5), Share(2, 6))
    assert (high.false_links, high.linked) == (Share(2, 3), Share(1, 6))


def particulars(family: str) -> Particulars:
    return Particulars(Kind.PERSON, (Name((family,), ("jan",)),))


def test_the_directory_gives_each_mention_once_with_its_kinds_of_key() -> None:
    there = MemoryDirectory()
    one, two = BlockingKey(KeyKind.YEAR, 1), BlockingKey(KeyKind.DAY, 2)
    there.add(5, particulars("a"), [one, two])
    there.add(6, particulars("b"), [two])
    found = {each.reference: each for each in there.candidates([one, two])}
    assert found["5"].found_by == (KeyKind.DAY, KeyKind.YEAR)
    assert found["6"].found_by == (KeyKind.DAY,)
    assert found["6"].particulars == particulars("b") == there.particulars(found["6"].mention_id)
    assert there.candidates([BlockingKey(KeyKind.YEAR, 3)]) == []
    assert len(there) == 2


def test_of_a_key_of_many_the_latest_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MOST_OF_A_KEY", 2)
    there, key = MemoryDirectory(), BlockingKey(KeyKind.NAMES, 1)
    for reference in range(5):
        there.add(reference, particulars("a"), [key])
    assert [each.reference for each in there.candidates([key])] == ["3", "4"]
    assert there.cut == 1


def run(watch: Callable[[Mention, Outcome, Judged, Callable[[str], int]], None] | None = None) -> Run:
    return judge(5, 2_000, 300, MemoryDirectory(), model.load(), lambda _: None, watch)


def test_one_seed_gives_one_judgement() -> None:
    first = run()
    assert first.judged == run().judged
    assert len(first.judged) == 300
    assert first.known >= 2_000


def test_what_is_judged_is_what_was_decided() -> None:
    seen: list[Judged] = []

    def watch(mention: Mention, outcome: Outcome, found: Judged, owner: Callable[[str], int]) -> None:
        seen.append(found)
        assert found.kind is outcome.kind
        assert found.known == (not mention.first)
        if outcome.reference is not None:
            assert found.right == (owner(outcome.reference) == mention.truth)
        assert found.found == any(owner(each.reference) == mention.truth for each in outcome.considered)

    assert run(watch).judged == seen
    links = [each for each in seen if each.kind is OutcomeKind.LINK]
    assert len(links) > 50
    assert all(each.known for each in links if each.right)
