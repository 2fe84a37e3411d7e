"""Small drafts for tests that need any signal at all."""

from __future__ import annotations

from datetime import UTC, datetime

from kruispunt_schemas import disclosure
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.keys import ParticipantKeys
from kruispunt_schemas.records.frame import Classification, Lifecycle
from kruispunt_schemas.records.sections import (
    CaseAssessment,
    Context,
    Nature,
    Phenomenon,
    Purpose,
    Sections,
)

NOW = datetime(2025, 9, 1, 12, tzinfo=UTC)


def draft(
    reference: str = "A.1", summary: str = "niets bijzonders", lifecycle: Lifecycle = Lifecycle.ORIGINAL
) -> Draft:
    return Draft(
        signal_type="RadicalisationCase",
        version=1,
        lifecycle=lifecycle,
        observed_at=NOW,
        classification=Classification.RESTRICTED,
        sections=Sections(
            context=Context(
                reference=reference,
                phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
                municipality="44021",
                legal_basis="art. 44/1",
                purpose="opvolging",
                nature=Nature.JUDICIAL,
                purposes=(Purpose.INVESTIGATION, Purpose.PREVENTION),
            ),
            assessment=CaseAssessment(summary=summary),
        ),
    )


def signed(keys: ParticipantKeys, made: Draft | None = None) -> SignedBytes:
    return disclosure.compose(
        made or draft(),
        originator=keys.participant,
        secret=keys.secret,
        signer=keys.signer,
        published_at=NOW,
    )
