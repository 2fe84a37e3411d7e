"""The resolve stage: claim, publish, mark. Reads ``admitted`` and retries; writes resolved, repertory, reviews.

Rules: what is published comes from the claim and from the input's own bytes; a claim that is marked publishes nothing
again. A version that came too late goes to quarantine (``stale-version``). Must not: decide anything itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kruispunt_schemas import failpoints, identity, topics
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.keys import BackboneKeys
from kruispunt_schemas.records.backbone import RepertoryEvent, RepertoryKind, Stage
from kruispunt_schemas.records.frame import Classification, Passage, Resolution
from kruispunt_schemas.wire import Message
from sqlalchemy.ext.asyncio import AsyncEngine

from kruispunt_processors.database import claims
from kruispunt_processors.database.claims import Claimed
from kruispunt_processors.database.connection import answers
from kruispunt_processors.database.directory import KeysInForce, RenewedError
from kruispunt_processors.database.tables import Position, position
from kruispunt_processors.engine import metrics
from kruispunt_processors.engine.stage import Incoming, Publisher
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.passing import cornered, is_for_another, posting_in, signal_of
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.resolve import content
from kruispunt_processors.resolve.resolution import Candidate


@dataclass(frozen=True, slots=True)
class Read:
    """An admitted signal as read: the message, its bytes, and the candidate made of it."""

    message: Incoming
    signed: SignedBytes
    candidate: Candidate


class ResolveStage:
    """See the module. keys: reads the backbone's keys as they are now. clock: returns aware UTC now."""

    name = "resolve"

    def __init__(
        self,
        engine: AsyncEngine,
        outbound: Outbound,
        keys: Callable[[], BackboneKeys],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._outbound = outbound
        self._read_keys = keys
        self._content_key = keys().content
        self._keyring = Keyring.newest(keys())
        self._clock = clock

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:
        """Resolve every signal of the batch once."""
        reads = await asyncio.to_thread(self._read_all, batch)
        if not reads:
            return
        candidates = [item.candidate for item in reads.values()]
        claimed = await self._claim(candidates)
        failpoints.reached("stage.claimed")
        owed = {where: item for where, item in claimed.items() if not item.marked}
        await publisher.publish(
            [
                message
                for where in reads
                if where in owed
                for message in self._outputs(reads[where], owed[where])
            ]
        )
        await claims.mark(self._engine, owed)
        metrics.resolved(item.event for item in owed.values())

    async def answers(self) -> None:
        """Raise UnavailableError when PostgreSQL does not answer, or has keys of persons in force that are not here."""
        await answers(self._engine)
        await self._renew(await claims.keys_in_force(self._engine))

    async def _claim(self, candidates: Sequence[Candidate]) -> dict[Position, Claimed]:
        """Claim; where other keys are in force take those, and let the batch be tried again."""
        try:
            return await claims.claim_batch(self._engine, candidates, self._clock(), self._keyring)
        except RenewedError as error:
            await self._renew(error.in_force)
            raise

    async def _renew(self, keys: KeysInForce) -> None:
        """Take the keys in force; raise UnavailableError when they are not here."""
        if (keys.current, keys.retiring) != (self._keyring.key_id, self._keyring.retiring):
            found = await asyncio.to_thread(self._read_keys)
            self._keyring = Keyring(found, keys.current, keys.retiring)

    async def corner(
        self, message: Incoming, error: Exception, publisher: Publisher, *, kept: bytes | None
    ) -> None:
        """Put the one message that cannot be resolved into quarantine."""
        posting = posting_in(message, Stage.RESOLVE)
        if posting is not None:
            await claims.set_aside(self._engine, position(posting))
            await publisher.publish([cornered(self._outbound, Stage.RESOLVE, posting, message, error, kept)])

    def _read_all(self, batch: Sequence[Incoming]) -> dict[Position, Read]:
        reads: dict[Position, Read] = {}
        for message in batch:
            if is_for_another(message, Stage.RESOLVE):
                continue
            read = self._read(message)
            reads.setdefault(position(read.candidate.posting), read)
        return reads

    def _read(self, message: Incoming) -> Read:
        signed, passage = signal_of(message)
        if passage.posting is None or passage.bundle is None or passage.case_key is None:
            raise ContractError("passage", "passage.posting", "it was not admitted")
        header = signed.read_header()
        unclassified = header.classification is Classification.UNCLASSIFIED
        subject = signed.read_sections("subject").subject if unclassified else None
        mention = self._keyring.mention(subject, passage.posting)
        candidate = Candidate(
            place=message.place,
            posting=passage.posting,
            header=header,
            bundle=passage.bundle,
            case_key=passage.case_key,
            content_fingerprint=content.fingerprint(self._content_key, signed, header),
            mention=mention,
        )
        return Read(message, signed, candidate)

    def _outputs(self, read: Read, claimed: Claimed) -> list[Message]:
        trace = str(read.message.trace(self.name))
        event = claimed.event
        if event is None:
            return [self._stale(read)]
        messages: list[Message] = []
        if event.kind is RepertoryKind.REGISTERED:
            messages.append(self._resolved(read, event, trace))
        messages.append(
            self._outbound.record(
                topics.REPERTORY.name,
                (event.persons[0].reference.encode() if event.persons else event.canonical_case_key),
                event,
                identifier=event.event_id,
                time=event.registered_at,
                trace=trace,
            )
        )
        if claimed.review is not None:
            messages.append(
                self._outbound.record(
                    topics.REVIEWS.name,
                    str(claimed.review.review_id).encode(),
                    claimed.review,
                    identifier=claimed.review.review_id,
                    time=claimed.review.raised_at,
                    trace=trace,
                )
            )
        return messages

    def _resolved(self, read: Read, event: RepertoryEvent, trace: str | None) -> Message:
        resolution = Resolution(
            persons=tuple(sorted(row.reference for row in event.persons)),
            supersedes=event.supersedes,
            registered_as=event.event_id,
            followers=event.followers,
        )
        passage = Passage(
            posting=event.posting,
            bundle=event.bundle,
            case_key=event.canonical_case_key,
            resolution=resolution,
        )
        return self._outbound.signed(
            topics.RESOLVED.name,
            event.canonical_case_key,
            read.signed.with_passage(passage),
            identifier=str(identity.derived_id("resolved", identity.posting_name(event.posting))),
            time=event.registered_at,
            trace=trace,
        )

    def _stale(self, read: Read) -> Message:
        candidate = read.candidate
        return self._outbound.quarantine(
            Stage.RESOLVE,
            candidate.posting,
            reason="stale-version",
            field="header.version",
            detail="a version that is not older is known already",
            value=read.message.value,
            headers=read.message.headers,
            record_type=candidate.header.signal_type,
            signal_id=candidate.header.signal_id,
            bundle=candidate.bundle,
        )
