"""One run of the whole road on servers of its own, with the small set of kills in it; see tests/kills."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kruispunt_consumers.audit.balance import Verdict

from tests.kills.running import Outcome, run
from tests.kills.schedules import SMALL
from tests.kills.world import World

RECIPIENT = "ltf-antwerpen"


@dataclass(frozen=True, slots=True)
class Run:
    """What the run left behind."""

    world: World
    outcome: Outcome
    verdict: Verdict


@pytest.fixture(scope="session")
def road(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Run the whole road once; skipped on servers that are not ours to kill."""
    if request.config.getoption("--stack") != "embedded":
        pytest.skip("only with --stack=embedded: the run kills processes and counts every topic")
    with tempfile.TemporaryDirectory(prefix="kruispunt-road-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        with World(Path(name) / "data", signals=SMALL.signals, seed=SMALL.seed) as world:
            yield Run(world, *run(world, SMALL))
