from __future__ import annotations

import http.client
import json
import os
import shutil
import stat
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_deploy.stack import LocalStack, postgres
from kruispunt_deploy.stack.datafolder import DataFolder
from kruispunt_deploy.stack.kafka import LARGEST_RECORD, brokers_at
from kruispunt_deploy.stack_commands import doctor, status
from kruispunt_schemas.failures import ConfigurationError, UnavailableError
from kruispunt_schemas.settings import Settings

from tests.stacks import StackUnderTest, answers
from tests.waiting import wait_until


def test_every_server_answers_at_its_address(stack: StackUnderTest) -> None:
    assert answers(stack.addresses)


def test_the_largest_record_passes_and_no_topic_is_made_by_use(stack: StackUnderTest) -> None:
    brokers: dict[str, str | int | float | bool] = {"bootstrap.servers": stack.addresses.brokers}
    admin = AdminClient(brokers)
    topic = f"largest-{os.getpid()}"
    admin.create_topics([NewTopic(topic, 1)])[topic].result(20)
    value = os.urandom(LARGEST_RECORD)
    outcomes = []
    producer = Producer({**brokers, "message.max.bytes": LARGEST_RECORD + 65_536})
    producer.produce(topic, value, on_delivery=lambda error, _message: outcomes.append(error))
    assert producer.flush(30) == 0
    assert outcomes == [None]
    reader = Consumer({**brokers, "group.id": topic, "fetch.message.max.bytes": 2 * LARGEST_RECORD})
    reader.assign([TopicPartition(topic, 0, 0)])
    message = wait_until(lambda: reader.poll(0.1), within=30, what="the record")
    assert message.value() == value
    reader.close()
    admin.delete_topics([topic])[topic].result(20)
    assert admin.list_topics("made-by-use", timeout=10).topics["made-by-use"].error is not None


def test_stack_json_is_what_the_settings_read_and_nobody_elses(
    local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BROKERS", "REGISTRY", "DATABASE"):
        monkeypatch.delenv(f"KRUISPUNT_{name}", raising=False)
    monkeypatch.setenv("KRUISPUNT_DATA", str(local_stack.data))
    assert Settings().addresses() == local_stack.addresses
    file = local_stack.data / "stack.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text())
    assert content["pid"] == os.getpid()
    assert {"postgres", "kafka", "registry"} <= content["parts"].keys()


def test_a_second_stack_on_the_same_folder_is_refused(local_stack: LocalStack) -> None:
    with pytest.raises(ConfigurationError, match=rf"already runs.*pid {os.getpid()}"):
        LocalStack(local_stack.data).open()
    assert answers(local_stack.addresses)


def test_a_database_belongs_to_its_role_alone(local_stack: LocalStack) -> None:
    agency = local_stack.postgres.create_database("legacy", "agency")
    assert local_stack.postgres.create_database("legacy", "agency") == agency
    with psycopg.connect(agency) as connection:
        connection.execute("create table case_file (id int)")
    other = local_stack.postgres.url("legacy", "kruispunt")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(other, connect_timeout=5)
    where = urlsplit(agency)
    wrong = agency.replace(where.password or "", "guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong, connect_timeout=5)


def test_the_server_log_holds_no_values(local_stack: LocalStack) -> None:
    with psycopg.connect(local_stack.addresses.database or "", autocommit=True) as connection:
        connection.execute("create temporary table seen (name text unique)")
        for _ in range(2):
            try:
                connection.execute("insert into seen values ('Jansen-geheim')")
            except psycopg.errors.UniqueViolation:
                break
    log = (local_stack.data / "logs" / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "Jansen-geheim" not in log


@pytest.mark.parametrize("part", ["postgres", "kafka"])
def test_a_server_that_was_killed_is_noticed_and_serves_again(local_stack: LocalStack, part: str) -> None:
    before = local_stack.parts[part]
    assert local_stack.kill(part) == before.pid
    after = local_stack.wait_ready(part, 60)
    assert after.restarts == before.restarts + 1
    assert after.address == before.address
    wait_until(lambda: answers(local_stack.addresses), within=20, what="an answer of every server")
    written = json.loads((local_stack.data / "stack.json").read_text())["parts"][part]
    assert written["pid"] == after.pid


def test_a_server_killed_for_good_stays_away_until_it_is_started(local_stack: LocalStack) -> None:
    local_stack.kill("postgres", restart=False)
    wait_until(
        lambda: local_stack.parts["postgres"].state == "stopped", within=10, what="the end of PostgreSQL"
    )
    assert not local_stack.postgres.is_ready()
    local_stack.start("postgres")
    wait_until(lambda: answers(local_stack.addresses), within=20, what="an answer of every server")


def test_a_worker_is_supervised_like_a_server(local_stack: LocalStack) -> None:
    argv = [sys.executable, "-c", "import os, signal; print(os.environ['ROLE'], flush=True); signal.pause()"]
    log = local_stack.data / "logs" / "worker.log"
    first = local_stack.spawn("worker", argv, {"ROLE": "admit"}, ready=lambda: "admit" in log.read_text())
    local_stack.kill("worker")
    second = local_stack.wait_ready("worker", 20)
    assert second.pid != first.pid
    assert second.restarts == 1
    with pytest.raises(UnavailableError, match="runs already"):
        local_stack.spawn("worker", argv)
    local_stack.stop("worker")
    assert local_stack.parts["worker"].state == "stopped"


def test_status_and_doctor_tell_of_a_running_stack(local_stack: LocalStack) -> None:
    where = ["--data", str(local_stack.data), "--json"]
    told = json.loads(CliRunner().invoke(status, where).stdout)
    assert told["phase"] == "ready"
    assert told["pid"] == os.getpid()
    parts = {part["name"]: part for part in told["parts"]}
    assert parts["kafka"]["memory_mib"] > 50
    checks = {check["check"]: check for check in json.loads(CliRunner().invoke(doctor, where).stdout)}
    assert {name for name, check in checks.items() if check["state"] == "problem"} == set()
    assert checks["brokers"]["state"] == checks["registry"]["state"] == checks["database"]["state"] == "ok"
    assert (local_stack.postgres.url("x", "kruispunt").split(":")[2].split("@")[0]) not in json.dumps(told)


def test_the_registry_keeps_its_schemas_in_the_database(local_stack: LocalStack) -> None:
    where = urlsplit(local_stack.addresses.registry)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
    body = json.dumps({"schema": json.dumps({"type": "record", "name": "kept", "fields": []})})
    headers = {"Content-Type": "application/json"}
    connection.request("POST", f"{where.path}/subjects/kept/versions", body, headers)
    assert connection.getresponse().read()
    connection.close()
    with psycopg.connect(local_stack.postgres.url("apicurio", "apicurio")) as database:
        found = database.execute("select count(*) from artifacts where artifactid = 'kept'").fetchone()
    assert found == (1,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_as_root_a_folder_out_of_reach_is_left_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with LocalStack(closed / "data", servers=["postgres"]) as stack:
        assert stack.postgres.is_ready()
        place = stack.postgres.folder
        assert postgres.REACHABLE in place.parents
    with LocalStack(closed / "data", servers=["postgres"]) as stack:
        assert stack.postgres.folder == place
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    (closed / "data" / "instance").unlink()
    other = postgres.Postgres(DataFolder(closed / "data")).folder
    assert not place.exists()
    shutil.rmtree(other.parent)


def test_brokers_that_are_not_there_are_none() -> None:
    assert brokers_at({"bootstrap.servers": "127.0.0.1:1"}, within=0.2) == frozenset()
