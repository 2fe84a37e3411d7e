"""With what code a worker's process ends, and what that asks of whoever started it."""

from __future__ import annotations

from typing import Final

REFUSED: Final = 2
"""Something is missing or half given: waiting does not mend it."""
UNAVAILABLE: Final = 69
"""A server did not answer at the start: try again, with growing pauses."""
STALLED: Final = 75
"""It stood still: try again, with growing pauses."""
ORPHANED: Final = 76
"""Whoever started it is gone."""
RENEWED: Final = 77
"""Participants were added: start it again at once."""
