"""Workers as processes on real servers: what a plain producer posts reaches its recipients, whatever lies between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_processors import exits
from kruispunt_processors.commands import quarantine
from kruispunt_producers.synthetic import generate, write_exports
from kruispunt_schemas import disclosure, identity, topics, tracing, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import Participant
from kruispunt_schemas.records.backbone import (
    DecidedOutput,
    Decision,
    OutputKind,
    QuarantineEntry,
    RepertoryEvent,
    Stage,
    Verdict,
    Withdrawal,
)
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.tracing import Context

from tests import drafts
from tests.backbone import ROLES, WITHIN, Backbone, deliveries, provisioned, schema_named
from tests.collector import Collector, collecting
from tests.drafts import LTF, OCAD, ORIGINATORS, VSSE, draft
from tests.observed import assert_closed, document, page, samples, value
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Where every process of the backbone exports its traces."""
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def backbone(request: pytest.FixtureRequest, collector: Collector) -> Iterator[Backbone]:
    """A backbone provisioned and at work on servers of its own."""
    with provisioned(request) as made:
        made.environment = collector.environment
        _poison(made)
        for role in ROLES:
            made.start(role)
        _post_everything(made)
        yield made


def _poison(backbone: Backbone) -> None:
    """Put what no stage could have written on every partition, before anything else."""
    never_admitted = backbone.composed(draft(reference="never admitted"))
    value, headers = drafts.wired(never_admitted)
    for topic in (topics.ADMITTED, topics.RESOLVED):
        for number in range(topic.partitions):
            for poison, with_headers in (
                (b"garbage", {}),
                (None, {}),
                (value[:40], headers),
                (value, headers),
            ):
                backbone.producer.produce(
                    topic.name, partition=number, value=poison, headers=dict(with_headers)
                )
    assert backbone.producer.flush(30) == 0


def _post_everything(backbone: Backbone) -> None:
    for signal_type in schemas.SIGNAL_TYPES:
        made = draft(signal_type, reference=f"{signal_type}/1", named=("ctif", "ocad"))
        backbone.post_signal(signal_type, made)
    backbone.post("garbage", VSSE, b"\x00\x00\x00\x00\x01garbage", {})
    other = replace(backbone.keys(OCAD).signer, key_id=backbone.keys(VSSE).signer.key_id)
    backbone.post_signal("forged", draft(reference="forged/1"), signer=other)
    backbone.post_signal("kept", draft(reference="kept/1", statement="Once."))
    backbone.post_signal("repeat", draft(reference="kept/2", statement="Once."))
    backbone.post_signal("second version", draft(reference="late/1", statement="Late, corrected.", version=2))
    backbone.post_signal("first version", draft(reference="late/1", statement="Late."))
    backbone.post_signal("original", draft(reference="recalled/1", statement="A mistake."))
    backbone.post_signal(
        "recall", draft(reference="recalled/1", statement="A mistake.", version=2, lifecycle=Lifecycle.RECALL)
    )
    backbone.post_signal("wide", draft(reference="narrowed/1", statement="Elsewhere."))
    # Excluded too: the task force follows the subject by now, wherever it is.
    narrowed = draft(
        reference="narrowed/1", statement="Elsewhere.", version=2, municipality=drafts.GENT, excluded=(LTF,)
    )
    backbone.post_signal("narrow", narrowed)
    backbone.post("receipt", LTF, *drafts.wired(drafts.receipt(signer=backbone.keys(LTF).signer)))
    backbone.post("consultation", LTF, *drafts.wired(drafts.consultation(signer=backbone.keys(LTF).signer)))


@pytest.mark.parametrize("signal_type", schemas.SIGNAL_TYPES)
def test_a_signal_of_each_type_reaches_every_recipient_of_its_decision(
    backbone: Backbone, signal_type: str
) -> None:
    decision = backbone.await_decision(signal_type)
    assert decision.outputs
    originator = backbone.keys(ORIGINATORS[signal_type]).signer.public_key()
    for output in decision.outputs:
        (view, *more) = deliveries(backbone, output.recipient)[decisions.output_id(decision, output)]
        assert more == []
        assert identity.digest(view.encoded()) == output.digest
        disclosure.verify(view, view.read_header(), originator)
    assert {status.verdict for status in backbone.statuses(signal_type)} == {Verdict.ACCEPTED}


def test_what_lies_between_stops_nobody_and_is_logged_without_content(backbone: Backbone) -> None:
    backbone.await_decision("RadicalisationCase")
    for role in ("resolve", "route"):
        assert backbone.workers[role].poll() is None
        assert "cornered" in backbone.log(role)
        assert "Seen near" not in backbone.log(role)


def test_what_nobody_posted_is_quarantined_where_it_lay(backbone: Backbone) -> None:
    """Regression: garbage on a topic between the stages was logged and lost."""
    expected = {
        (topic.name, f"{topic.name}.{number}", offset)
        for topic in (topics.ADMITTED, topics.RESOLVED)
        for number in range(topic.partitions)
        for offset in range(4)
    }

    def found() -> dict[tuple[str, str, int], QuarantineEntry]:
        stages = {Stage.RESOLVE: topics.ADMITTED.name, Stage.ROUTE: topics.RESOLVED.name}
        return {
            (stages[entry.stage], entry.posting.participant, entry.posting.offset): entry
            for entry in backbone.records(topics.QUARANTINE.name, QuarantineEntry)
            if topics.is_partition(entry.posting.participant)
        }

    entries = wait_until(
        lambda: (now := found()) and set(now) >= expected and now, within=WITHIN, what="quarantine of garbage"
    )
    reasons = [(entries[place].reason, len(entries[place].value)) for place in sorted(expected)[:4]]
    assert reasons == [
        ("unknown-schema", 7),
        ("unknown-schema", 0),
        ("truncated", 40),
        ("passage", len(entries[sorted(expected)[3]].value)),
    ]
    assert run(backbone, "retry", "--reason", "truncated") == {"retried": 0}


def test_a_retry_that_does_not_say_of_what_is_quarantined(backbone: Backbone) -> None:
    """Regression: every stage took it for another's."""
    backbone.producer.produce(
        topics.RETRY.name, partition=1, value=b"again", headers={"kruispunt-retry-stage": b"?"}
    )
    assert backbone.producer.flush(30) == 0

    def found() -> list[QuarantineEntry]:
        return [
            entry
            for entry in backbone.records(topics.QUARANTINE.name, QuarantineEntry)
            if entry.posting.participant == "retry.1"
        ]

    (entry,) = wait_until(found, within=WITHIN, what="quarantine of the retry")
    assert (entry.stage, entry.reason, entry.field, entry.value) == (
        Stage.ADMIT,
        "retry-headers",
        "headers",
        b"again",
    )


def test_receipts_and_consultations_are_forwarded_to_the_access_record(backbone: Backbone) -> None:
    def forwarded() -> dict[str, bytes]:
        return {
            str(schemas.by_fingerprint()[schema_named(message) or b""].name): message.key() or b""
            for message in backbone.read(topics.ACCESS.name)
        }

    found = wait_until(
        lambda: len(forwarded()) == 2 and forwarded(), within=WITHIN, what="two access records"
    )
    assert found == {"Receipt": LTF.encode(), "Consultation": LTF.encode()}


def test_what_is_refused_lies_in_quarantine_and_its_owner_is_told(backbone: Backbone) -> None:
    for name, reason in (("garbage", "unknown-schema"), ("forged", "signature")):
        entry = backbone.await_entry(name)
        assert (entry.stage, entry.reason) == (Stage.ADMIT, reason)
        (status,) = wait_until(partial(backbone.statuses, name), within=WITHIN, what="the owner's status")
        assert (status.verdict, status.reason) == (Verdict.REFUSED, reason)
    assert backbone.entries("garbage")[0].value == b"\x00\x00\x00\x00\x01garbage"


def test_of_a_repeated_content_one_is_decided_whichever_partition_is_read_first(backbone: Backbone) -> None:
    pair = (backbone.posted["kept"], backbone.posted["repeat"])

    def both() -> list[RepertoryEvent]:
        found = [
            event
            for event in backbone.records(topics.REPERTORY.name, RepertoryEvent)
            if event.posting in pair
        ]
        return found if len(found) == 2 else []

    events = wait_until(both, within=WITHIN, what="both repertory events")
    kept, repeat = sorted(events, key=lambda event: event.duplicate_kind is not None)
    assert (kept.duplicate_of, repeat.duplicate_of) == (None, kept.posting)
    backbone.await_decision("kept" if kept.posting == pair[0] else "repeat")
    assert backbone.decision("repeat" if kept.posting == pair[0] else "kept") is None


def test_a_version_that_comes_too_late_is_quarantined_by_resolve(backbone: Backbone) -> None:
    entry = backbone.await_entry("first version")
    assert (entry.stage, entry.reason, entry.field) == (Stage.RESOLVE, "stale-version", "header.version")
    assert backbone.await_decision("second version").version == 2
    assert backbone.decision("first version") is None
    assert {status.verdict for status in backbone.statuses("first version")} == {Verdict.ACCEPTED}


def test_a_recall_reaches_whoever_got_the_original(backbone: Backbone) -> None:
    original, recall = backbone.await_decision("original"), backbone.await_decision("recall")
    held = {output.recipient: (decisions.output_id(original, output),) for output in original.outputs}
    assert {output.recipient: decisions.replaced(recall, output) for output in recall.outputs} == held
    for output in recall.outputs:
        (view,) = deliveries(backbone, output.recipient)[decisions.output_id(recall, output)]
        assert all(raw is None for _, raw in view.sections)


def test_a_correction_that_narrows_withdraws_from_those_who_lose_it(backbone: Backbone) -> None:
    wide, narrow = backbone.await_decision("wide"), backbone.await_decision("narrow")
    (before,) = [decisions.output_id(wide, output) for output in wide.outputs if output.recipient == LTF]
    withdrawals = [
        record
        for record in backbone.records(topics.in_topic(LTF).name, Withdrawal)
        if before in record.withdraws
    ]
    (found,) = withdrawals
    assert found.decision_id == narrow.decision_id


def run(backbone: Backbone, *arguments: str) -> Any:
    result = CliRunner().invoke(quarantine, [*arguments, "--json", "--data", str(backbone.settings.data)])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_quarantine_is_listed_shown_and_tried_again_with_the_same_outcome(backbone: Backbone) -> None:
    first = backbone.await_entry("forged")
    position = identity.posting_name(backbone.posted["forged"])
    (listed,) = [
        item for item in run(backbone, "list", "--reason", "signature") if item["posting"] == position
    ]
    assert listed["id"] == str(first.entry_id)
    shown = run(backbone, "show", position)
    assert "value" not in shown
    assert run(backbone, "show", listed["id"][:12], "--bytes")["value"] == first.value.hex()
    assert run(backbone, "retry", position) == {"retried": 1}
    again = wait_until(
        lambda: (found := backbone.entries("forged")) and len(found) == 2 and found,
        within=WITHIN,
        what="a second refusal",
    )
    assert again == [first, first]
    statuses = wait_until(
        lambda: (found := backbone.statuses("forged")) and len(found) == 2 and found,
        within=WITHIN,
        what="a second status",
    )
    assert statuses[0] == statuses[1]


def test_a_retry_of_what_resolve_refused_decides_nothing_again(backbone: Backbone) -> None:
    first = backbone.await_entry("first version")
    done = backbone.report("resolve")["messages"]
    position = identity.posting_name(backbone.posted["first version"])
    assert run(backbone, "retry", position) == {"retried": 1}
    wait_until(lambda: backbone.report("resolve")["messages"] > done, within=WITHIN, what="the retry")
    assert {entry.entry_id for entry in backbone.entries("first version")} == {first.entry_id}
    assert all(entry == first for entry in backbone.entries("first version"))
    assert backbone.decision("first version") is None


def test_no_output_id_has_two_contents_and_nothing_is_sent_twice(backbone: Backbone) -> None:
    backbone.await_decision("narrow")
    rows = (row.id for row in drafts.bundle().participants)
    seen: dict[str, set[bytes]] = {}
    for topic in (
        *(topics.in_topic(name).name for name in rows),
        topics.DECISIONS.name,
        topics.REPERTORY.name,
    ):
        for message in backbone.read(topic):
            identifier = wire.header_map(message.headers())["ce_id"].decode()
            seen.setdefault(identifier, set()).add(message.value() or b"")
    assert len(seen) > 60
    assert {len(contents) for contents in seen.values()} == {1}


@pytest.mark.parametrize("role", ROLES)
def test_each_worker_tells_of_itself_without_content(backbone: Backbone, role: str) -> None:
    backbone.await_decision("narrow")
    address = wait_until(lambda: backbone.report(role).get("address"), within=WITHIN, what="an address")
    wait_until(lambda: page(address, "/ready")[0] == 200, within=WITHIN, what=f"a ready {role}")
    status, health = document(address, "/health")
    assert (status, health["role"], health["pid"]) == (200, role, backbone.workers[role].pid)
    assert (health["troubles"], health["behind"], health["unfinished"]) == ([], 0, 0)
    assert health["connected"] == dict.fromkeys(
        ("broker", "bundles", *(["database"] if role != "admit" else [])), True
    )
    _, text = page(address, "/metrics")
    found = samples(text)
    assert_closed(found)
    done = value(found, "kruispunt_messages_total", role=role)
    assert done == value(found, "kruispunt_signal_seconds_count", role=role) >= 8
    assert value(found, "kruispunt_batch_seconds_count", role=role) > 0
    assert value(found, "kruispunt_live") == value(found, "kruispunt_ready") == 1
    if role == "admit":
        assert value(found, "kruispunt_refusals_total", reason="signature") >= 1
        assert value(found, "kruispunt_outputs_total", record="Status", target="in") >= 10
    elif role == "resolve":
        assert value(found, "kruispunt_duplicates_total", kind="SAME_CONTENT") == 1
        assert value(found, "kruispunt_cornered_total") > 0
        assert value(found, "kruispunt_refusals_total", reason="stale-version") >= 1
    else:
        decisions = value(found, "kruispunt_outputs_total", record="Decision")
        assert decisions == value(found, "kruispunt_road_seconds_count") > 5
        assert value(found, "kruispunt_outputs_total", record="RadicalisationCase", target="in") > 3
        assert value(found, "kruispunt_outputs_total", record="Withdrawal") >= 1
    for secret in ("never admitted", "Seen near", "kept/1", drafts.LTF, drafts.VSSE):
        assert secret not in text


def agency_and_inbox(backbone: Backbone, *arguments: str) -> None:
    """Run a command of a participant to its end, in a process of its own that exports its traces."""
    addresses = backbone.settings.addresses()
    done = subprocess.run(
        [sys.executable, "-m", "kruispunt_schemas", *arguments, "--data", str(backbone.settings.data)],
        env={
            **os.environ,
            **backbone.environment,
            "KRUISPUNT_BROKERS": addresses.brokers,
            "KRUISPUNT_REGISTRY": addresses.registry,
        },
        capture_output=True,
        check=False,
        timeout=WITHIN,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]


def test_one_signal_is_followed_through_all_stages_by_its_trace(
    backbone: Backbone, collector: Collector
) -> None:
    scenario = generate(seed=5, signals=120)
    poster = "police-gent"
    write_exports(backbone.settings.data / "exports", scenario, poster, 1)
    source = f"csv:{backbone.settings.data / 'exports'}"
    agency_and_inbox(backbone, "agency", "publish", "--as", poster, "--from", source, "--json")

    def delivered() -> list[tuple[Decision, DecidedOutput]]:
        return [
            (record, output)
            for record in backbone.records(topics.DECISIONS.name, Decision)
            for output in record.outputs
            if record.posting.participant == poster and output.kind is OutputKind.VIEW
        ]

    decision, output = wait_until(delivered, within=WITHIN, what="a view of a signal of the agency")[0]
    agency_and_inbox(backbone, "inbox", "follow", "--as", output.recipient, "--once", "--json")

    (posted,) = [
        message
        for message in backbone.read(topics.out_topic(poster).name)
        if message.offset() == decision.posting.offset
    ]
    begun = Context.of(wire.traceparent_of(wire.header_map(posted.headers())))
    assert begun is not None
    stages = {"enqueue", "send", *ROLES}
    found = wait_until(
        lambda: (spans := collector.trace(begun.trace_id)).keys() >= stages and spans,
        within=WITHIN,
        what="a span of every stage",
    )
    assert found.keys() == stages, "one trace id from the posting box to the decision"
    assert {name: found[name].service for name in stages} == {
        "enqueue": "kruispunt.agency",
        "send": "kruispunt.agency",
        **{role: f"kruispunt.{role}" for role in ROLES},
    }
    parents = {"enqueue": "", "send": "enqueue", "admit": "enqueue", "resolve": "admit", "route": "resolve"}
    for name, parent in parents.items():
        assert found[name].parent == (found[parent].span_id if parent else "")
        assert found[name].attributes == {"kruispunt.stage": name, "kruispunt.type": decision.signal_type}
    for role in ROLES:
        ((trace_id, span_id),) = found[role].links
        batch = collector.trace(trace_id)[f"{role} batch"]
        assert (batch.span_id, batch.parent) == (span_id, "")

    delivery = tracing.of_output(decisions.output_id(decision, output))
    received = wait_until(
        lambda: len(spans := collector.trace(delivery.trace_id)) == 2 and spans,
        within=WITHIN,
        what="the spans of the delivery",
    )
    assert received.keys() == {"deliver", "store"}
    assert delivery.trace_id != begun.trace_id, "a recipient learns no id that others have"
    assert received["deliver"].span_id == received["store"].parent == delivery.span_id
    assert received["deliver"].links == ((begun.trace_id, found["route"].span_id),)
    assert received["store"].service == "kruispunt.inbox"


def test_spans_hold_no_content_and_nobodys_name(backbone: Backbone, collector: Collector) -> None:
    backbone.await_decision("narrow")
    names = {"enqueue", "send", "deliver", "store", *ROLES, *(f"{role} batch" for role in ROLES)}
    found = list(collector.spans)
    assert found
    for span in found:
        assert span.name in names
        assert span.service in {
            "kruispunt.agency",
            "kruispunt.inbox",
            *(f"kruispunt.{role}" for role in ROLES),
        }
        assert span.attributes.keys() <= {"kruispunt.stage", "kruispunt.type"}
        assert span.attributes.get("kruispunt.type", "Status") in schemas.TOPIC_TYPES
        assert span.seconds >= 0


def test_no_recipient_and_no_lasting_topic_gets_what_a_poster_put_into_its_trace(backbone: Backbone) -> None:
    """Regression: the trace that an originator chose, 24 bytes that nobody checks, went to every recipient."""
    decision = backbone.await_decision("wide")
    chosen = drafts.headers_of(schemas.load("Receipt"))["traceparent"].split(b"-")[1]
    lasting = [message for topic in sorted(topics.LASTING) for message in backbone.read(topic)]
    assert lasting
    assert all(
        "traceparent" not in wire.header_map(message.headers())
        for message in lasting
        if message.topic() != topics.BUNDLES.name
    )
    for output in decision.outputs:
        messages = backbone.read(topics.in_topic(output.recipient).name)
        for message in messages:
            headers = wire.header_map(message.headers())
            if wire.type_of(headers.items()) == "Status":
                continue  # its own posting's
            assert chosen not in headers["traceparent"]
            own = tracing.of_output(UUID(headers["ce_id"].decode()))
            assert headers["traceparent"].decode() == str(own)


@pytest.mark.parametrize("role", ROLES)
def test_sigterm_ends_a_worker_with_0(backbone: Backbone, role: str) -> None:
    wait_until(lambda: backbone.report(role).get("assigned"), within=WITHIN, what=f"partitions of {role}")
    worker = backbone.workers[role]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(15) == 0, backbone.log(role)[-2000:]


def test_a_worker_takes_up_where_it_stopped(backbone: Backbone) -> None:
    for role in ROLES:
        if backbone.workers[role].poll() is None:
            backbone.workers[role].terminate()
            backbone.workers[role].wait(15)
    backbone.post_signal("afterwards", draft(reference="afterwards/1", statement="Afterwards."))
    before = len(backbone.read(topics.DECISIONS.name))
    for role in ROLES:
        backbone.start(role)
    backbone.await_decision("afterwards")
    assert len(backbone.read(topics.DECISIONS.name)) == before + 1


def test_a_participant_added_by_a_newer_bundle_is_read_after_admit_ends_to_be_started_again(
    backbone: Backbone,
) -> None:
    """CONTRACT section 5: Faust's pattern subscription does not work, the list of topics is explicit."""
    newcomer = "ltf-newcomer"
    rows = [*read_participants(), Participant(id=newcomer, name="A newcomer", kind="local-task-force")]
    admin = AdminClient({"bootstrap.servers": backbone.settings.addresses().brokers})
    own = (topics.out_topic(newcomer), topics.in_topic(newcomer))
    for made in admin.create_topics([NewTopic(topic.name, 1, 1) for topic in own]).values():
        made.result(30)
    backbone.post("before", newcomer, b"\x00\x00\x00\x00\x01garbage", {})
    key = {row.id: (drafts.key_of(row.id),) for row in rows}
    backbone.announce(make(key, rows), in_force_from=datetime.now(UTC) + timedelta(seconds=60))
    assert backbone.workers["admit"].wait(WITHIN) == exits.RENEWED
    assert backbone.report("admit")["state"] == "renewing"
    assert backbone.workers["route"].poll() is None
    backbone.start("admit")
    (status,) = wait_until(
        lambda: backbone.statuses("before"), within=WITHIN, what="the status of the newcomer's posting"
    )
    assert status.verdict is Verdict.REFUSED
