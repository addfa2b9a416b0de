"""Decisions and entries for tests of the ledger, and a ledger to commit them to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec

from zhitong.connectors.ledger import PlatformLedger, open_ledger_pool
from zhitong.connectors.migrations import migrate
from zhitong.connectors.sealing import Sealing
from zhitong.decisions import (
    Act,
    Change,
    Decision,
    Entry,
    Event,
    Party,
    Penalty,
    Review,
    event_id,
)

MIGRATIONS = Path("infra/migrations")
AT = datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC)
UNIT = "11619900MB0004001B"
SEALING = Sealing(b"digests", b"master")
TOPICS = {
    "provincial": "zhitong.anze.provincial.v1",
    "credit": "zhitong.anze.credit.v1",
}


def decision(**changes: object) -> Decision:
    return msgspec.structs.replace(
        Decision(
            local_id="A-1",
            act=Act.PENALTY,
            subject_code=UNIT,
            subject_name="安泽市应急管理局",
            case_source="emergency",
            case_no="AZYJ-2026-00001",
            matter_code="1",
            document_no="（安）应急罚〔2026〕1号",
            document_title="行政处罚决定书",
            decided_on=date(2026, 11, 20),
            facts="安全出口上锁。",
            basis="安全生产法",
            content="罚款人民币20000元",
            party=Party(
                kind="LEGAL_PERSON",
                name="安泽市某某化工有限公司",
                code="91110000600037341L",
                representative="张三",
            ),
            officers=("1900101", "1900102"),
            review=Review(reference="FS-1", on=date(2026, 11, 19), opinion="AGREE"),
            collective=True,
            penalty=Penalty(
                kinds=("FINE",), fine=2_000_000, procedure="ORDINARY", confiscated=0
            ),
        ),
        **changes,
    )


def of_person(number: str = "11010519491231002X", **changes: object) -> Decision:
    party = Party(
        kind="NATURAL_PERSON", name="李四", id_kind="RESIDENT_ID", id_number=number
    )
    return decision(party=party, **changes)


def entry(
    said: Decision, version: int = 1, change: Change = Change.RECORDED, **more: object
) -> Entry:
    events = tuple(
        Event(
            event_id=event_id(said.id, version, change),
            receiver=receiver,
            topic=topic,
            schema=f"{receiver}/1",
            payload=f"{receiver} {version}".encode(),
        )
        for receiver, topic in TOPICS.items()
    )
    return msgspec.structs.replace(
        Entry(
            decision=said,
            version=version,
            change=change,
            at=AT + timedelta(hours=version),
            unit=UNIT,
            person="王五",
            basis="安全生产法第一百零五条",
            events=events,
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        **more,
    )


async def prepare(database: str) -> None:
    """Give *database* the platform's tables and the two receivers."""
    await migrate(database, MIGRATIONS, "anze")
    connection = await asyncpg.connect(database)
    for name, topic in TOPICS.items():
        await connection.execute(
            "insert into receiver (receiver, title_zh, title_en, topic) "
            "values ($1, $1, $1, $2) on conflict do nothing",
            name,
            topic,
        )
    await connection.close()


@asynccontextmanager
async def ledger_over(
    database: str, seconds: float = 30, size: int = 16
) -> AsyncIterator[tuple[PlatformLedger, asyncpg.Pool[asyncpg.Record]]]:
    """Give a ledger and its connections; *seconds* is its patience."""
    pool = await open_ledger_pool(database, seconds, size)
    try:
        yield PlatformLedger(pool, SEALING, seconds), pool
    finally:
        pool.terminate()
