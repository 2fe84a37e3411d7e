from __future__ import annotations

import base64
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from kruispunt_deploy.stack.datafolder import DataFolder
from kruispunt_deploy.stack.kafka import FAST_FAILURE, LOGGING, Kafka


@pytest.mark.parametrize(("brokers", "factor", "in_sync"), [(1, "1", "1"), (3, "3", "2")])
def test_every_internal_topic_is_replicated_as_the_cluster_allows(
    tmp_path: Path, brokers: int, factor: str, in_sync: str
) -> None:
    kafka = Kafka(DataFolder(tmp_path), 3 if brokers == 3 else 1)
    for node in kafka.nodes:
        settings = kafka.settings(node)
        assert {value for key, value in settings.items() if key.endswith("replication.factor")} == {factor}
        assert {
            value for key, value in settings.items() if key.endswith(("min.isr", "min.insync.replicas"))
        } == {in_sync}
        assert settings.items() >= FAST_FAILURE.items()


def test_topics_are_never_made_by_use_and_the_largest_record_fits(tmp_path: Path) -> None:
    settings = Kafka(DataFolder(tmp_path), 1).settings(1)
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["unclean.leader.election.enable"] == "false"
    for key in ("message.max.bytes", "replica.fetch.max.bytes", "replica.fetch.response.max.bytes"):
        assert int(settings[key]) > 7 * 1024 * 1024


def test_every_listener_is_on_the_loopback_address(tmp_path: Path) -> None:
    kafka = Kafka(DataFolder(tmp_path), 3)
    hosts = [address.rpartition(":")[0] for address in kafka.listeners.bootstrap.split(",")]
    assert hosts == ["127.0.0.1"] * 3
    for node in kafka.nodes:
        settings = kafka.settings(node)
        for listener in settings["listeners"].split(","):
            assert listener.partition("://")[2].startswith("127.0.0.1:")
        assert len(set(settings["controller.quorum.voters"].split(","))) == 3
    assert len({kafka.listeners.address(node) for node in kafka.nodes}) == 3


def test_settings_are_written_for_each_node_until_it_is_formatted(tmp_path: Path) -> None:
    kafka = Kafka(DataFolder(tmp_path), 3)
    assert kafka.unformatted() == (1, 2, 3)
    (tmp_path / "kafka-2" / "log").mkdir()
    (tmp_path / "kafka-2" / "log" / "meta.properties").touch()
    assert kafka.unformatted() == (1, 3)
    assert "node.id=2\n" in (tmp_path / "kafka-2" / "server.properties").read_text()
    assert (tmp_path / "kafka-2").stat().st_mode & 0o077 == 0


def test_the_cluster_id_is_a_uuid_that_no_option_parser_mistakes(tmp_path: Path) -> None:
    made = Kafka(DataFolder(tmp_path), 1)._cluster_id()
    assert Kafka(DataFolder(tmp_path), 1)._cluster_id() == made
    assert len(base64.urlsafe_b64decode(made + "==")) == 16
    assert not made.startswith("-")


def test_the_logging_configuration_is_well_formed_and_logs_denials() -> None:
    loggers = {each.get("name"): each.get("level") for each in ET.fromstring(LOGGING).iter("Logger")}  # noqa: S314 - ours
    assert loggers["kafka.authorizer.logger"] == "INFO"
