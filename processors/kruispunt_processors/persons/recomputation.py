"""A decision of the resolver, made again: what it rested on, field by field, and whether it would be the same today.

Rules
-----
1. It is made again by the model that decided, among the mentions that share a key with this one and were there before it; of
   those of its own batch only the one that it was compared with, for their order is not recorded.
2. Recorded and recomputed agree when the posteriors do to `TOLERANCE` and the most likely mention is the same. Where they do
   not, `Recomputed.differences` says all that can be the cause, in the order in which it is worth looking.
3. A key finds a bounded number of mentions, so the resolver may have seen fewer than are looked at here.

Must not: read a database; hold what a mention says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kruispunt_schemas.records.backbone import MatchKind

from kruispunt_processors.persons.decision import Candidate, OutcomeKind, decide
from kruispunt_processors.persons.explanation import CandidateLine, Explanation, explain
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.normalisation import Particulars

TOLERANCE: Final = 1e-5
_KINDS: Final = {
    OutcomeKind.LINK: MatchKind.LINKED,
    OutcomeKind.NEW: MatchKind.NEW,
    OutcomeKind.REVIEW: MatchKind.PROVISIONAL,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the repertory says of a decision. posterior: 0 to 1. reference: the person registered."""

    reference: str
    match: MatchKind
    model: str
    posterior: float
    found_by: tuple[str, ...]
    guards: tuple[str, ...]
    compared_with: UUID | None
    runner_up: str | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """A mention that was there before. counts_as: its person now. assigned: the one that the resolver gave it.

    judged: whether a judgement touched its person. same_batch: whether it was registered at the same instant.
    """

    mention_id: UUID
    counts_as: str
    assigned: str
    judged: bool
    same_batch: bool
    particulars: Particulars


@dataclass(frozen=True, slots=True)
class Recomputed:
    """The decision made again. compared: how the mention agrees with the one that it was compared with, None without."""

    again: Explanation
    match: MatchKind
    compared: CandidateLine | None
    differences: tuple[str, ...]


def recompute(
    recorded: Recorded, mention: Particulars, earlier: Sequence[Earlier], model: Model, most: int
) -> Recomputed:
    """Return a decision made again. most: mentions that one key finds, at most."""
    candidates = [
        Candidate(each.counts_as, each.mention_id, each.particulars, ())
        for each in earlier
        if not each.same_batch or each.mention_id == recorded.compared_with
    ]
    outcome = decide(mention, candidates, model)
    again = explain(outcome)
    compared = next(
        (line for line in again.candidates if line.mention_id == str(recorded.compared_with)), None
    )
    if compared is None and recorded.compared_with is not None:
        alone = [item for item in candidates if item.mention_id == recorded.compared_with]
        compared = next(iter(explain(decide(mention, alone, model)).candidates), None)
    match = _KINDS[outcome.kind]
    first = again.candidates[0].mention_id if again.candidates else None
    same = (
        abs(again.posterior - recorded.posterior) <= TOLERANCE
        and match is recorded.match
        and (recorded.compared_with is None or first == str(recorded.compared_with))
    )
    return Recomputed(again, match, compared, () if same else tuple(_causes(recorded, earlier, most)))


def _causes(recorded: Recorded, earlier: Sequence[Earlier], most: int) -> list[str]:
    found = []
    if recorded.compared_with is not None and all(
        each.mention_id != recorded.compared_with for each in earlier
    ):
        found.append("the mention that it was compared with shares no key with it any more, or is gone")
    if any(each.judged or each.counts_as != each.assigned for each in earlier):
        found.append("persons among the candidates were judged: the same, or different, before or after it")
    if any(each.same_batch and each.mention_id != recorded.compared_with for each in earlier):
        found.append("others were registered at the same instant: which came first is not recorded")
    if len(earlier) > most:
        found.append(
            f"of more than {most} mentions under a key the resolver sees {most}; here all are compared"
        )
    return found or ["what a signal says is folded or compared otherwise by this version of the software"]
