"""How long a reconciliation of many events takes, and what one deleted row costs.

    python bench/reconcile.py [N]

Loads N events (200,000) into an empty platform's database and onto a topic of their
own, all sent and answered; reconciles all of it, then hourly: with nothing new, with a
row of the sent log deleted, with records deleted from the topic. Prints seconds, CPU of
this process, its memory, and what was found.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path

import asyncpg
from kafka import KafkaProducer, TopicPartition

from zhitong.connectors.migrations import migrate
from zhitong.connectors.reconciliation import Reconciliations
from zhitong.infra.broker import Broker, choose
from zhitong.infra.embedded import Cluster, clean
from zhitong.infra.reconciler import Reconciler, Report, Terms
from zhitong.infra.settings import from_environment
from zhitong.streams.kafka_client import Access
from zhitong.streams.topic_reading import TopicReading
from zhitong.streams.topics import administering, ensure_topics

ROOT = Path(__file__).parents[1]
RECEIVER = "credit"
PARTITIONS = 12
LOAD = (
    "select outbox_sent_month(now()::date)",
    """create temporary table given as select n, gen_random_uuid()::text as event_id,
    gen_random_uuid()::text as decision_id from generate_series(0, $1::int - 1) n""",
    "insert into receiver values ('credit', '信用', 'credit', $1, null, null)",
    "alter table decision_version drop constraint decision_version_decision_id_fkey",
    """insert into decision_version
    select decision_id, 1, 'RECORDED', '', '', '', '', '', '', now() from given""",
    """insert into outbox_sent (seq, bucket, event_id, receiver, decision_id, version,
    change, topic, key, schema, payload, payload_hash, traceparent, created_at,
    attempts, kpartition, koffset, sent_at)
    select n, 0, event_id, 'credit', decision_id, 1, 'RECORDED', $1, '0', 's', v.value,
    sha256(v.value), '', now() - interval '1 hour', 0, n % 12, n / 12,
    greatest(now() - interval '1 hour', date_trunc('month', now()))
    from given cross join lateral (select convert_to(format(
    '{"id":"%s","subject":"%s","decisionversion":1,"filler":"%s"}',
    event_id, decision_id, repeat('x', 700)), 'UTF8') as value) v""",
    """insert into access_entry (record_id, at, kind, unit, person, party, purpose,
    cause, protected, subjects, body, leaf)
    select event_id || '/credit', created_at, 'credit', '', '', '', '', '', false, '{}',
    convert_to(format('{"answer":{"digest":"%s"}}', encode(payload_hash, 'hex')),
    'UTF8'), sha256('') from outbox_sent""",
    """insert into receipt (event_id, receiver, answer, at, payload_hash, reasons,
    key_id, signed) select event_id, receiver, 'HELD', now(),
    encode(payload_hash, 'hex'), '{}', '', '' from outbox_sent""",
    "analyze",
)


async def main() -> None:
    """Load, reconcile, spoil, reconcile."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    state = Path(tempfile.mkdtemp(prefix="zhitong-reconcile-"))
    settings = from_environment(
        {
            "ZHITONG_CACHE": str(ROOT / ".zhitong" / "cache"),
            **os.environ,
            "ZHITONG_STATE": str(state),
        }
    )
    cluster = Cluster(state, ["platform"])
    broker = Broker(state, choose(settings))
    try:
        url = cluster.start()["platform"]
        access = await asyncio.to_thread(broker.start)
        topic = f"reconciled.{uuid.uuid4().hex[:8]}"
        await asyncio.to_thread(ensure_topics, access, {topic: PARTITIONS})
        await migrate(url, ROOT / "infra" / "migrations", "anze")
        connection = await asyncpg.connect(url)
        for each in LOAD:
            values = [many] if "::int" in each else [topic] if "$1" in each else []
            await connection.execute(each, *values)
        await fill(connection, access, topic)
        await measured(url, access, topic, "全部 everything", whole=True)
        await measured(url, access, topic, "没有新的 nothing new")
        gone = await connection.fetchval(
            "delete from outbox_sent where seq = $1 returning event_id", many // 2
        )
        report = await measured(url, access, topic, "删一行 a row deleted")
        print("  ", [f"{each.kind} {each.event_id == gone}" for each in report.open])
        await asyncio.to_thread(cut, access, topic)
        report = await measured(url, access, topic, "删一条 a record deleted")
        print("  ", [f"{each.kind} {each.offset}" for each in report.open])
        await connection.close()
    finally:
        broker.stop()
        cluster.stop()
        clean(state)


async def fill(
    connection: asyncpg.Connection[asyncpg.Record], access: Access, topic: str
) -> None:
    """Put on the topic what the sent log says lies there."""
    producer = KafkaProducer(**access.configs, acks=1, batch_size=262_144, linger_ms=20)
    async with connection.transaction():
        async for row in connection.cursor(
            "select kpartition, payload from outbox_sent order by seq", prefetch=5_000
        ):
            producer.send(topic, row["payload"], partition=row["kpartition"])
    await asyncio.to_thread(producer.flush)
    producer.close()


async def measured(
    url: str, access: Access, topic: str, what: str, *, whole: bool = False
) -> Report:
    """Reconcile, and print what it took."""
    book, reading = Reconciliations(url), TopicReading(lambda: access)
    terms = Terms(
        topics={RECEIVER: topic},
        retention=timedelta(days=90),
        answered_within=timedelta(minutes=1),
    )
    began, spent = time.monotonic(), time.process_time()
    try:
        report = await Reconciler(book, reading, terms).run(whole=whole)
    finally:
        reading.close()
        await book.close()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{what}: {time.monotonic() - began:.1f} s, CPU "
        f"{time.process_time() - spent:.1f} s, 内存至多 memory at most {most} MB, "
        f"记录 records {report.records:,}, 不符 differences {len(report.open)}",
        flush=True,
    )
    return report


def cut(access: Access, topic: str) -> None:
    """Delete the first record of a partition."""
    with administering(access) as admin:
        admin.delete_records({TopicPartition(topic, 5): 1})


if __name__ == "__main__":
    asyncio.run(main())
