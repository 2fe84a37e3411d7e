"""Phase 2: what happens to cases after they were published.

Rules: a change takes one standing case and gives what its source says next; what each means for those who received the
earlier version stands with it. Must not: change the reference or the person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Final

from kruispunt_schemas.needtoknow.bundle import ORDINALS
from kruispunt_schemas.records.frame import Classification

from kruispunt_producers.synthetic.cases import Case
from kruispunt_producers.synthetic.profiles import Agency, task_forces


@dataclass(frozen=True, slots=True)
class Change:
    """A kind of correction. share: of all postings. fits: which cases it can happen to."""

    trap: str
    share: float
    fits: Callable[[Agency, Case], bool]
    apply: Callable[[Random, Case], Case]


def _any(agency: Agency, case: Case) -> bool:  # noqa: ARG001 - the shape of `Change.fits`
    return True


def _covered(agency: Agency, case: Case) -> bool:  # noqa: ARG001 - see above
    return any(case.municipality in towns for _, towns in task_forces())


def _can_exclude(agency: Agency, case: Case) -> bool:
    return _covered(agency, case) and not case.excluded


def _can_be_raised(agency: Agency, case: Case) -> bool:
    return not agency.participant.startswith("livc-") and ORDINALS[case.classification] < 3


def _edited(random: Random, case: Case) -> Case:
    return replace(case, statements=(*case.statements, f"aanvulling {random.randrange(1_000_000):06}"))


def _moved(random: Random, case: Case) -> Case:
    elsewhere = [towns for _, towns in task_forces() if case.municipality not in towns]
    return replace(case, municipality=random.choice(random.choice(elsewhere)))


def _raised(random: Random, case: Case) -> Case:  # noqa: ARG001 - the shape of `Change.apply`
    return replace(case, classification=Classification.SECRET)


def _excluding(random: Random, case: Case) -> Case:  # noqa: ARG001 - see above
    barred = [name for name, towns in task_forces() if case.municipality in towns]
    named = tuple(name for name in case.named if name not in barred)
    return replace(case, named=named, excluded=tuple(sorted(barred)))


CORRECTIONS: Final = (
    Change("correction", 0.022, _any, _edited),
    Change("correction that moves away", 0.012, _covered, _moved),
    Change("correction that raises the classification", 0.012, _can_be_raised, _raised),
    Change("correction that excludes a recipient", 0.006, _can_exclude, _excluding),
)
WITHDRAWN_SHARE: Final = 0.014
DELETED_SHARE: Final = 0.004
COPIED_SHARE: Final = 0.006
COPIED_LATER_SHARE: Final = 0.003
ALIAS_SHARE: Final = 0.002
MENDED_SHARE: Final = 0.002


def withdrawn(case: Case) -> Case:
    """Return the case struck in its source, a day after it was observed."""
    return replace(case, withdrawn_at=case.observed_at + timedelta(days=1))
