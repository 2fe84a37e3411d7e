"""Past decisions and the bundles that they cite, read from ``audit.decisions`` and ``audit.bundles``.

Rules
-----
1. Both topics are read whole, to their end as it is now; a record that cannot be read is an error that names its place.
2. A decision that lies there twice, as after a replay, counts once.
3. A name is a prefix of a signal's id, a decision's, a delivery's or a bundle's; one that fits several is refused with what it fits.
4. A signal that a judgement made be decided again has several decisions; the last one stands, and is what a signal's id names.

Must not: judge a decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

from kruispunt_schemas import topics
from kruispunt_schemas.failures import ConfigurationError, ContractError, PolicyError
from kruispunt_schemas.jurist.options import with_policy
from kruispunt_schemas.needtoknow import again
from kruispunt_schemas.needtoknow import bundle as bundles
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.comparison import Changed, Difference, Policy, compare
from kruispunt_schemas.needtoknow.decisions import output_id
from kruispunt_schemas.records.backbone import BundleActivation, BundleContent, Decision

from kruispunt_consumers.audit import reading
from kruispunt_consumers.audit.replay import Reader
from kruispunt_consumers.topic_record import TopicRecord

T = TypeVar("T")

SHOWN: Final = 8
"""Names in an error, at most."""


@dataclass(slots=True)
class Past:
    """What was ever decided on one backbone, and under what."""

    decisions: dict[UUID, Decision] = field(default_factory=dict)
    bundles: dict[str, Bundle] = field(default_factory=dict)
    activations: list[BundleActivation] = field(default_factory=list)

    def decision(self, name: str) -> Decision:
        """Return a decision by a prefix of its id, its signal's (rule 4) or a delivery's; raise ConfigurationError."""
        known = self.decisions.values() if name else ()
        found = [
            *(item for item in self.standing().values() if name and str(item.signal_id).startswith(name)),
            *(item for item in known if str(item.decision_id).startswith(name)),
        ] or [
            item
            for item in known
            if any(str(output_id(item, output)).startswith(name) for output in item.outputs)
        ]
        return _one(name, "decision", {str(item.decision_id): item for item in found})

    def standing(self) -> dict[tuple[str, UUID], Decision]:
        """Return the decision that stands of each signal (rule 4), by originator and signal id."""
        found: dict[tuple[str, UUID], Decision] = {}
        for item in sorted(self.decisions.values(), key=again.number):
            found[item.originator, item.signal_id] = item
        return found

    def until(self, decision: Decision) -> list[Decision]:
        """Return the decisions of a signal up to this one, in their order."""
        last = again.number(decision)
        about = decision.originator, decision.signal_id
        found = [item for item in self.decisions.values() if (item.originator, item.signal_id) == about]
        return sorted((item for item in found if again.number(item) <= last), key=again.number)

    def bundle(self, name: str) -> Bundle:
        """Return an announced bundle by a prefix of its name; raise ConfigurationError."""
        return _one(
            name, "bundle", {key: item for key, item in self.bundles.items() if name and key.startswith(name)}
        )

    def latest(self) -> Bundle | None:
        """Return the bundle that is in force last, None before the first."""
        known = [item for item in self.activations if item.bundle in self.bundles]
        last = max(known, key=lambda item: (item.in_force_from, item.bundle), default=None)
        return self.bundles[last.bundle] if last else None

    def cited(self, decision: Decision) -> Bundle:
        """Return the bundle that a decision cites; raise PolicyError when it was never announced."""
        if (found := self.bundles.get(decision.bundle)) is None:
            raise PolicyError(
                f"decision {decision.decision_id} cites bundle {decision.bundle[:12]}, which lies nowhere"
            )
        return found


def read_past(reader: Reader) -> Past:
    """Return what lies on the two topics; raise ConfigurationError when they are not there."""
    past = Past()
    for record in _records(reader, topics.BUNDLES.name):
        _take(past, record)
    for record in _records(reader, topics.DECISIONS.name):
        _take(past, record)
    return past


def _take(past: Past, record: TopicRecord) -> None:
    """Take one record; raise ContractError or PolicyError with its place (rule 1)."""
    try:
        found = reading.parcel(record)
        if found.schema.name == "BundleContent":
            content = reading.decoded(found, BundleContent)
            past.bundles[content.bundle] = bundles.load(content.content, content.bundle)
        elif found.schema.name == "BundleActivation":
            past.activations.append(reading.decoded(found, BundleActivation))
        else:
            decision = reading.decoded(found, Decision)
            past.decisions.setdefault(decision.decision_id, decision)
    except ContractError as error:
        raise ContractError(error.reason, error.field, record.place) from None
    except PolicyError as error:
        raise PolicyError(f"{record.place}: {error}") from None


@dataclass(frozen=True)
class Side:
    """One side of a comparison: an announced bundle, or the policy of files on the bundle that each decision cites."""

    bundle: Bundle | None = None
    path: Path | None = None

    def policy(self, own: Bundle) -> Policy:
        """Return the policy for a decision under a bundle."""
        if self.bundle is not None:
            return parsed(self.bundle)
        return parsed(own) if self.path is None else _from_files(own, self.path)


def side(past: Past, name: str) -> Side:
    """Return a side by what a person calls it: a file, a folder, or a prefix of a bundle's name."""
    path = Path(name)
    return Side(path=path) if path.exists() else Side(bundle=past.bundle(name))


def differences(past: Past, old: Side, new: Side) -> Iterator[tuple[Decision, list[Changed]]]:
    """Give every decision that stands, with the sections that the two sides release differently, the oldest posting first."""
    for decision in sorted(
        past.standing().values(), key=lambda item: (item.posting.appended_at, str(item.decision_id))
    ):
        own = past.cited(decision)
        yield decision, list(compare(decision, own, old.policy(own), new.policy(own)))


def counted(found: Iterable[tuple[Decision, list[Changed]]]) -> tuple[Difference, list[Changed]]:
    """Return the counts of differences and the differences themselves."""
    difference, changes = Difference(), []
    for _, changed in found:
        difference.add(changed)
        changes += changed
    return difference, changes


@lru_cache(maxsize=16)
def parsed(bundle: Bundle) -> Policy:
    """Return the policy of a bundle; what it says of facts is worked out once in a process."""
    return Policy.of(bundle)


@lru_cache(maxsize=16)
def _from_files(own: Bundle, path: Path) -> Policy:
    return Policy.of(with_policy(own, path))


def _records(reader: Reader, topic: str) -> Iterator[TopicRecord]:
    extents = reader.extents([topic])
    if not extents:
        raise ConfigurationError(f"there is no topic {topic}: run `kruispunt provision`")
    yield from reader.read(extents)


def _one(name: str, what: str, found: dict[str, T]) -> T:
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise ConfigurationError(
            f"there is no {what} {name or 'without a name'}: give the first digits of its id"
        )
    some = ", ".join(sorted(found)[:SHOWN])
    raise ConfigurationError(f"{name} fits {len(found)} {what}s: {some}; give more digits")
