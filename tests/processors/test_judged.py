"""A judgement reaches recipients on real servers: revisions on ``resolved`` among signals, as resolve would put them there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from confluent_kafka import Message, TopicPartition
from confluent_kafka.admin import AdminClient
from kruispunt_processors.commands import quarantine
from kruispunt_schemas import codec, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.records.backbone import Decision, OutputKind, QuarantineEntry
from kruispunt_schemas.records.frame import Follower, Posting, Resolution
from kruispunt_schemas.records.judgements import PseudonymChange, Revision

from tests import drafts
from tests.backbone import ROLES, WITHIN, Backbone, deliveries, provisioned, schema_named
from tests.drafts import LTF, draft
from tests.observed import page, samples, value
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
GENT = "ltf-gent"


@dataclass(frozen=True)
class Lies:
    """Where a signal lies on ``resolved``, and what resolve said of it."""

    message: Message
    posting: Posting
    bundle: str
    case_key: bytes
    resolution: Resolution
    signal_id: UUID
    originator: str


@pytest.fixture(scope="module")
def backbone(request: pytest.FixtureRequest) -> Iterator[Backbone]:
    """A backbone at work, with a case and a second one on it."""
    with provisioned(request) as made:
        for role in ROLES:
            made.start(role)
        made.post_signal("case", draft(reference="judged/1", statement="First."))
        made.post_signal("old", draft(reference="judged/2", statement="Second."))
        yield made


def lies(backbone: Backbone, name: str) -> Lies:
    """Wait until a signal is decided, and return how it lies there."""
    wait_until(lambda: judged(backbone, name), within=WITHIN, what=f"the decision on {name}")
    for message in backbone.read(topics.RESOLVED.name):
        schema = schemas.by_fingerprint()[schema_named(message) or b""]
        if schema.signed:
            signed = codec.decode_signed(schema, wire.unwrapped(message.value()))
            passage, header = signed.read_passage(), signed.read_header()
            assert passage is not None
            if passage.posting == backbone.posted[name]:
                assert passage.bundle is not None
                assert passage.case_key is not None
                assert passage.resolution is not None
                return Lies(
                    message,
                    passage.posting,
                    passage.bundle,
                    passage.case_key,
                    passage.resolution,
                    header.signal_id,
                    header.originator,
                )
    raise AssertionError(name)


def judged(backbone: Backbone, name: str) -> dict[UUID | None, Decision]:
    """Return the decisions on a signal, by judgement."""
    return {
        record.judgement_id: record
        for record in backbone.records(topics.DECISIONS.name, Decision)
        if record.posting == backbone.posted[name]
    }


def judge(backbone: Backbone, lie: Lies, person: str, *following: str) -> UUID:
    """Put a revision of a signal behind it and return the judgement."""
    judgement = uuid4()
    record = Revision(
        revision_id=identity.revision_id(judgement, lie.posting),
        judgement_id=judgement,
        posting=lie.posting,
        originator=lie.originator,
        signal_id=lie.signal_id,
        case_key=lie.case_key,
        bundle=lie.bundle,
        resolution=Resolution(
            persons=(person,),
            supersedes=lie.resolution.supersedes,
            registered_as=lie.resolution.registered_as,
            followers=tuple(
                Follower(participant=name, event=identity.derived_id("test", name)) for name in following
            ),
        ),
        revised_at=datetime.now(UTC),
    )
    backbone.producer.produce(
        topics.RESOLVED.name,
        partition=lie.message.partition() or 0,
        key=lie.case_key,
        value=wire.wrapped(7, codec.encode(record)),
        headers=dict(drafts.headers_of(schemas.load("Revision"))),
    )
    assert backbone.producer.flush(30) == 0
    return judgement


def await_judged(backbone: Backbone, name: str, judgement: UUID) -> Decision:
    return wait_until(
        lambda: judged(backbone, name).get(judgement), within=WITHIN, what=f"what is decided again of {name}"
    )


def kinds(record: Decision) -> dict[str, OutputKind]:
    return {output.recipient: output.kind for output in record.outputs}


def test_a_judgement_reaches_a_new_follower_and_is_undone(backbone: Backbone) -> None:
    lie = lies(backbone, "case")
    forth = judge(backbone, lie, "somebody else", GENT)
    first = judged(backbone, "case")[None]
    record = await_judged(backbone, "case", forth)
    assert kinds(record) == {
        **dict.fromkeys((output.recipient for output in first.outputs), OutputKind.PSEUDONYMS),
        GENT: OutputKind.VIEW,
    }
    (view,) = deliveries(backbone, GENT)[identity.delivery_id(lie.originator, lie.signal_id, GENT, forth)]
    (output,) = [output for output in record.outputs if output.recipient == GENT]
    assert identity.digest(view.encoded()) == output.digest
    (change,) = backbone.records(topics.in_topic(LTF).name, PseudonymChange)
    assert change.view == identity.delivery_id(lie.originator, lie.signal_id, LTF)

    back = judge(backbone, lie, lie.resolution.persons[0])
    record = await_judged(backbone, "case", back)
    assert kinds(record)[GENT] is OutputKind.WITHDRAWAL
    (output,) = [output for output in record.outputs if output.recipient == GENT]
    assert decisions.replaced(record, output) == (
        identity.delivery_id(lie.originator, lie.signal_id, GENT, forth),
    )
    (own,) = deliveries(backbone, LTF)[change.view]
    passage = own.read_passage()
    assert passage is not None
    assert passage.delivery is not None
    (_, again) = backbone.records(topics.in_topic(LTF).name, PseudonymChange)
    assert again.persons == passage.delivery.persons
    _, counted = page(backbone.report("route")["address"], "/metrics")
    assert value(samples(counted), "kruispunt_decided_again_total") >= 2


def test_past_the_retention_a_view_is_owed_and_a_withdrawal_is_not(backbone: Backbone) -> None:
    lie = lies(backbone, "old")
    before = judge(backbone, lie, lie.resolution.persons[0], GENT)
    await_judged(backbone, "old", before)
    admin = AdminClient({"bootstrap.servers": backbone.settings.addresses().brokers})
    where = TopicPartition(
        topics.RESOLVED.name, lie.message.partition() or 0, (lie.message.offset() or 0) + 1
    )
    (removed,) = admin.delete_records([where]).values()
    removed.result(30)
    record = await_judged(backbone, "old", judge(backbone, lie, lie.resolution.persons[0], "ltf-verviers"))
    assert kinds(record) == {GENT: OutputKind.WITHDRAWAL, "ltf-verviers": OutputKind.OWED}
    assert record.rounds == (before,)


def test_a_revision_in_quarantine_is_sent_again_by_the_operator(backbone: Backbone) -> None:
    lie = lies(backbone, "case")
    elsewhere = Lies(
        lie.message,
        Posting(participant=lie.originator, offset=10_000, appended_at=lie.posting.appended_at),
        lie.bundle,
        lie.case_key,
        lie.resolution,
        lie.signal_id,
        lie.originator,
    )
    judge(backbone, elsewhere, "nobody")

    def entries() -> list[QuarantineEntry]:
        found = backbone.records(topics.QUARANTINE.name, QuarantineEntry)
        return [entry for entry in found if entry.record_type == "Revision"]

    (entry,) = wait_until(entries, within=WITHIN, what="the revision in quarantine")
    assert entry.reason == "not-decided"
    assert topics.is_partition(entry.posting.participant)
    words = ["retry", str(entry.entry_id), "--data", str(backbone.settings.data), "--json"]
    result = CliRunner().invoke(quarantine, words)
    assert (result.exit_code, result.stdout) == (0, '{\n  "retried": 1\n}\n'), result.output
    # Refused once more, and as the same entry: nothing says that its signal was.
    wait_until(lambda: len(entries()) == 2, within=WITHIN, what="the refusal of the retry")
    assert len(set(entries())) == 1
    assert not [
        item
        for item in backbone.records(topics.QUARANTINE.name, QuarantineEntry)
        if item.posting == lie.posting
    ]
