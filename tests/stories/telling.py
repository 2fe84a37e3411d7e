"""Telling a story on the real road: who posts what, and what each participant then finds on its own topic.

What must happen stands in ``docs/stories.md``, in the table of each story, and nowhere else. Rules of a table
------------------------------------------------------------------------------------------------------------
1. A row says of one step and of the participants named what they get and by which rules. Who is in no row of a step gets
   nothing, whoever it is.
2. ``everything`` is every section that the originator gave but ``distribution``; ``everything but`` leaves some out; a
   list names sections. ``nothing`` and ``withdrawal`` are what they say.
3. Of who gets something the rules are every ground by which it is released, and every guard that withholds a section
   given. Of who gets nothing they are the guards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from uuid import UUID

from confluent_kafka import Message
from kruispunt_consumers.audit.balance import Verdict as Balance
from kruispunt_consumers.audit.replay import replay
from kruispunt_schemas import codec, disclosure, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.needtoknow.bitmaps import members_of
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.backbone import (
    Decision,
    OutputKind,
    SectionOutcome,
    Verdict,
    Withdrawal,
)

from tests import drafts
from tests.backbone import WITHIN, Backbone, schema_named
from tests.inboxes import Inboxes
from tests.waiting import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "stories.md"
HIDDEN = "distribution"
"""Released to nobody, so no row speaks of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    who: tuple[str, ...]
    gets: str
    rules: frozenset[str]

    def sections(self, given: frozenset[str]) -> frozenset[str]:
        """Return the sections that this row releases of those given."""
        if self.gets in ("nothing", "withdrawal"):
            return frozenset()
        if self.gets.startswith("everything"):
            left_out = _words(self.gets.removeprefix("everything").removeprefix(" but "))
            assert left_out <= given
            return given - left_out
        return _words(self.gets)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z_]+", text))


@cache
def table(story: int) -> dict[str, tuple[Row, ...]]:
    """Return the rows of a story by step."""
    (chapter,) = re.findall(rf"^## {story}\. .*?(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    found: dict[str, tuple[Row, ...]] = {}
    for steps, who, gets, rules in re.findall(
        r"^\| ([\d, ]+) \| (.+?) \| (.+?) \|(.*)\|$", chapter, re.MULTILINE
    ):
        names = tuple(re.findall(r"[a-z0-9-]+", who))
        row = Row(names, gets, frozenset(re.findall(r"`([a-z0-9-]+)`", rules)))
        for step in re.findall(r"\d+", steps):
            found[step] = (*found.get(step, ()), row)
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """One step as it happened: the decision, and what lies on each participant's own topic because of it."""

    decision: Decision
    views: dict[str, SignedBytes]
    withdrawals: dict[str, Withdrawal]

    def shown(self, participant: str) -> frozenset[str]:
        """Return the sections that a participant can read; all others are null in its view."""
        view = self.views.get(participant)
        return frozenset(name for name, raw in view.sections if raw is not None) if view else frozenset()

    def pseudonyms(self, participant: str) -> tuple[str, ...]:
        """Return what a participant is told of the persons in place of their names."""
        passage = self.views[participant].read_passage()
        assert passage is not None
        assert passage.delivery is not None
        return passage.delivery.persons


@dataclass
class Chain(Backbone):
    """A backbone with its bundle. found: what lies on each participant's topic, by output id."""

    bundle: Bundle = field(kw_only=True)
    inboxes: Inboxes = field(kw_only=True)
    found: dict[str, dict[UUID, SignedBytes | Withdrawal]] = field(init=False)

    def __post_init__(self) -> None:
        self.found = {row.id: {} for row in self.bundle.participants}

    def tell(self, story: int, step: str, owner: str, made: Draft) -> Told:
        """Post a step and check it against its table, participant by participant."""
        told = self.told(f"{story}.{step}", owner, made)
        self.check(table(story)[step], told, made, owner)
        return told

    def told(self, name: str, owner: str, made: Draft) -> Told:
        """Post a signal and return what became of it, once all that was decided has arrived."""
        signed = self.composed(made, originator=owner)
        posting = self.post(name, owner, *drafts.wired(signed))
        signal_id = signed.read_header().signal_id

        def over() -> Decision | bool:
            self.take(self.inboxes.take())
            return self.inboxes.over(posting, owner, signal_id)

        decision = wait_until(over, within=WITHIN, what=f"all that comes of {name}")
        assert isinstance(decision, Decision), f"{name} was not decided"
        assert {status.verdict for status in self.inboxes.statuses(posting)} == {Verdict.ACCEPTED}
        ids = {decisions.output_id(decision, output): output.recipient for output in decision.outputs}
        self.inboxes.read_to_the_end(self.take)
        views: dict[str, SignedBytes] = {}
        withdrawals: dict[str, Withdrawal] = {}
        for participant, outputs in self.found.items():
            for identifier, found in outputs.items():
                if isinstance(found, Withdrawal):
                    if found.decision_id == decision.decision_id:
                        withdrawals[participant] = found
                elif found.read_header().signal_id == decision.signal_id:
                    assert ids.get(identifier) == participant, f"{participant} got what was not decided"
                    views[participant] = found
        assert {*views, *withdrawals} == set(ids.values())
        return Told(decision, views, withdrawals)

    def take(self, messages: list[Message]) -> None:
        """Note the views and withdrawals among what came; each comes once."""
        for message in messages:
            outputs = self.found[topics.owner(message.topic() or "")]
            schema = schemas.by_fingerprint()[schema_named(message) or b""]
            payload = wire.unwrapped(message.value())
            if schema.name == "Withdrawal":
                withdrawal = codec.decode(schema, payload, Withdrawal)
                assert outputs.setdefault(withdrawal.output_id, withdrawal) is withdrawal
            elif schema.name in schemas.SIGNAL_TYPES:
                view = codec.decode_signed(schema, payload)
                passage = view.read_passage()
                assert passage is not None
                assert passage.delivery is not None
                assert outputs.setdefault(passage.delivery.output_id, view) is view

    def refused(self, name: str, owner: str, made: Draft) -> tuple[str | None, str | None]:
        """Post what the door refuses; return the reason and field that its owner is told. Nobody else learns of it."""
        posting = self.post_signal(name, made, originator=owner)
        entry = self.await_entry(name)
        self.inboxes.read_to_the_end(self.take)
        (status,) = wait_until(
            lambda: self.take(self.inboxes.take()) or self.inboxes.statuses(posting),
            within=WITHIN,
            what=f"the status of {name}",
        )
        assert (status.verdict, status.reason, status.field) == (Verdict.REFUSED, entry.reason, entry.field)
        assert self.decision(name) is None
        self.inboxes.read_to_the_end(self.take)
        for outputs in self.found.values():
            assert all(
                not isinstance(found, SignedBytes) or found.read_header().signal_id != entry.signal_id
                for found in outputs.values()
            )
        return status.reason, status.field

    def check(self, rows: tuple[Row, ...], told: Told, made: Draft, owner: str) -> None:
        """Hold what happened against the rows of a step: topics and decision record, participant by participant."""
        given = frozenset(name for name in made.sections.NAMES if made.sections.get(name) is not None) - {
            HIDDEN
        }
        expected = {name: row for row in rows for name in row.who}
        assert set(expected) <= set(self.bundle.by_id), set(expected) - set(self.bundle.by_id)
        outcomes = dict(self.outcomes(told.decision))
        actual = {
            name: (sorted(told.shown(name)), name in told.withdrawals)
            for name in (*told.views, *told.withdrawals)
        }
        wanted = {
            name: (sorted(row.sections(given)), row.gets == "withdrawal")
            for name, row in expected.items()
            if row.gets != "nothing"
        }
        differing = {
            name: (actual.get(name), wanted.get(name))
            for name in sorted({*actual, *wanted})
            if actual.get(name) != wanted.get(name)
        }
        assert not differing, f"(what happened, what the table says): {differing}"
        for name, row in expected.items():
            found = self.rules(told, name, outcomes[name], given)
            assert found == row.rules, f"{name}: {sorted(found)}, the table says {sorted(row.rules)}"
        for name, view in told.views.items():
            header = view.read_header()
            disclosure.verify(view, header, self.keys(owner).signer.public_key())
            (output,) = (item for item in told.decision.outputs if item.recipient == name)
            assert output.kind is OutputKind.VIEW
            assert identity.digest(view.encoded()) == output.digest

    def rules(
        self, told: Told, name: str, outcome: tuple[SectionOutcome, ...], given: frozenset[str]
    ) -> frozenset[str]:
        """Return the rules by which a participant gets what it gets, from the decision; its view must say the same."""
        grounds = {rule for item in outcome if item.released for rule in item.grounds}
        guards = {
            rule
            for item in outcome
            if not item.released and item.grounds and given & set(item.sections)
            for rule in item.guards
        }
        view = told.views.get(name)
        if view is not None:
            passage = view.read_passage()
            assert passage is not None
            assert passage.delivery is not None
            assert set(passage.delivery.grounds) == grounds
            withheld = {item.section: set(item.rules) for item in passage.delivery.withheld}
            assert set(withheld) == {section for section, _ in view.sections} - {
                section for item in outcome if item.released for section in item.sections
            }
            assert guards <= {rule for rules in withheld.values() for rule in rules}
        return frozenset(grounds | guards)

    def outcomes(self, decision: Decision) -> Iterator[tuple[str, tuple[SectionOutcome, ...]]]:
        """Give what the decision record says of each participant."""
        for members, group in decisions.members_by_group(self.bundle, decision.groups):
            for name in members_of(self.bundle, members):
                yield name, group.sections

    def audited(self) -> Balance:
        """Return the verdict of oversight once nothing is under way; it adds up."""

        def settled() -> Balance | None:
            found = replay(self.settings.addresses())
            return found if found.waiting == 0 else None

        verdict = wait_until(settled, within=WITHIN, what="an end of every posting")
        assert verdict.adds_up, [item.sentence for item in verdict.findings][:10]
        return verdict
