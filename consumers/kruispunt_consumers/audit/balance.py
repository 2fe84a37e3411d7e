"""The balance: what was posted, how it ended, who received what, and whether it adds up.

Rules
-----
1. Every figure counts postings or outputs once, however often they were repeated; repeats have a figure of their own.
2. The JSON has one stable shape (`as_json`); keys of participants, reasons and rules are sorted.
3. The verdict is ``adds up`` without a failure; what is under way is named and does not decide it.

Must not: check anything, or hold content.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas.records.postings import ReceiptResult

from kruispunt_consumers.audit.closing import Closing
from kruispunt_consumers.audit.deliveries import Received
from kruispunt_consumers.audit.endings import Ended, Ending
from kruispunt_consumers.audit.findings import TITLES, Docket, Finding, Rule, RuleCount, Severity

Json = Mapping[str, object]
FORMAT: Final = 1
"""Version of the JSON's shape."""


@dataclass(slots=True)
class ParticipantBalance:
    """Postings of one participant. expired: of these, how many are no longer on its topic."""

    posted: int = 0
    decided: int = 0
    duplicate: int = 0
    quarantined: int = 0
    access: int = 0
    under_way: int = 0
    expired: int = 0

    def add(self, ended: Ended) -> None:
        """Count one posting."""
        self.posted += 1
        self.expired += ended.expired
        match ended.ending:
            case Ending.DECIDED:
                self.decided += 1
            case Ending.DUPLICATE:
                self.duplicate += 1
            case Ending.QUARANTINED:
                self.quarantined += 1
            case Ending.ACCESS:
                self.access += 1
            case Ending.UNDER_WAY:
                self.under_way += 1


@dataclass(slots=True)
class Acknowledgement:
    """Receipts of one participant for views and withdrawals sent to it."""

    stored: int = 0
    withdrawn: int = 0
    rejected: int = 0
    outstanding: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay found; `adds_up` is the answer, the rest says why."""

    replayed_at: datetime
    records: int
    repeats: int
    outcomes: tuple[Ended, ...]
    findings: tuple[Finding, ...]
    rules: Mapping[Rule, RuleCount]
    received: Mapping[str, Received]
    acknowledgements: Mapping[str, Acknowledgement]
    outstanding: tuple[UUID, ...]
    consultations: Mapping[str, int]
    kept_back: Mapping[str, Mapping[str, int]]
    participants: Mapping[str, ParticipantBalance] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        """Tell whether no rule was broken."""
        return self.failures == 0

    @property
    def failures(self) -> int:
        """Return the number of failures, also of those that are not kept as findings."""
        return sum(count.failed for count in self.rules.values())

    @property
    def waiting(self) -> int:
        """Return the number of things missing that are young enough to be under way."""
        return sum(count.under_way for count in self.rules.values())

    @property
    def total(self) -> ParticipantBalance:
        """Return the sum over all participants."""
        total = ParticipantBalance()
        for ended in self.outcomes:
            total.add(ended)
        return total

    def failed(self, rule: Rule) -> list[Finding]:
        """Return the failures of one rule that were kept."""
        return [item for item in self.findings if item.rule is rule and item.severity is Severity.FAILURE]

    def duplicates(self) -> Counter[str]:
        """Return the number of duplicates by kind."""
        return Counter(item.reason or "" for item in self.outcomes if item.ending is Ending.DUPLICATE)

    def refusals(self) -> Counter[str]:
        """Return the number of postings in quarantine by reason."""
        return Counter(item.reason or "" for item in self.outcomes if item.ending is Ending.QUARANTINED)

    def refusals_by_stage(self) -> Counter[str]:
        """Return the number of postings in quarantine by the stage that refused."""
        return Counter(item.stage or "" for item in self.outcomes if item.ending is Ending.QUARANTINED)

    def record_types(self) -> Counter[str]:
        """Return the number of postings by type of record; ``unreadable`` when none could be told."""
        return Counter(item.record_type or "unreadable" for item in self.outcomes)

    def as_json(self, *, postings: bool = False) -> Json:
        """Return the balance as plain data of one stable shape; postings: with the outcome of each posting."""
        shape: dict[str, object] = {
            "format": FORMAT,
            "adds_up": self.adds_up,
            "failures": self.failures,
            "waiting": self.waiting,
            "replayed_at": self.replayed_at.isoformat(),
            "records": self.records,
            "repeats": self.repeats,
            "total": asdict(self.total),
            "participants": {name: asdict(item) for name, item in sorted(self.participants.items())},
            "record_types": _sorted(self.record_types()),
            "duplicates": _sorted(self.duplicates()),
            "quarantine": {
                "by_reason": _sorted(self.refusals()),
                "by_stage": _sorted(self.refusals_by_stage()),
            },
            "deliveries": {
                name: {
                    "views": item.views,
                    "withdrawals": item.withdrawals,
                    "statuses": item.statuses,
                    "repeats": item.repeats,
                    "released": _sorted(item.released),
                    "withheld": _sorted(item.withheld),
                    "withheld_by": _sorted(item.withheld_by),
                }
                for name, item in sorted(self.received.items())
            },
            "kept_back": {name: _sorted(guards) for name, guards in sorted(self.kept_back.items())},
            "receipts": {name: asdict(item) for name, item in sorted(self.acknowledgements.items())},
            "outstanding": sorted(str(item) for item in self.outstanding),
            "consultations": _sorted(self.consultations),
            "rules": {rule.value: {"title": TITLES[rule], **asdict(self.rules[rule])} for rule in Rule},
            "findings": [
                {
                    "rule": item.rule.value,
                    "severity": item.severity.value,
                    "subject": item.subject,
                    "sentence": item.sentence,
                }
                for item in self.findings
            ],
        }
        if postings:
            shape["postings"] = [
                {
                    "posting": str(item.place),
                    "outcome": item.ending.value,
                    "reason": item.reason,
                    "stage": item.stage,
                    "record_type": item.record_type,
                    "signal_id": None if item.signal_id is None else str(item.signal_id),
                    "appended_at": item.appended_at.isoformat(),
                    "expired": item.expired,
                }
                for item in self.outcomes
            ]
        return shape


def verdict_of(
    docket: Docket,
    closing: Closing,
    outcomes: list[Ended],
    kept_back: Mapping[str, Mapping[str, int]],
    records: int,
) -> Verdict:
    """Return the verdict when every check has been made."""
    participants: dict[str, ParticipantBalance] = {}
    for ended in outcomes:
        participants.setdefault(ended.place.participant, ParticipantBalance()).add(ended)
    acknowledgements = {
        name: Acknowledgement(
            stored=counts.get(ReceiptResult.STORED, 0),
            withdrawn=counts.get(ReceiptResult.WITHDRAWN, 0),
            rejected=counts.get(ReceiptResult.REJECTED, 0),
        )
        for name, counts in closing.acknowledged.items()
    }
    for output_id in closing.outstanding:
        expected = closing.deliveries.expected.get(output_id)
        if expected is not None:
            name = expected.output.recipient
            acknowledgements.setdefault(name, Acknowledgement()).outstanding += 1
    return Verdict(
        replayed_at=docket.patience.now,
        records=records,
        repeats=closing.ledger.repeats,
        outcomes=tuple(outcomes),
        findings=tuple(docket.findings),
        rules=docket.counts,
        received=closing.deliveries.received,
        acknowledgements=acknowledgements,
        outstanding=tuple(closing.outstanding),
        consultations=closing.consultations,
        kept_back=kept_back,
        participants=participants,
    )


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
