"""What a participant can observe on its own topic, and how two worlds differ in it (DESIGN section 8, promise 4).

Rules: two observations are compared whole, record by record: offset, key, every header in its order, every byte of the
value; then the offset at which the topic ends. What may differ, and why, is this and nothing else:

1. Times that a clock gave: ``ce_time``, the broker's time of the participant's own posting in a status, the time of a
   withdrawal. Their length and form must be the same. The broker's timestamp of a record is a clock's too.
2. The text of a pseudonym: it is a keyed hash that means nothing outside the topic. Which of them are equal does mean
   something, so each stands for the place of its first occurrence on the topic.

Ids, positions, traces, fingerprints, the registry's ids, grounds, guards and the decision's id must be equal.
Must not: read anything but the participant's own topic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, Protocol

from kruispunt_schemas import codec, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.records.backbone import Status, Withdrawal

SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

Headers = tuple[tuple[str, bytes], ...]


class Lying(Protocol):
    """A record on a topic, as a client library gives it."""

    def offset(self) -> int | None: ...

    def key(self) -> bytes | None: ...

    def headers(self) -> Any: ...

    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as its owner may see it, without what may differ."""

    offset: int
    key: bytes | None
    headers: Headers
    value: bytes

    def __str__(self) -> str:
        return f"{wire.type_of(self.headers) or '?'} at {self.offset}"


@dataclass(frozen=True, slots=True)
class Observation:
    """A stretch of a topic. end: the offset after its last record, as the broker tells it."""

    records: tuple[Seen, ...]
    end: int


@dataclass
class Observer:
    """Takes the records of one topic in order. places: the pseudonyms met so far."""

    places: dict[str, int] = field(default_factory=dict)

    def see(self, messages: Iterable[Lying]) -> tuple[Seen, ...]:
        """Return records as they are compared."""
        return tuple(self._seen(message) for message in messages)

    def _seen(self, message: Lying) -> Seen:
        headers = tuple((name, raw or b"") for name, raw in message.headers() or ())
        return Seen(
            offset=message.offset() or 0,
            key=message.key(),
            headers=tuple(
                (name, TIME.sub(b"(time)", raw) if name == "ce_time" else raw) for name, raw in headers
            ),
            value=self.value(headers, message.value() or b""),
        )

    def value(self, headers: Headers, value: bytes) -> bytes:
        """Return the bytes of a value without what may differ."""
        schema = schemas.by_fingerprint()[wire.fingerprint_of(dict(headers)) or b""]
        prefix, payload = value[: wire.PREFIX_BYTES], wire.unwrapped(value)
        if schema.name == "Status":
            status = codec.decode(schema, payload, Status)
            return prefix + codec.encode(
                replace(status, posting=replace(status.posting, appended_at=SOME_TIME))
            )
        if schema.name == "Withdrawal":
            return prefix + codec.encode(
                replace(codec.decode(schema, payload, Withdrawal), withdrawn_at=SOME_TIME)
            )
        view = codec.decode_signed(schema, payload)
        passage = view.read_passage()
        assert passage is not None
        assert passage.delivery is not None
        persons = tuple(self._place(name) for name in passage.delivery.persons)
        return (
            prefix
            + view.with_passage(
                replace(passage, delivery=replace(passage.delivery, persons=persons))
            ).encoded()
        )

    def _place(self, pseudonym: str) -> str:
        return f"person {self.places.setdefault(pseudonym, len(self.places))}"


def differences(one: Observation, other: Observation) -> list[str]:
    """Return how two observations of the same participant differ, in words; nothing when they tell the same."""
    found = []
    for left, right in zip_longest(one.records, other.records):
        if left is None or right is None:
            found.append(f"{left or right} is in one world only")
        elif left != right:
            parts = [
                name
                for name in ("offset", "key", "headers", "value")
                if getattr(left, name) != getattr(right, name)
            ]
            found.append(f"{left} differs in {', '.join(parts)}")
    if one.end != other.end:
        found.append(f"the topic ends at {one.end} and at {other.end}")
    return found
