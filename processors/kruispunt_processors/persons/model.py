"""The weights by which two mentions are compared: a versioned file, loaded once.

Rules
-----
1. A level of a field weighs log2(m / u) bits: how much more often it is met in two mentions of one person than in two of
   two persons. Where u is ``name``, u is how common the name is (`frequencies`), so that a rare name weighs more.
2. A released file is never changed: a decision names the model that it was made with.

Must not: compare or decide.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final, Literal, NamedTuple

from kruispunt_schemas.failures import ConfigurationError
from pydantic import BaseModel, ConfigDict, ValidationError

from kruispunt_processors.persons.normalisation import Kind
from kruispunt_processors.persons.variants import FORM, SPELLING

CURRENT: Final = "2026-1"
"""The model that new decisions are made with."""


class FieldComparison(NamedTuple):
    """How far one field agrees: its level by the model's name, and the weight in bits (log2 of the likelihood ratio)."""

    field: str
    level: str
    weight: float


class Level(NamedTuple):
    """A level of a field. weight: its bits. named: the bits of the name come on top. kin: the bits if the two were twins.

    conflict: whether it contradicts. plain: the comparison that it makes where no name comes on top.
    """

    weight: float
    named: bool
    kin: float
    conflict: bool
    plain: FieldComparison


Levels = Mapping[str, Level]


@dataclass(frozen=True, slots=True)
class NameTable:
    """How common names are, in bits; of one that is not in it, ``unlisted``. spellings and forms: by head (`variants`)."""

    family: Mapping[str, float]
    given: Mapping[str, float]
    unlisted: float
    spellings: Mapping[str, float] = field(init=False)
    forms: Mapping[str, float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "spellings", _together(self.given, SPELLING))
        object.__setattr__(self, "forms", _together(self.given, FORM))


@dataclass(frozen=True, slots=True)
class ExtraField:
    """A further text to compare. bits: how common its values are; of one that is not in it, ``unlisted``."""

    levels: Levels
    bits: Mapping[str, float] = field(default_factory=dict)
    unlisted: float = 0.0


@dataclass(frozen=True, slots=True)
class Anchors:
    """Levels that carry a link: of the number, of the birth date, or of the year together with the place."""

    number: frozenset[str]
    birth: frozenset[str]
    year: frozenset[str]
    place: frozenset[str]


@dataclass(frozen=True, slots=True)
class Model:
    """A version of the weights.

    link, new: bounds of the posterior. prior: log2 odds that a person of the directory is the one a mention is about. kin:
    log2 of how likely a twin is who is not known. extra: further fields.
    """

    version: str
    link: float
    new: float
    prior: Mapping[Kind, float]
    kin: float
    names: NameTable
    family: Levels
    given: Levels
    birth: Levels
    place: Levels
    sex: Levels
    number: Levels
    anchors: Anchors
    extra: Mapping[str, ExtraField] = field(default_factory=dict)


class Shares(BaseModel):
    """What a file says of a level: how often it is met in one person, in two persons (or "name"), and in twins."""

    model_config = ConfigDict(extra="forbid")

    m: float
    u: float | Literal["name"]
    kin: float = 0.0

    def level(self, field: str, name: str, *, conflict: bool = False) -> Level:
        """Return what the level weighs."""
        against = 0.0 if self.u == "name" else math.log2(self.u)
        weight = math.log2(self.m) - against
        kin = math.log2(self.kin) - against if self.kin else -math.inf
        return Level(weight, self.u == "name", kin, conflict, FieldComparison(field, name, weight))


class _Anchored(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: frozenset[str]
    birth: frozenset[str]
    year: frozenset[str]
    place: frozenset[str]


class _Extra(BaseModel):
    """The levels of a further text (`comparison.text_level`)."""

    model_config = ConfigDict(extra="forbid")

    equal: Shares
    close: Shares
    similar: Shares
    different: Shares


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    link: float
    new: float
    prior: dict[Literal["person", "organisation"], float]
    kin: float
    names: str
    unlisted: float
    family: dict[str, Shares]
    given: dict[str, Shares]
    birth: dict[str, Shares]
    place: dict[str, Shares]
    sex: dict[str, Shares]
    number: dict[str, Shares]
    conflicts: dict[str, frozenset[str]]
    anchors: _Anchored
    extra: dict[str, _Extra] = {}


class _Names(BaseModel):
    given: dict[str, float]
    family: dict[str, float]


@cache
def load(name: str = CURRENT) -> Model:
    """Return a model by its version; raise ConfigurationError when there is none or it is no model."""
    return parse(name, text_of(name))


def text_of(name: str) -> str:
    """Return the file of a version; raise ConfigurationError when there is none."""
    try:
        return _text(name)
    except OSError as error:
        raise ConfigurationError(f"no model {name}: {error}") from None


def parse(name: str, text: str) -> Model:
    """Return the model that a text says; raise ConfigurationError when it says none."""
    try:
        found = _File.model_validate(tomllib.loads(text))
        names = _Names.model_validate(tomllib.loads(_text(found.names)))
    except (OSError, tomllib.TOMLDecodeError, ValidationError, ValueError) as error:
        raise ConfigurationError(f"no model {name}: {error}") from None

    def levels(field: str, shares: Mapping[str, Shares]) -> dict[str, Level]:
        contradicting = found.conflicts.get(field, frozenset())
        return {
            name: item.level(field, name, conflict=name in contradicting) for name, item in shares.items()
        }

    return Model(
        version=name,
        link=found.link,
        new=found.new,
        prior={Kind.PERSON: found.prior["person"], Kind.ORGANISATION: found.prior["organisation"]},
        kin=math.log2(found.kin),
        names=NameTable(names.family, names.given, found.unlisted),
        family=levels("family", found.family),
        given=levels("given", found.given),
        birth=levels("birth", found.birth),
        place=levels("place", found.place),
        sex=levels("sex", found.sex),
        number=levels("number", found.number),
        anchors=Anchors(**dict(found.anchors)),
        extra={name: ExtraField(levels(name, dict(each))) for name, each in found.extra.items()},
    )


def _text(name: str) -> str:
    return (files(__package__) / "models" / f"{name}.toml").read_text(encoding="utf-8")


def _together(bits: Mapping[str, float], heads: Mapping[str, str]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for name, value in bits.items():
        head = heads.get(name, name)
        shares[head] = shares.get(head, 0.0) + 2.0**-value
    return {head: -math.log2(min(share, 1.0)) for head, share in shares.items()}
