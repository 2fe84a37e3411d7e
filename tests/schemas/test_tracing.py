from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from kruispunt_schemas import tracing, wire
from kruispunt_schemas.tracing import Context, TraceSettings
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

TRACE = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
TIMES = (1_000, 2_000)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.export_to(SimpleSpanProcessor(exporter), "kruispunt.test")
    yield exporter
    tracing.stop()


def test_what_travels_is_well_formed_and_stays_in_its_trace() -> None:
    for made in (
        tracing.root(),
        tracing.child(TRACE, "admit", "out.vsse/0/4"),
        tracing.child(None, "admit"),
        tracing.of_output(uuid4()),
    ):
        assert wire.traceparent_of({"traceparent": str(made).encode()}) == str(made)
        assert Context.of(str(made)) == made
    assert tracing.child(TRACE, "admit").trace_id == "1" * 32
    assert tracing.child(TRACE[:-1] + "0", "admit").flags == "00"
    assert tracing.root() != tracing.root()


def test_the_same_cause_has_the_same_context_and_another_cause_another() -> None:
    made = tracing.child(TRACE, "admit", "out.vsse/0/4")
    assert made == tracing.child(TRACE, "admit", "out.vsse/0/4")
    others = {tracing.child(TRACE, "admit", "out.vsse/0/5"), tracing.child(TRACE, "resolve", "out.vsse/0/4")}
    others |= {
        tracing.child(str(made), "admit", "out.vsse/0/4"),
        tracing.child(None, "admit", "out.vsse/0/4"),
    }
    assert len(others | {made}) == 5


def test_a_delivery_has_a_trace_of_its_own_that_its_output_id_alone_gives() -> None:
    first, second = UUID(int=1), UUID(int=2)
    assert tracing.of_output(first) == tracing.of_output(first)
    assert tracing.of_output(first).trace_id != tracing.of_output(second).trace_id


def test_a_span_is_recorded_with_the_ids_that_travel(spans: InMemorySpanExporter) -> None:
    own = tracing.child(TRACE, "admit")
    batch = tracing.root()
    tracing.record("admit", own, parent=TRACE, times=TIMES, record_type="FeedbackSheet", links=[batch])
    tracing.record("admit batch", batch, times=TIMES)
    child, root = spans.get_finished_spans()
    assert child.context is not None
    assert child.parent is not None
    assert (f"{child.context.trace_id:032x}", f"{child.context.span_id:016x}") == (own.trace_id, own.span_id)
    assert f"{child.parent.span_id:016x}" == "2" * 16
    assert (child.start_time, child.end_time) == TIMES
    assert dict(child.attributes or {}) == {"kruispunt.stage": "admit", "kruispunt.type": "FeedbackSheet"}
    assert [f"{link.context.trace_id:032x}" for link in child.links] == [batch.trace_id]
    assert root.parent is None
    assert root.context is not None
    assert f"{root.context.span_id:016x}" == batch.span_id


def test_nothing_is_recorded_where_nobody_asked() -> None:
    assert not tracing.active()
    tracing.record("admit", tracing.root(), times=TIMES)
    tracing.start("kruispunt.test")
    assert not tracing.active()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_standard_settings_decide(
    environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert TraceSettings().wanted is wanted


def test_the_sdk_is_not_imported_where_no_endpoint_is_configured() -> None:
    """The worker's modules, the publisher's and the inbox's load none of it, nor does a passage."""
    program = (
        "import sys, kruispunt_processors.workers, kruispunt_producers.publisher, kruispunt_consumers.inbox.follower\n"
        "from kruispunt_schemas import tracing\n"
        "tracing.start('x'); tracing.record('x', tracing.child(None, 'x'), times=(1, 2))\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
