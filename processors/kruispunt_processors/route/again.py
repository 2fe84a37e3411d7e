"""From a revision to a decision again and the records sent: the pure part of what a judgement of persons brings.

Rules
-----
1. Who is sent what is `needtoknow.again`'s; this module adds the bytes, with the digest that the record holds of each.
2. The content of a view is what lay on the topic when the signal was first decided. It is used when it is that signal: its
   posting, and a header and sections that the originator signed, with the commitments that the first decision cites.
3. What was claimed is made again from the claim, the decisions before it, the revision and the content; bytes that differ
   from the digest are not sent.

Must not: read a clock, a topic or the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas import codec, disclosure, identity
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import again, decisions
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.decisions import PlannedOutput
from kruispunt_schemas.records.backbone import Decision, EvidenceSource, OutputKind
from kruispunt_schemas.records.frame import Posting
from kruispunt_schemas.records.judgements import PseudonymChange, Revision

from kruispunt_processors.route import routing
from kruispunt_processors.route.routing import Output, Place, Resolved

REVISION: Final = Revision.__name__


@dataclass(frozen=True, slots=True)
class Revised:
    """A revision, read, and where it lies on its topic (for a retry: where it first lay)."""

    revision: Revision
    place: Place

    @property
    def posting(self) -> Posting:
        """Return the posting of its signal."""
        return self.revision.posting

    @property
    def originator(self) -> str:
        """Return who signed its signal."""
        return self.revision.originator

    @property
    def signal_id(self) -> UUID:
        """Return the id of its signal."""
        return self.revision.signal_id

    @property
    def case_key(self) -> bytes:
        """Return the case of its signal."""
        return self.revision.case_key

    @property
    def judgement(self) -> UUID:
        """Return the judgement that asks for it."""
        return self.revision.judgement_id

    @property
    def persons(self) -> tuple[str, ...]:
        """Return the references of the persons from now on, sorted."""
        return tuple(sorted(self.revision.resolution.persons))


@dataclass(frozen=True, slots=True)
class Earlier:
    """The decisions of a version so far, oldest first; persons: references that its recipients were told of last, sorted.

    persons is None for a version that was decided before they were noted.
    """

    decisions: tuple[Decision, ...] = ()
    persons: tuple[str, ...] | None = None


def decision(
    bundle: Bundle,
    engine: PolicyEngine,
    item: Revised,
    earlier: Earlier,
    content: Resolved | None,
    *,
    now: datetime,
    pseudonym_key: bytes,
) -> tuple[Decision, list[Output]]:
    """Return the decision again and what is sent. content: the signal, None when it is gone.

    Raise ContractError when the content is not that of the signal (rule 2).
    """
    draft = again.draft(
        bundle,
        engine,
        earlier.decisions,
        followers=item.revision.resolution.followers,
        judgement=item.judgement,
        now=now,
    )
    planned = _planned(bundle, draft, item, earlier, with_content=content is not None)
    _check(bundle, planned, earlier, content)
    made = {plan.output_id: _made(plan, draft, item, content, pseudonym_key) for plan in planned}
    digests = [
        (plan, identity.digest(output.payload) if output is not None else again.NOTHING_SENT)
        for plan in planned
        for output in (made[plan.output_id],)
    ]
    return again.recorded(draft, digests), [output for output in made.values() if output is not None]


def outputs(
    bundle: Bundle,
    decided: Decision,
    item: Revised,
    earlier: Earlier,
    content: Resolved | None,
    pseudonym_key: bytes,
) -> list[Output]:
    """Return what is sent for a decision again that was claimed before.

    Raise DivergentOutputError by rule 3, ContractError when a view was claimed and its content is gone since.
    """
    owing = any(output.kind is OutputKind.OWED for output in decided.outputs)
    draft = replace(decided, outputs=())
    planned = _planned(bundle, draft, item, earlier, with_content=not owing)
    _check(bundle, planned, earlier, content)
    made = [
        output for plan in planned if (output := _made(plan, draft, item, content, pseudonym_key)) is not None
    ]
    claimed = {
        decisions.output_id(decided, output): output.digest
        for output in decided.outputs
        if output.kind is not OutputKind.OWED
    }
    routing.refuse_divergent(made, claimed)
    return made


def check_content(bundle: Bundle, first: Decision, content: Resolved) -> None:
    """Raise ContractError unless content is that of the signal that was first decided so (rule 2)."""
    header = content.header
    if (content.posting, header.originator, header.signal_id) != (
        first.posting,
        first.originator,
        first.signal_id,
    ):
        raise ContractError("other-content", "passage.posting", "what lies there is another signal")
    key = bundle.key_of(header.originator, content.signed.read_proof().key_id, header.published_at)
    if key is None:
        raise ContractError("unknown-key", "proof.key_id", "the bundle that decided does not have the key")
    disclosure.verify(content.signed, header, key)
    committed = {f"{item.section}:{item.digest.hex()}" for item in header.commitments}
    cited = {item.reference for item in first.evidence if item.source is EvidenceSource.SECTION}
    if not cited <= committed:
        raise ContractError("other-content", "header.commitments", "the first decision cites others")


def _check(
    bundle: Bundle, planned: Sequence[PlannedOutput], earlier: Earlier, content: Resolved | None
) -> None:
    """Check content that a view is made of: what needs none is sent whatever lies there."""
    if content is not None and any(plan.kind is OutputKind.VIEW for plan in planned):
        check_content(bundle, earlier.decisions[0], content)


def _planned(
    bundle: Bundle, draft: Decision, item: Revised, earlier: Earlier, *, with_content: bool
) -> tuple[PlannedOutput, ...]:
    return again.plan(
        bundle,
        earlier.decisions,
        draft,
        renamed=earlier.persons != item.persons,
        content=with_content,
    )


def _made(
    plan: PlannedOutput, draft: Decision, item: Revised, content: Resolved | None, pseudonym_key: bytes
) -> Output | None:
    """Return the record that a planned output is, None for one that is owed."""
    match plan.kind:
        case OutputKind.OWED:
            return None
        case OutputKind.WITHDRAWAL:
            return routing.withdrawal_of(plan, draft)
        case OutputKind.PSEUDONYMS:
            return _change(plan, draft, item, pseudonym_key)
        case _ if content is None:
            raise ContractError("content-expired", "", "a view was claimed, and its content is gone since")
        case _:
            return routing.output_of(plan, draft, content.signed, item.persons, pseudonym_key)


def _change(plan: PlannedOutput, draft: Decision, item: Revised, pseudonym_key: bytes) -> Output:
    assert plan.view is not None  # noqa: S101 - other pseudonyms are for a view
    change = PseudonymChange(
        output_id=plan.output_id,
        recipient=plan.recipient,
        decision_id=draft.decision_id,
        originator=draft.originator,
        view=plan.view,
        persons=routing.pseudonyms(pseudonym_key, plan.recipient, item.persons),
        changed_at=draft.decided_at,
    )
    return Output(plan.output_id, plan.recipient, schemas.load("PseudonymChange"), codec.encode(change))
