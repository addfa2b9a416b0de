"""What stands beside the proved rows, and is made of them, cannot be changed unseen."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from sealed_log import SmallWitness, small_log

from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import Checked, Wanted, check

pytestmark = pytest.mark.integration


async def checked(url: str, witness: SmallWitness, **more: object) -> Checked:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            wanted = Wanted(witnessed=witness.seen, grace=0, **more)  # type: ignore[arg-type]
            return await check(EvidenceRows(connection), wanted)
    finally:
        await connection.close()


async def changed(url: str, *statements: str) -> None:
    """Do what only an operator with all rights can."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set session_replication_role = replica")
        for statement in statements:
            assert not (await connection.execute(statement)).endswith(" 0"), statement
    finally:
        await connection.close()


async def one(url: str, statement: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval(statement))
    finally:
        await connection.close()


@pytest.fixture
def witness() -> SmallWitness:
    return SmallWitness(file_signer(generate(ECDSA)))


# --- what was found about a decision -----------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "delete from finding",
        "update finding set severity = 'DOUBT'",
        "update finding set en = 'well'",
        "update finding set found_at = found_at + interval '1 microsecond'",
    ],
)
async def test_what_was_found_about_a_decision_cannot_be_taken_back(
    database: str, tmp_path: Path, witness: SmallWitness, change: str
) -> None:
    await small_log(database, tmp_path, witness)
    place = await one(database, "select min(finding_id) from finding")
    await changed(database, f"{change} where finding_id = '{place}'")
    found = await checked(database, witness)
    assert [str(each) for each in found.faults.listed] == [
        f"FINDING_DIFFERS finding {place}"
    ]


@pytest.mark.parametrize(
    ("version", "name"), [("version", "{0}/7"), ("version + 40", "{0}/7")]
)
async def test_what_nobody_found_is_named(
    database: str, tmp_path: Path, witness: SmallWitness, version: str, name: str
) -> None:
    await small_log(database, tmp_path, witness)
    decision = await one(
        database,
        "select decision_id from audit_leaf l where version = 1 and not exists "
        "(select from finding f where f.decision_id = l.decision_id) limit 1",
    )
    await changed(
        database,
        f"insert into finding select '{decision}/7', decision_id, {version}, 'x', "  # noqa: S608 - the test's own
        f"'BREACH', '', '', '', at from audit_leaf where decision_id = '{decision}' "
        "and version = 1",
    )
    found = await checked(database, witness)
    assert [str(each) for each in found.faults.listed] == [
        f"FINDING_DIFFERS finding {name.format(decision)}"
    ]


# --- the present row ---------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("case_key = case_key || 'x'", "case_key"),
        ("case_hash = case_hash + 1", "case_hash"),
        ("origin = 'HISTORY'", "origin"),
    ],
)
async def test_the_case_and_the_origin_of_a_decision_are_its_first_version_s(
    database: str, tmp_path: Path, witness: SmallWitness, change: str, column: str
) -> None:
    await small_log(database, tmp_path, witness)
    decision = await one(database, "select min(decision_id) from decision")
    await changed(
        database,
        f"update decision set {change} where decision_id = '{decision}'",  # noqa: S608 - the test's own
    )
    (fault,) = (await checked(database, witness)).faults.listed
    assert (fault.kind, fault.column) == ("PRESENT_DIFFERS", column)
    assert fault.id.startswith(decision)
