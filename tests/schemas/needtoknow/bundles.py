"""A small bundle and signals for the tests of need to know."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from kruispunt_schemas.needtoknow.authoring import ROOT
from kruispunt_schemas.needtoknow.bundle import (
    Bundle,
    Participant,
    ParticipantKind,
    Role,
    Territory,
    VerificationKey,
)
from kruispunt_schemas.needtoknow.facts import Observed
from kruispunt_schemas.records.frame import Classification, Header, Lifecycle
from kruispunt_schemas.records.sections import Context, Distribution, Nature, Phenomenon, Purpose
from kruispunt_schemas.schema import SIGNAL_TYPES
from kruispunt_schemas.vectors import samples

POLICIES = (ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")
POLICY_SCHEMA = (ROOT / "policy" / "need_to_know.cedarschema").read_text(encoding="utf-8")
ANTWERP, GHENT = "11002", "44021"
KEY = VerificationKey(
    key_id="agency-1", public_key="ab" * 32, valid_from=datetime(2025, 1, 1, tzinfo=UTC), valid_until=None
)
DAY = date(2031, 12, 31)
NATURES = (Nature.JUDICIAL, Nature.ADMINISTRATIVE, Nature.INTELLIGENCE)
PURPOSES = (Purpose.PREVENTION, Purpose.INVESTIGATION)


def row(name: str, kind: ParticipantKind, **values: Any) -> Participant:
    """Return a participant that may hold every nature of information, with a valid screening."""
    common: dict[str, Any] = {"natures": NATURES, "purposes": PURPOSES, "screened_until": DAY}
    return Participant(id=name, name=name, kind=kind, **{**common, **values})


PARTICIPANTS = (
    row("agency", ParticipantKind.FEDERAL_POLICE, publishes=SIGNAL_TYPES, clearance=Classification.SECRET,
        keys=(KEY,), roles=(Role.ENFORCES_LAW, Role.INVESTIGATES)),
    row("cell-a", ParticipantKind.LOCAL_SAFETY_CELL, territory="area-a", clearance=Classification.SECRET),
    row("force-a", ParticipantKind.LOCAL_TASK_FORCE, territory="area-a", clearance=Classification.CONFIDENTIAL),
    row("force-b", ParticipantKind.LOCAL_TASK_FORCE, territory="area-b"),
    row("mandated", ParticipantKind.THREAT_ANALYSIS, mandate=SIGNAL_TYPES, clearance=Classification.TOP_SECRET),
    row("officer-a", ParticipantKind.INFORMATION_OFFICER, territory="area-a"),
    row("police-a", ParticipantKind.LOCAL_POLICE, territory="area-a", roles=(Role.ENFORCES_LAW,)),
    row("watch", ParticipantKind.OVERSIGHT, roles=(Role.OVERSEES,)),
)  # fmt: skip


def worded(name: str, rule: str) -> str:
    """Return a rule with an id and the words that every rule carries."""
    words = "".join(f'@{key}("{key}")' for key in ("law", "nl", "fr", "de", "en"))
    return f'@id("{name}"){words}@confidence("read") {rule}'


def bundle(**changes: Any) -> Bundle:
    """Return the bundle with changes."""
    data: dict[str, Any] = {
        "policies": POLICIES,
        "policy_schema": POLICY_SCHEMA,
        "types": dict.fromkeys(SIGNAL_TYPES, ("00" * 32,)),
        "participants": PARTICIPANTS,
        "territories": (
            Territory(id="area-a", name="A", municipalities=(ANTWERP,)),
            Territory(id="area-b", name="B", municipalities=(GHENT,)),
        ),
        "municipalities": (ANTWERP, GHENT),
    }
    return Bundle(**{**data, **changes})


def observed(
    *,
    signal_type: str = "RadicalisationCase",
    originator: str = "agency",
    lifecycle: Lifecycle = Lifecycle.ORIGINAL,
    classification: Classification = Classification.UNCLASSIFIED,
    municipality: str | None = ANTWERP,
    named: tuple[str, ...] = (),
    excluded: tuple[str, ...] = (),
    **parts: Any,
) -> Observed:
    """Return the parts of a signal that facts are computed from."""
    original = lifecycle is Lifecycle.ORIGINAL
    header = Header(
        signal_id=samples.SIGNAL_ID,
        signal_type=signal_type,
        schema_fingerprint=bytes(32),
        originator=originator,
        version=1 if original else 2,
        replaces=None if original else samples.EARLIER_ID,
        lifecycle=lifecycle,
        observed_at=samples.TIME,
        published_at=samples.TIME,
        classification=classification,
        handling=(),
        commitments=samples.composed(samples.CASE).read_header().commitments,
    )
    context = Context(
        reference="r",
        phenomenon=Phenomenon.DRUGS,
        municipality=municipality,
        legal_basis="",
        purpose="",
        nature=Nature.JUDICIAL,
        purposes=PURPOSES,
    )
    told = Distribution(named=named, excluded=excluded)
    return Observed(header, samples.TIME, context=context, distribution=told, **parts)
