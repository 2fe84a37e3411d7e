"""Text of others can do nothing to a terminal, and nothing of it vanishes."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_schemas.untrusted import MAX_MARKS, MAX_ROWS, json_text, more_rows, neutralised, safe, shown
from rich.console import Console

ANYTHING = st.text(st.characters(codec="utf-8"))
DANGEROUS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zoë Özgür, Liège", "Zoë Özgür, Liège"),
        ("\x1b[2J\x1b]0;title\x07", "␛[2J␛]0;title␇"),
        ("a\x7fb\x00", "a␡b␀"),
        ("\x9b31m", "⟦U+009B⟧31m"),
        ("invoice\u202egnp.exe", "invoice⟦U+202E⟧gnp.exe"),
        ("\u2066isolated\u2069", "⟦U+2066⟧isolated⟦U+2069⟧"),
        ("zero\u200bwidth\ufeff", "zero⟦U+200B⟧width⟦U+FEFF⟧"),
        ("a\u2028b", "a⟦U+2028⟧b"),
        ("tag\U000e0041", "tag⟦U+E0041⟧"),
        ("a\ufe0f", "a⟦U+FE0F⟧"),
        ("blank\u3164", "blank⟦U+3164⟧"),
        ("two\nlines\ttab\r", "two␊lines␉tab␍"),
        ("[red]markup[/red] :bomb:", "[red]markup[/red] :bomb:"),
    ],
)
def test_dangerous_characters_are_shown(text: str, expected: str) -> None:
    assert neutralised(text) == expected


def test_lines_are_kept_only_when_asked() -> None:
    assert neutralised("a\r\nb\nc\rd", lines=True) == "a\nb\nc␍d"


def test_a_pile_of_marks_is_cut_visibly() -> None:
    text = neutralised("a" + "\u0301" * 20)
    assert text.count("\u0301") == MAX_MARKS
    assert text.count("⟦U+0301⟧") == 20 - MAX_MARKS


@given(ANYTHING)
def test_nothing_dangerous_passes(text: str) -> None:
    assert all(unicodedata.category(character) not in DANGEROUS for character in neutralised(text))
    assert all(
        unicodedata.category(character) not in DANGEROUS or character == "\n"
        for character in neutralised(text, lines=True)
    )


@given(ANYTHING)
def test_nothing_vanishes_and_again_changes_nothing(text: str) -> None:
    once = neutralised(text)
    assert len(once) >= len(text)
    assert neutralised(once) == once
    assert [c for c in text if safe(c) and unicodedata.category(c) not in {"Mn", "Me"}] == [
        c for c in text if c in once and safe(c) and unicodedata.category(c) not in {"Mn", "Me"}
    ]


@given(ANYTHING)
def test_rich_adds_only_its_own_escapes(text: str) -> None:
    """Markup, links and emoji codes in the text are not read; what remains is what was neutralised."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=False, width=10_000, legacy_windows=False)
    console.print(shown(text), end="")
    assert "\x1b" not in output.getvalue()
    assert output.getvalue().rstrip() == neutralised(text).rstrip()


@given(
    st.recursive(
        ANYTHING, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANYTHING, inner, max_size=3)
    )
)
def test_json_has_no_raw_control_characters_and_reads_back(value: object) -> None:
    text = json_text(value)
    assert all(safe(character) or character == "\n" for character in text)
    assert json.loads(text) == value


def test_json_on_one_line_is_one_line() -> None:
    assert "\n" not in json_text({"a": "x\ny\x7f\u2028"}, indent=None)


@pytest.mark.parametrize(
    ("text", "lines", "more"),
    [("x" * 2_000, 1, 0), ("x" * 10_000, 1, 8_000), ("a\n" * 39 + "b", 40, 0), ("a\n" * 500, 40, 921)],
)
def test_a_screen_has_an_end_and_says_what_it_leaves_out(text: str, lines: int, more: int) -> None:
    found = shown(text, lines=True).plain
    assert len(found.splitlines()) == lines
    assert (f"and {more:,} more characters" in found) == (more > 0)
    assert len(found) < 2_100


def test_a_list_has_an_end_and_says_what_it_leaves_out() -> None:
    assert more_rows(MAX_ROWS) is None
    assert more_rows(MAX_ROWS + 1_000) == "and 1,000 more: --json has them"
