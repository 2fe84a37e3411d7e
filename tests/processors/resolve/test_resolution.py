from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_processors.persons import model
from kruispunt_processors.resolve.resolution import Candidate, Known, Resolved, resolve
from kruispunt_schemas import identity
from kruispunt_schemas.records.backbone import DuplicateKind, MatchKind, PersonRegistered, RepertoryKind
from kruispunt_schemas.records.frame import Lifecycle

from tests.drafts import BACKBONE, LTF, MONDAY, OCAD, VSSE, national_number, person
from tests.processors.resolve.candidates import candidate, outcome

NOW = MONDAY + timedelta(seconds=3)
MODEL = model.load()


def outcomes(*candidates: Candidate, known: Known | None = None) -> list[str]:
    return [outcome(item) for item in resolve(candidates, known or Known(), NOW, MODEL)]


def events(*candidates: Candidate) -> list[Any]:
    return [item.event for item in resolve(candidates, Known(), NOW, MODEL)]


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ([candidate("a", "x", 1)], ["REGISTERED"]),
        ([candidate("a", "x", 1), candidate("a", "x", 2)], ["REGISTERED", "SAME_SIGNAL"]),
        ([candidate("a", "x", 1), candidate("b", "x", 2)], ["REGISTERED", "SAME_CONTENT"]),
        ([candidate("a", "x", 1), candidate("b", "y", 2)], ["REGISTERED", "REGISTERED"]),
        (
            [candidate("a", "x", 1), candidate("a", "y", 2, version=2)],
            ["REGISTERED", "REGISTERED"],
        ),
        # A correction that says the same again is a new version all the same.
        ([candidate("a", "x", 1), candidate("a", "x", 2, version=2)], ["REGISTERED", "REGISTERED"]),
        ([candidate("a", "x", 1, version=2), candidate("a", "y", 2)], ["REGISTERED", "STALE"]),
        ([candidate("a", "x", 1, version=3), candidate("a", "y", 2, version=2)], ["REGISTERED", "STALE"]),
        (
            [
                candidate("a", "x", 1, version=2),
                candidate("a", "z", 2, version=2, signal_id=UUID(int=5)),
            ],
            ["REGISTERED", "STALE"],
        ),
        ([candidate("a", "x", 1), candidate("a", None, 2, version=2)], ["REGISTERED", "REGISTERED"]),
        (
            [candidate("a", "x", 1), candidate("a", None, 2, version=2), candidate("a", None, 3, version=2)],
            ["REGISTERED", "REGISTERED", "SAME_SIGNAL"],
        ),
        # The content was replaced before it came again: it is new.
        (
            [candidate("a", "x", 1), candidate("a", "y", 2, version=2), candidate("b", "x", 3)],
            ["REGISTERED", "REGISTERED", "REGISTERED"],
        ),
        (
            [candidate("a", "x", 1), candidate("a", None, 2, version=2), candidate("b", "x", 3)],
            ["REGISTERED", "REGISTERED", "REGISTERED"],
        ),
        # A correction takes up a content: an original with it is a repeat from then on.
        (
            [candidate("a", "x", 1), candidate("a", "y", 2, version=2), candidate("b", "y", 3)],
            ["REGISTERED", "REGISTERED", "SAME_CONTENT"],
        ),
        # The repeat of a repeat.
        (
            [candidate("a", "x", 1), candidate("b", "x", 2), candidate("b", "x", 3), candidate("c", "x", 4)],
            ["REGISTERED", "SAME_CONTENT", "SAME_SIGNAL", "SAME_CONTENT"],
        ),
        # Two originators.
        (
            [candidate("a", "x", 1), candidate("a", "x", 1, originator=OCAD)],
            ["REGISTERED", "REGISTERED"],
        ),
    ],
)
def test_outcomes(candidates: list[Candidate], expected: list[str]) -> None:
    assert outcomes(*candidates) == expected


def test_two_originators_with_one_fingerprint_are_never_duplicates() -> None:
    mine = candidate("a", "x", 1)
    theirs = replace(candidate("a", "x", 2, originator=OCAD), content_fingerprint=mine.content_fingerprint)
    assert outcomes(mine, theirs) == ["REGISTERED", "REGISTERED"]


def test_two_originators_with_one_signal_id_are_never_duplicates() -> None:
    mine = candidate("a", "x", 1)
    theirs = candidate("b", "y", 2, originator=OCAD, signal_id=mine.header.signal_id)
    assert outcomes(mine, theirs) == ["REGISTERED", "REGISTERED"]


def test_a_duplicate_names_what_was_kept() -> None:
    first, repeat, same = events(candidate("a", "x", 1), candidate("b", "x", 2), candidate("a", "x", 3))
    assert first.kind is RepertoryKind.REGISTERED
    assert (repeat.duplicate_of, same.duplicate_of) == (first.posting, first.posting)
    assert repeat.case_key == identity.case_key(BACKBONE.case, VSSE, "b")
    assert repeat.canonical_case_key == first.case_key
    assert repeat.persons == repeat.holdings == repeat.supersedes == ()


def test_a_correction_of_an_alias_finds_the_case_that_was_kept() -> None:
    first, repeat, correction, later = events(
        candidate("a", "x", 1),
        candidate("b", "x", 2),
        candidate("b", "y", 3, version=2),
        candidate("a", "z", 4, version=2),
    )
    assert repeat.duplicate_kind is DuplicateKind.SAME_CONTENT
    assert correction.canonical_case_key == first.case_key
    assert correction.supersedes == (first.signal_id,)
    # The versions of the kept reference count on their own: this one is no late one.
    assert set(later.supersedes) == {first.signal_id, correction.signal_id}


def test_every_version_known_is_superseded_and_ids_are_sorted() -> None:
    found = events(*(candidate("a", str(number), number, version=number) for number in range(1, 6)))
    last = found[-1]
    assert last.supersedes == tuple(sorted(item.signal_id for item in found[:-1]))


def test_a_version_that_skips_one_supersedes_what_is_known() -> None:
    first, third = events(candidate("a", "x", 1), candidate("a", "y", 2, version=3))
    assert third.supersedes == (first.signal_id,)


@pytest.mark.parametrize("repeat_first", [False, True])
def test_current_when_posted_is_judged_by_offsets_whichever_partition_is_read_first(
    repeat_first: bool,
) -> None:
    original, correction = candidate("a", "x", 10), candidate("a", "y", 20, version=2)
    repeat = candidate("b", "x", 15)
    if repeat_first:
        found = resolve([original, repeat, correction], Known(), NOW, MODEL)
        assert [outcome(item) for item in found] == ["REGISTERED", "SAME_CONTENT", "REGISTERED"]
    else:
        found = resolve([original, correction, repeat], Known(), NOW, MODEL)
        assert [outcome(item) for item in found] == ["REGISTERED", "REGISTERED", "SAME_CONTENT"]
    assert {item.canonical_case_key for item in found} == {original.case_key}


def test_a_repeat_read_before_what_it_repeats_is_kept_and_the_correction_finds_it() -> None:
    repeat, original, correction = events(
        candidate("b", "x", 15), candidate("a", "x", 10), candidate("a", "y", 20, version=2)
    )
    assert (repeat.kind, original.kind) == (RepertoryKind.REGISTERED, RepertoryKind.DUPLICATE)
    assert correction.canonical_case_key == repeat.case_key
    assert correction.supersedes == (repeat.signal_id,)


def test_persons_holdings_and_review() -> None:
    key, other = b"k" * 16, b"o" * 16
    first, again, elsewhere = resolve(
        [
            candidate("a", "x", 1, person=key),
            candidate("b", "y", 2, person=key),
            candidate("a", "x", 1, originator=OCAD, person=other),
        ],
        Known(),
        NOW,
        MODEL,
    )
    persons = [registered(item) for item in (first, again, elsewhere)]
    assert [item.match for item in persons] == [MatchKind.NEW, MatchKind.LINKED, MatchKind.NEW]
    assert persons[1].reference == persons[0].reference != persons[2].reference
    assert persons[1].compared_with == persons[0].mention_id
    assert first.event is not None
    (held,) = first.event.holdings
    assert (held.participant, held.reference, held.capacity, held.since) == (
        VSSE,
        persons[0].reference,
        "RadicalisationCase",
        MONDAY,
    )
    assert first.review is None


PERSON = b"k" * 16


def registered(item: Resolved) -> PersonRegistered:
    assert item.event is not None
    (found,) = item.event.persons
    return found


def followed(*candidates: Candidate, known: Known | None = None) -> list[dict[str, int]]:
    """Return by whom each candidate's person was held, with the place in the list of the event that is cited."""
    found = [
        item.event for item in resolve(candidates, known or Known(), NOW, MODEL) if item.event is not None
    ]
    places = {event.event_id: place for place, event in enumerate(found)}
    for event in found:
        assert [item.participant for item in event.followers] == sorted(
            {item.participant for item in event.followers}
        )
    return [{item.participant: places[item.event] for item in event.followers} for event in found]


def test_the_second_signal_about_a_new_person_knows_the_first_as_its_follower() -> None:
    mine = candidate("a", "x", 1, person=PERSON)
    theirs = candidate("a", "x", 7, originator=OCAD, person=PERSON)
    assert followed(mine, theirs) == [{}, {VSSE: 0}]
    assert followed(theirs, mine) == [{}, {OCAD: 0}]


def test_a_follower_is_cited_by_its_first_holding_and_so_is_the_originator_itself() -> None:
    found = followed(
        candidate("a", "x", 1, person=PERSON),
        candidate("b", "y", 2, person=PERSON),
        candidate("a", "x", 7, originator=OCAD, person=PERSON),
        candidate("d", "z", 3, person=PERSON),
        candidate("c", "z", 8, originator=OCAD, person=b"other" * 3),
    )
    assert found == [{}, {VSSE: 0}, {VSSE: 0}, {OCAD: 2, VSSE: 0}, {}]


def test_a_holding_stays_when_its_signal_is_recalled() -> None:
    found = followed(
        candidate("a", "x", 1, person=PERSON),
        candidate("a", None, 2, version=2),
        candidate("a", "x", 7, originator=OCAD, person=PERSON),
    )
    assert found == [{}, {}, {VSSE: 0}]


def test_what_is_not_registered_founds_no_holding_and_has_no_followers() -> None:
    found = resolve(
        [
            candidate("a", "x", 1, version=2, person=PERSON),
            candidate("b", "w", 1, originator=OCAD, version=2, person=b"o" * 16),
            candidate("b", "q", 2, originator=OCAD, person=PERSON),  # too late
            candidate("c", "x", 2, lifecycle=Lifecycle.ORIGINAL, person=PERSON),  # the content again
            candidate("d", "v", 3, person=PERSON),
        ],
        Known(),
        NOW,
        MODEL,
    )
    assert [outcome(item) for item in found] == [
        "REGISTERED",
        "REGISTERED",
        "STALE",
        "SAME_CONTENT",
        "REGISTERED",
    ]
    cited = [[row.participant for row in item.event.followers] for item in found if item.event is not None]
    assert cited == [[], [], [], [VSSE]]


def namesakes() -> list[Candidate]:
    """Return two persons of one name and date of birth with different numbers, and a mention that may be either."""
    numbers = (national_number("910517000"), national_number("910517999"))
    return [
        candidate("a", "x", 1, person=person(number=numbers[0])),
        candidate("b", "y", 2, originator=OCAD, person=person(number=numbers[1])),
        candidate("c", "z", 3, originator=LTF, person=person()),
    ]


def test_followers_of_candidates_that_an_analyst_must_choose_from_do_not_count() -> None:
    *_, last = resolve(namesakes(), Known(), NOW, MODEL)
    assert last.event is not None
    assert last.review is not None
    assert last.event.followers == ()


def test_an_ambiguous_mention_is_provisional_and_asks_an_analyst() -> None:
    first, second, last = resolve(namesakes(), Known(), NOW, MODEL)
    found = registered(last)
    assert found.match is MatchKind.PROVISIONAL
    assert found.reference not in {registered(first).reference, registered(second).reference}
    assert last.review is not None
    assert last.review.candidates == tuple(
        sorted((registered(first).reference, registered(second).reference))
    )
    assert (last.review.provisional, last.review.mention_id) == (found.reference, found.mention_id)
    assert last.review.model == found.model == MODEL.version
    assert last.review.review_id == identity.review_id(last.candidate.posting)
    assert last.review.raised_at == NOW


def test_who_was_judged_to_be_another_is_no_candidate() -> None:
    one, two = candidate("a", "x", 1, person=PERSON), candidate("b", "y", 2, person=PERSON)
    known = Known()
    (first,) = resolve([one], known, NOW, MODEL)
    assert two.mention is not None
    known.apart[two.mention.mention_id] = frozenset({registered(first).reference})
    (second,) = resolve([two], known, NOW, MODEL)
    assert registered(second).match is MatchKind.NEW
    assert registered(second).reference != registered(first).reference


def test_an_event_names_the_last_judgement_that_touched_its_person() -> None:
    known = Known()
    (first,) = resolve([candidate("a", "x", 1, person=PERSON)], known, NOW, MODEL)
    known.as_of[registered(first).reference] = UUID(int=9)
    found = resolve(
        [candidate("b", "y", 2, person=PERSON), candidate("c", "z", 3, person=b"other")], known, NOW, MODEL
    )
    assert [item.event.as_of for item in found if item.event] == [UUID(int=9), None]


def test_a_duplicate_or_late_version_makes_no_person_known() -> None:
    known = Known()
    resolve(
        [
            candidate("a", "x", 1, version=2, person=b"1" * 16),
            candidate("a", "y", 2, person=b"2" * 16),
            candidate("b", "x", 3, lifecycle=Lifecycle.ORIGINAL, person=b"3" * 16),
        ],
        known,
        NOW,
        MODEL,
    )
    mention = candidate("a", "x", 1, person=b"1" * 16).mention
    assert mention is not None
    assert set(known.mentions) == {key.value for key in mention.keys}


def test_an_event_is_a_function_of_its_posting_and_what_is_known() -> None:
    one, other = (events(candidate("a", "x", 1), candidate("b", "x", 2)) for _ in range(2))
    assert one == other
    assert [event.event_id for event in one] == [identity.event_id(event.posting) for event in one]


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[Candidate], list[Candidate]]:
    """Return cases as posted, and as read: on both the versions of each case are in order."""
    contents = draw(st.lists(st.integers(0, 3), min_size=1, max_size=7))
    originals = [
        candidate(f"r{place}", f"c{content}", offset)
        for offset, (place, content) in enumerate(draw(st.permutations(list(enumerate(contents)))))
    ]
    corrections: list[Candidate] = []
    for place in range(len(contents)):
        for version in range(2, 2 + draw(st.integers(0, 2))):
            offset = len(originals) + len(corrections)
            corrections.append(candidate(f"r{place}", f"own {place} {version}", offset, version=version))
    posted = [*originals, *corrections]
    return posted, interleaved(draw, posted)


def interleaved(draw: st.DrawFn, posted: Sequence[Candidate]) -> list[Candidate]:
    """Return the postings in another order that keeps each case in order."""
    cases: dict[bytes, list[Candidate]] = {}
    for item in posted:
        cases.setdefault(item.case_key, []).append(item)
    turns = draw(st.permutations([key for key, items in cases.items() for _ in items]))
    return [cases[key].pop(0) for key in turns]


@settings(deadline=None, max_examples=150)
@given(order=orders())
def test_in_any_order_that_keeps_each_case_exactly_one_of_each_content_is_registered(
    order: tuple[list[Candidate], list[Candidate]],
) -> None:
    posted, read = order
    found = {item.candidate.posting.offset: item for item in resolve(read, Known(), NOW, MODEL)}
    groups: dict[bytes, list[str]] = {}
    for item in posted:
        if item.header.version == 1:
            assert item.content_fingerprint is not None
            groups.setdefault(item.content_fingerprint, []).append(outcome(found[item.posting.offset]))
    for group in groups.values():
        assert sorted(group) == ["REGISTERED", *["SAME_CONTENT"] * (len(group) - 1)]
    for item in posted:
        if item.header.version > 1:
            assert outcome(found[item.posting.offset]) == "REGISTERED"
    # Every reference of a content ends in the case of the one that was registered.
    for item in posted:
        ends = {
            found[other.posting.offset].canonical_case_key
            for other in posted
            if other.case_key == item.case_key
        }
        assert len(ends) == 1


@settings(deadline=None, max_examples=100)
@given(order=orders(), cuts=st.lists(st.integers(0, 20), max_size=5))
def test_how_the_stream_falls_into_batches_makes_no_difference(
    order: tuple[list[Candidate], list[Candidate]], cuts: list[int]
) -> None:
    _, read = order
    whole, known, parts = resolve(read, Known(), NOW, MODEL), Known(), []
    edges = sorted({0, *(min(cut, len(read)) for cut in cuts), len(read)})
    for start, end in itertools.pairwise(edges):
        parts += resolve(read[start:end], known, NOW, MODEL)
    assert parts == whole
