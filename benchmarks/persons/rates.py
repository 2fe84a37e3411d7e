"""How often which slip happens: the one table that the stream is made by.

Rules
-----
1. A rate is the share of the mentions *to which it can apply* (a name without a particle cannot lose one), in a source of
   ordinary care; `SOURCES` says how many are better or worse, for slips come together: errors of identifiers cluster
   by who wrote them (Harron et al. 2017, BMC Medical Research Methodology 17:23).
2. What share of all mentions has each is measured on the stream itself and printed in the report.
3. No figures of the Belgian chain are public. Rates are assumptions, set before the resolver was seen at work and not
   moved to meet a bar; where something is known, the reason says so.

Must not: change anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Source(StrEnum):
    """With what care a mention was written down."""

    READ = "read from a document"
    TYPED = "typed"
    POOR = "second hand"


@dataclass(frozen=True, slots=True)
class Care:
    """Share of mentions from such a source, and how much more often than the table says it slips."""

    source: Source
    share: float
    factor: float


SOURCES: Final = (
    Care(Source.READ, 0.35, 0.15),
    Care(Source.TYPED, 0.45, 1.0),
    Care(Source.POOR, 0.20, 2.2),
)
"""The factors are 0.94 on average."""
KNOWN_BY_DOCUMENT: Final = 0.85
"""Of the mentions in the directory at first, read from a document; the others typed."""
MOST: Final = 0.95
"""No slip is more frequent than this, however poor the source."""


class Slip(StrEnum):
    """What can be wrong with, or left out of, a mention."""

    NUMBER_MISSING = "no national number"
    NUMBER_OF_ANOTHER = "number of another person"
    BIRTH_MISSING = "no birth date"
    YEAR_ONLY = "year of birth only"
    NO_DAY = "no day of birth"
    YEAR_NEAR = "year of birth guessed"
    DAY_MONTH_SWAPPED = "day and month swapped"
    DIGIT_OFF = "digit of birth date wrong"
    PLACE_MISSING = "no place of birth"
    PLACE_LANGUAGE = "place in another language"
    PLACE_WRONG = "place of birth wrong"
    SEX_MISSING = "sex unknown"
    SEX_WRONG = "sex wrong"
    NATIONALITY_MISSING = "no nationality"
    MARRIED = "married name"
    HALF_OF_DOUBLE = "half of a double name"
    SECOND_GIVEN_LEFT_OUT = "second given name left out"
    SECOND_GIVEN_ADDED = "given name added"
    CALLED_BY_SECOND = "called by the second name"
    LANGUAGE = "given name in another language"
    NICKNAME = "nickname"
    TRANSLITERATED = "other transliteration"
    TURKISH_LETTERS = "Turkish letters"
    PARTICLE = "particle lost or joined"
    HYPHEN = "hyphen lost or joined"
    DIACRITICS = "diacritics lost"
    HEARD = "misheard"
    OCR = "misread by OCR"
    TYPO = "typing slip"
    SECOND_TYPO = "second typing slip"
    INITIAL = "initial only"
    GIVEN_MISSING = "no given name"
    SWAPPED = "names swapped"
    ONE_FIELD = "whole name in one field"
    CAPITALS = "capitals"
    LEGAL_FORM = "legal form left out"


@dataclass(frozen=True, slots=True)
class Rate:
    """A row of the table. share: see rule 1."""

    slip: Slip
    share: float
    reason: str


RATES: Final = (
    Rate(
        Slip.NUMBER_MISSING, 0.35, "most signals come from services that do not work by the national number"
    ),
    Rate(
        Slip.NUMBER_OF_ANOTHER,
        0.003,
        "identity fraud, or the line above on a list; the check digits are right",
    ),
    Rate(Slip.BIRTH_MISSING, 0.02, "a name alone, from a conversation or an open source"),
    Rate(Slip.YEAR_ONLY, 0.035, "foreign partners and witnesses"),
    Rate(Slip.NO_DAY, 0.01, "as above"),
    Rate(Slip.YEAR_NEAR, 0.01, "an age turned into a year: one or two years off, day and month unknown"),
    Rate(Slip.DAY_MONTH_SWAPPED, 0.015, "month first, as in American forms; where both are possible"),
    Rate(
        Slip.DIGIT_OFF,
        0.025,
        "one digit wrong, or two neighbours swapped; hospitals have 0.1% (Harron 2017), police entry more",
    ),
    Rate(Slip.PLACE_MISSING, 0.30, "optional in most sources"),
    Rate(Slip.PLACE_LANGUAGE, 0.15, "Antwerpen, Anvers; abroad more"),
    Rate(Slip.PLACE_WRONG, 0.02, "the home for the place of birth"),
    Rate(Slip.SEX_MISSING, 0.08, "optional in most sources"),
    Rate(Slip.SEX_WRONG, 0.004, "a slip of a form"),
    Rate(Slip.NATIONALITY_MISSING, 0.15, "optional in most sources"),
    Rate(Slip.MARRIED, 0.06, "foreign documents; one in three has both names"),
    Rate(Slip.HALF_OF_DOUBLE, 0.20, "one of the parents' names, mostly the first"),
    Rate(Slip.SECOND_GIVEN_LEFT_OUT, 0.50, "registers have all given names, people use one"),
    Rate(Slip.SECOND_GIVEN_ADDED, 0.01, "a further name that the register does not have"),
    Rate(Slip.CALLED_BY_SECOND, 0.02, "who goes by the second name"),
    Rate(Slip.LANGUAGE, 0.04, "Jan, Jean: bilingual services; where the name has such forms"),
    Rate(Slip.NICKNAME, 0.03, "conversations and social media; where one is usual"),
    Rate(
        Slip.TRANSLITERATED,
        0.20,
        "each service transcribes by itself; names of Arabic, Turkish or Cyrillic letters",
    ),
    Rate(Slip.TURKISH_LETTERS, 0.10, "Turkish documents; Turkish names"),
    Rate(Slip.PARTICLE, 0.20, "Van den, Vanden, left out; where there is one"),
    Rate(Slip.HYPHEN, 0.30, "Jean-Claude, Jean Claude, Jeanclaude; where there is one"),
    Rate(Slip.DIACRITICS, 0.50, "systems that know plain letters alone; where there are any"),
    Rate(Slip.HEARD, 0.03, "taken down by telephone"),
    Rate(Slip.OCR, 0.015, "scanned paper"),
    Rate(Slip.TYPO, 0.08, "one slip in family or given name"),
    Rate(Slip.SECOND_TYPO, 0.015, "as above, beside or without the first"),
    Rate(Slip.INITIAL, 0.01, "M. Janssens"),
    Rate(Slip.GIVEN_MISSING, 0.005, "a family name alone"),
    Rate(Slip.SWAPPED, 0.025, "family name in the field of the given name, and the other way about"),
    Rate(Slip.ONE_FIELD, 0.01, "sources with one field, without a comma"),
    Rate(Slip.CAPITALS, 0.20, "most older systems"),
    Rate(Slip.LEGAL_FORM, 0.30, "Garage Peeters, without BV; organisations"),
)
"""In the order in which they are applied."""
