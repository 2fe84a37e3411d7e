"""What lies on ``resolved``: signals as resolve hands them on, revisions, and looking a record up by its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.route.routing import Place
from kruispunt_schemas import identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.records.frame import Follower, Passage, Resolution
from kruispunt_schemas.records.judgements import Revision

from tests import drafts
from tests.drafts import BACKBONE, MONDAY, VSSE

OUTBOUND = Outbound("/backbone/test", {schemas.load(name).fingerprint: 1 for name in schemas.TOPIC_TYPES})
REVISED_AT = MONDAY + timedelta(days=1)


class Lying:
    """Records on one partition of ``resolved``, in their order; those in ``gone`` were removed."""

    def __init__(self, messages: Iterable[Incoming] = ()) -> None:
        self.messages = list(messages)
        self.gone: set[int] = set()
        self.asked: list[Place] = []

    def add(self, sent: wire.Message) -> Incoming:
        """Append a message and return it as it is read."""
        self.messages.append(lain(sent, len(self.messages)))
        return self.messages[-1]

    async def look_up(self, places: Iterable[Place]) -> dict[Place, Incoming]:
        """Return what lies at these places."""
        wanted = set(places)
        self.asked += sorted(wanted)
        return {
            (*message.place, message.offset): message
            for message in self.messages
            if (*message.place, message.offset) in wanted and message.offset not in self.gone
        }


def lain(sent: wire.Message, offset: int, topic: str = topics.RESOLVED.name) -> Incoming:
    """Return a message as it is read from partition 0."""
    return Incoming(topic, 0, offset, MONDAY, sent.key, sent.value, wire.header_map(sent.headers))


def followers(*participants: str) -> tuple[Follower, ...]:
    """Return followers, each with an event that is the same every time."""
    return tuple(
        Follower(participant=name, event=identity.derived_id("test", name)) for name in sorted(participants)
    )


def case_key(reference: str = "2026/118") -> bytes:
    """Return the key of a case of VSSE."""
    return identity.case_key(BACKBONE.case, VSSE, reference)


def signal(
    signed: SignedBytes,
    offset: int,
    *following: str,
    persons: Sequence[str] = ("p1",),
    supersedes: tuple[UUID, ...] = (),
) -> wire.Message:
    """Return a signal of VSSE as resolve hands it on; offset: of its posting."""
    at = drafts.posting(VSSE, offset)
    passage = Passage(
        posting=at,
        bundle=drafts.bundle().name,
        case_key=case_key(),
        resolution=Resolution(
            persons=tuple(persons),
            supersedes=supersedes,
            registered_as=identity.event_id(at),
            followers=followers(*following),
        ),
    )
    return OUTBOUND.signed(
        topics.RESOLVED.name,
        case_key(),
        signed.with_passage(passage),
        identifier=str(identity.derived_id("resolved", identity.posting_name(at))),
        time=MONDAY,
        trace=None,
    )


def judgement(number: int) -> UUID:
    """Return the id of a judgement."""
    return UUID(int=7000 + number)


def revision(
    signed: SignedBytes, offset: int, number: int, *following: str, persons: Sequence[str] = ("p1",)
) -> Revision:
    """Return what a judgement says anew of a signal of VSSE."""
    at = drafts.posting(VSSE, offset)
    return Revision(
        revision_id=identity.revision_id(judgement(number), at),
        judgement_id=judgement(number),
        posting=at,
        originator=VSSE,
        signal_id=signed.read_header().signal_id,
        case_key=case_key(),
        bundle=drafts.bundle().name,
        resolution=Resolution(
            persons=tuple(persons),
            supersedes=(),
            registered_as=identity.event_id(at),
            followers=followers(*following),
        ),
        revised_at=REVISED_AT,
    )


def revised(record: Revision) -> wire.Message:
    """Return a revision as a message."""
    return OUTBOUND.record(
        topics.RESOLVED.name,
        record.case_key,
        record,
        identifier=record.revision_id,
        time=record.revised_at,
        trace=None,
    )
