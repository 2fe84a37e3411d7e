"""Why a participant received what it did, from the decision record and the bundle that it cites.

Rules
-----
1. What happened is what the record says of the participant's group; it is derived again from the recorded facts, and
   ``agrees`` tells whether the two are equal.
2. A fact mattered when a rule behind the outcome reads it; each names the evidence that the record cites for it, or the
   row of the bundle, or the broker's time.
3. Where no ground permits, the facts that mattered are those of the grounds that came nearest.

Must not: read a topic.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Final

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.needtoknow import facts as fact_module
from kruispunt_schemas.needtoknow.bitmaps import members_of
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.conditions import Conditions, Values, conditions
from kruispunt_schemas.needtoknow.decisions import members_by_group
from kruispunt_schemas.needtoknow.facts import SOURCES, Facts
from kruispunt_schemas.needtoknow.recording import recorded
from kruispunt_schemas.records.backbone import Decision, EvidenceSource, SectionOutcome

_NONE: Final = SectionOutcome(sections=(), released=False, grounds=(), guards=(), errors=0)


@dataclass(frozen=True, slots=True)
class Mattered:
    """A fact behind an outcome: its value, and where it can be found again."""

    fact: str
    value: object
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One section: whether it was released, by which rules, and the facts that mattered."""

    section: str
    released: bool
    grounds: tuple[str, ...]
    guards: tuple[str, ...]
    errors: int
    mattered: tuple[Mattered, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """Participants with one outcome: what was released to them by which grounds, and what was withheld by which guards.

    released, withheld: sections with the rules behind them; a section that no ground permits is in neither.
    """

    participants: tuple[str, ...]
    released: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    withheld: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def everyone(bundle: Bundle, decision: Decision) -> tuple[Together, ...]:
    """Return what a decision did for every participant: those who see most first, those without any ground last."""
    found = [
        Together(
            participants=tuple(members_of(bundle, members)),
            released=tuple((item.sections, item.grounds) for item in group.sections if item.released),
            withheld=tuple((item.sections, item.guards) for item in group.sections if not item.released),
        )
        for members, group in members_by_group(bundle, decision.groups)
    ]
    return tuple(
        sorted(
            found,
            key=lambda item: (
                -sum(len(sections) for sections, _ in item.released),
                not item.withheld,
                item.participants,
            ),
        )
    )


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a decision did for one participant. sent: the kinds of what it was sent, with blanks between."""

    participant: str
    facts: Facts
    sections: tuple[Explained, ...]
    sent: str
    agrees: bool


def explain(bundle: Bundle, engine: PolicyEngine, decision: Decision, participant: str) -> Explanation:
    """Return why; raise PolicyError for a participant that the bundle does not have."""
    if participant not in bundle.index:
        raise PolicyError(f"no participant of the bundle {bundle.name[:12]} is called {participant}")
    own = fact_module.of_participant(bundle, recorded(bundle, decision), participant)
    place = bundle.index[participant]
    happened = next(
        group.sections for members, group in members_by_group(bundle, decision.groups) if members >> place & 1
    )
    derived = engine.evaluate(own, decision.sections)
    by_section = {name: outcome for outcome in happened for name in outcome.sections}
    return Explanation(
        participant=participant,
        facts=own,
        sections=tuple(
            _explained(bundle, decision, own, name, by_section.get(name, _NONE)) for name in decision.sections
        ),
        sent=" ".join(item.kind.value for item in decision.outputs if item.recipient == participant),
        agrees=derived == happened,
    )


def _explained(
    bundle: Bundle, decision: Decision, own: Facts, section: str, outcome: SectionOutcome
) -> Explained:
    values = asdict(own)
    ruled = [rule for rule in conditions(bundle.policies) if rule.speaks_of(section)]
    behind = outcome.grounds if outcome.released else outcome.guards
    read = (
        {name for rule in ruled if rule.rule in behind for name in rule.facts}
        if behind
        else set(_nearest(ruled, values))
    )
    return Explained(
        section=section,
        released=outcome.released,
        grounds=outcome.grounds,
        guards=outcome.guards,
        errors=outcome.errors,
        mattered=tuple(
            Mattered(name, values[name], tuple(_evidence(decision, name))) for name in sorted(read)
        ),
    )


def _nearest(ruled: Collection[Conditions], values: Values) -> Iterator[str]:
    """Give the facts that the grounds nearest to permitting did not find so (rule 3)."""
    missing = [rule.missing(values) for rule in ruled if rule.permits]
    least = min((len(parts) for parts in missing), default=0)
    for parts in missing:
        if len(parts) == least:
            yield from (name for part in parts for name in part.facts)


def _evidence(decision: Decision, fact: str) -> Iterator[str]:
    """Give where a fact can be found again (rule 2)."""
    posting = decision.posting
    for source in SOURCES[fact].split(", "):
        cited = [item.reference for item in decision.evidence if item.reference.startswith(f"{source}:")]
        if source == "header":
            yield f"header of signal {decision.signal_id}"
        elif source == "append time":
            yield f"taken by the broker at {posting.appended_at.isoformat()}"
        elif source == "repertory":
            events = [item.reference for item in decision.evidence if item.source is EvidenceSource.REPERTORY]
            yield from (f"repertory event {event}" for event in events)
        elif source in fact_module.SECTIONS:
            yield from (f"commitment {reference}" for reference in cited)
        else:
            yield f"{source} of bundle {decision.bundle[:12]}"
