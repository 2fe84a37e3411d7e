"""The loop: where it starts, what it does about gaps, silence and a topic made anew. No server here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from kruispunt_consumers.inbox.follower import PATIENCE_POLLS, Follower, Notice, Parts, TopicRestartedError
from kruispunt_consumers.inbox.intake import Event, Outcome
from kruispunt_consumers.inbox.kept import AlertKind
from kruispunt_consumers.inbox.outgoing import RETRY_SECONDS, Outgoing
from kruispunt_consumers.inbox.reading import Arrival
from kruispunt_consumers.inbox.receipts import Clerk
from kruispunt_consumers.inbox.store import InboxStore
from kruispunt_consumers.inbox.topic import InTopic, Overtaken, Silence, Span
from kruispunt_producers.posting_box import FlusherLock, PostingBox, box_path
from kruispunt_producers.publisher import Flusher
from kruispunt_schemas.failures import UnavailableError

from tests.consumers.inbox.deliveries import (
    BUNDLE,
    ME,
    NOW,
    Announced,
    arrival,
    intake,
    output_id,
    signal,
    signer_of,
    view,
)

Step = tuple[Arrival, ...] | Overtaken | Silence


@dataclass
class ScriptedTopic:
    """A topic that gives what the script says, then nothing."""

    first: int
    end: int
    script: list[Step] = field(default_factory=list)
    name: str = f"in.{ME}"
    end_seen: int = 0
    started: list[int] = field(default_factory=list)
    looks: int = 0

    def span(self) -> Span:
        return Span(self.first, self.end)

    def start_at(self, offset: int) -> None:
        self.started.append(offset)

    def next(self, _seconds: float) -> Step:
        self.looks += 1
        return self.script.pop(0) if self.script else ()


@dataclass
class Sent:
    """Stands for the flusher."""

    pumps: int = 0

    def pump(self) -> None:
        self.pumps += 1

    def drain(self, _seconds: float) -> int:
        return 0


@dataclass
class Bench:
    """A follower over a scripted topic."""

    store: InboxStore
    box: PostingBox
    told: list[Event | Notice] = field(default_factory=list)

    def follow(
        self,
        topic: ScriptedTopic,
        *,
        once: bool = True,
        reread: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        Follower(
            Parts(
                topic=cast("InTopic", topic),
                store=self.store,
                intake=intake(self.store),
                clerk=Clerk(ME, signer_of(ME), self.box),
                outgoing=cast("Outgoing", Sent()),
                clock=lambda: NOW,
                tell=self.told.append,
                stopping=stop,
            )
        ).run(once=once, reread=reread)

    def outcomes(self) -> list[Outcome | str]:
        return [item.outcome if isinstance(item, Event) else item.text for item in self.told]


@pytest.fixture
def bench(store: InboxStore, tmp_path: Path) -> Bench:
    return Bench(store, PostingBox(box_path(tmp_path, ME)))


def delivered(offset: int) -> Arrival:
    return arrival(view(signal(reference=str(offset)), offset), offset)


def test_once_reads_to_the_end_and_posts_receipts(bench: Bench) -> None:
    topic = ScriptedTopic(0, 2, [(delivered(0),), (), (delivered(1),)])
    bench.follow(topic)
    assert topic.started == [0]
    assert bench.outcomes() == [Outcome.STORED, Outcome.STORED]
    assert bench.box.summary().queued == 2
    assert bench.store.owed() == ()


def test_it_goes_on_where_it_was(bench: Bench) -> None:
    bench.follow(ScriptedTopic(0, 1, [(delivered(0),)]))
    topic = ScriptedTopic(0, 2, [(delivered(1),)])
    bench.follow(topic)
    assert topic.started == [1]


def test_nothing_new_ends_without_a_look(bench: Bench) -> None:
    topic = ScriptedTopic(0, 0)
    bench.follow(topic)
    assert (topic.looks, bench.told) == (0, [])


def test_what_a_kill_left_owed_is_posted_at_start(bench: Bench) -> None:
    intake(bench.store).take([delivered(0)], NOW)
    assert bench.box.summary().queued == 0
    bench.follow(ScriptedTopic(0, 1))
    assert bench.box.summary().queued == 1


def test_a_topic_that_begins_later_is_an_alert_and_goes_on(bench: Bench) -> None:
    topic = ScriptedTopic(4, 5, [(delivered(4),)])
    bench.follow(topic)
    assert topic.started == [4]
    assert bench.outcomes() == [Outcome.GAP, Outcome.STORED]
    (alert,) = bench.store.alerts()
    assert (alert.kind, alert.offset, alert.until) == (AlertKind.RETENTION_GAP, 0, 4)


def test_retention_that_overtakes_while_reading_is_an_alert(bench: Bench) -> None:
    class Overtaking(ScriptedTopic):
        def next(self, seconds: float) -> Step:
            step = super().next(seconds)
            if isinstance(step, Overtaken):
                self.first = 3
            return step

    topic = Overtaking(0, 4, [(delivered(0),), Overtaken(), (delivered(3),)])
    bench.follow(topic)
    assert topic.started == [0, 3]
    assert bench.outcomes() == [Outcome.STORED, Outcome.GAP, Outcome.STORED]


def test_a_topic_made_anew_stops_until_told_to_reread(bench: Bench) -> None:
    bench.follow(ScriptedTopic(0, 2, [(delivered(0), delivered(1))]))
    with pytest.raises(TopicRestartedError, match="--reread"):
        bench.follow(ScriptedTopic(0, 1, [(delivered(0),)]))
    again = arrival(view(signal(reference="new"), 77), 0)
    bench.follow(ScriptedTopic(0, 1, [(again,)]), reread=True)
    assert bench.store.content(output_id(77)) is not None
    assert bench.store.next_offset() == 1


def test_rereading_is_harmless(bench: Bench) -> None:
    bench.follow(ScriptedTopic(0, 2, [(delivered(0), delivered(1))]))
    before = bench.store.items(), bench.box.summary().queued
    topic = ScriptedTopic(0, 2, [(delivered(0), delivered(1))])
    bench.follow(topic, reread=True)
    assert topic.started == [0]
    assert (bench.store.items(), bench.box.summary().queued) == before
    assert bench.outcomes()[2:] == [Outcome.REPEATED, Outcome.REPEATED]


def test_silence_is_told_once_and_waited_for(bench: Bench) -> None:
    topic = ScriptedTopic(0, 1, [Silence("no broker"), Silence("no broker"), (delivered(0),)])
    bench.follow(topic, once=False, stop=lambda: not topic.script)
    assert bench.outcomes() == ["no broker", Outcome.STORED]


def test_once_gives_up_on_silence(bench: Bench) -> None:
    topic = ScriptedTopic(0, 1)
    with pytest.raises(UnavailableError, match="could not be read to its end"):
        bench.follow(topic)
    assert topic.looks == PATIENCE_POLLS + 1


def test_a_batch_that_could_not_be_judged_is_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The announcements cannot be read: nothing is kept, nothing is rejected, and the same offset comes again."""
    topic = ScriptedTopic(0, 1, [(delivered(0),), (delivered(0),)])

    def unannounced(self: Announced, name: str) -> object:
        return None if self.reads == 0 and len(topic.script) == 1 else {BUNDLE.name: BUNDLE}.get(name)

    def silent(_self: Announced) -> None:
        raise UnavailableError("no broker")

    monkeypatch.setattr(Announced, "get", unannounced)
    monkeypatch.setattr(Announced, "read", silent)
    bench.follow(topic, once=False, stop=lambda: not topic.script)
    assert topic.started == [0, 0]
    assert bench.outcomes() == ["no broker", Outcome.STORED]
    assert bench.store.alerts() == ()


def test_another_process_may_hold_the_flusher(tmp_path: Path) -> None:
    """The inbox goes on receiving; it asks again for the lock every few seconds."""
    box = PostingBox(box_path(tmp_path, ME))
    asked = 0
    now = [0.0]

    def flusher() -> Flusher:
        nonlocal asked
        asked += 1
        return Flusher(box, lambda: pytest.fail("nothing to send"), lambda _fingerprint: 1)

    with FlusherLock(box.path.parent), Outgoing(flusher, lambda: now[0]) as outgoing:
        asked = 0
        outgoing.pump()
        assert (asked, outgoing.drain(1.0)) == (0, 0)
        now[0] += RETRY_SECONDS
        outgoing.pump()
        assert asked == 1
