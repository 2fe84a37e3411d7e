"""What was decided, why, why not, and what would be otherwise: over the small world's topics."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import pytest
from click.testing import CliRunner, Result
from kruispunt_consumers.audit import past as pasts
from kruispunt_consumers.audit import policy_commands
from kruispunt_consumers.audit.past import Past, read_past
from kruispunt_consumers.topic_record import Extent, TopicRecord
from kruispunt_schemas.failures import ConfigurationError, ContractError, PolicyError
from kruispunt_schemas.needtoknow import again, bitmaps
from kruispunt_schemas.needtoknow.authoring import ROOT
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.decisions import decide, members_by_group, output_id
from kruispunt_schemas.needtoknow.explanation import explain
from kruispunt_schemas.needtoknow.recording import recorded
from kruispunt_schemas.records.backbone import Decision
from kruispunt_schemas.records.frame import Classification, Follower, Lifecycle

from tests.consumers.audit.world import World, bundle_of, small_world

POLICY = (ROOT / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")


class MemoryReader:
    """Gives the topics of a small world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def topics(self) -> Mapping[str, int]:
        return dict.fromkeys(self._world.records, 1)

    def extents(self, topics: Iterable[str]) -> list[Extent]:
        wanted = set(topics)
        return [item for item in self._world.extents() if item.topic in wanted]

    def read(self, extents: Sequence[Extent]) -> Iterator[TopicRecord]:
        for extent in extents:
            yield from self._world.records[extent.topic]


@pytest.fixture(scope="module")
def past() -> Past:
    return read_past(MemoryReader(small_world()))


@pytest.fixture(autouse=True)
def reading(monkeypatch: pytest.MonkeyPatch, past: Past) -> None:
    monkeypatch.setattr(policy_commands, "read", lambda _data: past)


def run(command: click.Command, *words: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(command, [str(word) for word in words], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output + str(result.exception)
    return result


def as_json(command: click.Command, *words: str | Path) -> Any:
    return json.loads(run(command, *words, "--json").stdout)


def first(past: Past) -> Decision:
    return min(past.decisions.values(), key=lambda item: item.posting.appended_at)


def changed(folder: Path, before: str, after: str) -> Path:
    assert before in POLICY
    path = folder / "need_to_know.cedar"
    path.write_text(POLICY.replace(before, after), encoding="utf-8")
    return path


def test_the_past_is_read_once_however_often_it_lies_there(past: Past) -> None:
    world = small_world()
    world.records["audit.decisions"] *= 2
    assert read_past(MemoryReader(world)).decisions == past.decisions
    assert (last := past.latest()) is not None
    assert last.name == world.bundle.name


def test_a_topic_that_is_not_there_says_what_to_do() -> None:
    world = small_world()
    del world.records["audit.bundles"]
    with pytest.raises(ConfigurationError, match="kruispunt provision"):
        read_past(MemoryReader(world))


def test_a_record_that_cannot_be_read_names_its_place() -> None:
    world = small_world()
    world.append("audit.decisions", None, b"garbage")
    with pytest.raises(ContractError, match=r"audit\.decisions/0/"):
        read_past(MemoryReader(world))


def test_a_name_is_the_first_digits_of_an_id(past: Past) -> None:
    decision = first(past)
    assert past.decision(str(decision.signal_id)[:13]) == decision
    assert past.decision(str(decision.decision_id)) == decision
    with pytest.raises(ConfigurationError, match="there is no decision zz"):
        past.decision("zz")
    with pytest.raises(ConfigurationError, match="there is no decision"):
        past.decision("")
    assert past.bundle(decision.bundle[:9]).name == decision.bundle


def test_a_name_that_fits_several_is_refused() -> None:
    found = {"ab1": 1, "ab2": 2}
    with pytest.raises(ConfigurationError, match="ab fits 2 things: ab1, ab2; give more digits"):
        pasts._one("ab", "thing", found)


def test_every_outcome_of_the_small_world_is_explained_and_follows(past: Past) -> None:
    for decision in past.decisions.values():
        policy = pasts.parsed(past.cited(decision))
        for name in policy.bundle.by_id:
            found = explain(policy.bundle, policy.engine, decision, name)
            assert found.agrees
            assert [item.section for item in found.sections] == list(decision.sections)
            for item in found.sections:
                assert item.released == bool(item.grounds and not item.guards)
                assert all(fact.evidence for fact in item.mattered if fact.fact != "follows_subject")


def test_explain_shows_sentence_law_facts_and_evidence(past: Past) -> None:
    signal = str(first(past).signal_id)
    shown = run(policy_commands.explain, signal, "ltf-antwerpen", "--language", "nl").output
    assert "ground-territory: De task force" in shown
    assert "gebeurde op het grondgebied van de dienst: ja [commitment context:" in shown
    found = as_json(policy_commands.explain, signal, "ltf-antwerpen")
    assert found["sent"] == "VIEW"
    assert found["rules"]["ground-territory"]["law"]
    with pytest.raises(PolicyError, match="is called nobody-at-all"):
        policy_commands._explained(past, signal, "nobody-at-all")


def test_without_a_participant_everybody_is_told_once(past: Past) -> None:
    decision = first(past)
    bundle = past.cited(decision)
    found = as_json(policy_commands.explain, str(decision.signal_id))
    told = [name for item in found["outcomes"] for name in item["participants"]]
    assert sorted(told) == [row.id for row in bundle.participants]
    sent = {output.recipient for output in decision.outputs}
    assert {name for item in found["outcomes"] if item["released"] for name in item["participants"]} == sent
    shown = run(policy_commands.explain, str(decision.signal_id), "--language", "nl").output
    assert "ground-" in shown
    assert "Geen enkele regel geeft" in " ".join(shown.split())


def test_a_decision_is_found_by_a_delivery_of_it(past: Past) -> None:
    for decision in past.decisions.values():
        for output in decision.outputs:
            assert past.decision(str(output_id(decision, output))) is decision


def judged(world: World, decision: Decision, judgement: UUID, *following: str) -> Decision:
    """Put what is decided again of a signal on the topic of a small world, and return it."""
    own = read_past(MemoryReader(world))
    policy = pasts.parsed(own.cited(decision))
    earlier = own.until(own.standing()[decision.originator, decision.signal_id])
    drafted = again.draft(
        policy.bundle,
        policy.engine,
        earlier,
        followers=tuple(Follower(participant=name, event=UUID(int=5)) for name in following),
        judgement=judgement,
        now=world.now,
    )
    planned = again.plan(policy.bundle, earlier, drafted, renamed=False, content=True)
    record = again.recorded(drafted, [(item, bytes(32)) for item in planned])
    world.put("audit.decisions", record, record.decision_id)
    return record


def test_a_signal_that_was_decided_again_is_explained_as_it_stands(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = small_world()
    (decision,) = [item for item in past.decisions.values() if item.originator == "vsse"]
    (holder, *_) = [output.recipient for output in decision.outputs]
    forth = judged(world, decision, UUID(int=71), "police-antwerpen")
    assert [output.recipient for output in forth.outputs] == ["police-antwerpen"]
    several = read_past(MemoryReader(world))
    monkeypatch.setattr(policy_commands, "read", lambda _data: several)
    signal = str(decision.signal_id)
    assert several.decision(signal) == forth
    assert several.decision(str(decision.decision_id)) == decision
    assert several.decision(str(output_id(forth, forth.outputs[0]))) == forth
    assert several.decision(str(output_id(decision, decision.outputs[0]))) == decision
    told = as_json(policy_commands.explain, signal, "police-antwerpen")
    assert (told["sent"], told["judgement"], told["round"]) == ("VIEW", str(UUID(int=71)), 1)
    shown = run(policy_commands.explain, signal, holder, "--language", "fr").output
    assert f"garde ce qu'il avait; bundle {decision.bundle[:12]}; décidé à nouveau" in shown
    assert f"{UUID(int=71)} (1)" in " ".join(shown.split())
    everybody = as_json(policy_commands.explain, signal)
    assert everybody["judgement"] == str(UUID(int=71))
    assert as_json(policy_commands.explain, str(decision.decision_id))["judgement"] is None

    back = judged(world, decision, UUID(int=72))
    undone = read_past(MemoryReader(world))
    assert undone.decision(signal) == back
    assert undone.until(forth) == [decision, forth]
    monkeypatch.setattr(policy_commands, "read", lambda _data: undone)
    assert as_json(policy_commands.explain, signal, "police-antwerpen")["holds"] is None
    found = as_json(policy_commands.why_not, signal, "police-antwerpen")
    assert (found["decision"], found["round"]) == (str(back.decision_id), 2)
    assert "(2)" in run(policy_commands.why_not, signal, "police-antwerpen").output
    name = decision.bundle[:10]
    assert as_json(policy_commands.diff, name, name)["decisions"] == len(past.decisions)


def test_a_record_that_does_not_follow_is_told(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    world = small_world()
    world.change("audit.decisions", 0, Decision, _swapped)
    lying = read_past(MemoryReader(world))
    monkeypatch.setattr(policy_commands, "read", lambda _data: lying)
    result = run(policy_commands.explain, str(first(past).signal_id), "ltf-gent", code=1)
    assert "kruispunt audit replay" in result.stderr


def _swapped(decision: Decision) -> Decision:
    """Return the decision with the outcomes of its first and last group exchanged."""
    groups = list(decision.groups)
    outcomes = groups[0].sections, groups[-1].sections
    groups[0], groups[-1] = (
        replace(groups[0], sections=outcomes[1]),
        replace(groups[-1], sections=outcomes[0]),
    )
    return replace(decision, groups=tuple(groups))


def test_why_not_gives_the_smallest_change_and_says_what_was_received(past: Past) -> None:
    signal = str(first(past).signal_id)
    shown = run(policy_commands.why_not, signal, "ltf-gent").output
    assert "happened on the territory of the service: no → yes" in shown
    assert "ground-territory: in_territory" in shown
    found = as_json(policy_commands.why_not, signal, "ltf-antwerpen")
    assert "situation" in found["received"]
    assert "situation" not in found["withheld"]
    assert (
        "Dies wurde freigegeben."
        in run(policy_commands.why_not, signal, "ltf-antwerpen", "--language", "de").output
    )


def test_the_same_policy_changes_nothing(past: Past) -> None:
    name = first(past).bundle[:10]
    found = as_json(policy_commands.diff, name, name)
    assert (found["touched"], found["changes"]) == (0, [])
    assert found["decisions"] == len(past.decisions)


def test_a_weaker_policy_gains_and_its_reverse_loses_as_much(past: Past, tmp_path: Path) -> None:
    name = first(past).bundle[:10]
    path = changed(
        tmp_path,
        'context.recipient_kind == "local-task-force" ||',
        'context.recipient_kind == "oversight" ||',
    )
    there, back = as_json(policy_commands.diff, name, path), as_json(policy_commands.diff, path, name)
    assert there["lost"] == back["gained"] > 0
    assert there["gained"] == back["lost"] == 0
    assert set(there["participants"]) <= {"ltf-antwerpen", "ltf-gent"}
    assert "no-ground" in there["rules"]
    assert "ground-territory" in back["rules"]
    assert "would be otherwise" in run(policy_commands.diff, name, path, "--most", "1").output


def test_an_announced_bundle_with_another_row_is_compared(past: Past) -> None:
    world = small_world()
    world.activate(bundle_of(clearance=Classification.UNCLASSIFIED))
    both = read_past(MemoryReader(world))
    old, new = (pasts.side(both, name) for name in (first(past).bundle, world.bundle.name))
    difference, changes = pasts.counted(pasts.differences(both, old, new))
    assert difference.lost == len(changes)
    assert {item.participant for item in changes} <= {"ltf-antwerpen"}


def test_participants_are_the_same_by_name(past: Past) -> None:
    """A bundle without one of them: what the others get is as it was."""
    own = past.cited(first(past))
    rows = tuple(row for row in own.participants if row.id != "livc-antwerpen")
    fewer = Bundle.model_validate(
        {name: getattr(own, name) for name in Bundle.model_fields} | {"participants": rows}
    )
    _, changes = pasts.counted(pasts.differences(past, pasts.Side(bundle=own), pasts.Side(bundle=fewer)))
    assert {item.participant for item in changes} <= {"livc-antwerpen"}


def test_a_bundle_that_lies_nowhere_is_told(past: Past) -> None:
    alone = Past(decisions=past.decisions)
    with pytest.raises(PolicyError, match="which lies nowhere"):
        alone.cited(first(past))


def test_differences_are_those_of_two_whole_decisions(past: Past, tmp_path: Path) -> None:
    """The long way round: every decision decided twice by Cedar, for every participant."""
    path = changed(
        tmp_path,
        'context.is_named && !["oversight", "local-safety-cell"]',
        'context.in_territory && !["oversight"]',
    )
    for decision, found in pasts.differences(past, pasts.Side(), pasts.Side(path=path)):
        if decision.lifecycle is Lifecycle.RECALL:
            assert found == []
            continue
        own = past.cited(decision)
        whole = []
        for policy in (pasts.parsed(own), pasts.Side(path=path).policy(own)):
            groups = decide(policy.bundle, policy.engine, recorded(own, decision), decision.sections)
            whole.append(
                {
                    (name, section)
                    for members, group in members_by_group(own, groups)
                    for name in bitmaps.members_of(own, members)
                    for outcome in group.sections
                    if outcome.released
                    for section in outcome.sections
                }
            )
        assert {(item.participant, item.section) for item in found if item.gained} == whole[1] - whole[0]
        assert {(item.participant, item.section) for item in found if not item.gained} == whole[0] - whole[1]
