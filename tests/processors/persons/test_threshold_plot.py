from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from kruispunt_processors.persons.evaluation import FoundPair, evaluate
from kruispunt_processors.persons.threshold_plot import HEIGHT, LEFT, RIGHT, TOP, WIDTH, picture

NAMESPACE = "{http://www.w3.org/2000/svg}"
TRUTH = [(f"a{number}", f"b{number}") for number in range(400)]


def drawn(found: list[FoundPair]) -> ET.Element:
    return ET.fromstring(picture(evaluate(TRUTH, found, within=False), 0.99, 0.05))  # noqa: S314 - our own


def corners(tree: ET.Element, name: str) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (corner.split(",") for corner in element.attrib["points"].split())]
        for element in tree.iter(f"{NAMESPACE}{name}")
    ]


def test_a_line_and_a_band_for_each_within_the_axes() -> None:
    found = [FoundPair((f"a{n}", f"b{n if n % 50 else 0}"), n < 300, 1 - 0.5 ** (n / 20)) for n in range(400)]
    tree = drawn(found)
    lines, bands = corners(tree, "polyline"), corners(tree, "polygon")
    assert (len(lines), len(bands)) == (2, 2)
    for x, y in (corner for each in (*lines, *bands) for corner in each):
        assert LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1
        assert TOP - 0.1 <= y <= HEIGHT
    recall = lines[1]
    assert [y for _, y in recall] == sorted((y for _, y in recall), reverse=True), (
        "a lower threshold finds more"
    )
    text = "".join(tree.itertext())
    assert "link at .99" in text
    assert "with the guards" in text


def test_the_upright_axis_begins_where_there_is_something_to_see() -> None:
    text = "".join(drawn([FoundPair(pair, True, 0.9999) for pair in TRUTH]).itertext())
    assert "\n.992\n" in text
    assert "\n.6\n" not in text


@pytest.mark.parametrize("posterior", [0.0, 1.0, 0.99])
def test_one_pair_at_an_end(posterior: float) -> None:
    tree = drawn([FoundPair(("a0", "b0"), True, posterior)])
    assert len(corners(tree, "polyline")) == 2
    assert all(0 <= x <= WIDTH for line in corners(tree, "polyline") for x, _ in line)


def test_the_same_evaluation_gives_the_same_bytes() -> None:
    found = [FoundPair(pair, True, 0.9) for pair in TRUTH]
    assert picture(evaluate(TRUTH, found, within=False), 0.99, 0.05) == picture(
        evaluate(TRUTH, found[::-1], within=False), 0.99, 0.05
    )
