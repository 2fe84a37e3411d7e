"""What an inbox has done, for Prometheus. Labels: the outcomes of `intake`. Must not: hold content, an id or a sender."""

from __future__ import annotations

from typing import Final

from kruispunt_schemas.pages import LATENCY_BUCKETS
from prometheus_client import CollectorRegistry, Counter, Histogram

from kruispunt_consumers.inbox.intake import Event

REGISTRY: Final = CollectorRegistry()
RECORDS: Final = Counter(
    "kruispunt_inbox_records", "Records of the topic, by what became of them.", ["outcome"], registry=REGISTRY
)
KEPT: Final = Histogram(
    "kruispunt_inbox_seconds",
    "Of each record: from the broker's append time to kept.",
    registry=REGISTRY,
    buckets=LATENCY_BUCKETS,
)


def taken(event: Event) -> None:
    """Count what became of one record."""
    RECORDS.labels(event.outcome.value).inc()
    if event.item is not None:
        KEPT.observe(max(0.0, (event.item.stored_at - event.item.appended_at).total_seconds()))
