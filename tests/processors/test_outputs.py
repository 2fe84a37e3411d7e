from __future__ import annotations

from kruispunt_processors.outputs import Outbound
from kruispunt_schemas import codec, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.records.backbone import QuarantineEntry, Stage, Status, Verdict
from kruispunt_schemas.wire import Message

from tests import drafts
from tests.drafts import MONDAY, composed

IDS = {schemas.load(name).fingerprint: number for number, name in enumerate(schemas.TOPIC_TYPES, 100)}
OUTBOUND = Outbound("/backbone/admit", IDS)
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def signal_message() -> Message:
    return OUTBOUND.signed("admitted", b"case", composed(), identifier="id", time=MONDAY, trace=TRACE)


def test_a_message_is_a_function_of_the_record_and_its_cause() -> None:
    assert signal_message() == signal_message()


def test_a_signal_is_in_the_wire_format_with_its_envelope() -> None:
    message = signal_message()
    schema = schemas.load("RadicalisationCase")
    headers = wire.header_map(message.headers)
    assert message.value == b"\x00" + IDS[schema.fingerprint].to_bytes(4, "big") + composed().encoded()
    assert wire.fingerprint_of(headers) == schema.fingerprint
    assert wire.traceparent_of(headers) == TRACE
    assert headers["ce_source"] == b"/backbone/admit"
    assert headers["ce_type"] == b"be.kruispunt.RadicalisationCase"
    assert headers["ce_id"] == b"id"
    assert (message.topic, message.key) == ("admitted", b"case")


def test_without_a_trace_there_is_no_header_of_one() -> None:
    status = Status(
        output_id=identity.status_id(drafts.posting(), Verdict.ACCEPTED),
        posting=drafts.posting(),
        verdict=Verdict.ACCEPTED,
    )
    message = OUTBOUND.record("in.vsse", None, status, identifier=status.output_id, time=MONDAY, trace=None)
    assert "traceparent" not in wire.header_map(message.headers)
    assert codec.decode(schemas.load("Status"), wire.unwrapped(message.value), Status) == status


def test_a_quarantine_entry_holds_the_bytes_as_read() -> None:
    headers = {"b": b"\xff\x00", "a": b"", "traceparent": TRACE.encode()}
    message = OUTBOUND.quarantine(
        Stage.RESOLVE,
        drafts.posting(offset=9),
        reason="stale-version",
        field="header.version",
        detail="late",
        value=None,
        headers=headers,
    )
    entry = codec.decode(schemas.load("QuarantineEntry"), wire.unwrapped(message.value), QuarantineEntry)
    assert (entry.value, entry.record_type, entry.signal_id) == (b"", None, None)
    assert [(raw.name, raw.value) for raw in entry.headers] == sorted(headers.items())
    assert entry.entry_id == identity.quarantine_id("RESOLVE", drafts.posting(offset=9))
    assert (message.topic, message.key) == (topics.QUARANTINE.name, b"vsse/9")
    assert wire.traceparent_of(wire.header_map(message.headers)) == TRACE
