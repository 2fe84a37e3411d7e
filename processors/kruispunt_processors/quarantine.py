"""The operator's view of ``quarantine``: read it, and send what is quarantined on its way again.

Rules: an entry is named by its id or a prefix of it; the last outcome of a position counts, so an entry whose position
was decided afterwards is still listed here (audit tells the balance). A retry carries the bytes as they were read.
Must not: change bytes, or show content unless asked for the bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from kruispunt_schemas import codec, identity, topics, wire
from kruispunt_schemas.failures import ConfigurationError, UnavailableError
from kruispunt_schemas.records.backbone import QuarantineEntry
from kruispunt_schemas.records.frame import Posting
from kruispunt_schemas.records.judgements import Revision
from kruispunt_schemas.topics import MAX_INTERNAL_BYTES

from kruispunt_processors.engine import records
from kruispunt_processors.retries import retry_headers

ANSWER_SECONDS: Final = 20.0

records.install()


async def entries(brokers: str) -> list[QuarantineEntry]:
    """Return every entry, each id once, oldest first; raise UnavailableError when Kafka does not answer."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=2 * MAX_INTERNAL_BYTES,
    )
    found: dict[str, QuarantineEntry] = {}
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await consumer.start()
            partitions = [
                TopicPartition(topics.QUARANTINE.name, number)
                for number in range(topics.QUARANTINE.partitions)
            ]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            while any([await consumer.position(where) < end for where, end in ends.items()]):
                for messages in (await consumer.getmany(timeout_ms=500)).values():
                    for message in messages:
                        entry = _entry(message.value, message.headers)
                        found[str(entry.entry_id)] = entry
    except (KafkaError, TimeoutError) as error:
        raise UnavailableError(f"quarantine cannot be read ({type(error).__name__})") from None
    finally:
        await consumer.stop()
    return sorted(found.values(), key=lambda entry: entry.posting.appended_at)


def named(found: Iterable[QuarantineEntry], prefix: str) -> QuarantineEntry:
    """Return the one entry whose id or position starts with a prefix; raise ConfigurationError for none or several."""
    matching = [
        entry
        for entry in found
        if str(entry.entry_id).startswith(prefix) or identity.posting_name(entry.posting) == prefix
    ]
    if len(matching) != 1:
        count = "no entry" if not matching else f"{len(matching)} entries"
        raise ConfigurationError(f"{count} named {prefix}: see `kruispunt quarantine list`")
    return matching[0]


async def retry(brokers: str, chosen: Iterable[QuarantineEntry]) -> int:
    """Send entries on their way again and return how many; each goes to the stage that refused it.

    What no participant posted is left where it is, for nobody could say whose it would be; but for a revision, which goes
    after its signal.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=brokers,
        acks="all",
        enable_idempotence=True,
        max_request_size=2 * MAX_INTERNAL_BYTES,
    )
    count = 0
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await producer.start()
            for entry in filter(_is_known, chosen):
                await producer.send_and_wait(
                    topics.RETRY.name,
                    value=entry.value,
                    key=identity.posting_name(_behind(entry)).encode(),
                    headers=retry_headers(entry),
                )
                count += 1
    except (KafkaError, TimeoutError) as error:
        raise UnavailableError(f"retry cannot be written ({type(error).__name__})") from None
    finally:
        await producer.stop()
    return count


def _is_known(entry: QuarantineEntry) -> bool:
    return not topics.is_partition(entry.posting.participant) or entry.record_type == Revision.__name__


def _behind(entry: QuarantineEntry) -> Posting:
    """Return the posting that an entry is about: one key, so that a revision comes after its signal."""
    if entry.record_type != Revision.__name__:
        return entry.posting
    schema = codec.schema_of(wire.fingerprint_of({item.name: item.value for item in entry.headers}))
    return codec.decode(schema, wire.unwrapped(entry.value), Revision).posting


def _entry(value: bytes | None, headers: list[tuple[str, bytes]]) -> QuarantineEntry:
    schema = codec.schema_of(wire.fingerprint_of(wire.header_map(headers)))
    return codec.decode(schema, wire.unwrapped(value), QuarantineEntry)
