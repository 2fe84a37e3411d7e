"""From records of the topic to what the inbox keeps: each is judged and stored, with everything that follows from it.

Rules
-----
1. A batch is one transaction, and the next offset is part of it: after a kill the same records are read again.
2. A view that verifies is kept and owes a receipt STORED. What it replaces is marked as replaced.
3. A recall (verified like every view) and a withdrawal take back what they name, erase it, and owe WITHDRAWN.
4. Only views of the same originator can be replaced or taken back; anything else is an alert.
5. A view that was taken back before it arrived is kept without content and owes WITHDRAWN.
6. What does not verify is kept as an id with its reason, owes REJECTED, and raises an alert.
7. The same bytes again change nothing. A status owes no receipt, or postings would never end.
8. Offsets missing before a record are an alert: retention was faster than this inbox.
9. A view that was decided again takes back the one that it replaces, which is of the same version: what it shows is all
   that may be seen of it. Other pseudonyms are kept beside the view that they are for, before or after it.

Must not: read a topic or a clock; no content in an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.clocks import reply_due
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.backbone import Status
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.postings import ReceiptResult
from kruispunt_schemas.records.sections import RequestSituation

from kruispunt_consumers.inbox.kept import Alert, AlertKind, HeaderFacts, Item, Kind, State
from kruispunt_consumers.inbox.reading import (
    Arrival,
    PseudonymNotice,
    Reading,
    StatusNotice,
    Unreadable,
    View,
    WithdrawalNotice,
    read,
)
from kruispunt_consumers.inbox.store import InboxStore
from kruispunt_consumers.inbox.verification import (
    Accepted,
    Rejected,
    shown_sections,
    verify,
    verify_notice,
)


class Bundles(Protocol):
    """Where announced bundles come from."""

    def get(self, name: str) -> Bundle | None:
        """Return a bundle by name, None when it was not announced."""

    def read(self) -> None:
        """Bring the announcements up to date."""


class Outcome(StrEnum):
    """What became of one record."""

    STORED = "stored"
    AGAIN = "again"
    RENAMED = "renamed"
    RECALLED = "recalled"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    REPEATED = "repeated"
    STATUS = "status"
    GAP = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What `follow` tells of one record. affected: views that it replaced or took back here."""

    outcome: Outcome
    offset: int
    item: Item | None = None
    status: Status | None = None
    affected: tuple[UUID, ...] = ()
    alerts: tuple[Alert, ...] = ()


_ERASING: Final = frozenset({Outcome.AGAIN, Outcome.RECALLED, Outcome.WITHDRAWN})


class Intake:
    """The intake of one participant's inbox."""

    def __init__(self, store: InboxStore, participant: str, bundles: Bundles) -> None:
        self._store = store
        self._participant = participant
        self._bundles = bundles

    def take(self, arrivals: Sequence[Arrival], now: datetime) -> tuple[Event, ...]:
        """Keep a batch in one transaction and return what became of each record."""
        readings = [(arrival, read(arrival)) for arrival in arrivals]
        self._fetch_bundles(reading for _, reading in readings)
        events: list[Event] = []
        with self._store.transaction():
            expected = self._store.next_offset()
            for arrival, reading in readings:
                if arrival.offset > expected:
                    events.append(self._gap(expected, arrival.offset, now))
                events.append(self._take_one(arrival, reading, now))
                expected = max(expected, arrival.offset + 1)
            self._store.advance(expected)
        if any(event.outcome in _ERASING for event in events):
            self._store.forget_erased()
        return tuple(events)

    def note_gap(self, until: int, now: datetime) -> Event | None:
        """Note that the topic begins at an offset after the next one, and go on from there."""
        with self._store.transaction():
            expected = self._store.next_offset()
            if expected >= until:
                return None
            event = self._gap(expected, until, now)
            self._store.advance(until)
        return event

    def _fetch_bundles(self, readings: Iterable[Reading]) -> None:
        named = {reading.passage.bundle for reading in readings if isinstance(reading, View)}
        if any(name is not None and self._bundles.get(name) is None for name in named):
            self._bundles.read()

    def _take_one(self, arrival: Arrival, reading: Reading, now: datetime) -> Event:
        match reading:
            case View():
                return self._take_view(arrival, reading, now)
            case WithdrawalNotice() | PseudonymNotice():
                return self._take_notice(arrival, reading, now)
            case StatusNotice():
                return self._take_status(arrival, reading.status, now)
            case Unreadable():
                return self._take_unreadable(arrival, reading, now)

    def _take_view(self, arrival: Arrival, view: View, now: datetime) -> Event:
        seen = self._store.accepted_digest(view.output_id)
        if seen == view.digest:
            return Event(outcome=Outcome.REPEATED, offset=arrival.offset)
        bundle = None if view.passage.bundle is None else self._bundles.get(view.passage.bundle)
        verdict = verify(view, recipient=self._participant, bundle=bundle, seen=seen)
        if isinstance(verdict, Rejected):
            return self._reject(arrival, view.output_id, view.digest, verdict, now, known=seen is not None)
        recall = view.header.lifecycle is Lifecycle.RECALL
        item = replace(
            _item(arrival, view.output_id, now),
            kind=Kind.RECALL if recall else Kind.VIEW,
            state=State.NOTICE if recall else State.CURRENT,
            facts=_facts(view, arrival.appended_at),
            affects=view.delivery.replaces,
        )
        return self._keep_view(item, verdict, now)

    def _keep_view(self, item: Item, accepted: Accepted, now: datetime) -> Event:
        header = accepted.view.header
        recall = item.kind is Kind.RECALL
        ended = None if recall else self._store.ended_already(item.output_id, header.originator)
        if ended is not None:
            item = replace(item, state=ended[0], ended_by=ended[1])
        gone = item.state is State.WITHDRAWN
        self._store.keep_view(item, accepted, with_content=not gone)
        again = item.facts is not None and item.facts.again
        affected, alerts = self._end(
            item, header.originator, State.WITHDRAWN if recall or again else State.REPLACED, now
        )
        result = ReceiptResult.WITHDRAWN if recall or gone else ReceiptResult.STORED
        self._store.owe(self._participant, item.output_id, result, None, now)
        stored = Outcome.AGAIN if again else Outcome.STORED
        return Event(
            outcome=Outcome.RECALLED if recall else Outcome.WITHDRAWN if gone else stored,
            offset=item.offset,
            item=item,
            affected=affected,
            alerts=alerts,
        )

    def _take_notice(
        self, arrival: Arrival, notice: WithdrawalNotice | PseudonymNotice, now: datetime
    ) -> Event:
        seen = self._store.accepted_digest(notice.output_id)
        if seen == notice.digest:
            return Event(outcome=Outcome.REPEATED, offset=arrival.offset)
        rejected = verify_notice(notice, recipient=self._participant, seen=seen)
        if rejected is not None:
            return self._reject(
                arrival, notice.output_id, notice.digest, rejected, now, known=seen is not None
            )
        if isinstance(notice, WithdrawalNotice):
            return self._take_withdrawal(arrival, notice, now)
        return self._take_pseudonyms(arrival, notice, now)

    def _take_withdrawal(self, arrival: Arrival, notice: WithdrawalNotice, now: datetime) -> Event:
        withdrawal = notice.withdrawal
        item = replace(
            _item(arrival, notice.output_id, now), kind=Kind.WITHDRAWAL, affects=withdrawal.withdraws
        )
        self._store.keep_notice(item, notice.digest)
        affected, alerts = self._end(item, withdrawal.originator, State.WITHDRAWN, now)
        self._store.owe(self._participant, item.output_id, ReceiptResult.WITHDRAWN, None, now)
        return Event(
            outcome=Outcome.WITHDRAWN, offset=item.offset, item=item, affected=affected, alerts=alerts
        )

    def _take_pseudonyms(self, arrival: Arrival, notice: PseudonymNotice, now: datetime) -> Event:
        change = notice.change
        item = replace(_item(arrival, notice.output_id, now), kind=Kind.PSEUDONYMS, affects=(change.view,))
        self._store.keep_notice(item, notice.digest)
        self._store.owe(self._participant, item.output_id, ReceiptResult.STORED, None, now)
        owner = self._store.originator_of(change.view)
        if owner is not None and owner != change.originator:
            alert = self._foreign(item, change.view, now)
            return Event(outcome=Outcome.RENAMED, offset=item.offset, item=item, alerts=(alert,))
        self._store.rename(change)
        return Event(
            outcome=Outcome.RENAMED,
            offset=item.offset,
            item=item,
            affected=() if owner is None else (change.view,),
        )

    def _end(
        self, item: Item, originator: str, state: State, now: datetime
    ) -> tuple[tuple[UUID, ...], tuple[Alert, ...]]:
        affected: list[UUID] = []
        alerts: list[Alert] = []
        for target in item.affects:
            owner = self._store.originator_of(target)
            if owner is not None and owner != originator:
                alerts.append(self._foreign(item, target, now))
            elif self._store.end(target, by=item.output_id, state=state, originator=originator):
                affected.append(target)
        return tuple(affected), tuple(alerts)

    def _foreign(self, item: Item, target: UUID, now: datetime) -> Alert:
        return self._alert(AlertKind.FOREIGN_SUPERSESSION, item.offset, now, target, "foreign-supersession")

    def _take_status(self, arrival: Arrival, status: Status, now: datetime) -> Event:
        if status.posting.participant != self._participant:
            alert = self._alert(
                AlertKind.FOREIGN_STATUS,
                arrival.offset,
                now,
                status.output_id,
                "foreign-status",
                "posting.participant",
            )
            return Event(outcome=Outcome.REJECTED, offset=arrival.offset, alerts=(alert,))
        new = self._store.keep_status(status)
        return Event(
            outcome=Outcome.STATUS if new else Outcome.REPEATED, offset=arrival.offset, status=status
        )

    def _take_unreadable(self, arrival: Arrival, reading: Unreadable, now: datetime) -> Event:
        rejected = Rejected(reading.reason, reading.field)
        if reading.output_id is None:
            alert = self._alert(
                AlertKind.UNREADABLE, arrival.offset, now, None, rejected.reason, rejected.field
            )
            return Event(outcome=Outcome.REJECTED, offset=arrival.offset, alerts=(alert,))
        known = self._store.accepted_digest(reading.output_id) is not None
        return self._reject(arrival, reading.output_id, reading.digest, rejected, now, known=known)

    def _reject(
        self, arrival: Arrival, output_id: UUID, digest: bytes, why: Rejected, now: datetime, *, known: bool
    ) -> Event:
        item = replace(
            _item(arrival, output_id, now),
            kind=Kind.VIEW,
            state=State.REJECTED,
            reason=why.reason,
            field=why.field,
        )
        if not known:
            self._store.keep_notice(item, digest)
        self._store.owe(self._participant, output_id, ReceiptResult.REJECTED, why.reason, now)
        alert = self._alert(AlertKind.REJECTED, arrival.offset, now, output_id, why.reason, why.field)
        return Event(outcome=Outcome.REJECTED, offset=arrival.offset, item=item, alerts=(alert,))

    def _gap(self, start: int, until: int, now: datetime) -> Event:
        alert = Alert(
            kind=AlertKind.RETENTION_GAP,
            offset=start,
            until=until,
            reason="retention-gap",
            raised_at=now,
        )
        self._store.raise_alert(alert)
        return Event(outcome=Outcome.GAP, offset=start, alerts=(alert,))

    def _alert(
        self, kind: AlertKind, offset: int, now: datetime, output: UUID | None, reason: str, field: str = ""
    ) -> Alert:
        alert = Alert(kind=kind, offset=offset, output_id=output, reason=reason, field=field, raised_at=now)
        self._store.raise_alert(alert)
        return alert


def _item(arrival: Arrival, output_id: UUID, now: datetime) -> Item:
    return Item(
        output_id=output_id,
        kind=Kind.WITHDRAWAL,
        state=State.NOTICE,
        offset=arrival.offset,
        appended_at=arrival.appended_at,
        stored_at=now,
    )


def _facts(view: View, appended_at: datetime) -> HeaderFacts:
    header, delivery = view.header, view.delivery
    return HeaderFacts(
        originator=header.originator,
        signal_type=header.signal_type,
        signal_id=header.signal_id,
        version=header.version,
        lifecycle=header.lifecycle.value,
        classification=header.classification.value,
        published_at=header.published_at,
        decision_id=delivery.decision_id,
        grounds=delivery.grounds,
        shown=shown_sections(view),
        withheld=delivery.withheld,
        reply_due_at=_reply_due(view, appended_at),
        again=delivery.decision_id != identity.decision_id(header.originator, header.signal_id),
        corroborates=delivery.corroborates,
    )


def _reply_due(view: View, appended_at: datetime) -> datetime | None:
    request = view.signed.read_sections("situation").situation
    return reply_due(appended_at, urgent=request.urgent) if isinstance(request, RequestSituation) else None
