"""A trial: signals decided both ways and compared, and what was counted on the way.

Rules: the bundle is that of the reviewed rows with a few changes that the rows do not have (screenings that lapse, ad-hoc
groups that last, end and are over), for both judges alike. A share of a trial has its own matters, so that no two
processes decide the same. One that is large and among everybody has to use every rule often. Must not: print anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Final

import kruispunt_schemas
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import Bundle, Group, ParticipantKind
from kruispunt_schemas.needtoknow.bundle import load as load_bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine

from tests.drafts import key_of
from tests.judge.comparison import differences, expanded
from tests.judge.judge import Ruling, judge
from tests.judge.seen import World, sections_of
from tests.judge.signals import decided
from tests.judge.truth import Truth, Truths, publishers_of

LAPSES_EVERY: Final = 37
"""Of so many rows one has a screening that ends on `LAPSES_ON`."""
LAPSES_ON: Final = date(2026, 12, 10)
MEMBERS_EVERY: Final = 23
"""Of so many rows one is a member of the groups that are added, and so are the gateways."""
SIGNALS_A_MATTER: Final = 30
MATTERS: Final = (26, 1000)
"""Fewest and most matters of a trial: each is decided anew for every sort of participant."""
SHOWN: Final = 20
OFTEN: Final = 30
"""How many signals each rule has to decide in a trial of `LARGE` or more among everybody."""
LARGE: Final = 20_000


@dataclass(frozen=True)
class Divergence:
    """A signal on which the two judges differ."""

    truth: Truth
    differences: tuple[str, ...]


@dataclass
class Count:
    """What a trial, or a share of it, came to. used: signals in which a rule released or overruled something."""

    signals: int = 0
    divergent: int = 0
    shown: list[Divergence] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    released: Counter[tuple[str, str]] = field(default_factory=Counter)
    sizes: list[int] = field(default_factory=list)
    views: list[int] = field(default_factory=list)
    asked: int = 0
    evaluated: int = 0

    def add(self, other: Count) -> None:
        """Add what another share came to."""
        self.signals += other.signals
        self.divergent += other.divergent
        self.shown = (self.shown + other.shown)[:SHOWN]
        self.used += other.used
        self.released += other.released
        self.sizes += other.sizes
        self.views += other.views
        self.asked += other.asked
        self.evaluated += other.evaluated

    def note(self, kind: str, rulings: dict[str, tuple[Ruling, ...]]) -> None:
        """Note which rules were used on a signal, and which sections of its type were released."""
        rules: set[str] = set()
        for found in set(rulings.values()):
            for ruling in found:
                rules.update(ruling.grounds if ruling.released else ruling.guards)
                if ruling.released:
                    self.released[kind, ruling.section] += 1
        self.used.update(rules)


class Trial:
    """A number of signals among some participants. everybody: all of the chain, else those of the demonstration."""

    def __init__(self, signals: int, *, everybody: bool, seed: int = 1) -> None:
        self.bundle = load_bundle(bundle_of(everybody=everybody))
        self.engine = PolicyEngine(self.bundle.policies, self.bundle.policy_schema)
        self.world = World(self.bundle.content, type_sections())
        fewest, most = MATTERS
        matters = min(most, max(fewest, signals // SIGNALS_A_MATTER))
        self.truths = Truths(self.world, publishers_of(self.bundle.content), seed, matters=matters)
        self._signals = signals
        self._everybody = everybody

    def rarely_used(self, count: Count) -> list[str]:
        """Return the rules that a large trial among everybody did not use often, sorted."""
        if not self._everybody or self._signals < LARGE:
            return []
        return sorted(rule for rule in self.engine.rules if count.used[rule] < OFTEN)

    def numbers(self, share: int = 0, shares: int = 1) -> Iterator[int]:
        """Yield the numbers of the signals of a share, one matter after the other."""
        matters = len(self.truths.matters)
        for matter in range(share, matters, shares):
            yield from range(matter, self._signals, matters)

    def run(self, share: int = 0, shares: int = 1) -> Count:
        """Decide and judge the signals of a share, and return what was counted."""
        count = Count()
        asked, evaluated = self.engine.asked, self.engine.evaluated
        for number in self.numbers(share, shares):
            self.compare(self.truths.truth(number), count)
        count.asked, count.evaluated = self.engine.asked - asked, self.engine.evaluated - evaluated
        return count

    def compare(self, truth: Truth, count: Count) -> None:
        """Decide a signal, judge it, and count what was found."""
        decision, size = decided(self.bundle, self.engine, truth)
        verdict = judge(self.world, truth)
        found = differences(self.bundle, decision, verdict)
        count.signals += 1
        count.sizes.append(size)
        count.views.append(len(verdict.views))
        count.note(truth["type"], expanded(self.bundle, decision))
        if found:
            count.divergent += 1
            count.shown = [*count.shown, Divergence(truth, tuple(found))][:SHOWN]


@cache
def bundle_of(*, everybody: bool) -> bytes:
    """Return the canonical bytes of the bundle of a trial."""
    rows = read_participants(everything=everybody)
    made = make({row.id: (key_of(row.id),) for row in rows}, rows)
    data = made.model_dump()
    for place, row in enumerate(data["participants"]):
        if place % LAPSES_EVERY == 0:
            row["screened_until"] = LAPSES_ON
    members = tuple(
        row.id
        for place, row in enumerate(made.participants)
        if place % MEMBERS_EVERY == 0 or row.kind is ParticipantKind.GATEWAY
    )
    added = (
        _group("trial-ends-in-a-day", members, datetime(2026, 12, 10, 12, tzinfo=UTC)),
        _group("trial-is-over", members, datetime(2025, 1, 1, tzinfo=UTC)),
        _group("trial-lasts", members[::2], datetime(2030, 1, 1, tzinfo=UTC)),
    )
    kept = [*made.groups, *added]
    data["groups"] = [group.model_dump() for group in sorted(kept, key=lambda group: group.id)]
    return Bundle.model_validate(data).content


@cache
def type_sections() -> dict[str, tuple[str, ...]]:
    """Return the sections of every type of signal, from the schemas as they are published."""
    folder = Path(kruispunt_schemas.__file__).parent / "avro"
    return {
        name: sections_of((folder / f"{schemas.NAMESPACE}.{name}.avsc").read_bytes())
        for name in schemas.SIGNAL_TYPES
    }


def _group(name: str, members: tuple[str, ...], until: datetime) -> Group:
    return Group(
        id=name, name=name, members=members, valid_from=datetime(2020, 1, 1, tzinfo=UTC), valid_until=until
    )
