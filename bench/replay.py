"""Time a replay on this machine: `make bench-replay`.

Everything real: embedded PostgreSQL and Kafka, and ``zhitong replay`` as a process of
its own, in a state folder that is made for it and removed. A sent log is filled with
events of a day, the bytes those of real ones, a tenth sealed under a person's key.
Prints

- how many events a second left, from the command's start to its end, and between its
  two deeds, which leaves out Python's own start and the root over the selection;
- whether the topic has each of them once, its id and the hash of its bytes those of the
  sent log: the command exits with 1 where it has not.

The rate is not judged. Servers, command and this process share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import orjson
from alike import PERSON, SEALED, Alike
from kafka import KafkaConsumer, TopicPartition
from machine import others, zhitong

from zhitong.connectors.ledger_entry import sent_place
from zhitong.connectors.sealing import Sealing, living_keys, seal_bytes
from zhitong.infra.broker_access import administrator
from zhitong.infra.broker_start import start_broker
from zhitong.infra.embedded import clean, databases
from zhitong.infra.platform_database import PLATFORM, claim
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.streams import names
from zhitong.streams.kafka_client import connect

RECEIVER = "credit"
VERSIONS = 3
COLUMNS = (
    *("seq", "bucket", "event_id", "receiver", "decision_id", "version", "change"),
    *("topic", "key", "schema", "payload", "traceparent", "created_at", "attempts"),
    *("sent_at", "kpartition", "koffset", "key_id", "payload_hash"),
)


def row(what: str, found: str) -> None:
    """Print one figure."""
    print(f"{what:<52} {found}", flush=True)


class Filled:
    """A sent log of *count* events, filled."""

    def __init__(self, settings: Settings, count: int) -> None:
        self._count = count
        self.until = datetime.now(UTC)
        config = read_receivers(tenant=settings.tenant)
        state = settings.state
        self._alike = Alike(state, config, self.until)
        self._sealing = Sealing(
            secret(state / "subject.key"), secret(state / "person.key")
        )
        self._topic = config.on(date.today())[RECEIVER].channel.place  # noqa: DTZ011 - a day's rules

    async def fill(self, url: str) -> None:
        """Make the receiver, a person's key and the rows."""
        connection = await asyncpg.connect(url)
        await connection.execute("select outbox_sent_month($1)", self.until.date())
        await connection.execute(
            "select outbox_sent_month($1)", (self.until - timedelta(days=1)).date()
        )
        await connection.execute(
            "insert into receiver (receiver, title_zh, title_en, topic) "
            "values ($1, $1, $1, $2) on conflict do nothing",
            RECEIVER,
            self._topic,
        )
        person = self._sealing.person(PERSON)
        keys = await living_keys(connection, self._sealing, [person])
        await connection.copy_records_to_table(
            "outbox_sent", records=self._rows(*keys[person]), columns=COLUMNS
        )
        await connection.execute("analyze outbox_sent")
        await connection.close()

    def _rows(self, key_id: object, key: bytes) -> Iterator[tuple[object, ...]]:
        step = timedelta(days=1) / self._count
        for number in range(self._count):
            case, version = divmod(number, VERSIONS)
            made = self._alike.made(case, version + 1, RECEIVER)
            payload, event = made.event.payload, str(made.event.event_id)
            sealed = number % SEALED == 0
            kept = (
                seal_bytes(key, payload, sent_place(event, RECEIVER))
                if sealed
                else payload
            )
            at = self.until - timedelta(days=1) + step * number
            yield (
                *(number + 1, made.bucket, event, RECEIVER, made.decision_id),
                *(version + 1, made.change.value, self._topic, made.key, ""),
                *(kept, "", at, 0, at, 0, number, key_id if sealed else None),
                hashlib.sha256(payload).digest(),
            )


def arrived(settings: Settings, topic: str) -> list[tuple[str, bytes, int]]:
    """Read all of *topic*: id, hash of the bytes, and their number."""
    consumer = connect(
        KafkaConsumer, administrator(settings), auto_offset_reset="earliest"
    )
    parts = [TopicPartition(topic, n) for n in range(12)]
    consumer.assign(parts)
    ends = consumer.end_offsets(parts)
    found = []
    while any((consumer.position(p) or 0) < end for p, end in ends.items()):
        for records in consumer.poll(timeout_ms=500).values():
            found += [
                (
                    orjson.loads(each.value)["id"],
                    hashlib.sha256(each.value).digest(),
                    len(each.value),
                )
                for each in records
            ]
    consumer.close(autocommit=False)
    return found


async def between(url: str) -> float:
    """Give the seconds between the two deeds of a replay: what it read and sent."""
    connection = await asyncpg.connect(url)
    took = await connection.fetchval(
        "select extract(epoch from ended_at - begun_at)::float8 from replay"
    )
    await connection.close()
    return float(took)


async def logged(url: str) -> list[tuple[str, bytes]]:
    """Give id and hash of all that the sent log has."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("select event_id, payload_hash from outbox_sent")
    await connection.close()
    return [(row["event_id"], row["payload_hash"]) for row in rows]


def measure(settings: Settings, count: int) -> bool:
    """Print the figures; say whether the topic has what it should."""
    found = databases([PLATFORM], os.environ, settings.state)
    url = claim(settings, found[PLATFORM])
    start_broker(settings)
    began = time.perf_counter()
    filled = Filled(settings, count)
    asyncio.run(filled.fill(url))
    row(
        f"{count:,} events of a day in the sent log",
        f"{time.perf_counter() - began:.1f} s",
    )
    since = filled.until - timedelta(days=1, seconds=1)
    words = (
        *("replay", "--receiver", RECEIVER, "--since", since.isoformat()),
        *("--until", filled.until.isoformat(), "--because", "bench"),
    )
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(zhitong(settings.state, *words), check=True)  # noqa: S603 - ours
    took, after = (
        time.perf_counter() - began,
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    row("zhitong replay, from its start to its end", f"{took:.1f} s")
    row(
        "CPU of the command alone", f"{spent:.1f} s, {spent / count * 1e6:.0f} µs/event"
    )
    row("replayed", f"{count / took:,.0f} events/s")
    sent = asyncio.run(between(url))
    row("  of it, from its first event to its last", f"{count / sent:,.0f} events/s")
    topic = names.replay(settings.tenant, RECEIVER)
    there = arrived(settings, topic)
    row(
        "an event on the topic, on average",
        f"{sum(n for *_, n in there) // len(there):,} bytes",
    )
    same = sorted((e, h) for e, h, _ in there) == sorted(asyncio.run(logged(url)))
    row("each once, ids and hashes of its bytes as sent", str(same))
    return same


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    given = parser.parse_args()
    state = (Path(".zhitong/bench") / f"replay-{os.getpid()}").resolve()
    settings = Settings(state=state, bindings=state / "bindings")
    row("the machine before", others())
    try:
        same = measure(settings, given.events)
    finally:
        clean(state)
    row("the machine after", others())
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
