"""The route stage: claim, publish, mark. Reads ``resolved`` and retries; writes ``in.<recipient>`` and decisions.

Rules: the decision record is claimed before the first view is sent and published with the views; a refusal is a
decision too. What a judgement asks for is decided again with the content that lay on the topic, as far as it still does.
Must not: decide anything itself (`routing`, `again`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from time import time_ns
from typing import Final

from kruispunt_schemas import failpoints, topics, tracing
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.records.backbone import Decision, GroupOutcome, OutputKind, Stage
from kruispunt_schemas.wire import Message
from sqlalchemy.ext.asyncio import AsyncEngine

from kruispunt_processors.bundles import BundleRegister
from kruispunt_processors.database import decided
from kruispunt_processors.database.connection import answers
from kruispunt_processors.database.decided import ClaimedDecision, Item, key_of
from kruispunt_processors.database.tables import FIRST, DecisionKey, Position, position
from kruispunt_processors.engine import metrics
from kruispunt_processors.engine.stage import Incoming, Publisher
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.passing import cornered, is_for_another, posting_in
from kruispunt_processors.route import reading, routing
from kruispunt_processors.route.again import Revised
from kruispunt_processors.route.lookup import Lookup
from kruispunt_processors.route.routing import Output, Resolved
from kruispunt_processors.route.work import Read, Work, in_parts


class RouteStage:
    """See the module. lookup: gives records again by their place; clock: returns aware UTC now."""

    name = "route"

    def __init__(
        self,
        engine: AsyncEngine,
        register: BundleRegister,
        outbound: Outbound,
        pseudonym_key: bytes,
        lookup: Lookup,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._register = register
        self._outbound = outbound
        self._pseudonym_key = pseudonym_key
        self._lookup = lookup
        self._clock = clock

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:
        """Decide every signal and revision of the batch once and send what was decided."""
        for reads in in_parts(await asyncio.to_thread(self._read_all, batch)):
            await self._handle(reads, publisher)

    async def answers(self) -> None:
        """Raise UnavailableError when PostgreSQL does not answer."""
        await answers(self._engine)

    async def corner(
        self, message: Incoming, error: Exception, publisher: Publisher, *, kept: bytes | None
    ) -> None:
        """Put the one message that cannot be decided into quarantine: an error in a decision withholds."""
        posting = posting_in(message, Stage.ROUTE)
        if posting is not None:
            await publisher.publish([cornered(self._outbound, Stage.ROUTE, posting, message, error, kept)])

    async def _handle(self, reads: dict[DecisionKey, Read], publisher: Publisher) -> None:
        work = Work(reads, await self._contents(reads), self._register, self._pseudonym_key, self._clock())
        claimed = await decided.claim_batch(self._engine, [read.item for read in reads.values()], work)
        failpoints.reached("stage.claimed")
        owed = {key: item for key, item in claimed.items() if not item.marked}
        began = time_ns()
        await publisher.publish(await asyncio.to_thread(self._messages, work, owed))
        await decided.mark(self._engine, owed)
        metrics.decided(item.decision for item in owed.values())
        if tracing.active():
            self._record_deliveries(reads, owed, (began, time_ns()))

    def _read_all(self, batch: Sequence[Incoming]) -> dict[DecisionKey, Read]:
        reads: dict[DecisionKey, Read] = {}
        for message in batch:
            if is_for_another(message, Stage.ROUTE):
                continue
            item = reading.read(message)
            key = key_of(item)
            if key not in reads:
                reads[key] = Read(message, item, self._groups(item))
        return reads

    def _groups(self, item: Item) -> tuple[GroupOutcome, ...]:
        """Return the groups of a signal; of a revision they follow from the first decision, which the claim knows."""
        if isinstance(item, Revised):
            self._register.named(item.revision.bundle)
            return ()
        return routing.outcomes(self._register.named(item.bundle), self._register.engine(item.bundle), item)

    async def _contents(self, reads: dict[DecisionKey, Read]) -> dict[Position, Resolved]:
        """Return the signals that are decided again: from this very batch, else from where they lay."""
        found: dict[Position, Resolved] = {}
        elsewhere: set[Position] = set()
        for read in reads.values():
            if isinstance(read.item, Revised):
                where = position(read.item.posting)
                signal = reads.get((*where, FIRST))
                if signal is not None and isinstance(signal.item, Resolved):
                    found[where] = signal.item
                else:
                    elsewhere.add(where)
        if elsewhere:
            places = await decided.places(self._engine, elsewhere)
            records = await self._lookup(places.values())
            for where, place in places.items():
                if place in records:
                    found[where] = reading.resolved(records[place])
        return found

    def _messages(self, work: Work, owed: dict[DecisionKey, ClaimedDecision]) -> list[Message]:
        messages: list[Message] = []
        for key, read in work.reads.items():
            claimed = owed.get(key)
            if claimed is None:
                continue
            record = claimed.decision
            messages.extend(self._output(output, record) for output in work.outputs(read.item, claimed))
            messages.append(
                self._outbound.encoded(
                    topics.DECISIONS.name,
                    record.case_key,
                    schemas.load("Decision"),
                    claimed.payload,
                    identifier=str(record.decision_id),
                    time=record.decided_at,
                    trace=None,
                )
            )
        return messages

    def _record_deliveries(
        self,
        reads: dict[DecisionKey, Read],
        owed: dict[DecisionKey, ClaimedDecision],
        times: tuple[int, int],
    ) -> None:
        """Record a span for each delivery, in its own trace; it links to the span of its signal."""
        for key, item in owed.items():
            of_signal = reads[key].message.trace(self.name)
            for output in item.decision.outputs:
                if output.kind is OutputKind.OWED:
                    continue
                context = tracing.of_output(decisions.output_id(item.decision, output))
                record_type = _TYPES.get(output.kind, item.decision.signal_type)
                tracing.record("deliver", context, times=times, record_type=record_type, links=[of_signal])

    def _output(self, output: Output, record: Decision) -> Message:
        return self._outbound.encoded(
            topics.in_topic(output.recipient).name,
            None,
            output.schema,
            output.payload,
            identifier=str(output.output_id),
            time=record.decided_at,
            trace=str(tracing.of_output(output.output_id)),
        )


_TYPES: Final = {OutputKind.WITHDRAWAL: "Withdrawal", OutputKind.PSEUDONYMS: "PseudonymChange"}
"""The record that an output is; a view is one of the signal's type."""
