"""A consistent backbone adds up, the balance says what happened on it, and what is harmless stays harmless."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from kruispunt_consumers.audit import tables
from kruispunt_consumers.audit.balance import ParticipantBalance
from kruispunt_consumers.audit.endings import Ending
from kruispunt_consumers.audit.findings import KEPT, Rule, Severity
from kruispunt_consumers.audit.ledger import Scope
from kruispunt_schemas import identity, topics
from kruispunt_schemas.needtoknow import bitmaps
from kruispunt_schemas.records.backbone import DuplicateKind, EvidenceSource, OutputKind, Stage
from kruispunt_schemas.records.backbone import Verdict as Told
from kruispunt_schemas.records.frame import Classification, Lifecycle
from rich.console import Console

from tests.consumers.audit.world import MARKER, World, bundle_of, draft, small_world


def test_everything_adds_up() -> None:
    verdict = small_world().verdict()
    assert [(item.rule, item.subject, item.sentence) for item in verdict.findings] == []
    assert verdict.adds_up


def test_every_rule_was_put_to_use() -> None:
    verdict = small_world().verdict()
    assert {rule for rule, count in verdict.rules.items() if not count.checked} == set()


def test_the_balance_is_exact() -> None:
    verdict = small_world().verdict()
    assert verdict.participants == {
        "federal-police": ParticipantBalance(posted=5, decided=2, duplicate=2, quarantined=1),
        "vsse": ParticipantBalance(posted=2, decided=1, quarantined=1),
        "ltf-gent": ParticipantBalance(posted=2, access=2),
    }
    assert verdict.refusals() == {"signature": 1, "wire-format": 1}
    assert verdict.duplicates() == {"SAME_SIGNAL": 1, "SAME_CONTENT": 1}
    antwerpen = verdict.received["ltf-antwerpen"]
    assert (antwerpen.views, antwerpen.withdrawals) == (1, 1)
    assert antwerpen.withheld == {}  # nobody receives the distribution
    gent = verdict.received["ltf-gent"]
    assert gent.views == 2
    assert gent.withheld == {"assessment": 1, "measures": 1, "sources": 1}
    assert gent.withheld_by == {"no ground": 3}
    assert verdict.acknowledgements["ltf-gent"].stored == 1
    assert verdict.acknowledgements["ltf-gent"].outstanding == 1
    assert verdict.consultations == {"ltf-gent": 1}


def test_json_has_one_shape_and_no_content() -> None:
    found = json.loads(json.dumps(small_world().verdict().as_json(postings=True)))
    assert found["adds_up"] is True
    assert found["total"] == {
        "posted": 9,
        "decided": 3,
        "duplicate": 2,
        "quarantined": 2,
        "access": 2,
        "under_way": 0,
        "expired": 0,
    }
    assert found["quarantine"] == {
        "by_reason": {"signature": 1, "wire-format": 1},
        "by_stage": {"ADMIT": 2},
    }
    assert {item["posting"]: item["outcome"] for item in found["postings"]}["vsse/1"] == "quarantined"
    assert MARKER not in json.dumps(found)
    assert "postings" not in small_world().verdict().as_json()


def test_tables_show_the_balance() -> None:
    out = io.StringIO()
    tables.show(small_world().verdict(), Console(file=out, width=120))
    text = out.getvalue()
    assert "ADDS UP" in text
    assert "federal-police" in text
    assert "no ground" in text


def test_repeats_after_a_crash_are_harmless_and_counted() -> None:
    world = small_world()
    for topic in ("admitted", "resolved", "repertory", "quarantine", "audit.decisions", "in.ltf-antwerpen"):
        for record in list(world.records[topic]):
            world.records[topic].append(replace(record, offset=record.offset + 100))
    verdict = world.verdict()
    assert verdict.adds_up, verdict.findings
    assert verdict.repeats == 5 + 3 + 5 + 2 + 3 + 2
    assert verdict.total == small_world().verdict().total


def test_what_is_young_is_under_way_and_what_is_old_is_lost() -> None:
    world = small_world()
    world.post("vsse", world.compose("vsse", draft("Y")))
    young = world.verdict(complete=False, later=timedelta(seconds=5))
    assert young.adds_up
    assert young.waiting == 1
    assert [(item.subject, item.severity) for item in young.findings] == [("vsse/2", Severity.UNDER_WAY)]
    assert young.participants["vsse"].under_way == 1
    assert not world.verdict(complete=True, later=timedelta(seconds=5)).adds_up
    old = world.verdict(complete=False, later=timedelta(hours=1))
    assert [item.rule for item in old.findings] == [Rule.NONE_LOST]
    assert not old.adds_up


def test_views_sent_before_their_decision_are_under_way() -> None:
    world = small_world()
    signed = world.compose("vsse", draft("Y"))
    posting = world.post("vsse", signed)
    case_key = world.admit(posting, signed)
    world.resolve(posting, signed, case_key)
    _, sent = world.decision(posting, signed, case_key)
    for output_id, (recipient, record) in sent.items():
        world.send(recipient, output_id, record)
    verdict = world.verdict(complete=False, later=timedelta(seconds=1))
    assert verdict.adds_up, verdict.findings
    assert verdict.rules[Rule.DELIVERED_IS_DECIDED].under_way == len(sent)


def test_a_recall_reaches_those_who_hold_a_view() -> None:
    world = World()
    _, _, first = world.road("federal-police", draft("A"))
    recall = draft("A", 2, lifecycle=Lifecycle.RECALL)
    _, _, second = world.road("federal-police", recall, (first.signal_id,))
    assert {item.recipient for item in second.outputs} == {item.recipient for item in first.outputs}
    assert world.verdict().adds_up, world.verdict().findings


def test_a_signed_section_that_is_left_out_is_one_that_nobody_gets() -> None:
    world = small_world()
    signed = world.compose("federal-police", draft("left out"))
    left_out = replace(
        signed,
        sections=tuple((name, None) if name == "subject" else (name, raw) for name, raw in signed.sections),
    )
    assert left_out != signed
    posting = world.post("federal-police", left_out)
    case_key = world.admit(posting, left_out)
    world.resolve(posting, left_out, case_key)
    world.route(posting, left_out, case_key)
    assert world.verdict().adds_up, world.verdict().findings


def test_a_withdrawal_ends_what_is_held() -> None:
    """Versions 1 to 3: who was withdrawn from at 2 holds nothing at 3, and gets a new view without replacing one."""
    world = World()
    _, _, one = world.road("federal-police", draft("A"))
    moved = draft("A", 2, lifecycle=Lifecycle.CORRECTION, municipality="44021")
    _, _, two = world.road("federal-police", moved, (one.signal_id,))
    back = draft("A", 3, lifecycle=Lifecycle.CORRECTION)
    _, _, three = world.road("federal-police", back, tuple(sorted((one.signal_id, two.signal_id))))
    made = {item.recipient: item for item in three.outputs}
    assert made["ltf-antwerpen"].replaces == ()
    assert made["ltf-gent"].kind is OutputKind.WITHDRAWAL
    assert world.verdict().adds_up, world.verdict().findings


def test_the_bundle_of_the_append_time_decides() -> None:
    world = World()
    secret = draft("A", classification=Classification.CONFIDENTIAL)
    world.road("federal-police", secret)
    world.activate(bundle_of(clearance=Classification.TOP_SECRET))
    _, _, second = world.road("federal-police", replace(secret, sections=draft("B").sections))
    verdict = world.verdict()
    assert verdict.adds_up, verdict.findings
    assert any(item.recipient == "ltf-antwerpen" for item in second.outputs)


def test_a_retry_lets_the_last_outcome_count() -> None:
    world = World()
    signed = world.compose("vsse", draft("Y"))
    posting = world.post("vsse", signed)
    case_key = world.admit(posting, signed)
    world.refuse(posting, "internal-error", Stage.RESOLVE)
    micros = int(posting.appended_at.timestamp() * 1_000_000)
    retry = world.append("retry", signed.schema, b"")
    world.records["retry"][0] = replace(
        retry, headers=(("kruispunt-retry-posting", f"vsse/0/{micros}".encode()),)
    )
    world.resolve(posting, signed, case_key)
    world.route(posting, signed, case_key)
    verdict = world.verdict()
    assert verdict.adds_up, verdict.findings
    assert [item.ending for item in verdict.outcomes] == [Ending.DECIDED]


def test_a_retried_refusal_at_the_door_changes_the_status() -> None:
    world = World()
    signed = world.compose("vsse", draft("Y"))
    posting = world.post("vsse", signed)
    world.refuse(posting, "internal-error")
    retry = world.append("retry", signed.schema, b"")
    world.records["retry"][0] = replace(retry, headers=(("kruispunt-retry-posting", b"vsse/0/0"),))
    case_key = world.admit(posting, signed)
    world.resolve(posting, signed, case_key)
    world.route(posting, signed, case_key)
    verdict = world.verdict()
    assert verdict.adds_up, verdict.findings
    assert verdict.rules[Rule.REFUSAL_FOLLOWS].warned == 1


def test_what_retention_took_is_attested() -> None:
    world = small_world()
    for topic, count in (
        ("out.federal-police", 5),
        ("admitted", 4),
        ("resolved", 2),
        ("in.ltf-antwerpen", 2),
    ):
        world.trim(topic, count)
    verdict = world.verdict()
    assert verdict.adds_up, verdict.findings
    assert verdict.participants["federal-police"] == ParticipantBalance(
        posted=5, decided=2, duplicate=2, quarantined=1, expired=5
    )
    for rule in (Rule.EVIDENCE, Rule.FACTS, Rule.GENUINE, Rule.DECIDED_IS_DELIVERED):
        assert verdict.rules[rule].attested, rule


def test_expired_without_any_outcome_is_lost() -> None:
    world = small_world()
    world.records["audit.decisions"].pop(0)
    world.records["repertory"].pop(0)
    world.records["admitted"].pop(0)
    world.records["resolved"].pop(0)
    world.trim("out.federal-police", 1)
    lost = world.verdict().failed(Rule.NONE_LOST)
    assert [(item.subject, item.sentence) for item in lost] == [
        ("federal-police/0", "it has expired and no record says how it ended")
    ]


def test_a_view_of_an_expired_posting_still_has_to_verify() -> None:
    world = small_world()
    world.trim("out.federal-police", 5)
    topic, place = world.view_place("ltf-antwerpen", world.decided[world_first(world)])
    proof = world.compose("federal-police", draft("C")).proof
    world.change_signed(topic, place, lambda signed: replace(signed, proof=proof))
    assert world.verdict().failed(Rule.SAME_HEADER)


def test_a_scope_judges_only_what_it_covers() -> None:
    world = small_world()
    world.post("vsse", world.compose("vsse", draft("Y")))
    police = world.verdict(scope=Scope(participants=frozenset({"federal-police"})))
    assert police.adds_up, police.findings
    assert set(police.participants) == {"federal-police"}
    both = world.verdict(scope=Scope(participants=frozenset({"federal-police", "vsse"})))
    assert [item.subject for item in both.findings] == ["vsse/2"]
    later = world.verdict(scope=Scope(since=world.now))
    assert [item.subject for item in later.findings] == ["vsse/2"]
    assert later.total.posted == 1


def test_a_receipt_for_what_was_not_sent_is_a_warning() -> None:
    world = small_world()
    world.receipt("vsse", identity.derived_id("nothing", "of the kind"))
    verdict = world.verdict()
    assert verdict.adds_up
    assert [(item.rule, item.severity) for item in verdict.findings] == [
        (Rule.RECEIPT_OF_OUTPUT, Severity.WARNING)
    ]


def test_a_status_may_be_acknowledged() -> None:
    world = small_world()
    posting = world.decided[world_first(world)].posting
    world.receipt("federal-police", identity.status_id(posting, Told.ACCEPTED))
    assert world.verdict().findings == ()


def test_a_dropped_repeat_posted_again_is_the_same_signal() -> None:
    """The reference of a repeated content became an alias: posting it again names the posting that was kept."""
    world = small_world()
    kept = world.decided[world_first(world)].posting
    world.repeat("federal-police", draft("B"), DuplicateKind.SAME_SIGNAL, kept)
    assert world.verdict().adds_up, world.verdict().findings


def test_findings_are_bounded() -> None:
    world = World()
    count = KEPT + 5
    topic = topics.out_topic("vsse").name
    first = world.post_garbage("vsse", b"x")
    world.records[topic] = [replace(world.at(first), offset=offset) for offset in range(count)]
    verdict = world.verdict()
    assert verdict.rules[Rule.NONE_LOST].failed == count
    assert len(verdict.findings) == KEPT


@pytest.mark.parametrize("reason", ["empty", "wire-format"])
def test_garbage_is_told_apart(reason: str) -> None:
    world = World()
    posting = world.post_garbage("vsse", b"" if reason == "empty" else b"\x01")
    world.refuse(posting, reason)
    assert world.verdict().adds_up, world.verdict().findings


def test_postings_before_any_bundle_are_refused() -> None:
    world = World()
    posting = world.post_garbage("vsse", b"x")
    world.records["audit.bundles"] = world.records["audit.bundles"][:1]
    world.refuse(posting, "no-bundle")
    assert world.verdict().adds_up, world.verdict().findings


def test_no_statement_of_a_signal_reaches_the_output() -> None:
    world = small_world()
    world.change_signed("admitted", 0, lambda signed: signed.releasing(frozenset()))
    out = io.StringIO()
    tables.show(world.verdict(), Console(file=out, width=120))
    assert "DOES NOT ADD UP" in out.getvalue()
    assert "federal-police/0" in out.getvalue()
    assert MARKER not in out.getvalue()


def world_first(world: World) -> UUID:
    return next(signal_id for signal_id, item in world.decided.items() if item.version == 1)


def test_a_retry_that_names_nothing_is_a_warning() -> None:
    world = small_world()
    world.append("retry", None, b"x")
    verdict = world.verdict()
    assert verdict.adds_up
    assert [(item.rule, item.severity) for item in verdict.findings] == [
        (Rule.RECORDS_SOUND, Severity.WARNING)
    ]


def test_resolved_and_admitted_agree_where_the_posting_has_expired() -> None:
    world = small_world()
    world.trim("out.federal-police", 1)
    world.change_signed("resolved", 0, lambda signed: signed.releasing(frozenset()))
    failed = world.verdict().failed(Rule.SAME_SIGNED_BYTES)
    assert [item.subject for item in failed] == ["federal-police/0"]


class TestFollowers:
    def test_who_held_the_person_before_is_a_fact_with_its_event(self) -> None:
        world = small_world()
        _, _, decision = world.road("vsse", draft("V"))
        (held,) = (item.members for item in decision.holders if item.fact == "follows_subject")
        assert bitmaps.members_of(world.bundle, bitmaps.unpack(world.bundle, held)) == ["federal-police"]
        first = identity.event_id(world.decided[world_first(world)].posting)
        cited = [item.reference for item in decision.evidence if item.source is EvidenceSource.REPERTORY]
        assert cited == [str(first)]
        verdict = world.verdict()
        assert verdict.findings == ()
        assert verdict.rules[Rule.FOLLOWERS_COMPLETE].checked == 3

    def test_of_an_expired_posting_it_is_still_derived(self) -> None:
        world = small_world()
        world.road("vsse", draft("V"))
        world.trim("out.vsse", 3)
        assert world.verdict().findings == ()

    @pytest.mark.parametrize("seed", range(10))
    def test_any_order_of_arrival_adds_up_whatever_the_order_of_publishing(self, seed: int) -> None:
        world, choose = World(), random.Random(seed)  # noqa: S311 - a test's choices
        versions: dict[str, list[UUID]] = {}
        for turn in range(25):
            owner = choose.choice(("federal-police", "vsse", "ocad", "police-antwerpen"))
            earlier = versions.setdefault(owner + choose.choice("PQR"), [])
            reference = next(name for name, found in versions.items() if found is earlier)[-1]
            kind = Lifecycle.CORRECTION if earlier else Lifecycle.ORIGINAL
            item = draft(
                reference, len(earlier) + 1, lifecycle=kind, municipality=f"{11002 + turn % 2 * 33019}"
            )
            _, _, decision = world.road(owner, item, tuple(sorted(earlier)))
            earlier.append(decision.signal_id)
        choose.shuffle(world.records["repertory"])
        assert world.verdict().findings == ()

    def test_an_event_that_was_claimed_first_and_published_last_is_under_way(self) -> None:
        world = small_world()
        world.road("vsse", draft("V"))
        world.road("police-antwerpen", draft("W"))
        event = world.records["repertory"].pop(5)
        world.records["resolved"].pop(3)
        world.records["audit.decisions"].pop(3)
        later = timedelta(seconds=20)
        young = world.verdict(complete=False, later=later)
        assert young.rules[Rule.FOLLOWER_HOLDS].under_way == 1
        assert young.rules[Rule.FOLLOWERS_COMPLETE].failed == 0
        assert world.verdict(complete=True, later=later).failed(Rule.FOLLOWER_HOLDS)
        world.records["repertory"].append(event)
        assert not world.verdict(later=later).rules[Rule.FOLLOWER_HOLDS].failed

    def test_a_decision_whose_event_is_not_there_yet_rests_on_what_was_resolved(self) -> None:
        world = small_world()
        world.road("vsse", draft("V"))
        world.records["repertory"].pop(5)
        verdict = world.verdict(complete=False, later=timedelta(seconds=1))
        assert verdict.adds_up, verdict.findings
        assert [item.rule for item in verdict.findings] == [Rule.NO_STAGE_SKIPPED]

    def test_an_event_set_aside_in_quarantine_is_attested(self) -> None:
        world = small_world()
        signed = world.compose("vsse", draft("V"))
        posting = world.post("vsse", signed)
        world.register(posting, signed, world.admit(posting, signed))
        world.records["repertory"].pop()
        world.refuse(posting, "not-taken", Stage.RESOLVE)
        world.road("police-antwerpen", draft("W"))
        verdict = world.verdict()
        assert verdict.adds_up, verdict.findings
        assert verdict.rules[Rule.FOLLOWER_HOLDS].attested == 1

    def test_a_holding_stays_when_its_signal_is_recalled(self) -> None:
        world = World()
        _, _, first = world.road("federal-police", draft("A"))
        world.road("federal-police", draft("A", 2, lifecycle=Lifecycle.RECALL), (first.signal_id,))
        _, _, later = world.road("vsse", draft("V"))
        assert any(item.fact == "follows_subject" for item in later.holders)
        assert world.verdict().findings == ()
