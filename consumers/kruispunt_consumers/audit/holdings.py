"""Who held a person before: the holdings that repertory events register, and the followers that they cite.

In this order
-------------
1. An event has the id that follows from its posting. It registers holdings of the originator of the posting alone, of
   exactly the persons that it names; a duplicate registers none and has no followers (H1).
2. Each follower cited is one of a kind, in order, and holds: the event cited registered the first holding of that
   participant, of a person of this signal (H2). An event that was claimed and then set aside in quarantine is not on the
   topic until an operator retries it: what cites it is attested.
3. None is left out (H3), by the argument below.

Why none is left out, without a clock
-------------------------------------
Resolve registers the holdings of one person one after another, under a lock on the person. So the events of a person
form a chain: each cites the first holding of every participant (its own originator included) that stands before it, and
none behind it. The first event of a participant is the one that does not cite the participant itself. Of two events, one
must therefore stand before the other: what the earlier one cites, and itself if it is a first one, is among what the
later one cites. In other words, the first events of a person have one order in which each cites exactly those before it,
and what any other event cites is a beginning of that order. Who leaves a follower out of a first event makes two events
that do not know of each other, and no order of them is left.

What the chain leaves open: an event that is not the first of its originator is cited by nobody, so it could pretend to
stand further forward, though not before its originator's first one, nor before a version that it supersedes. Here the
broker's time helps: a posting that was appended after an event lay on the topic was resolved after it, by more than
`TOLERANCE` for the clocks of several brokers. Only what was resolved at about the same time stays open.

Which of two events is named when they do not know of each other is decided by the broker's time; that one of them is
wrong is not.

Must not: read a topic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.records.backbone import Stage
from kruispunt_schemas.records.frame import Follower

from kruispunt_consumers.audit.endings import Endings
from kruispunt_consumers.audit.findings import Docket, Rule
from kruispunt_consumers.audit.ledger import Ledger, Place, Registered, place_of

TOLERANCE: Final = timedelta(minutes=1)
"""By how much the clocks of the brokers of one cluster may differ."""


@dataclass(slots=True)
class HoldingExamination:
    """Examines every repertory event against all others; see the module."""

    docket: Docket
    ledger: Ledger
    endings: Endings
    _judged: frozenset[Place] = frozenset()
    _events: dict[UUID, Registered] = field(default_factory=dict)
    _versions: dict[tuple[str, UUID], Registered] = field(default_factory=dict)
    _set_aside: frozenset[tuple[str, UUID]] = frozenset()

    def close(self) -> None:
        """Make the checks of the module, in its order."""
        self._judged = frozenset(self.endings.looked_at(self.ledger.registered))
        self._set_aside = frozenset(
            (place.participant, identity.event_id(refusal.posting))
            for place, refusal in self.ledger.refusals.items()
            if refusal.stage is Stage.RESOLVE
        )
        by_person: dict[str, list[Registered]] = {}
        for event in self.ledger.registered.values():
            self._events[event.event_id] = event
            if event.duplicate_kind is None:
                self._versions[event.originator, event.signal_id] = event
                for person in {person for _, person in event.holdings}:
                    by_person.setdefault(person, []).append(event)
        for place in sorted(self._judged):
            event = self.ledger.registered[place]
            self._own(place, event)
            self._followers(place, event)
        for person in sorted(by_person):
            self._chain(by_person[person])

    def _own(self, place: Place, event: Registered) -> None:
        # 1.
        kept = event.duplicate_kind is None
        self.docket.check(
            Rule.HOLDING_OWN,
            place,
            "its repertory event has another id, or registers holdings that are not its originator's own",
            holds=event.event_id == identity.event_id(event.posting)
            and (event.originator == place.participant or not kept)
            and (kept or not (event.persons or event.holdings or event.followers))
            and sorted(event.holdings)
            == sorted((place.participant, person) for person in set(event.persons)),
        )

    def _followers(self, place: Place, event: Registered) -> None:
        # 2.
        names = [follower.participant for follower in event.followers]
        if names != sorted(set(names)):
            self.docket.fail(Rule.FOLLOWER_HOLDS, place, "its followers are not in their one form")
        for follower in event.followers:
            self._follower(place, event, follower)

    def _follower(self, place: Place, event: Registered, follower: Follower) -> None:
        cited = self._events.get(follower.event)
        if cited is not None:
            self.docket.check(
                Rule.FOLLOWER_HOLDS,
                place,
                f"it cites {place_of(cited.posting)} for {follower.participant}, which is not its first holding",
                holds=cited is not event
                and cited.duplicate_kind is None
                and _is_first(cited)
                and any((follower.participant, person) in cited.holdings for person in event.persons),
            )
        elif (follower.participant, follower.event) in self._set_aside:
            self.docket.attest(Rule.FOLLOWER_HOLDS)
        else:
            self.docket.missing(
                Rule.FOLLOWER_HOLDS,
                place,
                f"it cites an event of {follower.participant} that the repertory does not hold",
                since=event.seen_at,
            )

    def _chain(self, events: Sequence[Registered]) -> None:
        """Check the events of one person."""
        # 3.
        firsts = {event.event_id: event for event in events if _is_first(event)}
        cited = {
            event.event_id: {item.event for item in event.followers if item.event in firsts}
            for event in events
        }
        order: dict[UUID, int] = {}
        outside: set[UUID] = set()
        for event in sorted(
            firsts.values(),
            key=lambda item: (len(cited[item.event_id]), item.seen_at, place_of(item.posting)),
        ):
            known = cited[event.event_id] - outside
            fits = len(known) == len(order) and _begins(known, order)
            if fits:
                order[event.event_id] = len(order)
            else:
                outside.add(event.event_id)
            self._found(event, "it and an event of the same person do not know of each other", holds=fits)
        for event in events:
            if event.event_id in firsts:
                continue
            known = cited[event.event_id] - outside
            earlier = (self._versions.get((event.originator, signal_id)) for signal_id in event.supersedes)
            self._found(
                event,
                "a follower is left out, or it stands in no order with the events of the same person",
                holds=_begins(known, order)
                and all(
                    cited.get(item.event_id, set()) - outside <= known for item in earlier if item is not None
                )
                and not any(
                    firsts[other].seen_at + TOLERANCE < event.posting.appended_at
                    for other in order.keys() - known
                ),
            )

    def _found(self, event: Registered, sentence: str, *, holds: bool) -> None:
        place = place_of(event.posting)
        if place in self._judged:
            self.docket.check(Rule.FOLLOWERS_COMPLETE, place, sentence, holds=holds)


def _is_first(event: Registered) -> bool:
    """Tell whether an event registers its originator's first holding: it does not cite an earlier one."""
    return all(follower.participant != event.originator for follower in event.followers)


def _begins(known: set[UUID], order: dict[UUID, int]) -> bool:
    """Tell whether these are the first ones of an order."""
    return all(order.get(item, len(known)) < len(known) for item in known)
