from __future__ import annotations

from pathlib import Path

import pytest
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.jurist.case import A_DAY, SignalTable
from kruispunt_schemas.jurist.case_files import read_cases, reviewed
from kruispunt_schemas.records.sections import DataSubject, PartialDate

from tests.schemas.jurist.worlds import case

SOUND = """
[[case]]
id = "one"
why = "Because."
[case.signal]
type = "RadicalisationCase"
from = "agency"
[case.refused]
force-a = "no-ground"
"""


def written(folder: Path, text: str, name: str = "theme.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_reviewed_files_are_read_and_each_id_stands_once() -> None:
    found = read_cases()
    assert set(found) == {path.name for path in reviewed()}
    assert all(found.values())


def test_what_a_case_leaves_out_is_plain(tmp_path: Path) -> None:
    ((found,),) = read_cases([written(tmp_path, SOUND)]).values()
    assert found.signal.at == A_DAY
    assert found.signal.subject != "none"
    assert found.judged == ("force-a",)
    assert found.refused["force-a"].whole == ("no-ground",)


def test_short_and_long_forms_are_the_same() -> None:
    found = case(
        '[receives]\na1 = "all"\na2 = ["subject"]\na3 = {sections = ["subject"], by = "ground-named"}\n'
        '[refused]\nb1 = ["guard-a", "guard-b"]\nb2 = {subject = "guard-a", sources = ["no-ground"]}\n'
    )
    assert found.receives["a1"].sections == "all"
    assert found.receives["a2"].sections == found.receives["a3"].sections == ("subject",)
    assert found.receives["a3"].by == ("ground-named",)
    assert found.refused["b1"].whole == ("guard-a", "guard-b")
    assert found.refused["b2"].sections == {"subject": ("guard-a",), "sources": ("no-ground",)}


@pytest.mark.parametrize(
    ("written_birth", "expected"),
    [
        ("2010", (2010, 0, 0)),
        ('"2010-05"', (2010, 5, 0)),
        ("2010-05-04", (2010, 5, 4)),
        ('"2010-05-04"', (2010, 5, 4)),
    ],
)
def test_a_birth_is_as_exact_as_it_is_known(written_birth: str, expected: tuple[int, int, int]) -> None:
    found = case(f'[signal.subject]\nbirth = {written_birth}\n[refused]\nforce-a = "no-ground"\n')
    assert isinstance(found.signal, SignalTable)
    assert found.signal.subject != "none"
    assert found.signal.subject.birth == PartialDate(year=expected[0], month=expected[1], day=expected[2])
    assert found.signal.subject.data_subject is DataSubject.SUSPECT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('why = "Because."', ""), "theme.toml: one: why"),
        (('type = "RadicalisationCase"', 'type = "RadicalisationCase"\nmunicpality = "x"'), "theme.toml: one: signal.municpality"),
        (('from = "agency"', 'from = "agency"\nnature = "SECRET"'), "theme.toml: one: signal.nature"),
        (('from = "agency"', 'from = "agency"\nsubject = {birth = "May"}'), "theme.toml: one: signal.subject"),
        (('"no-ground"', '"embargo"'), "theme.toml: one: refused.force-a"),
        (('"no-ground"', "[]"), "theme.toml: one: refused.force-a"),
        (('[case.refused]\nforce-a = "no-ground"', "[case.receives]\nforce-a = []"), "theme.toml: one: receives.force-a"),
        (('[case.refused]\nforce-a = "no-ground"', ""), "it says of nobody what must happen"),
        (("[case.refused]", '[case.receives]\nforce-a = "all"\n[case.refused]'), "cannot receive and be refused everything"),
        (('id = "one"', 'id = "one"\npain = 13'), "theme.toml: one: pain"),
        (("[[case]]", "[[cases]]"), "theme.toml: cases: a file holds"),
        (("[case.signal]", "[case.signal"), "theme.toml: "),
    ],
)  # fmt: skip
def test_a_mistake_names_file_case_and_field(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    text = SOUND.replace(*change)
    assert text != SOUND
    with pytest.raises(PolicyError) as caught:
        read_cases([written(tmp_path, text)])
    assert said in str(caught.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, SOUND + SOUND)
    written(tmp_path, SOUND.replace('why = "Because."', ""), "other.toml")
    with pytest.raises(PolicyError) as caught:
        read_cases([tmp_path])
    assert "theme.toml: one: id: theme.toml has a case of that id" in str(caught.value)
    assert "other.toml: one: why" in str(caught.value)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none\.toml"):
        read_cases([tmp_path / "none.toml"])
