"""What a subject says about who it is, folded so that two writings of one person come close.

Rules
-----
1. Texts become ASCII tokens (`names`): order, case, diacritics, script and hyphens make no difference.
2. A date of birth is year, month, day, each 0 when unknown.
3. A national number fills in what it implies (`numbers`): sex and date of birth, where the subject says neither.
4. Names are sorted and each is there once: the order in the source means nothing.

Must not: compare.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, Self

from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.invariants import valid_enterprise_number, valid_national_number
from kruispunt_schemas.records.sections import Sex, Subject, SubjectKind

from kruispunt_processors.persons import numbers
from kruispunt_processors.persons.names import CACHED, Name, folded_name, folded_place

FORMAT: Final = "1"
"""First byte of the bytes of particulars: changes whenever they are written or folded in another way."""
MAX_NAMES: Final = 12
"""Names kept of one subject, the longest: what a comparison costs grows with the square."""
Birth = tuple[int, int, int]
NO_BIRTH: Final[Birth] = (0, 0, 0)


class Kind(StrEnum):
    """A natural or a legal person."""

    PERSON = "P"
    ORGANISATION = "O"


class Particulars(NamedTuple):
    """What one mention says about who it is. A tuple, for one is made of every candidate of every signal.

    birth: year, month, day; 0 is unknown. place: tokens joined by a blank, '' is unknown. sex: 'F', 'M' or ''. number:
    national number (11 digits) or enterprise number (10), '' is none; number_valid: whether its check digits are right.
    extra: further texts to compare, by field of the model, sorted; a signal has none.
    """

    kind: Kind
    names: tuple[Name, ...]
    birth: Birth = NO_BIRTH
    place: str = ""
    sex: str = ""
    number: str = ""
    number_valid: bool = False
    extra: tuple[tuple[str, str], ...] = ()

    def to_bytes(self) -> bytes:
        """Return the bytes that are sealed: a byte of format, then ASCII; equal particulars give equal bytes."""
        year, month, day = self.birth
        names = ";".join([f"{' '.join(name.family)}/{' '.join(name.given)}" for name in self.names])
        extra = ";".join([f"{field}={text}" for field, text in self.extra])
        return (
            f"{FORMAT}{self.kind.value}|{year:04}{month:02}{day:02}|{self.place}|{self.sex}|{self.number}|"
            f"{'1' if self.number_valid else ''}|{names}|{extra}"
        ).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the particulars of such bytes; raise ContractError when they are of no known format."""
        try:
            first, birth, place, sex, number, valid, names, extra = data.decode("ascii").split("|")
            return cls(
                _KINDS[first],
                tuple([_name(name) for name in names.split(";")]) if names else (),
                _birth(birth),
                place,
                sex,
                number,
                valid == "1",
                tuple([_pair(item) for item in extra.split(";")]) if extra else (),
            )
        except (ValueError, KeyError):
            raise ContractError(
                "encoding", "particulars", "they were written in a format that is not known here"
            ) from None


_SEXES: Final = {Sex.FEMALE: "F", Sex.MALE: "M"}
_KINDS: Final = {FORMAT + item.value: item for item in Kind}


def particulars(subject: Subject) -> Particulars | None:
    """Return what a subject says, None when it is neither person nor organisation or has nothing to find it by."""
    if subject.kind is SubjectKind.PERSON:
        kind, number = Kind.PERSON, subject.national_number or ""
        valid = bool(number) and valid_national_number(number)
    elif subject.kind is SubjectKind.ORGANISATION:
        kind, number = Kind.ORGANISATION, subject.enterprise_number or ""
        valid = bool(number) and valid_enterprise_number(number)
    else:
        return None
    folded = [folded_name(name.family, name.particle, name.given) for name in subject.names]
    kept = {name for name in folded if name is not None}
    if not (number.isascii() and number.isdigit()):
        number = ""
    if not kept and not number:
        return None
    birth = NO_BIRTH
    if subject.birth is not None:
        birth = (subject.birth.year, subject.birth.month, subject.birth.day)
    sex = _SEXES.get(subject.sex, "")
    if valid and kind is Kind.PERSON:
        said, of = numbers.implied(number)
        sex = sex or of
        if birth[0] in (0, said[0]) and not birth[2]:
            birth = said if said[2] or not birth[0] else birth
    return Particulars(
        kind,
        tuple(sorted(kept if len(kept) <= MAX_NAMES else sorted(kept, key=_length)[-MAX_NAMES:])),
        birth,
        folded_place(subject.birth_place) if subject.birth_place else "",
        sex,
        number,
        valid,
    )


def _length(name: Name) -> tuple[int, Name]:
    return sum(map(len, name.family)) + sum(map(len, name.given)), name


def _name(text: str) -> Name:
    family, given = text.split("/")
    return Name(_words(family), _words(given))


@lru_cache(maxsize=CACHED)
def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@lru_cache(maxsize=CACHED)
def _birth(text: str) -> Birth:
    return int(text[:4]), int(text[4:6]), int(text[6:])


def _pair(text: str) -> tuple[str, str]:
    field, value = text.split("=")
    return field, value
