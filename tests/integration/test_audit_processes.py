"""A large log verified by several processes: as by one, and no less when one ends."""

from __future__ import annotations

import sys
from pathlib import Path

import asyncpg
import pytest
from sealed_log import SmallWitness, acts, looks, seal, small_log

from zhitong.connectors.check_process import check_apart
from zhitong.connectors.evidence_rows import snapshot
from zhitong.connectors.log_check import Found, Plan, stretches
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import Wanted, check
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra.audit import verified

pytestmark = pytest.mark.integration
WIDTH = 256


@pytest.fixture
async def wanted(database: str, tmp_path: Path) -> Wanted:
    """Give what to ask of a log of several stretches."""
    witness = SmallWitness(file_signer(generate(ECDSA)))
    await small_log(database, tmp_path, witness, scale=15)
    await acts(database, 200)
    await looks(database, 300, first=5_000)
    await seal(database, tmp_path, 100)
    connection = await asyncpg.connect(database)
    await witness.countersign(connection)
    await connection.close()
    return Wanted(witnessed=witness.seen, grace=0, width=WIDTH)


async def test_several_processes_find_what_one_finds(
    database: str, wanted: Wanted
) -> None:
    apart = await verified(database, wanted)
    async with snapshot(database) as rows:
        assert apart == await check(rows, wanted)
    assert (apart.leaves, len(apart.faults)) == (apart.rows, 0)
    assert apart.leaves > 4 * WIDTH


async def test_several_processes_name_what_was_changed(
    database: str, wanted: Wanted
) -> None:
    connection = await asyncpg.connect(database)
    changed = await connection.fetch(
        "select number, id from sealed_leaf where kind = 'LOOK' and number % 100 = 7"
    )
    for _, record in changed:
        await connection.execute(
            "update access_entry set purpose = 'another' where record_id = $1", record
        )
    await connection.close()
    found = await verified(database, wanted)
    assert {(each.number, each.column) for each in found.faults.listed} == {
        (number, "purpose") for number, _ in changed
    }
    assert len({number // WIDTH for number, _ in changed}) > 1


async def _apart(database: str, wanted: Wanted, name: str = "") -> list[Found]:
    async with snapshot(database) as rows:
        log = await rows.log()
        plan = Plan(log.origin, log.hash, {})
        parts = await stretches(rows, [], wanted.width)
        seen = name or await rows.name()
        return [one async for one in check_apart(database, seen, plan, parts, 2)]


async def test_what_keeps_a_process_from_the_log_is_said_here(
    database: str, wanted: Wanted
) -> None:
    with pytest.raises(LedgerUnavailableError, match="does not answer"):
        await _apart(database, wanted, name="00000000-00000000-1")


async def test_a_process_that_ends_leaves_nothing_verified(
    database: str, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(LedgerUnavailableError, match="has ended"):
        await _apart(database, wanted)
