"""Which version a source record becomes: none, the original, a correction or a recall. All pure.

Rules
-----
1. Nothing was published under the reference: the original, unless the record is withdrawn (then nothing).
2. The record says what the latest version says: nothing.
3. It says something else: a correction, one version on; also when a recalled record stands again.
4. It is withdrawn: a recall, one version on, holding the reference and nothing else of the record.

Content is compared by `content_digest`: SHA-256 over type, observed time, classification, handling and sections,
without salts; fields at their default are left out, so that a schema that gains such a field changes nothing.

Must not: read the clock or the box.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import date, datetime
from typing import Final

from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.sections import (
    Context,
    Nature,
    Phenomenon,
    Purpose,
    Sections,
)

from kruispunt_producers.posting_box.kept import Known

RECALL_PURPOSE: Final = "recall"


def next_version(draft: Draft, known: Known | None) -> Draft | None:
    """Return the draft to publish, None when there is nothing to say."""
    withdrawn = draft.lifecycle is Lifecycle.RECALL
    if known is None:
        return None if withdrawn else replace(draft, version=1, lifecycle=Lifecycle.ORIGINAL)
    if withdrawn:
        if known.lifecycle is Lifecycle.RECALL:
            return None
        return recall(draft.reference, known, draft.observed_at)
    if known.lifecycle is not Lifecycle.RECALL and content_digest(draft) == known.content:
        return None
    return replace(draft, version=known.version + 1, lifecycle=Lifecycle.CORRECTION)


def recall(reference: str, known: Known, observed_at: datetime) -> Draft:
    """Return the recall of the latest version; it keeps that version's type and classification."""
    return Draft(
        signal_type=known.signal_type,
        version=known.version + 1,
        lifecycle=Lifecycle.RECALL,
        observed_at=observed_at,
        classification=known.classification,
        sections=recall_sections(reference),
    )


def recall_sections(reference: str) -> Sections:
    """Return what a recall holds: the reference, and fixed words where the schema asks for some."""
    return Sections(
        context=Context(
            reference=reference,
            phenomenon=Phenomenon.RADICALISATION_EXTREMISM_TERRORISM,
            legal_basis="",
            purpose=RECALL_PURPOSE,
            nature=Nature.ADMINISTRATIVE,
            purposes=(Purpose.PREVENTION,),
        )
    )


def content_digest(draft: Draft) -> bytes:
    """Return the SHA-256 of what a draft says."""
    said = {
        "type": draft.signal_type,
        "observed_at": draft.observed_at.isoformat(),
        "classification": draft.classification,
        "handling": sorted(set(draft.handling)),
        "sections": _plain(draft.sections),
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        given = {
            field.name: getattr(value, field.name)
            for field in fields(value)
            if field.name != "salt"
            and (field.default is MISSING or getattr(value, field.name) != field.default)
        }
        return {name: _plain(item) for name, item in given.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
