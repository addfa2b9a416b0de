"""The log verified on a real database: what is right passes, what is cut is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from sealed_log import SmallWitness, acts, looks, seal, small_log

from zhitong.connectors import deeds
from zhitong.connectors.erasure import Erasure, Order
from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.key_ring import HEAD, Because, KeyRing
from zhitong.connectors.signers import ECDSA, SM2, file_signer, generate
from zhitong.connectors.whole_check import Checked, Wanted, check
from zhitong.evidence import Deed, DeedKind
from zhitong.infra.city_ledger import load_city_history
from zhitong.rules.faults import FaultKind
from zhitong.rules.unseen import NO_ROWS

pytestmark = pytest.mark.integration


async def checked(url: str, witness: SmallWitness | None, **more: object) -> Checked:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            seen = None if witness is None else witness.seen
            wanted = Wanted(witnessed=seen, grace=0, **more)  # type: ignore[arg-type]
            return await check(EvidenceRows(connection), wanted)
    finally:
        await connection.close()


@pytest.fixture
def witness() -> SmallWitness:
    return SmallWitness(file_signer(generate(ECDSA)))


async def test_a_log_that_nobody_changed_holds(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    found = await checked(database, witness)
    assert list(map(str, found.faults.listed)) == []
    assert found.leaves == found.rows >= 85
    assert found.heads == found.witnessed >= 9
    assert found.root == witness.seen[-1].head.root.hex()


async def test_a_log_of_sm3_and_sm2_holds_and_what_is_changed_in_it_is_named(
    database: str, tmp_path: Path
) -> None:
    witness = SmallWitness(file_signer(generate(SM2)))
    record, *_ = await small_log(database, tmp_path, witness, digest="sm3")
    found = await checked(database, witness)
    assert (found.hash, [str(each) for each in found.faults.listed]) == ("sm3", [])
    connection = await asyncpg.connect(database)
    await connection.execute(
        "update access_entry set body = set_byte(body, 40, 0) where record_id = $1",
        record,
    )
    await connection.execute(
        "update head_signature set value = set_byte(value, 40, 0) where size = 10"
    )
    await connection.close()
    found = await checked(database, witness)
    assert {(each.kind, each.table) for each in found.faults.listed} == {
        ("BODY_CHANGED", "access_entry"),
        ("SIGNATURE_INVALID", "head_signature"),
    }


@pytest.mark.parametrize("width", [256, 512])
async def test_a_log_in_several_stretches_holds(
    database: str, tmp_path: Path, witness: SmallWitness, width: int
) -> None:
    await small_log(database, tmp_path, witness, scale=15)
    await acts(database, 200)
    await looks(database, 300, first=5_000)
    await seal(database, tmp_path, 100)
    connection = await asyncpg.connect(database)
    await witness.countersign(connection)
    await connection.close()
    found = await checked(database, witness, width=width)
    assert [each.kind for each in found.faults.listed] == []
    assert found.leaves == found.rows > 4 * 256


async def test_without_a_witness_it_fails(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    found = await checked(database, None)
    assert [each.kind for each in found.faults.listed] == ["WITNESS_MISSING"]


async def test_a_quick_check_reads_the_newest_rows_and_all_heads(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    first, *_ = await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    newest = await connection.fetchval(
        "select id from sealed_leaf where kind = 'LOOK' order by number desc limit 1"
    )
    await connection.execute(
        "update access_entry set person = '' where record_id in ($1, $2)",
        newest,
        await connection.fetchval(
            "select id from sealed_leaf where kind = 'LOOK' order by number limit 1"
        ),
    )
    whole = await checked(database, witness)
    assert whole.faults.totals == {"COLUMN_DIFFERS": 2}
    number = await connection.fetchval(
        "select number from sealed_leaf where id = $1", newest
    )
    await connection.close()
    late = await checked(database, witness, rows_from=number)
    assert [(each.id, each.number) for each in late.faults.listed] == [(newest, number)]
    assert late.heads == whole.heads
    assert late.rows == whole.leaves - number
    assert (NO_ROWS in late.unseen, NO_ROWS in whole.unseen) == (True, False)
    quick = await checked(database, witness, quick=True)
    assert quick.faults.totals == {"COLUMN_DIFFERS": 2}
    assert first


async def test_rows_that_a_deed_says_were_archived_may_be_gone(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    gone = await connection.fetch(
        "select number, id from sealed_leaf where kind = 'LOOK' and number < 30"
    )
    numbers = [row["number"] for row in gone]
    deed = Deed(
        kind=DeedKind.ARCHIVE,
        who="李运维",
        action="archive-records",
        target="2026-11",
        reason="期满",
        detail={
            "leaf_kind": "LOOK",
            "numbers": [[numbers[0], numbers[-2]]],
            "records": len(numbers) - 1,
        },
    )
    async with connection.transaction():
        await deeds.write(connection, deed)
        await connection.execute(
            "delete from access_entry where record_id = any($1)",
            [row["id"] for row in gone],
        )
    await seal(database, tmp_path)
    await witness.countersign(connection)
    await connection.close()
    found = await checked(database, witness)
    assert [(each.kind, each.number) for each in found.faults.listed] == [
        ("ROW_MISSING", numbers[-1])
    ]


async def test_what_lies_open_beside_its_seal_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    record, *_ = await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    await connection.execute(
        "insert into unsealed (kind, id, leaf) values ('LOOK', 'nobody', $1)", bytes(32)
    )
    await connection.execute(
        "insert into unsealed select kind, id, leaf from sealed_leaf where id = $1",
        record,
    )
    await connection.close()
    found = await checked(database, witness)
    assert {(each.kind, each.id) for each in found.faults.listed} == {
        ("QUEUE_ORPHAN", "LOOK nobody"),
        ("QUEUE_DIFFERS", f"LOOK {record}"),
    }


async def test_a_word_that_another_key_gave_is_none(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    other = file_signer(generate(ECDSA)).spki
    found = await checked(database, witness, witness_keys=(other,))
    assert set(found.faults.totals) == {"WITNESS_WORD", "WITNESS_MISSING"}
    assert found.faults.totals[FaultKind.WITNESS_WORD] == len(witness.seen)


async def test_a_kept_node_of_the_tree_that_is_spoilt_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness, scale=10)
    connection = await asyncpg.connect(database)
    await connection.execute(
        "update tree_node set digest = $1 where level = 1 and place = 1", bytes(32)
    )
    await connection.close()
    found = await checked(database, witness)
    assert [str(each) for each in found.faults.listed] == [
        "NODE_DIFFERS tree_node 1/1 (leaves 256…511)"
    ]


async def test_a_city_s_decisions_hold_also_when_a_person_was_erased(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    await load_city_history(database, tmp_path, "small")
    await seal(database, tmp_path)
    connection = await asyncpg.connect(database)
    person = await connection.fetchval("select min(person) from person_key")
    async with Erasure(database) as erasure:
        order = Order(who="李运维", reason="本人申请", approval="安信〔2026〕3号")
        assert await erasure.erase(person, order) is not None
    await witness.countersign(connection)
    await connection.close()
    found = await checked(database, witness)
    assert [str(each) for each in found.faults.listed[:9]] == []
    assert found.leaves > 1387


async def test_a_log_holds_while_its_keys_change_and_a_changed_end_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    ring = KeyRing(tmp_path)
    successor = ring.keep(HEAD, generate(ECDSA))
    because = Because(who="李运维", reason="年度更换")
    overlap = timedelta(hours=1)
    note = await ring.rotate(connection, HEAD, successor, because, overlap)
    await looks(database, 5, first=700)
    await seal(database, tmp_path)
    assert (
        await connection.fetchval(
            """select count(*) from head_signature
            where size = (select max(size) from head)"""
        )
        == 2
    )
    await witness.countersign(connection)
    found = await checked(database, witness)
    assert [str(each) for each in found.faults.listed] == []
    await connection.execute(
        "update evidence_key set retired = retired + interval '1 microsecond' "
        "where key_id = $1",
        note.old,
    )
    await connection.close()
    found = await checked(database, witness)
    assert [str(each) for each in found.faults.listed] == [
        f"KEY_DIFFERS evidence_key {note.old} .retired"
    ]
