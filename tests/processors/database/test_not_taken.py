"""A message that PostgreSQL answers everything but: put aside in the end, and the others of its batch go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from kruispunt_processors.admit.admission import Admitted, admit
from kruispunt_processors.database import connection, locks
from kruispunt_processors.database.connection import open_engine, transaction
from kruispunt_processors.engine import batches as engine_batches
from kruispunt_processors.engine.batches import run_batch
from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.outputs import Outbound
from kruispunt_processors.resolve.stage import ResolveStage
from kruispunt_schemas import codec, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.records.backbone import QuarantineEntry, Stage
from sqlalchemy.ext.asyncio import AsyncEngine

from tests import drafts
from tests.drafts import BACKBONE, MONDAY, VSSE, composed, draft
from tests.processors.engine.sink import Sink

OUTBOUND = Outbound("/backbone/test", {schemas.load(name).fingerprint: 1 for name in schemas.TOPIC_TYPES})
POISON = 3


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STATEMENT_SECONDS", 0.3)
    monkeypatch.setattr(engine_batches, "RETRY_SECONDS", 0.3)
    monkeypatch.setattr(engine_batches, "ALONE_SECONDS", 0.1)


@pytest.fixture
async def hurried(cleared: str, short: None) -> AsyncIterator[AsyncEngine]:  # noqa: ARG001
    found = open_engine(cleared)
    yield found
    await found.dispose()


def admitted(offset: int) -> tuple[Incoming, bytes]:
    """Return a message of ``admitted`` and the key of its case."""
    value, headers = drafts.wired(
        composed(draft(reference=f"case/{offset}", statement=f"statement {offset}"))
    )
    outcome = admit(drafts.posting(VSSE, offset), value, headers, drafts.bundle(), BACKBONE.case)
    assert isinstance(outcome, Admitted)
    sent = OUTBOUND.signed(
        topics.ADMITTED.name,
        outcome.case_key,
        outcome.signed,
        identifier=str(identity.admitted_id(outcome.posting)),
        time=MONDAY,
        trace=None,
    )
    read = Incoming(sent.topic, 0, offset, MONDAY, sent.key, sent.value, wire.header_map(sent.headers))
    return read, outcome.case_key


def resolving(engine: AsyncEngine) -> ResolveStage:
    return ResolveStage(engine, OUTBOUND, lambda: BACKBONE, lambda: MONDAY + timedelta(seconds=4))


async def test_a_message_that_makes_postgresql_time_out_is_cornered_and_the_others_go_on(
    hurried: AsyncEngine, other: AsyncEngine
) -> None:
    """Regression: the whole batch was tried again for ever."""
    found = [admitted(offset) for offset in range(8)]
    stripes = {locks.stripe(b"case", key): offset for offset, (_, key) in enumerate(found)}
    assert len(stripes) == len(found)
    sink = Sink()
    async with transaction(other) as held:
        await locks.lock(held, locks.RESOLVE, [locks.stripe(b"case", found[POISON][1])])
        await run_batch(resolving(hurried), [message for message, _ in found], sink)
    resolved = [message for message in sink.sent if message.topic == topics.RESOLVED.name]
    assert len(resolved) == len(found) - 1
    (put_aside,) = [message for message in sink.sent if message.topic == topics.QUARANTINE.name]
    schema = schemas.load("QuarantineEntry")
    entry = codec.decode(schema, wire.unwrapped(put_aside.value), QuarantineEntry)
    assert (entry.stage, entry.reason, entry.posting.offset) == (Stage.RESOLVE, "not-taken", POISON)
    assert entry.value == found[POISON][0].value
    # Tried again once PostgreSQL takes it, it goes its way.
    await run_batch(resolving(hurried), [found[POISON][0]], sink)
    assert sink.sent[-2].topic == topics.RESOLVED.name


async def test_a_database_that_answers_nothing_corners_nothing(hurried: AsyncEngine) -> None:
    sink = Sink()
    silent = open_engine("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(UnavailableError):
        await run_batch(resolving(silent), [admitted(0)[0]], sink)
    assert sink.sent == []
    await silent.dispose()
    await run_batch(resolving(hurried), [admitted(0)[0]], sink)
    assert [message.topic for message in sink.sent] == [topics.RESOLVED.name, topics.REPERTORY.name]
