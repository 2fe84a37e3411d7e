"""Make a signal again from the source: stored header and proof, sections anew.

Rules
-----
1. The header and the proof are the stored ones, byte for byte; so is the published time.
2. Each section of the draft gets its derived salt, is encoded under the stored schema, and must meet its commitment.
3. A version that the source no longer has is a value, `Unavailable`, that names the first section that differs.

Must not: sign, or change what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kruispunt_schemas import codec, disclosure, identity
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Lifecycle

from kruispunt_producers.posting_box.kept import Kept
from kruispunt_producers.posting_box.versions import recall_sections


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The source no longer has this version; ``section`` is the first that does not meet its commitment."""

    section: str


def reissue(kept: Kept, draft: Draft | None, secret: bytes) -> SignedBytes | Unavailable:
    """Return the signal as it was published, from what is kept and what the source says now.

    draft: what the adapter makes of the source record today, None when the record is gone (a recall needs none).
    secret: the agency's. Raise ContractError when the schema it was published under is unknown to this program.
    """
    schema = codec.schema_of(kept.fingerprint)
    header = SignedBytes(schema, kept.header, (), kept.proof, None).read_header()
    if header.lifecycle is Lifecycle.RECALL:
        sections = recall_sections(kept.reference)
    elif draft is None or draft.signal_type != schema.name:
        return Unavailable(schema.sections[0])
    else:
        sections = draft.sections
    committed = {item.section: item.digest for item in header.commitments}
    parts: list[tuple[str, bytes | None]] = []
    for name in schema.sections:
        salt = identity.section_salt(secret, kept.identifier, name)
        section = sections.get(name)
        raw = None if section is None else codec.write_part(schema, name, replace(section, salt=salt))
        if disclosure.commitment(schema.name, name, raw, salt) != committed[name]:
            return Unavailable(name)
        parts.append((name, raw))
    return SignedBytes(schema, kept.header, tuple(parts), kept.proof, None)
