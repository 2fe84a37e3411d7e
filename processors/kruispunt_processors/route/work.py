"""What route decides together: what was read, and what is made of it, until it is sent.

Rule: what is decided is kept with what it sends; what an earlier try claimed is made again from the claim. Must not: ask a
server, or send.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas.records.backbone import Decision, GroupOutcome

from kruispunt_processors.bundles import BundleRegister
from kruispunt_processors.database.decided import ClaimedDecision, Held, Item, key_of
from kruispunt_processors.database.tables import DecisionKey, Position, position
from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.route import again, routing
from kruispunt_processors.route.again import Earlier, Revised
from kruispunt_processors.route.routing import Output, Resolved

AGAIN_AT_ONCE: Final = 32
"""Revisions whose content is in memory at a time: a record has up to 7 MiB."""


@dataclass(frozen=True, slots=True)
class Read:
    """A message as read; groups: of a signal the outcome of every group."""

    message: Incoming
    item: Item
    groups: tuple[GroupOutcome, ...] = ()


@dataclass(slots=True)
class Work:
    """What is decided together, in the order of arrival: makes the decisions, and keeps what is sent for each.

    contents: by position the signals that are decided again, as far as they are not gone.
    """

    reads: dict[DecisionKey, Read]
    contents: dict[Position, Resolved]
    register: BundleRegister
    pseudonym_key: bytes
    now: datetime
    made: dict[DecisionKey, list[Output]] = field(default_factory=dict)

    def first(self, item: Resolved, held: Held, rounds: tuple[UUID, ...]) -> Decision:
        """Return the first decision of a version; see `decided.Deciding`."""
        record, self.made[key_of(item)] = routing.decision(
            self.register.named(item.bundle),
            self.reads[key_of(item)].groups,
            item,
            held=held,
            rounds=rounds,
            now=self.now,
            pseudonym_key=self.pseudonym_key,
        )
        return record

    def again(self, item: Revised, earlier: Earlier) -> Decision:
        """Return a decision again; see `decided.Deciding`."""
        bundle = item.revision.bundle
        record, self.made[key_of(item)] = again.decision(
            self.register.named(bundle),
            self.register.engine(bundle),
            item,
            earlier,
            self.contents.get(position(item.posting)),
            now=self.now,
            pseudonym_key=self.pseudonym_key,
        )
        return record

    def outputs(self, item: Item, claimed: ClaimedDecision) -> list[Output]:
        """Return what is sent; what was claimed by an earlier try is made again from the decision claimed."""
        found = self.made.get(key_of(item))
        if found is not None:
            return found
        record = claimed.decision
        bundle = self.register.named(record.bundle)
        if isinstance(item, Resolved):
            return routing.outputs(bundle, record, item, self.pseudonym_key)
        content = self.contents.get(position(item.posting))
        return again.outputs(bundle, record, item, claimed.earlier, content, self.pseudonym_key)


def in_parts(reads: dict[DecisionKey, Read]) -> Iterator[dict[DecisionKey, Read]]:
    """Cut what was read, in its order, so that no part has more than `AGAIN_AT_ONCE` revisions."""
    part: dict[DecisionKey, Read] = {}
    revisions = 0
    for key, read in reads.items():
        revised = isinstance(read.item, Revised)
        if revised and revisions == AGAIN_AT_ONCE:
            yield part
            part, revisions = {}, 0
        part[key] = read
        revisions += revised
    if part:
        yield part
