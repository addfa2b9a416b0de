"""A load of history beside a gateway that serves: no version is lost to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import msgspec
import pytest
from entries import AT, SEALING, TOPICS, UNIT, decision, entry, ledger_over, prepare

from zhitong.connectors.history import Loaded, load_history
from zhitong.decisions import Act, Change, Decision
from zhitong.exceptions import DecisionStaleError

pytestmark = pytest.mark.integration
SAID = decision()
CORRECTED = entry(
    msgspec.structs.replace(SAID, facts="更正"), 2, Change.CORRECTED, reason="笔误"
)


def receivers(_: Act) -> list[tuple[str, str]]:
    return list(TOPICS.items())


async def load(
    database: str, stamp: str, told: Iterator[tuple[Decision, str]]
) -> Loaded:
    return await load_history(
        database,
        SEALING,
        stamp=stamp,
        told=told,
        receivers=receivers,
        at=AT,
        tenant="anze",
    )


async def test_a_correction_during_a_load_waits_for_it(database: str) -> None:
    await prepare(database)
    await load(database, "first", iter([(SAID, UNIT)]))
    asked, go_on = threading.Event(), threading.Event()

    def told() -> Iterator[tuple[Decision, str]]:
        asked.set()
        go_on.wait(30)
        yield SAID, UNIT

    def second() -> Loaded:
        return asyncio.run(load(database, "second", told()))

    async with ledger_over(database) as (ledger, pool):
        loading = asyncio.create_task(asyncio.to_thread(second))
        await asyncio.to_thread(asked.wait, 30)
        correcting = asyncio.create_task(ledger.commit(CORRECTED))
        done, _ = await asyncio.wait([correcting], timeout=1)
        go_on.set()
        assert not done
        assert (await loading).decisions == 1
        assert (await correcting).version == 2
        stands = await pool.fetch("select version, change from decision")
        assert [tuple(row) for row in stands] == [(2, "CORRECTED")]
        chained = await pool.fetch(
            """select l.version, p.leaf is not null or l.version = 1 from audit_leaf l
            left join audit_leaf p on position(encode(p.leaf, 'hex')
                in convert_from(l.body, 'UTF8')) > 0 order by 1"""
        )
        assert [tuple(row) for row in chained] == [(1, True), (2, True)]


async def test_a_correction_before_a_load_keeps_its_decision(database: str) -> None:
    await prepare(database)
    await load(database, "first", iter([(SAID, UNIT)]))
    async with ledger_over(database) as (ledger, pool):
        await ledger.commit(CORRECTED)
        assert (await load(database, "second", iter([(SAID, UNIT)]))).left_out == 1
        with pytest.raises(DecisionStaleError):
            await ledger.commit(msgspec.structs.replace(CORRECTED, reason="再更正"))
        versions = await pool.fetch("select version from decision_version order by 1")
        assert [row["version"] for row in versions] == [1, 2]


async def test_a_withdrawn_decision_s_number_is_free_for_history(
    database: str,
) -> None:
    await prepare(database)
    async with ledger_over(database) as (ledger, pool):
        wrong, standing = decision(local_id="A-2"), decision(document_no="2号")
        await ledger.commit(entry(wrong))
        await ledger.commit(entry(wrong, 2, Change.WITHDRAWN, reason="标识有误"))
        await ledger.commit(entry(standing))
        twice = decision(local_id="A-3", document_no="2号")
        again = decision(local_id="A-4")
        told = iter([(again, UNIT), (wrong, UNIT), (twice, UNIT)])
        loaded = await load(database, "first", told)
        assert (loaded.decisions, loaded.left_out) == (1, 2)
        rows = await pool.fetch("select decision_id, change, origin from decision")
        assert {tuple(row) for row in rows} == {
            (str(wrong.id), "WITHDRAWN", "PLATFORM"),
            (str(standing.id), "RECORDED", "PLATFORM"),
            (str(again.id), "RECORDED", "HISTORY"),
        }
