"""What may differ between two worlds, and that nothing else may."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from kruispunt_schemas import codec, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import Record
from kruispunt_schemas.records.backbone import Status, Verdict, Withdrawal
from kruispunt_schemas.records.frame import Delivery, Passage, Withheld

from tests import drafts
from tests.drafts import MONDAY, posting
from tests.oracle.observing import Observation, Observer, differences

TUESDAY = datetime(2026, 3, 3, 10, 0, 0, 7, tzinfo=UTC)
DELIVERY = Delivery(
    output_id=UUID(int=1),
    recipient="ltf-gent",
    decision_id=UUID(int=2),
    grounds=("ground-territory",),
    withheld=(Withheld(section="distribution", rules=()),),
    replaces=(),
    persons=("a" * 32,),
)


@dataclass(frozen=True)
class Lies:
    """A record as a client library gives it."""

    content: bytes
    envelope: list[tuple[str, bytes]]
    place: int = 0

    def offset(self) -> int:
        return self.place

    def key(self) -> bytes | None:
        return None

    def headers(self) -> list[tuple[str, bytes]]:
        return self.envelope

    def value(self) -> bytes:
        return self.content


def lies(record: Record, at: datetime = MONDAY, place: int = 0) -> Lies:
    schema = schemas.load(type(record).__name__)
    envelope = wire.envelope(schema, identifier="id", source="/backbone/admit", time=at, traceparent=None)
    return Lies(wire.wrapped(7, codec.encode(record)), envelope, place)


def view(place: int, *persons: str, **changes: object) -> Lies:
    delivery = replace(DELIVERY, persons=persons, **changes)  # type: ignore[arg-type]
    made = drafts.composed().releasing(frozenset({"context", "subject"}))
    payload = made.with_passage(Passage(bundle="b" * 64, delivery=delivery)).encoded()
    envelope = wire.envelope(
        made.schema, identifier="id", source="/backbone/route", time=MONDAY, traceparent=None
    )
    return Lies(wire.wrapped(7, payload), envelope, place)


def told(one: list[Lies], other: list[Lies]) -> list[str]:
    return differences(
        Observation(Observer().see(one), len(one)), Observation(Observer().see(other), len(other))
    )


STATUS = Status(output_id=UUID(int=3), posting=posting(), verdict=Verdict.ACCEPTED)
WITHDRAWAL = Withdrawal(
    output_id=UUID(int=4),
    recipient="ltf-gent",
    decision_id=UUID(int=2),
    originator="vsse",
    withdraws=(UUID(int=1),),
    withdrawn_at=MONDAY,
)


class TestMayDiffer:
    def test_the_time_of_an_envelope(self) -> None:
        assert told([lies(STATUS)], [lies(STATUS, at=TUESDAY)]) == []

    def test_the_time_of_ones_own_posting(self) -> None:
        assert told([lies(STATUS)], [lies(replace(STATUS, posting=posting(at=TUESDAY)))]) == []

    def test_the_time_of_a_withdrawal(self) -> None:
        assert told([lies(WITHDRAWAL)], [lies(replace(WITHDRAWAL, withdrawn_at=TUESDAY))]) == []

    def test_the_text_of_a_pseudonym(self) -> None:
        one, other = [view(0, "a" * 32), view(1, "b" * 32)], [view(0, "c" * 32), view(1, "d" * 32)]
        assert told(one, other) == []


class TestMayNotDiffer:
    @pytest.mark.parametrize(
        "other",
        [
            replace(STATUS, output_id=UUID(int=9)),
            replace(STATUS, posting=posting(offset=1)),
            replace(STATUS, signal_id=UUID(int=9)),
            replace(STATUS, verdict=Verdict.REFUSED),
            replace(STATUS, reason="known"),
        ],
    )
    def test_a_status(self, other: Status) -> None:
        assert told([lies(STATUS)], [lies(other)]) == ["Status at 0 differs in value"]

    def test_what_is_withdrawn(self) -> None:
        other = replace(WITHDRAWAL, withdraws=(UUID(int=1), UUID(int=5)))
        assert told([lies(WITHDRAWAL)], [lies(other)]) == ["Withdrawal at 0 differs in value"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"grounds": ("ground-follows-subject", "ground-territory")},
            {"withheld": (Withheld(section="distribution", rules=("guard-embargo",)),)},
            {"replaces": (UUID(int=8),)},
            {"decision_id": UUID(int=8)},
        ],
    )
    def test_why_a_view_came(self, changes: dict[str, object]) -> None:
        assert told([view(0, "a" * 32)], [view(0, "a" * 32, **changes)]) == [
            "RadicalisationCase at 0 differs in value"
        ]

    def test_which_pseudonyms_are_equal_and_how_many_there_are(self) -> None:
        apart, joined = [view(0, "a" * 32), view(1, "b" * 32)], [view(0, "c" * 32), view(1, "c" * 32)]
        assert told(apart, joined) == ["RadicalisationCase at 1 differs in value"]
        assert told([view(0, "a" * 32)], [view(0, "a" * 32, "b" * 32)]) == [
            "RadicalisationCase at 0 differs in value"
        ]

    def test_a_time_that_is_none(self) -> None:
        broken = lies(STATUS)
        envelope = [(name, b"soon" if name == "ce_time" else raw) for name, raw in broken.envelope]
        assert told([broken], [replace(broken, envelope=envelope)]) == ["Status at 0 differs in headers"]

    def test_how_many_there_are_and_where(self) -> None:
        assert told([lies(STATUS)], []) == [
            "Status at 0 is in one world only",
            "the topic ends at 1 and at 0",
        ]
        assert told([lies(STATUS)], [lies(STATUS, place=1)]) == ["Status at 0 differs in offset"]
