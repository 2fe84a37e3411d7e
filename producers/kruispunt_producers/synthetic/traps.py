"""Source records that must not end as an ordinary decision: what the door refuses, and what the adapter refuses.

Rules
-----
1. A trap breaks one rule, so that one reason is the right one.
2. `INVARIANTS` travel through adapter and posting box and end in quarantine; `BROKEN` never become a posting.

Must not: break the bytes of a posting (`raw`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from kruispunt_producers.synthetic.cases import Case
from kruispunt_producers.synthetic.legacy import Values
from kruispunt_producers.synthetic.persons import national_number

NEVER: Final = datetime(2098, 12, 31, 12, 0, tzinfo=UTC)
NOWHERE: Final = "99999"
NOBODY: Final = "ltf-atlantis"
SOME_DAY: Final = date(1971, 7, 21)


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule of admission that a case breaks; ``agencies``: participants whose source can say such a thing."""

    trap: str
    reason: str
    field: str
    agencies: tuple[str, ...]
    apply: Callable[[Case], Case]


@dataclass(frozen=True, slots=True)
class Broken:
    """A way to spoil a source record; fields by adapter name. ``spoil`` changes values, ``cut`` the written line."""

    trap: str
    reason: str
    fields: tuple[tuple[str, str], ...]
    spoil: Callable[[Values, str], Values] | None = None
    cut: Callable[[str], str] | None = None

    def field(self, adapter: str) -> str | None:
        """Return the field that the adapter names, None when this trap is not for it."""
        return dict(self.fields).get(adapter)


def _wrong_check(case: Case) -> Case:
    number = case.written.national_number or national_number(SOME_DAY, case.person.sex)
    right = {97 - int(century + number[:9]) % 97 for century in ("", "2")}
    check = next(each for each in range(1, 98) if each not in right)
    return replace(case, written=replace(case.written, national_number=f"{number[:9]}{check:02}"))


INVARIANTS: Final = (
    Invariant(
        "no consensus",
        "consensus",
        "situation.consensus",
        ("livc-antwerpen", "livc-molenbeek", "livc-liege", "livc-gent"),
        lambda case: replace(case, consensus=False),
    ),
    Invariant(
        "professional secrecy",
        "professional-secrecy",
        "situation.professional_secrecy",
        ("livc-antwerpen", "livc-molenbeek", "livc-liege", "livc-gent"),
        lambda case: replace(case, secrecy=True),
    ),
    Invariant("level 0", "level", "assessment.level", ("ocad",), lambda case: replace(case, level=0)),
    Invariant("level 5", "level", "assessment.level", ("ocad",), lambda case: replace(case, level=5)),
    Invariant(
        "wrong check digits",
        "check-digits",
        "subject.national_number",
        ("ocad", "federal-police", "police-antwerpen"),
        _wrong_check,
    ),
    Invariant(
        "unknown municipality",
        "unknown-municipality",
        "context.municipality",
        ("federal-police", "police-liege", "police-gent"),
        lambda case: replace(case, municipality=NOWHERE),
    ),
    Invariant(
        "date in the future",
        "future",
        "header.observed_at",
        ("federal-police", "police-charleroi"),
        lambda case: replace(case, observed_at=NEVER),
    ),
    Invariant(
        "unknown participant named",
        "unknown-participant",
        "distribution.named",
        ("ocad", "police-brussel-west"),
        lambda case: replace(case, named=(NOBODY,), excluded=()),
    ),
)

_FIRST_FIELDS: Final = 9


def _value(value: object) -> Callable[[Values, str], Values]:
    return lambda values, field: {**values, field: value}


BROKEN: Final = (
    Broken(
        "line cut in the middle",
        "columns",
        (("police-export", "line"), ("safety-cell-export", "line")),
        cut=lambda line: ";".join(line.split(";")[:_FIRST_FIELDS]),
    ),
    Broken(
        "quote that never ends",
        "quoting",
        (("police-export", "line"), ("safety-cell-export", "line")),
        cut=lambda line: f'"{line}',
    ),
    Broken(
        "31 February",
        "date",
        (("police-export", "DATUM"), ("safety-cell-export", "VERGADERD_OP")),
        spoil=_value("31/02/2025"),
    ),
    Broken(
        "impossible birth date",
        "date",
        (("ocad-evaluations", "geboortedatum"), ("vsse-notes", "geboren")),
        spoil=_value("45.45.1980"),
    ),
    Broken(
        "no name or motive",
        "missing",
        (
            ("police-export", "NAAM"),
            ("safety-cell-export", "PERSOON"),
            ("federal-police-files", "nom"),
            ("ocad-evaluations", "motivering"),
        ),
        spoil=_value(""),
    ),
    Broken(
        "unknown code",
        "code",
        (
            ("police-export", "CLASSIF"),
            ("safety-cell-export", "GESLACHT"),
            ("federal-police-files", "degre"),
            ("ocad-evaluations", "classificatie"),
            ("vsse-notes", "bron"),
        ),
        spoil=_value("?"),
    ),
)
