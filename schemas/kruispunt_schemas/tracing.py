"""Traces of a signal's road (W3C Trace Context, OpenTelemetry), exported by OTLP where an endpoint is configured.

Rules
-----
1. What travels does not depend on whether anybody traces: a record's ``traceparent`` is a function of what caused it, and
   the span recorded for it bears the same ids. So a replay sends the same header.
2. Without ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``..._TRACES_ENDPOINT``) nothing of the SDK is imported and nothing recorded.
   With it, the SDK reads the other ``OTEL_*`` settings by itself.
3. A trace begins with one posting and ends in the backbone. A delivery is a trace of its own, named by its output id: its
   recipient learns no id that others have (decision record 10). Inside the backbone the two are linked.
4. A span says stage, type of record and times; no content, no reference, no id of a signal, nobody's name.

Must not: raise where it records.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from kruispunt_schemas.failures import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_CHILD: Final = "kruispunt:trace:child:v1"
_OUTPUT: Final = b"kruispunt:trace:output:v1\0"
_SAMPLED: Final = "01"
TYPE: Final = "kruispunt.type"
STAGE: Final = "kruispunt.stage"


class TraceSettings(BaseSettings):
    """What decides whether traces are exported; the standard names, without a prefix of ours."""

    model_config = SettingsConfigDict(frozen=True)

    endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    traces_endpoint: str | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    disabled: bool = Field(default=False, validation_alias="OTEL_SDK_DISABLED")

    @property
    def wanted(self) -> bool:
        """Tell whether traces are to be exported."""
        return bool(self.endpoint or self.traces_endpoint) and not self.disabled


@dataclass(frozen=True, slots=True)
class Context:
    """A span's ids, lower-case hex: 32 and 16 digits; flags: ``01`` sampled, ``00`` not."""

    trace_id: str
    span_id: str
    flags: str = _SAMPLED

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    @classmethod
    def of(cls, traceparent: str | None) -> Context | None:
        """Return the context that a well-formed ``traceparent`` names, None without one."""
        if traceparent is None:
            return None
        return cls(traceparent[3:35], traceparent[36:52], traceparent[53:55])


def root() -> Context:
    """Return the context of a trace that begins here."""
    return Context(secrets.token_hex(16), secrets.token_hex(8))


def child(parent: str | None, *cause: str) -> Context:
    """Return the context of what a cause does in its parent's trace; without a parent, of a trace named by the cause.

    Causes are words of our own and positions: none holds a NUL.
    """
    digest = hashlib.sha256("\0".join((_CHILD, parent or "", *cause)).encode()).hexdigest()
    if parent is None:
        return Context(digest[:32], digest[32:48])
    return Context(parent[3:35], digest[:16], parent[53:55])


def of_output(output_id: UUID) -> Context:
    """Return the context of a delivery: whoever has the output can compute it, and it says nothing more."""
    digest = hashlib.sha256(_OUTPUT + output_id.bytes).hexdigest()
    return Context(digest[:32], digest[32:48])


class _Recorder:
    """The SDK, with ids given from outside."""

    def __init__(self, provider: TracerProvider, ids: Any) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - rule 2

        self._api = trace
        self._ids = ids
        self.provider = provider
        self._tracer = provider.get_tracer("kruispunt")

    def record(
        self,
        name: str,
        context: Context,
        parent: Context | None,
        times: tuple[int, int],
        attributes: dict[str, str],
        links: Sequence[Context],
    ) -> None:
        api = self._api
        self._ids.next = context
        begun = self._tracer.start_span(
            name,
            context=api.set_span_in_context(api.NonRecordingSpan(self._named(parent))) if parent else None,
            start_time=times[0],
            attributes=attributes,
            links=[api.Link(self._named(link)) for link in links],
        )
        begun.end(times[1])

    def _named(self, context: Context) -> Any:
        return self._api.SpanContext(
            int(context.trace_id, 16),
            int(context.span_id, 16),
            is_remote=True,
            trace_flags=self._api.TraceFlags(int(context.flags, 16)),
        )


_recorder: _Recorder | None = None


def start(service: str) -> None:
    """Export what is recorded from now on, where an endpoint is configured; what is left goes out when the process ends.

    service: the name of the process, ``kruispunt.admit``. Raise ConfigurationError when the SDK is not installed.
    """
    if not TraceSettings().wanted:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set and OpenTelemetry is not installed: pip install kruispunt-schemas[tracing]"
        ) from None
    export_to(BatchSpanProcessor(OTLPSpanExporter()), service)


def export_to(processor: Any, service: str) -> None:
    """Give what is recorded to a span processor of the SDK."""
    global _recorder  # noqa: PLW0603 - one process, one recorder
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - rule 2
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: PLC0415

    class Given(IdGenerator):
        """The ids of the context to be recorded next."""

        next = root()

        def generate_span_id(self) -> int:
            return int(self.next.span_id, 16)

        def generate_trace_id(self) -> int:
            return int(self.next.trace_id, 16)

    ids = Given()
    provider = TracerProvider(resource=Resource.create({"service.name": service}), id_generator=ids)
    provider.add_span_processor(processor)
    _recorder = _Recorder(provider, ids)


def stop() -> None:
    """Send what is left and record no more."""
    global _recorder  # noqa: PLW0603
    if _recorder is not None:
        _recorder.provider.shutdown()
        _recorder = None


def active() -> bool:
    """Tell whether anything is recorded: what is asked for must cost nothing otherwise."""
    return _recorder is not None


def record(
    name: str,
    context: Context,
    *,
    parent: str | None = None,
    times: tuple[int, int],
    record_type: str | None = None,
    links: Sequence[Context] = (),
) -> None:
    """Record a span with the ids of a context. times: begun and ended, nanoseconds since 1970.

    Called from one thread of a process.
    """
    if _recorder is not None:
        attributes = {STAGE: name} if record_type is None else {STAGE: name, TYPE: record_type}
        _recorder.record(name, context, Context.of(parent), times, attributes, links)
