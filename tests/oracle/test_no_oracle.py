"""No existence oracle, on real servers: what others hold changes nothing of what a participant without the right observes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from kruispunt_consumers.audit.balance import Verdict
from kruispunt_consumers.audit.replay import replay
from kruispunt_schemas import keys

from tests.backbone import WITHIN, Backbone
from tests.oracle.observing import Observation, Seen, differences
from tests.oracle.worlds import CELL, ZONE, World, world
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

Worlds = tuple[World, World]
"""Without and with what others hold."""


@pytest.fixture(scope="module")
def worlds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """Both worlds, one after the other, under the same keys."""
    kept = tmp_path_factory.mktemp("kept")
    with world(request, others=False) as (backbone, alone):
        shutil.copytree(backbone.settings.data / keys.KEYS, kept / keys.KEYS)
        _adds_up(backbone)
    with world(request, others=True, same_keys_as=kept) as (backbone, among_others):
        _adds_up(backbone)
    return alone, among_others


def _adds_up(backbone: Backbone) -> None:
    def settled() -> Verdict | None:
        found = replay(backbone.settings.addresses())
        return found if found.waiting == 0 else None

    verdict = wait_until(settled, within=WITHIN, what="an end of every posting")
    assert verdict.adds_up, [item.sentence for item in verdict.findings][:10]


def compared(worlds: Worlds, part: str, participant: str) -> list[str]:
    """Return how the two worlds differ for a participant."""
    alone, among_others = worlds
    return differences(alone.observed[part][participant], among_others.observed[part][participant])


def without_right(worlds: Worlds, part: str) -> list[str]:
    """Return the participants who posted nothing hidden and were sent nothing of it."""
    alone, among_others = worlds
    return sorted(set(alone.observed[part]) - among_others.touched[part])


def test_an_originator_observes_the_same(worlds: Worlds) -> None:
    alone, among_others = worlds
    assert alone.offsets == among_others.offsets
    for originator in (ZONE, CELL):
        assert alone.observed["honest"][originator].records
        assert compared(worlds, "honest", originator) == []


def test_so_does_every_participant_without_the_right(worlds: Worlds) -> None:
    found = without_right(worlds, "honest")
    assert {ZONE, CELL, "ltf-gent", "police-antwerpen", "livc-molenbeek", "treasury", "nvo"} <= set(found)
    assert {name: told for name in found if (told := compared(worlds, "honest", name))} == {}
    alone, _ = worlds
    assert sum(bool(alone.observed["honest"][name].records) for name in found) >= 3


def test_the_two_worlds_differ(worlds: Worlds) -> None:
    """For those who have the right: else nothing would have been compared."""
    assert all(compared(worlds, "honest", name) for name in ("adiv", "ocad", "vsse"))


def test_a_policy_that_leaks_is_found_out(worlds: Worlds) -> None:
    """A ground on another's signal about the cell's own subject is an oracle: the cell sees that somebody follows him."""
    found = compared(worlds, "leaking", CELL)
    assert any("is in one world only" in item for item in found)
    assert any("ends at" in item for item in found)


def test_only_who_has_the_right_observes_the_leak(worlds: Worlds) -> None:
    """The zone gets the sheets too and follows nobody of them: the difference is the leak's."""
    alone, _ = worlds
    assert ZONE in without_right(worlds, "leaking")
    assert alone.observed["leaking"][ZONE].records
    assert compared(worlds, "leaking", ZONE) == []


def test_a_hidden_signal_that_joins_two_mentions_shows_in_equal_pseudonyms_and_in_nothing_else(
    worlds: Worlds,
) -> None:
    """Known limit: of two cases with their subjects the task force learns that somebody knows them to be about one person."""
    assert "ltf-gent" in without_right(worlds, "linking")
    assert compared(worlds, "linking", "ltf-gent") == ["RadicalisationCase at 12 differs in value"]
    one, other = (found.observed["linking"]["ltf-gent"] for found in worlds)
    assert unlinked(one) == unlinked(other)


def unlinked(observation: Observation) -> Observation:
    """Return an observation in which no pseudonym can be told from another."""
    places = re.compile(rb"person \d+")
    records = (replace(seen, value=places.sub(b"person", seen.value)) for seen in observation.records)
    return replace(observation, records=tuple(records))


SEEDED = {
    "a header that depends on what others hold": lambda seen: replace(
        seen, headers=(*seen.headers, ("kruispunt-known", b"1"))
    ),
    "headers in another order": lambda seen: replace(seen, headers=seen.headers[::-1]),
    "a trace that others have part in": lambda seen: replace(
        seen,
        headers=tuple(
            (name, b"00" + raw[2:-1] + b"0" if name == "traceparent" else raw) for name, raw in seen.headers
        ),
    ),
    "a key": lambda seen: replace(seen, key=b"known"),
    "a position skipped": lambda seen: replace(seen, offset=seen.offset + 1),
    "one bit": lambda seen: replace(seen, value=seen.value[:-1] + bytes([seen.value[-1] ^ 1])),
}


@pytest.mark.parametrize("participant", [ZONE, CELL, "ltf-gent"])
@pytest.mark.parametrize("leak", SEEDED.values(), ids=SEEDED.keys())
def test_a_leak_seeded_into_what_was_observed_is_found_out(
    worlds: Worlds, participant: str, leak: Callable[[Seen], Seen]
) -> None:
    one, other = (found.observed["honest"][participant] for found in worlds)
    *rest, last = other.records
    assert len(differences(one, replace(other, records=(*rest, leak(last))))) == 1


def test_so_is_a_status_more_and_a_record_that_nobody_can_read(worlds: Worlds) -> None:
    one, other = (found.observed["honest"][ZONE] for found in worlds)
    more = replace(other.records[-1], offset=other.end)
    told = differences(one, Observation((*other.records, more), other.end + 1))
    assert told == [
        f"Status at {other.end} is in one world only",
        f"the topic ends at {other.end} and at {other.end + 1}",
    ]
    assert differences(one, replace(other, end=other.end + 1)) == [
        f"the topic ends at {other.end} and at {other.end + 1}"
    ]
