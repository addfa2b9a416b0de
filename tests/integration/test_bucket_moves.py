"""Buckets change hands under load: nothing lost, nothing disordered, little doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from broker_users import free_users
from ledger_rows import ENDLESS, prepare, put, run, until
from outgoing import TOPICS, outgoing
from topic_reader import read

from zhitong.connectors.outbox import PlatformOutbox, desired
from zhitong.decisions import Ack, Outgoing
from zhitong.streams.kafka_client import Access
from zhitong.streams.memory_broker import MemoryBroker, MemoryProducer
from zhitong.streams.producer import Fault
from zhitong.streams.relay import BATCH, Relay
from zhitong.streams.topics import ensure_topics

pytestmark = pytest.mark.integration
LEFT = "select count(*)::int from outbox"
OWNERS = """select l.pid, count(*)::int as n from pg_locks l
    where locktype = 'advisory' and classid = 7001
    and database = (select oid from pg_database where datname = current_database())
    group by l.pid"""
SHARED = "select count(*) * 100 + sum(n) from (" + OWNERS + ") o"  # noqa: S608 - ours
RELAYS = "select count(*)::int from relay"


@pytest.fixture
async def platform(database: str) -> AsyncIterator[str]:
    await prepare(database)
    Held.go = threading.Event()
    yield database
    # A thread that waits for it would outlive a test that failed.
    Held.go.set()


class Held(MemoryProducer):
    """Its broker answers when it is let go."""

    go = threading.Event()

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault]:
        self.go.wait(ENDLESS)
        return super().send_batch(events)


@asynccontextmanager
async def relaying(
    url: str, name: str, broker: MemoryBroker, kind: type[MemoryProducer]
) -> AsyncIterator[None]:
    relay = Relay(PlatformOutbox(url, name), lambda: kind(broker), longest_rest=0.01)
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_is_under_way_is_not_sent_by_who_takes_its_bucket(
    platform: str,
) -> None:
    events = [outgoing(seq) for seq in range(1, 201)]
    moving = desired("second", {"first", "second"})
    there = MemoryBroker(dict.fromkeys(TOPICS.values(), 12))
    await put(platform, events)
    async with relaying(platform, "first", there, Held):
        await until(platform, SHARED, 164)
        async with relaying(platform, "second", there, MemoryProducer):
            await until(platform, RELAYS, 2)
            # Of a bucket that is under way nothing leaves by the other, later ones too.
            later = [outgoing(seq) for seq in range(201, 301)]
            await put(platform, later)
            await asyncio.sleep(1)
            sent = [int(m.value) for m in there.messages.get(TOPICS["provincial"], ())]
            assert not set(sent) & {event.seq for event in events}
            Held.go.set()
            await until(platform, LEFT, 0)
            owned = sorted(n for _, n in await run(platform, OWNERS))
    assert owned == sorted([len(moving), 64 - len(moving)])
    arrived = Counter(int(m.value) for m in there.messages[TOPICS["provincial"]])
    assert arrived == Counter(range(1, 301))


# --- as processes ------------------------------------------------------------

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(platform: str, broker: Access, tmp_path: Path) -> Iterator[Start]:
    given = {
        "ZHITONG_STATE": str(tmp_path),
        "ZHITONG_DATABASE_PLATFORM": platform,
        **free_users(broker, tmp_path / "users"),
    }
    started: list[subprocess.Popen[bytes]] = []

    def begin() -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "zhitong.infra.cli", "relay"]
        started.append(
            subprocess.Popen(  # noqa: S603 - our own program
                words, stdout=subprocess.DEVNULL, env={**os.environ, **given}
            )
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


async def test_relays_come_go_and_are_killed_under_load_and_all_stays_in_order(
    platform: str, broker: Access, start: Start
) -> None:
    topic = f"moved.{uuid.uuid4().hex}"
    ensure_topics(broker, {topic: 12})
    cases = 150
    load = asyncio.Event()
    written: list[int] = []

    async def write() -> None:
        """Record a version of each case, again and again, until the load ends."""
        seq = 0
        while not load.is_set():
            events = [
                outgoing(seq + n + 1, f"case {n}", topic=topic) for n in range(cases)
            ]
            seq += cases
            await put(platform, events)
            written.extend(event.seq for event in events)
            await asyncio.sleep(0.05)

    first, second = start(), start()
    await until(platform, SHARED, 264)
    writing = asyncio.create_task(write())
    start()
    await until(platform, SHARED, 364)
    first.send_signal(signal.SIGKILL)
    await until(platform, SHARED, 264)
    second.send_signal(signal.SIGTERM)
    await until(platform, SHARED, 164)
    assert await asyncio.to_thread(second.wait, ENDLESS) == 0
    load.set()
    await writing
    await until(platform, LEFT, 0)

    seen: dict[str, list[int]] = {}
    counted: Counter[int] = Counter()
    for _, _, key, value, _ in read(broker, topic):
        counted[int(value)] += 1
        if counted[int(value)] == 1:
            seen.setdefault(key.decode(), []).append(int(value))
    assert counted.keys() == set(written)
    assert all(numbers == sorted(numbers) for numbers in seen.values())
    # Only what the killed one had under way can have come twice.
    assert counted.total() - len(counted) <= BATCH
