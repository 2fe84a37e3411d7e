"""The export of the rest of the chain: each type drafted, signed and sound; bad lines named and never raised."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_producers.adapters import Refusal, Row
from kruispunt_producers.adapters.chain_export import ADAPTER, draft, records
from kruispunt_schemas import codec, disclosure, invariants
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.keys import ParticipantKeys
from kruispunt_schemas.needtoknow.authoring import read_participants
from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.frame import Handling, Lifecycle
from kruispunt_schemas.records.sections import (
    AnswerResult,
    AnswerSituation,
    Distribution,
    EntityCategory,
    EntitySituation,
    EntityStatus,
    Purpose,
    TravelMode,
    TravelSituation,
)

EXPORT = (Path(__file__).parent / "chain.jsonl").read_bytes()
LINES: dict[str, dict[str, Any]] = {
    found["type"]: found for found in (json.loads(line) for line in EXPORT.splitlines())
}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def made(signal_type: str) -> Draft:
    found = draft(Row(LINES[signal_type]))
    assert isinstance(found, Draft)
    return found


def test_there_is_a_line_for_each_type_that_no_other_adapter_gives() -> None:
    others = {"FeedbackSheet", "RadicalisationCase", "ThreatEvaluation"}
    assert set(LINES) == set(schemas.SIGNAL_TYPES) - others


@pytest.mark.parametrize("signal_type", LINES)
def test_each_type_is_signed_and_sound(signal_type: str, keys: ParticipantKeys) -> None:
    signed = disclosure.compose(
        made(signal_type),
        originator=keys.participant,
        secret=keys.secret,
        signer=keys.signer,
        published_at=NOON,
    )
    received = codec.decode_signed(schemas.load(signal_type), signed.encoded())
    header = received.read_header()
    disclosure.verify(received, header, keys.signer.public_key())
    found = invariants.violation(
        header,
        received.read_sections(),
        appended_at=NOON,
        municipalities=municipalities(),
        sites={"site-north-terminal"},
        participants={row.id for row in read_participants()},
        groups={"group-harbour"},
        member_of={"group-harbour"},
        roles=frozenset(),
    )
    assert found is None
    given = {name for name in schemas.load(signal_type).sections if LINES[signal_type].get(name)}
    assert {name for name, raw in received.sections if raw is not None} == given


def test_what_is_sorted_and_what_is_parsed() -> None:
    entity = made("EntityChange").sections
    assert entity.situation == EntitySituation(
        status=EntityStatus.PROPOSED,
        categories=(EntityCategory.HP, EntityCategory.PVE),
        review_due_on=date(2029, 3, 2),
    )
    assert entity.context is not None
    assert entity.context.purposes == (
        Purpose.CARE,
        Purpose.INTELLIGENCE,
        Purpose.INVESTIGATION,
        Purpose.PREVENTION,
    )
    assert made("TravelHit").sections.situation == TravelSituation(
        mode=TravelMode.AIR, origin="BRU", destination="IST", planned_on=date(2026, 3, 8)
    )
    assert made("InformationAnswer").sections.situation == AnswerSituation(
        request=UUID("0e8a3c5e-2b6f-8d21-9c44-5d0f7a1b2c3d"), result=AnswerResult.NOTHING_KNOWN
    )
    assert made("InformationRequest").sections.distribution == Distribution(named=("ctif", "federal-police"))
    assert made("MeasureReport").handling == (Handling.DIFFUSION_RESTREINTE,)


def test_a_withdrawn_one_is_a_recall() -> None:
    for withdrawn, lifecycle in ((True, Lifecycle.RECALL), (False, Lifecycle.ORIGINAL)):
        found = draft(Row({**LINES["Alert"], "withdrawn": withdrawn}))
        assert isinstance(found, Draft)
        assert found.lifecycle is lifecycle


def at(*path: str | int, value: object) -> Callable[[Any], None]:
    """Return what sets a value within an object."""

    def change(found: Any) -> None:
        for step in path[:-1]:
            found = found[step]
        found[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("signal_type", "change", "expected"),
    [
        ("Alert", at("type", value="Alarm"), Refusal("code", "type")),
        ("Alert", at("type", value=None), Refusal("missing", "type")),
        ("Alert", at("type", value="Receipt"), Refusal("code", "type")),
        ("Alert", at("observed_at", value="yesterday"), Refusal("date", "observed_at")),
        ("Alert", at("classification", value="UNRECOGNISED"), Refusal("code", "classification")),
        ("Alert", at("handling", value="TLP_RED"), Refusal("list", "handling")),
        ("Alert", at("handling", value=["TLP_RED", "TLP_BLUE"]), Refusal("code", "handling.1")),
        ("Alert", at("withdrawn", value="yes"), Refusal("boolean", "withdrawn")),
        ("Alert", at("context", value=None), Refusal("missing", "context.reference")),
        ("Alert", at("context", value="CROSS-77"), Refusal("object", "context")),
        ("Alert", at("context", "reference", value="  "), Refusal("missing", "context.reference")),
        ("Alert", at("context", "nature", value=None), Refusal("missing", "context.nature")),
        ("Alert", at("context", "nature", value="UNRECOGNISED"), Refusal("code", "context.nature")),
        ("Alert", at("context", "purposes", value=["WAR"]), Refusal("code", "context.purposes.0")),
        ("Alert", at("distribution", "embargoed", value=True), Refusal("key", "distribution.embargoed")),
        ("Alert", at("distribution", "embargo", value="true"), Refusal("boolean", "distribution.embargo")),
        ("Alert", at("distribution", "excluded", value=[7]), Refusal("text", "distribution.excluded.0")),
        ("Alert", at("distribution", "excluded", value=["ocad", None]), Refusal("missing", "distribution.excluded.1")),
        ("Alert", at("subject", "salt", value="00"), Refusal("key", "subject.salt")),
        ("Alert", at("assessment", value={"summary": ""}), Refusal("key", "assessment")),
        ("Alert", at("De Wit, An", value=1), Refusal("key", "line")),
        ("Alert", at("subject", "De Wit, An", value=1), Refusal("key", "subject")),
        (
            "Alert",
            at("situation", "facts", 0, "observed_on", value="01/03/2026"),
            Refusal("date", "situation.facts.0.observed_on"),
        ),
        (
            "EntityChange",
            at("subject", "names", 0, "given", value=None),
            Refusal("missing", "subject.names.0.given"),
        ),
        ("EntityChange", at("subject", "birth", "year", value="long ago"), Refusal("number", "subject.birth.year")),
        ("EntityChange", at("subject", "description", value="a\x00b"), Refusal("text", "subject.description")),
        ("ThreatLevel", at("assessment", "level", value=2**31), Refusal("number", "assessment.level")),
        ("ThreatLevel", at("assessment", "level", value=True), Refusal("text", "assessment.level")),
        ("ThreatLevel", at("subject", value={}), Refusal("key", "subject")),
        ("TravelHit", at("situation", "planned_on", value="2026-02-30"), Refusal("date", "situation.planned_on")),
        ("TravelHit", at("situation", "planned_on", value="2026-W10-2"), Refusal("date", "situation.planned_on")),
        ("AssetFreeze", at("situation", "from_on", value=None), Refusal("missing", "situation.from_on")),
        ("InformationAnswer", at("situation", "request", value="KS-12"), Refusal("identifier", "situation.request")),
        ("InformationRequest", at("situation", "urgent", value=None), Refusal("missing", "situation.urgent")),
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_by_its_field(
    signal_type: str, change: Callable[[Any], None], expected: Refusal
) -> None:
    found = json.loads(json.dumps(LINES[signal_type]))
    change(found)
    assert draft(Row(found)) == expected


def test_a_level_of_9_travels_to_the_door() -> None:
    found = json.loads(json.dumps(LINES["ThreatLevel"]))
    found["assessment"]["level"] = 9
    assert isinstance(draft(Row(found)), Draft)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"7",
        b"\xff{}",
        b'{"type": "Alert", "type": "Alert"}',
        b"[" * 100_000,
        b'{"a": ' * 100_000,
    ],
    ids=["broken", "a list", "a number", "not UTF-8", "a key twice", "deep", "deep objects"],
)
def test_a_line_that_is_no_object(line: bytes) -> None:
    assert list(records(b"\n" + line + b"\r\n{}")) == [(2, Refusal("json", "line")), (3, Row({}))]


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@given(data=st.data())
def test_any_value_anywhere_is_a_draft_or_a_refusal(data: st.DataObject) -> None:
    found: Any = json.loads(json.dumps(LINES[data.draw(st.sampled_from(sorted(LINES)))]))
    place = found
    while True:
        step = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[step], dict | list) and place[step]) or data.draw(st.booleans()):
            break
        place = place[step]
    place[step] = data.draw(VALUES)
    assert isinstance(draft(Row(found)), Draft | Refusal)


@given(st.binary())
def test_any_bytes_are_cut(content: bytes) -> None:
    for _, record in records(content):
        assert isinstance(record, Refusal) or isinstance(draft(record), Draft | Refusal)


def test_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "2026-03.jsonl").write_bytes(EXPORT)
    source = ADAPTER.open(str(tmp_path))
    (batch,) = source.batches(None)
    assert [located.position for located in batch.records] == [
        f"2026-03.jsonl:{number}" for number in range(1, 11)
    ]
