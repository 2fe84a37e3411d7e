"""What a process shows of itself, asked over HTTP; and the closed sets that every label of every metric is from."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final, get_args

from kruispunt_schemas import schema as schemas
from kruispunt_schemas import topics
from kruispunt_schemas.health import Role
from kruispunt_schemas.pages import LATENCY_BUCKETS, OTHER
from kruispunt_schemas.reasons import REASONS
from kruispunt_schemas.records.backbone import DuplicateKind
from prometheus_client.parser import text_string_to_metric_families

CLOSED: Final[dict[str, frozenset[str]]] = {
    "role": frozenset(get_args(Role)),
    "source": frozenset(topics.KINDS),
    "target": frozenset(topics.KINDS),
    "record": frozenset(schemas.TOPIC_TYPES),
    "reason": REASONS,
    "kind": frozenset(DuplicateKind),
    "server": frozenset({"broker", "bundles", "database"}),
    "outcome": frozenset(
        {"stored", "again", "renamed", "recalled", "withdrawn", "rejected", "repeated", "status", "gap"}
    ),
    "le": frozenset({*map(str, LATENCY_BUCKETS), "+Inf"}),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a metric."""

    name: str
    labels: dict[str, str]
    value: float


def page(address: str, path: str) -> tuple[int, str]:
    """Return status and text of a page."""
    try:
        with urllib.request.urlopen(f"{address}{path}", timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def document(address: str, path: str) -> tuple[int, dict[str, Any]]:
    """Return status and document of ``/health`` or ``/ready``."""
    status, text = page(address, path)
    return status, json.loads(text)


def samples(text: str) -> list[Sample]:
    """Return the samples of a text of metrics."""
    return [
        Sample(sample.name, dict(sample.labels), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def value(found: list[Sample], name: str, **labels: str) -> float:
    """Return the sum of the samples of a name with these labels."""
    return sum(item.value for item in found if item.name == name and labels.items() <= item.labels.items())


def assert_closed(found: list[Sample]) -> None:
    """Assert that every label of every sample is from its closed set."""
    for sample in found:
        for label, text in sample.labels.items():
            assert text == OTHER or text in CLOSED[label], (sample.name, label, text)
