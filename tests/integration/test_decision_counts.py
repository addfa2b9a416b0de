"""Counts kept beside the ledger: at every moment those of the rows themselves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from ledger_rows import MIGRATIONS, prepare, run
from msgspec import structs

from zhitong.connectors.binding_file import read_binding
from zhitong.connectors.decision_counts import fold
from zhitong.connectors.loan import Connection
from zhitong.connectors.migrations import migrate
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.connectors.rollups import Rollup
from zhitong.schema.entities import ENTITIES
from zhitong.types import (
    SOURCE_KEY,
    All,
    AnyOf,
    Compare,
    GroupBy,
    Keys,
    Not,
    Op,
    Predicate,
    Tally,
    TallyQuery,
)

pytestmark = pytest.mark.integration

BINDING = Path(__file__).parents[2] / "infra" / "platform" / "platform.toml"
ROLLED = read_binding(BINDING, ENTITIES).types["Decision"]
SUBJECTS = ("11619900MB0001", "11619900MB0002", "11619900MB0003")
ACTS = ("PENALTY", "LICENCE", "COERCION")
DAYS = ("2026-01-01", "2026-01-31", "2026-02-01", "2026-02-28", "2026-03-15")
INSERT = """
insert into decision (decision_id, local_id, act_type, subject_code, case_key,
    case_hash, document_no, document_key, decided_on, division, party_key, party_kind,
    party_name,
    officers, penalty_kinds, version, change, reason, content_hash, recorded_by,
    recorded_at, changed_at)
select $1, $1, $2, $3, $1, 0, $1, $1, $4::text::date, $5, $1, 'LEGAL_PERSON', 'x', '{}',
    '{}', 1, 'RECORDED', 'x', 'x', $6, now(), now()"""
GROUPS = [
    GroupBy("subjectCode"),
    GroupBy("actType"),
    GroupBy("change"),
    GroupBy("division"),
    GroupBy("decidedOn", month=True),
]
PLACES = ("619900", "619921", None)


@dataclass(frozen=True)
class Counted:
    """The ledger, asked for its counts in two ways."""

    url: str
    kept: PostgreSQLSource
    counted: PostgreSQLSource

    async def agree(self, chance: random.Random, times: int = 12) -> None:
        """Ask both the same; what is kept says what counting the rows says."""
        for query in [_query(chance) for _ in range(times)]:
            kept, counted = (
                await self.kept.tally(query),
                await self.counted.tally(query),
            )
            assert _sorted(kept) == _sorted(counted), query


@pytest.fixture
async def ledger(database: str) -> AsyncIterator[Counted]:
    await prepare(database)
    binding = read_binding(BINDING, ENTITIES)
    bare = structs.replace(
        binding,
        types={**binding.types, "Decision": structs.replace(ROLLED, rollup=None)},
    )
    sources = [PostgreSQLSource(one, ENTITIES, database) for one in (binding, bare)]
    yield Counted(database, *sources)
    for source in sources:
        await source.close()


def _sorted(tallies: Sequence[Tally]) -> list[tuple[str, str, int]]:
    return sorted((str(one.group), str(one.match), one.count) for one in tallies)


def _query(chance: random.Random) -> TallyQuery:
    """Ask by some groups, under a condition that may be about days as well."""
    either = (
        Compare("subjectCode", Op.EQ, SUBJECTS[0]),
        Compare("actType", Op.EQ, ACTS[0]),
    )
    compares: list[Predicate] = [
        Compare("subjectCode", Op.EQ, chance.choice(SUBJECTS)),
        Compare("actType", Op.IN, tuple(chance.sample(ACTS, 2))),
        Compare("division", Op.PREFIX, "6199"),
        Compare("decidedOn", Op.GTE, chance.choice(("2026-02-01", "2026-01-15"))),
        Compare("decidedOn", Op.LTE, chance.choice(("2026-02-28", "2026-03-01"))),
        Compare("change", Op.EQ, "WITHDRAWN"),
        Compare("partyName", Op.EQ, "x"),
        AnyOf(either),
    ]
    parts = chance.sample(compares, chance.randrange(3))
    if parts and chance.random() < 0.3:
        parts[0] = Not(parts[0])
    keyed = chance.random() < 0.2
    return TallyQuery(
        type="Decision",
        by=() if keyed else tuple(chance.sample(GROUPS, chance.randrange(4))),
        where=All(tuple(parts)) if parts else None,
        keys=Keys("subjectCode", SUBJECTS[:2]) if keyed else None,
    )


async def _change(connection: Connection, chance: random.Random, name: str) -> None:
    """Record decisions, correct some, withdraw some."""
    for number in range(chance.randrange(1, 6)):
        await connection.execute(
            INSERT,
            f"{name}-{number}",
            chance.choice(ACTS),
            chance.choice(SUBJECTS),
            chance.choice(DAYS),
            chance.choice(PLACES),
            chance.choice(SUBJECTS),
        )
    await connection.execute(
        "update decision set change = 'WITHDRAWN' where decision_id = $1", f"{name}-0"
    )
    await connection.execute(
        "update decision set change = 'CORRECTED', decided_on = $2::text::date,"
        " division = $3 where decision_id like $1",
        f"{name}-%1",
        chance.choice(DAYS),
        chance.choice(PLACES),
    )


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_kept_is_what_the_rows_come_to(
    ledger: Counted, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same changes each time
    connection = await asyncpg.connect(ledger.url)
    try:
        for step in range(8):
            await _change(connection, chance, f"d{step}")
            await ledger.agree(chance)
            if step % 3 == 2:
                assert await fold(ledger.url) > 0
                await ledger.agree(chance)
        await connection.execute("delete from decision where decision_id like 'd1-%'")
        await ledger.agree(chance)
    finally:
        await connection.close()


async def test_counts_are_right_while_many_write_and_fold(ledger: Counted) -> None:
    async def write(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - as above
        connection = await asyncpg.connect(ledger.url)
        try:
            for step in range(12):
                await _change(connection, chance, f"w{seed}.{step}")
        finally:
            await connection.close()

    async def keep_folding() -> None:
        while True:
            await fold(ledger.url)

    folders = [asyncio.create_task(keep_folding()) for _ in range(2)]
    try:
        await asyncio.gather(*map(write, range(4)))
    finally:
        for folder in folders:
            folder.cancel()
        await asyncio.gather(*folders, return_exceptions=True)
    await ledger.agree(random.Random(1))  # noqa: S311 - as above
    await fold(ledger.url)
    assert await run(ledger.url, "select from decision_count_change") == []
    await ledger.agree(random.Random(2))  # noqa: S311 - as above


async def test_a_change_that_is_taken_back_leaves_no_count(ledger: Counted) -> None:
    connection = await asyncpg.connect(ledger.url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await _change(connection, random.Random(3), "gone")  # noqa: S311 - as above
        await transaction.rollback()
    finally:
        await connection.close()
    assert await run(ledger.url, "select from decision_tally") == []


async def test_decisions_from_before_are_counted_by_the_migration(
    database: str, tmp_path: Path
) -> None:
    for each in MIGRATIONS.glob("*.sql"):
        if each.name < "0027":
            (tmp_path / each.name).write_text(each.read_text("utf-8"), "utf-8")
    await migrate(database, tmp_path, "anze")
    connection = await asyncpg.connect(database)
    try:
        await _change(connection, random.Random(4), "old")  # noqa: S311 - as above
    finally:
        await connection.close()
    await migrate(database, MIGRATIONS, "anze")
    rows = await run(database, "select count(*) from decision")
    kept = await run(database, "select sum(decisions) from decision_tally")
    assert rows[0][0] == kept[0][0] > 0


def test_counts_by_whole_months_alone_are_kept() -> None:
    rollup = Rollup("n", frozenset({"subjectCode"}), frozenset({"decidedOn"}))

    def kept(where: Predicate | None = None, *by: GroupBy) -> bool:
        return rollup.answers(TallyQuery(type="Decision", by=by, where=where))

    since, until = Op.GTE, Op.LTE
    assert kept()
    assert kept(Compare("decidedOn", since, "2026-02-01"))
    assert kept(Compare("decidedOn", until, "2024-02-29"))
    assert kept(None, GroupBy("decidedOn", month=True))
    assert not kept(Compare("decidedOn", until, "2024-02-28"))
    assert not kept(Compare("decidedOn", since, "2026-02-02"))
    assert not kept(Compare("decidedOn", Op.EQ, "2026-02-01"))
    assert not kept(None, GroupBy("decidedOn"))
    assert not kept(None, GroupBy("subjectCode", month=True))
    assert not kept(Compare("partyName", Op.EQ, "x"))
    assert not kept(Compare(SOURCE_KEY, Op.EQ, "x"))
