"""One full record of each type that judgements and queries bring: what their vectors are made of.

Rules and limits as in `samples`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from kruispunt_schemas import disclosure, identity
from kruispunt_schemas.codec import Record, SignedBytes
from kruispunt_schemas.records import frame, judgements, queries, sections
from kruispunt_schemas.vectors.samples import (
    BUNDLE,
    CASE_KEY,
    DELIVERY_ID,
    EARLIER,
    FOLLOWER,
    JUDGEMENT_ID,
    ORIGINATOR,
    POSTING,
    RECIPIENT,
    SECRET,
    SIGNAL_ID,
    SUBJECT,
    TIME,
    signer,
)

QUERY_ID: Final = UUID("6c1d8f0a-2b3c-4d5e-9f70-8192a3b4c5d6")
EVENT: Final = identity.event_id(POSTING)
_REFERENCES: Final = ("person-1", "person-2")


def judgement() -> SignedBytes:
    """Return a signed judgement."""
    header = judgements.JudgementHeader(
        judgement_id=JUDGEMENT_ID,
        participant=ORIGINATOR,
        user="analyst-17",
        kind=judgements.JudgementKind.SAME,
        review_id=identity.review_id(POSTING),
        persons=_REFERENCES,
        mentions=(identity.mention_id(POSTING),),
        undoes=JUDGEMENT_ID,
        reason=judgements.JudgementReason.SAME_DOCUMENT,
        file="OCAD/2025-017",
        judged_at=TIME,
    )
    return disclosure.compose_judgement(header, signer())


def query() -> SignedBytes:
    """Return a signed query."""
    header = queries.QueryHeader(
        query_id=QUERY_ID,
        participant=ORIGINATOR,
        user="analyst-17",
        purpose=sections.Purpose.INVESTIGATION,
        file="FP/2025/0042",
        asked_at=TIME,
        commitments=(),
    )
    return disclosure.compose_query(header, SUBJECT, secret=SECRET, signer=signer())


RECORDS: Final[tuple[Record, ...]] = (
    judgements.JudgementApplied(
        event_id=identity.applied_id(JUDGEMENT_ID),
        judgement_id=JUDGEMENT_ID,
        posting=POSTING,
        participant=ORIGINATOR,
        kind=judgements.JudgementKind.SPLIT,
        review_id=identity.review_id(POSTING),
        references=_REFERENCES,
        mentions=(identity.mention_id(EARLIER),),
        undoes=JUDGEMENT_ID,
        refused_for="unknown-person",
        moves=(
            judgements.Move(
                mention_id=identity.mention_id(EARLIER),
                before="person-1",
                after=identity.split_person(JUDGEMENT_ID),
            ),
        ),
        persons=(judgements.PersonState(reference="person-1", aliases=("person-2",), order=(FOLLOWER,)),),
        revised=(
            judgements.RevisedSignal(
                posting=EARLIER,
                signal_id=SIGNAL_ID,
                case_key=CASE_KEY,
                bundle=BUNDLE,
                registered_as=EVENT,
                person="person-1",
                known=1,
            ),
        ),
        applied_at=TIME,
    ),
    judgements.Revision(
        revision_id=identity.revision_id(JUDGEMENT_ID, POSTING),
        judgement_id=JUDGEMENT_ID,
        posting=POSTING,
        originator=ORIGINATOR,
        signal_id=SIGNAL_ID,
        case_key=CASE_KEY,
        bundle=BUNDLE,
        resolution=frame.Resolution(
            persons=("person-1",), supersedes=(), registered_as=EVENT, followers=(FOLLOWER,)
        ),
        revised_at=TIME,
    ),
    judgements.PseudonymChange(
        output_id=identity.pseudonym_change_id(ORIGINATOR, SIGNAL_ID, RECIPIENT, JUDGEMENT_ID),
        recipient=RECIPIENT,
        decision_id=identity.decision_id(ORIGINATOR, SIGNAL_ID, JUDGEMENT_ID),
        originator=ORIGINATOR,
        view=DELIVERY_ID,
        persons=(identity.pseudonym(SECRET, RECIPIENT, "person-1"),),
        changed_at=TIME,
    ),
    queries.Answer(
        output_id=identity.answer_id(QUERY_ID),
        query_id=QUERY_ID,
        outcome=queries.QueryOutcome.FULL,
        persons=(
            queries.AnsweredPerson(
                pseudonym=identity.pseudonym(SECRET, ORIGINATOR, "person-1"),
                contacts=("ocad",),
                status=sections.EntityStatus.VALIDATED,
                categories=(sections.EntityCategory.FTF,),
                holders=(queries.Holder(participant="vsse", capacity="RadicalisationCase", since=TIME),),
            ),
        ),
    ),
    queries.QueryAnswered(
        event_id=identity.answered_id(QUERY_ID),
        query_id=QUERY_ID,
        posting=POSTING,
        participant=ORIGINATOR,
        bundle=BUNDLE,
        tier="feed",
        outcome=queries.QueryOutcome.FULL,
        found=("person-1",),
        concerns=(queries.QueryConcern.NO_TIE,),
        digest=identity.digest(b"an answer"),
        answered_at=TIME + timedelta(seconds=1),
    ),
    queries.AccessAlert(
        output_id=identity.access_alert_id(QUERY_ID, "coc"),
        recipient="coc",
        query_id=QUERY_ID,
        participant=ORIGINATOR,
        user="analyst-17",
        concerns=(queries.QueryConcern.NO_TIE, queries.QueryConcern.SWEEPING),
        raised_at=TIME,
    ),
)
