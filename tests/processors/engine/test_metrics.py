from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kruispunt_processors
import kruispunt_schemas
from kruispunt_processors.engine import metrics
from kruispunt_processors.outputs import Outbound
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.reasons import INTERNAL_ERROR, REASONS
from kruispunt_schemas.records.backbone import Stage
from kruispunt_schemas.wire import Message
from prometheus_client import generate_latest

from tests import drafts
from tests.observed import assert_closed, samples, value

OUTBOUND = Outbound("/backbone/admit", {schemas.load(name).fingerprint: 7 for name in schemas.TOPIC_TYPES})


def shown() -> list[Any]:
    return samples(generate_latest(metrics.REGISTRY).decode())


def quarantined(reason: str) -> Message:
    return OUTBOUND.quarantine(
        Stage.ADMIT, drafts.posting(), reason=reason, field="header", detail="", value=b"v", headers={}
    )


def test_refusals_are_counted_by_reason_and_an_unknown_reason_is_no_label() -> None:
    before = shown()
    metrics.delivered("admit", [quarantined("signature"), quarantined("Jan Janssens"), quarantined("future")])
    after = shown()
    for reason in ("signature", "future", "other"):
        found = [value(each, "kruispunt_refusals_total", reason=reason) for each in (before, after)]
        assert found[1] == found[0] + 1
    assert_closed(after)


def test_what_is_not_ours_is_counted_as_other() -> None:
    message: Any = SimpleNamespace(topic="somebody.else's", timestamp=0.0)
    metrics.finished("route", [SimpleNamespace(message=message)], 0.1)
    metrics.delivered("route", [Message("no.topic", None, b"", [("ce_type", b"\xff")])])
    found = shown()
    assert_closed(found)
    assert value(found, "kruispunt_messages_total", role="route", source="other") == 1
    assert value(found, "kruispunt_outputs_total", role="route", record="other", target="other") == 1


def test_a_message_is_counted_with_its_age_and_never_with_an_age_below_0() -> None:
    late: Any = SimpleNamespace(topic="out.vsse", timestamp=4e9)
    metrics.finished("admit", [SimpleNamespace(message=late)], 0.1)
    found = shown()
    assert value(found, "kruispunt_messages_total", role="admit", source="out") == 1
    assert value(found, "kruispunt_signal_seconds_bucket", role="admit", le="0.01") == 1
    assert value(found, "kruispunt_signal_seconds_sum", role="admit") == 0


def test_the_reasons_are_all_that_the_code_gives() -> None:
    """A reason that is added belongs into `kruispunt_schemas.reasons` too, else metrics count it as another."""
    given: set[str] = set()
    for room in (kruispunt_schemas, kruispunt_processors):
        for path in Path(room.__path__[0]).rglob("*.py"):
            if "vectors" not in path.parts and path.name != "registry.py":
                given.update(_reasons(ast.parse(path.read_text())))
    assert given | {INTERNAL_ERROR} == REASONS


def _reasons(tree: ast.AST) -> Iterator[str]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        places = {"ContractError": 0, "Violation": 0, "Refused": 1}
        parts = [part.value for part in call.keywords if part.arg == "reason"]
        if name in places and len(call.args) > places[name]:
            parts.append(call.args[places[name]])
        for part in parts:
            if name in places or name == "quarantine":
                constants = [part.body, part.orelse] if isinstance(part, ast.IfExp) else [part]
                yield from (
                    item.value
                    for item in constants
                    if isinstance(item, ast.Constant) and isinstance(item.value, str)
                )
