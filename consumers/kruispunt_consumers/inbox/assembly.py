"""A participant's inbox put together: settings, keys, store, lock, topic, posting box, flusher.

Rules
-----
1. A participant's name is checked before it becomes part of a path.
2. One follower for each inbox: a lock on a file beside the store, which the kernel frees however the process ends.
3. Everything is opened before anything is read, so that a missing key, server or topic is learnt at once.

Must not: print.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kruispunt_producers.posting_box import PostingBox, box_path
from kruispunt_producers.publisher import Flusher, kafka_sender, wire_ids
from kruispunt_schemas import keys, topics
from kruispunt_schemas.failures import ConfigurationError, UnavailableError
from kruispunt_schemas.settings import Settings

from kruispunt_consumers.bundles import AnnouncedBundles
from kruispunt_consumers.inbox.follower import Follower, Notice, Parts
from kruispunt_consumers.inbox.intake import Event, Intake
from kruispunt_consumers.inbox.outgoing import Outgoing
from kruispunt_consumers.inbox.receipts import Clerk
from kruispunt_consumers.inbox.store import FOLDER, InboxStore, store_path
from kruispunt_consumers.inbox.topic import in_topic
from kruispunt_consumers.topic_reader import TopicReader


class InboxBusyError(UnavailableError):
    """Another process follows this inbox."""


def checked_participant(name: str) -> str:
    """Return the name; raise ConfigurationError when no participant can be called so."""
    if topics.PARTICIPANT.fullmatch(name) is None:
        raise ConfigurationError(
            "that is no participant's name: lower-case letters, digits and hyphens, as in ltf-antwerpen"
        )
    return name


def now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


@contextmanager
def clerk_of(data: Path, participant: str) -> Iterator[Clerk]:
    """Open what signs and enqueues for a participant; no server is needed."""
    signer = keys.read_participant(data, participant).signer
    with PostingBox(box_path(data, participant)) as box:
        yield Clerk(participant, signer, box)


@contextmanager
def follower_of(
    settings: Settings,
    participant: str,
    *,
    tell: Callable[[Event | Notice], None],
    stopping: Callable[[], bool],
) -> Iterator[Follower]:
    """Open everything that following needs."""
    addresses, data = settings.addresses(), settings.data
    signer = keys.read_participant(data, participant).signer
    with ExitStack() as opened:
        opened.enter_context(following_alone(data, participant))
        store = opened.enter_context(InboxStore(store_path(data, participant)))
        topic = opened.enter_context(in_topic(addresses.brokers, participant))
        bundles = AnnouncedBundles(TopicReader(addresses.brokers, client=f"inbox-{participant}"))
        bundles.read()
        box = opened.enter_context(PostingBox(box_path(data, participant)))
        outgoing = opened.enter_context(
            Outgoing(lambda: Flusher(box, kafka_sender(addresses), wire_ids(addresses, data)), time.monotonic)
        )
        yield Follower(
            Parts(
                topic=topic,
                store=store,
                intake=Intake(store, participant, bundles),
                clerk=Clerk(participant, signer, box),
                outgoing=outgoing,
                clock=now,
                tell=tell,
                stopping=stopping,
            )
        )


@contextmanager
def following_alone(data: Path, participant: str) -> Iterator[None]:
    """Hold the inbox's lock; raise InboxBusyError when another process has it."""
    folder = data / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder / f"{participant}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InboxBusyError(
                f"another process follows the inbox of {participant}: let it, or stop it first"
            ) from None
        yield
    finally:
        os.close(handle)
