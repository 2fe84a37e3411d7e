"""One fault at a time in a world that adds up: the audit names the rule and what it is about.

Every function below changes one thing. Its decorator says which rule must fail, and about what; `also` names rules
that rightly fail with it. Nothing else may fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest
from kruispunt_consumers.audit.findings import Rule
from kruispunt_schemas import codec, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.needtoknow import bitmaps, decisions
from kruispunt_schemas.records.backbone import (
    BundleContent,
    Decision,
    DuplicateKind,
    OutputKind,
    QuarantineEntry,
    RepertoryEvent,
    Stage,
    Status,
    Withdrawal,
)
from kruispunt_schemas.records.backbone import Verdict as Told
from kruispunt_schemas.records.frame import Classification, Lifecycle, Passage, Posting

from tests.consumers.audit.world import (
    MARKER,
    START,
    World,
    bundle_of,
    draft,
    payload_of,
    secret_of,
    small_world,
)

DECISIONS = topics.DECISIONS.name


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    rule: Rule
    about: str
    also: frozenset[Rule]
    make: Callable[[World], None]


FAULTS: list[Fault] = []
Make = Callable[[World], None]


def breaks(rule: Rule, about: str, *, also: tuple[Rule, ...] = ()) -> Callable[[Make], Make]:
    def note(make: Make) -> Make:
        FAULTS.append(Fault(make.__name__, rule, about, frozenset(also), make))
        return make

    return note


SIGNALS = {"federal-police/0": ("A", 1), "federal-police/1": ("A", 2), "vsse/0": ("Z", 1)}
"""Reference and version of what was posted where in the small world."""


def output(place: str, recipient: str, kind: OutputKind = OutputKind.VIEW) -> str:
    """Return the id of an output of the posting ``participant/offset``."""
    originator, _, _ = place.rpartition("/")
    make = identity.delivery_id if kind is OutputKind.VIEW else identity.withdrawal_id
    return str(make(originator, identity.signal_id(secret_of(originator), *SIGNALS[place]), recipient))


VIEW = output("federal-police/0", "ltf-antwerpen")
"""The first view of the task force of Antwerpen: everything but the distribution."""
VSSE_VIEW = output("vsse/0", "ltf-gent")
"""The view of a recipient that was named: no assessment."""


def place_of_output(world: World, output_id: str, topic: str) -> int:
    return next(
        place
        for place, item in enumerate(world.records[topic])
        if wire.header_map(item.headers).get("ce_id") == output_id.encode()
    )


def drop_output(world: World, recipient: str, output_id: str) -> None:
    topic = topics.in_topic(recipient).name
    del world.records[topic][place_of_output(world, output_id, topic)]


def change_view(
    world: World, recipient: str, output_id: str, change: Callable[[SignedBytes], SignedBytes]
) -> None:
    topic = topics.in_topic(recipient).name
    world.change_signed(topic, place_of_output(world, output_id, topic), change)


def redigest(world: World, recipient: str, output_id: str) -> None:
    """Let the decision hold the digest of what now lies there: a cheat who controls both."""
    topic = topics.in_topic(recipient).name
    value = world.records[topic][place_of_output(world, output_id, topic)].value
    digest = identity.digest(wire.unwrapped(value))
    for place in range(len(world.records[DECISIONS])):
        world.change(
            DECISIONS,
            place,
            Decision,
            lambda item: replace(
                item,
                outputs=tuple(
                    replace(made, digest=digest)
                    if str(decisions.output_id(item, made)) == output_id
                    else made
                    for made in item.outputs
                ),
            ),
        )


# A. Every posting


@breaks(Rule.NONE_LOST, "federal-police/5")
def posting_that_nobody_took_up(world: World) -> None:
    world.post("federal-police", world.compose("federal-police", draft("X")))


@breaks(Rule.NONE_LOST, "federal-police/5", also=())
def posting_stuck_after_resolution(world: World) -> None:
    signed = world.compose("federal-police", draft("X"))
    posting = world.post("federal-police", signed)
    world.resolve(posting, signed, world.admit(posting, signed))


@breaks(Rule.NONE_LOST, "vsse/1", also=(Rule.NONE_INVENTED,))
def posting_dropped_from_its_topic(world: World) -> None:
    del world.records["out.vsse"][1]
    world.records["out.vsse"].append(
        replace(world.records["out.vsse"][0], offset=2)  # so that the topic's end stays where it was
    )


@breaks(
    Rule.ENDED_ONCE,
    "federal-police/0",
    also=(Rule.REFUSAL_FOLLOWS, Rule.RECORDS_SOUND, Rule.STATUS_TRUE),
)
def both_decided_and_quarantined(world: World) -> None:
    world.refuse(first_posting(world), "signature")


@breaks(Rule.ENDED_ONCE, "vsse/0")
def decided_and_quarantined_by_route(world: World) -> None:
    posting = decision_at(world, 2).posting
    world.refuse(posting, "internal-error", Stage.RESOLVE)


@breaks(Rule.NONE_INVENTED, "ltf-gent/7")
def refusal_of_a_posting_that_never_was(world: World) -> None:
    invented = Posting(participant="ltf-gent", offset=7, appended_at=START)
    entry = QuarantineEntry(
        entry_id=identity.quarantine_id("ADMIT", invented),
        stage=Stage.ADMIT,
        posting=invented,
        reason="empty",
        field="",
        detail="",
        value=b"",
        headers=(),
    )
    world.put(topics.QUARANTINE.name, entry, entry.entry_id)


@breaks(Rule.NO_STAGE_SKIPPED, "federal-police/0")
def decided_without_being_resolved(world: World) -> None:
    del world.records["resolved"][0]


@breaks(Rule.NO_STAGE_SKIPPED, "vsse/0")
def decided_without_being_registered(world: World) -> None:
    world.records["repertory"] = [item for item in world.records["repertory"] if b"vsse" not in item.value]


@breaks(
    Rule.RECORDS_SOUND,
    "audit.decisions/0/1",
    also=(Rule.NONE_LOST, Rule.DELIVERED_IS_DECIDED, Rule.RECEIPT_OF_OUTPUT),
)
def decision_that_cannot_be_read(world: World) -> None:
    record = world.records[DECISIONS][1]
    world.records[DECISIONS][1] = replace(record, value=record.value + b"\x00")


@breaks(Rule.RECORDS_SOUND, "federal-police/0")
def two_decisions_on_one_posting(world: World) -> None:
    again = replace(decision_at(world, 0), decided_at=START)
    world.put(DECISIONS, again, again.decision_id)


# B. Every delivery


@breaks(Rule.DECIDED_IS_DELIVERED, VIEW)
def view_that_never_arrived(world: World) -> None:
    drop_output(world, "ltf-antwerpen", VIEW)


@breaks(Rule.DECIDED_IS_DELIVERED, output("federal-police/1", "ltf-antwerpen", OutputKind.WITHDRAWAL))
def withdrawal_that_never_arrived(world: World) -> None:
    drop_output(world, "ltf-antwerpen", output("federal-police/1", "ltf-antwerpen", OutputKind.WITHDRAWAL))


@breaks(Rule.DELIVERED_IS_DECIDED, output("federal-police/0", "ltf-gent"))
def view_that_nobody_decided(world: World) -> None:
    _, place = world.view_place("ltf-antwerpen", decision_at(world, 0))
    record = world.records["in.ltf-antwerpen"][place]
    signed = signed_in(world, "in.ltf-antwerpen", place)
    extra = UUID(output("federal-police/0", "ltf-gent"))
    passage = signed.read_passage()
    assert passage is not None
    assert passage.delivery is not None
    delivery = replace(passage.delivery, output_id=extra, recipient="ltf-gent")
    world.put_signed("in.ltf-gent", signed.with_passage(replace(passage, delivery=delivery)), extra)
    assert record.topic == "in.ltf-antwerpen"


@breaks(Rule.DELIVERED_IS_DECIDED, VIEW)
def view_on_another_participants_topic(world: World) -> None:
    _, place = world.view_place("ltf-antwerpen", decision_at(world, 0))
    world.records["in.ltf-gent"].append(
        replace(
            world.records["in.ltf-antwerpen"][place],
            topic="in.ltf-gent",
            offset=len(world.records["in.ltf-gent"]),
        )
    )


@breaks(
    Rule.DELIVERED_IS_DECIDED,
    str(identity.status_id(Posting(participant="vsse", offset=0, appended_at=START), Told.ACCEPTED)),
)
def status_on_another_participants_topic(world: World) -> None:
    wanted = str(identity.status_id(decision_at(world, 2).posting, Told.ACCEPTED))
    status = world.records["in.vsse"][place_of_output(world, wanted, "in.vsse")]
    world.records["in.ltf-gent"].append(replace(status, topic="in.ltf-gent", offset=99))


@breaks(Rule.ONE_CONTENT, VIEW)
def two_contents_for_one_output(world: World) -> None:
    _, place = world.view_place("ltf-antwerpen", decision_at(world, 0))
    signed = signed_in(world, "in.ltf-antwerpen", place)
    world.put_signed("in.ltf-antwerpen", signed.releasing(frozenset({"context"})), VIEW)


@breaks(Rule.DIGEST, VIEW)
def digest_of_other_bytes(world: World) -> None:
    world.change(
        DECISIONS,
        0,
        Decision,
        lambda item: replace(
            item,
            outputs=tuple(
                replace(made, digest=b"\x01" * 32) if str(decisions.output_id(item, made)) == VIEW else made
                for made in item.outputs
            ),
        ),
    )


# C. Every decision


@breaks(Rule.BUNDLE_IN_FORCE, "vsse/0", also=(Rule.DELIVERY_SAYS_WHY,))
def decision_by_a_bundle_not_in_force(world: World) -> None:
    world.change(DECISIONS, 2, Decision, lambda item: replace(item, bundle="ab" * 32))


@breaks(Rule.BUNDLE_IN_FORCE, "federal-police/0")
def another_append_time_than_the_brokers(world: World) -> None:
    def later(item: Decision) -> Decision:
        posting = replace(item.posting, appended_at=item.posting.appended_at + timedelta(hours=1))
        return replace(item, posting=posting)

    world.change(DECISIONS, 0, Decision, later)


@breaks(
    Rule.GENUINE,
    "federal-police/5",
)
def forged_signal_that_was_decided(world: World) -> None:
    signed = world.compose("federal-police", draft("F"))
    signed = replace(signed, proof=world.compose("federal-police", draft("G")).proof)
    posting = world.post("federal-police", signed)
    case_key = world.admit(posting, signed)
    world.resolve(posting, signed, case_key)
    world.route(posting, signed, case_key)


@breaks(Rule.GENUINE, "ltf-gent/2")
def type_that_the_originator_may_not_publish(world: World) -> None:
    world.road("ltf-gent", draft("L"))


@breaks(Rule.GENUINE, "federal-police/5")
def impossible_signal_that_was_decided(world: World) -> None:
    world.road("federal-police", replace(draft("T"), observed_at=START + timedelta(days=400)))


@breaks(Rule.GENUINE, "ltf-gent/2", also=(Rule.DUPLICATE_KEPT,))
def duplicate_of_a_signal_in_anothers_name(world: World) -> None:
    signed = world.compose("federal-police", draft("A"))
    posting = world.post("ltf-gent", signed)
    event = (DuplicateKind.SAME_SIGNAL, first_posting(world))
    world.register(posting, signed, world.admit(posting, signed), duplicate=event)


@breaks(Rule.EVIDENCE, "federal-police/0")
def evidence_of_another_section(world: World) -> None:
    world.change(
        DECISIONS,
        0,
        Decision,
        lambda item: replace(
            item, evidence=tuple(replace(one, reference=one.reference + "0") for one in item.evidence)
        ),
    )


@breaks(Rule.FACTS, "federal-police/0")
def tampered_classification(world: World) -> None:
    world.change(DECISIONS, 0, Decision, lambda item: replace(item, classification=item.classification + 1))


@breaks(Rule.FACTS, "federal-police/0")
def tampered_facts(world: World) -> None:
    def tamper(item: Decision) -> Decision:
        everybody = bitmaps.pack(world.bundle, (1 << len(world.bundle.participants)) - 1)
        return replace(item, holders=(replace(item.holders[0], members=everybody), *item.holders[1:]))

    world.change(DECISIONS, 0, Decision, tamper)


@breaks(Rule.FACTS, "federal-police/0")
def unknown_fact(world: World) -> None:
    world.change(
        DECISIONS,
        0,
        Decision,
        lambda item: replace(item, holders=(replace(item.holders[0], fact="is_rich"), *item.holders[1:])),
    )


@breaks(Rule.FACTS, "federal-police/0")
def decided_on_fewer_sections(world: World) -> None:
    world.change(DECISIONS, 0, Decision, lambda item: replace(item, sections=item.sections[1:]))


@breaks(Rule.SECTION_OUTCOMES, "federal-police/0")
def tampered_bitmaps(world: World) -> None:
    def swap(item: Decision) -> Decision:
        one, two = (place for place, group in enumerate(item.groups[:2]) if group.members)
        groups = list(item.groups)
        groups[one] = replace(groups[one], members=item.groups[two].members, size=item.groups[two].size)
        groups[two] = replace(groups[two], members=item.groups[one].members, size=item.groups[one].size)
        return replace(item, groups=tuple(groups))

    world.change(DECISIONS, 0, Decision, swap)


@breaks(Rule.FACTS, "federal-police/0")
def participant_in_two_groups(world: World) -> None:
    def widen(item: Decision) -> Decision:
        everybody = bitmaps.pack(world.bundle, (1 << len(world.bundle.participants)) - 1)
        return replace(item, groups=(replace(item.groups[0], members=everybody), *item.groups[1:]))

    world.change(DECISIONS, 0, Decision, widen)


@breaks(Rule.FACTS, "federal-police/0")
def bitmap_of_another_length(world: World) -> None:
    world.change(
        DECISIONS,
        0,
        Decision,
        lambda item: replace(item, groups=(replace(item.groups[0], members=b""), *item.groups[1:])),
    )


@breaks(Rule.FACTS, "federal-police/0")
def group_left_out(world: World) -> None:
    world.change(DECISIONS, 0, Decision, lambda item: replace(item, groups=item.groups[1:]))


@breaks(Rule.SECTION_OUTCOMES, "federal-police/0")
def tampered_section_outcome(world: World) -> None:
    def release(item: Decision) -> Decision:
        group = item.groups[0]
        sections = tuple(replace(one, released=True, guards=()) for one in group.sections)
        return replace(item, groups=(replace(group, sections=sections), *item.groups[1:]))

    world.change(DECISIONS, 0, Decision, release)


@breaks(
    Rule.OUTPUTS,
    "federal-police/0",
    also=(Rule.DELIVERED_IS_DECIDED, Rule.DELIVERY_SAYS_WHY),  # nor can its later withdrawal be derived
)
def recipient_left_out(world: World) -> None:
    world.change(
        DECISIONS,
        0,
        Decision,
        lambda item: replace(
            item, outputs=tuple(made for made in item.outputs if made.recipient != "police-antwerpen")
        ),
    )


@breaks(
    Rule.OUTPUTS,
    "federal-police/0",
    also=(Rule.WITHHELD_NULL, Rule.DELIVERY_SAYS_WHY),
)
def recipient_added_with_its_view(world: World) -> None:
    """A cheat who writes decision and delivery alike: only the derivation shows it."""
    _, place = world.view_place("ltf-antwerpen", decision_at(world, 0))
    signed = signed_in(world, "in.ltf-antwerpen", place)
    extra = UUID(output("federal-police/0", "ltf-gent"))
    passage = signed.read_passage()
    assert passage is not None
    assert passage.delivery is not None
    delivery = replace(passage.delivery, output_id=extra, recipient="ltf-gent")
    view = signed.with_passage(replace(passage, delivery=delivery))
    world.put_signed("in.ltf-gent", view, extra)

    def add(item: Decision) -> Decision:
        made = replace(item.outputs[0], recipient="ltf-gent", digest=identity.digest(payload_of(view)))
        return replace(item, outputs=tuple(sorted((*item.outputs, made), key=lambda one: one.recipient)))

    world.change(DECISIONS, 0, Decision, add)


@breaks(Rule.OUTPUTS, "federal-police/1", also=(Rule.DELIVERY_SAYS_WHY,))
def correction_that_leaves_the_earlier_view_standing(world: World) -> None:
    def forget(item: Decision) -> Decision:
        return replace(item, outputs=tuple(replace(made, replaces=()) for made in item.outputs))

    world.change(DECISIONS, 1, Decision, forget)
    output_id = output("federal-police/1", "ocad")

    def forget_too(signed: SignedBytes) -> SignedBytes:
        passage = signed.read_passage()
        assert passage is not None
        assert passage.delivery is not None
        return signed.with_passage(replace(passage, delivery=replace(passage.delivery, replaces=())))

    change_view(world, "ocad", output_id, forget_too)
    redigest(world, "ocad", output_id)


@breaks(Rule.DECISION_OF_SIGNAL, "federal-police/0")
def decision_on_another_version(world: World) -> None:
    world.change(DECISIONS, 0, Decision, lambda item: replace(item, version=9))


@breaks(
    Rule.DECISION_OF_SIGNAL,
    "federal-police/1",
    also=(Rule.OUTPUTS, Rule.DELIVERY_SAYS_WHY, Rule.WITHHELD_NULL),
)
def decision_that_forgets_what_it_supersedes(world: World) -> None:
    def forget(item: Decision) -> Decision:
        outputs = tuple(replace(output, replaces=()) for output in item.outputs)
        return replace(item, supersedes=(), outputs=outputs)

    world.change(DECISIONS, 1, Decision, forget)


@breaks(
    Rule.RECORDS_SOUND,
    "audit.decisions/0/1",
    also=(Rule.NONE_LOST, Rule.DELIVERED_IS_DECIDED, Rule.RECEIPT_OF_OUTPUT),
)
def output_that_replaces_what_is_not_superseded(world: World) -> None:
    world.change(DECISIONS, 1, Decision, lambda item: replace(item, supersedes=()))


@breaks(Rule.BUNDLES_SOUND, "bundle ")
def bundle_with_other_bytes_than_its_name(world: World) -> None:
    other = bundle_of(clearance=Classification.SECRET)
    world.put("audit.bundles", BundleContent(bundle="cd" * 32, content=other.content))


# D. Every view


@breaks(Rule.SAME_HEADER, VIEW)
def view_with_another_proof(world: World) -> None:
    proof = world.compose("federal-police", draft("C")).proof
    change_view(world, "ltf-antwerpen", VIEW, lambda signed: replace(signed, proof=proof))
    redigest(world, "ltf-antwerpen", VIEW)


@breaks(Rule.RELEASED_WHOLE, VIEW)
def view_with_a_section_rewritten(world: World) -> None:
    def rewrite(signed: SignedBytes) -> SignedBytes:
        other = dict(world.compose("federal-police", draft("C")).sections)
        return replace(
            signed,
            sections=tuple(
                (name, other[name] if name == "situation" else raw) for name, raw in signed.sections
            ),
        )

    change_view(world, "ltf-antwerpen", VIEW, rewrite)
    redigest(world, "ltf-antwerpen", VIEW)


@breaks(Rule.RELEASED_WHOLE, VIEW)
def view_that_lacks_a_released_section(world: World) -> None:
    change_view(world, "ltf-antwerpen", VIEW, lambda signed: signed.releasing(frozenset({"context"})))
    redigest(world, "ltf-antwerpen", VIEW)


@breaks(Rule.WITHHELD_NULL, VSSE_VIEW)
def view_that_leaks_a_section(world: World) -> None:
    original = dict(world.compose("vsse", named_draft()).sections)
    change_view(
        world,
        "ltf-gent",
        VSSE_VIEW,
        lambda signed: replace(signed, sections=tuple((name, original[name]) for name, _ in signed.sections)),
    )
    redigest(world, "ltf-gent", VSSE_VIEW)


@breaks(Rule.DELIVERY_SAYS_WHY, VIEW)
def view_that_tells_where_it_was_posted(world: World) -> None:
    def tell(signed: SignedBytes) -> SignedBytes:
        passage = signed.read_passage()
        assert passage is not None
        return signed.with_passage(replace(passage, posting=first_posting(world)))

    change_view(world, "ltf-antwerpen", VIEW, tell)
    redigest(world, "ltf-antwerpen", VIEW)


@breaks(Rule.RECORDS_SOUND, "in.ltf-antwerpen/0/", also=(Rule.DECIDED_IS_DELIVERED,))
def view_without_a_passage(world: World) -> None:
    change_view(world, "ltf-antwerpen", VIEW, lambda signed: signed.with_passage(None))


@breaks(Rule.DELIVERY_SAYS_WHY, output("federal-police/1", "ltf-antwerpen", OutputKind.WITHDRAWAL))
def withdrawal_of_another_view(world: World) -> None:
    output_id = output("federal-police/1", "ltf-antwerpen", OutputKind.WITHDRAWAL)
    topic = "in.ltf-antwerpen"
    world.change(
        topic,
        place_of_output(world, output_id, topic),
        Withdrawal,
        lambda item: replace(item, withdraws=(UUID(int=1),)),
    )
    redigest(world, "ltf-antwerpen", output_id)


# E. Every repeat


@breaks(Rule.DUPLICATE_KEPT, "federal-police/2")
def duplicate_of_nothing(world: World) -> None:
    nowhere = Posting(participant="federal-police", offset=77, appended_at=START)
    change_event(world, 2, lambda item: replace(item, duplicate_of=nowhere))


@breaks(Rule.DUPLICATE_KEPT, "federal-police/3")
def duplicate_of_somebody_elses_signal(world: World) -> None:
    change_event(world, 3, lambda item: replace(item, duplicate_of=decision_at(world, 2).posting))


@breaks(Rule.DUPLICATE_SAME_SIGNAL, "federal-police/3")
def same_signal_with_another_id(world: World) -> None:
    change_event(world, 3, lambda item: replace(item, duplicate_kind=DuplicateKind.SAME_SIGNAL))


@breaks(Rule.SAME_SIGNED_BYTES, "federal-police/0")
def admitted_with_a_section_less(world: World) -> None:
    world.change_signed("admitted", 0, lambda signed: signed.releasing(frozenset({"context"})))


@breaks(Rule.SAME_SIGNED_BYTES, "vsse/0")
def resolved_with_another_proof(world: World) -> None:
    proof = world.compose("federal-police", draft("C")).proof
    world.change_signed("resolved", 2, lambda signed: replace(signed, proof=proof))


# F. Every refusal


@breaks(Rule.REFUSED_BYTES, "vsse/1")
def quarantine_of_other_bytes(world: World) -> None:
    world.change("quarantine", 1, QuarantineEntry, lambda item: replace(item, value=b"other"))


@breaks(Rule.REFUSAL_SOUND, "vsse/1", also=(Rule.REFUSED_BYTES, Rule.STATUS_TRUE))
def quarantine_under_an_unknown_stage(world: World) -> None:
    world.change("quarantine", 1, QuarantineEntry, lambda item: replace(item, stage=Stage.UNRECOGNISED))


@breaks(Rule.REFUSAL_FOLLOWS, "federal-police/5")
def sound_signal_refused_as_forged(world: World) -> None:
    posting = world.post("federal-police", world.compose("federal-police", draft("S")))
    world.refuse(posting, "signature")


@breaks(Rule.STATUS_SENT, "vsse/1")
def owner_not_told(world: World) -> None:
    world.records["in.vsse"] = [item for item in world.records["in.vsse"] if b"wire-format" not in item.value]


@breaks(Rule.STATUS_TRUE, "vsse/1")
def owner_told_that_it_was_accepted(world: World) -> None:
    place = next(n for n, item in enumerate(world.records["in.vsse"]) if b"wire-format" in item.value)
    world.change(
        "in.vsse",
        place,
        Status,
        lambda item: replace(
            item,
            output_id=identity.status_id(item.posting, Told.ACCEPTED),
            verdict=Told.ACCEPTED,
            reason=None,
            field=None,
        ),
    )


@breaks(Rule.STATUS_TRUE, "federal-police/4")
def owner_told_another_reason(world: World) -> None:
    topic = "in.federal-police"
    place = next(n for n, item in enumerate(world.records[topic]) if b"signature" in item.value)
    world.change(
        topic,
        place,
        Status,
        lambda item: replace(
            item, output_id=identity.status_id(item.posting, Told.REFUSED, "level"), reason="level"
        ),
    )


# G. Access


@breaks(Rule.ACCESS_GENUINE, "ltf-gent/2")
def forged_receipt_taken_for_genuine(world: World) -> None:
    other = world.records["out.ltf-gent"][1]
    signed = codec.decode_signed(schemas.load("Consultation"), wire.unwrapped(other.value))
    proof = codec.write_part(signed.schema, "proof", replace(signed.read_proof(), signature=b"\x00" * 64))
    signed = replace(signed, proof=proof)
    posting = world.post("ltf-gent", signed)
    world.put_signed("audit.access", signed.with_passage(Passage(posting=posting, bundle=world.bundle.name)))


@breaks(Rule.ACCESS_GENUINE, "ltf-gent/0")
def receipt_changed_on_the_road(world: World) -> None:
    world.change_signed(
        "audit.access",
        0,
        lambda signed: replace(
            signed,
            header=codec.write_part(
                signed.schema, "header", replace(signed.read_receipt(), stored_at=START - timedelta(days=1))
            ),
        ),
    )


# H. Every repertory event


@breaks(Rule.HOLDING_OWN, "vsse/2")
def holding_planted_for_somebody_else(world: World) -> None:
    world.road("vsse", draft("V"))
    change_event(
        world,
        5,
        lambda item: replace(
            item, holdings=(*item.holdings, replace(item.holdings[0], participant="ltf-gent"))
        ),
    )


@breaks(Rule.HOLDING_OWN, "federal-police/2")
def duplicate_that_registers_a_holding(world: World) -> None:
    kept = world.events[identity.event_id(first_posting(world))]
    change_event(world, 2, lambda item: replace(item, persons=kept.persons, holdings=kept.holdings))


@breaks(Rule.FOLLOWER_HOLDS, "vsse/2")
def follower_that_never_held_the_person(world: World) -> None:
    """A cheat who writes event, passage and decision alike: a ground for somebody who has none."""
    world.held["p"]["ltf-gent"] = identity.event_id(first_posting(world))
    world.road("vsse", draft("V"))


@breaks(Rule.FOLLOWER_HOLDS, "vsse/2")
def follower_by_an_event_that_is_not_there(world: World) -> None:
    world.held["p"]["ltf-gent"] = UUID(int=1)
    world.road("vsse", draft("V"))


@breaks(Rule.FOLLOWER_HOLDS, "vsse/2")
def follower_by_a_holding_of_another_person(world: World) -> None:
    posting, _, _ = world.road("police-antwerpen", draft("Q"))
    world.held["p"]["police-antwerpen"] = identity.event_id(posting)
    world.road("vsse", draft("V"))


@breaks(Rule.FOLLOWER_HOLDS, "vsse/2", also=(Rule.FOLLOWERS_COMPLETE,))
def follower_by_a_holding_that_is_not_its_first(world: World) -> None:
    world.held["p"]["federal-police"] = identity.event_id(decision_at(world, 1).posting)
    world.road("vsse", draft("V"))


@breaks(Rule.FOLLOWER_HOLDS, "vsse/2")
def follower_cited_twice(world: World) -> None:
    world.road("vsse", draft("V"))
    change_event(world, 5, lambda item: replace(item, followers=item.followers * 2))


@breaks(Rule.FOLLOWERS_COMPLETE, "vsse/2")
def follower_left_out_of_a_first_holding(world: World) -> None:
    """A cheat who writes event, passage and decision alike: somebody loses a ground."""
    del world.held["p"]["federal-police"]
    world.road("vsse", draft("V"))


@breaks(Rule.FOLLOWERS_COMPLETE, "federal-police/5")
def follower_left_out_of_a_later_holding(world: World) -> None:
    world.road("vsse", draft("V"))
    world.now += timedelta(minutes=5)
    del world.held["p"]["vsse"]
    world.road("federal-police", draft("M"))


@breaks(Rule.FOLLOWERS_COMPLETE, "federal-police/6")
def follower_that_an_earlier_version_had_left_out(world: World) -> None:
    world.road("vsse", draft("V"))
    _, _, first = world.road("federal-police", draft("M"))
    del world.held["p"]["vsse"]
    world.road("federal-police", draft("M", 2, lifecycle=Lifecycle.CORRECTION), (first.signal_id,))


@breaks(Rule.FOLLOWERS_COMPLETE, "federal-police/5")
def two_first_holdings_of_one_participant(world: World) -> None:
    del world.held["p"]["federal-police"]
    world.road("federal-police", draft("M"))


@breaks(Rule.FACTS, "vsse/2", also=(Rule.EVIDENCE, Rule.SECTION_OUTCOMES, Rule.DELIVERY_SAYS_WHY))
def follower_lost_between_resolve_and_route(world: World) -> None:
    follower_lost(world)


@breaks(Rule.FACTS, "vsse/2", also=(Rule.EVIDENCE,))
def follower_lost_of_a_posting_that_has_expired(world: World) -> None:
    follower_lost(world)
    world.trim("out.vsse", 3)


def follower_lost(world: World) -> None:
    """Let resolve's own record and the decision agree on nobody; the repertory names one."""
    signed = world.compose("vsse", draft("V"))
    posting = world.post("vsse", signed)
    case_key = world.admit(posting, signed)
    world.resolve(posting, signed, case_key)
    event_id = identity.event_id(posting)
    world.events[event_id] = replace(world.events[event_id], followers=())

    def forget(item: SignedBytes) -> SignedBytes:
        passage = item.read_passage()
        assert passage is not None
        assert passage.resolution is not None
        return item.with_passage(replace(passage, resolution=replace(passage.resolution, followers=())))

    world.change_signed("resolved", -1, forget)
    world.route(posting, signed, case_key)


def first_posting(world: World) -> Posting:
    return decision_at(world, 0).posting


def decision_at(world: World, place: int) -> Decision:
    value = wire.unwrapped(world.records[DECISIONS][place].value)
    return codec.decode(schemas.load("Decision"), value, Decision)


def signed_in(world: World, topic: str, place: int) -> SignedBytes:
    record = world.records[topic][place]
    schema = codec.schema_of(wire.fingerprint_of(wire.header_map(record.headers)))
    return codec.decode_signed(schema, wire.unwrapped(record.value))


def change_event(world: World, place: int, change: Callable[[RepertoryEvent], RepertoryEvent]) -> None:
    world.change("repertory", place, RepertoryEvent, change)


def named_draft() -> Draft:
    return draft(
        "Z",
        municipality=None,
        named=("ltf-gent",),
        excluded=("ocad",),
        classification=Classification.RESTRICTED,
    )


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_found(fault: Fault) -> None:
    world = small_world()
    fault.make(world)
    verdict = world.verdict()
    failed = {rule for rule, count in verdict.rules.items() if count.failed}
    told = [(item.rule.value, item.subject, item.sentence) for item in verdict.findings]
    assert fault.rule in failed, told
    assert any(item.subject.startswith(fault.about) for item in verdict.failed(fault.rule)), told
    assert failed <= {fault.rule, *fault.also}, told
    assert not verdict.adds_up
    assert all(MARKER not in sentence for _, _, sentence in told)


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    assert {fault.rule for fault in FAULTS} | {Rule.RECEIPT_OF_OUTPUT} == set(Rule)
