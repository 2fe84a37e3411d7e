"""The weights by which two mentions are compared: a versioned file, loaded once.

Must not: compare or decide.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from kruispunt_schemas.failures import ConfigurationError

CURRENT: Final = "2026-1"
"""The model that new decisions are made with."""


@dataclass(frozen=True, slots=True)
class Model:
    """A version of the weights. link, new: bounds of the posterior. prior: log2 odds that two mentions are one person."""

    version: str
    link: float
    new: float
    prior: float


@cache
def load(name: str = CURRENT) -> Model:
    """Return a model by its version; raise ConfigurationError when there is none or it is no model."""
    try:
        text = (files(__package__) / "models" / f"{name}.toml").read_text(encoding="utf-8")
        found = tomllib.loads(text)
        return Model(name, float(found["link"]), float(found["new"]), float(found["prior"]))
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"no model {name}: {type(error).__name__}") from None
