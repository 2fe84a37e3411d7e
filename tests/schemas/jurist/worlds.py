"""The reviewed policy over the small bundle, and cases written as a jurist writes them."""

from __future__ import annotations

import tomllib
from functools import cache

from kruispunt_schemas.jurist.case import Case
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine

from tests.schemas.needtoknow import bundles

PLAIN = """
id = "plain"
why = "The territory decides."
[signal]
type = "RadicalisationCase"
from = "agency"
municipality = "11002"
"""


@cache
def bundle() -> Bundle:
    return bundles.bundle()


@cache
def engine() -> PolicyEngine:
    return PolicyEngine(bundle().policies, bundle().policy_schema)


def case(text: str, plain: str = PLAIN) -> Case:
    """Return a case: the plain one's tables with these behind them."""
    return Case.model_validate(tomllib.loads(plain + text))
