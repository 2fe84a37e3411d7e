"""Findings: what does not add up, as values, and the docket on which they are entered.

Rules
-----
1. A finding names its rule, the posting or output that it is about, and says in one sentence what is wrong.
2. No content of a signal stands in a finding: names of participants, topics, sections, rules and codes only.
3. What is missing is under way while it is young, and a failure once it is older than the bound, or at once when the
   replay is told that everything is complete.
4. Every check is counted, also the ones that hold; of one rule at most `KEPT` findings are kept, the others counted.

Must not: read a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

BOUND: Final = timedelta(minutes=10)
"""How long a posting may be under way: a worker that died is back within a minute, then works off its lag."""
KEPT: Final = 1000
"""Findings of one rule that are kept; a broken key makes every posting fail, and the first ones tell."""


class Rule(StrEnum):
    """The rules of the audit; the package's docstring says what each one demands."""

    ENDED_ONCE = "A1"
    NONE_LOST = "A2"
    NONE_INVENTED = "A3"
    NO_STAGE_SKIPPED = "A4"
    RECORDS_SOUND = "A5"
    DECIDED_IS_DELIVERED = "B1"
    DELIVERED_IS_DECIDED = "B2"
    ONE_CONTENT = "B3"
    DIGEST = "B4"
    BUNDLE_IN_FORCE = "C1"
    GENUINE = "C2"
    EVIDENCE = "C3"
    FACTS = "C4"
    SECTION_OUTCOMES = "C5"
    OUTPUTS = "C6"
    DECISION_OF_SIGNAL = "C7"
    BUNDLES_SOUND = "C8"
    SAME_HEADER = "D1"
    RELEASED_WHOLE = "D2"
    WITHHELD_NULL = "D3"
    DELIVERY_SAYS_WHY = "D4"
    DUPLICATE_KEPT = "E1"
    DUPLICATE_SAME_SIGNAL = "E2"
    SAME_SIGNED_BYTES = "E3"
    REFUSED_BYTES = "F1"
    REFUSAL_SOUND = "F2"
    STATUS_SENT = "F3"
    STATUS_TRUE = "F4"
    REFUSAL_FOLLOWS = "F5"
    ACCESS_GENUINE = "G1"
    RECEIPT_OF_OUTPUT = "G2"
    HOLDING_OWN = "H1"
    FOLLOWER_HOLDS = "H2"
    FOLLOWERS_COMPLETE = "H3"


TITLES: Final[dict[Rule, str]] = {
    Rule.ENDED_ONCE: "ended in one outcome, not two",
    Rule.NONE_LOST: "no posting lost",
    Rule.NONE_INVENTED: "nothing that nobody posted",
    Rule.NO_STAGE_SKIPPED: "no stage skipped",
    Rule.RECORDS_SOUND: "backbone records sound, one content each",
    Rule.DECIDED_IS_DELIVERED: "what was decided was delivered",
    Rule.DELIVERED_IS_DECIDED: "what was delivered was decided",
    Rule.ONE_CONTENT: "one output id, one content",
    Rule.DIGEST: "bytes meet the decision's digest",
    Rule.BUNDLE_IN_FORCE: "bundle in force at the append time",
    Rule.GENUINE: "genuine, permitted, no broken invariant",
    Rule.EVIDENCE: "evidence is where the facts come from",
    Rule.FACTS: "facts and groups derived again",
    Rule.SECTION_OUTCOMES: "section outcomes derived again",
    Rule.OUTPUTS: "outputs derived again",
    Rule.DECISION_OF_SIGNAL: "decision speaks of that signal",
    Rule.BUNDLES_SOUND: "bundles sound and announced",
    Rule.SAME_HEADER: "view has the signed header and proof",
    Rule.RELEASED_WHOLE: "released sections byte for byte",
    Rule.WITHHELD_NULL: "withheld sections are null",
    Rule.DELIVERY_SAYS_WHY: "view says why it was delivered",
    Rule.DUPLICATE_KEPT: "duplicate names a kept posting",
    Rule.DUPLICATE_SAME_SIGNAL: "same signal has the same id",
    Rule.SAME_SIGNED_BYTES: "signed bytes unchanged on the road",
    Rule.REFUSED_BYTES: "quarantine holds the posting's bytes",
    Rule.REFUSAL_SOUND: "quarantine entry well formed",
    Rule.STATUS_SENT: "owner was told",
    Rule.STATUS_TRUE: "owner was told the truth",
    Rule.REFUSAL_FOLLOWS: "refusal follows from the bytes",
    Rule.ACCESS_GENUINE: "access records genuine",
    Rule.RECEIPT_OF_OUTPUT: "receipts name a delivered output",
    Rule.HOLDING_OWN: "holdings are the originator's own",
    Rule.FOLLOWER_HOLDS: "followers hold the person",
    Rule.FOLLOWERS_COMPLETE: "no follower left out",
}


class Severity(StrEnum):
    """Whether a finding decides the verdict."""

    FAILURE = "failure"
    UNDER_WAY = "under way"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not add up; ``subject`` is a posting (``participant/offset``), an output id or a record."""

    rule: Rule
    severity: Severity
    subject: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Patience:
    """When what is missing counts as lost: ``now`` is the instant at which the topics were asked for their ends."""

    now: datetime
    bound: timedelta = BOUND
    complete: bool = False

    def severity(self, since: datetime) -> Severity:
        """Return what a thing missing since then is."""
        lost = self.complete or self.now - since > self.bound
        return Severity.FAILURE if lost else Severity.UNDER_WAY


@dataclass(slots=True)
class RuleCount:
    """How often a rule was checked, and how that ended; attested: content expired, taken as recorded."""

    checked: int = 0
    failed: int = 0
    under_way: int = 0
    warned: int = 0
    attested: int = 0


@dataclass(slots=True)
class Docket:
    """Where checks are counted and findings entered."""

    patience: Patience
    counts: dict[Rule, RuleCount] = field(default_factory=lambda: {rule: RuleCount() for rule in Rule})
    findings: list[Finding] = field(default_factory=list)
    _kept: dict[tuple[Rule, Severity], int] = field(default_factory=dict)

    def check(self, rule: Rule, subject: object, sentence: str, *, holds: bool) -> bool:
        """Count a check; enter a failure when it does not hold. Return whether it holds."""
        if holds:
            self.counts[rule].checked += 1
        else:
            self.fail(rule, subject, sentence)
        return holds

    def passed(self, rule: Rule) -> None:
        """Count a check that holds."""
        self.counts[rule].checked += 1

    def fail(self, rule: Rule, subject: object, sentence: str) -> None:
        """Enter a failure."""
        self._enter(Finding(rule, Severity.FAILURE, str(subject), sentence))

    def warn(self, rule: Rule, subject: object, sentence: str) -> None:
        """Enter what an auditor should know and what is not the backbone's fault."""
        self._enter(Finding(rule, Severity.WARNING, str(subject), sentence))

    def missing(self, rule: Rule, subject: object, sentence: str, *, since: datetime) -> None:
        """Enter what is not there (yet); ``since`` is the time of its cause."""
        self._enter(Finding(rule, self.patience.severity(since), str(subject), sentence))

    def attest(self, rule: Rule) -> None:
        """Count a check that cannot be made because content has expired: the record is taken as it stands."""
        self.counts[rule].attested += 1

    @property
    def failed(self) -> int:
        """Return the number of failures, those not kept included."""
        return sum(count.failed for count in self.counts.values())

    @property
    def under_way(self) -> int:
        """Return the number of things missing that are young."""
        return sum(count.under_way for count in self.counts.values())

    def _enter(self, finding: Finding) -> None:
        count = self.counts[finding.rule]
        count.checked += 1
        match finding.severity:
            case Severity.FAILURE:
                count.failed += 1
            case Severity.UNDER_WAY:
                count.under_way += 1
            case Severity.WARNING:
                count.warned += 1
        kept = self._kept.get((finding.rule, finding.severity), 0)
        if kept < KEPT:
            self._kept[finding.rule, finding.severity] = kept + 1
            self.findings.append(finding)
