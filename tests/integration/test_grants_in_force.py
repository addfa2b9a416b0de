"""What is in force, read in one snapshot with the number of changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from zhitong.connectors.grants import PlatformGrants
from zhitong.connectors.migrations import migrate
from zhitong.grants import Grant

MIGRATIONS = Path(__file__).parents[2] / "infra" / "migrations"
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
ENTERED = """
insert into access_grant (
    grant_id, version, state, kind, unit, unit_name, owner, purpose, basis,
    fields, lookups, valid_from, valid_to, applied_by, applied_at, changed_at)
values ($1, 1, $2, 'SHARING', 'U', '单位', 'O', 'supervision', '依据',
    '{"CaseRecord": ["facts", "place"]}', '{"Counterparty": ["idNumber"]}',
    $3, $4, 'p', $5, $5)
"""


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    await migrate(database, MIGRATIONS, "anze")
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as made:
        yield made


async def _enter(
    pool: asyncpg.Pool[asyncpg.Record],
    name: str,
    state: str = "IN_FORCE",
    since: timedelta = -DAY,
    until: timedelta = DAY,
) -> None:
    await pool.execute(ENTERED, name, state, NOW + since, NOW + until, NOW)


async def test_nothing_is_in_force_at_first(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    held = await PlatformGrants(pool).in_force(NOW)
    assert held.grants == ()
    assert held.counter == await PlatformGrants(pool).counter() == 0


async def test_a_grant_in_force_comes_with_what_it_opens(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    await _enter(pool, "one")
    held = await PlatformGrants(pool).in_force(NOW)
    assert held.counter == 1
    assert held.grants == (
        Grant(
            id="one",
            unit="U",
            owner="O",
            fields={"CaseRecord": frozenset({"facts", "place"})},
            lookups={"Counterparty": frozenset({"idNumber"})},
            purpose="supervision",
            basis="依据",
            valid_from=NOW - DAY,
            valid_to=NOW + DAY,
        ),
    )


async def test_what_is_over_or_not_agreed_is_not_among_them(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    await _enter(pool, "over", since=-2 * DAY, until=-DAY)
    await _enter(pool, "agreed", "AGREED")
    await _enter(pool, "later", since=DAY, until=2 * DAY)
    held = await PlatformGrants(pool).in_force(NOW)
    assert [one.id for one in held.grants] == ["later"]


async def test_every_change_of_what_is_in_force_is_counted_and_no_other(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    grants = PlatformGrants(pool)
    await _enter(pool, "one", "AGREED")
    assert await grants.counter() == 0
    await pool.execute("update access_grant set state = 'IN_FORCE'")
    assert await grants.counter() == 1
    await pool.execute("update access_grant set state = 'REVOKED'")
    assert await grants.counter() == 2
    await pool.execute("update access_grant set ending = 'words'")
    assert await grants.counter() == 2


async def test_a_look_may_rest_on_what_is_in_force_now_alone(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    await _enter(pool, "now")
    await _enter(pool, "later", since=DAY, until=2 * DAY)
    await _enter(pool, "revoked", "REVOKED")
    rows = await pool.fetch(
        "select name, grant_in_force(name) as holds "
        "from unnest('{now,later,revoked,unknown}'::text[]) name"
    )
    assert {row["name"]: row["holds"] for row in rows} == {
        "now": True,
        "later": False,
        "revoked": False,
        "unknown": False,
    }
    rests = await pool.fetch(
        "select name, grants_stand(array['now', name]) as holds "
        "from unnest('{now,later,revoked,unknown}'::text[]) name"
    )
    assert [row["name"] for row in rests if row["holds"]] == ["now"]
