"""A row of an agency's list as particulars, or why it cannot be read.

Rules
-----
1. A row goes through the same folding as the subject of a signal (`normalisation`).
2. What cannot be read is a `Fault` with its field and a reason. An empty cell says nothing and is no fault; nor is a national
   number with wrong check digits, for the resolver weighs it as what it is.
3. A date is read by its pattern of YYYY, MM and DD, in which 0000 and 00 stand for unknown.
4. Another family name (of birth, of marriage) is a name beside the first, with the same given names.
5. A row with an enterprise number, or whose kind says so, is an organisation; any other is a person.

Must not: show in a reason what a row says.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kruispunt_schemas.invariants import MAX_NAME
from kruispunt_schemas.records.sections import (
    DataSubject,
    PartialDate,
    PersonName,
    Sex,
    Subject,
    SubjectKind,
)

from kruispunt_processors.persons.columns import Placing
from kruispunt_processors.persons.names import tokens
from kruispunt_processors.persons.normalisation import Particulars, particulars

MAX_ID: Final = 200
"""Characters of an id."""
FIRST_YEAR: Final = 1850
"""As at the door (`kruispunt_schemas.invariants`)."""
_SEXES: Final = {
    **dict.fromkeys(("f", "female", "v", "vrouw", "femme"), Sex.FEMALE),
    **dict.fromkeys(("m", "male", "man", "h", "homme"), Sex.MALE),
    **dict.fromkeys(("", "x", "u", "unknown", "onbekend", "inconnu"), Sex.UNKNOWN),
}
_KINDS: Final = {
    **dict.fromkeys(("p", "person", "persoon", "personne"), SubjectKind.PERSON),
    **dict.fromkeys(("o", "organisation", "organisatie"), SubjectKind.ORGANISATION),
}
_NUMBERS: Final = {"national_number": 11, "enterprise_number": 10}
"""Digits of each number."""
_SEPARATORS: Final = str.maketrans("", "", " .-/")


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be read. line: of the file, from 1."""

    line: int
    id: str
    particulars: Particulars


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be read, and why. field: the resolver's name for it, 'row' for the whole."""

    line: int
    field: str
    reason: str


def read_row(placing: Placing, line: int, cells: Sequence[str]) -> Row | Fault:
    """Return what a row says, or why it cannot be read."""
    if len(cells) != placing.width:
        return Fault(line, "row", f"{len(cells)} cells where {placing.width} are expected")
    texts = {field: cells[place].strip() for field, place in placing.fields.items()}
    for field in _NUMBERS:
        if texts.get(field):
            texts[field] = texts[field].translate(_SEPARATORS).upper().removeprefix("BE")
    extra = {field: cells[place] for field, place in placing.extra.items()}
    birth = _birth(placing, texts)
    fault = next(_faults(texts, extra, birth), None)
    if fault is not None:
        return Fault(line, *fault)
    found = particulars(_subject(texts, birth))
    if found is None:
        return Fault(line, "row", "neither a name nor a number")
    folded = sorted((field, " ".join(tokens(text))) for field, text in extra.items())
    return Row(line, texts["id"], found._replace(extra=tuple([pair for pair in folded if pair[1]])))


def _faults(
    texts: Mapping[str, str], extra: Mapping[str, str], birth: PartialDate | None
) -> Iterator[tuple[str, str]]:
    if not texts["id"]:
        yield "id", "empty"
    if len(texts["id"]) > MAX_ID:
        yield "id", f"longer than {MAX_ID} characters"
    for field, text in (*texts.items(), *extra.items()):
        if len(text) > MAX_NAME:
            yield field, f"longer than {MAX_NAME} characters"
    if birth is None:
        yield "birth" if "birth" in texts else "birth_year", "not of the form that is expected"
    elif not _possible(birth):
        yield "birth" if "birth" in texts else "birth_year", "no day that there is"
    if texts.get("sex", "").casefold() not in _SEXES:
        yield "sex", "none of F, V, M, H, X or empty"
    if (kind := texts.get("kind")) and kind.casefold() not in _KINDS:
        yield "kind", "neither person nor organisation"
    for field, digits in _NUMBERS.items():
        number = texts.get(field)
        if number and not (len(number) == digits and number.isascii() and number.isdigit()):
            yield field, f"not {digits} digits"


def _birth(placing: Placing, texts: Mapping[str, str]) -> PartialDate | None:
    """Return a date of birth, with 0 for what is not said; None when it cannot be read."""
    if text := texts.get("birth"):
        match = placing.date.fullmatch(text)
        parts = match.groupdict() if match is not None else None
    else:
        parts = {part: texts.get(f"birth_{part}") or "0" for part in ("year", "month", "day")}
    if parts is None or not all(
        text.isascii() and text.isdigit() and len(text) <= 4 for text in parts.values()
    ):
        return None
    return PartialDate(**{part: int(parts.get(part, "0")) for part in ("year", "month", "day")})


def _subject(texts: Mapping[str, str], birth: PartialDate | None) -> Subject:
    family, given = texts.get("family", ""), texts.get("given", "")
    names = [PersonName(family=family, particle=texts.get("particle", ""), given=given)]
    if other := texts.get("other_family"):
        names.append(PersonName(family=other, particle="", given=given))
    enterprise = texts.get("enterprise_number") or None
    kind = SubjectKind.ORGANISATION if enterprise else SubjectKind.PERSON
    return Subject(
        kind=_KINDS[texts["kind"].casefold()] if texts.get("kind") else kind,
        data_subject=DataSubject.OTHER,
        names=tuple(names) if family or given else tuple(names[1:]),
        birth=birth,
        birth_place=texts.get("birth_place") or None,
        sex=_SEXES[texts.get("sex", "").casefold()],
        national_number=texts.get("national_number") or None,
        enterprise_number=enterprise,
    )


def _possible(birth: PartialDate) -> bool:
    if (birth.year and birth.year < FIRST_YEAR) or birth.month > 12:
        return False
    # In a year that is not known there may have been a 29 February.
    longest = calendar.monthrange(birth.year or 2000, birth.month)[1] if birth.month else 31
    return birth.day <= longest
