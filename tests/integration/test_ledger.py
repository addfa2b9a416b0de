"""The ledger: one transaction per entry, the same once more, and what it refuses."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from zhitong.connectors.ledger import PlatformLedger, open_ledger_pool
from zhitong.connectors.migrations import migrate
from zhitong.connectors.sealing import Sealing, erase
from zhitong.decisions import (
    Act,
    Change,
    Committed,
    Decision,
    Entry,
    Event,
    Finding,
    Party,
    Penalty,
    Review,
    Severity,
    bucket,
    case_hash,
    event_id,
    partition_key,
)
from zhitong.exceptions import (
    DecisionConflictError,
    DecisionDuplicateError,
    DecisionFormatError,
    DecisionStaleError,
    DecisionUnknownError,
    LedgerUnavailableError,
    SettingsError,
)
from zhitong.infra.embedded import Cluster
from zhitong.types import Label

pytestmark = pytest.mark.integration

MIGRATIONS = Path("infra/migrations")
AT = datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC)
UNIT = "11619900MB0004001B"
SEALING = Sealing(b"digests", b"master")
TOPICS = {"provincial": "zhitong.provincial.v1", "credit": "zhitong.credit.v1"}

Sql = Callable[..., Awaitable[list[asyncpg.Record]]]


@pytest.fixture
async def platform(database: str) -> str:
    await migrate(database, MIGRATIONS)
    connection = await asyncpg.connect(database)
    for name, topic in TOPICS.items():
        await connection.execute(
            "insert into receiver (receiver, title_zh, title_en, topic) "
            "values ($1, $1, $1, $2) on conflict do nothing",
            name,
            topic,
        )
    await connection.close()
    return database


@pytest.fixture
async def pool(platform: str) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    pool = await open_ledger_pool(platform, 30)
    yield pool
    pool.terminate()


@pytest.fixture
def ledger(pool: asyncpg.Pool[asyncpg.Record]) -> PlatformLedger:
    return PlatformLedger(pool, SEALING, 30)


@pytest.fixture
def sql(pool: asyncpg.Pool[asyncpg.Record]) -> Sql:
    async def fetched(statement: str, *values: object) -> list[asyncpg.Record]:
        return await pool.fetch(statement, *values)

    return fetched


def decision(**changes: Any) -> Decision:
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


def of_person(number: str = "11010519491231002X", **changes: Any) -> Decision:
    party = Party(
        kind="NATURAL_PERSON", name="李四", id_kind="RESIDENT_ID", id_number=number
    )
    return decision(party=party, **changes)


def entry(
    said: Decision, version: int = 1, change: Change = Change.RECORDED, **more: Any
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


async def test_an_entry_is_committed_with_all_that_goes_with_it(
    ledger: PlatformLedger, sql: Sql
) -> None:
    said = decision()
    found = Finding(
        check="officers",
        severity=Severity.DOUBT,
        detail=Label("中文", "English"),
        source="configured rule",
    )
    committed = await ledger.commit(entry(said, findings=(found, found)))
    assert committed == Committed(
        version=1,
        change=Change.RECORDED,
        content_hash=ledger.content_hash(said),
        at=AT + timedelta(hours=1),
    )
    (row,) = await sql("select * from decision")
    assert (row["decision_id"], row["document_key"], row["party_key"]) == (
        str(said.id),
        "(安)应急罚〔2026〕1号",
        "91110000600037341L",
    )
    assert (row["fine"], row["confiscated"], row["officers"], row["penalty_kinds"]) == (
        2_000_000,
        0,
        ["1900101", "1900102"],
        ["FINE"],
    )
    assert (row["decided_on"], row["reviewed_on"], row["collective"]) == (
        date(2026, 11, 20),
        date(2026, 11, 19),
        True,
    )
    assert (row["origin"], row["recorded_by"], row["licence_kind"]) == (
        "PLATFORM",
        UNIT,
        None,
    )
    (version,) = await sql("select * from decision_version")
    assert msgspec.json.decode(version["content"], type=Decision) == said
    assert version["content_hash"] == hashlib.sha256(version["content"]).hexdigest()
    assert (version["who"], version["unit"], version["basis"]) == (
        "王五",
        UNIT,
        "安全生产法第一百零五条",
    )
    assert [
        (line["finding_id"], line["severity"], line["zh"], line["source"])
        for line in await sql("select * from finding order by finding_id")
    ] == [(f"{said.id}/1/{n}", "DOUBT", "中文", "configured rule") for n in (1, 2)]
    hashed = case_hash("emergency|AZYJ-2026-00001")
    rows = await sql("select * from outbox order by seq")
    assert [(r["receiver"], r["topic"], r["schema"], r["payload"]) for r in rows] == [
        ("provincial", "zhitong.provincial.v1", "provincial/1", b"provincial 1"),
        ("credit", "zhitong.credit.v1", "credit/1", b"credit 1"),
    ]
    assert {(r["bucket"], r["key"], r["event_id"], r["change"]) for r in rows} == {
        (
            bucket(hashed),
            partition_key(hashed),
            str(event_id(said.id, 1, Change.RECORDED)),
            "RECORDED",
        )
    }
    assert row["case_hash"] == hashed


async def test_the_held_version_is_what_was_said(ledger: PlatformLedger) -> None:
    said = of_person()
    assert await ledger.held(said.id) is None
    await ledger.commit(entry(said))
    held = await ledger.held(said.id)
    assert held is not None
    assert held.decision == said
    assert (held.version, held.change, held.recorded_by, held.before_platform) == (
        1,
        Change.RECORDED,
        UNIT,
        False,
    )
    assert held.receivers == ("credit", "provincial")
    assert held.recorded_at == AT + timedelta(hours=1)


async def test_each_leaf_is_the_digest_of_its_body_and_names_the_one_before(
    ledger: PlatformLedger, sql: Sql
) -> None:
    said = decision()
    await ledger.commit(entry(said))
    await ledger.commit(entry(said, 2, Change.WITHDRAWN, reason="错误"))
    leaves = await sql("select * from audit_leaf order by version")
    for leaf in leaves:
        assert leaf["leaf"] == hashlib.sha256(b"\x00" + leaf["body"]).digest()
    assert [msgspec.json.decode(leaf["body"]) for leaf in leaves] == [
        {
            "at": f"2026-11-22T1{version - 1}:30:00.123456Z",
            "change": change,
            "contentHash": ledger.content_hash(said),
            "decision": str(said.id),
            "previous": previous,
            "unit": UNIT,
            "version": version,
            "who": "王五",
        }
        for version, change, previous in (
            (1, "RECORDED", None),
            (2, "WITHDRAWN", leaves[0]["leaf"].hex()),
        )
    ]
