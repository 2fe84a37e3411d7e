"""What travels between the stages: how it is read, whose posting it is, and how one message is put aside.

Rules
-----
1. A record of a schema that this release does not know is waited for: admission accepted it, a newer release wrote it.
2. A retry belongs to the stage that its headers name; another stage passes over it.
3. A message cornered goes to quarantine with its bytes and the reason; an error in a decision withholds.

Must not: know what a stage does with a signal.
"""

from __future__ import annotations

from kruispunt_schemas import codec, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError, UnavailableError
from kruispunt_schemas.records.backbone import Stage
from kruispunt_schemas.records.frame import Passage, Posting
from kruispunt_schemas.wire import Message

from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.retries import retried


def signal_of(message: Incoming) -> tuple[SignedBytes, Passage]:
    """Return the signal of an internal topic and its passage; raise ContractError when there is none.

    Raise UnavailableError by rule 1.
    """
    fingerprint = wire.fingerprint_of(message.headers)
    if fingerprint is not None and fingerprint not in schemas.by_fingerprint():
        raise UnavailableError("a newer release wrote this record: bring this worker up to it")
    schema = codec.schema_of(fingerprint)
    signed = codec.decode_signed(schema, wire.unwrapped(message.value))
    passage = signed.read_passage()
    if passage is None:
        raise ContractError("passage", "passage", "it was not admitted")
    return signed, passage


def is_for_another(message: Incoming, stage: Stage) -> bool:
    """Tell whether a message is a retry that this stage passes over."""
    return message.topic == topics.RETRY.name and posting_in(message, stage) is None


def posting_in(message: Incoming, stage: Stage) -> Posting | None:
    """Return the posting behind a message of an internal topic or a retry; None when it cannot be told."""
    if message.topic == topics.RETRY.name:
        again = retried(message.headers)
        return again.posting if again is not None and again.stage is stage else None
    try:
        return signal_of(message)[1].posting
    except ContractError:
        return None


def cornered(
    outbound: Outbound, stage: Stage, posting: Posting, message: Incoming, error: Exception
) -> Message:
    """Return the quarantine entry of the one message that a stage cannot handle."""
    if isinstance(error, ContractError):
        reason, field, detail = error.reason, error.field, error.detail
    else:
        reason, field, detail = "internal-error", "", type(error).__name__
    return outbound.quarantine(
        stage,
        posting,
        reason=reason,
        field=field,
        detail=detail,
        value=message.value,
        headers=message.headers,
    )
