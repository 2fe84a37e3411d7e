"""The pages of a long-running process, on loopback: ``/health``, ``/ready`` and ``/metrics``.

Rules
-----
1. A thread of its own serves them: a stuck event loop is told of, not waited for.
2. ``/health`` and ``/ready`` answer 200 when live or ready, else 503, with the same document (`health.Health`).
3. Labels come from closed sets; a value from outside is counted as `OTHER`. No content, id or reference in any.

Must not: be reachable from another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.health import Health

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOOPBACK: Final = "127.0.0.1"
OTHER: Final = "other"
LATENCY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""Seconds."""


def label(value: str, known: Container[str]) -> str:
    """Return a value of a closed set, `OTHER` for one from outside."""
    return value if value in known else OTHER


def serve(health: Callable[[], Health], registry: CollectorRegistry, port: int = 0) -> str:
    """Serve the pages from a daemon thread and return their base URL. port: 0 for a free one.

    registry: what ``/metrics`` shows, besides the health and the process. Raise ConfigurationError when the port is taken.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call] # else each counter has a twin with its birthday
    registry.register(_HealthMetrics(health))
    ProcessCollector(registry=registry)
    metrics: WSGIApplication = make_wsgi_app(registry)

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path == "/metrics":
            return metrics(environ, start)
        if path not in ("/health", "/ready"):
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/health, /ready or /metrics\n"]
        found = health()
        well = found.live if path == "/health" else found.ready
        start("200 OK" if well else "503 Service Unavailable", [("Content-Type", "application/json")])
        return [found.model_dump_json(indent=1).encode()]

    try:
        server = _Server((LOOPBACK, port), _Silent)
    except OSError as error:
        raise ConfigurationError(f"port {port} of {LOOPBACK} cannot be served: {error.strerror}") from None
    server.set_app(application)
    Thread(target=server.serve_forever, name="pages", daemon=True).start()
    return f"http://{LOOPBACK}:{server.server_port}"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # The stock one asks for the name of the address, which takes seconds where no resolver answers.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]
        self.setup_environ()


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: standard error is for the log."""


class _HealthMetrics(Collector):
    """The health as gauges, read when they are asked for."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the health is not asked for before the first look."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return one gauge for each figure."""
        found = self._health()
        figures: dict[str, tuple[str, float | None]] = {
            "live": ("Making progress, or nothing to do.", found.live),
            "ready": ("Work assigned, and able to do it.", found.ready),
            "uptime_seconds": ("Since the process started.", found.uptime_seconds),
            "restarts": ("Ends that nobody asked for, since the last clean one.", found.restarts),
            "lag_messages": ("Messages not done yet, or postings that wait.", found.behind),
            "unfinished_claims": ("Claims made and not marked.", found.unfinished),
            "refused": ("Records refused: by a stage, an adapter or an inbox.", found.refused),
            "oldest_unfinished_seconds": ("Age of the oldest claim or waiting posting.", found.oldest_seconds),
            "idle_seconds": ("Since the last batch ended.", found.idle_seconds),
        }  # fmt: skip
        for name, (text, value) in figures.items():
            gauge = GaugeMetricFamily(f"kruispunt_{name}", text, labels=["role"])
            gauge.add_metric([found.role], float(value or 0))
            yield gauge
        done = CounterMetricFamily("kruispunt_done", "Messages or postings done.", labels=["role"])
        done.add_metric([found.role], found.done)
        yield done
        servers = GaugeMetricFamily("kruispunt_connected", "Whether it answers.", labels=["role", "server"])
        for server, answers in found.connected.items():
            servers.add_metric([found.role, server], float(answers))
        yield servers
