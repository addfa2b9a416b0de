"""The city's old decisions in ledger and sent log: there once, and no event leaves."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec
import pytest
from entries import entry, prepare

from zhitong.connectors.history import Loaded
from zhitong.connectors.ledger import PlatformLedger, open_ledger_pool
from zhitong.connectors.sealing import Sealing
from zhitong.decisions import Act, Change, Decision
from zhitong.exceptions import DecisionConflictError, DecisionDuplicateError
from zhitong.infra.city import build_city
from zhitong.infra.city_ledger import decided, load_city_history
from zhitong.infra.city_load import SOURCES, load_city

pytestmark = pytest.mark.integration

SMALL = Loaded(decisions=1387, left_out=2, now=True)
CASES: Mapping[str, str] = {
    "market": "select aj_id::text, ajbh, jdswh from scjg.aj",
    "emergency": "select ajid::text, ajbh, jdswh from yjj.aj_jbxx",
    "transport": "select id::text, ajh, cfwsh from jtys.zfaj",
    "dongling": "select xh::text, ajbh, wh from dlx.zfaj",
    "xihe": "select aj_id::text, aj_bh, jdws_h from xhx.aj_xx",
}


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    await prepare(database)
    pool = await open_ledger_pool(database, 30)
    yield pool
    pool.terminate()


def ledger_of(pool: asyncpg.Pool[asyncpg.Record], state: Path) -> PlatformLedger:
    """Give a ledger with the keys of *state*, as the gateway has it."""
    keys = (state / "subject.key").read_bytes(), (state / "person.key").read_bytes()
    return PlatformLedger(pool, Sealing(*keys), 30)


def told() -> list[tuple[Decision, str]]:
    city = build_city("small")
    return [one for source in CASES for one in decided(city, source)]


async def test_each_decided_case_is_in_the_ledger_under_its_own_systems_key(
    database: str, pool: asyncpg.Pool[asyncpg.Record], tmp_path: Path
) -> None:
    await load_city(dict.fromkeys(SOURCES, database), "small")
    assert await load_city_history(database, tmp_path, "small") == SMALL
    rows = await pool.fetch(
        "select case_source, local_id, case_no, document_no, origin, version, change "
        "from decision"
    )
    assert {tuple(row)[4:] for row in rows} == {("HISTORY", 1, "RECORDED")}
    stand = {tuple(row)[:4] for row in rows}
    kept = {
        (source, *row)
        for source, query in CASES.items()
        for row in await pool.fetch(query)
    }
    assert len(stand) == SMALL.decisions
    assert stand <= kept


async def test_the_sent_log_says_who_had_it_and_nothing_leaves(
    database: str, pool: asyncpg.Pool[asyncpg.Record], tmp_path: Path
) -> None:
    await load_city_history(database, tmp_path, "small")
    assert await pool.fetchval("select count(*) from outbox") == 0
    assert (
        await pool.fetchval(
            "select count(*) from outbox_sent where payload is not null "
            "or koffset is not null or kpartition is not null"
        )
        == 0
    )
    acts = Counter(
        {
            row["act_type"]: row["count"]
            for row in await pool.fetch(
                "select act_type, count(*) from decision group by 1"
            )
        }
    )
    sent = await pool.fetch(
        "select d.act_type, d.status, d.receiver, count(*) from "
        "(select * from delivery join decision using (decision_id, version)) d "
        "group by 1, 2, 3"
    )
    assert {tuple(row)[:3]: row["count"] for row in sent} == {
        (act, "BEFORE_PLATFORM", receiver): count
        for act, count in acts.items()
        for receiver in ("provincial", "credit")
        if receiver == "provincial" or act in {Act.PENALTY, Act.LICENCE}
    }
    assert acts["PENALTY"] > acts["COERCION"] > 0


async def test_its_hashes_and_leaves_are_those_of_any_decision(
    database: str, pool: asyncpg.Pool[asyncpg.Record], tmp_path: Path
) -> None:
    await load_city_history(database, tmp_path, "small")
    ledger = ledger_of(pool, tmp_path)
    said = {decision.id: (decision, unit) for decision, unit in told()}
    rows = await pool.fetch(
        "select d.decision_id, d.content_hash, d.recorded_by, l.body, l.leaf "
        "from decision d join decision_version v using (decision_id, version) "
        "join audit_leaf l using (decision_id, version)"
    )
    assert len(rows) == SMALL.decisions
    for row in rows:
        decision, unit = said[UUID(row["decision_id"])]
        assert row["content_hash"] == ledger.content_hash(decision)
        assert row["recorded_by"] == unit
        assert row["leaf"] == hashlib.sha256(b"\x00" + row["body"]).digest()
        assert row["content_hash"].encode() in row["body"]


async def test_history_is_held_with_its_id_numbers_and_can_be_withdrawn(
    database: str, pool: asyncpg.Pool[asyncpg.Record], tmp_path: Path
) -> None:
    await load_city_history(database, tmp_path, "small")
    ledger = ledger_of(pool, tmp_path)
    said, unit = next(
        (decision, unit)
        for decision, unit in told()
        if decision.party.id_number and decision.act is Act.PENALTY
    )
    held = await ledger.held(said.id)
    assert held is not None
    assert held.decision == said
    assert (held.before_platform, held.recorded_by) == (True, unit)
    assert held.receivers == ("credit", "provincial")
    withdrawal = entry(said, 2, Change.WITHDRAWN, reason="撤销")
    assert (await ledger.commit(withdrawal)).version == 2
    again = await ledger.held(said.id)
    assert again is not None
    assert (again.before_platform, again.change) == (True, Change.WITHDRAWN)


async def test_what_a_department_registers_again_is_told_from_history(
    database: str, pool: asyncpg.Pool[asyncpg.Record], tmp_path: Path
) -> None:
    await load_city_history(database, tmp_path, "small")
    ledger = ledger_of(pool, tmp_path)
    (said, _), (other, _) = told()[:2]
    assert (await ledger.commit(entry(said))).replayed
    with pytest.raises(DecisionConflictError):
        await ledger.commit(entry(_with(other, title="另一标题")))
    with pytest.raises(DecisionDuplicateError):
        await ledger.commit(entry(_with(other, local_id="另一标识")))
    assert await pool.fetchval("select count(*) from outbox") == 0


async def test_it_is_loaded_once_and_another_load_replaces_what_nothing_has_touched(
    database: str, pool: asyncpg.Pool[asyncpg.Record], tmp_path: Path
) -> None:
    assert await load_city_history(database, tmp_path, "small") == SMALL
    assert await load_city_history(database, tmp_path, "small") == Loaded(
        SMALL.decisions, SMALL.left_out, now=False
    )
    ledger = ledger_of(pool, tmp_path)
    touched = told()[0][0]
    await ledger.commit(entry(touched, 2, Change.WITHDRAWN, reason="撤销"))
    own = _with(touched, local_id="own", document_no="安市监处罚〔2026〕99999号")
    await ledger.commit(entry(own))
    other = await load_city_history(database, tmp_path, "small", seed=7)
    assert other.now
    count = await pool.fetchval("select count(*) from decision")
    assert count == other.decisions + 2
    for table in ("decision_version", "audit_leaf"):
        versions = await pool.fetchval(f"select count(*) from {table}")  # noqa: S608
        assert versions == count + 1
    for decision, version in ((touched, 2), (own, 1)):
        held = await ledger.held(decision.id)
        assert held is not None
        assert held.version == version
    assert await pool.fetchval("select count(*) from history_load") == 1


def _with(decision: Decision, **changes: object) -> Decision:
    return msgspec.structs.replace(decision, **changes)
