"""Splink for real: it finds again what made-up pairs were drawn from."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from kruispunt_processors.fitting import splink_em
from kruispunt_processors.fitting.patterns import UNSAID, Pattern, Shared
from kruispunt_processors.fitting.splink_em import FitError, Start, fit
from kruispunt_schemas.failures import ConfigurationError

FIELDS = ("family", "given", "birth", "sex", "number")
TRUE = {
    "family": ((0.9, 0.06, 0.04), (0.005, 0.005, 0.99)),
    "given": ((0.85, 0.1, 0.05), (0.01, 0.02, 0.97)),
    "birth": ((0.93, 0.05, 0.02), (0.0005, 0.01, 0.9895)),
    "sex": ((0.98, 0.02), (0.5, 0.5)),
    "number": ((0.97, 0.03), (0.0001, 0.9999)),
}
"""By field the shares of the levels in pairs of one person, and of two."""


def drawn(random: Random, count: int, share: float, known: Mapping[str, int]) -> Counter[Pattern]:
    """Return patterns of pairs of which a share are of one person; known: what they share."""
    found: Counter[Pattern] = Counter()
    for _ in range(count):
        side = 0 if random.random() < share else 1
        pattern = []
        for field in FIELDS:
            shares = TRUE[field][side]
            code = random.choices(range(len(shares)), shares)[0]
            unsaid = field == "number" and random.random() < 0.7
            pattern.append(known.get(field, UNSAID if unsaid else code))
        found[tuple(pattern)] += 1
    return found


def starts() -> dict[str, Start]:
    return {
        field: Start(tuple("abc"[: len(u)]), tuple(1 / len(u) for _ in u), u)
        for field, (_, u) in TRUE.items()
    }


@pytest.fixture(scope="module")
def blocks() -> dict[Shared, Counter[Pattern]]:
    random = Random(5)
    return {
        Shared.NUMBER: drawn(random, 3_000, 0.95, {"number": 0}),
        Shared.BIRTH: drawn(random, 60_000, 0.1, {"birth": 0}),
        Shared.NAMES: drawn(random, 40_000, 0.2, {"family": 0, "given": 0}),
    }


def test_what_the_pairs_were_drawn_from_is_found_again(blocks: dict[Shared, Counter[Pattern]]) -> None:
    found = fit(starts(), blocks)
    for field, (m, _) in TRUE.items():
        assert found[field] == pytest.approx(m, abs=0.03), field


def test_a_field_of_which_no_pairs_tell_is_left_open(blocks: dict[Shared, Counter[Pattern]]) -> None:
    found = fit(starts(), {Shared.BIRTH: blocks[Shared.BIRTH], Shared.NAMES: Counter()})
    assert found["birth"] is None
    assert found["family"] is not None
    assert found["family"][0] == pytest.approx(0.9, abs=0.03)


def test_a_level_that_was_never_met_stays_as_it_began() -> None:
    random = Random(6)
    never = {**starts(), "sex": Start(("a", "b", "never"), (0.4, 0.4, 0.2), (0.4, 0.4, 0.2))}
    found = fit(never, {Shared.BIRTH: drawn(random, 5_000, 0.3, {"birth": 0})})
    assert found["sex"] == pytest.approx((0.98, 0.02, 0.2), abs=0.03)


def test_what_splink_meets_is_a_failure_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splink_em, "_records", lambda *_: {"pair": [1], "shared": ["birth"]})
    with pytest.raises(FitError, match="Splink could not fit"):
        fit(starts(), {Shared.BIRTH: Counter({(0, 0, 0, 0, 0): 3})})


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("splink"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigurationError, match=r"pip install 'kruispunt-processors\[fit\]'"):
        fit(starts(), {Shared.BIRTH: Counter({(0, 0, 0, 0, 0): 3})})
