"""A short scripted month of grants, counted twice; what is changed is found."""

from __future__ import annotations

import asyncpg
import grants_month
import pytest
from grants_recount import recount

from zhitong.grants import GrantState
from zhitong.infra.settings import Settings

pytestmark = pytest.mark.integration

TWICE_EACH = 2 * len(grants_month.SCRIPTS)


async def test_every_count_of_the_month_is_counted_again_and_the_same(
    database: str,
) -> None:
    tally, found = await grants_month.run(database, TWICE_EACH)
    assert [*tally.faults, *found.faults] == []
    assert set(found.states) == set(GrantState)
    assert tally.replayed > TWICE_EACH
    assert set(tally.refused) == {
        *("FORBIDDEN", "GRANT_OWN", "GRANT_STALE", "GRANT_STATE", "GRANT_UNKNOWN"),
    }
    every = {"REVIEW", "SUPPLEMENT", "REPLY", "PROVIDE", "SETTLE"}
    assert set(found.overdue) == every
    assert len(found.named) == found.late.total() + found.overdue.total() > 0


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param(
            "update access_grant set late = array_remove(late, 'REVIEW')",
            "late duties",
            id="a late duty hushed up",
        ),
        pytest.param(
            "update access_grant set due_at = due_at + interval '1 day'",
            "open duties",
            id="a due date moved",
        ),
        pytest.param(
            "update access_grant set provisional = not provisional",
            "open duties",
            id="a provisional date called certain",
        ),
        pytest.param(
            "update access_grant set state = 'IN_FORCE' where state = 'REVOKED'",
            "states",
            id="a revoked grant back in force",
        ),
        pytest.param(
            "update grant_step set person = 'another' where step = 'AGREE'",
            "deeds",
            id="a step under another's name",
        ),
        pytest.param(
            "delete from grant_step where step = 'APPLY'",
            "lack a step",
            id="steps taken away",
        ),
    ],
)
async def test_the_recount_finds_what_was_changed(
    database: str, change: str, fault: str
) -> None:
    _, found = await grants_month.run(database, len(grants_month.SCRIPTS))
    assert found.faults == []
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(change)
    finally:
        await connection.close()
    again = await recount(database, Settings().calendar, grants_month.END)
    assert any(fault in one for one in again.faults), again.faults
