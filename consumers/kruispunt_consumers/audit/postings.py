"""Examine one posting of ``out.*`` against everything that the backbone said of it, then let its bytes go.

In this order
-------------
1. Read it and judge it by itself (`admissibility`).
2. What was admitted or resolved is genuine (C2) and has its signed bytes (E3), its append time and bundle (C1).
3. A refusal holds its very bytes (F1) and, at the door, follows from them (F5).
4. A decision is derived again (C1, C3 to C7); what each recipient must have received is noted for `deliveries`.
5. An access record is the posting's, genuine, and forwarded unchanged (G1).

Must not: keep the bytes of a signal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas import codec, identity, topics, wire
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.needtoknow.decisions import PlannedOutput
from kruispunt_schemas.records.backbone import DecidedOutput, Decision, OutputKind, Stage
from kruispunt_schemas.records.frame import Header, Posting

from kruispunt_consumers.audit import rederivation
from kruispunt_consumers.audit.admissibility import Reading, read_posting
from kruispunt_consumers.audit.findings import Docket, Rule
from kruispunt_consumers.audit.inforce import BundlesInForce
from kruispunt_consumers.audit.ledger import (
    Decided,
    Ledger,
    Passed,
    Place,
    Posted,
    PostedKind,
    Refusal,
    Scope,
)
from kruispunt_consumers.audit.reading import headers_digest, signed_digest
from kruispunt_consumers.topic_record import TopicRecord

OWN_ERRORS: Final = ("internal-error", "not-taken")
"""The reasons that a stage gives when its own program failed on a record, or a server would not take it."""


@dataclass(frozen=True, slots=True)
class ViewStart:
    """How the Avro bytes of a view begin, up to its passage: their number and SHA-256."""

    length: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Expected:
    """What a decision says lies on ``in.<recipient>``; planned is None when nothing follows for the recipient."""

    place: Place
    appended_at: datetime
    since: datetime
    decision_id: UUID
    originator: str
    bundle: str
    output: DecidedOutput
    planned: PlannedOutput | None
    start: ViewStart | None


@dataclass(slots=True)
class PostingExamination:
    """Examines postings one by one; ``expected`` grows by what their decisions say was sent.

    kept_back: signals by participant that a ground permits and a guard keeps from it whole, by guard.
    """

    docket: Docket
    ledger: Ledger
    bundles: BundlesInForce
    scope: Scope
    expected: dict[UUID, Expected] = field(default_factory=dict)
    kept_back: dict[str, Counter[str]] = field(default_factory=dict)

    def examine(self, record: TopicRecord) -> None:
        """Examine one record of ``out.*``, as the module says."""
        owner = topics.owner(record.topic)
        if not self.scope.covers(owner, record.appended_at):
            return
        place = Place(owner, record.offset)
        in_force = self.bundles.in_force(record.appended_at)
        # 1.
        reading = read_posting(record, self.bundles.policy(in_force), owner)
        posted = self._posted(record, reading)
        self.ledger.posted[place] = posted
        # 2.
        for passed, topic in (
            (self.ledger.admitted.get(place), topics.ADMITTED.name),
            (self.ledger.resolved.get(place), topics.RESOLVED.name),
        ):
            if passed is not None:
                self._passed(place, posted, passed, topic, in_force)
        # 3.
        if (refusal := self.ledger.refusals.get(place)) is not None:
            self._refusal(place, posted, refusal, record, in_force)
        # 4.
        if (decided := self.ledger.decided.get(place)) is not None:
            self._decision(place, posted, decided, reading, in_force)
        # 5.
        if (accessed := self.ledger.accessed.get(place)) is not None:
            self._cited(place, accessed.posting, posted.at, accessed.bundle, in_force, topics.ACCESS.name)
            self.docket.check(
                Rule.ACCESS_GENUINE,
                place,
                "the access record is not the posting, or the posting is not genuine",
                holds=posted.kind is PostedKind.ACCESS
                and posted.refused_for is None
                and accessed.signed == posted.signed
                and accessed.participant == owner,
            )

    def expect_unread(self) -> None:
        """Derive the decisions whose posting has expired from their recorded facts, and expect their outputs."""
        for place, decided in self.ledger.decided.items():
            if place in self.ledger.posted or not self.scope.covers(
                place.participant, decided.posting.appended_at
            ):
                continue
            in_force = self.bundles.in_force(decided.posting.appended_at)
            self._bundle(place, decided.decision.bundle, in_force, topics.DECISIONS.name)
            self._attested(place, decided)

    def elsewhere(self) -> frozenset[UUID]:
        """Return the output ids of decisions outside the scope: they are not judged where they lie."""
        return frozenset(
            decisions.output_id(decided.decision, output)
            for place, decided in self.ledger.decided.items()
            if not self.scope.covers(place.participant, decided.posting.appended_at)
            for output in decided.decision.outputs
        )

    def _posted(self, record: TopicRecord, reading: Reading) -> Posted:
        signed, header = reading.signed, reading.header
        return Posted(
            kind=reading.kind,
            record_type=reading.record_type,
            at=record.appended_at,
            signal_id=header.signal_id if header else None,
            originator=header.originator if header else None,
            header=identity.digest(signed.header) if signed else b"",
            proof=identity.digest(signed.proof) if signed else b"",
            signed=signed_digest(signed) if signed else b"",
            present=self.ledger.interned(
                frozenset(name for name, raw in signed.sections if raw is not None) if signed else frozenset()
            ),
            refused_for=reading.refused_for,
        )

    def _cited(
        self, place: Place, cited: Posting, at: datetime, bundle: str, in_force: str | None, topic: str
    ) -> None:
        self.docket.check(
            Rule.BUNDLE_IN_FORCE,
            place,
            f"{topic} gives it another append time than the broker",
            holds=cited.appended_at == at,
        )
        self._bundle(place, bundle, in_force, topic)

    def _bundle(self, place: Place, cited: str, in_force: str | None, topic: str) -> None:
        self.docket.check(
            Rule.BUNDLE_IN_FORCE,
            place,
            f"{topic} cites bundle {cited[:12]}, in force was {(in_force or 'none')[:12]}",
            holds=cited == in_force,
        )

    def _passed(self, place: Place, posted: Posted, passed: Passed, topic: str, in_force: str | None) -> None:
        self._cited(place, passed.posting, posted.at, passed.bundle, in_force, topic)
        if posted.kind is PostedKind.UNKNOWN_SCHEMA:
            self.docket.attest(Rule.GENUINE)
            self.docket.attest(Rule.SAME_SIGNED_BYTES)
            return
        self.docket.check(
            Rule.SAME_SIGNED_BYTES,
            place,
            f"{topic} holds other signed bytes than were posted",
            holds=posted.signed == passed.signed,
        )
        self.docket.check(
            Rule.GENUINE,
            place,
            f"it lies on {topic} but should have been refused ({posted.refused_for or 'no signal'})",
            holds=posted.kind is PostedKind.SIGNAL and posted.refused_for is None,
        )

    def _refusal(
        self, place: Place, posted: Posted, refusal: Refusal, record: TopicRecord, in_force: str | None
    ) -> None:
        if refusal.stage is Stage.ADMIT:
            same = refusal.value == identity.digest(record.value)
            if record.headers != wire.UNREADABLE:
                same = same and refusal.headers == headers_digest(record.headers)
        else:
            same = refusal.signed is not None and refusal.signed == posted.signed
        self.docket.check(
            Rule.REFUSED_BYTES, place, "quarantine holds other bytes than were posted", holds=same
        )
        self._cited(
            place, refusal.posting, posted.at, refusal.bundle or in_force or "", in_force or "", "quarantine"
        )
        own = posted.refused_for
        if refusal.stage is not Stage.ADMIT or posted.kind is PostedKind.UNKNOWN_SCHEMA:
            self.docket.attest(Rule.REFUSAL_FOLLOWS)
        elif refusal.reason in OWN_ERRORS:
            self.docket.warn(Rule.REFUSAL_FOLLOWS, place, "it was refused for an error of the backbone's own")
        else:
            self.docket.check(
                Rule.REFUSAL_FOLLOWS,
                place,
                f"it was refused for {refusal.reason}; by its bytes it is {own or 'to be admitted'}",
                holds=refusal.reason == own,
            )

    def _decision(
        self, place: Place, posted: Posted, decided: Decided, reading: Reading, in_force: str | None
    ) -> None:
        decision = decided.decision
        self._cited(place, decision.posting, posted.at, decision.bundle, in_force, topics.DECISIONS.name)
        signed, header = reading.signed, reading.header
        if posted.kind is PostedKind.UNKNOWN_SCHEMA:
            self._attested(place, decided)
            return
        self.docket.check(
            Rule.GENUINE,
            place,
            f"it was decided but should have been refused ({posted.refused_for or 'no signal'})",
            holds=posted.kind is PostedKind.SIGNAL and posted.refused_for is None,
        )
        if header is not None:
            self._of_signal(place, decided, header)
        # Derived again under the bundle that was in force, whichever the decision cites.
        policy = self.bundles.policy(in_force)
        observed = reading.observed
        if policy is None or observed is None or signed is None:
            self._expect(place, decided, (), None)
            return
        held = rederivation.held_after(self.ledger.superseded(decision))
        observed = replace(observed, followers=self.ledger.followers(place))
        again = rederivation.derive(policy, observed, signed.schema.sections, held)
        found = list(rederivation.departures(decision, policy, again))
        self._enter(place, found, (Rule.EVIDENCE, Rule.FACTS, Rule.SECTION_OUTCOMES, Rule.OUTPUTS))
        self._expect(place, decided, again.outputs, signed)
        for participant, guards in rederivation.kept_back(
            policy.bundle, again.groups, observed.header
        ).items():
            self.kept_back.setdefault(participant, Counter())[guards] += 1

    def _of_signal(self, place: Place, decided: Decided, header: Header) -> None:
        decision = decided.decision
        said = (decision.originator, decision.signal_type, decision.signal_id, decision.version)
        signed = (header.originator, header.signal_type, header.signal_id, header.version)
        self.docket.check(
            Rule.DECISION_OF_SIGNAL,
            place,
            "its decision speaks of another signal than its header",
            holds=said == signed
            and decision.lifecycle is header.lifecycle
            and decision.decision_id == identity.decision_id(decision.originator, decision.signal_id),
        )

    def _attested(self, place: Place, decided: Decided) -> None:
        decision = decided.decision
        for rule in (Rule.GENUINE, Rule.EVIDENCE, Rule.FACTS):
            self.docket.attest(rule)
        self.docket.check(
            Rule.DECISION_OF_SIGNAL,
            place,
            "the id of its decision does not follow from its signal",
            holds=decision.decision_id == identity.decision_id(decision.originator, decision.signal_id),
        )
        policy = self.bundles.policy(decision.bundle)
        if policy is None:
            self._expect(place, decided, (), None)
            return
        found = list(rederivation.departures_from_facts(decision, policy))
        outputs: tuple[PlannedOutput, ...] = ()
        if not any(item.rule is Rule.FACTS for item in found):
            held = rederivation.held_after(self.ledger.superseded(decision))
            outputs = rederivation.plan_as_recorded(policy.bundle, decision, held)
            found.extend(rederivation.of_outputs(decision, outputs))
            found.extend(
                rederivation.departures_from_followers(decision, policy.bundle, self.ledger.followers(place))
            )
        self._enter(place, found, (Rule.SECTION_OUTCOMES, Rule.OUTPUTS))
        self._expect(place, decided, outputs, None)

    def _enter(self, place: Place, found: list[rederivation.Departure], checked: tuple[Rule, ...]) -> None:
        for departure in found:
            self.docket.fail(departure.rule, place, departure.sentence)
        for rule in checked:
            if all(departure.rule is not rule for departure in found):
                self.docket.passed(rule)

    def _expect(
        self, place: Place, decided: Decided, outputs: tuple[PlannedOutput, ...], signed: SignedBytes | None
    ) -> None:
        decision = decided.decision
        planned = {output.output_id: output for output in outputs}
        starts: dict[frozenset[str], ViewStart] = {}
        for output in decision.outputs:
            plan = planned.get(decisions.output_id(decision, output))
            start: ViewStart | None = None
            if plan is not None and signed is not None and plan.kind is OutputKind.VIEW:
                if plan.released not in starts:
                    starts[plan.released] = _view_start(signed, plan.released)
                start = starts[plan.released]
            self._expect_output(place, decision, decided.seen_at, output, plan, start)

    def _expect_output(
        self,
        place: Place,
        decision: Decision,
        since: datetime,
        output: DecidedOutput,
        plan: PlannedOutput | None,
        start: ViewStart | None,
    ) -> None:
        output_id = decisions.output_id(decision, output)
        if output_id in self.expected:
            self.docket.fail(Rule.OUTPUTS, place, f"output {output_id} stands in two decisions")
            return
        self.expected[output_id] = Expected(
            place=place,
            appended_at=decision.posting.appended_at,
            since=since,
            decision_id=decision.decision_id,
            originator=decision.originator,
            bundle=decision.bundle,
            output=output,
            planned=plan,
            start=start,
        )


def _view_start(signed: SignedBytes, released: frozenset[str]) -> ViewStart:
    begin = signed.releasing(released).with_passage(None).encoded()[: -len(codec.NULL)]
    return ViewStart(len(begin), identity.digest(begin))
