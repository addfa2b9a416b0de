"""The embedded broker, for real: start, freeze, crash, continue, leave nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from zhitong.exceptions import EmbeddedError
from zhitong.infra import broker, kafka_commands, processes
from zhitong.infra.broker import Broker
from zhitong.infra.broker_apache import Apache
from zhitong.infra.embedded import clean
from zhitong.infra.settings import Settings
from zhitong.streams.cluster import unled_groups
from zhitong.streams.kafka_client import Access
from zhitong.streams.names import ADMIN
from zhitong.streams.topics import ensure_topics

pytestmark = pytest.mark.integration

START = (
    "import pathlib, sys; from zhitong.infra.broker import Broker, apache; "
    "from zhitong.infra.settings import Settings; "
    "print(Broker(pathlib.Path(sys.argv[1]), "
    "apache(Settings(cache=pathlib.Path(sys.argv[2])))).start().address)"
)


def produce(address: Access, topic: str, *values: bytes) -> list[int]:
    """Send *values* to partition 0, one after the other; give their offsets."""
    producer = KafkaProducer(**address.configs, acks="all")
    try:
        sent = [producer.send(topic, value, partition=0) for value in values]
        return [each.get(60).offset for each in sent]  # type: ignore[no-untyped-call]
    finally:
        producer.close()


def consume(address: Access, topic: str, count: int) -> list[bytes]:
    """Read partition 0 from its beginning until *count* messages are there."""
    place = TopicPartition(topic, 0)
    consumer = KafkaConsumer(**address.configs, enable_auto_commit=False)
    try:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        found: list[bytes] = []
        while len(found) < count:
            found.append(next(consumer).value)
        return found
    finally:
        consumer.close()


def commit(address: Access, topic: str, group: str) -> None:
    """Commit the offset 0 of partition 0 for *group*."""
    consumer = KafkaConsumer(
        **address.configs, group_id=group, enable_auto_commit=False
    )
    try:
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(0, "", -1)})
    finally:
        consumer.close(autocommit=False)


def brokers(home: Path) -> list[int]:
    """Find every process with *home* in its command line."""
    return [
        pid
        for pid in processes.everyone()
        if any(str(home) in word for word in processes.words(pid))
    ]


@pytest.fixture
def server(kafka_factory: Callable[[str], Broker]) -> Broker:
    """Give a broker that these tests halt, kill and damage."""
    return kafka_factory("suffering")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    clean(tmp_path / "state")


def test_a_clean_restart_has_what_was_sent_and_the_port(server: Broker) -> None:
    address = server.start()
    ensure_topics(address, {"broker.restarted": 1})
    assert produce(address, "broker.restarted", b"one", b"two") == [0, 1]

    assert server.restart() == address

    assert produce(address, "broker.restarted", b"three") == [2]
    assert consume(address, "broker.restarted", 3) == [b"one", b"two", b"three"]


def test_a_killed_broker_has_what_it_acknowledged_and_its_port(server: Broker) -> None:
    address = server.start()
    ensure_topics(address, {"broker.killed": 1})
    values = [f"{number}".encode() for number in range(500)]
    assert produce(address, "broker.killed", *values) == list(range(500))

    server.kill()

    assert server.status() == "stopped"
    assert server.start() == address
    produce(address, "broker.killed", b"after")
    assert consume(address, "broker.killed", 501) == [*values, b"after"]


def test_one_that_something_else_killed_comes_back_on_its_port(server: Broker) -> None:
    address = server.start()

    # Its threads are still ending, and hold the port, when it is started again.
    os.kill(server.nodes[0].running(), signal.SIGKILL)

    assert server.start() == address


def test_groups_that_nobody_coordinates_are_found_and_said(
    server: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = server.start()
    ensure_topics(admin, {"broker.grouped": 1})
    for number in range(9):
        commit(admin, "broker.grouped", f"group-{number}")
    assert unled_groups(admin) == {}
    server.stop()
    # What no start looks through: it was stopped cleanly.
    share = server.nodes[0].home / "data" / "__consumer_offsets-1"
    log = share / "00000000000000000000.log"
    log.write_bytes(log.read_bytes()[:-1] + b"\xff")

    with monkeypatch.context() as patched:
        patched.setattr(broker, "_GROUPS_SECONDS", 1.0)
        patched.setattr(broker, "_ATTEMPTS", 1)
        with pytest.raises(EmbeddedError, match="no coordinator"):
            server.start()

    assert unled_groups(server.access(ADMIN)) == {1: 1}
    # After a power cut all of it is looked through, and what is broken cut off.
    server.kill()
    assert unled_groups(server.start()) == {}


def test_a_frozen_broker_answers_nobody_and_then_goes_on(server: Broker) -> None:
    address = server.start()
    ensure_topics(address, {"broker.frozen": 1})
    answered = threading.Event()

    def send() -> None:
        assert produce(address, "broker.frozen", b"sent while frozen") == [0]
        answered.set()

    server.freeze()
    sender = threading.Thread(target=send)
    sender.start()
    # Longer than the broker may be silent before its controller gives it up.
    assert not answered.wait(4)
    assert server.status() == "frozen"

    server.thaw()

    assert answered.wait(60)
    sender.join()
    assert server.status() == "running"
    assert consume(address, "broker.frozen", 1) == [b"sent while frozen"]


def test_a_start_thaws_one_that_was_left_frozen(server: Broker) -> None:
    address = server.start()
    server.freeze()

    assert server.start() == address
    assert server.status() == "running"


def test_a_stop_ends_a_frozen_one_and_a_second_stop_does_nothing(
    server: Broker,
) -> None:
    server.start()
    server.freeze()

    server.stop()
    server.stop()

    assert server.status() == "stopped"
    assert brokers(server.home) == []


def test_a_stop_that_takes_too_long_ends_it_anyway(
    server: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.start()
    monkeypatch.setattr("zhitong.infra.broker._STOP_SECONDS", 0.0)

    server.stop()

    assert brokers(server.home) == []
    assert server.start() == address


def test_a_start_that_takes_long_is_said_and_found_by_the_next(
    server: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.start()
    server.stop()
    with monkeypatch.context() as patch:
        patch.setattr("zhitong.infra.broker._START_SECONDS", 0.0)
        with pytest.raises(EmbeddedError, match="kafka-1: still starting after 0 s"):
            server.start()
    (pid,) = brokers(server.home)

    assert server.start() == address
    assert brokers(server.home) == [pid]


def test_a_port_taken_meanwhile_is_replaced_and_what_was_sent_stays(
    server: Broker,
) -> None:
    before = server.start()
    ensure_topics(before, {"broker.moved": 1})
    produce(before, "broker.moved", b"before")
    server.stop()
    files = [server.nodes[0].port_file(each) for each in ("", "-controller")]
    taken = [int(file.read_text()) for file in files]
    first, second = (socket.create_server(("127.0.0.1", port)) for port in taken)
    with first, second:
        during = server.start()

        assert during != before
        assert consume(during, "broker.moved", 1) == [b"before"]
    assert server.restart() == during
    assert produce(during, "broker.moved", b"after") == [1]


def test_another_s_process_is_left_alone(server: Broker) -> None:
    server.start()
    server.stop()
    # All but the folder is as a broker of ours would have it.
    like = [
        "java",
        "kafka.Kafka",
        str(server.home.parent / "other/nodes/1/node.properties"),
    ]
    words = [sys.executable, "-c", "input()", *like]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as stranger:  # noqa: S603 - our own words
        assert server.status() == "stopped"
        server.stop()
        server.kill()
        server.start()
        server.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_stale_draft_of_the_data_is_made_anew(
    state: Path, kafka_program: Apache
) -> None:
    half = state / "kafka" / ".nodes.made" / "1" / "data"
    half.mkdir(parents=True)
    (half / "meta.properties").write_text("cluster.id=half\n")

    address = Broker(state, kafka_program).start()

    assert ensure_topics(address, {"broker.fresh": 1}) == ("broker.fresh",)
    assert sorted(entry.name for entry in (state / "kafka").iterdir()) == [
        "authority",
        "nodes",
        "tmp",
        "users",
    ]


def test_the_one_node_of_an_earlier_version_stays_one_and_is_taken_over(
    state: Path, kafka_program: Apache
) -> None:
    before = Broker(state, kafka_program).start()
    ensure_topics(before, {"broker.former": 1})
    produce(before, "broker.former", b"kept")
    Broker(state).stop()
    # As it lay there: one folder, no number, no authority.
    home, first = state / "kafka", Broker(state).nodes[0]
    (first.home / "data").rename(home / "data")
    for listener in ("", "-controller"):
        first.port_file(listener).rename(state / "port" / f"kafka{listener}")
    for gone in ("nodes", "authority", "tmp"):
        shutil.rmtree(home / gone)
    there = sorted(home.rglob("*"))

    with pytest.raises(EmbeddedError, match="1 nodes, which cannot become 3; nothing"):
        kafka_commands.start(Settings(state=state), 3)
    assert sorted(home.rglob("*")) == there

    # As ZHITONG_KAFKA_NODES=3 has it: what is there keeps its number.
    broker = Broker(state, kafka_program, 3)
    assert broker.start() == before
    assert len(broker.nodes) == 1
    assert consume(before, "broker.former", 1) == [b"kept"]


def test_a_failed_start_says_why_and_a_repaired_one_works(server: Broker) -> None:
    server.start()
    server.stop()
    meta = server.nodes[0].home / "data" / "meta.properties"
    whole = meta.read_text()
    meta.write_text(whole.replace("node.id=1", "node.id=7"))

    with pytest.raises(EmbeddedError) as failed:
        server.start()

    assert "Stored node id 7 doesn't match previous node id 1" in failed.value.label.zh
    assert failed.value.label.en.startswith("kafka-1 did not start: read the log;")
    assert server.status() == "stopped"
    meta.write_text(whole)
    server.start()
    assert server.status() == "running"


def test_a_program_that_is_no_kafka_is_explained(
    state: Path, kafka_program: Apache, tmp_path: Path
) -> None:
    with pytest.raises(EmbeddedError) as failed:
        Broker(state, Apache(kafka_program.java, (tmp_path / "none.jar",))).start()

    assert "ClassNotFoundException: kafka.tools.StorageTool" in failed.value.label.zh
    assert not (state / "kafka" / "nodes").exists()


def test_two_that_start_at_once_start_one_which_outlives_both(
    state: Path, kafka_program: Apache
) -> None:
    cache = kafka_program.jars[0].parents[1]
    # As in pyproject.toml: kafka-python is read so on Python 3.11.
    warned = ["-W", "error", "-W", "ignore::DeprecationWarning"]
    words = [sys.executable, *warned, "-c", START, str(state), str(cache)]
    starters = [
        subprocess.Popen(  # noqa: S603 - our own interpreter
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [starter.communicate(timeout=180) for starter in starters]

    (address,) = {out.strip() for out, _ in said}
    assert [err for _, err in said] == ["", ""]
    (pid,) = brokers(state / "kafka")
    assert os.getsid(pid) == pid
    assert Broker(state).status() == "running"
    access = Broker(state).start()
    assert access.address == address
    assert ensure_topics(access, {"broker.outlives": 1}) == ("broker.outlives",)


def test_clean_leaves_neither_process_nor_folder_nor_traces_elsewhere(
    state: Path, kafka_program: Apache
) -> None:
    server = Broker(state, kafka_program)
    server.start()
    (pid,) = brokers(server.home)
    assert list(Path("/tmp").glob(f"hsperfdata_*/{pid}")) == []  # noqa: S108 - where Java would

    clean(state)

    left = processes.look(pid)
    assert left is None or left.state == "Z"  # ended, and our own to reap
    assert not state.exists()


def test_kafka_s_own_consumer_reads_it_with_the_broker_s_time(
    server: Broker, kafka_program: Apache, tmp_path: Path
) -> None:
    address = server.start()
    login = tmp_path / "login"
    login.write_text(address.properties, "utf-8")
    ensure_topics(address, {"broker.console": 1})
    produce(address, "broker.console", "决定".encode())

    done = subprocess.run(  # noqa: S603 - our own program
        [
            str(kafka_program.java),
            "-XX:-UsePerfData",
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
            *("--bootstrap-server", address.address),
            *("--consumer.config", str(login)),
            *("--topic", "broker.console", "--from-beginning", "--max-messages", "1"),
            *("--property", "print.timestamp=true"),
        ],
        check=False,
        capture_output=True,
        env={**kafka_program.environment()},
        timeout=120,
    )

    said = done.stdout.decode().splitlines()
    assert done.returncode == 0, done.stderr
    assert said[0].startswith("LogAppendTime:")
    assert said[0].endswith("\t决定")
