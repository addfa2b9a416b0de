"""Callers that go away in the middle: all of an entry stands or nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from entries import entry, ledger_over, of_person, prepare
from tests.integration.test_gateway_over_http import serving

from zhitong.decisions import case_hash
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Answer, Engine, Question

pytestmark = pytest.mark.integration

ENDLESS = 60
RECORD = """mutation($d: DecisionInput!) { recordDecision(decision: $d) {
  decisionId version replayed events { receiver eventId } } }"""
BUREAU = DEMO_PRINCIPALS["department"]
STATED = {
    "localId": "left-1",
    "actType": "PENALTY",
    "subjectCode": BUREAU.unit,
    "caseSource": "emergency",
    "caseNo": "LEFT-1",
    "documentNo": "（安）应急罚〔2026〕98765号",
    "decidedOn": "2026-06-01",
    "counterpartyKind": "LEGAL_PERSON",
    "counterpartyName": "安泽离线化工有限公司",
    "penaltyKinds": ["WARNING"],
}
CASE = "emergency|LEFT-1"
WHOLE = (1, 1, 1, 2)
WAITS = """select count(*) from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())"""
STANDS = """select (select count(*) from decision where decision_id = $1),
    (select count(*) from decision_version where decision_id = $1),
    (select count(*) from audit_leaf where decision_id = $1),
    (select count(*) from outbox where decision_id = $1)"""


@pytest.fixture
async def own(database: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Give a connection beside the ledger's, to an empty ledger."""
    await prepare(database)
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def somebody_waits(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Wait until a transaction waits for its case."""
    async with asyncio.timeout(ENDLESS):
        while not await connection.fetchval(WAITS):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)


async def stands(
    connection: asyncpg.Connection[asyncpg.Record], decision: str
) -> tuple[int, ...]:
    """Count rows of *decision*: itself, its versions, leaves and waiting events."""
    row = await connection.fetchrow(STANDS, decision)
    assert row is not None
    return tuple(row)


async def test_a_commit_is_whole_or_not_there_wherever_its_caller_leaves(
    database: str, own: asyncpg.Connection[asyncpg.Record]
) -> None:
    async with ledger_over(database, ENDLESS, size=1) as (ledger, _):
        # However often the loop has turned: before the first byte, between statements
        # (the person's key is a statement of its own), after the last answer.
        for turns in range(120):
            said = of_person(local_id=f"A-{turns}", document_no=f"{turns}号")
            task = asyncio.create_task(ledger.commit(entry(said)))
            for _ in range(turns):
                await asyncio.sleep(0 if turns % 2 else 0.0005)
            task.cancel()
            await asyncio.wait([task])
            # The one connection is free, or gone and made anew.
            async with asyncio.timeout(ENDLESS):
                again = await ledger.commit(entry(said))
            assert again.replayed or task.cancelled()
            assert await stands(own, str(said.id)) == WHOLE
    sealed = await own.fetchval("select count(*) from sealed_number")
    assert sealed == 120


async def test_who_leaves_while_its_case_is_locked_leaves_no_connection_behind(
    database: str, own: asyncpg.Connection[asyncpg.Record]
) -> None:
    said = of_person()
    order = case_hash(said.case_key)
    async with ledger_over(database, ENDLESS, size=1) as (ledger, pool):
        await own.execute("select pg_advisory_lock($1)", order)
        task = asyncio.create_task(ledger.commit(entry(said)))
        await somebody_waits(own)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert pool.get_size() == 0
        await own.execute("select pg_advisory_unlock($1)", order)
        # The server finishes what was begun: its caller's going is not seen there.
        async with asyncio.timeout(ENDLESS):
            assert (await ledger.commit(entry(said))).replayed
        assert await stands(own, str(said.id)) == WHOLE


class Watched:
    """An engine that says when somebody has left it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.left = asyncio.Event()

    async def answer(self, question: Question) -> Answer:
        try:
            return await self._engine.answer(question)
        except asyncio.CancelledError:
            self.left.set()
            raise


async def test_a_client_that_hangs_up_while_recording_learns_the_rest_by_asking_again(
    gateway: tuple[Gateway, Engine], addresses: Mapping[str, str], tmp_path: Path
) -> None:
    own = await asyncpg.connect(addresses["platform"])
    engine = Watched(gateway[1])
    body = {"query": RECORD, "variables": {"d": STATED}}
    headers = {"authorization": f"Bearer {DemoIssuer(tmp_path).issue(BUREAU)}"}
    try:
        async with serving(engine, tmp_path) as (url, _):
            await own.execute("select pg_advisory_lock($1)", case_hash(CASE))
            async with httpx.AsyncClient(timeout=ENDLESS) as client:
                post = client.post(f"{url}/graphql", json=body, headers=headers)
                asking = asyncio.create_task(post)
                await somebody_waits(own)
                asking.cancel()
                await asyncio.wait([asking])
            async with asyncio.timeout(ENDLESS):
                await engine.left.wait()
            await own.execute("select pg_advisory_unlock($1)", case_hash(CASE))
            # Behind whoever waited, so that its transaction has ended.
            await own.execute("select pg_advisory_lock($1)", case_hash(CASE))
            await own.execute("select pg_advisory_unlock($1)", case_hash(CASE))
            known = await own.fetchval(
                "select decision_id from decision where local_id = $1",
                STATED["localId"],
            )
            # Committed, or ended by the server's own limit: never a part of it.
            assert known is None or await stands(own, known) == WHOLE
            async with httpx.AsyncClient(timeout=ENDLESS) as client:
                said = await client.post(f"{url}/graphql", json=body, headers=headers)
            answer: Any = said.json()
            assert "errors" not in answer, answer
            recorded = answer["data"]["recordDecision"]
            assert recorded["version"] == 1
            assert recorded["replayed"] == (known is not None)
            assert len(recorded["events"]) == 2
            assert await stands(own, recorded["decisionId"]) == WHOLE
    finally:
        await own.close()
