"""How each posting ended, and that none was lost or invented.

In this order
-------------
1. Every posting has exactly one outcome: decided, duplicate, quarantined, access record. After a retry the last one
   counts. None is under way for longer than the bound (A1, A2).
2. The offsets of ``out.*`` run without a gap; what has expired from it still has its outcome on a lasting topic (A2).
3. No backbone record speaks of a posting that does not exist (A3).

Must not: read a topic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kruispunt_schemas import topics

from kruispunt_consumers.audit.findings import Docket, Rule
from kruispunt_consumers.audit.ledger import Ledger, Place, Scope
from kruispunt_consumers.topic_record import Extent


class Ending(StrEnum):
    """How a posting ended."""

    DECIDED = "decided"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    ACCESS = "access"
    UNDER_WAY = "under way"


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome of one posting. reason: of a refusal, kind of a duplicate, or stage reached when under way.

    expired: its content is no longer on ``out.*``.
    """

    place: Place
    ending: Ending
    reason: str | None
    stage: str | None
    record_type: str | None
    signal_id: UUID | None
    appended_at: datetime
    expired: bool


@dataclass(slots=True)
class Endings:
    """Finds the outcome of every posting; ``extents`` say how far every partition reached."""

    docket: Docket
    ledger: Ledger
    scope: Scope
    extents: Sequence[Extent]
    ended: list[Ended] = field(default_factory=list)
    _starts: dict[str, int] = field(default_factory=dict)

    def close(self) -> None:
        """Make the checks of the module, in its order."""
        for extent in self.extents:
            self._starts[extent.topic] = self._starts.get(extent.topic, 0) + extent.start
        self._endings()
        self._gaps()
        self._invented()

    def trimmed(self, topic: str) -> bool:
        """Tell whether anything has expired from a topic."""
        return self._starts.get(topic, 0) > 0

    def covers(self, place: Place, at: datetime) -> bool:
        """Tell whether a posting is looked at."""
        return self.scope.covers(place.participant, at)

    def looked_at(self, entries: Mapping[Place, object]) -> Iterator[Place]:
        """Give the postings among these that are in scope and lie, or once lay, on their topic."""
        for place in entries:
            if place in self.ledger.posted or self._expired(place):
                yield place

    def _expired(self, place: Place) -> bool:
        """Tell whether a posting lies before what its topic still holds, and within the scope."""
        if place.offset >= self._starts.get(topics.out_topic(place.participant).name, 0):
            return False
        at = self._appended_at(place)
        return at is not None and self.covers(place, at)

    def _appended_at(self, place: Place) -> datetime | None:
        ledger = self.ledger
        for entry in (
            ledger.decided.get(place),
            ledger.registered.get(place),
            ledger.refusals.get(place),
            ledger.accessed.get(place),
            ledger.resolved.get(place),
            ledger.admitted.get(place),
        ):
            if entry is not None:
                return entry.posting.appended_at
        return None

    def _endings(self) -> None:
        places = {*self.ledger.posted, *(place for place in self.ledger.places() if self._expired(place))}
        for place in sorted(places):
            # 1.
            found = self._outcomes(place)
            if len(found) > 1:
                if place in self.ledger.retried or self.trimmed(topics.RETRY.name):
                    found = [max(found, key=lambda item: item[1])]
                else:
                    names = " and ".join(sorted(ending.value for ending, _, _ in found))
                    self.docket.fail(Rule.ENDED_ONCE, place, f"it ended twice: {names}")
            if len(found) == 1:
                self.docket.passed(Rule.ENDED_ONCE)
            self.ended.append(self._ended(place, found[0] if found else None))

    def _outcomes(self, place: Place) -> list[tuple[Ending, datetime, str | None]]:
        ledger = self.ledger
        found: list[tuple[Ending, datetime, str | None]] = []
        if (decided := ledger.decided.get(place)) is not None:
            found.append((Ending.DECIDED, decided.seen_at, None))
        if (event := ledger.registered.get(place)) is not None and event.duplicate_kind is not None:
            found.append((Ending.DUPLICATE, event.seen_at, event.duplicate_kind.value))
        if (refusal := ledger.refusals.get(place)) is not None:
            found.append((Ending.QUARANTINED, refusal.seen_at, refusal.reason))
        if (accessed := ledger.accessed.get(place)) is not None:
            found.append((Ending.ACCESS, accessed.seen_at, accessed.record_type))
        return found

    def _ended(self, place: Place, outcome: tuple[Ending, datetime, str | None] | None) -> Ended:
        posted = self.ledger.posted.get(place)
        at = posted.at if posted else self._appended_at(place)
        refusal, event = self.ledger.refusals.get(place), self.ledger.registered.get(place)
        if at is None:
            at = self.docket.patience.now
        if outcome is None:
            reached = self._reached(place)
            age = self.docket.patience.now - at
            self.docket.missing(
                Rule.NONE_LOST,
                place,
                f"no outcome for {age.total_seconds():.0f} s; last seen {reached}",
                since=at,
            )
            outcome = (Ending.UNDER_WAY, at, reached)
        else:
            self.docket.passed(Rule.NONE_LOST)
        ending, _, reason = outcome
        quarantined = refusal if ending is Ending.QUARANTINED else None
        return Ended(
            place=place,
            ending=ending,
            reason=reason,
            stage=quarantined.stage.value if quarantined else None,
            record_type=(posted.record_type if posted else None)
            or (event.signal_type if event else refusal.record_type if refusal else None),
            signal_id=posted.signal_id if posted else event.signal_id if event else None,
            appended_at=at,
            expired=posted is None,
        )

    def _reached(self, place: Place) -> str:
        if place in self.ledger.resolved:
            return "resolved"
        if place in self.ledger.registered:
            return "registered"
        return "admitted" if place in self.ledger.admitted else "posted"

    def _gaps(self) -> None:
        # 2.
        for extent in self.extents:
            if not extent.topic.startswith(topics.OUT_PREFIX):
                continue
            owner = topics.owner(extent.topic)
            if self.scope.since is not None or not self.covers(Place(owner, 0), self.docket.patience.now):
                continue
            for offset in range(extent.end):
                place = Place(owner, offset)
                if offset >= extent.start and place not in self.ledger.posted:
                    self.docket.fail(Rule.NONE_LOST, place, f"{extent.topic} has no record at this offset")
                elif offset < extent.start and self._appended_at(place) is None:
                    self._unknown(place)

    def _unknown(self, place: Place) -> None:
        """Enter a posting that has expired and that no record speaks of."""
        if self.trimmed(topics.QUARANTINE.name):
            self.docket.attest(Rule.NONE_LOST)  # its quarantine entry may have expired as well
        else:
            self.docket.fail(Rule.NONE_LOST, place, "it has expired and no record says how it ended")

    def _invented(self) -> None:
        # 3.
        for place in sorted(self.ledger.places()):
            at = self._appended_at(place)
            if at is None or not self.covers(place, at) or self._expired(place):
                continue
            self.docket.check(
                Rule.NONE_INVENTED,
                place,
                "the backbone speaks of it, but nothing was posted there",
                holds=place in self.ledger.posted,
            )
