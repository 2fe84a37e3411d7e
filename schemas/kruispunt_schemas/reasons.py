"""Every reason for which the backbone refuses a posting: a closed set, for a reason may be a label of a metric.

Rule: a reason that the code gives and that is not here is counted as another; a test compares the two.
"""

from __future__ import annotations

from typing import Final

INTERNAL_ERROR: Final = "internal-error"
"""A failure of ours: the bytes may be sound."""
REASONS: Final = frozenset(
    (
        *("birth", "check-digits", "classified", "commitment-mismatch", "commitments", "consensus", "content-expired"),
        *("embargo", "empty", "encoding", "future", "header-name", INTERNAL_ERROR, "level", "missing"),
        *("no-bundle", "not-a-posting", "not-decided", "not-entitled", "not-owner", "not-permitted", "not-taken"),
        *("other-content", "passage", "position-reused", "professional-secrecy", "retry-headers", "schema-mismatch", "signature"),
        *("stale-version", "text", "time-order", "too-long", "too-many", "trailing-bytes", "truncated"),
        *("type-mismatch", "unknown-group", "unknown-key", "unknown-municipality", "unknown-participant"),
        *("unknown-schema", "unknown-section", "unknown-site", "unknown-type", "unrecognised", "value"),
        *("version", "wire-format"),
    )
)  # fmt: skip
