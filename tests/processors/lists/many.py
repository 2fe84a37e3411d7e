"""A list of made-up persons of whom three in four stand there twice."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from random import Random

GIVEN = ("An", "Bert", "Chris", "Dirk", "Els", "Frank", "Greet", "Hugo", "Ilse", "Jan")
STARTS = ("Ver", "Van", "De", "Cool", "Maes", "Goos", "Peet", "Wil", "Sme", "Claes")
ENDS = ("aert", "elinck", "mans", "ens", "oone", "yck", "inckx", "hove", "beke", "gem")
PLACES = ("Gent", "Luik", "Namen", "Aalst")


def write_many(path: Path, truth: Path, persons: int = 400) -> None:
    """Write the list, with slips in the second row of a person, and its true pairs."""
    random = Random(4)  # noqa: S311 - not cryptography
    twice = persons * 3 // 4
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "family", "given", "birth", "birth_place", "sex"])
        for number in range(persons):
            family = random.choice(STARTS) + random.choice("aeiou") + random.choice(ENDS)
            day = date(1950, 1, 1) + timedelta(days=random.randrange(20_000))
            place, sex, given = random.choice(PLACES), random.choice("FM"), random.choice(GIVEN)
            writer.writerow([f"a{number}", family, given, day, place, sex])
            if number < twice:
                slipped = family[:-2] + family[-1] if random.random() < 0.2 else family
                elsewhere = place if random.random() < 0.9 else "Mol"
                writer.writerow([f"b{number}", slipped, given, day, elsewhere, sex])
    rows = "".join(f"a{number},b{number}\n" for number in range(twice))
    truth.write_text(f"id_a,id_b\n{rows}", encoding="utf-8")
