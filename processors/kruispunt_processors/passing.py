"""What travels between the stages: how it is read, whose posting it is, and how one message is put aside.

Rules
-----
1. A record of a schema that this release does not know is waited for: admission accepted it, a newer release wrote it.
2. A retry belongs to the stage that its headers name; another stage passes over it.
3. A message cornered goes to quarantine with its bytes and the reason; an error in a decision withholds.
4. A record that names no posting (only the backbone writes there, so it should not be) goes to quarantine under the
   place where it lay; a retry whose headers are damaged is admit's.
5. So does a revision: its signal was not refused. The entry says that it is one, and of which signal; a retry of it
   keeps the place.

Must not: know what a stage does with a signal.
"""

from __future__ import annotations

from kruispunt_schemas import codec, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import AwaitedError, ContractError
from kruispunt_schemas.reasons import INTERNAL_ERROR
from kruispunt_schemas.records.backbone import Stage
from kruispunt_schemas.records.frame import Passage, Posting
from kruispunt_schemas.records.judgements import Revision
from kruispunt_schemas.schema import RecordSchema
from kruispunt_schemas.wire import Message

from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.retries import posting_of, retried


def signal_of(message: Incoming) -> tuple[SignedBytes, Passage]:
    """Return the signal of an internal topic and its passage; raise ContractError when there is none.

    Raise AwaitedError by rule 1.
    """
    signed = codec.decode_signed(schema_of(message), wire.unwrapped(message.value), trusted=True)
    passage = signed.read_passage()
    if passage is None:
        raise ContractError("passage", "passage", "it was not admitted")
    return signed, passage


def schema_of(message: Incoming) -> RecordSchema:
    """Return the schema of a record between the stages; raise AwaitedError by rule 1, ContractError when it names none."""
    fingerprint = wire.fingerprint_of(message.headers)
    if fingerprint is not None and fingerprint not in schemas.by_fingerprint():
        raise AwaitedError("a newer release wrote this record: bring this worker up to it")
    return codec.schema_of(fingerprint)


def revision_of(message: Incoming) -> Revision | None:
    """Return the revision that a message is, None when it is none; raise AwaitedError by rule 1, else ContractError."""
    schema = schema_of(message)
    if schema.name != Revision.__name__:
        return None
    return codec.decode(schema, wire.unwrapped(message.value), Revision)


def is_for_another(message: Incoming, stage: Stage) -> bool:
    """Tell whether a message is a retry that this stage passes over."""
    return message.topic == topics.RETRY.name and posting_in(message, stage) is None


def posting_in(message: Incoming, stage: Stage) -> Posting | None:
    """Return the posting behind a message, or its own place (rule 4); None for a retry that another stage owns."""
    if message.topic == topics.RETRY.name:
        again = retried(message.headers)
        if again is None:
            return stray(message) if stage is Stage.ADMIT else None
        return again.posting if again.stage is stage else None
    if message.topic.startswith(topics.OUT_PREFIX):
        return posting_of(message.topic, message.offset, message.appended_at)
    try:
        return signal_of(message)[1].posting or stray(message)
    except (ContractError, AwaitedError):
        return stray(message)


def stray(message: Incoming) -> Posting:
    """Return the place of a record that names no posting: a name that no participant can have, and the offset."""
    return Posting(
        participant=topics.partition_name(message.topic, message.partition),
        offset=message.offset,
        appended_at=message.appended_at,
    )


def cornered(
    outbound: Outbound,
    stage: Stage,
    posting: Posting,
    message: Incoming,
    error: Exception,
    kept: bytes | None,
) -> Message:
    """Return the quarantine entry of the one message that a stage cannot handle. kept: its bytes."""
    reason, field, detail = why(error)
    revision = _revision_in(message)
    return outbound.quarantine(
        stage,
        posting,
        reason=reason,
        field=field,
        detail=detail,
        value=kept,
        headers=message.headers,
        record_type=None if revision is None else Revision.__name__,
        signal_id=None if revision is None else revision.signal_id,
        bundle=None if revision is None else revision.bundle,
    )


def _revision_in(message: Incoming) -> Revision | None:
    try:
        return revision_of(message)
    except (ContractError, AwaitedError):
        return None


def why(error: Exception) -> tuple[str, str, str]:
    """Return reason, field and detail of what a message is cornered for: of a foreign error its type alone."""
    if isinstance(error, ContractError):
        return error.reason, error.field, error.detail
    return INTERNAL_ERROR, "", type(error).__name__
