from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.jurist.options import bundle_of_files
from kruispunt_schemas.jurist.overview import Way, _cells, overview, titled
from kruispunt_schemas.jurist.page import page
from kruispunt_schemas.jurist.picture import picture
from kruispunt_schemas.needtoknow.rules import Language, rules

from tests.schemas.jurist.worlds import bundle

DOCS = Path(__file__).parents[3] / "docs"


def test_the_signed_page_is_current() -> None:
    """Otherwise: `kruispunt policy table --write`, and the jurist reads what has changed."""
    whole = bundle_of_files()
    assert (DOCS / "policy.md").read_text(encoding="utf-8") == page(whole, Language.EN)
    assert (DOCS / "policy.svg").read_text(encoding="utf-8") == picture(whole, Language.EN)


def test_participants_that_are_equal_stand_together_and_once() -> None:
    for lines in overview(bundle()).values():
        names = [name for line in lines for name in line.participants]
        assert len(names) == len(set(names))
        cells = [tuple(sorted(line.cells.items(), key=lambda item: item[0])) for line in lines]
        assert len(cells) == len({str(item) for item in cells})


def test_a_cell_says_by_which_way_and_ground() -> None:
    lines = {
        name: line.cells for line in overview(bundle())["RadicalisationCase"] for name in line.participants
    }
    assert lines["mandated"]["sources"].way is Way.ALWAYS
    assert lines["force-a"]["assessment"].way is Way.TERRITORY
    assert "sources" not in lines["police-a"]
    assert "ground-territory-police" in lines["police-a"]["subject"].grounds
    assert "watch" not in lines


def test_a_stronger_way_is_never_hidden_by_a_weaker_one() -> None:
    for cells in _cells(bundle(), "RadicalisationCase"):
        for _, cell in cells:
            assert (cell.way is None) == (not cell.grounds)


def test_participants_are_titled_by_kind() -> None:
    assert titled(bundle(), ["force-a", "force-b"]) == "local-task-force (all 2)"
    assert titled(bundle(), ["force-a", "watch"]) == "local-task-force: force-a; oversight: watch"


def test_the_page_has_every_rule_and_type_in_every_language() -> None:
    for language in Language:
        text = page(bundle(), language)
        for rule in rules(bundle().policies).values():
            assert f"`{rule.id}` | {rule.sentences[language]}" in text
        for name in schemas.SIGNAL_TYPES:
            assert f"### {name}" in text


def test_the_picture_is_sound() -> None:
    root = ET.fromstring(picture(bundle(), Language.FR))  # noqa: S314 - our own text
    assert root.tag.endswith("svg")
    assert len(root.findall(".//{http://www.w3.org/2000/svg}rect")) > 100
