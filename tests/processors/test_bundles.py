from __future__ import annotations

import time
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from kruispunt_processors.bundles import STALE_SECONDS, BundleFollower, BundleRegister
from kruispunt_schemas import codec, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import PolicyError, UnavailableError
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.backbone import BundleActivation, BundleContent
from structlog.testing import capture_logs

from tests import drafts
from tests.drafts import MONDAY

FIRST = drafts.bundle()
SECOND = drafts.bundle(MONDAY + timedelta(days=300))
DAY = timedelta(days=1)


def content(bundle: Bundle) -> BundleContent:
    return BundleContent(bundle=bundle.name, content=bundle.content)


def activation(bundle: Bundle, at: datetime) -> BundleActivation:
    return BundleActivation(bundle=bundle.name, in_force_from=at, announced_at=at - DAY)


@pytest.fixture
def register() -> BundleRegister:
    found = BundleRegister()
    found.fresh_at = time.monotonic()
    return found


def test_the_latest_activation_that_is_not_later_decides(register: BundleRegister) -> None:
    for record in (
        content(SECOND),
        activation(SECOND, MONDAY),
        content(FIRST),
        activation(FIRST, MONDAY - 9 * DAY),
        activation(FIRST, MONDAY + DAY),
    ):
        register.add(record)
    microsecond = timedelta(microseconds=1)
    assert register.in_force(MONDAY - 9 * DAY - microsecond) is None
    assert register.in_force(MONDAY - 9 * DAY) == FIRST
    assert register.in_force(MONDAY - microsecond) == FIRST
    assert register.in_force(MONDAY) == SECOND
    assert register.in_force(MONDAY + DAY) == FIRST
    assert register.latest() == FIRST


def test_the_same_record_again_changes_nothing(register: BundleRegister) -> None:
    for _ in range(3):
        register.add(content(FIRST))
        register.add(activation(FIRST, MONDAY))
    assert register.in_force(MONDAY) == FIRST
    assert register.engine(FIRST.name) is register.engine(FIRST.name)


def test_nothing_is_in_force_before_anything_is_announced(register: BundleRegister) -> None:
    assert register.in_force(MONDAY) is None
    assert register.latest() is None


def test_a_stale_copy_waits_and_does_not_guess(
    register: BundleRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.add(content(FIRST))
    register.add(activation(FIRST, MONDAY))
    later = register.fresh_at + STALE_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert register.in_force(MONDAY) == FIRST
    monkeypatch.setattr(time, "monotonic", lambda: later + 0.1)
    with pytest.raises(UnavailableError, match="30 s old"):
        register.in_force(MONDAY)


def test_an_activation_whose_bytes_have_not_arrived_waits(register: BundleRegister) -> None:
    register.add(activation(FIRST, MONDAY))
    for ask in (lambda: register.in_force(MONDAY), register.latest, lambda: register.engine(FIRST.name)):
        with pytest.raises(UnavailableError, match=FIRST.name[:12]):
            ask()
    register.add(content(FIRST))
    assert register.in_force(MONDAY) == FIRST


def test_wrong_bytes_are_refused_and_leave_nothing_behind(register: BundleRegister) -> None:
    wrong = BundleContent(bundle=FIRST.name, content=SECOND.content)
    for record in (wrong, BundleContent(bundle=FIRST.name, content=b"{}")):
        with pytest.raises(PolicyError):
            register.add(record)
    with pytest.raises(UnavailableError):
        register.named(FIRST.name)
    register.add(content(FIRST))
    assert register.named(FIRST.name) == FIRST


def test_policies_that_do_not_hold_are_refused_and_leave_nothing_behind(register: BundleRegister) -> None:
    broken = FIRST.model_copy(update={"policies": "permit (principal, action, resource);"})
    broken = Bundle.model_validate(broken.model_dump())
    with pytest.raises(PolicyError, match="@id"):
        register.add(content(broken))
    with pytest.raises(UnavailableError):
        register.engine(broken.name)


async def test_a_record_that_cannot_be_read_is_reported_and_the_following_goes_on() -> None:
    """Regression: other bytes than the name says ended the follower in silence, and no worker could start again."""
    wrong = BundleContent(bundle=FIRST.name, content=SECOND.content)
    records: list[BundleContent | BundleActivation] = [wrong, content(SECOND), activation(SECOND, MONDAY)]
    topic = [SimpleNamespace(offset=0, value=b"garbage", headers=[])]
    for record in records:
        schema = schemas.load(type(record).__name__)
        topic.append(
            SimpleNamespace(
                offset=len(topic),
                value=wire.wrapped(1, codec.encode(record)),
                headers=list(drafts.headers_of(schema).items()),
            )
        )
    register = BundleRegister()
    follower: Any = BundleFollower("nowhere", register)
    follower._consumer = Topic(topic)
    with capture_logs() as logs:
        assert await follower._read()
    assert [entry["offset"] for entry in logs if entry["log_level"] == "error"] == [0, 1]
    assert register.in_force(MONDAY) == SECOND


class Topic:
    """Stands for a consumer of one partition."""

    def __init__(self, messages: list[SimpleNamespace]) -> None:
        self.messages = messages

    async def end_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        return {partition: len(self.messages) for partition in partitions}

    async def getmany(self, partition: Any, timeout_ms: int) -> dict[Any, list[SimpleNamespace]]:  # noqa: ARG002
        return {partition: self.messages}

    async def position(self, _partition: Any) -> int:
        return len(self.messages)
