"""Which bundle decides at which time, from what ``audit.bundles`` announces.

Rules
-----
1. In force at an append time is the activation with the latest ``in_force_from`` not after it; of two with the same
   time the one whose name sorts last, in whatever order they were announced.
2. A bundle's bytes must hash to its name and load; one that does not is entered (rule C8) and cannot be used.

Must not: read a topic or a clock.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow import bundle as bundles
from kruispunt_schemas.needtoknow.comparison import Policy
from kruispunt_schemas.records.backbone import BundleActivation, BundleContent

from kruispunt_consumers.audit.findings import Docket, Rule


@lru_cache(maxsize=16)
def _parsed(name: str, content: bytes) -> Policy:
    """Return a bundle with its policies parsed; what a policy says of facts is worked out once in a process."""
    return Policy.of(bundles.load(content, name))


@dataclass(slots=True)
class BundlesInForce:
    """The bundles of one backbone and when each decides."""

    docket: Docket
    _policies: dict[str, Policy] = field(default_factory=dict)
    _activations: list[tuple[datetime, str]] = field(default_factory=list)

    def announce(self, record: BundleContent | BundleActivation) -> None:
        """Take one announcement (rule C8)."""
        if isinstance(record, BundleActivation):
            self._activations.append((record.in_force_from, record.bundle))
            self._activations.sort()
            return
        if record.bundle in self._policies:
            return
        subject = f"bundle {record.bundle[:12]}"
        try:
            self._policies[record.bundle] = _parsed(record.bundle, record.content)
        except PolicyError:
            self.docket.fail(Rule.BUNDLES_SOUND, subject, "its bytes are not a bundle of that name")
            return
        self.docket.passed(Rule.BUNDLES_SOUND)

    def in_force(self, at: datetime) -> str | None:
        """Return the name of the bundle that decides what was appended at that time, None before the first."""
        place = bisect_right(self._activations, at, key=lambda item: item[0])
        return self._activations[place - 1][1] if place else None

    def policy(self, name: str | None) -> Policy | None:
        """Return a bundle by name, None when its bytes were never announced."""
        return self._policies.get(name) if name else None

    def check_announced(self) -> None:
        """Enter every activation whose bundle's bytes are nowhere (rule C8)."""
        for name in sorted({bundle for _, bundle in self._activations}):
            if name not in self._policies:
                self.docket.fail(
                    Rule.BUNDLES_SOUND, f"bundle {name[:12]}", "it was activated but its bytes lie nowhere"
                )
