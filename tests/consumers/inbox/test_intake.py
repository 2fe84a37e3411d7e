"""What the inbox keeps of what arrives: once, with the next offset, and with everything that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_consumers.inbox.intake import Event, Intake, Outcome
from kruispunt_consumers.inbox.kept import AlertKind, Kind, State
from kruispunt_consumers.inbox.reading import Arrival
from kruispunt_consumers.inbox.store import InboxStore, store_path
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.records.backbone import Status, Withdrawal
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.judgements import PseudonymChange
from kruispunt_schemas.records.postings import ReceiptResult

from tests.consumers.inbox.deliveries import (
    BUNDLE,
    JUDGEMENT,
    ME,
    NOW,
    SECRET_WORDS,
    VSSE,
    Announced,
    arrival,
    intake,
    output_id,
    recall_view,
    renamed,
    signal,
    signer_of,
    status,
    view,
    withdrawal,
)

Delivered = SignedBytes | Withdrawal | PseudonymChange | Status


def take(store: InboxStore, *records: Delivered, start: int = 0) -> tuple[Event, ...]:
    return intake(store).take([arrival(record, start + place) for place, record in enumerate(records)], NOW)


def states(store: InboxStore) -> dict[str, State]:
    return {str(item.output_id): item.state for item in store.items()}


def receipts(store: InboxStore) -> list[tuple[str, ReceiptResult, str | None]]:
    return [(str(item.output_id), item.result, item.reason) for item in store.owed()]


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_view_is_kept_and_owes_one_receipt(store: InboxStore) -> None:
    (event,) = take(store, view(signal(), 1))
    assert event.outcome is Outcome.STORED
    assert states(store) == {str(output_id(1)): State.CURRENT}
    assert receipts(store) == [(str(output_id(1)), ReceiptResult.STORED, None)]
    assert store.next_offset() == 1
    content = store.content(output_id(1))
    assert content is not None
    assert content.payload == view(signal(), 1).encoded()


def test_the_same_again_changes_nothing(store: InboxStore) -> None:
    take(store, view(signal(), 1))
    before = store.items(), store.owed(), store.alerts()
    (event,) = take(store, view(signal(), 1), start=1)
    assert event.outcome is Outcome.REPEATED
    assert (store.items(), store.owed(), store.alerts()) == before
    assert store.next_offset() == 2


def test_the_same_output_with_other_bytes_is_an_alert_and_not_stored(store: InboxStore) -> None:
    take(store, view(signal(), 1))
    (event,) = take(store, view(signal(), 1, released=frozenset({"context"})), start=1)
    assert event.outcome is Outcome.REJECTED
    content = store.content(output_id(1))
    assert content is not None
    assert content.payload == view(signal(), 1).encoded()
    assert states(store) == {str(output_id(1)): State.CURRENT}
    (alert,) = store.alerts()
    assert (alert.kind, alert.reason) == (AlertKind.REJECTED, "other-content")
    assert receipts(store)[1] == (str(output_id(1)), ReceiptResult.REJECTED, "other-content")


def test_what_does_not_verify_is_not_kept_but_answered(store: InboxStore, tmp_path: Path) -> None:
    (event,) = take(store, view(signal(signer=signer_of("stranger")), 1))
    assert event.outcome is Outcome.REJECTED
    (item,) = store.items()
    assert (item.state, item.reason, item.field, item.facts) == (
        State.REJECTED,
        "unknown-key",
        "proof.key_id",
        None,
    )
    assert store.content(item.output_id) is None
    assert SECRET_WORDS.encode() not in on_disk(tmp_path)
    assert receipts(store) == [(str(output_id(1)), ReceiptResult.REJECTED, "unknown-key")]
    assert [alert.kind for alert in store.alerts()] == [AlertKind.REJECTED]


def test_a_rejected_output_that_later_verifies_is_accepted(store: InboxStore) -> None:
    """An upgrade brings the schema, or the bundle was late: reading again mends it."""
    record = arrival(view(signal(), 1), 0)
    nothing = Intake(store, ME, Announced({}))
    assert [event.outcome for event in nothing.take([record], NOW)] == [Outcome.REJECTED]
    assert [event.outcome for event in intake(store).take([record], NOW)] == [Outcome.STORED]
    assert states(store) == {str(output_id(1)): State.CURRENT}


def test_a_bundle_announced_meanwhile_is_fetched_once(store: InboxStore) -> None:
    bundles = Announced({}, late=(BUNDLE,))
    events = Intake(store, ME, bundles).take(
        [arrival(view(signal(), 1), 0), arrival(view(signal(reference="b"), 2), 1)], NOW
    )
    assert [event.outcome for event in events] == [Outcome.STORED, Outcome.STORED]
    assert bundles.reads == 1


def test_a_correction_replaces(store: InboxStore) -> None:
    correction = view(signal(version=2, lifecycle=Lifecycle.CORRECTION), 2, replaces=(output_id(1),))
    *_, event = take(store, view(signal(), 1), correction)
    assert event.affected == (output_id(1),)
    assert states(store) == {str(output_id(1)): State.REPLACED, str(output_id(2)): State.CURRENT}
    assert store.items()[0].ended_by == output_id(2)
    assert store.content(output_id(1)) is not None


def test_a_recall_erases_what_it_names(store: InboxStore, tmp_path: Path) -> None:
    *_, event = take(
        store,
        view(signal(), 1),
        recall_view(2, output_id(1)),
        view(signal(reference="x", statement="other"), 3),
    )[:2]
    assert (event.outcome, event.affected) == (Outcome.RECALLED, (output_id(1),))
    assert [item.state for item in store.items()] == [State.WITHDRAWN, State.NOTICE, State.CURRENT]
    assert [item.kind for item in store.items()] == [Kind.VIEW, Kind.RECALL, Kind.VIEW]
    assert store.content(output_id(1)) is None
    assert SECRET_WORDS.encode() not in on_disk(tmp_path)
    assert receipts(store)[1] == (str(output_id(2)), ReceiptResult.WITHDRAWN, None)


def test_a_withdrawal_erases_current_and_replaced_views(store: InboxStore, tmp_path: Path) -> None:
    correction = view(signal(version=2, lifecycle=Lifecycle.CORRECTION), 2, replaces=(output_id(1),))
    notice = withdrawal(3, output_id(1), output_id(2))
    *_, event = take(store, view(signal(), 1), correction, notice)
    assert (event.outcome, set(event.affected)) == (Outcome.WITHDRAWN, {output_id(1), output_id(2)})
    assert set(states(store).values()) == {State.WITHDRAWN, State.NOTICE}
    assert SECRET_WORDS.encode() not in on_disk(tmp_path)
    assert receipts(store)[2] == (str(notice.output_id), ReceiptResult.WITHDRAWN, None)


def test_a_forged_recall_erases_nothing(store: InboxStore) -> None:
    forged = view(
        signal(version=2, lifecycle=Lifecycle.RECALL, signer=signer_of("stranger")),
        2,
        released=frozenset(),
        replaces=(output_id(1),),
    )
    take(store, view(signal(), 1), forged)
    assert states(store)[str(output_id(1))] is State.CURRENT


def test_nobody_takes_back_what_another_originator_said(store: InboxStore) -> None:
    foreign = withdrawal(2, output_id(1), originator=VSSE)
    *_, event = take(store, view(signal(), 1), foreign)
    assert event.affected == ()
    assert states(store)[str(output_id(1))] is State.CURRENT
    assert [alert.kind for alert in store.alerts()] == [AlertKind.FOREIGN_SUPERSESSION]


@pytest.mark.parametrize("ended", [State.WITHDRAWN, State.REPLACED])
def test_a_view_that_arrives_after_its_end_is_not_current(
    store: InboxStore, tmp_path: Path, ended: State
) -> None:
    later: Delivered = (
        withdrawal(2, output_id(1))
        if ended is State.WITHDRAWN
        else view(
            signal(version=2, lifecycle=Lifecycle.CORRECTION, statement="new"), 2, replaces=(output_id(1),)
        )
    )
    take(store, later, view(signal(), 1))
    assert states(store)[str(output_id(1))] is ended
    if ended is State.WITHDRAWN:
        assert SECRET_WORDS.encode() not in on_disk(tmp_path)
        assert receipts(store)[1] == (str(output_id(1)), ReceiptResult.WITHDRAWN, None)


def test_statuses_are_kept_once_and_answered_by_nothing(store: InboxStore) -> None:
    events = take(store, status(4), status(5, reason="value"), status(4))
    assert [event.outcome for event in events] == [Outcome.STATUS, Outcome.STATUS, Outcome.REPEATED]
    assert [(item.posting_offset, item.reason) for item in store.statuses()] == [(4, None), (5, "value")]
    assert store.owed() == ()


def test_a_status_of_somebody_elses_posting_is_an_alert(store: InboxStore) -> None:
    take(store, status(4, participant=VSSE))
    assert store.statuses() == ()
    assert [alert.kind for alert in store.alerts()] == [AlertKind.FOREIGN_STATUS]


def test_a_record_that_nobody_can_read_is_an_alert_and_stops_nothing(store: InboxStore) -> None:
    events = intake(store).take([Arrival(0, NOW, b"?", {}), arrival(view(signal(), 1), 1)], NOW)
    assert [event.outcome for event in events] == [Outcome.REJECTED, Outcome.STORED]
    (alert,) = store.alerts()
    assert (alert.kind, alert.reason, alert.offset) == (AlertKind.UNREADABLE, "wire-format", 0)


def test_an_unreadable_record_cannot_displace_an_accepted_output(store: InboxStore) -> None:
    whole = arrival(view(signal(), 1), 1)
    damaged = Arrival(1, NOW, (whole.value or b"") + b"x", whole.headers)
    intake(store).take([arrival(view(signal(), 1), 0), damaged], NOW)
    assert states(store) == {str(output_id(1)): State.CURRENT}
    assert [alert.reason for alert in store.alerts()] == ["trailing-bytes"]


def test_missing_offsets_are_an_alert(store: InboxStore) -> None:
    events = intake(store).take([arrival(view(signal(), 1), 5)], NOW)
    assert [event.outcome for event in events] == [Outcome.GAP, Outcome.STORED]
    (alert,) = store.alerts()
    assert (alert.kind, alert.offset, alert.until) == (AlertKind.RETENTION_GAP, 0, 5)
    assert store.next_offset() == 6


def test_a_gap_is_noted_once(store: InboxStore) -> None:
    assert intake(store).note_gap(3, NOW) is not None
    assert intake(store).note_gap(3, NOW) is None
    assert (store.next_offset(), len(store.alerts())) == (3, 1)


def test_a_batch_that_fails_leaves_nothing(store: InboxStore) -> None:
    class Broken(Announced):
        def get(self, name: str) -> None:
            if self.reads:
                raise RuntimeError(name)
            self.reads += 1

    with pytest.raises(RuntimeError):
        Intake(store, ME, Broken({})).take([arrival(status(1), 0), arrival(view(signal(), 1), 1)], NOW)
    assert (store.items(), store.statuses(), store.owed(), store.next_offset()) == ((), (), (), 0)


POOL: tuple[Delivered, ...] = (
    view(signal(), 1),
    view(signal(version=2, lifecycle=Lifecycle.CORRECTION), 2, replaces=(output_id(1),)),
    recall_view(3, output_id(1), output_id(2), version=3),
    view(signal(reference="b"), 4),
    withdrawal(5, output_id(4)),
    view(signal(reference="c", signer=signer_of("stranger")), 6),
    view(signal(reference="d"), 7, recipient="ltf-gent"),
    status(8),
    view(signal(reference="e"), 9),
    view(signal(reference="e"), 10, replaces=(output_id(9),), judgement=JUDGEMENT),
    renamed(10, output_id(10), "0b" * 16),
)


@settings(deadline=None, max_examples=60)
@given(st.permutations(range(len(POOL))), st.sets(st.integers(1, len(POOL) - 1)), st.integers(0, len(POOL)))
def test_batches_and_repeats_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: Sequence[int], cuts: set[int], again_from: int
) -> None:
    """Any order, any cutting into batches, and any part read again end in the same states and receipts."""
    arrivals = [arrival(POOL[which], place) for place, which in enumerate(order)]
    folder = tmp_path_factory.mktemp("orders")
    with InboxStore(store_path(folder, "a")) as whole, InboxStore(store_path(folder, "b")) as cut:
        intake(whole).take(arrivals, NOW)
        for start, end in pairwise((0, *sorted(cuts), len(arrivals))):
            intake(cut).take(arrivals[start:end], NOW)
        intake(cut).take(arrivals[again_from:], NOW)
        assert cut.items() == whole.items()
        assert set(cut.owed()) == set(whole.owed())
        assert cut.next_offset() == whole.next_offset() == len(POOL)
        expected = {
            output_id(1): State.WITHDRAWN,
            output_id(2): State.WITHDRAWN,
            output_id(3): State.NOTICE,
            output_id(4): State.WITHDRAWN,
            output_id(6): State.REJECTED,
            output_id(7, "ltf-gent"): State.REJECTED,
            output_id(9): State.WITHDRAWN,
            output_id(10): State.CURRENT,
        }
        notices = (Kind.WITHDRAWAL, Kind.PSEUDONYMS)
        assert {item.output_id: item.state for item in whole.items() if item.kind not in notices} == expected
        for store in (whole, cut):
            content = store.content(output_id(10))
            assert content is not None
            assert content.renamed is not None


class TestWhatAJudgementBrings:
    def test_a_view_decided_again_takes_the_place_of_the_one_before_and_erases_it(
        self, store: InboxStore, tmp_path: Path
    ) -> None:
        narrowed = view(
            signal(), 2, released=frozenset({"context"}), replaces=(output_id(1),), judgement=JUDGEMENT
        )
        (_, event) = take(store, view(signal(), 1), narrowed)
        assert (event.outcome, event.affected) == (Outcome.AGAIN, (output_id(1),))
        assert states(store) == {str(output_id(1)): State.WITHDRAWN, str(output_id(2)): State.CURRENT}
        assert store.content(output_id(1)) is None
        assert SECRET_WORDS.encode() not in on_disk(tmp_path)
        first, second = store.items()
        assert first.facts is not None
        assert second.facts is not None
        assert (first.facts.again, second.facts.again) == (False, True)
        assert first.ended_by == output_id(2)
        assert receipts(store)[1] == (str(output_id(2)), ReceiptResult.STORED, None)

    def test_a_view_that_a_judgement_brings_back_is_decided_again_too(self, store: InboxStore) -> None:
        take(store, view(signal(), 1), withdrawal(2, output_id(1)))
        (event,) = take(store, view(signal(), 3, judgement=JUDGEMENT), start=2)
        assert (event.outcome, event.affected) == (Outcome.AGAIN, ())
        assert states(store)[str(output_id(3))] is State.CURRENT
        assert states(store)[str(output_id(1))] is State.WITHDRAWN

    def test_a_correction_of_it_is_a_version_as_any_other(self, store: InboxStore) -> None:
        correction = view(signal(version=2, lifecycle=Lifecycle.CORRECTION), 2, replaces=(output_id(1),))
        (_, event) = take(store, view(signal(), 1, judgement=JUDGEMENT), correction)
        assert event.outcome is Outcome.STORED
        assert states(store)[str(output_id(1))] is State.REPLACED

    @pytest.mark.parametrize("before", [True, False])
    def test_other_pseudonyms_stand_beside_the_view_whichever_comes_first(
        self, store: InboxStore, before: bool
    ) -> None:
        own, change = view(signal(), 1), renamed(1, output_id(1), "0b" * 16)
        events = take(store, *((change, own) if before else (own, change)))
        told = events[0 if before else 1]
        assert told.outcome is Outcome.RENAMED
        assert told.affected == (() if before else (output_id(1),))
        content = store.content(output_id(1))
        assert content is not None
        assert content.renamed is not None
        assert content.renamed.persons == ("0b" * 16,)
        assert states(store)[str(output_id(1))] is State.CURRENT
        assert states(store)[str(change.output_id)] is State.NOTICE
        assert (str(change.output_id), ReceiptResult.STORED, None) in receipts(store)

    def test_the_last_pseudonyms_count_and_a_replay_changes_nothing(self, store: InboxStore) -> None:
        first = renamed(1, output_id(1), "0b" * 16)
        second = renamed(1, output_id(1), "0c" * 16, judgement=UUID(int=7002))
        take(store, view(signal(), 1), first, second)
        before = store.items(), store.owed(), store.alerts()
        (event,) = take(store, first, start=3)
        assert event.outcome is Outcome.REPEATED
        assert (store.items(), store.owed(), store.alerts()) == before
        content = store.content(output_id(1))
        assert content is not None
        assert content.renamed is not None
        assert content.renamed.persons == ("0c" * 16,)

    def test_other_content_under_one_id_is_refused(self, store: InboxStore) -> None:
        take(store, view(signal(), 1), renamed(1, output_id(1), "0b" * 16))
        (event,) = take(store, renamed(1, output_id(1), "0c" * 16), start=2)
        assert event.outcome is Outcome.REJECTED
        assert [alert.reason for alert in store.alerts()] == ["other-content"]
        assert receipts(store)[-1][1:] == (ReceiptResult.REJECTED, "other-content")
        content = store.content(output_id(1))
        assert content is not None
        assert content.renamed is not None
        assert content.renamed.persons == ("0b" * 16,)

    def test_those_for_somebody_else_are_refused(self, store: InboxStore) -> None:
        (event,) = take(store, renamed(1, output_id(1), "0b" * 16, recipient="ltf-gent"))
        assert event.outcome is Outcome.REJECTED
        assert [alert.reason for alert in store.alerts()] == ["foreign-recipient"]

    @pytest.mark.parametrize("before", [True, False])
    def test_those_of_another_originator_change_nothing(self, store: InboxStore, before: bool) -> None:
        own, foreign = view(signal(), 1), renamed(1, output_id(1), "0b" * 16, originator=VSSE)
        take(store, *((foreign, own) if before else (own, foreign)))
        content = store.content(output_id(1))
        assert content is not None
        assert content.renamed is None
        assert [alert.kind for alert in store.alerts()] == (
            [] if before else [AlertKind.FOREIGN_SUPERSESSION]
        )
