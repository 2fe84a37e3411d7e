"""A case: a signal, and who must or must not receive which part of it, as a jurist writes it.

Rules
-----
1. A case states what a signal says, in the words of the contract; what it leaves out is as `SignalTable` has it: a plain,
   unclassified, administrative signal for prevention about a suspect.
2. ``receives`` and ``refused`` are the whole outcome of the participants that they name; others are not judged, unless
   ``nobody_else`` says that they get nothing.

Must not: know a bundle (`resolving` does) or a file (`case_files` does).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from kruispunt_schemas.needtoknow.bundle import Name
from kruispunt_schemas.records.frame import Classification, Handling, Lifecycle
from kruispunt_schemas.records.sections import (
    DataSubject,
    MeasureKind,
    Nature,
    PartialDate,
    Phenomenon,
    Purpose,
)

ALL: Final = "all"
"""Every section of the type that the policy can give to anyone."""
NONE: Final = "none"
"""A signal about nobody."""
A_DAY: Final = datetime(2026, 12, 1, 10, tzinfo=UTC)
"""When the broker took the signal of a case that does not say so."""
PAINS: Final = 12
"""The pains that a case may show are numbered from 1."""

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
RuleName = Annotated[str, StringConstraints(pattern=r"^(no-ground|(ground|guard)-[a-z0-9-]+)$")]
SectionName = Literal[
    "context", "subject", "situation", "assessment", "sources", "measures", "contact", "distribution"
]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SubjectTable(_Table):
    """Whom a signal is about. birth: a date, "2010-05" or "2010" where only that is known."""

    data_subject: DataSubject = DataSubject.SUSPECT
    birth: PartialDate | None = None

    @field_validator("birth", mode="before")
    @classmethod
    def _partial(cls, value: object) -> object:
        if isinstance(value, date):
            return PartialDate(year=value.year, month=value.month, day=value.day)
        if isinstance(value, str | int):
            parts = str(value).split("-")
            if len(parts) > 3 or not all(part.isdecimal() for part in parts):
                message = 'a date, "2010-05" or "2010"'
                raise ValueError(message)
            year, month, day = (*(int(part) for part in parts), 0, 0)[:3]
            return PartialDate(year=year, month=month, day=day)
        return value


class SignalTable(_Table):
    """What a signal says, as far as the policy can see it."""

    type: str
    originator: Name = Field(alias="from")
    at: AwareDatetime = A_DAY
    lifecycle: Lifecycle = Lifecycle.ORIGINAL
    classification: Classification = Classification.UNCLASSIFIED
    handling: tuple[Handling, ...] = ()
    phenomenon: Phenomenon = Phenomenon.RADICALISATION_EXTREMISM_TERRORISM
    municipality: Text | None = None
    site: Name | None = None
    nature: Nature = Nature.ADMINISTRATIVE
    purposes: tuple[Purpose, ...] = (Purpose.PREVENTION,)
    data_source: str | None = None
    subject: SubjectTable | Literal["none"] = SubjectTable()
    measures: tuple[MeasureKind, ...] = ()
    consensus: bool = True
    named: tuple[Name, ...] = ()
    excluded: tuple[Name, ...] = ()
    consented: tuple[Name, ...] = ()
    groups: tuple[Name, ...] = ()
    embargo: bool = False
    professional_secrecy: bool = False
    followers: tuple[Name, ...] = ()


class Receives(_Table):
    """What a participant must get: exactly these sections, and by these grounds if any is given."""

    sections: Literal["all"] | tuple[SectionName, ...]
    by: tuple[RuleName, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        """Take "all" and a list of sections for the whole, and one ground for a list of one."""
        found: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"sections": value}
        if isinstance(found.get("by"), str):
            found["by"] = (found["by"],)
        return found

    @field_validator("sections")
    @classmethod
    def _some(cls, value: Literal["all"] | tuple[str, ...]) -> Literal["all"] | tuple[str, ...]:
        if not value:
            message = "it names no section; who gets nothing stands under refused"
            raise ValueError(message)
        return value


class Refused(_Table):
    """What a participant must not get. whole: why it gets nothing at all; sections: why it does not get these."""

    whole: tuple[RuleName, ...] = ()
    sections: dict[SectionName, tuple[RuleName, ...]] = {}

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        """Take a rule or a list of rules for the whole, and a table for sections with theirs."""
        if isinstance(value, Mapping):
            return {"sections": {name: _listed(rules) for name, rules in value.items()}}
        return {"whole": _listed(value)}

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.whole or self.sections) or not all(self.sections.values()):
            message = 'it names no reason: a guard, or "no-ground"'
            raise ValueError(message)
        return self


class Case(_Table):
    """One case of the jurist's test; see the module."""

    id: Name
    why: Text
    pain: Annotated[int, Field(ge=1, le=PAINS)] | None = None
    signal: SignalTable
    receives: dict[Name, Receives] = {}
    refused: dict[Name, Refused] = {}
    nobody_else: bool = False

    @model_validator(mode="after")
    def _judges_somebody(self) -> Self:
        if not (self.receives or self.refused or self.nobody_else):
            message = "it says of nobody what must happen"
            raise ValueError(message)
        if both := sorted(
            name for name in self.receives if name in self.refused and self.refused[name].whole
        ):
            message = f"{', '.join(both)} cannot receive and be refused everything"
            raise ValueError(message)
        return self

    @property
    def judged(self) -> tuple[str, ...]:
        """Return the participants that it names, sorted."""
        return tuple(sorted({*self.receives, *self.refused}))


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value
