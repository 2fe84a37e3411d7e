"""The route stage: claim, publish, mark. Reads ``resolved`` and retries; writes ``in.<recipient>`` and decisions.

Rules: the decision record is claimed before the first view is sent and published with the views; a refusal is a
decision too. Must not: decide anything itself (`routing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import time_ns

from kruispunt_schemas import failpoints, topics, tracing
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import decisions, facts
from kruispunt_schemas.records.backbone import Decision, GroupOutcome, OutputKind, Stage
from kruispunt_schemas.wire import Message
from sqlalchemy.ext.asyncio import AsyncEngine

from kruispunt_processors.bundles import BundleRegister
from kruispunt_processors.database import decided
from kruispunt_processors.database.connection import answers
from kruispunt_processors.database.tables import Position, position
from kruispunt_processors.engine import metrics
from kruispunt_processors.engine.stage import Incoming, Publisher
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.passing import cornered, is_for_another, posting_in, signal_of
from kruispunt_processors.route import routing
from kruispunt_processors.route.routing import Output, Resolved


@dataclass(frozen=True, slots=True)
class Read:
    """A resolved signal as read, with the outcome of every group."""

    message: Incoming
    item: Resolved
    groups: tuple[GroupOutcome, ...]


class RouteStage:
    """See the module. clock: returns aware UTC now."""

    name = "route"

    def __init__(
        self,
        engine: AsyncEngine,
        register: BundleRegister,
        outbound: Outbound,
        pseudonym_key: bytes,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._register = register
        self._outbound = outbound
        self._pseudonym_key = pseudonym_key
        self._clock = clock

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:
        """Decide every signal of the batch once and send what was decided."""
        reads = await asyncio.to_thread(self._read_all, batch)
        if not reads:
            return
        now = self._clock()
        made: dict[Position, list[Output]] = {}

        def decide(item: Resolved, held: decided.Held) -> Decision:
            record, made[position(item.posting)] = routing.decision(
                self._register.named(item.bundle),
                reads[position(item.posting)].groups,
                item,
                held=held,
                now=now,
                pseudonym_key=self._pseudonym_key,
            )
            return record

        claimed = await decided.claim_batch(self._engine, [read.item for read in reads.values()], decide)
        failpoints.reached("stage.claimed")
        owed = {where: item for where, item in claimed.items() if not item.marked}
        began = time_ns()
        await publisher.publish(await asyncio.to_thread(self._messages, reads, owed, made))
        await decided.mark(self._engine, owed)
        metrics.decided(item.decision for item in owed.values())
        if tracing.active():
            self._record_deliveries(reads, owed, (began, time_ns()))

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

    def _read_all(self, batch: Sequence[Incoming]) -> dict[Position, Read]:
        reads: dict[Position, Read] = {}
        for message in batch:
            if is_for_another(message, Stage.ROUTE):
                continue
            item = _resolved(message)
            where = position(item.posting)
            if where not in reads:
                bundle, engine = self._register.named(item.bundle), self._register.engine(item.bundle)
                reads[where] = Read(message, item, routing.outcomes(bundle, engine, item))
        return reads

    def _messages(
        self,
        reads: dict[Position, Read],
        owed: dict[Position, decided.ClaimedDecision],
        made: dict[Position, list[Output]],
    ) -> list[Message]:
        """Return what is sent; what was claimed by an earlier try is made again from the decision claimed."""
        messages: list[Message] = []
        for where, read in reads.items():
            claimed = owed.get(where)
            if claimed is None:
                continue
            record = claimed.decision
            outputs = made.get(where)
            if outputs is None:
                bundle = self._register.named(record.bundle)
                outputs = routing.outputs(bundle, record, read.item, self._pseudonym_key)
            messages.extend(self._output(output, record) for output in outputs)
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
        reads: dict[Position, Read],
        owed: dict[Position, decided.ClaimedDecision],
        times: tuple[int, int],
    ) -> None:
        """Record a span for each delivery, in its own trace; it links to the span of its signal."""
        for where, item in owed.items():
            of_signal = reads[where].message.trace(self.name)
            for output in item.decision.outputs:
                context = tracing.of_output(decisions.output_id(item.decision, output))
                record_type = item.decision.signal_type if output.kind is OutputKind.VIEW else "Withdrawal"
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


def _resolved(message: Incoming) -> Resolved:
    signed, passage = signal_of(message)
    if (
        passage.posting is None
        or passage.bundle is None
        or passage.case_key is None
        or passage.resolution is None
    ):
        raise ContractError("passage", "passage.resolution", "it was not resolved")
    return Resolved(
        posting=passage.posting,
        signed=signed,
        header=signed.read_header(),
        sections=signed.read_sections(*facts.SECTIONS),
        bundle=passage.bundle,
        case_key=passage.case_key,
        resolution=passage.resolution,
    )
