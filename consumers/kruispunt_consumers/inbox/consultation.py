"""Opening a view: it may be shown, it still verifies, and the consultation is on record first.

Rules
-----
1. A view that is withdrawn, rejected or unknown is refused with the reason and what to do: a value.
2. What is on disk is verified again under the key that it was accepted with; a file that was tampered with shows
   nothing.
3. The consultation is durable in the posting box before this module hands out a view.

Must not: display.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas import codec, disclosure
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow.rules import Language

from kruispunt_consumers.inbox import wording
from kruispunt_consumers.inbox.kept import Content, Item, Kind, State
from kruispunt_consumers.inbox.reading import View, view_of
from kruispunt_consumers.inbox.receipts import Clerk
from kruispunt_consumers.inbox.store import InboxStore

MIN_PREFIX: Final = 6
"""Characters of an output id that must be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A view that may be displayed now, and the consultation that was recorded for it.

    persons: what its persons are called now.
    """

    view: View
    content: Content
    persons: tuple[str, ...]
    consultation_id: UUID
    user: str
    purpose: str
    consulted_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing is shown: why, and what to do next."""

    reason: str
    advice: str


def open_view(
    store: InboxStore,
    clerk: Clerk,
    output: str,
    *,
    user: str,
    purpose: str,
    now: datetime,
    new_id: Callable[[], UUID],
    language: Language = Language.EN,
) -> Opened | Refused:
    """Record the consultation of a view and return it, or say why it cannot be shown."""
    item = chosen(store, output)
    if isinstance(item, Refused):
        return item
    content = None if item.state is State.NOTICE else store.content(item.output_id)
    if content is None:
        ender = None if item.ended_by is None else store.item(item.ended_by)
        return _without_content(item, ender, language)
    try:
        view = _verified(content)
    except ContractError as error:
        return Refused(
            f"the copy in this inbox no longer verifies ({error.reason}: {error.field or 'record'})",
            "move the inbox file aside and receive again with `kruispunt inbox follow --once`",
        )
    consultation = new_id()
    clerk.record_consultation(
        consultation, item.output_id, view.header.signal_id, user=user, purpose=purpose, at=now
    )
    return Opened(
        view=view,
        content=content,
        persons=view.delivery.persons if content.renamed is None else content.renamed.persons,
        consultation_id=consultation,
        user=user,
        purpose=purpose,
        consulted_at=now,
    )


def chosen(store: InboxStore, output: str) -> Item | Refused:
    """Return the one output whose id is, or begins with, what was asked for."""
    asked = output.strip().lower()
    advice = "take an id from `kruispunt inbox list`"
    if len(asked) < MIN_PREFIX:
        return Refused(f"an id has at least {MIN_PREFIX} characters", advice)
    found = store.find(asked)
    if len(found) == 1:
        return found[0]
    return Refused(
        "no output has this id" if not found else f"{len(found)} outputs have ids that begin so", advice
    )


def _without_content(item: Item, ender: Item | None, language: Language) -> Refused:
    """Return why there is nothing to show. ender: what ended it."""
    later = "" if item.ended_by is None else f" by {item.ended_by}"
    match item.state:
        case State.WITHDRAWN if ender is not None and ender.facts is not None and ender.facts.again:
            return Refused(
                f"{wording.said('taken', language)} {ender.output_id}",
                f"open that one: `kruispunt inbox show {ender.output_id}`",
            )
        case State.WITHDRAWN:
            return Refused(f"it was withdrawn{later}: its content is erased", "nothing is left to show")
        case State.REJECTED:
            return Refused(
                f"it was rejected ({item.reason}: {item.field or 'record'}) and not kept",
                "tell the operator of the backbone; `kruispunt inbox follow --reread` tries again after an upgrade",
            )
        case _:
            named = ", ".join(str(each) for each in item.affects) or "nothing"
            if item.kind is Kind.PSEUDONYMS:
                return Refused(
                    f"{wording.said('renamed', language)} ({named})",
                    f"open that one: `kruispunt inbox show {named}`",
                )
            return Refused(
                f"it is a {item.kind.value} and has no content; it takes back {named}", "see `inbox list`"
            )


def _verified(content: Content) -> View:
    """Return the view on disk; raise ContractError when it no longer verifies."""
    schema = codec.schema_of(content.fingerprint)
    view = view_of(codec.decode_signed(schema, content.payload), content.payload, b"")
    if view.output_id != content.item.output_id:
        raise ContractError("other-content", "passage.delivery.output_id")
    disclosure.verify(view.signed, view.header, content.public_key)
    return view
