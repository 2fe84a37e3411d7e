"""The tables of docs/stories.md say what can be held against the road: known rules, known participants, no row twice."""

from __future__ import annotations

import pytest
from kruispunt_schemas.needtoknow.authoring import ROOT, read_participants
from kruispunt_schemas.needtoknow.rules import rules
from kruispunt_schemas.records.sections import Sections

from tests.stories.telling import Row, table

STORIES = {1: 4, 2: 7, 3: 6, 4: 6}
"""Steps of each."""
RULES = {
    rule.id for rule in rules((ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")).values()
}
CHAIN = {row.id for row in read_participants(everything=True)}
GIVEN = frozenset({"assessment", "contact", "context"})


@pytest.mark.parametrize(("story", "steps"), STORIES.items())
def test_a_table_speaks_of_what_there_is(story: int, steps: int) -> None:
    found = table(story)
    assert len(found) == steps
    for rows in found.values():
        named = [name for row in rows for name in row.who]
        assert len(set(named)) == len(named)
        assert set(named) <= CHAIN
        assert {rule for row in rows for rule in row.rules} <= RULES
        everything = frozenset(Sections.NAMES)
        assert all(row.sections(everything) <= everything for row in rows)


@pytest.mark.parametrize(
    ("gets", "sections"),
    [
        ("everything", GIVEN),
        ("everything but assessment", GIVEN - {"assessment"}),
        ("everything but assessment, context", {"contact"}),
        ("contact", {"contact"}),
        ("nothing", set()),
        ("withdrawal", set()),
    ],
)
def test_what_a_row_gives(gets: str, sections: set[str]) -> None:
    assert Row(("ocad",), gets, frozenset()).sections(GIVEN) == sections


def test_a_row_cannot_leave_out_what_was_not_given() -> None:
    with pytest.raises(AssertionError):
        Row(("ocad",), "everything but sources", frozenset()).sections(GIVEN)
