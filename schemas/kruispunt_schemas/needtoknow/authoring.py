"""Make a bundle from the reviewed files: participants, territories, groups, municipalities, policies.

Rules
-----
1. The files under ``reference/`` and ``policy/`` are the source; keys come from provisioning.
2. ``reference/participants/*.toml`` hold every participant, one row each; a row's profile gives what it does not say.
3. Territories of municipalities, police zones, districts, provinces and the country follow from the reference table.
4. A bundle holds the territories that its rows use and the groups in which they take part, nothing more.
5. A mistake names the file, the row and the field.

Must not: be imported by a worker, which takes bundles from ``audit.bundles``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow.bundle import (
    Bundle,
    Group,
    Participant,
    Territory,
    VerificationKey,
    describe,
)
from kruispunt_schemas.places import municipalities

T = TypeVar("T", Participant, Territory, Group)

ROOT: Final = Path(str(files("kruispunt_schemas")))
PARTICIPANTS: Final = ROOT / "reference" / "participants"
TERRITORIES: Final = ROOT / "reference" / "territories.toml"
CHAIN: Final = ROOT / "reference" / "chain.toml"
SELECTIONS: Final = ROOT / "reference" / "selections.toml"

_LOCAL_NAMES: Final = {
    "BRU": "Brussel",
    "Henegouwen": "Hainaut",
    "Luik": "Liège",
    "Luxemburg": "Luxembourg",
    "Namen": "Namur",
    "Waals-Brabant": "Brabant wallon",
}
"""Names of districts and provinces in their own language where the reference table has another one."""


def read_participants(
    only: Collection[str] | None = None, *, everything: bool = False, folder: Path = PARTICIPANTS
) -> tuple[Participant, ...]:
    """Return participants of the reviewed files, sorted by id, without keys; raise PolicyError for an unknown id.

    only: ids of those wanted, the demonstration's unless given. everything: the whole chain, whatever ``only`` says.
    """
    rows = _reviewed() if folder == PARTICIPANTS else _rows(folder)
    if everything:
        return rows
    wanted = set(read_selection("demonstration") if only is None else only)
    if unknown := sorted(wanted - {row.id for row in rows}):
        raise PolicyError(f"no participant is called {', '.join(unknown[:5])}")
    return tuple(row for row in rows if row.id in wanted)


def read_selection(name: str, path: Path = SELECTIONS) -> tuple[str, ...]:
    """Return the ids of a selection, sorted; raise PolicyError when there is none of that name."""
    found = _document(path).get(name)
    if not isinstance(found, list):
        raise PolicyError(f"{path.name}: there is no selection {name}")
    return tuple(sorted(found))


def read_territories(path: Path = TERRITORIES) -> tuple[Territory, ...]:
    """Return every territory: those of a file, arrondissements expanded, and those of the reference table."""
    known = {place.arrondissement for place in municipalities().values()}
    found: dict[str, Territory] = {item.id: item for item in _of_the_table()}
    for row in _table(path, "territory"):
        whole = set(row.pop("arrondissements", ()))
        if unknown := sorted(whole - known):
            raise PolicyError(
                f"{path.name}: {row.get('id', '?')}: arrondissements: unknown: {', '.join(unknown)}"
            )
        members = set(row.get("municipalities", ()))
        members |= {nis for nis, place in municipalities().items() if place.arrondissement in whole}
        territory = _row(Territory, path, {**row, "municipalities": tuple(sorted(members))})
        if territory.id in found:
            raise PolicyError(f"{path.name}: {territory.id}: id: there is the territory {territory.id} twice")
        found[territory.id] = territory
    return tuple(found[name] for name in sorted(found))


def read_groups(path: Path = CHAIN) -> tuple[Group, ...]:
    """Return the ad-hoc groups of a file, sorted by id; raise PolicyError for a member that is no participant."""
    known = {row.id for row in _reviewed()}
    found = [_row(Group, path, row) for row in _table(path, "group")]
    for group in found:
        if unknown := sorted(set(group.members) - known):
            raise PolicyError(f"{path.name}: {group.id}: members: unknown: {', '.join(unknown)}")
    return tuple(sorted(found, key=lambda group: group.id))


def read_restricted_sources(path: Path = CHAIN) -> tuple[str, ...]:
    """Return the sources of data that need a registered agreement, sorted."""
    return tuple(sorted(_document(path).get("restricted_sources", ())))


def make(
    keys: Mapping[str, Iterable[VerificationKey]], participants: Iterable[Participant] | None = None
) -> Bundle:
    """Return the bundle of these participants with these keys; raise PolicyError with every mistake found.

    participants: the demonstration's unless given. Of a group those members are in it that take part.
    """
    rows = sorted(read_participants() if participants is None else participants, key=lambda row: row.id)
    used = {row.territory for row in rows}
    try:
        return Bundle(
            policies=(ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8"),
            policy_schema=(ROOT / "policy" / "need_to_know.cedarschema").read_text(encoding="utf-8"),
            types={name: (schemas.load(name).fingerprint.hex(),) for name in schemas.POSTING_TYPES},
            participants=tuple(row.model_copy(update={"keys": tuple(keys.get(row.id, ()))}) for row in rows),
            territories=tuple(item for item in read_territories() if item.id in used),
            municipalities=tuple(sorted(municipalities())),
            groups=_taking_part({row.id for row in rows}),
            restricted_sources=read_restricted_sources(),
        )
    except ValidationError as error:
        raise PolicyError("; ".join(describe(error))) from None


def slug(name: str) -> str:
    """Return a name as an id spells it: lower case, no diacritics, hyphens for all else."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


@cache
def _reviewed() -> tuple[Participant, ...]:
    return _rows(PARTICIPANTS)


def _rows(folder: Path) -> tuple[Participant, ...]:
    """Return the participants of every file of a folder, sorted by id, each completed by its profile."""
    found: dict[str, Participant] = {}
    origin: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        document = _document(path)
        if unknown := sorted(document.keys() - {"profile", "participants"}):
            raise PolicyError(f"{path.name}: unknown: {', '.join(unknown)}; it has profiles and participants")
        profiles = document.get("profile", {})
        for row in document.get("participants", ()):
            made = _row(Participant, path, _completed(path, profiles, row))
            if made.id in found:
                raise PolicyError(
                    f"{path.name}: {made.id}: id: there is the participant {made.id} in {origin[made.id]} already"
                )
            found[made.id], origin[made.id] = made, path.name
    return tuple(found[name] for name in sorted(found))


def _completed(path: Path, profiles: Mapping[str, dict[str, Any]], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with what its profile adds; the row's own values win."""
    own = dict(row)
    name = own.pop("profile", None)
    if name is not None and name not in profiles:
        raise PolicyError(f"{path.name}: {row.get('id', '?')}: profile: unknown: {name}")
    return {**profiles.get(name, {}), **own}


def _taking_part(names: set[str]) -> tuple[Group, ...]:
    """Return the groups with a member among these participants, with those members."""
    cut = (
        group.model_copy(update={"members": tuple(name for name in group.members if name in names)})
        for group in read_groups()
    )
    return tuple(group for group in cut if group.members)


@cache
def _of_the_table() -> tuple[Territory, ...]:
    """Return the territories that follow from the reference table of municipalities."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for nis, place in municipalities().items():
        district, province = (
            _LOCAL_NAMES.get(name, name) for name in (place.judicial_district, place.province)
        )
        found["country", "Belgium"].append(nis)
        found[f"municipality-{nis}", place.name].append(nis)
        found[f"zone-{place.police_zone}", f"Police zone {place.police_zone}"].append(nis)
        found[f"district-{slug(district)}", f"Judicial district {district}"].append(nis)
        title = "Brussels-Capital Region" if place.province == "BRU" else f"Province {province}"
        found[f"province-{slug(province)}", title].append(nis)
    return tuple(
        Territory(id=name, name=title, municipalities=tuple(sorted(members)))
        for (name, title), members in found.items()
    )


def _table(path: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _document(path).get(name, [])
    return rows


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path.name}: {error}") from None


def _row(cls: type[T], path: Path, row: Mapping[str, Any]) -> T:
    try:
        return cls.model_validate(row)
    except ValidationError as error:
        raise PolicyError(f"{path.name}: {row.get('id', '?')}: {'; '.join(describe(error))}") from None
