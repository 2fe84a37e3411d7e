"""The jurist's files of cases: ``reference/cases/*.toml``, one theme each.

Rule: every mistake is told at once, each with file, case and field. Must not: know a bundle.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.jurist.case import Case
from kruispunt_schemas.needtoknow.authoring import ROOT
from kruispunt_schemas.needtoknow.bundle import describe

FOLDER: Final = ROOT / "reference" / "cases"


def reviewed() -> tuple[Path, ...]:
    """Return the reviewed files, sorted."""
    return tuple(sorted(FOLDER.glob("*.toml")))


def read_cases(paths: Iterable[Path] | None = None) -> dict[str, tuple[Case, ...]]:
    """Return the cases of files by the file's name; raise PolicyError with every mistake found.

    paths: the reviewed files unless given; a folder stands for its files.
    """
    found: dict[str, tuple[Case, ...]] = {}
    mistakes: list[str] = []
    homes: dict[str, str] = {}
    for path in reviewed() if paths is None else _files(paths):
        cases: list[Case] = []
        for number, row in enumerate(_rows(path, mistakes), start=1):
            name = row.get("id", f"case {number}") if isinstance(row, dict) else f"case {number}"
            try:
                case = Case.model_validate(row)
            except ValidationError as error:
                mistakes += [f"{path.name}: {name}: {line}" for line in dict.fromkeys(describe(error))]
                continue
            if case.id in homes:
                mistakes.append(f"{path.name}: {case.id}: id: {homes[case.id]} has a case of that id")
            homes[case.id] = path.name
            cases.append(case)
        found[path.name] = tuple(cases)
    if mistakes:
        raise PolicyError("\n".join(mistakes))
    return found


def _files(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(
        file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])
    )


def _rows(path: Path, mistakes: list[str]) -> list[Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        mistakes.append(f"{path.name}: {error}")
        return []
    if odd := sorted(document.keys() - {"case"}):
        mistakes.append(f"{path.name}: {', '.join(odd)}: a file holds [[case]] tables alone")
    rows = document.get("case", [])
    return rows if isinstance(rows, list) else []
