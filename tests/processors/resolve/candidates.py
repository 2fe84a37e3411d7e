"""Candidates as resolve sees them, without content."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from typing import Any

from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.resolve.resolution import Candidate, Resolved
from kruispunt_schemas import identity
from kruispunt_schemas.records.frame import Header, Lifecycle
from kruispunt_schemas.records.sections import Subject

from tests import drafts
from tests.drafts import BACKBONE, VSSE, composed, draft

KEYRING = Keyring.newest(BACKBONE)


def candidate(
    reference: str,
    content: str | None,
    offset: int,
    *,
    version: int = 1,
    lifecycle: Lifecycle | None = None,
    originator: str = VSSE,
    person: bytes | Subject | None = None,
    partition: int = 0,
    keyring: Keyring = KEYRING,
    **header: Any,
) -> Candidate:
    """Return a candidate; content None for a recall, person: the subject, or what stands for one of its own."""
    if content is None:
        lifecycle = Lifecycle.RECALL
    at = drafts.posting(originator, offset)
    subject = someone(person) if isinstance(person, bytes) else person
    return Candidate(
        place=("admitted", partition),
        posting=at,
        header=replace(_header(reference, version, lifecycle, originator), **header),
        bundle="b" * 64,
        case_key=identity.case_key(BACKBONE.case, originator, reference),
        content_fingerprint=None
        if content is None
        else hashlib.sha256(f"{originator}{content}".encode()).digest(),
        mention=keyring.mention(subject, at),
    )


@cache
def someone(seed: bytes) -> Subject:
    """Return a person of whom name and date of birth are nobody else's."""
    digest = hashlib.sha256(seed).digest()
    letters = "".join(chr(ord("a") + byte % 26) for byte in digest)
    birth = (1950 + digest[0] % 60, 1 + digest[1] % 12, 1 + digest[2] % 28)
    return drafts.person(letters[:12].title(), letters[12:20].title(), particle="", birth=birth)


@cache
def _header(reference: str, version: int, lifecycle: Lifecycle | None, originator: str) -> Header:
    made = draft("RadicalisationCase", reference=reference, version=version, lifecycle=lifecycle)
    return composed(made, originator=originator).read_header()


def outcome(item: Resolved) -> str:
    """Return the outcome in a word."""
    if item.event is None:
        return "STALE"
    return item.event.duplicate_kind.value if item.event.duplicate_kind else item.event.kind.value
