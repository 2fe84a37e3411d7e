"""An inbox of the task force of these tests, on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kruispunt_consumers.inbox.store import InboxStore, store_path

from tests.consumers.inbox.deliveries import ME


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InboxStore]:
    with InboxStore(store_path(tmp_path, ME)) as opened:
        yield opened
