"""Is this view genuine, mine, and cut as it says? The outcome is a value: accepted, or rejected with reason and field.

Steps, in this order (the record was read before: its schema is known and its bytes are its one encoding, `reading`)
-----
1. ``passage.delivery.recipient`` is this participant.
2. The output id was not accepted before with other bytes.
3. ``passage.bundle`` names an announced bundle.
4. That bundle holds the key that the proof names, as the originator's, valid when the signal was published.
5. The header names the schema and the type that the record was read with.
6. The originator's signature over the header's bytes holds under that key.
7. The header commits to every section of the type once, and every section present meets its commitment.
8. A section that is listed as withheld is null; every section listed belongs to the type.
9. A recall carries no section.

An absent section that is not listed was not given by the originator. The passage is not signed: who may write it is
the broker's access rule, and audit compares it with the decision.

Must not: read a clock, a topic or a file, or raise for a view that does not verify.
"""

from __future__ import annotations

from dataclasses import dataclass

from kruispunt_schemas import disclosure
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.frame import Lifecycle

from kruispunt_consumers.inbox.reading import PseudonymNotice, View, WithdrawalNotice


@dataclass(frozen=True, slots=True)
class Accepted:
    """The view verifies; ``public_key`` is what it verified under."""

    view: View
    public_key: bytes
    bundle: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """It does not: a stable code and the dotted path of the field, no content."""

    reason: str
    field: str


def verify(view: View, *, recipient: str, bundle: Bundle | None, seen: bytes | None) -> Accepted | Rejected:
    """Return the outcome for a view. seen: the digest first stored under its output id, None when it is new."""
    # 1 and 2.
    if (refused := _addressed(view, recipient, seen)) is not None:
        return refused
    # 3 and 4.
    if view.passage.bundle is None or bundle is None or bundle.name != view.passage.bundle:
        return Rejected("unknown-bundle", "passage.bundle")
    key = bundle.key_of(view.header.originator, view.proof.key_id, view.header.published_at)
    if key is None:
        return Rejected("unknown-key", "proof.key_id")
    # 5, 6 and 7.
    try:
        disclosure.verify(view.signed, view.header, key)
    except ContractError as error:
        return Rejected(error.reason, error.field)
    # 8 and 9.
    return _cut_as_it_says(view) or Accepted(view, key, bundle.name)


def verify_notice(
    notice: WithdrawalNotice | PseudonymNotice, *, recipient: str, seen: bytes | None
) -> Rejected | None:
    """Return why a notice is rejected (steps 1 and 2), None when it stands; it carries no signature."""
    if notice.recipient != recipient:
        return Rejected("foreign-recipient", "recipient")
    if seen is not None and seen != notice.digest:
        return Rejected("other-content", "output_id")
    return None


def shown_sections(view: View) -> tuple[str, ...]:
    """Return the sections present, in the order of the type."""
    return tuple(name for name, raw in view.signed.sections if raw is not None)


def _addressed(view: View, recipient: str, seen: bytes | None) -> Rejected | None:
    if view.delivery.recipient != recipient:
        return Rejected("foreign-recipient", "passage.delivery.recipient")
    if seen is not None and seen != view.digest:
        return Rejected("other-content", "passage.delivery.output_id")
    return None


def _cut_as_it_says(view: View) -> Rejected | None:
    present = shown_sections(view)
    for item in view.delivery.withheld:
        if item.section not in view.signed.schema.sections:
            return Rejected("unknown-section", "passage.delivery.withheld")
        if item.section in present:
            return Rejected("withheld-but-present", item.section)
    if view.header.lifecycle is Lifecycle.RECALL and present:
        return Rejected("recall-with-content", present[0])
    return None
