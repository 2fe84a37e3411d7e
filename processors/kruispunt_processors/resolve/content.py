"""The content of a signal as one keyed hash: equal for the same content under another reference.

Rule (CONTRACT section 4): over all sections, distribution, classification and handling, without salts, reference,
version and times. Keyed, for a plain hash of a short content can be guessed. A recall has no content.
Must not: keep or show the content.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Final

from kruispunt_schemas import codec, framing, identity
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.framing import framed
from kruispunt_schemas.records.frame import Header, Lifecycle
from kruispunt_schemas.records.sections import Sections

_NO_SALT: Final = bytes(identity.SALT_BYTES)


def fingerprint(key: bytes, signed: SignedBytes, header: Header, sections: Sections) -> bytes | None:
    """Return the keyed hash of a signal's content, 32 bytes; None for a recall."""
    if header.lifecycle is Lifecycle.RECALL:
        return None
    parts = [
        framing.CONTENT_TAG,
        header.signal_type.encode(),
        header.classification.value.encode(),
        " ".join(header.handling).encode(),
    ]
    for name in signed.schema.sections:
        section = sections.get(name)
        if section is None:
            continue
        bare = replace(section, salt=_NO_SALT)
        if sections.context is not None and section is sections.context:
            bare = replace(sections.context, salt=_NO_SALT, reference="")
        parts += [name.encode(), codec.write_part(signed.schema, name, bare)]
    return hmac.digest(key, framed(*parts), "sha256")
