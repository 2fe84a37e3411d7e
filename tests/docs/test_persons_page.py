"""The commands of docs/persons.md run as they stand, extracted from the page.

The page supposes what a reader has: a list with persons more than once (many.csv), and a backbone that knows somebody; the
block that asks one is run where there is a database (tests/processors/database/test_lookup.py).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kruispunt_processors.persons.columns import DEFAULTS
from kruispunt_processors.persons.decision import Guard
from kruispunt_processors.persons.linking import BLOCK_CUT, ONE_TO_ONE

from tests.docs.scripts import run_script
from tests.processors.lists.many import write_many

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "persons.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
"""The last one asks a backbone."""


def test_lists_are_linked_and_weights_fitted_as_the_page_says(tmp_path: Path) -> None:
    write_many(tmp_path / "many.csv", tmp_path / "many-truth.csv")
    shown = run_script("\n".join(BLOCKS[:-1]), tmp_path)
    assert "5 and 4 rows: 3 linked" in shown
    assert "3 of 3" in shown
    assert (tmp_path / "plot.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "name 2099-1 as CURRENT" in " ".join(shown.split())
    assert len((tmp_path / "persons.csv").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize("name", [*DEFAULTS, *Guard, BLOCK_CUT, ONE_TO_ONE])
def test_every_field_and_guard_is_explained(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_every_link_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
