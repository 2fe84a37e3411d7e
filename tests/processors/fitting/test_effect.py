from __future__ import annotations

from dataclasses import replace

from kruispunt_processors.fitting.effect import effect, linked
from kruispunt_processors.persons.linking import PairOutcome
from kruispunt_processors.persons.model import load
from kruispunt_processors.persons.names import Name
from kruispunt_processors.persons.normalisation import Birth, Kind, Particulars

MODEL = load()


def person(given: str, birth: Birth = (1980, 3, 2), family: str = "verlinden") -> Particulars:
    return Particulars(Kind.PERSON, (Name((family,), (given,)),), birth, "gent", "F")


ROWS = [
    person("sofie"),
    person("ruth", (1951, 7, 30), "claes"),
    person("sofie"),
    person("sofie"),
    person("els"),
]


def test_rows_are_linked_with_those_before_them() -> None:
    found = [pair for pair in linked(ROWS, MODEL) if pair.outcome is PairOutcome.LINK]
    assert [(pair.person, pair.b) for pair in found] == [(0, 2), (0, 3)]


def test_the_same_model_changes_nothing() -> None:
    found = effect("abcde", ROWS, MODEL, MODEL, None)
    assert (found.links, found.gained, found.lost, found.evaluated) == ((2, 2), 0, 0, None)


def test_a_model_that_links_nothing_loses_every_link() -> None:
    never = replace(MODEL, link=1.1)
    found = effect("abcde", ROWS, MODEL, never, [("a", "c"), ("c", "d")])
    assert (found.links, found.gained, found.lost) == ((2, 0), 0, 2)
    assert found.reviews[1] > found.reviews[0]
    assert found.evaluated is not None
    before, after = found.evaluated
    assert (before.links.right, after.links.right, before.links.missed) == (3, 0, 0)
