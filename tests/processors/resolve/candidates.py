"""Candidates as resolve sees them, without content."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from typing import Any

from kruispunt_processors.resolve.matching import Mention
from kruispunt_processors.resolve.resolution import Candidate, Resolved
from kruispunt_schemas import identity
from kruispunt_schemas.records.frame import Header, Lifecycle

from tests import drafts
from tests.drafts import BACKBONE, VSSE, composed, draft


def candidate(
    reference: str,
    content: str | None,
    offset: int,
    *,
    version: int = 1,
    lifecycle: Lifecycle | None = None,
    originator: str = VSSE,
    person: bytes | None = None,
    partition: int = 0,
    **header: Any,
) -> Candidate:
    """Return a candidate; content None for a recall, person: the one key that its mention has."""
    if content is None:
        lifecycle = Lifecycle.RECALL
    at = drafts.posting(originator, offset)
    mention = Mention(identity.mention_id(at), None, (person,), b"sealed") if person else None
    return Candidate(
        place=("admitted", partition),
        posting=at,
        header=replace(_header(reference, version, lifecycle, originator), **header),
        bundle="b" * 64,
        case_key=identity.case_key(BACKBONE.case, originator, reference),
        content_fingerprint=None
        if content is None
        else hashlib.sha256(f"{originator}{content}".encode()).digest(),
        mention=mention,
    )


@cache
def _header(reference: str, version: int, lifecycle: Lifecycle | None, originator: str) -> Header:
    made = draft("RadicalisationCase", reference=reference, version=version, lifecycle=lifecycle)
    return composed(made, originator=originator).read_header()


def outcome(item: Resolved) -> str:
    """Return the outcome in a word."""
    if item.event is None:
        return "STALE"
    return item.event.duplicate_kind.value if item.event.duplicate_kind else item.event.kind.value
