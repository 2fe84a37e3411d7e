"""What is wrong with a policy and its cases, found before anybody signs.

Rules
-----
1. The policy validates against its schema and every rule has its words: else nothing more is looked at.
2. A ground must release something somewhere, a guard overrule a ground somewhere: judged by facts that really occur,
   those of every participant of the bundle under the signal of every case.
3. Every rule is exercised: a ground gives a section to a participant that a case names, a guard withholds one from it.
4. Every rule is exercised at its border: a participant that a case names is one condition away from it. Where the border
   is never looked at, the rule may be too wide without anybody noticing.
5. To every participant something can be released under the signal of some case, at least when it is named, in a group,
   follows the subject and is in the territory. Where no ground reaches it that is a mistake, unless it oversees; where
   guards withhold always, or only naming reaches it, the jurist judges.
6. A mistake fails the check; a remark is for the jurist to judge.

Must not: read a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.jurist.resolving import facts_of
from kruispunt_schemas.jurist.trial import Prepared
from kruispunt_schemas.needtoknow import bitmaps, facts
from kruispunt_schemas.needtoknow.bundle import Bundle, Role
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.conditions import Conditions, Values, combined, conditions
from kruispunt_schemas.needtoknow.facts import Facts


class Weight(StrEnum):
    """A mistake fails the check; a remark does not."""

    MISTAKE = "mistake"
    REMARK = "remark"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a rule or a participant. subject: its id."""

    weight: Weight
    subject: str
    text: str


def check(bundle: Bundle, prepared: Sequence[Prepared]) -> list[Finding]:
    """Return every finding, mistakes first."""
    try:
        PolicyEngine(bundle.policies, bundle.policy_schema)
        ruled = conditions(bundle.policies)
    except PolicyError as error:
        return [Finding(Weight.MISTAKE, "policy", part) for part in str(error).split("; ")]
    occurring = _occurring(bundle, prepared)
    found = [*_reach(ruled, occurring), *_exercised(ruled, prepared), *_unreached(bundle, ruled, occurring)]
    return sorted(found, key=lambda item: (item.weight is Weight.REMARK, item.subject, item.text))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Facts that occur, and the sections of the signal's type."""

    facts: Facts
    values: Values
    sections: tuple[str, ...]
    members: int


def _occurring(bundle: Bundle, prepared: Iterable[Prepared]) -> list[_Seen]:
    found: dict[tuple[Facts, tuple[str, ...]], int] = {}
    for item in prepared:
        for group, members in facts.groups(bundle, facts_of(item.case.signal, bundle)):
            key = (group, item.sections)
            found[key] = found.get(key, 0) | members
    return [_Seen(group, asdict(group), sections, members) for (group, sections), members in found.items()]


def _reach(ruled: Sequence[Conditions], occurring: Sequence[_Seen]) -> Iterator[Finding]:
    """Find grounds that never release anything and guards that never overrule any (rule 2)."""
    grounds = [rule for rule in ruled if rule.permits]
    guards = [rule for rule in ruled if not rule.permits]
    for rule in ruled:
        applying = (seen for seen in occurring if rule.hold(seen.values))
        if rule.permits:
            seen_at_all = False
            for seen in applying:
                seen_at_all = True
                withheld = [guard for guard in guards if guard.hold(seen.values)]
                if any(
                    rule.speaks_of(name) and not any(guard.speaks_of(name) for guard in withheld)
                    for name in seen.sections
                ):
                    break
            else:
                why = "is always overruled by a guard" if seen_at_all else "applies to nobody"
                yield Finding(Weight.MISTAKE, rule.rule, f"this ground {why}: it never releases anything")
        elif not any(
            any(rule.speaks_of(name) and ground.speaks_of(name) for name in seen.sections)
            for seen in applying
            for ground in grounds
            if ground.hold(seen.values)
        ):
            yield (
                Finding(Weight.MISTAKE, rule.rule, "this guard overrules no ground under any case's signal")
                if _given(rule, ruled)
                else Finding(
                    Weight.REMARK, rule.rule, "no ground gives what this guard withholds: belt and braces"
                )
            )


def _exercised(ruled: Sequence[Conditions], prepared: Sequence[Prepared]) -> Iterator[Finding]:
    """Find rules that no case exercises, or only far from their border (rules 3 and 4)."""
    judged = [(asdict(found), item.sections) for item in prepared for found in item.judged.values()]
    holding = [
        (values, sections, [rule for rule in ruled if rule.hold(values)]) for values, sections in judged
    ]
    for rule in ruled:
        if not any(_at_work(rule, applying, sections) for _, sections, applying in holding):
            verb = "gives a section by this ground" if rule.permits else "is refused by this guard"
            if _given(rule, ruled):
                yield Finding(Weight.MISTAKE, rule.rule, f"no participant that a case names {verb}")
        if rule.parts and not any(len(rule.missing(values)) == 1 for values, _, _ in holding):
            yield Finding(
                Weight.REMARK,
                rule.rule,
                "no participant that a case names is one condition away from this rule",
            )


def _given(rule: Conditions, ruled: Iterable[Conditions]) -> bool:
    """Tell whether a ground gives any of what a rule speaks of."""
    return rule.permits or any(
        other.permits
        and (None in (other.sections, rule.sections) or (other.sections or set()) & (rule.sections or set()))
        for other in ruled
    )


def _at_work(rule: Conditions, applying: Sequence[Conditions], sections: Iterable[str]) -> bool:
    """Tell whether a rule releases a section, or withholds one that a ground permits."""
    if rule not in applying:
        return False
    return any(
        rule.speaks_of(name)
        and any(other.permits and other.speaks_of(name) for other in applying)
        and (not rule.permits or not any(not other.permits and other.speaks_of(name) for other in applying))
        for name in sections
    )


def _unreached(bundle: Bundle, ruled: Sequence[Conditions], occurring: Sequence[_Seen]) -> Iterator[Finding]:
    """Find participants whom no ground reaches, or reaches in vain (rule 5)."""
    everybody = (1 << len(bundle.participants)) - 1
    grounds = [rule for rule in ruled if rule.permits]
    alone = everybody & ~_reached(ruled, occurring, addressed=False)
    nothing = everybody & ~_reached(ruled, occurring, addressed=True)
    for name in bitmaps.members_of(bundle, everybody & ~_reached(grounds, occurring, addressed=True)):
        overseeing = Role.OVERSEES in bundle.by_id[name].roles
        weight = Weight.REMARK if overseeing else Weight.MISTAKE
        yield Finding(weight, name, "no ground can reach this participant under any case's signal")
    for name in bitmaps.members_of(bundle, nothing):
        always = ", ".join(_always(bundle.index[name], ruled, occurring)) or "one guard or another"
        yield Finding(
            Weight.REMARK, name, f"nothing is ever released to this participant: {always} withholds"
        )
    for name in bitmaps.members_of(bundle, alone & ~nothing):
        yield Finding(Weight.REMARK, name, "this participant receives only when it is named or in a group")


def _reached(ruled: Sequence[Conditions], occurring: Iterable[_Seen], *, addressed: bool) -> int:
    """Return to whom something is released under some signal, if it is about its territory and a subject it follows."""
    found = 0
    for seen in occurring:
        if not seen.members & ~found:
            continue
        values = asdict(_best(seen.facts, addressed=addressed))
        applying = [rule for rule in ruled if rule.hold(values)]
        if any(outcome.released for outcome in combined(applying, seen.sections)):
            found |= seen.members
    return found


def _always(place: int, ruled: Sequence[Conditions], occurring: Iterable[_Seen]) -> list[str]:
    """Return the guards that withhold from a participant whatever the signal says of it."""
    own = [asdict(_best(seen.facts, addressed=True)) for seen in occurring if seen.members >> place & 1]
    guards = [rule for rule in ruled if not rule.permits and rule.sections is None]
    return [rule.rule for rule in guards if all(rule.hold(values) for values in own)]


def _best(own: Facts, *, addressed: bool) -> Facts:
    return replace(
        own,
        follows_subject=True,
        in_territory=not own.is_national,
        is_named=addressed,
        in_active_group=addressed,
        has_consent=addressed,
        is_excluded=False,
        is_originator=False,
    )
