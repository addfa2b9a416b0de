"""What stands twice, or under another's name, hides nothing.

The operator's tables have keys that forbid it; the operator can take those away.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import asyncpg
import pytest
from entries import SEALING
from sealed_log import SmallWitness, seal, small_log

from zhitong.connectors import deeds
from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import Wanted, check
from zhitong.evidence import Deed, DeedKind

pytestmark = pytest.mark.integration


async def named(url: str, witness: SmallWitness, **more: object) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            wanted = Wanted(witnessed=witness.seen, grace=0, **more)  # type: ignore[arg-type]
            found = await check(EvidenceRows(connection), wanted)
            return [f"{one.kind} {one.table} {one.id}" for one in found.faults.listed]
    finally:
        await connection.close()


async def loosened(url: str, table: str) -> asyncpg.Connection[asyncpg.Record]:
    """Connect as an operator who has taken the keys of *table* away."""
    connection = await asyncpg.connect(url)
    await connection.execute("set session_replication_role = replica")
    for row in await connection.fetch(
        "select conname from pg_constraint where conrelid = $1::text::regclass "
        "and contype in ('p', 'u')",
        table,
    ):
        await connection.execute(
            f'alter table {table} drop constraint "{row["conname"]}" cascade'
        )
    return connection


@pytest.fixture
def witness() -> SmallWitness:
    return SmallWitness(file_signer(generate(ECDSA)))


@pytest.mark.parametrize("width", [1 << 15, 256])
async def test_a_leaf_under_another_s_name_hides_no_deleted_row(
    database: str, tmp_path: Path, witness: SmallWitness, width: int
) -> None:
    records = await small_log(database, tmp_path, witness, scale=5)
    connection = await loosened(database, "sealed_leaf")
    numbers = {
        row["id"]: row["number"]
        for row in await connection.fetch("select id, number from sealed_leaf")
    }
    gone, *_, stays = sorted(records, key=numbers.__getitem__)
    await connection.execute("delete from access_entry where record_id = $1", gone)
    await connection.execute(
        "update sealed_leaf set id = $2 where id = $1", gone, stays
    )
    await connection.close()
    (found,) = await named(database, witness, width=width)
    # In stretches apart, the row has met its own leaf before the other comes.
    apart = f"ROW_MISSING access_entry {stays}"
    assert found in {apart, f"ROW_TWICE sealed_leaf LOOK {stays}"}


def archive(kind: str, numbers: Sequence[Sequence[int]], records: int) -> Deed:
    return Deed(
        kind=DeedKind.ARCHIVE,
        who="李运维",
        action="archive-records",
        target="2026-11",
        reason="期满",
        detail={"leaf_kind": kind, "numbers": numbers, "records": records},
    )


async def archived(url: str, folder: Path, witness: SmallWitness, deed: Deed) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await deeds.write(connection, deed)
        await seal(url, folder)
        await witness.countersign(connection)
    finally:
        await connection.close()


_UNDONE = (
    "delete from decision_version where decision_id || '/' || version = $1",
    "delete from finding where decision_id || '/' || version = $1",
    "delete from sealed_number where decision_id || '/' || version = $1",
    "delete from audit_leaf where decision_id || '/' || version = $1",
)


async def once(connection: asyncpg.Connection[asyncpg.Record]) -> tuple[str, int]:
    """Take a decision of one version out of its tables; give its leaf."""
    row = await connection.fetchrow(
        "select s.id, s.number, l.decision_id from sealed_leaf s join audit_leaf l "
        "on s.id = l.decision_id || '/1' where not exists (select from audit_leaf m "
        "where m.decision_id = l.decision_id and m.version > 1) "
        "and s.number > 1 limit 1"
    )
    assert row is not None
    for statement in _UNDONE:
        await connection.execute(statement, row["id"])
    await connection.execute(
        "delete from decision where decision_id = $1", row["decision_id"]
    )
    return row["id"], row["number"]


async def test_no_deed_archives_a_decision(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    deed = archive("DECISION", [[0, 10_000]], 10_000)
    await archived(database, tmp_path, witness, deed)
    connection = await loosened(database, "decision")
    place, _ = await once(connection)
    await connection.close()
    assert await named(database, witness) == [f"ROW_MISSING audit_leaf {place}"]


async def test_a_decision_that_is_called_a_look_is_not_among_those_archived(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await loosened(database, "decision")
    looks = [
        row["number"]
        for row in await connection.fetch(
            "select number from sealed_leaf where kind = 'LOOK' order by number"
        )
    ]
    await connection.execute(
        "create temporary table kept as select * from access_entry "
        "where body like '%\"findings\":[]%'::bytea"
    )
    await connection.execute("delete from access_finding")
    await connection.execute("delete from access_entry")
    deed = archive("LOOK", [[0, 10_000]], len(looks))
    await archived(database, tmp_path, witness, deed)
    assert await named(database, witness) == []
    _, number = await once(connection)
    await connection.execute(
        "update sealed_leaf set kind = 'LOOK' where number = $1", number
    )
    assert await named(database, witness) == [f"ARCHIVE_DIFFERS deed {deed.id}"]
    # Nor where an archived look is put back to make the number right.
    await connection.execute("insert into access_entry select * from kept limit 1")
    assert await named(database, witness) == [f"ARCHIVE_DIFFERS deed {deed.id}"]
    await connection.close()


@pytest.mark.parametrize("order", [1, -1])
async def test_a_finding_that_stands_twice_is_named(
    database: str, tmp_path: Path, witness: SmallWitness, order: int
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await loosened(database, "finding")
    place = await connection.fetchval("select min(finding_id) from finding")
    await connection.execute(
        "create temporary table f as select * from finding where finding_id = $1", place
    )
    await connection.execute("delete from finding where finding_id = $1", place)
    await connection.execute(
        "insert into finding select finding_id, decision_id, version, check_name, "
        "severity, case n when 1 then zh else '' end, en, source, found_at "
        "from f, (values (1), (2)) v (n) order by n * $1::integer",
        order,
    )
    await connection.close()
    assert f"ROW_TWICE finding {place}" in await named(database, witness)


async def test_a_key_that_stands_twice_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await loosened(database, "evidence_key")
    name = witness.signer.key_id
    await connection.execute(
        "create temporary table k as select * from evidence_key where key_id = $1", name
    )
    await connection.execute("update k set since = since + interval '1 day'")
    await connection.execute("insert into evidence_key select * from k")
    await connection.close()
    assert f"ROW_TWICE evidence_key {name}" in await named(database, witness)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_sealed_number_that_stands_twice_is_named(
    database: str, tmp_path: Path, witness: SmallWitness, order: str
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await loosened(database, "sealed_number")
    one, other = await connection.fetch(
        "select distinct on (key_id) * from sealed_number order by key_id limit 2"
    )
    await connection.execute(
        "delete from sealed_number where decision_id = $1 and version = $2",
        one["decision_id"],
        one["version"],
    )
    keys = [one["key_id"], other["key_id"]]
    for key in keys if order == "asc" else reversed(keys):
        await connection.execute(
            "insert into sealed_number (decision_id, version, field, key_id, sealed) "
            "values ($1, $2, $3, $4, $5)",
            *(one["decision_id"], one["version"], one["field"], key, one["sealed"]),
        )
    await connection.close()
    place = f"{one['decision_id']}/{one['version']}"
    for sealing in (None, SEALING):
        found = await named(database, witness, sealing=sealing)
        assert f"ROW_TWICE sealed_number {place}" in found


async def test_rows_in_a_partition_of_a_partition_are_read(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    await connection.execute(
        "create table invented (like access_entry including constraints) "
        "partition by range (at);"
        "create table invented_rows partition of invented default;"
        "alter table access_entry attach partition invented "
        "for values from ('1999-01-01') to ('2000-01-01');"
        "set session_replication_role = replica;"
        "insert into invented_rows (record_id, at, kind, unit, person, party, purpose, "
        "cause, protected, subjects, body, leaf) select 'invented', '1999-07-01', "
        "kind, unit, person, party, purpose, cause, protected, subjects, body, leaf "
        "from access_entry limit 1"
    )
    await connection.close()
    assert "COLUMN_DIFFERS access_entry invented" in await named(database, witness)
