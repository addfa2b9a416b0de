"""What the embedded broker is made of, looked at without starting one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from zhitong.exceptions import EmbeddedError, SettingsError
from zhitong.infra import broker, broker_java, broker_tansu, processes
from zhitong.infra.broker import Broker, apache, bootstrap, choose
from zhitong.infra.broker_access import way
from zhitong.infra.broker_apache import Apache
from zhitong.infra.broker_authority import EARLY, certificate, certify
from zhitong.infra.broker_jars import LIST, Artefact, artefacts
from zhitong.infra.broker_node import Node
from zhitong.infra.broker_tansu import Tansu
from zhitong.infra.loopback import kept_port
from zhitong.infra.settings import Settings
from zhitong.streams.topics import _settings


def program(path: Path, said: str) -> Path:
    """Write a program that says *said* of its version, as Java does: to stderr."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_java, "find_spec", lambda _: None)
    monkeypatch.setattr(broker_tansu, "find_spec", lambda _: None)


def test_every_artefact_is_pinned_by_digest_and_names_no_registry() -> None:
    listed = artefacts()
    assert {
        (each.group, each.name, each.version)
        for each in listed
        if each.group == "org.apache.kafka"
    } >= {
        ("org.apache.kafka", "kafka_2.13", "4.1.1"),
        ("org.apache.kafka", "kafka-tools", "4.1.1"),
    }
    assert len({each.file for each in listed}) == len(listed) == 47
    assert {len(bytes.fromhex(each.digest)) for each in listed} == {32}
    assert "://" not in LIST.read_text("utf-8")


def test_an_artefact_lies_where_maven_repositories_have_it() -> None:
    jar = Artefact("org.apache.kafka", "kafka_2.13", "4.1.1", "00")
    assert jar.path == "org/apache/kafka/kafka_2.13/4.1.1/kafka_2.13-4.1.1.jar"


@pytest.mark.parametrize(
    ("said", "major"),
    [
        pytest.param('openjdk version "17.0.15" 2025-04-15', 17, id="17"),
        pytest.param('openjdk version "25" 2025-09-16 LTS', 25, id="first-of-25"),
        pytest.param('java version "1.8.0_401"', 8, id="old-numbering"),
        pytest.param("not Java at all", 0, id="something-else"),
    ],
)
def test_a_java_says_its_version(tmp_path: Path, said: str, major: int) -> None:
    assert broker_java.version(program(tmp_path / "java", said)) == major


def test_a_java_that_cannot_be_run_has_no_version(tmp_path: Path) -> None:
    assert broker_java.version(tmp_path / "java") == 0


@pytest.mark.usefixtures("no_wheels")
def test_java_home_comes_first_and_one_too_old_is_passed_over(tmp_path: Path) -> None:
    home = program(tmp_path / "home/bin/java", 'openjdk version "21.0.1"')
    other = program(tmp_path / "bin/java", 'openjdk version "17.0.1"')
    old = program(tmp_path / "old/bin/java", 'openjdk version "11.0.2"')
    path = {"PATH": str(other.parent)}

    assert broker_java.find_java({"JAVA_HOME": str(tmp_path / "home"), **path}) == home
    assert broker_java.find_java({"JAVA_HOME": str(old.parents[1]), **path}) == other
    assert broker_java.find_java({"PATH": str(old.parent)}) is None


@pytest.mark.usefixtures("no_wheels")
def test_the_set_up_learns_by_an_exit_code_whether_there_is_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        broker_java.main()
    assert ended.value.code == 1
    program(tmp_path / "java", 'openjdk version "17.0.15"')
    with pytest.raises(SystemExit) as ended:
        broker_java.main()
    assert ended.value.code == 0


@pytest.mark.usefixtures("no_wheels")
def test_without_java_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    for seek in (apache, choose):
        with pytest.raises(EmbeddedError) as missing:
            seek(Settings(state=tmp_path, cache=tmp_path))
        assert missing.value.label.en == (
            "there is no Java 17 or newer: install it, or run make broker, or give "
            "the address of a Kafka as ZHITONG_KAFKA"
        )


def test_tansu_is_taken_only_where_kafka_is_not_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(cache=tmp_path)
    tansu = Tansu(tmp_path / "tansu")
    monkeypatch.setattr(broker, "find_tansu", lambda: tansu)
    monkeypatch.setattr(broker, "find_java", lambda: Path("/java"))
    monkeypatch.setattr(broker, "artefacts", tuple)
    assert choose(settings) == tansu

    jars = (tmp_path / "one.jar",)
    monkeypatch.setattr(broker, "kept_jars", lambda *_: jars)
    assert choose(settings) == Apache(Path("/java"), jars)


def test_a_broker_that_was_given_is_the_one(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, kafka="kafka-1:9092,kafka-2:9092")
    assert bootstrap(settings) == "kafka-1:9092,kafka-2:9092"


def test_each_comes_to_a_city_s_broker_as_its_own_user(tmp_path: Path) -> None:
    (tmp_path / "zhitong.anze.credit").write_text("its password\n", "utf-8")
    settings = Settings(
        kafka="kafka-1:9093",
        kafka_security="SASL_SSL",
        kafka_users=str(tmp_path),
        kafka_ca="authorities.pem",
    )
    found = way(settings, "credit")()
    assert found.configs == {
        "bootstrap_servers": "kafka-1:9093",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "zhitong.anze.credit",
        "sasl_plain_password": "its password",
        "ssl_cafile": "authorities.pem",
    }
    assert "its password" not in repr(found)
    with pytest.raises(SettingsError, match="put that user's password there"):
        way(settings, "relay")()


def test_to_a_broker_that_proves_nobody_all_come_alike() -> None:
    found = way(Settings(kafka="kafka-1:9092"), "credit")()
    assert (found.user, found.protocol, found.tls) == ("", "PLAINTEXT", None)


def test_else_it_is_the_embedded_one_s_kept_port(tmp_path: Path) -> None:
    (tmp_path / "port").mkdir()
    (tmp_path / "port" / "kafka-1").write_text("20123\n")
    assert bootstrap(Settings(state=tmp_path)) == "127.0.0.1:20123"


def test_without_either_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as missing:
        bootstrap(Settings(state=tmp_path))
    assert missing.value.label.en == (
        f"there is no Kafka in {tmp_path}: run zhitong up there first, or give an "
        "address as ZHITONG_KAFKA (host:port)"
    )


def test_a_process_is_a_broker_only_with_its_folder_in_its_command_line(
    tmp_path: Path,
) -> None:
    node, second, other = Node(tmp_path, 1), Node(tmp_path, 2), Node(Path("/other"), 1)
    node.take_ports(())
    kafka = Apache(Path("/java"), ()).command(node)
    tansu = Tansu(Path("/tansu")).command(node)

    assert node.is_apache(kafka)
    assert node.is_tansu(tansu)
    for stranger in (second, other):
        assert not stranger.is_apache(kafka)
        assert not stranger.is_tansu(tansu)
    assert not node.is_apache(("/bin/sh", "-c", f"ls {node.properties}"))
    assert not node.is_tansu(())


@pytest.mark.parametrize(("count", "copies", "in_sync"), [(1, 1, 1), (3, 3, 2)])
def test_of_three_nodes_two_have_what_is_acknowledged_and_lead_it(
    tmp_path: Path, count: int, copies: int, in_sync: int
) -> None:
    nodes = [Node(tmp_path, number) for number in range(1, count + 1)]
    for node in nodes:
        node.take_ports(())
        (node.home / "data").mkdir(parents=True)

    Apache(Path("/java"), ()).prepare(tmp_path / "kafka", nodes)

    topic = _settings(timedelta(days=1), copies)
    assert topic["min.insync.replicas"] == str(in_sync)
    assert topic["unclean.leader.election.enable"] == "false"
    for node in nodes:
        lines = node.properties.read_text().splitlines()
        assert {
            "unclean.leader.election.enable=false",
            "auto.create.topics.enable=false",
            "allow.everyone.if.no.acl.found=false",
            "listener.name.controller.ssl.client.auth=required",
            f"default.replication.factor={copies}",
            f"offsets.topic.replication.factor={copies}",
            f"min.insync.replicas={in_sync}",
        } <= {*lines}


@pytest.mark.parametrize(
    ("left", "renewed"),
    [
        pytest.param(timedelta(days=-1), True, id="expired"),
        pytest.param(EARLY - timedelta(hours=1), True, id="soon"),
        pytest.param(EARLY + timedelta(hours=1), False, id="not yet"),
    ],
)
def test_a_node_that_starts_gets_another_certificate_where_its_own_ends_soon(
    tmp_path: Path, left: timedelta, *, renewed: bool
) -> None:
    node = Node(tmp_path, 1)
    node.take_ports(())
    (node.home / "data").mkdir(parents=True)
    certify(tmp_path / "kafka", node.home, left)
    before = certificate(node.home).read_text()

    Apache(Path("/java"), ()).prepare(tmp_path / "kafka", [node])

    assert (certificate(node.home).read_text() != before) is renewed


def test_a_broker_that_never_ran_is_stopped_and_can_be_stopped(tmp_path: Path) -> None:
    server = Broker(tmp_path)
    assert (server.status(), server.address(), server.keeps) == ("stopped", None, True)
    server.stop()
    server.kill()
    with pytest.raises(EmbeddedError, match="does not run: start it first"):
        server.freeze()
    with pytest.raises(EmbeddedError, match="no program to start kafka with"):
        server.start()


def test_a_stop_ends_the_one_node_of_an_earlier_version_too(tmp_path: Path) -> None:
    properties = str(tmp_path / "kafka" / "node.properties")
    words = [sys.executable, "-c", "input()", "kafka.Kafka"]
    with (
        subprocess.Popen([*words, properties], stdin=subprocess.PIPE) as former,  # noqa: S603 - our own words
        subprocess.Popen([*words, "/other"], stdin=subprocess.PIPE) as stranger,  # noqa: S603
    ):
        Broker(tmp_path).stop()
        assert not processes.alive(former.pid)
        assert stranger.poll() is None
        stranger.kill()


def test_a_port_is_kept_and_replaced_only_where_it_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "port" / "kafka"
    first = kept_port(file)
    assert kept_port(file) == first
    assert kept_port(file, but=[first]) != first
    second = int(file.read_text())
    with socket.create_server(("127.0.0.1", second)):
        assert kept_port(file) != second
    assert int(file.read_text()) != second


def test_a_kept_port_can_be_read_at_every_moment(tmp_path: Path) -> None:
    file = tmp_path / "port" / "kafka"
    port = kept_port(file)
    with ThreadPoolExecutor(1) as thread:
        keeping = thread.submit(lambda: [kept_port(file) for _ in range(300)])
        while not keeping.done():
            assert int(file.read_text()) == port


def test_where_every_port_is_taken_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("zhitong.infra.loopback._PORTS", range(port, port + 1))
        with pytest.raises(EmbeddedError) as full:
            kept_port(tmp_path / "kafka")
    assert full.value.label.en == (
        f"no port from {port} to {port} is free on 127.0.0.1: "
        "end the programs that hold them"
    )
    assert not (tmp_path / "kafka").exists()


def test_our_own_command_line_is_found_among_everyone_s() -> None:
    assert os.getpid() in processes.everyone()
    assert processes.words(os.getpid())[0]
    assert processes.words(0) == ()
