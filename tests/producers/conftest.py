"""Fixtures of the producers' tests: a participant with keys and a box, and small scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kruispunt_producers.posting_box import PostingBox, box_path
from kruispunt_producers.synthetic import Scenario, generate
from kruispunt_schemas.keys import ParticipantKeys, create_participant

PARTICIPANT = "police-gent"


@pytest.fixture
def keys(tmp_path: Path) -> ParticipantKeys:
    return create_participant(tmp_path, PARTICIPANT)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[PostingBox]:
    with PostingBox(box_path(tmp_path, PARTICIPANT)) as found:
        yield found


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return generate(seed=7, signals=400)
