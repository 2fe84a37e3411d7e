from __future__ import annotations

import re

import pytest
from kruispunt_schemas import topics
from kruispunt_schemas.needtoknow.authoring import read_participants


def test_the_contracts_table() -> None:
    day = 24 * 3600 * 1000
    found = {topic.name: (topic.partitions, topic.retention_ms) for topic in topics.SHARED}
    assert found == {
        "admitted": (12, 30 * day),
        "resolved": (12, 30 * day),
        "queries": (12, 30 * day),
        "quarantine": (3, 90 * day),
        "retry": (3, 7 * day),
        "reviews": (3, None),
        "repertory": (12, None),
        "audit.decisions": (12, None),
        "audit.access": (12, None),
        "audit.bundles": (1, None),
    }
    assert topics.out_topic("ocad") == topics.Topic("out.ocad", 1, 30 * day, 6 * 1024 * 1024)
    assert topics.in_topic("ocad") == topics.Topic("in.ocad", 1, 30 * day, 7 * 1024 * 1024)
    assert topics.PARTITIONER == "murmur2_random"


def test_all_topics_are_the_shared_ones_and_two_for_each_participant() -> None:
    names = [row.id for row in read_participants()]
    found = topics.all_topics(names)
    assert len(found) == len({topic.name for topic in found}) == len(topics.SHARED) + 2 * len(names)
    assert found[: len(topics.SHARED)] == topics.SHARED
    # Kafka's rule for names, and its warning about dots and underscores together.
    assert all(re.fullmatch(r"[a-z0-9.-]{1,249}", topic.name) for topic in found)


def test_a_posting_that_was_taken_fits_on_the_topics_behind() -> None:
    assert topics.MAX_POSTING_BYTES < topics.MAX_INTERNAL_BYTES


def test_owner() -> None:
    assert topics.owner("out.ocad") == topics.owner("in.ocad") == "ocad"
    for name in ("admitted", "audit.access", "outocad", ""):
        with pytest.raises(ValueError, match=f"^{name}$"):
            topics.owner(name)


@pytest.mark.parametrize("name", ["", "a", "-ab", "Ab", "a.b", "a_b", "a b", "ab\n", "a" * 64, "é" * 3])
def test_what_is_no_participant(name: str) -> None:
    assert topics.PARTICIPANT.fullmatch(name) is None


@pytest.mark.parametrize("name", ["ab", "a-", "0a", "a" * 63, "police-antwerpen"])
def test_participants(name: str) -> None:
    assert topics.PARTICIPANT.fullmatch(name) is not None
