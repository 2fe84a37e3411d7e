"""After the kills: is everything there, once, and as the generator says?

Rules
-----
1. The audit's balance, with everything said to be complete: no failure, nothing under way.
2. The balance equals the generator's truth. What a killed publisher had in flight may lie on its topic twice, under the
   same id: exactly so many duplicates (or refusals, of what was refused) more than the truth knows, counted by the
   offsets that its outbox never heard of.
3. Every outbox is empty, and at each offset that it recorded lies the posting that it recorded.
4. Counted again from the topics alone, without the audit: no output id has two contents; repeats are reported.
5. Every inbox holds exactly the output ids on its topic, each once, and has no alert.

Must not: change the road, but for what the inboxes post.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kruispunt_consumers.audit.balance import Verdict
from kruispunt_consumers.audit.endings import Ending
from kruispunt_consumers.audit.findings import Severity
from kruispunt_consumers.inbox.store import InboxStore, store_path
from kruispunt_consumers.topic_reader import TopicReader
from kruispunt_consumers.topic_record import TopicRecord
from kruispunt_deploy.demonstration.truth import differences
from kruispunt_producers.posting_box import box_path
from kruispunt_producers.synthetic import Expected, Outcome
from kruispunt_producers.synthetic.truth import Channel
from kruispunt_schemas import identity, topics, wire

from tests.kills.world import World

OUTPUTS = (
    topics.ADMITTED,
    topics.RESOLVED,
    topics.REPERTORY,
    topics.REVIEWS,
    topics.QUARANTINE,
    topics.DECISIONS,
)
Again = Counter[tuple[str, int]]
"""Postings that lie on their topic more often than once: participant and the offset that its outbox recorded."""
INBOXES_AT_ONCE = 4
TASK_FORCES = "ltf-"


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What was found. wrong: sentences, none when everything is as promised."""

    postings: int
    decided: int
    duplicates: int
    quarantined: int
    views: int
    withdrawals: int
    receipts: int
    posted_again: int
    repeats: dict[str, int]
    wrong: list[str]

    @property
    def repeats_in_all(self) -> int:
        """Return how many outputs lie on a topic more than once."""
        return sum(self.repeats.values())


def reckon(world: World, verdict: Verdict, recipients: Iterable[str]) -> Reckoning:
    """Count everything; the road is quiet and every inbox has received."""
    reader = TopicReader(world.stack.addresses.brokers, client="kill-test")
    wrong = [
        f"audit {item.rule}: {item.subject}: {item.sentence}"
        for item in verdict.findings[:20]
        if item.severity is Severity.FAILURE
    ]
    if not verdict.adds_up or verdict.waiting:
        wrong.append(f"the audit does not add up: {verdict.failures} failures, {verdict.waiting} under way")
    posted = _read(reader, [topics.out_topic(name).name for name in world.show.participants])
    again, amiss = _outboxes(world, posted)
    wrong += amiss
    wrong += _truth(world, verdict, again)
    contents: dict[tuple[str, str], Counter[bytes]] = {}
    views: dict[str, set[str]] = {}
    names = [topic.name for topic in OUTPUTS] + [
        topics.in_topic(name).name for name in world.show.participants
    ]
    for record in _read(reader, names):
        headers = wire.header_map(record.headers)
        identifier, kind = headers["ce_id"].decode(), headers["ce_type"].decode().rpartition(".")[2]
        contents.setdefault((record.topic, identifier), Counter())[identity.digest(record.value)] += 1
        if record.topic.startswith(topics.IN_PREFIX) and kind != "Status":
            views.setdefault(topics.owner(record.topic), set()).add(identifier)
    wrong += [
        f"{topic}: the id {identifier} has {len(found)} contents"
        for (topic, identifier), found in contents.items()
        if len(found) > 1
    ]
    repeats: Counter[str] = Counter()
    for (topic, _), found in contents.items():
        repeats["in.*" if topic.startswith(topics.IN_PREFIX) else topic] += found.total() - 1
    for name in recipients:
        wrong += _inbox(world.data, name, views.get(name, set()))
    total = verdict.total
    return Reckoning(
        postings=total.posted - total.access,
        decided=total.decided,
        duplicates=total.duplicate,
        quarantined=total.quarantined,
        views=sum(item.views for item in verdict.received.values()),
        withdrawals=sum(item.withdrawals for item in verdict.received.values()),
        receipts=sum(item.stored + item.withdrawn for item in verdict.acknowledgements.values()),
        posted_again=again.total(),
        repeats={name: count for name, count in sorted(repeats.items()) if count},
        wrong=wrong,
    )


def receive(world: World, *, everybody: bool) -> list[str]:
    """Let the task forces, or everybody who was sent something, receive it; return who that is."""
    reader = TopicReader(world.stack.addresses.brokers, client="kill-test")
    own = [topics.in_topic(name).name for name in world.show.participants]
    sent = {topics.owner(item.topic) for item in reader.extents(own) if item.end > item.start}
    recipients = sorted(name for name in sent if everybody or name.startswith(TASK_FORCES))
    with ThreadPoolExecutor(INBOXES_AT_ONCE) as pool:
        list(pool.map(world.show.receive, recipients))
    return recipients


def _read(reader: TopicReader, names: list[str]) -> list[TopicRecord]:
    return list(reader.read(reader.extents(names)))


def _outboxes(world: World, posted: list[TopicRecord]) -> tuple[Again, list[str]]:
    """Hold every outbox to its topic (rule 3); return what lies there twice (rule 2)."""
    there: dict[str, dict[int, str]] = {}
    for record in posted:
        identifier = wire.header_map(record.headers).get("ce_id", b"").decode("utf-8", "replace")
        there.setdefault(topics.owner(record.topic), {})[record.offset] = identifier
    raw = _count(world.truth, Channel.RAW)
    sources = _count(world.truth, Channel.SOURCE)
    again: Again = Counter()
    wrong: list[str] = []
    for name in sorted(there):
        recorded = _recorded(box_path(world.data, name))
        if None in recorded.values():
            wrong.append(f"the outbox of {name} still holds postings")
        amiss = [each for each, offset in recorded.items() if there[name].get(offset or 0) != each]
        if amiss:
            wrong.append(f"{len(amiss)} postings of {name} are not where its outbox says")
        signals = sum(1 for _ in _signals(box_path(world.data, name)))
        if signals != sources[name]:
            wrong.append(f"the outbox of {name} made {signals} signals, the truth says {sources[name]}")
        twice = [
            each for offset, each in there[name].items() if each in recorded and recorded[each] != offset
        ]
        if len(twice) != len(there[name]) - len(recorded) - raw[name]:
            wrong.append(f"{name} has postings on its topic that neither its outbox nor the truth knows")
        if twice and name not in world.interrupted:
            wrong.append(f"{len(twice)} postings of {name} lie there twice, and its publisher was not killed")
        again.update((name, recorded[each] or 0) for each in twice)
    return again, wrong


def _truth(world: World, verdict: Verdict, again: Again) -> list[str]:
    """Hold the balance to the truth (rule 2): what lies there twice is a duplicate, or is refused twice."""
    ended = {(item.place.participant, item.place.offset): item for item in verdict.outcomes}
    more: Counter[str] = Counter()
    for (name, offset), count in again.items():
        first = ended[name, offset]
        refused = first.ending is Ending.QUARANTINED
        more[f"quarantine {first.reason} of {name}" if refused else f"duplicate SAME_SIGNAL of {name}"] += (
            count
        )
    return [
        f"{item.figure}: expected {item.expected + more[item.figure]}, found {item.found}"
        for item in differences(world.truth, verdict, world.show.refused_by_adapters())
        if item.found != item.expected + more[item.figure]
    ]


def _count(truth: Iterable[Expected], channel: Channel) -> Counter[str]:
    return Counter(
        item.participant
        for item in truth
        if item.channel is channel and item.outcome is not Outcome.REFUSED_BY_ADAPTER
    )


def _recorded(path: Path) -> dict[str, int | None]:
    """Return the ids of a box with the offsets that the broker gave, None for what waits."""
    rows = _rows(path, "select identifier, broker_offset from posting")
    return {str(identifier): None if offset is None else int(str(offset)) for identifier, offset in rows}


def _signals(path: Path) -> list[tuple[object, ...]]:
    return _rows(path, "select identifier from version")


def _rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    if not path.is_file():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as box:
        return box.execute(statement).fetchall()


def _inbox(data: Path, name: str, sent: set[str]) -> list[str]:
    """Hold an inbox to its topic (rule 5)."""
    with InboxStore(store_path(data, name), create=False) as store:
        kept = [str(item.output_id) for item in store.items()]
        alerts = store.alerts()
    wrong = [
        f"the inbox of {name} holds {identifier} twice" for identifier, n in Counter(kept).items() if n > 1
    ]
    if set(kept) != sent:
        wrong.append(
            f"the inbox of {name} lacks {len(sent - set(kept))} outputs and has {len(set(kept) - sent)} of nobody"
        )
    return wrong + [f"the inbox of {name} has an alert: {alert.reason}" for alert in alerts]
