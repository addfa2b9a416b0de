"""What an operator with all rights could do between the words of the witness."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from sealed_log import SmallWitness, acts, looks, seal, small_log

from zhitong.connectors import deeds
from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import GRACE, Wanted, check
from zhitong.evidence import Deed, DeedKind

pytestmark = pytest.mark.integration


async def named(url: str, witness: SmallWitness, grace: int = 0) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            wanted = Wanted(witnessed=witness.seen, grace=grace)
            found = await check(EvidenceRows(connection), wanted)
    finally:
        await connection.close()
    return [f"{one.kind} {one.number}" for one in found.faults.listed]


@pytest.fixture
def witness() -> SmallWitness:
    return SmallWitness(file_signer(generate(ECDSA)))


def archive(numbers: list[list[int]], records: int = 1) -> Deed:
    return Deed(
        kind=DeedKind.ARCHIVE,
        who="李运维",
        action="archive-records",
        target="2026-11",
        reason="期满",
        detail={"leaf_kind": "LOOK", "numbers": numbers, "records": records},
    )


async def test_heads_that_are_kept_from_the_witness_are_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    await looks(database, 5, first=900)
    await seal(database, tmp_path)
    assert await named(database, witness) == ["WITNESS_BEHIND None"]
    # What was made this very minute may be on its way.
    assert await named(database, witness, grace=60 * GRACE) == []
    connection = await asyncpg.connect(database)
    await witness.countersign(connection)
    await connection.close()
    assert await named(database, witness) == []


async def test_a_deed_that_is_not_sealed_excuses_no_row(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    record, *_ = await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    number = await connection.fetchval(
        "select number from sealed_leaf where id = $1", record
    )
    async with connection.transaction():
        await deeds.write(connection, archive([[number, number]]))
        await connection.execute(
            "delete from access_entry where record_id = $1", record
        )
    await connection.close()
    assert await named(database, witness) == [f"ROW_MISSING {number}"]


async def test_a_deed_excuses_no_row_that_was_sealed_after_it(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    async with connection.transaction():
        many = await connection.fetchval(
            "select count(*) from sealed_leaf where kind = 'LOOK'"
        )
        await deeds.write(connection, archive([[0, 2**60]], many))
    await seal(database, tmp_path)
    (record,) = await looks(database, 1, first=900)
    await acts(database, 1)
    await seal(database, tmp_path)
    await witness.countersign(connection)
    assert await named(database, witness) == []
    number = await connection.fetchval(
        "select number from sealed_leaf where id = $1", record
    )
    await connection.execute("delete from access_entry where record_id = $1", record)
    await connection.close()
    assert await named(database, witness) == [f"ROW_MISSING {number}"]


@pytest.mark.parametrize(
    "change", ["delete from access_finding", "update access_finding set en = 'well'"]
)
async def test_what_was_found_about_a_look_cannot_be_taken_back(
    database: str, tmp_path: Path, witness: SmallWitness, change: str
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    record = await connection.fetchval("select min(record_id) from access_finding")
    statement = f"{change} where record_id = $1"
    await connection.execute(statement, record)
    number = await connection.fetchval(
        "select number from sealed_leaf where id = $1", record
    )
    await connection.close()
    assert await named(database, witness) == [f"FINDING_DIFFERS {number}"]


async def test_a_body_that_cannot_be_read_is_named_as_such(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    record = await connection.fetchval("select min(record_id) from access_finding")
    await connection.execute(
        "update access_entry set body = '\\xff00' where record_id = $1", record
    )
    number = await connection.fetchval(
        "select number from sealed_leaf where id = $1", record
    )
    await connection.close()
    assert await named(database, witness) == [f"BODY_CHANGED {number}"]


async def test_what_is_kept_from_the_sealer_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    await looks(database, 1, first=900)
    assert await named(database, witness) == []
    connection = await asyncpg.connect(database)
    await connection.execute("update unsealed set at = at - interval '9 hours'")
    await connection.close()
    assert await named(database, witness) == ["QUEUE_LATE None"]
