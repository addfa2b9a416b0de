"""Three nodes, for real: killed, halted, robbed of a disk, restarted under a relay."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import socket
import ssl
import sys
import threading
import time
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import replace as copied
from datetime import timedelta
from pathlib import Path

import pytest
from kafka import KafkaProducer, errors
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
)
from ledger_rows import prepare, put, run
from outgoing import outgoing
from topic_reader import read

from zhitong.connectors.outbox import PlatformOutbox
from zhitong.decisions import Ack
from zhitong.exceptions import EmbeddedError
from zhitong.infra.broker import Broker
from zhitong.infra.broker_access import way
from zhitong.infra.broker_authority import authorities, certificate, certify
from zhitong.infra.broker_node import Node
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.streams.access_lists import change_users
from zhitong.streams.cluster import look, voters
from zhitong.streams.declared import apply, compare
from zhitong.streams.grants import grants, users
from zhitong.streams.kafka_client import Access, Way, connect, distrust, enters
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.producer import Fault
from zhitong.streams.relay import Relay
from zhitong.streams.topics import administering, change_topics, ensure_topics

pytestmark = pytest.mark.integration
ENDLESS = 240
CACHE = Path(__file__).parents[2] / ".zhitong" / "cache"
REFUSED_SECONDS = 1.5
SENT = "select count(*)::int from outbox_sent"
LEFT = "select count(*)::int from outbox"
DAY = timedelta(days=1)


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """Collect what clients that were cut off have left: a later test would be told."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def nodes(three: Broker) -> Broker:
    """Give a broker of three nodes; those that a test has ended are started again."""
    return three


@pytest.fixture
def admin(nodes: Broker) -> Access:
    return nodes.start()


@pytest.fixture
def topic(admin: Access) -> str:
    name = f"three.{uuid.uuid4().hex}"
    ensure_topics(admin, {name: 12})
    return name


@pytest.fixture
async def platform(database: str) -> str:
    await prepare(database)
    return database


@asynccontextmanager
async def relaying(platform: str, way: Way) -> AsyncIterator[None]:
    relay = Relay(
        PlatformOutbox(platform, "one"), lambda: KafkaSender(way), longest_rest=1.0
    )
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(url: str, statement: str, wanted: int) -> float:
    """Wait until *statement* gives *wanted*; say how long that took."""
    began = time.monotonic()
    async with asyncio.timeout(ENDLESS):
        while (await run(url, statement))[0][0] != wanted:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def wave(platform: str, topic: str, number: int, cases: int = 50) -> None:
    """Have three versions of each of *cases* wait."""
    await put(
        platform,
        [
            outgoing(
                (number * 3 + version) * cases + case + 1, f"case {case}", topic=topic
            )
            for version in range(3)
            for case in range(cases)
        ],
    )


def arrived(access: Access, topic: str) -> Sequence[tuple[str, int]]:
    return [(key.decode(), int(value)) for _, _, key, value, _ in read(access, topic)]


def all_in_order(found: Sequence[tuple[str, int]], count: int) -> bool:
    """Say whether all of *count* came, each case's in order but for what came twice."""
    seen: dict[str, list[int]] = {}
    for key, number in found:
        numbers = seen.setdefault(key, [])
        if number not in numbers:
            numbers.append(number)
    came = sorted(number for numbers in seen.values() for number in numbers)
    return came == list(range(1, count + 1)) and all(
        numbers == sorted(numbers) for numbers in seen.values()
    )


def whole(access: Access) -> None:
    """Wait until every partition has all its copies."""
    deadline = time.monotonic() + ENDLESS
    while look(access).lacking:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.usefixtures("topic")
def test_three_nodes_share_the_work_and_each_event_is_kept_three_times(
    admin: Access,
) -> None:
    whole(admin)
    found = look(admin)
    assert found.there == {1, 2, 3}
    assert set(found.leads) == {1, 2, 3}
    assert (found.lacking, found.leaderless, found.below) == (0, 0, 0)
    assert set(voters(admin)) == {1, 2, 3}
    assert len(admin.address.split(",")) == 3


async def test_a_leader_killed_under_a_relay_costs_a_moment_and_nothing_else(
    nodes: Broker, admin: Access, platform: str, topic: str
) -> None:
    async with relaying(platform, lambda: admin):
        await wave(platform, topic, 0)
        await until(platform, SENT, 150)
        nodes.kill(look(admin).quorum)
        await wave(platform, topic, 1)
        stalled = await until(platform, SENT, 300)
        print(f"killed: the next 150 were sent after {stalled:.1f} s")  # noqa: T201 - the figure is the point
        assert nodes.status() == "partly"
        await asyncio.to_thread(nodes.start)
    await asyncio.to_thread(whole, admin)
    assert all_in_order(arrived(admin, topic), 300)


async def test_a_frozen_leader_is_given_up_and_takes_nothing_when_it_is_back(
    nodes: Broker, admin: Access, platform: str, topic: str
) -> None:
    async with relaying(platform, lambda: admin):
        await wave(platform, topic, 0)
        await until(platform, SENT, 150)
        frozen = max(look(admin).leads)
        await asyncio.to_thread(nodes.freeze, frozen)
        await wave(platform, topic, 1)
        stalled = await until(platform, SENT, 300)
        print(f"frozen: the next 150 were sent after {stalled:.1f} s")  # noqa: T201 - the figure is the point
        nodes.thaw(frozen)
        await wave(platform, topic, 2)
        await until(platform, SENT, 450)
    await asyncio.to_thread(whole, admin)
    assert all_in_order(arrived(admin, topic), 450)


async def test_with_too_few_copies_nothing_is_taken_and_all_of_it_waits(
    nodes: Broker, admin: Access, platform: str, topic: str
) -> None:
    # Controllers run where brokers do: with two of three nodes away they agree on
    # nothing, not even on what lacks. That one is too many, and it is said.
    tried = f"{topic}.tried"
    ensure_topics(admin, {tried: 1})
    strict = {"min.insync.replicas": ("2", "3")}
    change_topics(admin, dict.fromkeys((topic, tried), strict))
    async with relaying(platform, lambda: admin):
        await wave(platform, topic, 0)
        await until(platform, SENT, 150)
        nodes.kill(1)
        await asyncio.to_thread(until_refused, admin, tried)
        # Whoever decides is not held up: the outbox takes it.
        await wave(platform, topic, 1)
        nodes.kill(2)
        await wave(platform, topic, 2)
        await asyncio.sleep(3)
        assert (await run(platform, LEFT))[0][0] == 300
        assert await run(platform, "select 1 from parked_key") == []
        await asyncio.to_thread(nodes.start)
        await until(platform, LEFT, 0)
    found = arrived(admin, topic)
    assert all_in_order(found, 450)
    assert len(found) == 450


def until_refused(access: Access, topic: str) -> None:
    """Write to *topic* until that is refused for want of copies, before it is kept."""
    producer = connect(
        KafkaProducer, access, acks="all", enable_idempotence=False, retries=0
    )
    with closing(producer):
        while True:
            with suppress(errors.KafkaError):
                try:
                    producer.send(topic, b"0", partition=0).get(ENDLESS)  # type: ignore[no-untyped-call]
                except errors.NotEnoughReplicasError:
                    return


async def test_a_node_without_its_disk_is_filled_again_and_votes_again(
    nodes: Broker, admin: Access, platform: str, topic: str
) -> None:
    before = voters(admin)
    async with relaying(platform, lambda: admin):
        await wave(platform, topic, 0)
        await until(platform, SENT, 150)
        nodes.kill(2)
        shutil.rmtree(nodes.node(2).home / "data")
        await wave(platform, topic, 1)
        await asyncio.to_thread(nodes.start)
        await until(platform, SENT, 300)
    await asyncio.to_thread(whole, admin)
    after = voters(admin)
    assert {n for n in (1, 2, 3) if before[n] != after[n]} == {2}
    # One of three may be away again: it is one of the two that are asked.
    nodes.freeze(3)
    assert all_in_order(await asyncio.to_thread(arrived, admin, topic), 300)
    nodes.thaw(3)


class Steward:
    """Who looks after the broker of *nodes*, by commands alone."""

    def __init__(self, nodes: Broker, platform: str) -> None:
        self.settings = Settings(tenant="turned", state=nodes.home.parent)
        self._variables = {
            **os.environ,
            "ZHITONG_TENANT": "turned",
            "ZHITONG_STATE": str(nodes.home.parent),
            "ZHITONG_CACHE": str(CACHE),
            "ZHITONG_DATABASE_PLATFORM": platform,
        }

    async def does(self, *words: str) -> tuple[int | None, str]:
        """Run ``zhitong kafka`` with *words*; give its exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "zhitong.infra.cli", "kafka", *words),
            env=self._variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()


@pytest.fixture
async def steward(nodes: Broker, database: str) -> Steward:
    """Give a steward of the tenant "turned"; what it declares is there."""
    await prepare(database, "turned")
    nodes.start()
    made = Steward(nodes, database)
    code, said = await made.does("apply", "--yes")
    assert code == 0, said
    return made


async def test_password_and_certificates_are_turned_by_command_under_a_relay(
    nodes: Broker, database: str, steward: Steward
) -> None:
    relay, topic = way(steward.settings, "relay"), "zhitong.turned.provincial.v1"
    old, began = relay(), [shown(node) for node in nodes.nodes]
    before = await asyncio.to_thread(arrived, nodes.start(), topic)
    assert before == []
    waves, turning = 0, True

    async def load() -> None:
        nonlocal waves
        while turning:
            # Never cut off: one that is entered would not be counted.
            await wave(database, topic, waves, 10)
            waves += 1
            await asyncio.sleep(0.1)

    async with relaying(database, relay):
        loading = asyncio.create_task(load())
        for what in (("password", "relay"), ("certificates",)):
            code, said = await steward.does("rotate", *what, "--because", "例行 due")
            assert code == 0, said
        turning = False
        await loading
        await until(database, LEFT, 0)
    turned = [shown(node) for node in nodes.nodes]
    kept = [certificate(node.home).read_text() for node in nodes.nodes]
    assert all(one in file for one, file in zip(turned, kept, strict=True))
    assert not set(turned) & set(began)
    assert not enters(old, REFUSED_SECONDS)
    assert enters(relay(), 10)
    assert all_in_order(arrived(nodes.start(), topic), waves * 30)
    noted = await run(database, "select action, target, reason from deed order by at")
    assert [tuple(row) for row in noted] == [
        ("rotate-password", "zhitong.turned.relay", "例行 due"),
        ("rotate-certificates", "kafka", "例行 due"),
    ]


async def test_an_expired_certificate_is_named_and_turned_by_command(
    nodes: Broker, steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.stop(3)
    certify(nodes.home, nodes.node(3).home, timedelta(days=-1))
    with monkeypatch.context() as patch:
        # It has expired since: a start would have made another.
        patch.setattr("zhitong.infra.broker_apache.due", lambda _: False)
        patch.setattr("zhitong.infra.broker._START_SECONDS", 8.0)
        with pytest.raises(EmbeddedError, match="kafka-3"):
            nodes.start(3)

    code, said = await steward.does("status")
    assert (code, "已过期 EXPIRED: zhitong kafka rotate cert" in said) == (1, True), (
        said
    )
    with counted(nodes) as running:
        code, said = await steward.does(
            "rotate", "certificates", "--because", "过期 late"
        )
    assert code == 0, said
    assert min(running) >= 2, "the others stopped at once"

    assert all(
        shown(node) in certificate(node.home).read_text() for node in nodes.nodes
    )
    code, said = await steward.does("status")
    assert (code, "EXPIRED" in said) == (0, False), said


@contextmanager
def counted(nodes: Broker) -> Iterator[list[int]]:
    """Count again and again how many nodes run."""
    found: list[int] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            found.append(sum(node.pid() is not None for node in nodes.nodes))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        ended.set()
        looking.join()


def test_a_sender_whose_password_was_turned_does_not_wait_its_time_out(
    broker: Access,
) -> None:
    name, user = f"turned.{uuid.uuid4().hex}", "zhitong.turned.sender"
    ensure_topics(broker, {name: 12})
    change_users(broker, {user: "before"})
    allow(broker, user, name)
    turned = ["before"]
    sender = KafkaSender(lambda: copied(broker, user=user, password=turned[-1]), 600.0)
    try:
        assert isinstance(sender.send_batch([outgoing(1, topic=name)])[0], Ack)
        change_users(broker, {user: "after"})
        cut(broker.address)
        # Refused, and waiting, when the file is written at last.
        threading.Timer(1, lambda: turned.append("after")).start()
        (given_up,) = sender.send_batch([outgoing(2, topic=name)])
        assert isinstance(given_up, Fault)
        sender.reset()
        assert isinstance(sender.send_batch([outgoing(2, topic=name)])[0], Ack)
    finally:
        sender.close()


def cut(addresses: str) -> None:
    """End all that this process has open to *addresses*, as a restart there would."""
    ports = {int(each.rpartition(":")[2]) for each in addresses.split(",")}
    for entry in Path("/proc/self/fd").iterdir():
        if not entry.is_socket():
            continue
        with suppress(OSError), socket.socket(fileno=os.dup(int(entry.name))) as line:
            if line.family == socket.AF_INET and line.getpeername()[1] in ports:
                line.shutdown(socket.SHUT_RDWR)


def allow(admin: Access, user: str, topic: str) -> None:
    """Let *user* write *topic*."""
    with administering(admin) as client:
        made = client.create_acls(
            [
                ACL(
                    principal=f"User:{user}",
                    host="*",
                    operation=ACLOperation.WRITE,
                    permission_type=ACLPermissionType.ALLOW,
                    resource_pattern=ResourcePattern(ResourceType.TOPIC, topic),
                )
            ]
        )
    assert made["failed"] == []


def shown(node: Node) -> str:
    """Give the certificate that *node* shows."""
    return ssl.get_server_certificate(("127.0.0.1", node.port))


def test_a_certificate_that_has_expired_is_named(tmp_path: Path) -> None:
    node = tmp_path / "1"
    certify(tmp_path, node, timedelta(days=-1))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate(node))
    with socket.create_server(("127.0.0.1", 0)) as line:
        address = f"127.0.0.1:{line.getsockname()[1]}"

        def answer() -> None:
            with suppress(OSError):
                while True:
                    came, _ = line.accept()
                    with came, suppress(OSError):
                        tls.wrap_socket(came, server_side=True).close()

        threading.Thread(target=answer, daemon=True).start()
        trusted = str(authorities(tmp_path))
        access = Access(address=address, protocol="SSL", authorities=trusted)
        said = distrust(access)
        line.close()
    assert said == f"{address}: certificate has expired"


def test_what_is_declared_is_applied_once_and_then_nothing_is_to_do(
    admin: Access,
) -> None:
    config = read_receivers(tenant="applied")
    passwords: dict[str, str] = {}

    def password(name: str) -> str:
        return passwords.setdefault(name, f"password of {name}")

    first = compare(admin, config, DAY, passwords)
    assert set(first.topics.missing) == set(config.topics)
    assert set(first.users.missing) == set(users(config))
    assert len(first.grants.added) == len(grants(config))
    apply(admin, config, DAY, password, first)
    assert tuple(compare(admin, config, DAY, passwords).lines()) == ()

    passwords["zhitong.applied.credit"] = "another"
    name = "zhitong.applied.credit.v1"
    second = compare(admin, config, 2 * DAY, passwords)
    assert second.users == ((), ("zhitong.applied.credit",), ())
    assert second.topics.settings[name] == {"retention.ms": ("86400000", "172800000")}
    apply(admin, config, 2 * DAY, password, second)
    assert tuple(compare(admin, config, 2 * DAY, passwords).lines()) == ()


def test_another_number_of_nodes_is_never_made_of_what_is_there(
    nodes: Broker,
) -> None:
    assert len(Broker(nodes.home.parent, None, 1).nodes) == 3
