"""Whatever is changed behind the log's back is found, and its place is named.

``TAMPER=1000`` makes a thousand changes, ``TAMPER_SEED=…`` others; without it the same
are made each time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import asyncpg
import pytest
from entries import SEALING
from sealed_log import SmallWitness, grants, small_log
from signed_log import proved, signed_decision
from tampering import Tampering, rewrite

from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.key_ring import HEAD, KeyRing
from zhitong.connectors.loan import Plain as Connection
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import Checked, Wanted, check
from zhitong.rules.faults import FaultKind

pytestmark = pytest.mark.integration

MANY = int(os.environ.get("TAMPER", "250"))
SEED = int(os.environ.get("TAMPER_SEED", "20261122"))


@asynccontextmanager
async def behind_its_back(connection: Connection) -> AsyncIterator[None]:
    """Do what only a superuser can, and undo it."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("set local session_replication_role = replica")
        yield
    finally:
        await transaction.rollback()


async def checked(connection: Connection, witness: SmallWitness | None) -> Checked:
    seen = None if witness is None else witness.seen
    wanted = Wanted(witnessed=seen, grace=0, sealing=SEALING)
    return await check(EvidenceRows(connection), wanted)


@pytest.fixture
def witness() -> SmallWitness:
    return SmallWitness(file_signer(generate(ECDSA)))


@pytest.fixture
async def log(
    database: str, tmp_path: Path, witness: SmallWitness
) -> AsyncIterator[Connection]:
    """Give a connection to a log of some hundreds of leaves."""
    await small_log(database, tmp_path, witness, scale=4)
    await grants(database, 6)
    await signed_decision(database, file_signer(generate(ECDSA)))
    await proved(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def test_every_change_is_found_and_named(
    log: Connection, witness: SmallWitness
) -> None:
    chosen = Random(SEED)  # noqa: S311 - a test's choice, to be made again
    tampering = Tampering(log, chosen)
    unfound, made = [], Counter[str]()
    for number in range(MANY):
        async with behind_its_back(log):
            change = await tampering.once()
            found = await checked(log, witness)
        made[change.what.split(" ")[0]] += 1
        if not change.named(found.faults.listed):
            said = [str(fault) for fault in found.faults.listed]
            unfound.append((number, change.what, change.names, said))
    print(f"seed {SEED}: {dict(made)}")  # noqa: T201 - to be made again
    assert unfound == []
    async with log.transaction():
        assert len((await checked(log, witness)).faults) == 0


async def test_a_whole_rewrite_fits_in_itself_and_only_the_witness_sees_it(
    log: Connection, witness: SmallWitness, tmp_path: Path
) -> None:
    operator = await KeyRing(tmp_path).signer(log, HEAD)
    records = await log.fetch("select record_id from access_entry order by record_id")
    for row in records[::40]:
        async with behind_its_back(log):
            await rewrite(log, operator, row["record_id"], "某人甲乙")
            alone = await checked(log, None)
            seen = await checked(log, witness)
        assert set(alone.faults.totals) == {FaultKind.WITNESS_MISSING}
        assert FaultKind.WITNESS_ROOT in seen.faults.totals
        first = next(
            fault
            for fault in seen.faults.listed
            if fault.kind is FaultKind.WITNESS_ROOT
        )
        number = await log.fetchval(
            "select number from sealed_leaf where kind = 'LOOK' and id = $1",
            row["record_id"],
        )
        size = int(first.id.partition("@")[0])
        assert number < size <= number + 10
