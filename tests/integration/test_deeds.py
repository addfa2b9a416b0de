"""Deeds: in the transaction of what they say, as bytes that prove their columns."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from ledger_rows import prepare

from zhitong.connectors import deeds
from zhitong.connectors.access_log import open_pool
from zhitong.connectors.deeds import PlatformDeeds
from zhitong.connectors.migrations import migrate
from zhitong.connectors.proceedings import PlatformProceedings
from zhitong.connectors.receiver_control import ReceiverControl
from zhitong.evidence import Deed, DeedKind, stamp
from zhitong.exceptions import LedgerUnavailableError, RecordUnavailableError
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.infra.platform_database import MIGRATIONS
from zhitong.proceedings import Proceeding, ProceedingKind
from zhitong.rules.merkle import digest, leaf
from zhitong.schema.engine import Engine

pytestmark = pytest.mark.integration

AT = datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC)
DEED = Deed(
    kind=DeedKind.EXPORT,
    who="张审计",
    unit="11619900MB0004001B",
    action="export-proof",
    target="anze/7",
    reason="季度核查",
    detail={"leaves": 7, "at": AT},
    id="d1",
    at=AT,
)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    await prepare(database)
    pool = await open_pool(database)
    yield pool
    pool.terminate()


async def only(pool: asyncpg.Pool[asyncpg.Record]) -> tuple[asyncpg.Record, Any]:
    (row,) = await pool.fetch("select * from deed")
    return row, orjson.loads(row["body"])


async def test_a_deeds_bytes_say_what_its_columns_say_and_are_a_leaf_that_waits(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    await PlatformDeeds(pool).note(DEED)
    row, said = await only(pool)
    assert said == {
        "deed": "d1",
        "tenant": "anze",
        "at": stamp(row["at"]),
        "detail": {"leaves": 7, "at": "2026-11-22T09:30:00.123456Z"},
        **{
            name: row[name]
            for name in ("kind", "who", "unit", "action", "target", "reason")
        },
    }
    assert row["at"] == AT
    assert row["body"] == orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    assert row["leaf"] == hashlib.sha256(b"\0" + row["body"]).digest()
    waiting = await pool.fetchrow("select kind, id, leaf from unsealed")
    assert tuple(waiting or ()) == ("DEED", "d1", row["leaf"])


async def test_a_deeds_leaf_has_the_logs_own_digest(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    await pool.execute("delete from evidence_log")
    await pool.execute("insert into evidence_log (origin, hash) values ('anze', 'sm3')")
    await PlatformDeeds(pool).note(DEED)
    row, _ = await only(pool)
    assert row["leaf"] == leaf(digest("sm3"), row["body"])


async def test_what_is_undone_leaves_no_deed(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    async with pool.acquire() as connection:
        undone = connection.transaction()
        await undone.start()
        await deeds.write(connection, DEED)
        await undone.rollback()
    assert await pool.fetch("select from deed union all select from unsealed") == []


async def test_nothing_is_done_whose_deed_cannot_be_written(
    pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    await pool.execute("alter table deed add check (false)")
    async with ReceiverControl(database) as control:
        with pytest.raises(LedgerUnavailableError):
            await control.suspend("credit", "me", "维护")
    assert not await pool.fetchval(
        "select count(*) from receiver where suspended_at is not null"
    )
    with pytest.raises(RecordUnavailableError):
        await PlatformDeeds(pool).note(DEED)


async def test_a_proceeding_is_a_deed_that_repeats_nobodys_words(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    book = PlatformProceedings(pool)
    supervisor = DEMO_PRINCIPALS["supervisor"]
    said = Proceeding(
        kind=ProceedingKind.LITIGATION,
        number="（2026）行初1号",
        case_no="案甲",
        opened_on=date(2026, 3, 2),
        outcome="李四胜诉",
    )
    for _ in range(2):
        await book.enter(said, supervisor, any_unit=True)
    row, body = await only(pool)
    assert (row["action"], row["target"], row["unit"]) == (
        "record-proceeding",
        "LITIGATION （2026）行初1号",
        supervisor.unit,
    )
    assert body["detail"] == {
        "version": 1,
        "caseNo": "案甲",
        "openedOn": "2026-03-02",
        "closedOn": None,
        "outcome": hashlib.sha256("李四胜诉".encode()).hexdigest(),
    }


async def test_what_operators_did_before_there_were_deeds_is_one_as_if_written_now(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    earlier = tmp_path_factory.mktemp("earlier")
    for path in MIGRATIONS.glob("*.sql"):
        if path.name < "0013":
            (earlier / path.name).write_bytes(path.read_bytes())
    await migrate(database, earlier, "anze")
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "insert into operator_action (at, who, action, target, reason)"
            " values ($1, 'me', 'suspend', 'credit', $2)",
            AT,
            '维护 "二"\n\t\\ \x7f\x01',
        )
        await migrate(database, MIGRATIONS, "anze")
        (row,) = await connection.fetch("select * from deed")
    finally:
        await connection.close()
    as_now = Deed(
        kind=DeedKind.ACTION,
        who="me",
        action="suspend",
        target="credit",
        reason='维护 "二"\n\t\\ \x7f\x01',
        id=row["deed_id"],
        at=AT,
    )
    assert row["body"] == deeds.body(as_now, "anze")
    assert row["leaf"] == leaf(digest("sha256"), row["body"])


def digests(folder: Path) -> dict[str, str]:
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("*.toml")
    }


async def test_who_has_the_bindings_read_again_is_on_record_with_the_files(
    gateway: tuple[Gateway, Engine],
    addresses: Mapping[str, str],
    bindings: Path,
) -> None:
    operator = DEMO_PRINCIPALS["operator"]
    await gateway[0].reload(operator)
    connection = await asyncpg.connect(addresses["platform"])
    try:
        row = await connection.fetchrow(
            "select * from deed where action = 'reload-bindings' order by at desc"
        )
    finally:
        await connection.close()
    assert row is not None
    assert (row["who"], row["unit"]) == (operator.person, operator.unit)
    found = digests(bindings)
    assert found
    assert orjson.loads(row["body"])["detail"]["files"] == found
