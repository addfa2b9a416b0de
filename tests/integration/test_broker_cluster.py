"""Three nodes, for real: killed, halted, robbed of a disk, restarted under a relay."""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import ssl
import threading
import time
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace as copied
from datetime import timedelta
from pathlib import Path

import pytest
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
from zhitong.infra.broker import Broker
from zhitong.infra.broker_apache import Apache
from zhitong.infra.broker_authority import authorities, certificate, certify
from zhitong.infra.embedded import clean
from zhitong.infra.receivers_file import read_receivers
from zhitong.streams.access_lists import change_users
from zhitong.streams.cluster import look, voters
from zhitong.streams.declared import apply, compare
from zhitong.streams.grants import grants, users
from zhitong.streams.kafka_client import Access, Way, distrust, enters
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.producer import Fault
from zhitong.streams.relay import Relay
from zhitong.streams.topics import administering, ensure_topics

pytestmark = pytest.mark.integration
ENDLESS = 240
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


@pytest.fixture(scope="module")
def nodes(
    kafka_program: Apache, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    """Give a broker of three nodes; each test leaves all of them running."""
    state = tmp_path_factory.mktemp("three") / "state"
    broker = Broker(state, kafka_program, 3)
    broker.start()
    yield broker
    clean(state)


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


async def test_with_two_of_three_away_nothing_is_taken_and_all_of_it_waits(
    nodes: Broker, admin: Access, platform: str, topic: str
) -> None:
    async with relaying(platform, lambda: admin):
        await wave(platform, topic, 0)
        await until(platform, SENT, 150)
        nodes.kill(1)
        nodes.kill(2)
        # Whoever decides is not held up: the outbox takes it.
        await wave(platform, topic, 1)
        await asyncio.sleep(6)
        assert (await run(platform, LEFT))[0][0] == 150
        assert await run(platform, "select 1 from parked_key") == []
        await asyncio.to_thread(nodes.start)
        await until(platform, LEFT, 0)
    assert all_in_order(arrived(admin, topic), 300)


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
    nodes.kill(3)
    assert all_in_order(await asyncio.to_thread(arrived, admin, topic), 300)
    await asyncio.to_thread(nodes.start)


async def test_password_and_certificates_are_turned_under_a_relay(
    nodes: Broker, admin: Access, platform: str, topic: str
) -> None:
    user, secret = "zhitong.turned.relay", "before"
    change_users(admin, {user: secret})
    allow(admin, user, topic)

    def way() -> Access:
        return copied(admin, user=user, password=secret)

    async with relaying(platform, way):
        await wave(platform, topic, 0)
        await until(platform, SENT, 150)
        old, secret = way(), "after"
        await asyncio.to_thread(change_users, admin, {user: secret})
        for node in nodes.nodes:
            certify(nodes.home, node.home)
        # Every connection ends: each is made anew with the password of now.
        await asyncio.to_thread(nodes.roll)
        await wave(platform, topic, 1)
        await until(platform, SENT, 300)
    for node in nodes.nodes:
        assert shown(node.address or "") in certificate(node.home).read_text("ascii")
    assert not enters(old, 1.5)
    assert enters(way(), 10)
    assert all_in_order(arrived(admin, topic), 300)


def test_a_sender_whose_password_was_turned_does_not_wait_its_time_out(
    kafka_factory: Callable[[str], Broker],
) -> None:
    broker = kafka_factory("turned")
    admin, name = broker.start(), f"turned.{uuid.uuid4().hex}"
    ensure_topics(admin, {name: 12})
    user, secret = "zhitong.turned.relay", "before"
    change_users(admin, {user: secret})
    allow(admin, user, name)
    sender = KafkaSender(lambda: copied(admin, user=user, password=secret), 600.0)
    try:
        assert isinstance(sender.send_batch([outgoing(1, topic=name)])[0], Ack)
        change_users(admin, {user: "after"})
        broker.restart()
        # Refused, and waiting, when the file is written at last.
        threading.Timer(3, lambda: turned.append("after")).start()
        turned = [secret]
        sender._way = lambda: copied(admin, user=user, password=turned[-1])
        (given_up,) = sender.send_batch([outgoing(2, topic=name)])
        assert isinstance(given_up, Fault)
        sender.reset()
        assert isinstance(sender.send_batch([outgoing(2, topic=name)])[0], Ack)
    finally:
        sender.close()


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


def shown(address: str) -> str:
    """Give the certificate that is shown at *address*."""
    host, _, port = address.rpartition(":")
    return ssl.get_server_certificate((host, int(port)))


def test_a_node_whose_certificate_has_expired_starts_with_another(
    nodes: Broker, admin: Access
) -> None:
    nodes.stop(3)
    certify(nodes.home, nodes.node(3).home, timedelta(days=-1))
    nodes.start(3)
    assert distrust(admin) == ""
    whole(admin)


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
