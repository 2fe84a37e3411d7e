"""The one boundary to Splink: how often each level is met in two mentions of one person, by expectation maximisation.

Rules
-----
1. Splink is given our own levels: each pair is a record, on both sides, that holds the place of its level in every field; a
   comparison looks that number up. So Splink decides nothing about names or dates, and what it fits is what the resolver uses.
2. The blocking rule of a training pairs each record with itself. It names the fields that its pairs share, and Splink leaves
   those out of that training; of several trainings it combines what each says of a field.
3. How often a level is met in two persons (u) is given and stays; m is fitted (Fellegi and Sunter 1969; Winkler 1988).
4. Splink's texts and charts go nowhere.

Must not: be imported by what runs on the road: Splink is an extra of this distribution.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kruispunt_schemas.failures import ConfigurationError, KruispuntError

from kruispunt_processors.fitting.patterns import FIXES, UNSAID, Pattern, Shared

MAX_ITERATIONS: Final = 200
CONVERGENCE: Final = 1e-5
"""Largest change of a probability between two iterations at the end."""
START: Final = 0.1
"""Share of pairs of one person with which a training begins."""


class FitError(KruispuntError):
    """Splink could not fit; the text names no value."""


@dataclass(frozen=True, slots=True)
class Start:
    """Of one field the names of its levels, with m to begin with and u to hold on to."""

    levels: tuple[str, ...]
    m: tuple[float, ...]
    u: tuple[float, ...]


def fit(
    fields: Mapping[str, Start], blocks: Mapping[Shared, Counter[Pattern]]
) -> dict[str, tuple[float, ...] | None]:
    """Return m of every level of a field, None where no pairs tell of it; a level that is never met keeps its m.

    fields: in the order of the patterns. blocks: patterns of the pairs that share something, one at least; empty ones are
    passed over. Raise FitError when Splink cannot fit, ConfigurationError when it is not installed.
    """
    try:
        from splink import Linker  # noqa: PLC0415 - an extra
        from splink.backends.duckdb import DuckDBAPI  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "Splink is not installed: pip install 'kruispunt-processors[fit]', then fit again"
        ) from None
    logging.getLogger("splink").setLevel(logging.ERROR)
    there = {shared: counts for shared, counts in blocks.items() if counts}
    settings: dict[str, Any] = {
        "link_type": "link_only",
        "unique_id_column_name": "pair",
        "probability_two_random_records_match": START,
        "comparisons": [_comparison(field, start) for field, start in fields.items()],
        "blocking_rules_to_generate_predictions": [],
        "max_iterations": MAX_ITERATIONS,
        "em_convergence": CONVERGENCE,
    }
    try:
        api = DuckDBAPI()
        records = _records(tuple(fields), there)
        sides = [api.register(records, dataset_display_name=side) for side in ("l", "r")]
        linker = Linker(sides, settings, log_level=None)
        for shared in there:
            linker.training.estimate_parameters_using_expectation_maximisation(
                _rule(shared, fields), estimate_without_term_frequencies=True
            )
        fitted = {
            comparison["output_column_name"]: _m(comparison)
            for comparison in linker.misc.save_model_to_json()["comparisons"]
        }
    except Exception as error:  # noqa: BLE001 - the boundary: Splink and DuckDB raise whatever they meet
        raise FitError(f"Splink could not fit: {type(error).__name__}") from None
    told = {field for field in fields if any(field not in FIXES[shared] for shared in there)}
    return {field: fitted[field] if field in told else None for field in fields}


def _comparison(field: str, start: Start) -> dict[str, Any]:
    unsaid = {"sql_condition": f'"{field}_l" = {UNSAID}', "label_for_charts": "unsaid", "is_null_level": True}
    return {
        "output_column_name": field,
        "comparison_levels": [
            unsaid,
            *(
                {
                    "sql_condition": f'"{field}_l" = {code}',
                    "label_for_charts": level,
                    "m_probability": start.m[code],
                    "u_probability": start.u[code],
                    "fix_u_probability": True,
                }
                for code, level in enumerate(start.levels)
            ),
        ],
    }


def _records(fields: Sequence[str], blocks: Mapping[Shared, Counter[Pattern]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {"pair": [], "shared": [], **{field: [] for field in fields}}
    for shared, counts in blocks.items():
        for pattern, count in sorted(counts.items()):
            columns["shared"] += [shared.value] * count
            for field, code in zip(fields, pattern, strict=True):
                columns[field] += [code] * count
    columns["pair"] = list(range(len(columns["shared"])))
    return columns


def _rule(shared: Shared, fields: Mapping[str, Start]) -> str:
    known = "".join(f' and l."{field}" = r."{field}"' for field in FIXES[shared] if field in fields)
    return f"l.pair = r.pair and l.shared = '{shared}'{known}"


def _m(comparison: Mapping[str, Any]) -> tuple[float, ...]:
    levels = comparison["comparison_levels"]
    return tuple([float(level["m_probability"]) for level in levels if not level.get("is_null_level")])
