from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from kruispunt_schemas.clocks import overdue, reply_due

SUNDAY_NIGHT = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
"""Two hours before the clocks of Brussels go forward."""


@pytest.mark.parametrize(
    ("urgent", "due"),
    [(True, datetime(2026, 3, 29, 7, 30, tzinfo=UTC)), (False, datetime(2026, 4, 4, 23, 30, tzinfo=UTC))],
)
def test_eight_hours_when_urgent_else_seven_days(urgent: bool, due: datetime) -> None:
    assert reply_due(SUNDAY_NIGHT, urgent=urgent) == due


def test_overdue_is_after_the_moment() -> None:
    due = reply_due(SUNDAY_NIGHT, urgent=True)
    assert not overdue(due, SUNDAY_NIGHT)
    assert not overdue(due, due)
    assert overdue(due, due + timedelta.resolution)
