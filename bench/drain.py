"""Time how a relay empties a full outbox on this machine: `make bench-drain`.

Everything real: embedded PostgreSQL and Kafka, relays as processes of their own, in a
state folder that is made for it and removed. An outbox is filled with decisions of as
many cases, each entered and corrected, for two receivers; their bytes are those of real
ones. Prints, for each round,

- events/s from the relays' first to their last, as the sent log has them;
- CPU of an event: the relays, PostgreSQL with all its processes, the broker;
- whether all of them are in the sent log once: the command exits with 1 where not.

Then what a relay costs that has nothing to send. No rate is judged. Servers, relays and
this process share the machine's cores, so CPU compares where rates do not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path

import asyncpg
from alike import PERSON, SEALED, Alike
from machine import others, running, until
from relay_cpu import spent
from way import OWNED

from zhitong.connectors.sealing import Sealing, living_keys
from zhitong.decisions import BUCKETS
from zhitong.infra.broker_start import start_broker
from zhitong.infra.embedded import clean, databases
from zhitong.infra.platform_database import PLATFORM, claim
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings

VERSIONS = (1, 2)
AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
COLUMNS = (
    *("bucket", "event_id", "receiver", "decision_id", "version", "change", "topic"),
    *("key", "schema", "payload", "traceparent"),
)


def row(what: str, found: str) -> None:
    """Print one figure."""
    print(f"{what:<44} {found}", flush=True)


class Drain:
    """An outbox on servers of its own, filled and emptied."""

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self._url = url
        config = read_receivers(tenant=settings.tenant)
        self._topics = {
            name: one.channel.place for name, one in config.on(AT.date()).items()
        }
        self._alike = Alike(settings.state, config, AT)
        self._cases = 0

    async def fill(self, count: int) -> None:
        """Put *count* events into the outbox, as relays find them after a stop."""
        state = self._settings.state
        connection = await asyncpg.connect(self._url)
        cases = range(
            self._cases,
            self._cases + count // (len(VERSIONS) * len(self._topics)),
        )
        self._cases = cases.stop
        for name, topic in self._topics.items():
            await connection.execute(
                "insert into receiver (receiver, title_zh, title_en, topic) "
                "values ($1, $1, $1, $2) on conflict do nothing",
                *(name, topic),
            )
        await connection.copy_records_to_table(
            "outbox", records=self._rows(cases), columns=COLUMNS
        )
        # Of a natural person the bytes wait sealed beside: they take the others' place.
        sealing = Sealing(secret(state / "subject.key"), secret(state / "person.key"))
        person = sealing.person(PERSON)
        ((key_id, _),) = (await living_keys(connection, sealing, [person])).values()
        await connection.execute(
            "insert into sealed_payload (event_id, receiver, key_id, sealed) "
            "select event_id, receiver, $1, payload from outbox where seq % $2 = 0",
            *(key_id, SEALED),
        )
        await connection.execute("vacuum analyze outbox, sealed_payload")
        await connection.close()

    def _rows(self, cases: range) -> Iterator[tuple[object, ...]]:
        """Give every version's events of *cases*, first versions first."""
        for version, number, name in product(VERSIONS, cases, self._topics):
            made = self._alike.made(number, version, name)
            event = made.event
            yield (
                *(made.bucket, str(event.event_id), name, made.decision_id, version),
                *(made.change.value, event.topic, made.key, event.schema),
                *(event.payload, ""),
            )

    async def emptied(self, relays: int) -> bool:
        """Start *relays*, print what they took; say whether each is there once."""
        connection = await asyncpg.connect(self._url)
        last = await connection.fetchval("select max(seq) from outbox")
        first = await connection.fetchval("select min(seq) from outbox")
        left = "select count(*) from outbox_sent where seq between $1 and $2"
        began = time.time()
        with ExitStack() as stack:
            for _ in range(relays):
                stack.enter_context(running(self._settings.state, "relay"))
            # Python's own start is the same for a hundred events and a million.
            begun = partial(connection.fetchval, left, first, last)
            await until(begun, "the first to leave")
            before, moved = spent(self._settings), await begun()
            empty = "select not exists (select from outbox)"
            await until(lambda: connection.fetchval(empty), "an empty outbox")
            after = spent(self._settings)
        count, seconds, whole = await connection.fetchrow(  # type: ignore[misc]
            "select count(distinct (event_id, receiver)), "
            "extract(epoch from max(sent_at) - min(sent_at))::float8, "
            "extract(epoch from max(sent_at))::float8 - $3::float8 "
            "from outbox_sent where seq between $1 and $2",
            *(first, last, began),
        )
        right = count == await begun() == last - first + 1
        await connection.close()
        title = f"{relays} relay(s), {count:,} events"
        row(title, f"{count / seconds:,.0f}/s; {whole:.1f} s with the relay's start")
        row("  µs of CPU an event", after.since(before, count - moved))
        return bool(right)

    async def idle(self, seconds: float) -> None:
        """Print what a relay spends that has nothing to send."""
        connection = await asyncpg.connect(self._url)
        with running(self._settings.state, "relay"):
            await until(lambda: connection.fetchval(OWNED, BUCKETS), "the buckets")
            # What it does at its start is not what it does all day.
            await asyncio.sleep(15)
            before = spent(self._settings)
            await asyncio.sleep(seconds)
            after = spent(self._settings)
        await connection.close()
        row("nothing to send: ms of CPU a second", after.since(before, seconds * 1e3))


async def measure(settings: Settings, url: str, given: argparse.Namespace) -> bool:
    """Print all figures; say whether everything was sent once."""
    drain, right = Drain(settings, url), True
    for _ in range(given.rounds):
        await drain.fill(given.events)
        right &= await drain.emptied(given.relays)
    if given.idle:
        await drain.idle(given.idle)
    return right


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--relays", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--idle", type=float, default=10.0)
    given = parser.parse_args()
    state = (Path(".zhitong/bench") / f"drain-{os.getpid()}").resolve()
    settings = Settings(state=state, bindings=state / "bindings")
    row("the machine before", others())
    try:
        found: Mapping[str, str] = databases([PLATFORM], os.environ, state)
        url = claim(settings, found[PLATFORM])
        start_broker(settings)
        right = asyncio.run(measure(settings, url, given))
    finally:
        clean(state)
    row("the machine after", others())
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
