"""A decision's way from the ledger to a consumer, timed piece by piece."""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from kafka import KafkaConsumer, TopicPartition
from machine import quantiles, running, until, zhitong
from relay_cpu import spent

from zhitong.connectors.ledger import PlatformLedger, open_ledger_pool
from zhitong.connectors.sealing import Sealing
from zhitong.decisions import (
    BUCKETS,
    Act,
    Change,
    Decision,
    Entry,
    Party,
    Penalty,
    Review,
)
from zhitong.infra.broker_access import administrator
from zhitong.infra.deciding import receivers_copies
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receiver_keys import public_keys
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.resolvers.read import Reader
from zhitong.schema.entities import ENTITIES
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.kafka_client import Access, connect

CALLERS = 16
UNIT = DEMO_PRINCIPALS["department"]
OWNED = (
    "select count(*) = $1 from pg_locks where locktype = 'advisory' and classid = 7001"
)
"""Whether relays have so many buckets."""
Case = dict[str, Any]


class Way:
    """The parts of the platform, as the gateway has them."""

    def __init__(self, settings: Settings, url: str, seconds: int) -> None:
        self.settings = settings
        self.url = url
        self.seconds = seconds
        config = receivers_of(settings)
        self._topics = sorted({one.channel.place for one in config.receivers})
        keys = public_keys(settings.state, config.keyed)
        self._envelopes = ReceiverEnvelopes(config, keys)
        reader = Reader(dict, read_policy(settings.policy, ENTITIES))
        self._copies = receivers_copies(reader, self._envelopes, dict)
        self._numbers = itertools.count(1)

    def decision(self, case: Case, number: int) -> Decision:
        """Make the penalty number *number*, as a department's own system has it."""
        today = datetime.now(SHANGHAI).date()
        return Decision(
            local_id=f"bench-{number}",
            act=Act.PENALTY,
            subject_code=case["subjectCode"],
            subject_name=case["subjectName"],
            case_source="emergency",
            case_no=f"{case['caseNo']}/{number // 2}",
            matter_code=case["matterCode"],
            document_no=f"安应急罚〔2026〕{number:07d}号",
            decided_on=today,
            division=case["division"],
            title=case["title"],
            facts=case["facts"],
            basis=case["legalBasis"],
            content="罚款人民币20000元",
            party=Party(
                kind="LEGAL_PERSON",
                name=case["counterpartyName"],
                code=case["counterpartyCode"],
                representative="张三",
            ),
            officers=tuple(one["certificateNo"] for one in case["officers"]),
            review=Review(reference=f"审{number}", on=today, opinion="AGREE"),
            penalty=Penalty(
                kinds=("FINE",),
                violation_type=case["title"],
                fine=2_000_000,
                procedure="ORDINARY",
            ),
        )

    async def entry(self, case: Case) -> Entry:
        """Make the next first version."""
        number = next(self._numbers)
        return await self.version(self.decision(case, number), 1, Change.RECORDED)

    async def version(
        self, decision: Decision, version: int, change: Change, why: str = ""
    ) -> Entry:
        """Make an entry as the resolvers do, its events in their final bytes."""
        entry = Entry(
            decision=decision,
            version=version,
            change=change,
            reason=why,
            basis="本局复查意见" if why else "",
            at=datetime.now(UTC),
            unit=UNIT.unit,
            unit_name=UNIT.unit_name,
            person="bench",
        )
        copies = await self._copies.of(entry, self._envelopes.receivers(decision.act))
        return msgspec.structs.replace(
            entry,
            events=self._envelopes.events(copies, follows_history=False),
            looks=tuple(one.look for one in copies),
        )

    async def ledger(self) -> tuple[PlatformLedger, asyncpg.Pool[asyncpg.Record]]:
        """Open the ledger with the state folder's keys."""
        state = self.settings.state
        pool = await open_ledger_pool(self.url, 30, CALLERS)
        keys = Sealing(secret(state / "subject.key"), secret(state / "person.key"))
        return PlatformLedger(pool, keys, 30, self.settings.tenant), pool

    async def alone(self, cases: Sequence[Case], count: int) -> float:
        """Give decisions/s of the ledger alone."""
        entries = [
            await self.entry(case)
            for case in itertools.islice(itertools.cycle(cases), count)
        ]
        ledger, pool = await self.ledger()
        rest = iter(entries)

        async def call() -> None:
            for entry in rest:
                await ledger.commit(entry)

        began = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(CALLERS)))
        took = time.perf_counter() - began
        pool.terminate()
        return count / took

    async def drained(self) -> tuple[int, float, str]:
        """Start a relay; give how many events it moved, per second, the CPU of one."""
        connection = await asyncpg.connect(self.url)
        count = await connection.fetchval("select count(*) from outbox")
        with running(self.settings.state, "relay"):
            # Python's own start is no part of a rate.
            begun = "select count(*) < $1 from outbox"
            if count:
                await until(
                    lambda: connection.fetchval(begun, count), "the relay's first event"
                )
            moved = count - await connection.fetchval("select count(*) from outbox")
            before, began = spent(self.settings), time.perf_counter()
            empty = "select not exists (select from outbox)"
            await until(lambda: connection.fetchval(empty), "an empty outbox")
            took = time.perf_counter() - began
            each = spent(self.settings).since(before, max(1, count - moved))
        await connection.close()
        return count, (count - moved) / took, each

    async def bloat(self) -> str:
        """Say what the empty outbox still takes on disk, once it was vacuumed."""
        connection = await asyncpg.connect(self.url)
        found = await connection.fetchrow(
            "select pg_relation_size('outbox') / 1048576.0 as heap, "
            "pg_indexes_size('outbox') / 1048576.0 as indexes, "
            "(select n_tup_del from pg_stat_user_tables where relname = 'outbox')"
        )
        await connection.close()
        heap, indexes, moved = found or (0, 0, 0)
        return f"{heap:.0f} MB, indexes {indexes:.0f} MB, after {moved:,} events"

    async def takeover(self) -> float:
        """Kill one of two relays; give the seconds until the other has its buckets."""
        connection = await asyncpg.connect(self.url)
        relays = [
            subprocess.Popen(  # noqa: ASYNC220, S603 - our own program, at once there
                zhitong(self.settings.state, "relay"), stdout=subprocess.DEVNULL
            )
            for _ in range(2)
        ]

        async def owners() -> list[int]:
            rows = await connection.fetch(
                "select count(*) from pg_locks where locktype = 'advisory' and "
                "classid = 7001 group by pid"
            )
            return [row[0] for row in rows]

        async def both() -> bool:
            return len(await owners()) == len(relays)

        async def one() -> bool:
            return await owners() == [BUCKETS]

        try:
            await until(both, "two relays that share")
            relays[0].kill()
            began = time.perf_counter()
            await until(one, "the other to take over")
            return time.perf_counter() - began
        finally:
            for relay in relays:
                relay.kill()
                relay.wait()
            await connection.close()

    async def steady(self, cases: Sequence[Case], rate: int) -> Mapping[str, object]:
        """Commit *rate* decisions/s, whatever they take; time events to a consumer."""
        entries = [
            await self.entry(case)
            for case in itertools.islice(itertools.cycle(cases), rate * self.seconds)
        ]
        ledger, pool = await self.ledger()
        expected = sum(len(entry.events) for entry in entries)
        here, there = multiprocessing.get_context("spawn").Pipe()
        reader = multiprocessing.get_context("spawn").Process(
            target=_read,
            args=(administrator(self.settings), self._topics, expected, there),
            daemon=True,
        )
        reader.start()
        await asyncio.to_thread(here.recv)
        taken: list[float] = []
        with running(self.settings.state, "relay"):
            # First connections are not what is measured.
            await asyncio.gather(*(ledger.held(UUID(int=0)) for _ in range(CALLERS)))
            await until(lambda: pool.fetchval(OWNED, BUCKETS), "the relay's buckets")
            await asyncio.sleep(3)
            began = time.perf_counter()

            async def commit(entry: Entry, due: float) -> None:
                await ledger.commit(entry)
                taken.append(time.perf_counter() - due)

            async with asyncio.TaskGroup() as group:
                for number, entry in enumerate(entries):
                    due = began + number / rate
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                    group.create_task(commit(entry, due))
            arrived: dict[str, float] = await asyncio.to_thread(here.recv)
        rows = await pool.fetch(
            "select event_id || topic as name, extract(epoch from created_at)::float8 "
            "as at from (select event_id, topic, created_at from outbox_sent union all "
            "select event_id, topic, created_at from outbox) all_of_them"
        )
        written = {row["name"]: row["at"] for row in rows}
        pool.terminate()
        reader.join(30)
        visible = [at - written[name] for name, at in arrived.items()]
        return {
            "a consumer has the event, since it was written": quantiles(visible),
            "the ledger has the decision, since it was due": quantiles(taken),
            "events that did not arrive": expected - len(visible),
        }


def _read(
    access: Access, topics: Sequence[str], expected: int, out: Connection
) -> None:
    """Read both topics from their ends; send when each event was here."""
    consumer = connect(KafkaConsumer, access, auto_offset_reset="latest")
    parts = [
        TopicPartition(topic, number)
        for topic in topics
        for number in consumer.partitions_for_topic(topic) or ()
    ]
    consumer.assign(parts)
    consumer.seek_to_end(*parts)
    for part in parts:
        consumer.position(part)
    out.send(len(parts))
    arrived: dict[str, float] = {}
    deadline = time.monotonic() + 300
    while len(arrived) < expected and time.monotonic() < deadline:
        for part, records in consumer.poll(timeout_ms=500).items():
            now = time.time()
            for record in records:
                arrived.setdefault(json.loads(record.value)["id"] + part.topic, now)
    out.send(arrived)
    consumer.close(autocommit=False)
