"""The relay between a real database and a real broker, while both misbehave."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from broker_users import free_users
from collector import collector
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from ledger_rows import ENDLESS, prepare, put, run, until
from msgspec.structs import replace
from outgoing import outgoing
from topic_reader import read

from zhitong.connectors.access_log import PlatformAccessLog, open_pool
from zhitong.connectors.outbox import PlatformOutbox
from zhitong.decisions import Ack, Outgoing
from zhitong.infra.broker import Broker
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.producer import Fault
from zhitong.streams.relay import Relay
from zhitong.streams.topics import ensure_topics
from zhitong.types import Inquiry, Look, Occasion, Principal

pytestmark = pytest.mark.integration
LEFT = "select count(*)::int from outbox"
SENT = "select count(*)::int from outbox_sent"
OWNERS = """select l.pid, count(*)::int as n from pg_locks l
    where locktype = 'advisory' and classid = 7001
    and database = (select oid from pg_database where datname = current_database())
    group by l.pid"""
SHARED = "select count(*) * 100 + sum(n) from (" + OWNERS + ") o"  # noqa: S608 - ours


@pytest.fixture
async def platform(database: str) -> str:
    await prepare(database)
    return database


@pytest.fixture
def topic(broker: Access) -> str:
    name = f"relayed.{uuid.uuid4().hex}"
    ensure_topics(broker, {name: 12})
    return name


@asynccontextmanager
async def relaying(
    outbox: PlatformOutbox, access: Access, seconds: float = 120.0
) -> AsyncIterator[None]:
    """Run a relay while the block runs."""
    relay = Relay(
        outbox, lambda: KafkaSender(lambda: access, seconds), longest_rest=1.0
    )
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def cases(topic: str, count: int, versions: int = 3) -> list[Outgoing]:
    """Make *versions* events of each of *count* cases, version by version."""
    return [
        outgoing(version * count + case + 1, f"case {case}", topic=topic)
        for version in range(versions)
        for case in range(count)
    ]


def arrived(access: Access, topic: str) -> Sequence[tuple[str, int]]:
    """Give case key and number of what arrived, partition by partition in order."""
    return [(key.decode(), int(value)) for _, _, key, value, _ in read(access, topic)]


def in_order(found: Sequence[tuple[str, int]]) -> bool:
    """Say whether each case's events came in order, what came again set aside."""
    seen: dict[str, list[int]] = {}
    for key, number in found:
        numbers = seen.setdefault(key, [])
        if number not in numbers:
            numbers.append(number)
    return all(numbers == sorted(numbers) for numbers in seen.values())


async def test_all_arrive_once_each_case_in_order_where_the_sent_log_says(
    platform: str, broker: Access, topic: str
) -> None:
    events = cases(topic, 100)
    await put(platform, events)
    async with relaying(PlatformOutbox(platform, "one"), broker):
        await until(platform, LEFT, 0)
    kept = read(broker, topic)
    assert sorted(int(each[3]) for each in kept) == [event.seq for event in events]
    assert in_order(arrived(broker, topic))
    logged = await run(platform, "select kpartition, koffset, seq from outbox_sent")
    assert {tuple(row) for row in logged} == {
        (partition, offset, int(value)) for partition, offset, _, value, _ in kept
    }


async def test_killed_between_acknowledgement_and_move_it_doubles_and_loses_nothing(
    platform: str, broker: Access, topic: str
) -> None:
    events = cases(topic, 50)
    await put(platform, events)
    acknowledged = asyncio.Event()

    class Dying(PlatformOutbox):
        """Its relay dies before it can move anything."""

        async def sent(self, acks: Sequence[Ack]) -> None:
            assert len(acks) == 150
            acknowledged.set()
            await asyncio.Event().wait()

    async with relaying(Dying(platform, "dying"), broker):
        await asyncio.wait_for(acknowledged.wait(), ENDLESS)
    assert (await run(platform, LEFT))[0][0] == 150
    async with relaying(PlatformOutbox(platform, "next"), broker):
        await until(platform, LEFT, 0)
    found = arrived(broker, topic)
    assert Counter(number for _, number in found) == Counter(
        {event.seq: 2 for event in events}
    )
    assert in_order(found)


async def test_when_the_connection_with_the_locks_is_killed_it_starts_anew(
    platform: str, broker: Access, topic: str
) -> None:
    async with relaying(PlatformOutbox(platform, "one"), broker):
        await put(platform, cases(topic, 20, 1))
        await until(platform, SENT, 20)
        ((owner, owned),) = await run(platform, OWNERS)
        assert owned == 64
        await run(platform, "select pg_terminate_backend($1, 5000)", owner)
        await put(platform, [replace(e, seq=e.seq + 20) for e in later(topic)])
        await until(platform, SENT, 40)
        ((anew, owned),) = await run(platform, OWNERS)
        assert anew != owner
        assert owned == 64
    assert len({number for _, number in arrived(broker, topic)}) == 40


def later(topic: str) -> list[Outgoing]:
    """Make twenty more events, of other cases."""
    return [
        replace(event, event_id=uuid.uuid4(), payload=str(event.seq + 20).encode())
        for event in cases(topic, 20, 1)
    ]


async def test_a_missing_topic_holds_its_receiver_only_and_is_found_when_made(
    platform: str, broker: Access, topic: str
) -> None:
    missing = f"{topic}.missing"
    wrong = [outgoing(n, receiver="credit", topic=missing) for n in (1, 2, 3)]
    await put(platform, [*wrong, *(outgoing(n, topic=topic) for n in (4, 5, 6))])
    async with relaying(PlatformOutbox(platform, "one"), broker):
        await until(platform, SENT, 3)
        await put(platform, [outgoing(n, topic=topic) for n in (7, 8)])
        await until(platform, SENT, 5)
        assert sorted(n for _, n in arrived(broker, topic)) == [4, 5, 6, 7, 8]
        assert (await run(platform, LEFT))[0][0] == 3
        ensure_topics(broker, {missing: 12})
        await until(platform, LEFT, 0)
    assert sorted(n for _, n in arrived(broker, missing)) == [1, 2, 3]
    assert await run(platform, "select 1 from parked_key") == []


async def test_poison_parks_its_case_and_goes_on_with_a_smaller_event_after_release(
    platform: str, broker: Access, topic: str
) -> None:
    poison = outgoing(1, "sick", topic=topic, payload=bytes(1_100_000))
    well = [outgoing(n, "well", topic=topic) for n in (3, 4)]
    await put(platform, [poison, outgoing(2, "sick", topic=topic), *well])
    async with relaying(PlatformOutbox(platform, "one"), broker):
        await until(platform, "select count(*)::int from dead_letter", 1)
        await until(platform, SENT, 2)
        ((attempts, error),) = await run(
            platform, "select attempts, last_error from outbox where seq = 1"
        )
        assert attempts == 3
        assert error == "this event cannot be sent (MessageSizeTooLargeError)"
        assert sorted(n for _, n in arrived(broker, topic)) == [3, 4]
        await run(platform, "update outbox set payload = '1' where seq = 1")
        await run(platform, "select release_key('provincial', $1)", poison.key)
        await until(platform, LEFT, 0)
    found = [number for key, number in arrived(broker, topic) if key == poison.key]
    assert found == [1, 2]


async def test_what_the_broker_refuses_is_not_overtaken_by_its_case(
    platform: str, broker: Access, topic: str
) -> None:
    # Small enough for the client and too large for the topic: the broker refuses it,
    # with more of its case in the batches behind.
    small = f"{topic}.small"
    ensure_topics(broker, {small: 12})
    admin = KafkaAdminClient(**broker.configs)
    resource = ConfigResource("TOPIC", small, {"max.message.bytes": "300000"})
    admin.alter_configs([resource])
    admin.close()
    sizes = dict.fromkeys(range(1, 9), 250000) | {3: 400_000}
    sick = [
        outgoing(n, "sick", topic=small, payload=str(n).encode().ljust(size))
        for n, size in sizes.items()
    ]
    await put(platform, [*sick, outgoing(9, "well", topic=small)])
    async with relaying(PlatformOutbox(platform, "one"), broker):
        await until(platform, "select count(*)::int from parked_key", 1)
        await until(platform, SENT, 3)
        found = arrived(broker, small)
        assert {number for _, number in found} == {1, 2, 9}
        await run(platform, "update outbox set payload = '3' where seq = 3")
        await run(platform, "select release_key('provincial', $1)", sick[0].key)
        await until(platform, LEFT, 0)
    found = arrived(broker, small)
    assert {number for _, number in found} == set(range(1, 10))
    assert in_order(found)


async def test_a_topic_with_other_partitions_is_not_sent_to_until_it_is_right(
    platform: str, broker: Access, topic: str
) -> None:
    await put(platform, [outgoing(n, topic=topic) for n in (1, 2)])
    sender = partial(KafkaSender, lambda: broker, configured={topic: 24})
    relay = asyncio.create_task(
        Relay(PlatformOutbox(platform, "one"), sender, longest_rest=0.1).run()
    )
    try:
        await asyncio.sleep(2)
        assert (await run(platform, LEFT))[0][0] == 2
        assert arrived(broker, topic) == []
        admin = KafkaAdminClient(**broker.configs)
        admin.create_partitions({topic: 24})
        admin.close()
        await until(platform, LEFT, 0)
    finally:
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay
    assert sorted(number for _, number in arrived(broker, topic)) == [1, 2]
    (answer,) = KafkaSender(lambda: broker, configured={topic: 12}).send_batch(
        [outgoing(3, topic=topic)]
    )
    assert isinstance(answer, Fault)
    assert answer.error.code == "TOPIC_PARTITIONS"
    assert answer.error.label.en == (
        f"the topic {topic} has 24 partitions, configured are 12: the order within a "
        "case depends on their number; nothing is sent till it is right"
    )


async def test_a_broker_frozen_and_killed_meanwhile_loses_nothing(
    platform: str, kafka_factory: Callable[[str], Broker]
) -> None:
    kafka = kafka_factory("suffering")
    bootstrap, name = kafka.start(), f"relayed.{uuid.uuid4().hex}"
    ensure_topics(bootstrap, {name: 12})
    events = cases(name, 300, 4)
    async with relaying(PlatformOutbox(platform, "one"), bootstrap, 5.0):
        await put(platform, events[:300])
        await asyncio.to_thread(kafka.freeze)
        await put(platform, events[300:600])
        await asyncio.sleep(1)
        kafka.thaw()
        await put(platform, events[600:900])
        await asyncio.to_thread(kafka.kill)
        await put(platform, events[900:])
        await asyncio.sleep(1)
        assert await asyncio.to_thread(kafka.start) == bootstrap
        await until(platform, LEFT, 0)
    found = arrived(bootstrap, name)
    assert {number for _, number in found} == {event.seq for event in events}
    assert in_order(found)
    assert await run(platform, "select 1 from parked_key") == []


# --- as processes ------------------------------------------------------------

Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def start(platform: str, broker: Access, tmp_path: Path) -> Iterator[Start]:
    given = {
        "ZHITONG_STATE": str(tmp_path),
        "ZHITONG_DATABASE_PLATFORM": platform,
        **free_users(broker, tmp_path / "users"),
    }
    started: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "zhitong.infra.cli", "relay"],
            stdout=subprocess.PIPE,
            env={**os.environ, **given},
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


async def test_two_relay_processes_share_and_one_takes_over_when_the_other_is_killed(
    platform: str, broker: Access, topic: str, start: Start
) -> None:
    first, second = start(), start()
    # Both own some, and together all.
    await until(platform, SHARED, 264)
    events = cases(topic, 400, 3)
    await put(platform, events[:600])
    first.send_signal(signal.SIGKILL)
    await put(platform, events[600:])
    await until(platform, LEFT, 0)
    assert [n for _, n in await run(platform, OWNERS)] == [64]
    found = arrived(broker, topic)
    assert {number for _, number in found} == {event.seq for event in events}
    assert in_order(found)
    second.send_signal(signal.SIGTERM)
    assert second.wait(ENDLESS) == 0
    assert await run(platform, OWNERS) == []


LOOKED = "select count(*)::int from access_finding where check_name = 'look-crowd'"
CROWDS = """tenant = "*"
[[patterns]]
check = "look-crowd"
from = 2026-01-01
at_least = 1
source = "configured rule"
"""


async def test_a_relay_process_looks_for_unusual_looks_as_well(
    platform: str, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patterns = tmp_path / "patterns.toml"
    patterns.write_text(CROWDS, encoding="utf-8")
    monkeypatch.setenv("ZHITONG_PATTERNS", str(patterns))
    await look_once(platform)
    start()
    await until(platform, LOOKED, 1)


async def look_once(url: str) -> None:
    who = Principal(kind="police", unit="U", unit_name="公安局", person="王建国")
    inquiry = Inquiry(principal=who, occasion=Occasion(), id=uuid.uuid4().hex)
    inquiry.looks.append(
        Look(
            type="CaseRecord",
            source="market",
            fields={"facts": "ALLOW"},
            rows=1,
            keys=("1",),
            protected=True,
        )
    )
    pool = await open_pool(url)
    try:
        log = PlatformAccessLog(pool, b"k" * 32, 30.0)
        await log.record(inquiry)
        await log.close()
    finally:
        await pool.close()


async def test_a_relay_started_before_database_and_tables_waits_and_says_so(
    database: str, broker: Access, topic: str, tmp_path: Path
) -> None:
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        [sys.executable, "-m", "zhitong.infra.cli", "relay"],
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "ZHITONG_STATE": str(tmp_path),
            "ZHITONG_DATABASE_PLATFORM": database,
            **free_users(broker, tmp_path / "users"),
        },
        text=True,
    )
    try:
        assert process.stderr is not None
        said = await asyncio.to_thread(process.stderr.readline)
        assert "waiting for the platform's database" in said
        await prepare(database)
        await put(database, cases(topic, 3, 1))
        await until(database, SENT, 3)
    finally:
        process.terminate()
        await asyncio.to_thread(process.communicate)
    assert process.returncode == 0


async def test_a_halted_relay_is_taken_over_and_shares_again_when_it_goes_on(
    platform: str, broker: Access, topic: str, start: Start
) -> None:
    first, _ = start(), start()
    await until(platform, SHARED, 264)
    first.send_signal(signal.SIGSTOP)
    events = cases(topic, 200, 2)
    await put(platform, events[:200])
    # Its sessions idle; the server ends them and the other takes what was theirs.
    await until(platform, LEFT, 0)
    assert [n for _, n in await run(platform, OWNERS)] == [64]
    first.send_signal(signal.SIGCONT)
    await until(platform, SHARED, 264)
    await put(platform, events[200:])
    await until(platform, LEFT, 0)
    found = arrived(broker, topic)
    assert {number for _, number in found} == {event.seq for event in events}
    assert in_order(found)


async def test_a_relays_spans_and_figures_reach_the_collector_in_the_callers_trace(
    platform: str, topic: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    parent = f"00-{trace}-b7ad6b7169203331-01"
    with collector() as (where, got):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", where)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        process = start()
        await put(platform, [outgoing(1, topic=topic, traceparent=parent)])
        await until(platform, SENT, 1)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, ENDLESS) == 0
    assert bytes.fromhex(trace) in got["/v1/traces"]
    assert f"send {topic}".encode() in got["/v1/traces"]
    for name in (b"zhitong.outbox.oldest", b"zhitong.relay.sent"):
        assert name in got["/v1/metrics"]


async def test_status_names_a_relay_and_down_ends_it(
    platform: str, start: Start, tmp_path: Path
) -> None:
    process = start()
    assert process.stdout is not None
    assert "relay-1" in await asyncio.to_thread(process.stdout.readline)
    await until(platform, SENT, 0)
    assert f"relay-1（pid {process.pid}）" in await zhitong(tmp_path, "status")
    assert "relay-1" in await zhitong(tmp_path, "down")
    assert process.wait(ENDLESS) == 0
    assert "relay-1" not in await zhitong(tmp_path, "status")


async def zhitong(state: Path, word: str) -> str:
    """Run a command on the folder *state*; give what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "zhitong.infra.cli", "--state", str(state), word),
        stdout=subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()
