"""Receipts owed, from the store into the posting box; and consultations, before anything is displayed.

Rules
-----
1. What is owed stands in the store since the transaction that kept the output; it is marked only after the posting
   box has it on disk. A kill in between enqueues again, with the same id and the same bytes: once on the topic.
2. An id that the box holds with other bytes (an inbox made anew, another key) counts as posted: the first one stands.
3. A full box is a value: what is owed stays owed, and receiving goes on.
4. A consultation is on disk in the posting box when `record_consultation` returns.

Must not: send anything, or know what was in a view.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kruispunt_producers.posting_box import BoxFullError, IdentifierConflictError, PostingBox
from kruispunt_schemas import disclosure, failpoints
from kruispunt_schemas.records.postings import ConsultationHeader, ReceiptHeader
from kruispunt_schemas.signing import Signer

from kruispunt_consumers.inbox.kept import OwedReceipt
from kruispunt_consumers.inbox.store import InboxStore


class Clerk:
    """Signs and hands over what one participant owes."""

    def __init__(self, participant: str, signer: Signer, box: PostingBox) -> None:
        self._participant = participant
        self._signer = signer
        self._box = box

    def post_owed(self, store: InboxStore) -> bool:
        """Put every receipt owed into the posting box; tell whether it had room for all."""
        while owed := store.owed():
            try:
                self._enqueue(owed)
            except BoxFullError:
                return False
            failpoints.reached("inbox.posted")
            with store.transaction():
                store.mark_posted(receipt.receipt_id for receipt in owed)
        return True

    def record_consultation(
        self,
        consultation_id: UUID,
        output_id: UUID,
        signal_id: UUID,
        *,
        user: str,
        purpose: str,
        at: datetime,
    ) -> None:
        """Put a consultation on disk in the posting box; raise BoxFullError when there is no room: then nothing is shown."""
        header = ConsultationHeader(
            consultation_id=consultation_id,
            participant=self._participant,
            user=user,
            output_id=output_id,
            signal_id=signal_id,
            purpose=purpose,
            consulted_at=at,
        )
        self._box.enqueue(disclosure.compose_consultation(header, self._signer), consultation_id, at)

    def _enqueue(self, owed: tuple[OwedReceipt, ...]) -> None:
        with self._box.transaction() as work:
            for receipt in owed:
                header = ReceiptHeader(
                    receipt_id=receipt.receipt_id,
                    participant=self._participant,
                    output_id=receipt.output_id,
                    result=receipt.result,
                    reason=receipt.reason,
                    stored_at=receipt.stored_at,
                )
                signed = disclosure.compose_receipt(header, self._signer)
                try:
                    work.enqueue(signed, receipt.receipt_id, receipt.stored_at)
                except IdentifierConflictError:
                    continue
