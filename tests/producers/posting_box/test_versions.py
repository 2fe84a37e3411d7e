from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from kruispunt_producers.posting_box import Known
from kruispunt_producers.posting_box.versions import content_digest, next_version
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Classification, Handling, Lifecycle

from tests.producers.signals import draft


def known(published: Draft) -> Known:
    return Known(
        signal_type=published.signal_type,
        version=published.version,
        lifecycle=published.lifecycle,
        classification=published.classification,
        content=content_digest(published),
    )


def test_first_an_original_then_nothing_then_a_correction() -> None:
    original = next_version(draft(), None)
    assert original is not None
    assert (original.version, original.lifecycle) == (1, Lifecycle.ORIGINAL)
    assert next_version(draft(), known(original)) is None
    corrected = next_version(draft(summary="anders"), known(original))
    assert corrected is not None
    assert (corrected.version, corrected.lifecycle) == (2, Lifecycle.CORRECTION)
    assert next_version(draft(summary="anders"), known(corrected)) is None


def test_a_withdrawn_record_is_recalled_once_and_may_stand_again() -> None:
    gone = draft(lifecycle=Lifecycle.RECALL)
    assert next_version(gone, None) is None
    recalled = next_version(gone, known(draft()))
    assert recalled is not None
    assert (recalled.version, recalled.lifecycle) == (2, Lifecycle.RECALL)
    assert next_version(gone, known(recalled)) is None
    again = next_version(draft(), known(recalled))
    assert again is not None
    assert (again.version, again.lifecycle) == (3, Lifecycle.CORRECTION)


def test_a_recall_holds_the_reference_and_nothing_else_of_the_record() -> None:
    recalled = next_version(draft(lifecycle=Lifecycle.RECALL), known(draft()))
    assert recalled is not None
    sections = recalled.sections
    assert recalled.reference == "A.1"
    assert recalled.classification is Classification.RESTRICTED
    assert sections.context is not None
    assert sections.context.municipality is None
    assert [name for name in sections.NAMES if sections.get(name) is not None] == ["context"]


def test_what_says_something_else_is_another_content() -> None:
    plain = draft()
    others = (
        draft("A.2"),
        draft(summary="anders"),
        replace(plain, classification=Classification.SECRET),
        replace(plain, handling=(Handling.TLP_RED,)),
        replace(plain, sections=replace(plain.sections, assessment=None)),
    )
    assert len({content_digest(each) for each in (plain, *others)}) == 6


@given(st.text(), st.text())
def test_content_is_equal_exactly_when_the_words_are(one: str, other: str) -> None:
    same = content_digest(draft(summary=one)) == content_digest(draft(summary=other))
    assert same == (one == other)


def test_version_lifecycle_and_order_of_markings_are_no_content() -> None:
    plain = replace(draft(), handling=(Handling.TLP_RED, Handling.EUROPOL_H1))
    turned = replace(plain, handling=(Handling.EUROPOL_H1, Handling.TLP_RED), version=4)
    assert content_digest(plain) == content_digest(turned)
