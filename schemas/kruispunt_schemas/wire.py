r"""How a record travels on Kafka: Confluent wire format, CloudEvents headers, W3C trace context.

Rules
-----
1. Value: 0x00, the registry's id (4 bytes, big endian), Avro bytes. The id is for tools; it decides nothing.
2. ``ce_dataschema`` names the schema by its SHA-256 fingerprint: that is how programs choose a schema.
3. CloudEvents 1.0 Kafka binding, binary mode: ``content-type`` and ``ce_`` headers. ``ce_id`` is the record's id.
4. No content of a signal in a header or a message key.
5. A header's name ends at its first NUL, for librdkafka reads no further; of one name the last value counts. Bytes that
   are not UTF-8 are written as ``\xNN``. A posting with a backslash in a name is refused (`check_names`), so that
   bytes and what is written for them are never taken for each other.

Must not: look up an id (`registry`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.schema import NAMESPACE, RecordSchema

MAGIC: Final = b"\x00"
PREFIX_BYTES: Final = 5
FINGERPRINT_URN: Final = "urn:kruispunt:schema:sha256:"
NAME_ERRORS: Final = "backslashreplace"
"""How the bytes of a header's name that are not UTF-8 are written (rule 5)."""
UNREADABLE: Final = (("\\", b""),)
"""Headers of which a client library gives none, because the name of one is not UTF-8."""

_TRACEPARENT: Final = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TYPE_PREFIX: Final = f"{NAMESPACE}.".encode()

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Message:
    """A record ready to be sent."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers


def wrapped(wire_id: int, payload: bytes) -> bytes:
    """Return Avro bytes in the Confluent wire format."""
    return MAGIC + wire_id.to_bytes(4, "big") + payload


def unwrapped(value: bytes | None) -> bytes:
    """Return the Avro bytes of a value; raise ContractError when it is not in the wire format."""
    if not value:
        raise ContractError("empty", "", "the value is empty")
    if not value.startswith(MAGIC) or len(value) < PREFIX_BYTES:
        raise ContractError("wire-format", "", "it does not start with 0x00 and a schema id")
    return value[PREFIX_BYTES:]


def envelope(
    schema: RecordSchema, *, identifier: str, source: str, time: datetime, traceparent: str | None
) -> Headers:
    """Return the headers of a record. source: ``/participants/NAME`` or ``/backbone/STAGE``."""
    headers = {
        "content-type": "application/avro",
        "ce_specversion": "1.0",
        "ce_id": identifier,
        "ce_source": source,
        "ce_type": f"{NAMESPACE}.{schema.name}",
        "ce_time": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "ce_dataschema": FINGERPRINT_URN + schema.fingerprint.hex(),
    }
    if traceparent is not None:
        headers["traceparent"] = traceparent
    return [(name, value.encode()) for name, value in headers.items()]


def header_map(
    headers: Iterable[tuple[str, bytes | str | None]] | Mapping[str, bytes | str | None] | None,
) -> dict[str, bytes]:
    """Return headers by name, whatever shape a client library gives them (rule 5)."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return {
        name.partition("\0")[0]: value.encode() if isinstance(value, str) else value or b""
        for name, value in pairs
    }


def check_names(headers: Iterable[str]) -> None:
    """Raise ContractError when the name of a header is no text, by rule 5."""
    if any("\\" in name for name in headers):
        raise ContractError(
            "header-name", "headers", "the name of a header is not UTF-8, or holds a backslash"
        )


def fingerprint_of(headers: Mapping[str, bytes]) -> bytes | None:
    """Return the schema fingerprint that the headers name, None when they name none or no valid one."""
    text = headers.get("ce_dataschema", b"").decode("ascii", "replace")
    if not text.startswith(FINGERPRINT_URN):
        return None
    try:
        value = bytes.fromhex(text.removeprefix(FINGERPRINT_URN))
    except ValueError:
        return None
    return value if len(value) == 32 else None


def traceparent_of(headers: Mapping[str, bytes]) -> str | None:
    """Return the W3C trace parent, None when absent or malformed (version 00, ids that are not all zeros)."""
    text = headers.get("traceparent")
    return text.decode("ascii") if text is not None and _TRACEPARENT.fullmatch(text) else None


def type_of(headers: Iterable[tuple[str, bytes]]) -> str:
    """Return the type of record that an envelope names; '' when it names none."""
    name = next((value for header, value in headers if header == "ce_type"), b"")
    return name[len(_TYPE_PREFIX) :].decode("ascii", "replace") if name.startswith(_TYPE_PREFIX) else ""
