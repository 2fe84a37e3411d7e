"""``kruispunt persons link``, ``evaluate`` and ``fit`` as a person calls them, on files."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from kruispunt_processors.fitting.splink_em import FitError
from kruispunt_processors.lists import spool
from kruispunt_processors.persons.model import CURRENT, load, parse
from kruispunt_schemas import command
from kruispunt_schemas.failures import ConfigurationError

from tests.processors.lists.many import write_many

OURS = """id,family,given,birth,birth_place,sex,national_number
1,Verlinden,Sofie,1984-03-02,Gent,F,
2,El Amrani,Yassine,1991-11-23,Antwerpen,M,91112399908
3,Dubois,Jérôme,1975-06-14,Liège,M,
4,Van den Broeck,Ruth,1962-09-30,Mechelen,F,
"""
THEIRS = """dossier;naam;voornaam;geboren;gemeente
X9;VERLINDEN;Sofie;02/03/1984;Gent
X8;Dubois;Jerome;14/06/1975;Luik
X7;Peeters;Jan;01/02/1950;Gent
"""
FIELDS = """
[a]
id = "id"
family = "family"
given = "given"
birth = "birth"
birth_place = "birth_place"
[b]
id = "dossier"
family = "naam"
given = "voornaam"
birth = "geboren"
birth_format = "DD/MM/YYYY"
birth_place = "gemeente"
"""


def run(*words: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(
        command.kruispunt, ["persons", *map(str, words)], prog_name="kruispunt", env={"COLUMNS": "200"}
    )
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


def as_json(*words: str | Path, code: int = 0) -> Any:
    return json.loads(run(*words, "--json", code=code).stdout)


def failure(*words: str | Path) -> str:
    result = run(*words, code=1)
    assert isinstance(result.exception, ConfigurationError)
    return str(result.exception)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ours.csv").write_text(OURS, encoding="utf-8")
    (tmp_path / "theirs.csv").write_text(THEIRS, encoding="utf-8")
    (tmp_path / "fields.toml").write_text(FIELDS, encoding="utf-8")
    return tmp_path


def two(folder: Path) -> tuple[Path, Path, str, Path, str, Path]:
    return (
        folder / "ours.csv",
        folder / "theirs.csv",
        "--fields",
        folder / "fields.toml",
        "--out",
        folder / "pairs.csv",
    )


def test_two_lists_with_a_map(folder: Path) -> None:
    shown = run("link", *two(folder))
    assert f"4 and 3 rows: 2 linked, 0 pairs to review, by model {CURRENT}" in shown.stdout
    assert "Next: kruispunt persons evaluate --truth truth.csv --found" in shown.stdout
    found = rows(folder / "pairs.csv")
    assert [(row["id_a"], row["id_b"], row["person"], row["outcome"]) for row in found] == [
        ("1", "X9", "1", "link"),
        ("3", "X8", "3", "link"),
    ]
    assert all(float(row["posterior"]) >= load().link for row in found)
    weights = [float(each.rsplit(":", 1)[1]) for each in found[0]["fields"].split()]
    assert sum(weights) == pytest.approx(float(found[0]["weight"]), abs=0.05)
    assert sorted(path.name for path in folder.iterdir()) == [
        "fields.toml",
        "ours.csv",
        "pairs.csv",
        "theirs.csv",
    ]


def test_the_same_lists_give_the_same_file(folder: Path) -> None:
    run("link", *two(folder))
    before = (folder / "pairs.csv").read_bytes()
    run("link", *two(folder))
    assert (folder / "pairs.csv").read_bytes() == before


def test_the_document_has_the_counts(folder: Path) -> None:
    found = as_json("link", *two(folder))
    assert (found["rows_a"], found["rows_b"], found["links"], found["reviews"]) == (4, 3, 2, 0)
    assert (found["rejected"], found["rejects"], found["model"]) == (0, None, CURRENT)


def test_one_list_with_itself_joins_persons(folder: Path) -> None:
    more = "5,Verlinden,Sofie,1984-03-02,Gent,F,\n6,verlinden,SOFIE,1984-03-02,Gent,,\n"
    (folder / "ours.csv").write_text(OURS + more, encoding="utf-8")
    shown = run("link", folder / "ours.csv", "--out", folder / "pairs.csv").stdout
    assert "--within" in shown
    found = rows(folder / "pairs.csv")
    assert [(row["id_b"], row["person"], row["outcome"]) for row in found] == [
        ("5", "1", "link"),
        ("6", "1", "link"),
    ]


def test_one_to_one_leaves_the_heaviest(folder: Path) -> None:
    (folder / "theirs.csv").write_text(
        "id,family,given,birth,national_number\n"
        "Y1,El Amrani,Yassine,1991-11-23,\nY2,El Amrani,Yassine,1991-11-23,91112399908\n",
        encoding="utf-8",
    )
    words = (folder / "ours.csv", folder / "theirs.csv", "--out", folder / "pairs.csv")
    run("link", *words)
    assert [row["outcome"] for row in rows(folder / "pairs.csv")] == ["link", "link"]
    run("link", *words, "--one-to-one")
    assert [(row["id_b"], row["outcome"], row["guards"]) for row in rows(folder / "pairs.csv")] == [
        ("Y1", "review", "one-to-one"),
        ("Y2", "link", ""),
    ]


def test_a_bad_row_is_told_and_set_aside_and_nothing_else_stops(folder: Path) -> None:
    bad = "X9;Again;An;;\nX5;Claes;Tim;31/02/1980;\nX4;Claes\n;Claes;Tim;;\n"
    (folder / "theirs.csv").write_bytes((THEIRS + bad).encode() + b"X3;Andr\xe9;Tim;;\n")
    result = run("link", *two(folder), code=1)
    assert "2 linked" in result.stdout
    for told in (
        "theirs.csv line 5: id: an earlier row has the same",
        "theirs.csv line 6: birth: no day that there is",
        "theirs.csv line 7: row: 2 cells where 5 are expected",
        "theirs.csv line 8: id: empty",
        "theirs.csv line 9: row: not utf-8: say which with --encoding",
        "5 rows were rejected. Next: mend them in",
    ):
        assert told in " ".join(result.stderr.split())
    assert "Claes" not in result.output
    rejects = folder / "pairs.rejects.csv"
    assert rejects.stat().st_mode & 0o777 == 0o600
    assert [(row["line"], row["field"]) for row in rows(rejects)] == [
        ("5", "id"), ("6", "birth"), ("7", "row"), ("8", "id"), ("9", "row"),
    ]  # fmt: skip
    assert rows(rejects)[1]["row"] == "X5,Claes,Tim,31/02/1980,"
    assert as_json("link", *two(folder), code=1)["rejected"] == 5
    (folder / "theirs.csv").write_text(THEIRS, encoding="utf-8")
    run("link", *two(folder))
    assert not rejects.exists()


def test_another_encoding_is_declared(folder: Path) -> None:
    (folder / "theirs.csv").write_text(THEIRS.replace("Jerome", "Jérôme"), encoding="latin-1")
    (folder / "ours.csv").write_text(OURS, encoding="latin-1")
    run("link", *two(folder), "--encoding", "latin-1", "--delimiter", ",", code=1)
    assert as_json("link", *two(folder), "--encoding", "latin-1")["links"] == 2


def test_a_missing_column_is_named(folder: Path) -> None:
    assert "ours.csv: the map takes id from the column dossier" in failure(
        "link", folder / "ours.csv", "--out", folder / "p.csv", "--fields", _map(folder, 'id = "dossier"')
    )
    assert "theirs.csv: no column is the id; it has dossier, naam" in failure(
        "link", folder / "ours.csv", folder / "theirs.csv", "--out", folder / "p.csv"
    )
    assert not (folder / "p.csv").exists()


def _map(folder: Path, text: str) -> Path:
    path = folder / "map.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_run_that_fails_in_the_middle_leaves_the_old_pairs_and_nothing_else(folder: Path) -> None:
    (folder / "theirs.csv").write_text(f"{THEIRS};;;;\n", encoding="utf-8")
    run("link", *two(folder), code=1)
    names = ("pairs.csv", "pairs.rejects.csv")
    before = [(folder / name).read_bytes() for name in names]
    (folder / "theirs.csv").write_text(f"{THEIRS};;;;\n;;;;\n" + "x" * 2_000_000, encoding="utf-8")
    assert "theirs.csv: line 7 is longer than" in failure("link", *two(folder))
    assert [(folder / name).read_bytes() for name in names] == before
    assert not list(folder.glob("*.unfinished"))


def test_what_cannot_be_written_is_said(folder: Path) -> None:
    (folder / "pairs.csv.unfinished").mkdir()
    (folder / "pairs.csv.unfinished" / "x").touch()
    assert "pairs.csv.unfinished: Is a directory" in failure("link", *two(folder))


def test_a_full_disk_says_where_the_rows_lie(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_TABLES", f"pragma max_page_count = 8; {spool._TABLES}")
    rows = "".join(f"{number},Peeters,Jan,1980-01-02,Gent,,\n" for number in range(10, 2000))
    (folder / "ours.csv").write_text(OURS + rows, encoding="utf-8")
    monkeypatch.setattr(spool, "BATCH", 100)
    told = failure("link", folder / "ours.csv", "--out", folder / "pairs.csv")
    assert "database or disk is full: TMPDIR says where" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["ours.csv", "--out", "p.csv", "--one-to-one"], "--one-to-one needs two lists"),
        (["ours.csv", "--out", "ours.csv"], "--out is one of the files that are read"),
        (["ours.csv", "--out", "none/p.csv"], "there is no folder"),
        (["ours.csv", "--out", "p.csv", "--delimiter", "::"], "one character, or 'tab'"),
        (["none.csv", "--out", "p.csv"], "does not exist"),
        (["ours.csv"], "Missing option '--out'"),
    ],
)
def test_wrong_use(folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str) -> None:
    monkeypatch.chdir(folder)
    assert told in run("link", *words, code=2).stderr
    assert not (folder / "p.csv").exists()


def test_a_model_that_there_is_not(folder: Path) -> None:
    assert "no model 1815-1" in failure("link", *two(folder), "--model", "1815-1")


def test_what_is_missing_ends_with_2_for_a_script(folder: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("kruispunt"), "persons", "link", folder / "theirs.csv", "--out", folder / "p.csv"],
        capture_output=True, text=True, check=False, env={"COLUMNS": "300"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "ConfigurationError: theirs.csv: no column is the id" in done.stderr


def test_evaluate_what_link_wrote(folder: Path) -> None:
    run("link", *two(folder))
    (folder / "truth.csv").write_text("id_a,id_b,who\n1,X9,k\n3,X8,k\n4,X7,k\n", encoding="utf-8")
    both = ("--truth", folder / "truth.csv", "--found", folder / "pairs.csv")
    shown = run("evaluate", *both, "--plot", folder / "plot.svg").stdout
    assert "2 right, 0 wrong, 1 missed; 0 pairs to review" in shown
    assert "Next: add --a A.csv --b B.csv" in shown
    ET.parse(folder / "plot.svg")  # noqa: S314 - our own
    lists = ("--a", folder / "ours.csv", "--b", folder / "theirs.csv", "--fields", folder / "fields.toml")
    found = as_json("evaluate", *both, *lists)
    assert (found["precision"]["value"], found["right"], found["missed"]) == (1.0, 2, 1)
    assert (found["pairs_completeness"]["part"], found["pairs_completeness"]["whole"]) == (2, 3)
    low, high = found["recall"]["interval"]
    assert low < 2 / 3 < high


def test_evaluate_within_one_list(folder: Path) -> None:
    more = "5,Verlinden,Sofie,1984-03-02,Gent,F,\n6,verlinden,SOFIE,1984-03-02,Gent,,\n"
    (folder / "ours.csv").write_text(OURS + more, encoding="utf-8")
    run("link", folder / "ours.csv", "--out", folder / "pairs.csv")
    (folder / "truth.csv").write_text("id_a,id_b\n1,5\n6,5\n", encoding="utf-8")
    words = (
        "--truth",
        folder / "truth.csv",
        "--found",
        folder / "pairs.csv",
        "--within",
        "--a",
        folder / "ours.csv",
    )
    found = as_json("evaluate", *words)
    assert (found["right"], found["wrong"], found["missed"]) == (3, 0, 0)
    assert found["pairs_completeness"]["whole"] == 3


@pytest.mark.parametrize(
    ("truth", "found", "told"),
    [
        ("id_a\n1\n", "id_a,id_b\n1,2\n", "truth.csv has no column id_b"),
        ("id_a,id_b\n1,2\n", "id_a,id_b\n1\n", "found.csv line 2: 1 cells where 2 are expected"),
        ("id_a,id_b\n1, \n", "id_a,id_b\n1,2\n", "truth.csv line 2: a pair has two ids"),
        ("id_a,id_b\n1,2\n", "id_a,id_b,outcome\n1,2,maybe\n", "line 2: outcome: neither link nor review"),
        ("id_a,id_b\n1,2\n", "id_a,id_b,posterior\n1,2,1.5\n", "line 2: posterior: not a number from 0 to 1"),
        ("id_a,id_b\n1,2\n", "id_a,id_b,posterior\n1,2,nan\n", "line 2: posterior: not a number from 0 to 1"),
    ],
)
def test_a_file_of_pairs_that_is_none(tmp_path: Path, truth: str, found: str, told: str) -> None:
    (tmp_path / "truth.csv").write_text(truth, encoding="utf-8")
    (tmp_path / "found.csv").write_text(found, encoding="utf-8")
    assert told in failure("evaluate", "--truth", tmp_path / "truth.csv", "--found", tmp_path / "found.csv")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--b", "f.csv"], "--b goes with --a"),
        (["--a", "f.csv"], "give both lists, or --within"),
        (["--plot", "p.svg"], "has no posterior to draw by"),
    ],
)
def test_wrong_use_of_evaluate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.csv").write_text("id_a,id_b\n1,2\n", encoding="utf-8")
    assert told in run("evaluate", "--truth", "f.csv", "--found", "f.csv", *words, code=2).stderr


def test_a_truth_without_pairs(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("id_a,id_b\n", encoding="utf-8")
    words = ("evaluate", "--truth", tmp_path / "f.csv", "--found", tmp_path / "f.csv")
    assert "has no pair" in run(*words, code=2).stderr


@pytest.fixture
def list_of_many(tmp_path: Path) -> Path:
    """A list with 400 made-up persons of whom 300 stand there twice, with slips, and the true pairs."""
    write_many(tmp_path / "many.csv", tmp_path / "truth.csv")
    return tmp_path


def test_fit_writes_a_new_version_and_shows_what_it_would_change(list_of_many: Path) -> None:
    out = list_of_many / "2099-1.toml"
    words = (
        "fit",
        "--from",
        list_of_many / "many.csv",
        "--out",
        out,
        "--truth",
        list_of_many / "truth.csv",
        "--pairs",
        "50000",
    )
    shown = run(*words).stdout
    assert "700 mentions; pairs counted: 50,000 at random" in shown
    assert "Links: " in shown
    assert "Against the truth" in shown
    assert "name 2099-1 as CURRENT" in " ".join(shown.split())
    model = parse("2099-1", out.read_text(encoding="utf-8"))
    assert model.link == load().link
    assert model.place["different"].weight != load().place["different"].weight
    assert load().version == CURRENT, "nothing is put in force"
    tried = as_json("link", list_of_many / "many.csv", "--out", list_of_many / "pairs.csv", "--model", out)
    assert (tried["model"], tried["links"] > 200) == ("2099-1", True)


def test_the_document_of_a_fit_is_the_same_every_time(list_of_many: Path) -> None:
    words = ("fit", "--from", list_of_many / "many.csv", "--pairs", "20000", "--out")
    first = as_json(*words, list_of_many / "2099-1.toml")
    again = as_json(*words, list_of_many / "2099-2.toml")
    assert first["changes"] == again["changes"]
    assert first["evaluated"] is None
    assert first["counted"]["at random"] == 20_000
    place = {each["level"]: each for each in first["changes"] if each["field"] == "place"}
    assert place["different"]["weight_after"] != place["different"]["weight_before"]


def test_a_version_is_never_written_over(list_of_many: Path) -> None:
    out = list_of_many / "2099-1.toml"
    out.write_text("mine", encoding="utf-8")
    told = run("fit", "--from", list_of_many / "many.csv", "--out", out, code=2).stderr
    assert "a version is never changed" in told
    assert out.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out", "x.json"], "--out is a file VERSION.toml"),
        (["--out", f"{CURRENT}.toml"], "there is a version of that name"),
        (["--out", "x.toml", "--from", "none.csv"], "there is no file none.csv"),
        (["--out", "x.toml", "--truth", "many.csv"], "--truth goes with a list"),
    ],
)
def test_wrong_use_of_fit(
    list_of_many: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(list_of_many)
    assert told in " ".join(run("fit", *words, code=2).stderr.split())


def test_a_list_in_which_nobody_stands_twice_is_nothing_to_fit_by(folder: Path) -> None:
    result = run("fit", "--from", folder / "ours.csv", "--out", folder / "2099-1.toml", code=1)
    assert isinstance(result.exception, FitError)
    assert "there is nothing to fit by" in str(result.exception)
    assert not (folder / "2099-1.toml").exists()
