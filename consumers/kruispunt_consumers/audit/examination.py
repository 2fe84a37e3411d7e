"""The whole examination, fed with records topic by topic; no Kafka.

Rule: the order of `PHASES` is what makes one pass enough. Policies first; then what an operator retried; then what the
backbone says of each posting; then the postings, whose bytes can be let go one by one; last what was delivered.

Must not: read a topic or a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from kruispunt_schemas import codec, topics
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.records.backbone import BundleActivation, BundleContent

from kruispunt_consumers.audit import reading
from kruispunt_consumers.audit.balance import Verdict, verdict_of
from kruispunt_consumers.audit.closing import Closing
from kruispunt_consumers.audit.deliveries import DeliveryExamination
from kruispunt_consumers.audit.endings import Endings
from kruispunt_consumers.audit.findings import Docket, Patience, Rule
from kruispunt_consumers.audit.holdings import HoldingExamination
from kruispunt_consumers.audit.inforce import BundlesInForce
from kruispunt_consumers.audit.ledger import Ledger, Scope
from kruispunt_consumers.audit.postings import PostingExamination
from kruispunt_consumers.topic_record import Extent, TopicRecord

BACKBONE: Final = (
    topics.REPERTORY.name,
    topics.DECISIONS.name,
    topics.ACCESS.name,
    topics.QUARANTINE.name,
    topics.ADMITTED.name,
    topics.RESOLVED.name,
)
EVERYBODY: Final = Scope()


def phases(names: Iterable[str], scope: Scope = EVERYBODY) -> tuple[tuple[str, ...], ...]:
    """Return the topics to read, in the order to read them; topics of one phase may be read together."""
    known = sorted(names)
    return (
        _present(known, (topics.BUNDLES.name,)),
        _present(known, (topics.RETRY.name,)),
        _present(known, BACKBONE),
        tuple(
            name
            for name in known
            if name.startswith(topics.OUT_PREFIX)
            and (scope.participants is None or topics.owner(name) in scope.participants)
        ),
        tuple(name for name in known if name.startswith(topics.IN_PREFIX)),
    )


class Examination:
    """Takes records in the order of `phases`, then gives the verdict."""

    def __init__(self, patience: Patience, scope: Scope = EVERYBODY) -> None:
        self._docket = Docket(patience)
        self._scope = scope
        self._ledger = Ledger(self._docket)
        self._bundles = BundlesInForce(self._docket)
        self._postings = PostingExamination(self._docket, self._ledger, self._bundles, scope)
        self._deliveries: DeliveryExamination | None = None
        self._records = 0
        ledger = self._ledger
        self._takers: dict[str, Callable[[TopicRecord], None]] = {
            topics.BUNDLES.name: self._bundle,
            topics.RETRY.name: self._retry,
            topics.REPERTORY.name: lambda item: ledger.register(reading.registered(item)),
            topics.DECISIONS.name: lambda item: ledger.decide(reading.decided(item)),
            topics.ACCESS.name: lambda item: ledger.enter(
                ledger.accessed, reading.accessed(item), item.topic
            ),
            topics.QUARANTINE.name: self._refusal,
            topics.ADMITTED.name: lambda item: ledger.enter(
                ledger.admitted, reading.passed(item, resolved=False), item.topic
            ),
            topics.RESOLVED.name: lambda item: ledger.resolve(reading.passed(item, resolved=True)),
        }

    def take(self, record: TopicRecord) -> None:
        """Take one record."""
        self._records += 1
        if record.topic.startswith(topics.OUT_PREFIX):
            self._postings.examine(record)
        elif record.topic.startswith(topics.IN_PREFIX):
            self._delivery_examination().examine(record)
        elif (taker := self._takers.get(record.topic)) is not None:
            try:
                taker(record)
            except ContractError as error:
                self._docket.fail(Rule.RECORDS_SOUND, record.place, f"it cannot be read ({error.reason})")

    def close(self, extents: Sequence[Extent]) -> Verdict:
        """Make the last checks and return the verdict. extents: how far every partition reached."""
        self._bundles.check_announced()
        deliveries = self._delivery_examination()
        endings = Endings(self._docket, self._ledger, self._scope, extents)
        endings.close()
        closing = Closing(self._docket, self._ledger, deliveries, endings)
        closing.close()
        HoldingExamination(self._docket, self._ledger, endings).close()
        return verdict_of(self._docket, closing, endings.ended, self._postings.kept_back, self._records)

    def _delivery_examination(self) -> DeliveryExamination:
        if self._deliveries is None:
            self._postings.expect_unread()
            self._deliveries = DeliveryExamination(
                self._docket,
                self._ledger,
                self._bundles,
                self._scope,
                self._postings.expected,
                self._postings.elsewhere(),
            )
        return self._deliveries

    def _bundle(self, record: TopicRecord) -> None:
        found = reading.parcel(record)
        if found.schema.name == "BundleContent":
            self._bundles.announce(codec.decode(found.schema, found.payload, BundleContent))
        else:
            self._bundles.announce(reading.decoded(found, BundleActivation))

    def _refusal(self, record: TopicRecord) -> None:
        entry = reading.refusal(record)
        if topics.is_partition(entry.posting.participant):
            # What it holds has failed where it lay; the entry is where an operator sees it.
            self._docket.warn(
                Rule.RECORDS_SOUND,
                record.place,
                f"it holds what lay at {entry.posting.participant}/{entry.posting.offset}, which nobody posted",
            )
        else:
            self._ledger.enter(self._ledger.refusals, entry, record.topic)

    def _retry(self, record: TopicRecord) -> None:
        place = reading.retried_place(record)
        if place is None:
            # It brings nothing back: admit puts it aside.
            self._docket.warn(Rule.RECORDS_SOUND, record.place, "it is a retry that names no posting")
        else:
            self._ledger.retried.add(place)


def examine(
    records: Iterable[TopicRecord],
    extents: Sequence[Extent],
    patience: Patience,
    scope: Scope = EVERYBODY,
) -> Verdict:
    """Return the verdict on records held in memory, whatever their order."""
    by_topic: dict[str, list[TopicRecord]] = {}
    for record in records:
        by_topic.setdefault(record.topic, []).append(record)
    examination = Examination(patience, scope)
    for phase in phases(by_topic, scope):
        for name in phase:
            for record in by_topic[name]:
                examination.take(record)
    return examination.close(extents)


def _present(known: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in wanted if name in known)
