"""How the database goes about sealing: whatever it has counted, and when."""

from __future__ import annotations

import asyncpg
import pytest
from sealing_log import begun

from zhitong.connectors.loan import Plain
from zhitong.connectors.sealer import SESSION
from zhitong.connectors.statements import statements

pytestmark = pytest.mark.integration
WAITING = """insert into unsealed (kind, id, leaf)
select 'LOOK', n, sha256(n::text::bytea) from generate_series(1, $1) n"""


async def _plan(database: str) -> str:
    """Give the plan that a sealer that starts now takes what waits by."""
    connection = await asyncpg.connect(database, server_settings=SESSION)
    try:
        taking = statements("sealer")["take"]
        await connection.execute(f"prepare taking (bigint) as {taking}")
        rows = await connection.fetch("explain execute taking (20000)")
        return "\n".join(row[0] for row in rows)
    finally:
        await connection.close()


async def _filled(connection: Plain, waiting: int) -> None:
    await connection.execute("delete from unsealed")
    await connection.execute(WAITING, waiting)
    await connection.execute("vacuum analyze")


@pytest.mark.parametrize("waiting", [0, 5, 50_000])
async def test_each_leaf_is_looked_up_by_its_name_in_a_log_that_was_empty_when_analysed(
    database: str, waiting: int
) -> None:
    await begun(database)
    connection = await asyncpg.connect(database)
    await connection.execute("truncate sealed_leaf")
    await _filled(connection, waiting)
    await connection.close()
    plan = await _plan(database)
    assert "Index Cond: ((kind = t.kind) AND (id = t.id))" in plan
    assert "Index Scan using unsealed_at on unsealed" in plan
    assert "Join" not in plan
