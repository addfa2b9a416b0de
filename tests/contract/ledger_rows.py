"""Rows of the platform's database that tests of the streams put there by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from outgoing import TOPICS

from zhitong.connectors.migrations import migrate
from zhitong.connectors.outbox import PlatformOutbox
from zhitong.decisions import Ack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zhitong.decisions import Outgoing

ENDLESS = 240
"""Seconds nothing here takes; a fault would wait for ever."""
MIGRATIONS = Path(__file__).parents[2] / "infra" / "migrations"


async def prepare(url: str, tenant: str = "anze") -> None:
    """Make the platform's tables and both receivers."""
    await migrate(url, MIGRATIONS, tenant)
    await run(
        url,
        "insert into receiver (receiver, title_zh, title_en, topic)"
        " select unnest($1::text[]), '接收方', 'A receiver', unnest($2::text[])",
        list(TOPICS),
        list(TOPICS.values()),
    )


async def run(url: str, statement: str, *values: object) -> list[asyncpg.Record]:
    """Do one statement on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


PUT = """insert into outbox (seq, bucket, event_id, receiver, decision_id,
    version, change, topic, key, schema, payload, traceparent)
overriding system value
values ($1, $2, $3, $4, $3, 1, 'RECORDED', $5, $6, 'test/1', $7, $8)"""


async def until(url: str, statement: str, wanted: int) -> None:
    """Wait until the one number *statement* gives is *wanted*."""
    async with asyncio.timeout(ENDLESS):
        while (await run(url, statement))[0][0] != wanted:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.02)


async def put(url: str, events: Sequence[Outgoing]) -> None:
    """Let *events* wait, under their own numbers."""
    connection = await asyncpg.connect(url)
    try:
        await connection.executemany(PUT, [_row(event) for event in events])
    finally:
        await connection.close()


async def left(url: str) -> None:
    """Have all that waits leave, as a relay does."""
    outbox = PlatformOutbox(url, "one")
    try:
        await outbox.own()
        waiting = await outbox.waiting(100)
        await outbox.sent([Ack(seq=one.seq, partition=0, offset=0) for one in waiting])
    finally:
        await outbox.close()
    assert await run(url, "select from outbox") == []


def _row(event: Outgoing) -> tuple[object, ...]:
    return (
        event.seq,
        event.bucket,
        str(event.event_id),
        event.receiver,
        event.topic,
        event.key,
        event.payload,
        event.traceparent,
    )
