"""A small bundle and signals for the tests of need to know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.needtoknow.authoring import ROOT
from kruispunt_schemas.needtoknow.bundle import (
    Bundle,
    Participant,
    ParticipantKind,
    Territory,
    VerificationKey,
)
from kruispunt_schemas.needtoknow.facts import Observed
from kruispunt_schemas.records.frame import Classification, Follower, Header, Lifecycle
from kruispunt_schemas.records.sections import Context, Distribution, Phenomenon
from kruispunt_schemas.schema import SIGNAL_TYPES
from kruispunt_schemas.vectors import samples

POLICIES = (ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")
POLICY_SCHEMA = (ROOT / "policy" / "need_to_know.cedarschema").read_text(encoding="utf-8")
ANTWERP, GHENT = "11002", "44021"
KEY = VerificationKey(
    key_id="agency-1", public_key="ab" * 32, valid_from=datetime(2025, 1, 1, tzinfo=UTC), valid_until=None
)
PARTICIPANTS = (
    Participant(
        id="agency",
        name="Agency",
        kind=ParticipantKind.FEDERAL_POLICE,
        publishes=SIGNAL_TYPES,
        clearance=Classification.SECRET,
        keys=(KEY,),
    ),
    Participant(id="cell-a", name="Cell", kind=ParticipantKind.LOCAL_SAFETY_CELL, territory="area-a",
                clearance=Classification.SECRET),
    Participant(id="force-a", name="Force A", kind=ParticipantKind.LOCAL_TASK_FORCE, territory="area-a",
                clearance=Classification.CONFIDENTIAL),
    Participant(id="force-b", name="Force B", kind=ParticipantKind.LOCAL_TASK_FORCE, territory="area-b"),
    Participant(id="mandated", name="Mandated", kind=ParticipantKind.THREAT_ANALYSIS, mandate=SIGNAL_TYPES,
                clearance=Classification.TOP_SECRET),
    Participant(id="officer-a", name="Officer", kind=ParticipantKind.INFORMATION_OFFICER, territory="area-a"),
    Participant(id="police-a", name="Police A", kind=ParticipantKind.LOCAL_POLICE, territory="area-a"),
    Participant(id="watch", name="Oversight", kind=ParticipantKind.OVERSIGHT),
)  # fmt: skip


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
    followers: tuple[str, ...] = (),
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
    )
    held = tuple(Follower(participant=name, event=event_of(name)) for name in sorted(set(followers)))
    return Observed(header, context, Distribution(named=named, excluded=excluded), held)


def event_of(name: str) -> UUID:
    """Return the event that registered the holding of a participant."""
    return identity.derived_id("repertory", name)
