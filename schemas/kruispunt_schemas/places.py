"""Municipalities of 1 January 2025, copied from the reference table: facts only.

Must not: decide which code is valid; that is what a bundle says.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Municipality:
    """One municipality: NIS code (5 digits), names, population (persons, 1 January 2020)."""

    nis: str
    name: str
    name_fr: str
    arrondissement: str
    province: str
    language: str
    judicial_district: str
    police_zone: str
    population: int


@cache
def municipalities() -> dict[str, Municipality]:
    """Return the 565 municipalities by NIS code."""
    with (files(__package__) / "reference" / "municipalities.csv").open(encoding="utf-8") as table:
        return {
            row["nis"]: Municipality(
                nis=row["nis"],
                name=row["name_nl"],
                name_fr=row["name_fr"],
                arrondissement=row["arrondissement_nis"],
                province=row["province"],
                language=row["language"],
                judicial_district=row["judicial_district"],
                police_zone=row["police_zone"],
                population=int(row["population"]),
            )
            for row in csv.DictReader(table)
        }
