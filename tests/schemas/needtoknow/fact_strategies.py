"""Facts at random, of every value that code can compute."""

from __future__ import annotations

from hypothesis import strategies as st
from kruispunt_schemas.needtoknow.bundle import ParticipantKind, Regime, Role, Tier
from kruispunt_schemas.needtoknow.facts import Facts
from kruispunt_schemas.records.frame import Handling, Lifecycle
from kruispunt_schemas.records.sections import DataSubject, MeasureKind, Nature
from kruispunt_schemas.schema import SIGNAL_TYPES


def _words(values: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


def _sets(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(st.sampled_from(values), max_size=3).map(lambda found: tuple(sorted(found)))


def facts() -> st.SearchStrategy[Facts]:
    """Return a strategy for facts; guards that always withhold are rarer than chance would have them."""
    seldom = st.sampled_from([True, *[False] * 5])
    mostly = st.sampled_from([False, *[True] * 5])
    kinds = [item.value for item in ParticipantKind]
    return st.builds(
        Facts,
        signal_type=_words(list(SIGNAL_TYPES)),
        lifecycle=_words([item.value for item in Lifecycle]),
        classification=st.integers(0, 2),
        nature=_words([item.value for item in Nature]),
        originator_kind=_words(kinds),
        data_subject=_words(["NONE", *(item.value for item in DataSubject)]),
        is_minor=seldom,
        markings=_sets([item.value for item in Handling]),
        measure_kinds=_sets([item.value for item in MeasureKind]),
        under_embargo=seldom,
        under_secrecy=seldom,
        has_consensus=mostly,
        recipient_kind=_words(kinds),
        recipient_roles=_sets([item.value for item in Role]),
        clearance=st.integers(0, 4),
        channel=st.integers(0, 4),
        tier=_words([item.value for item in Tier]),
        regime=_words([item.value for item in Regime]),
        is_national=st.booleans(),
        has_national_mandate=st.booleans(),
        is_competent=st.booleans(),
        purpose_fits=mostly,
        nature_fits=mostly,
        lacks_agreement=seldom,
        is_screened=mostly,
        follows_subject=st.booleans(),
        has_consent=st.booleans(),
        in_active_group=seldom,
        in_territory=st.booleans(),
        is_excluded=seldom,
        is_named=st.booleans(),
        is_originator=seldom,
    )
