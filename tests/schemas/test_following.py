from __future__ import annotations

from pathlib import Path

import pytest
from kruispunt_schemas import following, reports
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.following import STILL_SECONDS, Figures, Followed
from kruispunt_schemas.reports import Report, State
from prometheus_client import CollectorRegistry

from tests.observed import document


class Clock:
    """Stands for the module `time`."""

    def __init__(self) -> None:
        self.now = 500.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(following, "time", made)
    return made


def inbox(data: Path) -> Followed:
    return Followed(data, "inbox", "ltf-gent", CollectorRegistry())


def left(data: Path) -> Report:
    report = reports.read(reports.path_of(data, "inbox-ltf-gent"))
    assert report is not None
    return report


def test_a_loop_that_turns_is_live_and_ready_and_says_where(tmp_path: Path, clock: Clock) -> None:
    with inbox(tmp_path) as followed:
        assert left(tmp_path).state is State.STARTING
        assert not followed.health().ready
        followed.note(lambda: Figures(done=3, behind=2))
        assert (left(tmp_path).state, left(tmp_path).messages) == (State.WORKING, 3)
        assert document(left(tmp_path).address, "/ready")[0] == 200
        clock.now += STILL_SECONDS + 1
        status, health = document(left(tmp_path).address, "/health")
        assert (status, health["troubles"]) == (503, ["it stands still for 76 s"])
    assert left(tmp_path).state is State.STOPPED


def test_figures_are_taken_once_a_second(tmp_path: Path, clock: Clock) -> None:
    taken: list[float] = []

    def figures() -> Figures:
        taken.append(clock.now)
        return Figures()

    with inbox(tmp_path) as followed:
        for _ in range(40):
            followed.note(figures)
            clock.now += 0.125
    assert len(taken) == 5


def test_trouble_is_told_until_it_is_over(tmp_path: Path, clock: Clock) -> None:
    with inbox(tmp_path) as followed:
        followed.note(lambda: Figures(trouble="Kafka does not answer"))
        assert (left(tmp_path).state, left(tmp_path).error) == (State.WAITING, "Kafka does not answer")
        health = followed.health()
        assert (health.live, health.ready, health.troubles) == (True, False, ("Kafka does not answer",))
        clock.now += 1
        followed.note(Figures)
        assert followed.health().ready
        assert left(tmp_path).state is State.WORKING


def test_an_end_with_an_error_leaves_its_text_or_of_a_foreign_one_its_name(tmp_path: Path) -> None:
    for error, told in (
        (ConfigurationError("no keys"), "no keys"),
        (ValueError("content"), "it crashed (ValueError)"),
    ):
        with pytest.raises(type(error)), inbox(tmp_path):
            raise error
        assert (left(tmp_path).state, left(tmp_path).error) == (State.FAILED, told)
    with inbox(tmp_path) as followed:
        assert followed.health().restarts == 2
