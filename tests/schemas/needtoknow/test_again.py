"""What a judgement changes for each recipient, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_schemas import codec, identity
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import again, decisions, facts, recording
from kruispunt_schemas.needtoknow.facts import Observed
from kruispunt_schemas.records.backbone import Decision, OutputKind
from kruispunt_schemas.vectors import samples

from tests.schemas.needtoknow.bundles import PARTICIPANTS, observed
from tests.schemas.needtoknow.deciding import (
    BUNDLE,
    ENGINE,
    FACTS,
    PERSON,
    again_planned,
    first,
    followers,
    judgement,
    kinds,
    shown,
)
from tests.schemas.needtoknow.test_facts import signals

VIEW, WITHDRAWAL, PSEUDONYMS, OWED = (
    OutputKind.VIEW,
    OutputKind.WITHDRAWAL,
    OutputKind.PSEUDONYMS,
    OutputKind.OWED,
)
NAMES = [row.id for row in PARTICIPANTS]


def known_to(*following: str) -> Decision:
    """Return the first decision of a case in area A that these follow: force-a, police-a and cell-a are there."""
    return first(observed(excluded=("cell-a",), followers=followers(*following)))


class TestWhatIsSent:
    def test_the_same_followers_and_persons_send_nothing(self) -> None:
        record, sent = again_planned([known_to("force-b")], "force-b")
        assert sent == {}
        assert record.outputs == ()

    def test_a_new_follower_gets_a_view_and_a_lost_one_a_withdrawal(self) -> None:
        one = known_to("force-b")
        record, sent = again_planned([one], "mandated")
        assert kinds(sent) == {"force-b": (WITHDRAWAL,), "mandated": (VIEW,)}
        (view,), (withdrawal,) = sent["mandated"], sent["force-b"]
        assert (view.released, view.grounds, view.replaces) == (PERSON, ("ground-follows",), ())
        assert withdrawal.replaces == (_view_of(one, "force-b"),)
        assert shown([one, record]) == {
            "force-a": FACTS,
            "police-a": FACTS,
            "officer-a": FACTS,
            "mandated": PERSON,
        }

    def test_who_may_see_more_or_less_gets_a_view_that_replaces_its_own(self) -> None:
        one = known_to("force-a")
        record, sent = again_planned([one], "police-a")
        assert kinds(sent) == {"force-a": (VIEW,), "police-a": (VIEW,)}
        assert [item.released for item in sent["force-a"]] == [FACTS]
        assert [item.released for item in sent["police-a"]] == [FACTS | PERSON]
        for output in record.outputs:
            assert output.replaces == (0,)
            assert decisions.replaced(record, output) == (_view_of(one, output.recipient),)

    def test_other_persons_alone_give_other_pseudonyms_to_every_holder(self) -> None:
        one = known_to("force-b")
        record, sent = again_planned([one], "force-b", renamed=True)
        assert set(kinds(sent).values()) == {(PSEUDONYMS,)}
        assert set(sent) == set(shown([one]))
        for output in record.outputs:
            (planned,) = sent[output.recipient]
            assert planned.view == _view_of(one, output.recipient)
            # It replaces nothing: the view stays what its recipient holds.
            assert output.replaces == ()
        assert again.standing(BUNDLE, [one, record]) == again.standing(BUNDLE, [one])

    def test_a_view_tells_the_new_pseudonyms_itself(self) -> None:
        _, sent = again_planned([known_to("force-b")], "mandated", renamed=True)
        assert kinds(sent)["mandated"] == (VIEW,)
        assert kinds(sent)["force-b"] == (WITHDRAWAL,)
        assert kinds(sent)["force-a"] == (PSEUDONYMS,)

    def test_who_is_excluded_gets_nothing_though_it_follows(self) -> None:
        record, sent = again_planned([known_to()], "cell-a", "force-b")
        assert set(sent) == {"force-b"}
        withheld = next(
            group
            for members, group in decisions.members_by_group(BUNDLE, record.groups)
            if members >> BUNDLE.index["cell-a"] & 1
        )
        assert {item.guards for item in withheld.sections} == {("guard-excluded",)}

    def test_the_originator_is_no_follower_of_its_own_signal(self) -> None:
        one = first(observed(originator="force-b", followers=followers("force-b")))
        record, sent = again_planned([one], "force-b", "mandated")
        assert set(sent) == {"mandated"}
        assert [item.reference for item in record.evidence][-1:] == [str(followers("mandated")[0].event)]

    def test_a_round_after_a_round_replaces_what_that_round_gave(self) -> None:
        one = known_to("force-a")
        two, _ = again_planned([one], number=1)
        three, sent = again_planned([one, two], "force-a", number=2)
        assert three.rounds == (judgement(1),)
        (output,) = three.outputs
        assert (output.recipient, output.replaces) == ("force-a", (1,))
        (planned,) = sent["force-a"]
        assert planned.replaces == (identity.delivery_id("agency", one.signal_id, "force-a", judgement(1)),)


class TestContentThatIsGone:
    def test_a_view_that_cannot_be_made_is_owed_once(self) -> None:
        one = known_to()
        two, sent = again_planned([one], "force-b", content=False)
        assert kinds(sent) == {"force-b": (OWED,)}
        assert decisions.output_id(two, two.outputs[0]) == identity.delivery_id(
            "agency", one.signal_id, "force-b", judgement(1)
        )
        _, later = again_planned([one, two], "force-b", number=2, content=False)
        assert later == {}
        assert "force-b" not in shown([one, two])

    def test_a_view_that_shows_nothing_too_much_stays_beside_what_is_owed(self) -> None:
        one = known_to()
        two, sent = again_planned([one], "force-a", content=False, renamed=True)
        assert kinds(sent)["force-a"] == (PSEUDONYMS, OWED)
        assert shown([one, two])["force-a"] == FACTS

    def test_a_view_that_shows_what_is_no_longer_due_is_withdrawn_and_the_rest_owed(self) -> None:
        one = known_to("force-a")
        two, sent = again_planned([one], content=False, renamed=True)
        assert kinds(sent)["force-a"] == (WITHDRAWAL, OWED)
        assert sent["force-a"][1].released == FACTS
        assert "force-a" not in shown([one, two])

    def test_a_debt_lapses_when_it_is_no_longer_due_and_is_owed_anew_when_it_is(self) -> None:
        one = known_to()
        two, _ = again_planned([one], "force-b", content=False)
        three, none = again_planned([one, two], number=2, content=False)
        assert none == {}
        _, sent = again_planned([one, two, three], "force-b", number=3, content=False)
        assert kinds(sent) == {"force-b": (OWED,)}

    def test_withdrawals_need_no_content(self) -> None:
        _, sent = again_planned([known_to("force-b")], content=False)
        assert kinds(sent) == {"force-b": (WITHDRAWAL,)}


rounds_of_followers = st.lists(st.frozensets(st.sampled_from([*NAMES, "nobody"])), min_size=1, max_size=4)
originals = signals.filter(lambda signal: signal.header.lifecycle.value == "ORIGINAL")


class TestWhateverTheRounds:
    @settings(deadline=None, max_examples=60)
    @given(signal=originals, start=st.frozensets(st.sampled_from(NAMES)), rounds=rounds_of_followers)
    def test_every_recipient_holds_exactly_what_is_due_and_every_id_is_new(
        self, signal: Observed, start: frozenset[str], rounds: list[frozenset[str]]
    ) -> None:
        earlier = [first(replace(signal, followers=followers(*start)))]
        ids = {
            earlier[0].decision_id,
            *(decisions.output_id(earlier[0], item) for item in earlier[0].outputs),
        }
        count = 1 + len(earlier[0].outputs)
        for number, following in enumerate(rounds):
            held = again.standing(BUNDLE, earlier)
            record, sent = again_planned(earlier, *following, number=number, renamed=number % 2 == 1)
            for output in record.outputs:
                view = held.get(output.recipient)
                expected = () if output.kind is PSEUDONYMS or view is None else (view.output_id,)
                assert decisions.replaced(record, output) == expected
                assert decisions.output_id(record, output) == sent[output.recipient][0].output_id
            earlier.append(record)
            assert shown(earlier) == {name: item.released for name, item in again.due(BUNDLE, record).items()}
            ids |= {record.decision_id, *(decisions.output_id(record, item) for item in record.outputs)}
            count += 1 + len(record.outputs)
            repeated, nothing = again_planned(earlier, *following, number=90)
            assert nothing == {}
            assert repeated.rounds == tuple(judgement(each) for each in range(number + 1))
        assert len(ids) == count

    @settings(deadline=None, max_examples=60)
    @given(signal=originals, start=st.frozensets(st.sampled_from(NAMES)), rounds=rounds_of_followers)
    def test_forth_and_back_leaves_everybody_with_what_the_first_decision_gave(
        self, signal: Observed, start: frozenset[str], rounds: list[frozenset[str]]
    ) -> None:
        earlier = [first(replace(signal, followers=followers(*start)))]
        before = shown(earlier)
        for number, following in enumerate([*rounds, start]):
            earlier.append(again_planned(earlier, *following, number=number)[0])
        assert shown(earlier) == before
        assert earlier[-1].groups == earlier[0].groups
        assert (earlier[-1].holders, earlier[-1].evidence) == (earlier[0].holders, earlier[0].evidence)

    @settings(deadline=None, max_examples=60)
    @given(
        signal=originals,
        start=st.frozensets(st.sampled_from(NAMES)),
        rounds=st.lists(
            st.tuples(st.frozensets(st.sampled_from(NAMES)), st.booleans()), min_size=1, max_size=4
        ),
    )
    def test_nobody_holds_what_is_not_due_whether_or_not_views_can_be_made(
        self, signal: Observed, start: frozenset[str], rounds: list[tuple[frozenset[str], bool]]
    ) -> None:
        earlier = [first(replace(signal, followers=followers(*start)))]
        owed: dict[str, frozenset[str]] = {}
        for number, (following, content) in enumerate(rounds):
            record, sent = again_planned(earlier, *following, number=number, content=content)
            earlier.append(record)
            due, held = again.due(BUNDLE, record), again.standing(BUNDLE, earlier)
            for name, view in held.items():
                assert view.released <= due[name].released
            for items in sent.values():
                owed |= {item.recipient: item.released for item in items if item.kind is OWED}
            # What is due and not held was owed, with just these sections.
            missing = {
                name: item.released
                for name, item in due.items()
                if name not in held or held[name].released != item.released
            }
            assert missing.items() <= owed.items()

    @settings(deadline=None, max_examples=40)
    @given(signal=originals, following=st.frozensets(st.sampled_from(NAMES)))
    def test_it_is_what_the_signal_would_have_been_decided_with_these_followers(
        self, signal: Observed, following: frozenset[str]
    ) -> None:
        told = replace(signal, followers=followers(*following))
        record, _ = again_planned([first(signal)], *following)
        anew = first(told)
        assert (record.groups, record.holders, record.evidence) == (anew.groups, anew.holders, anew.evidence)
        assert recording.recorded(BUNDLE, record) == facts.of_signal(BUNDLE, told)
        assert codec.decode(schemas.load("Decision"), codec.encode(record), Decision) == record


def test_another_engine_gives_the_same_decision_again() -> None:
    one = known_to("force-a")
    drafted = [
        again.draft(
            BUNDLE,
            engine,
            [one],
            followers=followers("force-b"),
            judgement=judgement(1),
            now=samples.TIME + timedelta(hours=1),
        )
        for engine in (ENGINE, type(ENGINE)(BUNDLE.policies, BUNDLE.policy_schema))
    ]
    assert drafted[0] == drafted[1]


def test_a_first_decision_can_send_no_pseudonyms() -> None:
    one = known_to()
    with pytest.raises(ContractError, match=r"outputs\.kind"):
        decisions.id_of(one, PSEUDONYMS, "force-a")


def test_a_place_that_no_round_gave_is_no_output() -> None:
    record, _ = again_planned([known_to("force-a")])
    (output,) = record.outputs
    with pytest.raises(ContractError, match=r"outputs\.replaces"):
        decisions.replaced(record, replace(output, replaces=(1,)))


def test_a_later_version_replaces_the_view_that_a_round_gave() -> None:
    """A correction supersedes a version that was decided again: what it replaces names the round."""
    one = known_to("force-a")
    two, _ = again_planned([one])
    held = again.standing(BUNDLE, [one, two])
    rounds = (judgement(1),)
    correction = replace(
        one, signal_id=samples.EARLIER_ID, supersedes=(one.signal_id,), rounds=rounds, outputs=()
    )
    planned = decisions.plan(
        BUNDLE,
        one.groups,
        sections=one.sections,
        originator=one.originator,
        signal_id=correction.signal_id,
        lifecycle=one.lifecycle,
        held={name: (view.output_id,) for name, view in held.items()},
    )
    outputs = decisions.record([(item, bytes(32)) for item in planned], "agency", (one.signal_id,), rounds)
    assert {item.recipient: item.replaces for item in outputs}["force-a"] == (1,)
    assert {item.recipient: item.replaces for item in outputs}["police-a"] == (0,)
    for item in outputs:
        assert decisions.replaced(correction, item) == (held[item.recipient].output_id,)


def _view_of(decision: Decision, recipient: str) -> UUID:
    return identity.delivery_id(decision.originator, decision.signal_id, recipient)
