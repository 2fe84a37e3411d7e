"""Agencies on the real servers: from their own stores to their own topics, by the command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from click.testing import CliRunner, Result
from kruispunt_deploy.stack import LocalStack
from kruispunt_producers.agency import agency
from kruispunt_producers.posting_box import PostingBox, box_path
from kruispunt_producers.synthetic import (
    Expected,
    Outcome,
    Scenario,
    generate,
    send_raw,
    write_exports,
    write_tables,
)
from kruispunt_producers.synthetic.truth import Channel
from kruispunt_schemas import codec, disclosure, reports, wire
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.keys import ParticipantKeys, create_participant
from kruispunt_schemas.registry import CACHE_FILE
from kruispunt_schemas.reports import State
from kruispunt_schemas.settings import STACK_FILE, Addresses

from tests.observed import assert_closed, document, page, samples, value
from tests.producers.servers import Record, legacy_schema, prepare, read_topic
from tests.producers.signals import NOW
from tests.stacks import StackUnderTest
from tests.waiting import wait_until

DEAD_REGISTRY = "http://127.0.0.1:1/apis/ccompat/v7"


def expected_of(scenario: Scenario, participant: str, phase: int | None = None) -> list[Expected]:
    return [
        each
        for each in scenario.truth()
        if each.participant == participant
        and each.channel is Channel.SOURCE
        and each.outcome is not Outcome.REFUSED_BY_ADAPTER
        and phase in {None, each.phase}
    ]


def identifiers(expected: list[Expected], keys: ParticipantKeys) -> set[str]:
    return {str(each.signal_id(keys.secret)) for each in expected}


def settle(data: Path, addresses: Addresses) -> None:
    """Leave the servers' addresses where the command looks for them."""
    (data / STACK_FILE).write_text(addresses.model_dump_json())


def invoke(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(agency, [*arguments, "--data", str(data), "--json"], catch_exceptions=False)


def new_records(addresses: Addresses, participant: str, before: int) -> list[Record]:
    return read_topic(addresses, participant)[before:]


@pytest.fixture
def url(stack: StackUnderTest) -> Iterator[str]:
    with legacy_schema(stack.addresses) as found:
        yield found


@pytest.mark.parametrize("participant", ["ocad", "federal-police", "vsse"])
def test_a_legacy_database_in_both_phases(
    stack: StackUnderTest, scenario: Scenario, tmp_path: Path, url: str, participant: str
) -> None:
    prepare(stack.addresses, participant)
    settle(tmp_path, stack.addresses)
    keys = create_participant(tmp_path, participant)
    before = len(read_topic(stack.addresses, participant))
    for phase in (1, 2):
        write_tables(url, scenario, participant, phase)
        result = invoke(tmp_path, "publish", "--as", participant, "--from", url)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["acknowledged"] == len(expected_of(scenario, participant, phase))
    again = json.loads(invoke(tmp_path, "publish", "--as", participant, "--from", url).stdout)
    assert (again["acknowledged"], again["waiting"]) == (0, 0)
    found = new_records(stack.addresses, participant, before)
    assert {each.identifier for each in found} == identifiers(expected_of(scenario, participant), keys)
    assert len(found) == len(expected_of(scenario, participant))
    for record in found:
        assert record.key is None
        signed = codec.decode_signed(
            codec.schema_of(wire.fingerprint_of(record.headers)), wire.unwrapped(record.value)
        )
        header = signed.read_header()
        disclosure.verify(signed, header, keys.signer.public_key())
        assert str(header.signal_id) == record.identifier
        assert wire.traceparent_of(record.headers) is not None


def test_exports_and_what_they_leave_in_the_status(
    stack: StackUnderTest, scenario: Scenario, tmp_path: Path
) -> None:
    participant = "livc-gent"
    prepare(stack.addresses, participant)
    settle(tmp_path, stack.addresses)
    keys = create_participant(tmp_path, participant)
    before = len(read_topic(stack.addresses, participant))
    write_exports(tmp_path / "exports", scenario, participant, 1)
    write_exports(tmp_path / "exports", scenario, participant, 2)
    source = f"csv:{tmp_path / 'exports'}"
    assert invoke(tmp_path, "publish", "--as", participant, "--from", source).exit_code == 0
    found = new_records(stack.addresses, participant, before)
    assert {each.identifier for each in found} == identifiers(expected_of(scenario, participant), keys)
    status = json.loads(invoke(tmp_path, "status", "--as", participant).stdout)
    assert {(each["position"], each["reason"], each["field"]) for each in status["refused"]} == {
        (each.position, each.reason, each.field)
        for each in scenario.truth()
        if each.participant == participant and each.outcome is Outcome.REFUSED_BY_ADAPTER
    }
    assert (status["queued"], status["flusher_pid"], status["trouble"]) == (0, None, None)
    shown = CliRunner().invoke(agency, ["status", "--as", participant, "--data", str(tmp_path)])
    assert shown.exit_code == 0
    assert "posting box of" in shown.output


def test_raw_postings_reach_their_topics(stack: StackUnderTest, scenario: Scenario, tmp_path: Path) -> None:
    owners = scenario.owners_of_raw
    prepare(stack.addresses, *owners)
    before = {name: len(read_topic(stack.addresses, name)) for name in owners}
    keys = {name: create_participant(tmp_path, name) for name in owners}
    messages = scenario.raw_messages(keys, NOW, lambda _: 1)
    offsets = send_raw({"bootstrap.servers": stack.addresses.brokers}, messages)
    assert set(offsets) == {message.index for message in messages}
    for name in owners:
        sent = [message for message in messages if message.participant == name]
        found = new_records(stack.addresses, name, before[name])
        assert [record.value or None for record in found] == [message.value or None for message in sent]
        assert [record.offset for record in found] == [offsets[message.index] for message in sent]


def test_the_registry_may_be_away_once_its_ids_are_known(
    stack: StackUnderTest, scenario: Scenario, tmp_path: Path
) -> None:
    participant = "livc-molenbeek"
    prepare(stack.addresses, participant)
    create_participant(tmp_path, participant)
    source = f"csv:{tmp_path / 'exports'}"
    write_exports(tmp_path / "exports", scenario, participant, 1)
    settle(tmp_path, stack.addresses.model_copy(update={"registry": DEAD_REGISTRY}))
    unknown = invoke(tmp_path, "publish", "--as", participant, "--from", source, "--wait", "0.5")
    assert unknown.exit_code == 1
    assert json.loads(unknown.stdout)["waiting"] == len(expected_of(scenario, participant, 1))
    trouble = json.loads(invoke(tmp_path, "status", "--as", participant).stdout)["trouble"]
    assert "registry" in trouble

    settle(tmp_path, stack.addresses)
    assert invoke(tmp_path, "publish", "--as", participant, "--from", source).exit_code == 0
    cache = tmp_path / CACHE_FILE
    cache.write_text(cache.read_text().replace(stack.addresses.registry, DEAD_REGISTRY))
    settle(tmp_path, stack.addresses.model_copy(update={"registry": DEAD_REGISTRY}))
    write_exports(tmp_path / "exports", scenario, participant, 2)
    done = invoke(tmp_path, "publish", "--as", participant, "--from", source)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["acknowledged"] == len(expected_of(scenario, participant, 2))


def test_a_topic_that_does_not_exist_is_said(
    stack: StackUnderTest, scenario: Scenario, tmp_path: Path
) -> None:
    prepare(stack.addresses)
    settle(tmp_path, stack.addresses)
    create_participant(tmp_path, "police-nowhere")
    write_exports(tmp_path / "exports", scenario, "police-gent", 1)
    with pytest.raises(ConfigurationError, match=r"out\.police-nowhere does not exist.*kruispunt provision"):
        invoke(tmp_path, "publish", "--as", "police-nowhere", "--from", f"csv:{tmp_path / 'exports'}")


def test_sigkill_in_the_middle_then_again_while_a_second_is_refused(
    stack: StackUnderTest, tmp_path: Path, url: str
) -> None:
    participant = "adiv"  # no other test posts here
    scenario = generate(seed=3, signals=4_000)
    prepare(stack.addresses, participant)
    settle(tmp_path, stack.addresses)
    keys = create_participant(tmp_path, participant)
    write_tables(url, scenario, "ocad", 1)
    run(url, "create table later as select * from individuele_evaluatie where dossiernr > 'IE.2025.000100'")
    run(url, "delete from individuele_evaluatie where dossiernr > 'IE.2025.000100'")
    publish = ["--as", participant, "--from", url, "--adapter", "ocad-evaluations"]
    expected = identifiers(expected_of(scenario, "ocad", 1), keys)
    path = box_path(tmp_path, participant)
    first = subprocess.Popen(command(tmp_path, *publish, "--follow"), stderr=subprocess.PIPE)
    try:
        wait_until(path.is_file, within=30, what="the posting box")
        with PostingBox(path) as box:
            warm = wait_until(
                lambda: not box.waiting() and box.summary().acknowledged, within=60, what="the first hundred"
            )
            run(url, "insert into individuele_evaluatie select * from later")
            wait_until(
                lambda: box.waiting() and box.summary().acknowledged > warm, within=60, what="the flow"
            )
            first.send_signal(signal.SIGKILL)
            first.wait(10)
            summary = box.summary()
    finally:
        first.kill()
        _, complaint = first.communicate(timeout=10)
    assert first.returncode == -signal.SIGKILL, complaint.decode()
    assert warm < summary.acknowledged < len(expected)

    second = subprocess.Popen(
        command(tmp_path, *publish, "--follow"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        with PostingBox(path) as box:
            wait_until(
                lambda: box.summary().acknowledged == len(expected) and not box.waiting(),
                within=60,
                what="everything acknowledged",
            )
        third = subprocess.run(command(tmp_path, *publish), capture_output=True, check=False, timeout=60)
        assert third.returncode == 2
        assert b"already sends for adiv" in third.stderr
        told = reports.read(reports.path_of(tmp_path, f"agency-{participant}"))
        assert told is not None
        assert (told.pid, told.restarts, told.state) == (second.pid, 1, State.WORKING)
        health = wait_until(
            lambda: (answer := document(told.address, "/ready"))[1]["behind"] == 0 and answer,
            within=30,
            what="a box without postings",
        )
        assert (health[0], health[1]["role"], health[1]["troubles"]) == (200, "agency", [])
        found = samples(page(told.address, "/metrics")[1])
        assert_closed(found)
        assert value(found, "kruispunt_ready", role="agency") == 1
        second.send_signal(signal.SIGTERM)
        output, _ = second.communicate(timeout=20)
        assert second.returncode == 0
        assert json.loads(output)["waiting"] == 0
    finally:
        second.kill()
        second.wait(10)

    records = read_topic(stack.addresses, participant)
    assert {each.identifier for each in records} == expected
    assert len({(each.identifier, each.value) for each in records}) == len(expected)


def run(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def command(data: Path, *arguments: str) -> list[str]:
    kruispunt = Path(sys.executable).with_name("kruispunt")
    return [str(kruispunt), "agency", "publish", "--data", str(data), "--json", *arguments]


def test_broker_away_the_box_waits_and_then_everything_arrives(
    local_stack: LocalStack, scenario: Scenario, tmp_path: Path
) -> None:
    participant = "livc-liege"
    prepare(local_stack.addresses, participant)
    settle(tmp_path, local_stack.addresses)
    keys = create_participant(tmp_path, participant)
    source = f"csv:{tmp_path / 'exports'}"
    before = len(read_topic(local_stack.addresses, participant))
    write_exports(tmp_path / "exports", scenario, participant, 1)
    local_stack.kill("kafka", restart=False)
    try:
        away = invoke(tmp_path, "publish", "--as", participant, "--from", source, "--wait", "2")
        assert away.exit_code == 1
        status = json.loads(invoke(tmp_path, "status", "--as", participant).stdout)
        assert status["queued"] == len(expected_of(scenario, participant, 1))
        assert "Kafka" in status["trouble"]
    finally:
        local_stack.start("kafka")
    done = invoke(tmp_path, "publish", "--as", participant, "--from", source)
    assert done.exit_code == 0
    found = new_records(local_stack.addresses, participant, before)
    assert [each.identifier for each in found] != []
    assert {each.identifier for each in found} == identifiers(expected_of(scenario, participant, 1), keys)
    assert len(found) == len(expected_of(scenario, participant, 1))
