"""Every bad posting on real servers, with real workers: refused with a reason and its bytes, and it stops nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from kruispunt_consumers.audit.balance import Verdict as Balance
from kruispunt_consumers.audit.replay import replay
from kruispunt_consumers.inbox.commands import inbox
from kruispunt_processors.commands import quarantine
from kruispunt_processors.engine.batches import PREFIX_BYTES
from kruispunt_schemas import identity, keys, topics, wire
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import VerificationKey
from kruispunt_schemas.records.backbone import Decision, QuarantineEntry, RepertoryEvent, Stage, Verdict
from kruispunt_schemas.records.frame import Posting

from tests import drafts, rawposts
from tests.backbone import ROLES, WITHIN, Backbone, deliveries, provisioned
from tests.badpostings import ACCEPTED, EXPIRED, MIB, REFUSED, Case, Forge, Posted
from tests.drafts import KEYS_VALID_FROM, LTF, VSSE, draft
from tests.rawposts import Name
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(540)
BATCH = 500
TYPES = {
    owner: signal_type
    for signal_type, owner in drafts.ORIGINATORS.items()
    if signal_type in ("FeedbackSheet", "RadicalisationCase", "ThreatEvaluation")
}
SCREEN = 400
"""Lines that a command may print of one thing, whatever is in it."""


class Road(Backbone):
    """A backbone to which every case has been posted: ``made`` holds what was posted under each name."""

    made: dict[str, Posted]

    @property
    def forge(self) -> Forge:
        return Forge(
            lambda name: self.keys(name).secret,
            lambda name: self.keys(name).signer,
            datetime.now(UTC) - timedelta(seconds=1),
        )

    def post_raw(self, name: str, owner: str, *posts: Posted) -> None:
        """Post records in one batch; each after the first is called by the name and its number."""
        offset, at = rawposts.post(
            self.settings.addresses().brokers,
            topics.out_topic(owner).name,
            [(post.key, post.value, post.headers) for post in posts],
            timestamp=posts[0].timestamp,
        )
        for number, post in enumerate(posts):
            called = f"{name} {number}" if number else name
            self.made[called] = post
            appended_at = datetime.fromtimestamp(at / 1000, UTC)
            self.posted[called] = Posting(participant=owner, offset=offset + number, appended_at=appended_at)


@pytest.fixture(scope="module")
def road(request: pytest.FixtureRequest) -> Iterator[Road]:
    """Every case posted, each with a sound signal of the same owner behind it."""
    with provisioned(request) as backbone:
        made = Road(backbone.settings, backbone.producer, backbone.workers, backbone.posted, backbone.readers)
        made.made = {}
        _announce_an_expired_key(made)
        for role in ROLES:
            made.start(role)
        for case in (*REFUSED, *ACCEPTED):
            made.post_raw(case.name, case.owner, case.make(made.forge))
            made.post_signal(_after(case), _sound(_after(case), case.owner))
        _post_batches(made)
        _post_monster(made)
        yield made


def _announce_an_expired_key(road: Road) -> None:
    rows = read_participants()
    listed: dict[str, tuple[VerificationKey, ...]] = {}
    for row in rows:
        signer = keys.read_participant(road.settings.data, row.id).signer
        public = signer.public_key().hex()
        listed[row.id] = (
            VerificationKey(key_id=signer.key_id, public_key=public, valid_from=KEYS_VALID_FROM),
        )
    expired = drafts.key_of(EXPIRED, until=KEYS_VALID_FROM + timedelta(days=1))
    listed[VSSE] = (*listed[VSSE], expired)
    road.announce(make(listed, rows), in_force_from=datetime.now(UTC))


def _post_batches(road: Road) -> None:
    sound = [_whole(road, f"batch/{number}") for number in range(BATCH - 1)]
    garbage = Posted(b"\x00\x00\x00\x00\x07garbage", sound[0].headers)
    road.post_raw("batch", VSSE, *sound[:317], garbage, *sound[317:])
    twice = _whole(road, "twice/1")
    road.post_raw("twice", VSSE, twice, twice)
    road.post_signal("last", draft(reference="last", statement="last"))


def _post_monster(road: Road) -> None:
    """A header whose name alone grows beyond what any topic takes when its bytes are written as text."""
    sound = _whole(road, "monster/1")
    road.post_raw("monster", VSSE, replace(sound, headers=[*sound.headers, (Name(b"\xff" * 5 * MIB), b"x")]))
    road.post_signal("after the monster", draft(reference="after/monster", statement="after"))


def _whole(road: Road, reference: str) -> Posted:
    value, headers = drafts.wired(road.forge.signal(draft(reference=reference, statement=reference)))
    return Posted(value, list(headers.items()))


def _after(case: Case) -> str:
    return f"after {case.name}"


def _sound(reference: str, owner: str) -> Any:
    return draft(TYPES[owner], reference=reference, statement=reference)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_it_is_refused_with_its_bytes_and_the_next_is_decided(road: Road, case: Case) -> None:
    entry, made = road.await_entry(case.name), road.made[case.name]
    assert (entry.stage, entry.reason, entry.field) == (Stage.ADMIT, case.reason, case.field)
    assert entry.value == (made.value or b"")
    named = wire.header_map(
        [
            (getattr(name, "raw", name.encode()).decode(errors=wire.NAME_ERRORS), value)
            for name, value in made.headers
        ]
    )
    assert {header.name: header.value for header in entry.headers} == named
    (status,) = wait_until(lambda: road.statuses(case.name), within=WITHIN, what=f"the status of {case.name}")
    assert (status.verdict, status.reason, status.field) == (Verdict.REFUSED, case.reason, case.field)
    assert len(road.await_decision(_after(case)).outputs) > 3
    assert road.decision(case.name) is None


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_it_is_strange_and_reaches_its_recipients_untouched(road: Road, case: Case) -> None:
    decision, made = road.await_decision(case.name), road.made[case.name]
    assert made.value is not None
    assert {status.verdict for status in road.statuses(case.name)} == {Verdict.ACCEPTED}
    (output,) = [output for output in decision.outputs if output.recipient == LTF]
    (view,) = deliveries(road, LTF)[decisions.output_id(decision, output)]
    assert identity.digest(view.encoded()) == output.digest
    assert view.header in made.value
    released = [raw for _, raw in view.sections if raw is not None]
    assert len(released) > 2
    assert all(raw in made.value for raw in released)
    assert len(road.await_decision(_after(case)).outputs) > 3
    assert road.entries(case.name) == []


def test_one_poison_in_a_batch_of_500_stops_nobody_else(road: Road) -> None:
    names = ["batch", *(f"batch {number}" for number in range(1, BATCH))]
    entry = road.await_entry("batch 317")
    assert (entry.reason, entry.field, entry.value) == ("truncated", "header", b"\x00\x00\x00\x00\x07garbage")
    wanted = {road.posted[name] for name in names if name != "batch 317"}
    wait_until(
        lambda: {record.posting for record in road.records(topics.DECISIONS.name, Decision)} >= wanted,
        within=WITHIN,
        what="the decisions on the rest of the batch",
    )
    put_aside = {entry.posting for entry in road.records(topics.QUARANTINE.name, QuarantineEntry)}
    assert {road.posted[name] for name in names} & put_aside == {road.posted["batch 317"]}


def test_the_same_signal_twice_in_one_batch_is_decided_once(road: Road) -> None:
    pair = {road.posted["twice"], road.posted["twice 1"]}

    def events() -> list[RepertoryEvent]:
        found = [item for item in road.records(topics.REPERTORY.name, RepertoryEvent) if item.posting in pair]
        return found if len(found) == 2 else []

    first, repeat = sorted(
        wait_until(events, within=WITHIN, what="both repertory events"), key=lambda item: item.posting.offset
    )
    assert (first.duplicate_kind, repeat.duplicate_of) == (None, first.posting)
    road.await_decision("twice")
    assert road.decision("twice 1") is None


def test_a_quarantine_entry_that_no_topic_takes_keeps_the_beginning_and_stops_nobody(road: Road) -> None:
    """Regression: admit ended and was started again at this posting, for ever."""
    entry, made = road.await_entry("monster"), road.made["monster"]
    assert made.value is not None
    assert (entry.stage, entry.reason, entry.value) == (
        Stage.ADMIT,
        "internal-error",
        made.value[:PREFIX_BYTES],
    )
    assert "ce_dataschema" in {header.name for header in entry.headers}
    assert len(road.await_decision("after the monster").outputs) > 3
    assert road.decision("monster") is None


def test_no_worker_ended_for_any_of_it(road: Road) -> None:
    road.await_decision("last")
    assert [road.workers[role].poll() for role in ROLES] == [None] * 3
    for role in ROLES:
        assert "not-taken" not in road.log(role)
        assert "rm -rf" not in road.log(role)


def test_the_audit_adds_up(road: Road) -> None:
    road.await_decision("last")

    def settled() -> Balance | None:
        found = replay(road.settings.addresses())
        return found if found.waiting == 0 else None

    verdict = wait_until(settled, within=WITHIN, what="an end of every posting")
    assert verdict.adds_up, [item.sentence for item in verdict.findings][:10]
    expected: dict[str, int] = {}
    own = Case("poison", REFUSED[0].make, "truncated"), Case("monster", REFUSED[0].make, "internal-error")
    for case in (*REFUSED, *own):
        expected[case.reason or ""] = expected.get(case.reason or "", 0) + 1
    assert verdict.refusals() == expected
    assert verdict.total.decided == len(REFUSED) + 2 * len(ACCEPTED) + BATCH - 1 + 3


def shown(command: Any, *arguments: str, lines: int = SCREEN) -> str:
    """Return what a command prints for people; nothing raw and no unbounded screen."""
    result = CliRunner().invoke(command, [*arguments], env={"COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    assert all(character == "\n" or character.isprintable() for character in result.output)
    assert len(result.output.splitlines()) < lines
    return str(result.output)


def test_what_an_operator_sees_of_a_refusal(road: Road) -> None:
    road.await_entry(REFUSED[-1].name)
    data = ("--data", str(road.settings.data))
    listed = shown(quarantine, "list", *data)
    assert "too-long: 1" in listed
    for case in REFUSED:
        posting = identity.posting_name(road.posted[case.name])
        one = shown(quarantine, "show", posting, *data)
        assert (case.reason or "") in one
        assert (case.field or "the whole record") in one
        assert posting in one


def test_what_an_analyst_and_an_owner_see(road: Road) -> None:
    for case in ACCEPTED:
        road.await_decision(case.name)
    data = ("--data", str(road.settings.data))
    # One line for each record, folded in two.
    shown(inbox, "follow", "--as", LTF, "--once", *data, lines=3 * BATCH)
    shown(inbox, "list", "--as", LTF, *data)
    for case in ACCEPTED:
        decision = road.await_decision(case.name)
        (output,) = [
            str(decisions.output_id(decision, each)) for each in decision.outputs if each.recipient == LTF
        ]
        view = shown(inbox, "show", output, "--as", LTF, "--user", "test", "--purpose", "test", *data)
        assert "RADICALISATION CASE" in view
    shown(inbox, "follow", "--as", VSSE, "--once", *data, lines=5 * BATCH)
    own = shown(inbox, "list", "--as", VSSE, *data)
    assert "too-long" in own
    assert "subject.names.0.family" in own
