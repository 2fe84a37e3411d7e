"""When every topic has been read: stages, duplicates, refusals, statuses, outputs and receipts, posting by posting.

In this order
-------------
1. No stage was skipped: decided was registered and resolved, registered was admitted (A4); what resolve found stands
   unchanged in the decision (C7); where the posting has expired, admitted and resolved still agree (E3).
2. A duplicate names a posting that exists, was kept, and has the same originator (E1); the same signal has the id of
   the kept one, or of a repeat whose reference became its alias (E2).
3. A quarantine entry names a known stage and has the id that follows from it (F2).
4. The owner of the topic was told once what admission did (F3), and it is so (F4).
5. Every output of a decision lies on its topic (B1).
6. Receipts name outputs that were delivered to the one that acknowledges (G2).

Must not: read a topic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from kruispunt_schemas import identity, topics
from kruispunt_schemas.records.backbone import DuplicateKind, Stage, Verdict
from kruispunt_schemas.records.postings import ReceiptResult

from kruispunt_consumers.audit.deliveries import DeliveryExamination
from kruispunt_consumers.audit.endings import Endings
from kruispunt_consumers.audit.findings import Docket, Rule
from kruispunt_consumers.audit.ledger import Ledger, Place, PostedKind, Registered, place_of


@dataclass(slots=True)
class Closing:
    """The last checks, once it is known how each posting ended."""

    docket: Docket
    ledger: Ledger
    deliveries: DeliveryExamination
    endings: Endings
    outstanding: list[UUID] = field(default_factory=list)
    acknowledged: dict[str, dict[ReceiptResult, int]] = field(default_factory=dict)
    consultations: dict[str, int] = field(default_factory=dict)
    _by_dropped_id: dict[UUID, list[Registered]] = field(default_factory=dict)

    def close(self) -> None:
        """Make the checks of the module, in its order."""
        for place in self.endings.looked_at(self.ledger.decided):
            self._stages(place)
        for place in self.endings.looked_at(self.ledger.resolved):
            if place not in self.ledger.posted:
                self._unchanged(place)
        for place in self.endings.looked_at(self.ledger.registered):
            registered = self.ledger.registered[place]
            if registered.duplicate_kind is not None:
                self._duplicate(place, registered)
        self._refusals()
        self._statuses()
        self._outputs()
        self._receipts()

    def _stages(self, place: Place) -> None:
        # 1.
        ledger = self.ledger
        event, resolved, admitted = (
            ledger.registered.get(place),
            ledger.resolved.get(place),
            ledger.admitted.get(place),
        )
        decided = ledger.decided[place]
        if event is None or event.duplicate_kind is not None:
            self._missing_stage(place, topics.REPERTORY.name, decided.seen_at)
        else:
            self.docket.check(
                Rule.DECISION_OF_SIGNAL,
                place,
                "its decision supersedes other versions, or is of another case, than were registered",
                holds=decided.decision.supersedes == event.supersedes
                and decided.decision.case_key == event.canonical_case_key
                and decided.decision.signal_id == event.signal_id
                and event.event_id == identity.event_id(event.posting),
            )
        if resolved is None:
            self._missing_stage(place, topics.RESOLVED.name, decided.seen_at)
        else:
            self.docket.check(
                Rule.DECISION_OF_SIGNAL,
                place,
                "its decision supersedes other versions than were resolved",
                holds=decided.decision.supersedes == resolved.supersedes,
            )
        if admitted is None:
            self._missing_stage(place, topics.ADMITTED.name, decided.seen_at)
        if event is not None and resolved is not None and admitted is not None:
            self.docket.passed(Rule.NO_STAGE_SKIPPED)

    def _unchanged(self, place: Place) -> None:
        """Compare what was admitted with what was resolved, where the posting itself has expired (E3)."""
        admitted = self.ledger.admitted.get(place)
        if admitted is None:
            self.docket.attest(Rule.SAME_SIGNED_BYTES)
            return
        self.docket.check(
            Rule.SAME_SIGNED_BYTES,
            place,
            "it was resolved with other signed bytes than were admitted",
            holds=admitted.signed == self.ledger.resolved[place].signed,
        )

    def _missing_stage(self, place: Place, topic: str, since: datetime) -> None:
        if self.endings.trimmed(topic):
            self.docket.attest(Rule.NO_STAGE_SKIPPED)
        else:
            self.docket.missing(
                Rule.NO_STAGE_SKIPPED, place, f"it was decided and {topic} does not hold it", since=since
            )

    def _duplicate(self, place: Place, event: Registered) -> None:
        # 2.
        if event.duplicate_of is None:
            self.docket.fail(Rule.DUPLICATE_KEPT, place, "it names no posting that it repeats")
            return
        kept = place_of(event.duplicate_of)
        kept_event = self.ledger.registered.get(kept)
        if kept_event is None:
            self.docket.missing(
                Rule.DUPLICATE_KEPT,
                place,
                f"it repeats {kept}, which was never registered",
                since=event.seen_at,
            )
            return
        self.docket.check(
            Rule.DUPLICATE_KEPT,
            place,
            f"it repeats {kept}, which is not a kept posting of the same originator",
            holds=kept != place
            and kept_event.duplicate_kind is None
            and kept_event.originator == event.originator == place.participant,
        )
        if event.duplicate_kind is DuplicateKind.SAME_SIGNAL:
            self.docket.check(
                Rule.DUPLICATE_SAME_SIGNAL,
                place,
                f"it is called the same signal as {kept}, whose id is another",
                holds=kept_event.signal_id == event.signal_id or self._alias(event, kept),
            )

    def _alias(self, event: Registered, kept: Place) -> bool:
        """Tell whether the same id was dropped before as a repeat of the kept posting's content."""
        return any(
            other.signal_id == event.signal_id
            and other.originator == event.originator
            and other.duplicate_kind is DuplicateKind.SAME_CONTENT
            and other.duplicate_of is not None
            and place_of(other.duplicate_of) == kept
            for other in self._dropped().get(event.signal_id, ())
        )

    def _dropped(self) -> dict[UUID, list[Registered]]:
        if not self._by_dropped_id:
            for item in self.ledger.registered.values():
                if item.duplicate_kind is not None:
                    self._by_dropped_id.setdefault(item.signal_id, []).append(item)
        return self._by_dropped_id

    def _refusals(self) -> None:
        # 3.
        for place in self.endings.looked_at(self.ledger.refusals):
            refusal = self.ledger.refusals[place]
            self.docket.check(
                Rule.REFUSAL_SOUND,
                place,
                "its quarantine entry has an unknown stage, no reason, or an id that does not follow",
                holds=refusal.stage is not Stage.UNRECOGNISED
                and bool(refusal.reason)
                and refusal.entry_id == identity.quarantine_id(refusal.stage.value, refusal.posting),
            )

    def _statuses(self) -> None:
        # 4.
        for place, posted in sorted(self.ledger.posted.items()):
            refusal, admitted = self.ledger.refusals.get(place), self.ledger.admitted.get(place)
            refused = refusal is not None and refusal.stage is Stage.ADMIT
            if admitted is not None and refused and refusal is not None:
                refused = refusal.seen_at > admitted.seen_at
            if not refused and admitted is None:
                self._no_status_due(place, posted.kind)
                continue
            said = self.ledger.told.get(place)
            if said is None:
                cause = refusal if refused and refusal is not None else admitted
                since = cause.seen_at if cause else posted.at
                if self._may_have_expired(topics.in_topic(place.participant).name, since):
                    self.docket.attest(Rule.STATUS_SENT)
                else:
                    self.docket.missing(
                        Rule.STATUS_SENT, place, "its owner was not told what became of it", since=since
                    )
                continue
            self.docket.passed(Rule.STATUS_SENT)
            self.docket.check(
                Rule.STATUS_TRUE,
                place,
                f"its owner was told {said.verdict.value.lower()}, which is not what admission did",
                holds=said.verdict is (Verdict.REFUSED if refused else Verdict.ACCEPTED)
                and said.posting.appended_at == posted.at
                and (
                    said.reason == refusal.reason if refused and refusal is not None else said.reason is None
                ),
            )

    def _no_status_due(self, place: Place, kind: PostedKind) -> None:
        """Enter a status of a posting that admission has not answered, or of an access record."""
        if place in self.ledger.told:
            since = self.ledger.told[place].seen_at
            sentence = "its owner was told of an outcome that no topic holds"
            if kind is PostedKind.ACCESS:
                self.docket.fail(Rule.STATUS_TRUE, place, "an access record has a status")
            elif self.endings.trimmed(topics.ADMITTED.name):
                self.docket.attest(Rule.STATUS_TRUE)
            else:
                self.docket.missing(Rule.STATUS_TRUE, place, sentence, since=since)

    def _may_have_expired(self, topic: str, since: datetime) -> bool:
        """Tell whether what was sent then may have expired from a topic."""
        first = self.deliveries.first_seen.get(topic)
        return self.endings.trimmed(topic) and (first is None or since < first)

    def _outputs(self) -> None:
        # 5.
        for output_id, expected in self.deliveries.expected.items():
            topic = topics.in_topic(expected.output.recipient).name
            if output_id in self.deliveries.delivered:
                self.docket.passed(Rule.DECIDED_IS_DELIVERED)
            elif self._may_have_expired(topic, expected.since):
                self.docket.attest(Rule.DECIDED_IS_DELIVERED)
            else:
                self.docket.missing(
                    Rule.DECIDED_IS_DELIVERED,
                    output_id,
                    f"the decision on {expected.place} sends it and {topic} does not hold it",
                    since=expected.since,
                )

    def _receipts(self) -> None:
        # 6.
        answered: set[UUID] = set()
        for place, accessed in self.ledger.accessed.items():
            if accessed.result is None:
                if self.endings.covers(place, accessed.posting.appended_at):
                    self.consultations[place.participant] = self.consultations.get(place.participant, 0) + 1
                continue
            expected = self.deliveries.expected.get(accessed.output_id)
            named = (
                expected.output.recipient if expected else self.deliveries.statuses.get(accessed.output_id)
            )
            if expected is not None and named == accessed.participant:
                answered.add(accessed.output_id)
                counts = self.acknowledged.setdefault(accessed.participant, {})
                counts[accessed.result] = counts.get(accessed.result, 0) + 1
            if not self.endings.covers(place, accessed.posting.appended_at) or accessed.output_id in (
                self.deliveries.elsewhere
            ):
                continue
            if named == accessed.participant:
                self.docket.passed(Rule.RECEIPT_OF_OUTPUT)
            elif named is None and self.endings.trimmed(topics.in_topic(accessed.participant).name):
                self.docket.attest(Rule.RECEIPT_OF_OUTPUT)
            else:
                self.docket.warn(
                    Rule.RECEIPT_OF_OUTPUT,
                    place,
                    "it acknowledges an output that was not sent to its participant",
                )
        self.outstanding = [output_id for output_id in self.deliveries.delivered if output_id not in answered]
