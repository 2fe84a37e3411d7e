"""Make a bundle from the reviewed files: participants, territories, municipalities, policies.

Rules: the files under ``reference/`` and ``policy/`` are the source; keys come from provisioning. A mistake names the
file, the row and the field. Must not: be imported by a worker, which takes bundles from ``audit.bundles``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow.bundle import Bundle, Participant, Territory, VerificationKey, describe
from kruispunt_schemas.places import municipalities

T = TypeVar("T", Participant, Territory)

ROOT = Path(str(files("kruispunt_schemas")))


def read_participants(path: Path = ROOT / "reference" / "participants.toml") -> tuple[Participant, ...]:
    """Return the participants of a file, sorted by id, without keys."""
    rows = [_row(Participant, path, row) for row in _table(path, "participant")]
    return tuple(sorted(rows, key=lambda row: row.id))


def read_territories(path: Path = ROOT / "reference" / "territories.toml") -> tuple[Territory, ...]:
    """Return the territories of a file, arrondissements expanded into municipalities."""
    found: list[Territory] = []
    for row in _table(path, "territory"):
        whole = set(row.pop("arrondissements", ()))
        members = set(row.get("municipalities", ()))
        members |= {nis for nis, place in municipalities().items() if place.arrondissement in whole}
        found.append(_row(Territory, path, {**row, "municipalities": tuple(sorted(members))}))
    return tuple(sorted(found, key=lambda item: item.id))


def make(
    keys: Mapping[str, Iterable[VerificationKey]], participants: Iterable[Participant] | None = None
) -> Bundle:
    """Return the bundle of the files with these keys; raise PolicyError with every mistake found."""
    rows = participants if participants is not None else read_participants()
    try:
        return Bundle(
            policies=(ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8"),
            policy_schema=(ROOT / "policy" / "need_to_know.cedarschema").read_text(encoding="utf-8"),
            types={name: (schemas.load(name).fingerprint.hex(),) for name in schemas.POSTING_TYPES},
            participants=tuple(
                row.model_copy(update={"keys": tuple(keys.get(row.id, ()))})
                for row in sorted(rows, key=lambda row: row.id)
            ),
            territories=read_territories(),
            municipalities=tuple(sorted(municipalities())),
        )
    except ValidationError as error:
        raise PolicyError("; ".join(describe(error))) from None


def _table(path: Path, name: str) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8")).get(name, [])
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path.name}: {error}") from None
    return rows


def _row(cls: type[T], path: Path, row: Mapping[str, Any]) -> T:
    try:
        return cls.model_validate(row)
    except ValidationError as error:
        raise PolicyError(f"{path.name}: {row.get('id', '?')}: {'; '.join(describe(error))}") from None
