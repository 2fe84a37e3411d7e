"""From a case's signal to what the policy sees of it, under one bundle.

Rules
-----
1. A name that the bundle does not have is an error that names the field, never a case that passes by accident.
2. A municipality may be written as its code (NIS) or as its name in either language.
3. A recall has its context alone; a type without a subject is about nobody.

Must not: judge anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from functools import cache
from typing import Final
from uuid import UUID

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.jurist.case import NONE, Case, SignalTable
from kruispunt_schemas.needtoknow import facts
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.facts import Observed, SignalFacts
from kruispunt_schemas.needtoknow.rules import rules
from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.frame import Follower, Header, Lifecycle
from kruispunt_schemas.records.sections import (
    Context,
    Distribution,
    Measure,
    Measures,
    Sex,
    SheetSituation,
    Subject,
    SubjectKind,
)

_NOBODY: Final = UUID(int=0)


def sections_of(signal: SignalTable) -> tuple[str, ...]:
    """Return the sections of a signal's type."""
    return schemas.load(signal.type).sections


def givable(policies: str, sections: tuple[str, ...]) -> frozenset[str]:
    """Return those of the sections that some ground can give."""
    grounds = [rule for rule in rules(policies).values() if rule.permits]
    return frozenset(
        name for name in sections if any(rule.sections is None or name in rule.sections for rule in grounds)
    )


def mistakes(signal: SignalTable, bundle: Bundle) -> Iterator[str]:
    """Give each name of a signal that the bundle does not have, with its field (rule 1)."""
    if signal.type not in schemas.SIGNAL_TYPES:
        yield f"type: {signal.type} is none of {', '.join(schemas.SIGNAL_TYPES)}"
    for field, names in (
        ("from", (signal.originator,)),
        ("named", signal.named),
        ("excluded", signal.excluded),
        ("consented", signal.consented),
        ("followers", signal.followers),
    ):
        if unknown := [name for name in names if name not in bundle.index]:
            yield f"{field}: no participant is called {', '.join(unknown)}"
    if signal.municipality is not None and _nis(signal.municipality) not in bundle.valid_municipalities:
        yield f"municipality: {signal.municipality} is no code or name of one"
    if signal.site is not None and signal.site not in bundle.sites:
        yield f"site: no territory has the site {signal.site}"
    if unknown := [name for name in signal.groups if name not in bundle.group_names]:
        yield f"groups: no group is called {', '.join(unknown)}"


def mistakes_of(case: Case, bundle: Bundle) -> Iterator[str]:
    """Give each mistake of a case under a bundle, with its field."""
    yield from (f"signal.{mistake}" for mistake in mistakes(case.signal, bundle))
    if case.signal.type not in schemas.SIGNAL_TYPES:
        return
    known, own = rules(bundle.policies), set(sections_of(case.signal))
    for name, expected in case.receives.items():
        yield from _of_participant("receives", name, bundle)
        if expected.sections != "all" and (odd := sorted(set(expected.sections) - own)):
            yield f"receives.{name}: a {case.signal.type} has no {', '.join(odd)}"
        if unknown := [rule for rule in expected.by if rule not in known or not known[rule].permits]:
            yield f"receives.{name}.by: there is no ground {', '.join(unknown)}"
    for name, refusal in case.refused.items():
        yield from _of_participant("refused", name, bundle)
        if odd := sorted(set(refusal.sections) - own):
            yield f"refused.{name}: a {case.signal.type} has no {', '.join(odd)}"
        reasons = {*refusal.whole, *(rule for listed in refusal.sections.values() for rule in listed)}
        guards = {rule for rule in known if not known[rule].permits}
        if unknown := sorted(reasons - guards - {"no-ground"}):
            yield f"refused.{name}: there is no guard {', '.join(unknown)}"


def facts_of(signal: SignalTable, bundle: Bundle) -> SignalFacts:
    """Return what a signal says; raise PolicyError for a name that the bundle does not have."""
    if found := list(mistakes(signal, bundle)):
        raise PolicyError("; ".join(found))
    return facts.of_signal(bundle, observed(signal))


def observed(signal: SignalTable) -> Observed:
    """Return the parts of a signal that facts are computed from, with texts left empty."""
    recall = signal.lifecycle is Lifecycle.RECALL
    own = ("context",) if recall else sections_of(signal)
    at = signal.at.astimezone(UTC)
    return Observed(
        Header(
            signal_id=_NOBODY,
            signal_type=signal.type,
            schema_fingerprint=b"",
            originator=signal.originator,
            version=1 if signal.lifecycle is Lifecycle.ORIGINAL else 2,
            lifecycle=signal.lifecycle,
            observed_at=at,
            published_at=at,
            classification=signal.classification,
            handling=signal.handling,
            commitments=(),
        ),
        at,
        context=Context(
            reference="",
            phenomenon=signal.phenomenon,
            municipality=_nis(signal.municipality),
            legal_basis="",
            purpose="",
            nature=signal.nature,
            purposes=signal.purposes,
            site=signal.site,
            data_source=signal.data_source,
        ),
        subject=_subject(signal) if "subject" in own else None,
        situation=SheetSituation(
            consensus=signal.consensus, professional_secrecy=signal.professional_secrecy, members_present=2
        )
        if signal.type == "FeedbackSheet" and not recall
        else None,
        measures=Measures(measures=tuple(Measure(kind=kind, description="") for kind in signal.measures))
        if "measures" in own
        else None,
        distribution=None
        if recall
        else Distribution(
            named=signal.named,
            excluded=signal.excluded,
            consented=signal.consented,
            groups=signal.groups,
            embargo=signal.embargo,
            professional_secrecy=signal.professional_secrecy,
        ),
        followers=tuple(Follower(participant=name, event=_NOBODY) for name in signal.followers),
    )


def _subject(signal: SignalTable) -> Subject | None:
    if signal.subject == NONE:
        return None
    return Subject(
        kind=SubjectKind.PERSON,
        data_subject=signal.subject.data_subject,
        birth=signal.subject.birth,
        sex=Sex.UNKNOWN,
    )


def _nis(place: str | None) -> str | None:
    return None if place is None else _codes().get(place.casefold(), place)


@cache
def _codes() -> dict[str, str]:
    """Return the codes of the municipalities by name; a name that several have is left out."""
    found: dict[str, set[str]] = {}
    for nis, place in municipalities().items():
        for name in (place.name, place.name_fr):
            found.setdefault(name.casefold(), set()).add(nis)
    return {name: next(iter(codes)) for name, codes in found.items() if len(codes) == 1}


def _of_participant(field: str, name: str, bundle: Bundle) -> Iterator[str]:
    if name not in bundle.index:
        yield f"{field}: no participant is called {name}"
