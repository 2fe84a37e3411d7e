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

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.invariants import valid_enterprise_number, valid_national_number
from kruispunt_schemas.records.sections import Sex, Subject, SubjectKind

from kruispunt_processors.persons.names import Name, folded_name, tokens

FORMAT: Final = 1
"""First byte of the bytes of particulars: changes whenever they are written or folded in another way."""
MAX_NAMES: Final = 12
"""Names kept of one subject, the longest: what a comparison costs grows with the square."""
Birth = tuple[int, int, int]
NO_BIRTH: Final[Birth] = (0, 0, 0)


class Kind(StrEnum):
    """A natural or a legal person."""

    PERSON = "P"
    ORGANISATION = "O"


@dataclass(frozen=True, slots=True)
class Particulars:
    """What one mention says about who it is.

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
        text = (
            f"{self.kind.value}|{year:04}{month:02}{day:02}|{self.place}|{self.sex}|{self.number}|"
            f"{'1' if self.number_valid else '0'}|{names}|{extra}"
        )
        return b"\x01" + text.encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the particulars of such bytes; raise ContractError when they are of no known format."""
        if data[:1] != b"\x01":
            raise ContractError(
                "format", "particulars", "they were written in a format that is not known here"
            )
        try:
            kind, birth, place, sex, number, valid, names, extra = data[1:].decode("ascii").split("|")
            return cls(
                _KINDS[kind],
                tuple([_name(name) for name in names.split(";")]) if names else (),
                (int(birth[:4]), int(birth[4:6]), int(birth[6:])),
                place,
                sex,
                number,
                valid == "1",
                tuple([_pair(item) for item in extra.split(";")]) if extra else (),
            )
        except (ValueError, KeyError):
            raise ContractError("damaged", "particulars") from None


_KINDS: Final = {item.value: item for item in Kind}


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
    names = {folded_name(name.family, name.particle, name.given) for name in subject.names}
    names.discard(None)
    found = sorted(name for name in names if name is not None)
    if not found and not number:
        return None
    birth = subject.birth
    return Particulars(
        kind,
        tuple(found[:MAX_NAMES]),
        (birth.year, birth.month, birth.day) if birth is not None else NO_BIRTH,
        " ".join(tokens(subject.birth_place)) if subject.birth_place else "",
        "F" if subject.sex is Sex.FEMALE else "M" if subject.sex is Sex.MALE else "",
        number if number.isascii() and number.isdigit() else "",
        valid,
    )


def _name(text: str) -> Name:
    family, given = text.split("/")
    return Name(tuple(family.split()), tuple(given.split()))


def _pair(text: str) -> tuple[str, str]:
    field, value = text.split("=")
    return field, value
