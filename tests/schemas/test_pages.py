from __future__ import annotations

import json
import os

import pytest
from kruispunt_schemas import pages
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.health import RATE_SECONDS, Health, Rate
from prometheus_client import CollectorRegistry, Counter

from tests.observed import assert_closed, page, samples, value


def health(*, live: bool = True, ready: bool = True) -> Health:
    return Health(
        role="route",
        pid=os.getpid(),
        live=live,
        ready=ready,
        uptime_seconds=4.0,
        behind=17,
        connected={"broker": True, "database": False},
    )


def test_the_pages_say_what_the_process_says() -> None:
    told = [health()]
    registry = CollectorRegistry()
    counter = Counter("kruispunt_things", "Things.", registry=registry)
    address = pages.serve(lambda: told[-1], registry)
    assert address.startswith("http://127.0.0.1:")
    assert page(address, "/health") == (200, health().model_dump_json(indent=1))
    told.append(health(ready=False))
    assert [page(address, path)[0] for path in ("/health", "/ready")] == [200, 503]
    told.append(health(live=False, ready=False))
    assert [page(address, path)[0] for path in ("/health", "/ready", "/elsewhere")] == [503, 503, 404]
    assert json.loads(page(address, "/health")[1])["live"] is False
    counter.inc(3)
    status, text = page(address, "/metrics")
    found = samples(text)
    assert status == 200
    assert value(found, "kruispunt_things_total") == 3
    assert value(found, "kruispunt_lag_messages", role="route") == 17
    assert value(found, "kruispunt_live") == 0
    assert value(found, "kruispunt_connected", server="broker") == 1
    assert value(found, "process_resident_memory_bytes") > 0
    assert_closed(found)


def test_a_port_that_is_taken_is_refused_with_its_number() -> None:
    port = int(pages.serve(health, CollectorRegistry()).rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=str(port)):
        pages.serve(health, CollectorRegistry(), port)


def test_a_rate_is_taken_over_the_last_seconds() -> None:
    now = [100.0]
    rate = Rate(clock=lambda: now[0])
    assert rate.per_second() == 0
    rate.note(1000)
    assert rate.per_second() == 0
    for second in range(1, 31):
        now[0] += 1
        rate.note(1000 + 50 * min(second, 20))
    assert rate.per_second() == 0, "nothing came in the last seconds"
    now[0] += 1
    rate.note(2050)
    assert rate.per_second() == pytest.approx(50 / RATE_SECONDS)
