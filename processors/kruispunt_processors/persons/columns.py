"""Which column of an agency's list says what.

Rules
-----
1. Without a map the columns go by `DEFAULTS`, whatever their case. A map says all of it: what it does not name is not read.
2. ``[a]`` and ``[b]`` of a map say what differs in the first and the second list; ``[extra]`` names further texts to compare,
   by field of the model.
3. A list has an id and something to find somebody by (`FINDING`).

Must not: read a file or a row.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kruispunt_schemas.failures import ConfigurationError

DEFAULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "record_id", "rec_id", "reference"),
    "kind": ("kind",),
    "family": ("family", "family_name", "surname", "last_name", "naam", "nom"),
    "particle": ("particle", "tussenvoegsel", "particule"),
    "other_family": ("other_family", "maiden_name", "married_name", "meisjesnaam", "nom_de_jeune_fille"),
    "given": ("given", "given_name", "first_name", "voornaam", "prenom"),
    "birth": ("birth", "birth_date", "date_of_birth", "geboortedatum", "date_de_naissance"),
    "birth_year": ("birth_year",),
    "birth_month": ("birth_month",),
    "birth_day": ("birth_day",),
    "birth_place": ("birth_place", "place_of_birth", "geboorteplaats", "lieu_de_naissance"),
    "sex": ("sex", "gender", "geslacht", "sexe"),
    "national_number": ("national_number", "rijksregisternummer", "insz", "niss"),
    "enterprise_number": ("enterprise_number", "ondernemingsnummer", "numero_entreprise"),
}
"""Fields of a row, and the columns that are taken for them without a map."""
FINDING: Final = ("family", "given", "national_number", "enterprise_number")
"""Fields of which a list needs one at least: by nothing else is anybody found."""
DATE: Final = "YYYY-MM-DD"
_BIRTH_PARTS: Final = frozenset({"birth_year", "birth_month", "birth_day"})
_PARTS: Final = {"YYYY": r"(?P<year>[0-9]{4})", "MM": r"(?P<month>[0-9]{1,2})", "DD": r"(?P<day>[0-9]{1,2})"}


@dataclass(frozen=True, slots=True)
class Columns:
    """What a map says. named: field and column, None to go by `DEFAULTS`. extra: field of the model and column."""

    named: tuple[tuple[str, str], ...] | None = None
    extra: tuple[tuple[str, str], ...] = ()
    birth_format: str = DATE


@dataclass(frozen=True, slots=True)
class Placing:
    """Where the columns of one list are, from 0. date: what a date of birth looks like."""

    fields: Mapping[str, int]
    extra: Mapping[str, int]
    date: re.Pattern[str]
    width: int


def parse_columns(text: str, part: str, known_extra: Collection[str]) -> Columns:
    """Return what a map says of one list. part: 'a' or 'b'. known_extra: the fields that the model compares besides.

    Raise ConfigurationError for a map that is none, or that names a field that is none.
    """
    try:
        found: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the map is not TOML: {error}") from None
    parts = {name: _table(found.pop(name, {}), name) for name in ("a", "b")}
    own = parts[part]
    extra = _table(found.pop("extra", {}), "extra") | _table(own.pop("extra", {}), f"{part}.extra")
    found |= own
    birth_format = str(found.pop("birth_format", DATE))
    if unknown := sorted(found.keys() - DEFAULTS.keys()):
        raise ConfigurationError(f"the map names {unknown[0]}: a row has the fields {', '.join(DEFAULTS)}")
    if unknown := sorted(extra.keys() - {*known_extra}):
        has = ", ".join(sorted(known_extra)) or "no more"
        raise ConfigurationError(f"the map has the extra field {unknown[0]}: this model compares {has}")
    if "birth" in found and found.keys() & _BIRTH_PARTS:
        raise ConfigurationError("the map has birth and also parts of it: give one or the other")
    return Columns(_pairs(found), _pairs(extra), birth_format)


def placing(columns: Columns, header: Sequence[str], where: str) -> Placing:
    """Return where the columns of a list are. header: names of its columns. where: what to call it in an error.

    Raise ConfigurationError when a column is missing or stands twice, or the form of a date is none.
    """
    names = [name.strip().casefold() for name in header]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{where}: the column {twice[0] or '(no name)'} stands there twice")
    places = {name: place for place, name in enumerate(names)}
    if columns.named is None:
        fields = _by_default(places)
    else:
        fields = {field: _place(field, name, places, where) for field, name in columns.named}
    if "id" not in fields:
        raise ConfigurationError(f"{where}: no column is the id; {_remedy('id', names)}")
    if not any(field in fields for field in FINDING):
        raise ConfigurationError(
            f"{where}: no column is one of {', '.join(FINDING)}; {_remedy('family', names)}"
        )
    extra = {field: _place(field, name, places, where) for field, name in columns.extra}
    return Placing(fields, extra, _date(columns.birth_format), len(names))


def _by_default(places: Mapping[str, int]) -> dict[str, int]:
    fields = {
        field: next(places[name] for name in taken if name in places)
        for field, taken in DEFAULTS.items()
        if any(name in places for name in taken)
    }
    return {
        field: place for field, place in fields.items() if "birth" not in fields or field not in _BIRTH_PARTS
    }


def _place(field: str, name: str, places: Mapping[str, int], where: str) -> int:
    place = places.get(name.strip().casefold())
    if place is None:
        raise ConfigurationError(
            f"{where}: the map takes {field} from the column {name}, which is not there; it has {', '.join(places)}"
        )
    return place


def _remedy(field: str, names: Sequence[str]) -> str:
    return f"it has {', '.join(names)}. Call it {DEFAULTS[field][0]}, or name it in a map (--fields)"


def _date(pattern: str) -> re.Pattern[str]:
    """Return what a date looks like; without separators only the width tells its parts apart."""
    if any(pattern.count(part) > 1 for part in _PARTS) or "YYYY" not in pattern:
        raise ConfigurationError(f"birth_format has YYYY once, and MM and DD at most once, as in {DATE}")
    found = re.escape(pattern)
    for part, expression in _PARTS.items():
        found = found.replace(part, expression.replace("{1,2}", "{2}") if pattern.isalpha() else expression)
    return re.compile(found)


def _table(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigurationError(f"the map's [{name}] is no table")
    return {str(key): item for key, item in value.items()}


def _pairs(found: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    for field, column in found.items():
        if not isinstance(column, str):
            raise ConfigurationError(f"the map's {field} is no name of a column")
    return tuple(sorted((field, str(column)) for field, column in found.items()))
