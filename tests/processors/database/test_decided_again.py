"""What a judgement asks for is decided once, in order, with what lies on the topic, and refused where it comes too late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from kruispunt_processors.bundles import BundleRegister
from kruispunt_processors.database.connection import transaction
from kruispunt_processors.database.tables import FIRST, decision_claim, delivered
from kruispunt_processors.engine.batches import run_batch
from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.quarantine import _behind, _is_known
from kruispunt_processors.retries import retry_headers
from kruispunt_processors.route import work
from kruispunt_processors.route.stage import RouteStage
from kruispunt_schemas import codec, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import again, decisions
from kruispunt_schemas.records.backbone import (
    BundleContent,
    Decision,
    OutputKind,
    QuarantineEntry,
    Stage,
    Withdrawal,
)
from kruispunt_schemas.records.frame import Delivery, Lifecycle
from kruispunt_schemas.records.judgements import PseudonymChange, Revision
from kruispunt_schemas.wire import Message
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests import drafts
from tests.drafts import BACKBONE, LTF, MONDAY, VSSE, composed, draft
from tests.processors.engine.sink import Sink
from tests.processors.route.lying import OUTBOUND, Lying, judgement, lain, revised, revision, signal

GENT, VERVIERS = "ltf-gent", "ltf-verviers"
NOW = MONDAY + timedelta(days=1, seconds=5)
CASE = composed()


class Failing(Sink):
    """A publisher that loses what it is given for as long as it is told to."""

    failing = True

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.failing:
            raise ConnectionError
        await super().publish(messages)


def stage(engine: AsyncEngine, lying: Lying) -> RouteStage:
    register = BundleRegister()
    register.add(BundleContent(bundle=drafts.bundle().name, content=drafts.bundle().content))
    return RouteStage(engine, register, OUTBOUND, BACKBONE.pseudonym, lying.look_up, lambda: NOW)


async def routed(engine: AsyncEngine, lying: Lying, *messages: Incoming) -> list[Message]:
    """Return what is sent for messages that lie on the topic."""
    sink = Sink()
    await stage(engine, lying).handle(messages, sink)
    return sink.sent


def records(sent: Sequence[Message]) -> list[Decision]:
    return [_decoded(item, Decision) for item in sent if item.topic == topics.DECISIONS.name]


def to(recipient: str, sent: Sequence[Message]) -> list[Any]:
    """Return what a recipient is sent: its views as deliveries, and the other records."""
    found: list[Any] = []
    for item in sent:
        if item.topic == topics.in_topic(recipient).name:
            schema = codec.schema_of(wire.fingerprint_of(wire.header_map(item.headers)))
            cls = {"Withdrawal": Withdrawal, "PseudonymChange": PseudonymChange}.get(schema.name)
            found.append(_delivery(item) if cls is None else _decoded(item, cls))
    return found


def _decoded(message: Message, cls: type[Any]) -> Any:
    return codec.decode(schemas.load(cls.__name__), wire.unwrapped(message.value), cls)


def _view(message: Message) -> SignedBytes:
    schema = codec.schema_of(wire.fingerprint_of(wire.header_map(message.headers)))
    return codec.decode_signed(schema, wire.unwrapped(message.value))


def _delivery(message: Message) -> Delivery:
    passage = _view(message).read_passage()
    assert passage is not None
    assert passage.delivery is not None
    return passage.delivery


async def current(engine: AsyncEngine) -> dict[UUID, UUID]:
    """Return the current views, each with the judgement that gave it."""
    async with transaction(engine) as connection:
        rows = await connection.execute(select(delivered).where(delivered.c.current.is_(True)))
        return {row.output_id: row.judgement for row in rows}


def pseudonyms(recipient: str, *persons: str) -> tuple[str, ...]:
    return tuple(sorted(identity.pseudonym(BACKBONE.pseudonym, recipient, person) for person in persons))


def case_lying(*following: str) -> Lying:
    """Return a topic on which a case lies that these follow."""
    lying = Lying()
    lying.add(signal(CASE, 3, *following))
    return lying


def judged(lying: Lying, number: int, *following: str, persons: Sequence[str] = ("p1",)) -> Incoming:
    """Put a revision of the case on the topic."""
    return lying.add(revised(revision(CASE, 3, number, *following, persons=persons)))


@pytest.mark.parametrize("together", [True, False])
async def test_a_follower_more_gets_a_view_and_the_others_other_pseudonyms(
    engine: AsyncEngine, together: bool
) -> None:
    lying = case_lying()
    judged(lying, 1, GENT, persons=("p2",))
    if together:
        sent = await routed(engine, lying, *lying.messages)
    else:
        sent = [item for message in lying.messages for item in await routed(engine, lying, message)]
    first, second = records(sent)
    assert (second.judgement_id, second.rounds, second.decided_at) == (judgement(1), (), NOW)
    assert second.decision_id == identity.decision_id(VSSE, first.signal_id, judgement(1))
    (view,) = to(GENT, sent)
    assert view.output_id == identity.delivery_id(VSSE, first.signal_id, GENT, judgement(1))
    assert view.decision_id == second.decision_id
    assert (view.grounds, view.replaces) == (("ground-follows-subject",), ())
    assert view.persons == pseudonyms(GENT, "p2")
    own, change = to(LTF, sent)
    assert own.persons == pseudonyms(LTF, "p1")
    assert change == PseudonymChange(
        output_id=identity.pseudonym_change_id(VSSE, first.signal_id, LTF, judgement(1)),
        recipient=LTF,
        decision_id=second.decision_id,
        originator=VSSE,
        view=own.output_id,
        persons=pseudonyms(LTF, "p2"),
        changed_at=NOW,
    )
    digests = {
        identity.digest(wire.unwrapped(item.value))
        for item in sent
        if item.topic.startswith(topics.IN_PREFIX)
    }
    assert digests == {output.digest for record in (first, second) for output in record.outputs}
    assert (await current(engine))[view.output_id] == judgement(1)
    assert (await current(engine))[own.output_id] == FIRST
    assert lying.asked == ([] if together else [("resolved", 0, 0)])


async def test_what_was_sent_and_marked_is_not_sent_again(engine: AsyncEngine) -> None:
    lying = case_lying()
    judged(lying, 1, GENT)
    assert await routed(engine, lying, *lying.messages)
    assert await routed(engine, lying, *lying.messages) == []
    # A revision that lies twice is one.
    assert await routed(engine, lying, judged(lying, 1, GENT)) == []


async def test_the_same_persons_and_followers_are_decided_and_nothing_is_sent(engine: AsyncEngine) -> None:
    lying = case_lying(GENT)
    await routed(engine, lying, *lying.messages)
    sent = await routed(engine, lying, judged(lying, 1, GENT))
    assert [item.topic for item in sent] == [topics.DECISIONS.name]
    assert records(sent)[0].outputs == ()


async def test_forth_and_back_gives_everybody_what_the_first_decision_gave(engine: AsyncEngine) -> None:
    lying = case_lying(GENT)
    (first,) = records(await routed(engine, lying, *lying.messages))
    forth = await routed(engine, lying, judged(lying, 1, VERVIERS, persons=("p2",)))
    (withdrawal,) = to(GENT, forth)
    assert withdrawal.withdraws == (identity.delivery_id(VSSE, first.signal_id, GENT),)
    back = await routed(engine, lying, judged(lying, 2, GENT))
    (view,) = to(GENT, back)
    assert (view.replaces, view.persons) == ((), pseudonyms(GENT, "p1"))
    assert [item.persons for item in to(LTF, back)] == [pseudonyms(LTF, "p1")]
    rounds = [first, *records(forth), *records(back)]
    held = again.standing(drafts.bundle(), rounds)
    assert set(await current(engine)) == {item.output_id for item in held.values()}
    assert {name: item.released for name, item in held.items()} == {
        name: item.released for name, item in again.standing(drafts.bundle(), rounds[:1]).items()
    }


async def test_the_view_of_a_round_is_replaced_by_a_correction_which_names_the_round(
    engine: AsyncEngine,
) -> None:
    lying = case_lying()
    judged(lying, 1, GENT)
    first = CASE.read_header().signal_id
    sent = await routed(engine, lying, *lying.messages)
    correction = composed(draft(version=2, statement="Corrected."))
    lying.add(signal(correction, 4, GENT, supersedes=(first,)))
    (record,) = records(await routed(engine, lying, lying.messages[-1]))
    assert (record.judgement_id, record.rounds) == (None, (judgement(1),))
    (output,) = [output for output in record.outputs if output.recipient == GENT]
    assert decisions.replaced(record, output) == (to(GENT, sent)[0].output_id,)
    assert set(await current(engine)) == {decisions.output_id(record, output) for output in record.outputs}


async def test_all_of_it_in_one_batch_is_the_same(engine: AsyncEngine) -> None:
    lying = case_lying()
    judged(lying, 1, GENT)
    judged(lying, 2)
    judged(lying, 3, GENT, VERVIERS)
    first = CASE.read_header().signal_id
    lying.add(signal(composed(draft(version=2)), 4, GENT, supersedes=(first,)))
    found = records(await routed(engine, lying, *lying.messages))
    assert [record.rounds for record in found] == [
        (),
        (),
        (judgement(1),),
        (judgement(1), judgement(2)),
        (judgement(3),),
    ]
    assert set(await current(engine)) == {
        decisions.output_id(found[-1], output)
        for output in found[-1].outputs
        if output.kind is OutputKind.VIEW
    }


async def test_a_view_whose_content_is_gone_is_owed_and_withdrawals_are_sent(engine: AsyncEngine) -> None:
    lying = case_lying(VERVIERS)
    await routed(engine, lying, *lying.messages)
    lying.gone.add(0)
    sent = await routed(engine, lying, judged(lying, 1, GENT))
    assert to(GENT, sent) == []
    assert [type(item) for item in to(VERVIERS, sent)] == [Withdrawal]
    (record,) = records(sent)
    (owed,) = [output for output in record.outputs if output.recipient == GENT]
    assert (owed.kind, owed.digest) == (OutputKind.OWED, again.NOTHING_SENT)
    assert identity.delivery_id(VSSE, record.signal_id, GENT, judgement(1)) not in await current(engine)
    assert records(await routed(engine, lying, judged(lying, 2, GENT)))[0].outputs == ()


async def test_where_it_lay_was_not_noted_the_view_is_owed(engine: AsyncEngine) -> None:
    """What was decided by a release that did not note it."""
    lying = case_lying()
    await routed(engine, lying, *lying.messages)
    async with transaction(engine) as connection:
        await connection.execute(
            decision_claim.update().values(lay_on=None, lay_in=None, lay_at=None, persons=None)
        )
    (record,) = records(await routed(engine, lying, judged(lying, 1, GENT)))
    kinds = {output.recipient: output.kind for output in record.outputs}
    assert kinds[GENT] is OutputKind.OWED
    # Whom they were told of is not known either: they are told.
    assert kinds[LTF] is OutputKind.PSEUDONYMS


async def test_what_was_claimed_and_not_sent_is_made_again_from_the_claim(engine: AsyncEngine) -> None:
    lying = case_lying(VERVIERS)
    await routed(engine, lying, *lying.messages)
    message = judged(lying, 1, GENT, persons=("p2",))
    failing = Failing()
    with pytest.raises(ConnectionError):
        await stage(engine, lying).handle([message], failing)
    failing.failing = False
    await stage(engine, lying).handle([message], failing)
    (record,) = records(failing.sent)
    sent = {identity.digest(wire.unwrapped(item.value)) for item in failing.sent[:-1]}
    assert sent == {output.digest for output in record.outputs}
    assert {output.kind for output in record.outputs} == {
        OutputKind.VIEW,
        OutputKind.WITHDRAWAL,
        OutputKind.PSEUDONYMS,
    }


async def test_a_view_that_was_claimed_and_whose_content_is_gone_since_is_refused(
    engine: AsyncEngine,
) -> None:
    lying = case_lying()
    await routed(engine, lying, *lying.messages)
    message = judged(lying, 1, GENT)
    with pytest.raises(ConnectionError):
        await stage(engine, lying).handle([message], Failing())
    lying.gone.add(0)
    with pytest.raises(ContractError, match="content-expired"):
        await routed(engine, lying, message)


async def test_a_debt_that_was_claimed_and_not_recorded_stays_one(engine: AsyncEngine) -> None:
    lying = case_lying()
    await routed(engine, lying, *lying.messages)
    message = judged(lying, 1, GENT)
    lying.gone.add(0)
    with pytest.raises(ConnectionError):
        await stage(engine, lying).handle([message], Failing())
    lying.gone.clear()
    (record,) = records(await routed(engine, lying, message))
    assert [output.kind for output in record.outputs] == [OutputKind.OWED]


OTHER = composed(draft(reference="2026/119", statement="Another."))
FORGED = replace(CASE, sections=composed(draft(statement="Something else.")).sections)


@pytest.mark.parametrize(
    ("lies", "reason"),
    [
        (signal(OTHER, 3), "other-content"),
        (signal(CASE, 4), "other-content"),
        (signal(FORGED, 3), "commitment-mismatch"),
    ],
)
async def test_content_that_is_not_the_signals_is_not_shown_to_anybody(
    engine: AsyncEngine, lies: Message, reason: str
) -> None:
    lying = case_lying(VERVIERS)
    await routed(engine, lying, *lying.messages)
    before = await current(engine)
    lying.messages[0] = lain(lies, 0)
    with pytest.raises(ContractError, match=reason):
        await routed(engine, lying, judged(lying, 1, GENT))
    assert await current(engine) == before
    # What needs no content does not wait for it.
    sent = await routed(engine, lying, judged(lying, 2))
    assert [type(item) for item in to(VERVIERS, sent)] == [Withdrawal]


async def test_a_signal_that_was_not_decided_is_not_decided_again(engine: AsyncEngine) -> None:
    lying = Lying()
    message = judged(lying, 1, GENT)
    with pytest.raises(ContractError, match="not-decided"):
        await routed(engine, lying, message)
    # Its signal comes from quarantine: then it can be.
    await routed(engine, lying, lying.add(signal(CASE, 3)))
    assert to(GENT, await routed(engine, lying, message))


async def test_a_version_that_was_corrected_is_not_decided_again(engine: AsyncEngine) -> None:
    lying = case_lying()
    lying.add(signal(composed(draft(version=2)), 4, supersedes=(CASE.read_header().signal_id,)))
    await routed(engine, lying, *lying.messages)
    with pytest.raises(ContractError, match="stale-version"):
        await routed(engine, lying, judged(lying, 1, GENT))


async def test_a_recall_is_not_decided_again(engine: AsyncEngine) -> None:
    recall = composed(draft(version=2, lifecycle=Lifecycle.RECALL))
    lying = case_lying()
    lying.add(signal(recall, 4, supersedes=(CASE.read_header().signal_id,)))
    await routed(engine, lying, *lying.messages)
    with pytest.raises(ContractError, match="a recall stands"):
        await routed(engine, lying, lying.add(revised(revision(recall, 4, 1, GENT))))


async def test_a_judgement_after_which_a_later_one_was_decided_is_overtaken(engine: AsyncEngine) -> None:
    """From quarantine it comes too late: the later one's followers are counted after both."""
    lying = case_lying()
    early, late = judged(lying, 1, GENT), judged(lying, 2)
    await routed(engine, lying, lying.messages[0], late)
    with pytest.raises(ContractError, match="a later judgement was decided already"):
        await routed(engine, lying, early)
    assert all(judgement(1) != given for given in (await current(engine)).values())


@pytest.mark.parametrize(
    "change", [{"case_key": b"k" * 32}, {"originator": "ocad"}, {"signal_id": UUID(int=5)}]
)
async def test_a_revision_of_something_else_is_refused(engine: AsyncEngine, change: dict[str, Any]) -> None:
    lying = case_lying()
    await routed(engine, lying, *lying.messages)
    record: Revision = replace(revision(CASE, 3, 1, GENT), **change)
    with pytest.raises(ContractError, match=r"value|position-reused"):
        await routed(engine, lying, lying.add(revised(record)))


async def test_two_workers_decide_a_judgement_once(engine: AsyncEngine, other: AsyncEngine) -> None:
    lying = case_lying()
    await routed(engine, lying, *lying.messages)
    for number in range(1, 8):
        message = judged(lying, number, *([GENT] if number % 2 else []))
        one, two = await asyncio.gather(routed(engine, lying, message), routed(other, lying, message))
        assert {record.rounds for record in records([*one, *two])} == {
            tuple(judgement(each) for each in range(1, number))
        }


async def test_many_revisions_are_taken_a_few_at_a_time(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "AGAIN_AT_ONCE", 2)
    lying = case_lying()
    for number in range(1, 6):
        judged(lying, number, *([GENT] if number % 2 else []))
    found = records(await routed(engine, lying, *lying.messages))
    assert [record.judgement_id for record in found] == [None, *map(judgement, range(1, 6))]
    # The signal was in the first part; the two after it ask for it.
    assert lying.asked == [("resolved", 0, 0)] * 2


async def test_a_revision_in_quarantine_is_not_its_signal_and_comes_back_from_there(
    engine: AsyncEngine,
) -> None:
    lying = Lying()
    message = judged(lying, 1, GENT)
    sink = Sink()
    assert await run_batch(stage(engine, lying), [message], sink) is None
    (entry,) = [_decoded(item, QuarantineEntry) for item in sink.sent]
    assert identity.posting_name(entry.posting) == "resolved.0/0"
    assert (entry.stage, entry.reason) == (Stage.ROUTE, "not-decided")
    assert (entry.record_type, entry.signal_id) == ("Revision", CASE.read_header().signal_id)
    assert _is_known(entry)
    assert _behind(entry) == drafts.posting(VSSE, 3)

    sent = Message(topics.RETRY.name, None, entry.value, retry_headers(entry))
    retry = lain(sent, 77, topics.RETRY.name)
    again_refused = Sink()
    assert await run_batch(stage(engine, lying), [retry], again_refused) is None
    assert [item.value for item in again_refused.sent] == [item.value for item in sink.sent]

    await routed(engine, lying, lying.add(signal(CASE, 3)))
    assert to(GENT, await routed(engine, lying, retry))
    # It lay before a later one, wherever it was read again.
    async with transaction(engine) as connection:
        rows = await connection.execute(
            select(decision_claim.c.lay_on, decision_claim.c.lay_at).where(
                decision_claim.c.judgement == judgement(1)
            )
        )
        assert rows.one() == ("resolved", 0)


async def test_a_retry_of_a_revision_that_names_a_posting_is_refused(engine: AsyncEngine) -> None:
    lying = case_lying()
    await routed(engine, lying, *lying.messages)
    message = judged(lying, 1, GENT)
    headers = {"kruispunt-retry-stage": b"ROUTE", "kruispunt-retry-posting": b"vsse/3/1"}
    retry = replace(message, topic=topics.RETRY.name, headers={**message.headers, **headers})
    with pytest.raises(ContractError, match="retry-headers"):
        await routed(engine, lying, retry)
