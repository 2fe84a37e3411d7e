"""A real follower that stops at one point of its work and waits there to be killed.

``python -m tests.consumers.inbox.stops_at POINT PARTICIPANT``; prints ``reached`` when it is there.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from kruispunt_consumers.inbox.commands import inbox
from kruispunt_consumers.inbox.receipts import Clerk
from kruispunt_consumers.inbox.store import InboxStore
from kruispunt_producers.posting_box import PostingBox

POINTS = ("read", "stored", "enqueued", "sent")


def halt(*_arguments: object) -> None:
    """Say so, and wait for the end."""
    sys.stdout.write("reached\n")
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        signal.pause()


def put(owner: type, name: str, method: Callable[..., object]) -> None:
    """Replace a method."""
    setattr(owner, name, method)


def stop_at(point: str) -> None:
    """Make the follower halt: inside the store's transaction, after it, after the box has the receipts, after the broker has them."""
    post_owed: Callable[[Clerk, InboxStore], bool] = Clerk.post_owed

    def post_or_halt(clerk: Clerk, store: InboxStore) -> bool:
        if store.owed():
            halt()
        return post_owed(clerk, store)

    match point:
        case "read":
            put(InboxStore, "advance", halt)
        case "stored":
            put(Clerk, "post_owed", post_or_halt)
        case "enqueued":
            put(InboxStore, "mark_posted", halt)
        case "sent":
            put(PostingBox, "acknowledge", halt)
        case _:
            raise ValueError(point)


if __name__ == "__main__":
    stop_at(sys.argv[1])
    inbox(["follow", "--once", "--as", sys.argv[2]], standalone_mode=False)
