"""Statutory clocks: until when a request for information is to be answered.

Rules (Directive (EU) 2023/977, article 5: believed, to be checked against the text of its transposition)
-----
1. The clock starts when the recipient can have the request: the broker's append time.
2. Eight hours when it is urgent, seven days otherwise; days are calendar days of 24 hours.
3. The directive gives three days to an urgent request for what is not directly accessible. A request does not say where
   the information lies, so the shorter time is shown: it is a reminder, never a ground to refuse a late answer.

The directive binds between member states; that the chain keeps its times within the country too is a choice.
Must not: read a clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

URGENT: Final = timedelta(hours=8)
ORDINARY: Final = timedelta(days=7)


def reply_due(appended_at: datetime, *, urgent: bool) -> datetime:
    """Return until when a request is to be answered."""
    return appended_at + (URGENT if urgent else ORDINARY)


def overdue(due_at: datetime, now: datetime) -> bool:
    """Tell whether the time for a reply has passed; at the very moment it has not."""
    return now > due_at
