"""What route reads: a resolved signal, or a revision of one decided before.

Rule: a revision's place is where it lay on its topic; of a retry that is what its headers say, for the order of rounds is
that of the partition (`database.decided`). Must not: decide, or look into a section that no fact comes from.
"""

from __future__ import annotations

from kruispunt_schemas import topics
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import facts
from kruispunt_schemas.records.backbone import Stage

from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.passing import posting_in, revision_of, signal_of
from kruispunt_processors.route.again import Revised
from kruispunt_processors.route.routing import Place, Resolved


def read(message: Incoming) -> Resolved | Revised:
    """Return what a message holds; raise ContractError when it is neither, AwaitedError when a newer release wrote it."""
    revision = revision_of(message)
    return resolved(message) if revision is None else Revised(revision, _place(message))


def resolved(message: Incoming) -> Resolved:
    """Return the resolved signal that a message holds; raise ContractError when there is none."""
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
        place=(message.topic, message.partition, message.offset),
    )


def _place(message: Incoming) -> Place:
    if message.topic != topics.RETRY.name:
        return message.topic, message.partition, message.offset
    posting = posting_in(message, Stage.ROUTE)
    if posting is None or not topics.is_partition(posting.participant):
        raise ContractError("retry-headers", "headers", "it does not say where the revision lay")
    topic, _, partition = posting.participant.rpartition(".")
    return topic, int(partition), posting.offset
