"""Examine one record of ``in.*`` against the decision behind it.

In this order
-------------
1. A status is noted for its posting (rules F3 and F4 are `closing`'s).
2. A view or withdrawal has a decision that names its output id for this recipient (B2).
3. The same id again with the same bytes is a harmless replay, counted; with other bytes it is a failure (B3).
4. Its bytes meet the digest in the decision (B4).
5. A view begins with exactly the header, the released sections and the proof that were posted, everything else null;
   when it does not, what differs is named (D1, D2, D3).
6. Its passage says what was decided and nothing more (D4); so does a withdrawal.

Must not: keep the bytes of a view.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas import codec, disclosure, identity, topics, wire
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.records.backbone import OutputKind, Status, Withdrawal
from kruispunt_schemas.records.frame import Delivery, Passage

from kruispunt_consumers.audit.findings import Docket, Rule
from kruispunt_consumers.audit.inforce import BundlesInForce
from kruispunt_consumers.audit.ledger import Ledger, Scope
from kruispunt_consumers.audit.postings import Expected
from kruispunt_consumers.audit.reading import Parcel, decoded, parcel, told
from kruispunt_consumers.topic_record import TopicRecord

NO_GROUND: Final = "no ground"
"""Reason of a section that no rule permits: default deny."""
NEVER_RELEASED: Final = "distribution"
"""A section that nobody receives: it is not counted as withheld from anybody."""


@dataclass(slots=True)
class Received:
    """What one recipient was sent: sections released and withheld by name, withheld ones by rule too."""

    views: int = 0
    withdrawals: int = 0
    statuses: int = 0
    repeats: int = 0
    released: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    withheld_by: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class DeliveryExamination:
    """Examines what lies on ``in.*``; ``delivered`` holds each output id with the digest of its first content.

    elsewhere: output ids of decisions outside the scope of this replay.
    """

    docket: Docket
    ledger: Ledger
    bundles: BundlesInForce
    scope: Scope
    expected: Mapping[UUID, Expected]
    elsewhere: frozenset[UUID] = frozenset()
    delivered: dict[UUID, bytes] = field(default_factory=dict)
    statuses: dict[UUID, str] = field(default_factory=dict)
    received: dict[str, Received] = field(default_factory=dict)
    first_seen: dict[str, datetime] = field(default_factory=dict)

    def examine(self, record: TopicRecord) -> None:
        """Examine one record of ``in.*``, as the module says."""
        self.first_seen.setdefault(record.topic, record.appended_at)
        recipient = topics.owner(record.topic)
        try:
            found = parcel(record)
            if found.schema.name == "Status":
                self._status(record, found, recipient)
            elif found.schema.sections:
                self._view(record, found, recipient)
            else:
                self._withdrawal(record, found, decoded(found, Withdrawal), recipient)
        except ContractError as error:
            self.docket.fail(Rule.RECORDS_SOUND, record.place, f"it cannot be read ({error.reason})")

    def _of(self, recipient: str) -> Received:
        return self.received.setdefault(recipient, Received())

    def _status(self, record: TopicRecord, found: Parcel, recipient: str) -> None:
        # 1.
        status = decoded(found, Status)
        posting = status.posting
        if not self.scope.covers(posting.participant, posting.appended_at):
            return
        named = identity.status_id(posting, status.verdict, status.reason)
        if posting.participant != recipient or status.output_id != named:
            self.docket.fail(
                Rule.DELIVERED_IS_DECIDED,
                status.output_id,
                f"{recipient} was told of a posting that is not its own",
            )
            return
        repeats = self.ledger.repeats
        self.ledger.enter(self.ledger.told, told(record, found, status), record.topic)
        self.statuses[status.output_id] = recipient
        if self.ledger.repeats > repeats:
            self._of(recipient).repeats += 1
        else:
            self._of(recipient).statuses += 1

    def _expected(
        self, record: TopicRecord, found: Parcel, output_id: UUID, recipient: str, kind: OutputKind
    ) -> Expected | None:
        """Return what was decided of a new output; None when it was judged already or nothing was decided."""
        if output_id in self.elsewhere:
            return None
        # 2.
        expected = self.expected.get(output_id)
        if expected is not None:
            self.docket.check(
                Rule.DELIVERED_IS_DECIDED,
                output_id,
                f"it lies on {record.topic}; its decision sends a {expected.output.kind.lower()}"
                f" to {expected.output.recipient}",
                holds=expected.output.recipient == recipient and expected.output.kind is kind,
            )
        # 3.
        before = self.delivered.get(output_id)
        if before is not None:
            self.docket.check(
                Rule.ONE_CONTENT, output_id, "it has two different contents", holds=before == found.digest
            )
            self.ledger.repeats += 1
            self._of(recipient).repeats += 1
            return None
        self.delivered[output_id] = found.digest
        self.docket.passed(Rule.ONE_CONTENT)
        if expected is None:
            sentence = f"it lies on {record.topic} and no decision names it"
            self.docket.missing(Rule.DELIVERED_IS_DECIDED, output_id, sentence, since=record.appended_at)
            return None
        # 4.
        self.docket.check(
            Rule.DIGEST,
            output_id,
            "its bytes are not those that its decision holds the digest of",
            holds=expected.output.digest == found.digest,
        )
        return expected

    def _withdrawal(self, record: TopicRecord, found: Parcel, withdrawal: Withdrawal, recipient: str) -> None:
        expected = self._expected(record, found, withdrawal.output_id, recipient, OutputKind.WITHDRAWAL)
        if expected is None:
            return
        self._of(recipient).withdrawals += 1
        # 6.
        plan = expected.planned
        self.docket.check(
            Rule.DELIVERY_SAYS_WHY,
            withdrawal.output_id,
            "the withdrawal says something else than was decided",
            holds=plan is not None
            and withdrawal.withdraws == plan.replaces
            and withdrawal.recipient == recipient
            and withdrawal.decision_id == expected.decision_id
            and withdrawal.originator == expected.originator,
        )

    def _view(self, record: TopicRecord, found: Parcel, recipient: str) -> None:
        named = _ce_id(record)
        hint = self.expected.get(named) if named is not None else None
        start = hint.start if hint is not None else None
        signed: SignedBytes | None = None
        whole = start is not None and identity.digest(found.payload[: start.length]) == start.digest
        if start is not None and whole:
            passage = _passage(found, start.length)
        else:
            signed = codec.decode_signed(found.schema, found.payload)
            passage = signed.read_passage()
        delivery = passage.delivery if passage else None
        if passage is None or delivery is None:
            raise ContractError("missing", "passage.delivery", "a view says why it was delivered")
        expected = self._expected(record, found, delivery.output_id, recipient, OutputKind.VIEW)
        if expected is None:
            return
        # 5.
        if whole and expected is hint:
            for rule in (Rule.SAME_HEADER, Rule.RELEASED_WHOLE, Rule.WITHHELD_NULL):
                self.docket.passed(rule)
        else:
            self._compare(signed or codec.decode_signed(found.schema, found.payload), expected, delivery)
        # 6.
        self._says_why(passage, delivery, expected, recipient)
        self._count(recipient, found, delivery)

    def _compare(self, view: SignedBytes, expected: Expected, delivery: Delivery) -> None:
        """Compare a view with its posting part by part; without the posting, with its own signed commitments."""
        header = view.read_header()
        posted = self.ledger.posted.get(expected.place)
        if posted is not None and posted.header:
            same = (
                identity.digest(view.header) == posted.header and identity.digest(view.proof) == posted.proof
            )
            sentence = "its header or proof is not the one posted"
        else:
            same = self._genuine(view, expected)
            sentence = "its header does not verify under the originator's key"
            self.docket.attest(Rule.RELEASED_WHOLE)
        self.docket.check(Rule.SAME_HEADER, delivery.output_id, sentence, holds=same)
        before = self.docket.failed
        released = expected.planned.released if expected.planned else frozenset[str]()
        committed = {item.section: item.digest for item in header.commitments}
        for name, raw in view.sections:
            if raw is not None and name not in released:
                self.docket.fail(
                    Rule.WITHHELD_NULL, delivery.output_id, f"it shows {name}, which is withheld"
                )
            elif raw is not None and committed.get(name) != disclosure.commitment(
                header.signal_type, name, raw, b""
            ):
                self.docket.fail(
                    Rule.RELEASED_WHOLE, delivery.output_id, f"{name} is not the one that was signed"
                )
            elif raw is None and name in released and posted is not None and name in posted.present:
                self.docket.fail(
                    Rule.RELEASED_WHOLE, delivery.output_id, f"it lacks {name}, which is released"
                )
        if self.docket.failed == before:
            self.docket.passed(Rule.RELEASED_WHOLE)
            self.docket.passed(Rule.WITHHELD_NULL)

    def _genuine(self, view: SignedBytes, expected: Expected) -> bool:
        policy = self.bundles.policy(expected.bundle)
        key = policy and policy.bundle.key_of(
            expected.originator, view.read_proof().key_id, expected.appended_at
        )
        try:
            header = view.read_header()
            disclosure.verify(view, header, key or b"")
        except ContractError:
            return False
        return header.originator == expected.originator

    def _says_why(self, passage: Passage, delivery: Delivery, expected: Expected, recipient: str) -> None:
        plan = expected.planned
        self.docket.check(
            Rule.DELIVERY_SAYS_WHY,
            delivery.output_id,
            "its passage says something else than was decided",
            holds=plan is not None
            and passage.posting is None
            and passage.case_key is None
            and passage.resolution is None
            and passage.bundle == expected.bundle
            and delivery.recipient == recipient
            and delivery.decision_id == expected.decision_id
            and delivery.grounds == plan.grounds
            and delivery.withheld == plan.withheld
            and delivery.replaces == plan.replaces,
        )

    def _count(self, recipient: str, found: Parcel, delivery: Delivery) -> None:
        received = self._of(recipient)
        received.views += 1
        withheld = {item.section for item in delivery.withheld}
        received.released.update(name for name in found.schema.sections if name not in withheld)
        for item in delivery.withheld:
            if item.section != NEVER_RELEASED:
                received.withheld[item.section] += 1
                received.withheld_by.update(item.rules or (NO_GROUND,))


def _ce_id(record: TopicRecord) -> UUID | None:
    try:
        return UUID(wire.header_map(record.headers).get("ce_id", b"").decode("ascii", "replace"))
    except ValueError:
        return None


def _passage(found: Parcel, start: int) -> Passage | None:
    """Return the passage that follows the part of a view that was compared as a whole."""
    rest = found.payload[start:]
    if not rest.startswith(codec.PRESENT):
        return None
    return SignedBytes(found.schema, b"", (), b"", rest[len(codec.PRESENT) :]).read_passage()
