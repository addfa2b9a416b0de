"""The log verified on a real database: what is right passes, what is cut is named."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from sealed_log import SmallWitness, acts, looks, seal, small_log

from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import Checked, Wanted, check

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


@pytest.mark.parametrize("width", [256, 512])
async def test_a_log_in_several_stretches_holds(
    database: str, tmp_path: Path, witness: SmallWitness, width: int
) -> None:
    await small_log(database, tmp_path, witness, scale=15)
    await acts(database, 200)
    await looks(database, 300, first=5_000)
    await seal(database, tmp_path, 100)
    found = await checked(database, witness, width=width)
    assert [each.kind for each in found.faults.listed] == []
    assert found.leaves == found.rows > 4 * 256


async def test_without_a_witness_it_fails(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    found = await checked(database, None)
    assert [each.kind for each in found.faults.listed] == ["WITNESS_MISSING"]
