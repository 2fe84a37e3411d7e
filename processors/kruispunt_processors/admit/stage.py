"""The admit stage: shell around `admission`. Reads ``out.*`` and retries, writes admitted, status, access, quarantine.

Rules: it claims nothing and asks no database; signatures are checked in a thread, for they cost more than Faust.
The status goes to the owner of the topic, never to a name in the bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kruispunt_schemas import identity, topics
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.records.backbone import Stage, Status, Verdict
from kruispunt_schemas.wire import Message

from kruispunt_processors.admit.admission import Admitted, Forwarded, Refused, admit
from kruispunt_processors.bundles import BundleRegister
from kruispunt_processors.engine.stage import Incoming, Publisher
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.passing import posting_in, why
from kruispunt_processors.retries import retried


class AdmitStage:
    """See the module."""

    name = "admit"

    def __init__(self, register: BundleRegister, outbound: Outbound, case_secret: bytes) -> None:
        self._register = register
        self._outbound = outbound
        self._case_secret = case_secret

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:
        """Admit, forward or refuse every posting of the batch."""
        await publisher.publish(await asyncio.to_thread(self._outputs, batch))

    async def answers(self) -> None:
        """Admit needs no server beside Kafka."""

    async def corner(
        self, message: Incoming, error: Exception, publisher: Publisher, *, kept: bytes | None
    ) -> None:
        """Refuse the one posting whose admission fails."""
        posting = posting_in(message, Stage.ADMIT)
        if posting is not None:
            refusal = Refused(posting, *why(error), None, None)
            await publisher.publish(self._refused(refusal, message, kept))

    def _outputs(self, batch: Sequence[Incoming]) -> list[Message]:
        messages: list[Message] = []
        for message in batch:
            posting = posting_in(message, Stage.ADMIT)
            if posting is None:
                continue
            if message.topic == topics.RETRY.name and retried(message.headers) is None:
                raise ContractError("retry-headers", "headers", "they do not say what is tried again")
            bundle = self._register.in_force(posting.appended_at)
            outcome = admit(posting, message.value, message.headers, bundle, self._case_secret)
            if isinstance(outcome, Admitted):
                messages.extend(self._admitted(outcome, message))
            elif isinstance(outcome, Forwarded):
                messages.append(self._forwarded(outcome))
            else:
                messages.extend(self._refused(outcome, message, message.value))
        return messages

    def _admitted(self, outcome: Admitted, message: Incoming) -> list[Message]:
        trace = str(message.trace(self.name))
        signal = self._outbound.signed(
            topics.ADMITTED.name,
            outcome.case_key,
            outcome.signed,
            identifier=str(identity.admitted_id(outcome.posting)),
            time=outcome.posting.appended_at,
            trace=trace,
        )
        status = Status(
            output_id=identity.status_id(outcome.posting, Verdict.ACCEPTED),
            posting=outcome.posting,
            record_type=outcome.signed.schema.name,
            signal_id=outcome.header.signal_id,
            verdict=Verdict.ACCEPTED,
        )
        return [signal, self._status(status, trace)]

    def _forwarded(self, outcome: Forwarded) -> Message:
        return self._outbound.signed(
            topics.ACCESS.name,
            outcome.posting.participant.encode(),
            outcome.signed,
            identifier=outcome.identifier,
            time=outcome.posting.appended_at,
            trace=None,
        )

    def _refused(self, outcome: Refused, message: Incoming, kept: bytes | None) -> list[Message]:
        signal_id = outcome.header.signal_id if outcome.header else None
        entry = self._outbound.quarantine(
            Stage.ADMIT,
            outcome.posting,
            reason=outcome.reason,
            field=outcome.field,
            detail=outcome.detail,
            value=kept,
            headers=message.headers,
            record_type=outcome.record_type,
            signal_id=signal_id,
        )
        status = Status(
            output_id=identity.status_id(outcome.posting, Verdict.REFUSED, outcome.reason),
            posting=outcome.posting,
            record_type=outcome.record_type,
            signal_id=signal_id,
            verdict=Verdict.REFUSED,
            reason=outcome.reason,
            field=outcome.field,
        )
        if topics.is_partition(outcome.posting.participant):
            return [entry]
        return [entry, self._status(status, str(message.trace(self.name)))]

    def _status(self, status: Status, trace: str | None) -> Message:
        return self._outbound.record(
            topics.in_topic(status.posting.participant).name,
            None,
            status,
            identifier=status.output_id,
            time=status.posting.appended_at,
            trace=trace,
        )
