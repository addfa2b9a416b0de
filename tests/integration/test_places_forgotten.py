"""A receiver forgets, by rule, where events lay; never that they came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from zhitong.connectors.inbox import ReceiverInbox, open_inbox
from zhitong.connectors.inbox_stated import InboxStated
from zhitong.connectors.migrations import migrate
from zhitong.connectors.statements import statements
from zhitong.exceptions import SettingsError
from zhitong.infra.forgetting import past
from zhitong.infra.settings import Settings

RECEIVERS = Path(__file__).parents[2] / "infra" / "receivers"
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
CAME = """with came as (
    insert into inbox (event_id, decision_id, version, change, place, payload_hash,
        topic, partition, koffset, key, traceparent, answer, reasons)
    select 'e-' || n, 'd-' || n, 1, 'RECORDED', '', '', 't', 0, n, '', '', 'HELD', '{}'
    from generate_series(0, 39) n returning event_id, koffset)
insert into arrived (topic, partition, koffset, event_id, at)
select 't', 0, koffset, event_id, $1::timestamptz from came
union all select 'replayed', 0, 7, 'e-7', $1::timestamptz"""
STATED = """insert into stated (statement_id, topic, partition, from_offset, to_offset,
    said, signed, came_at, held, due)
select gen_random_uuid(), 't', 0, $1::bigint, $1::bigint + 10, '', '', $2, 10, false"""


@pytest.fixture
async def inbox(database: str) -> AsyncIterator[ReceiverInbox]:
    await migrate(database, RECEIVERS / "common")
    await migrate(database, RECEIVERS / "credit")
    opened = await open_inbox(database, "credit")
    yield opened
    await opened.pool.close()


@pytest.mark.integration
async def test_windows_not_stated_for_long_go_whole_and_nothing_else(
    inbox: ReceiverInbox,
) -> None:
    pool, before = inbox.pool, NOW - timedelta(days=365)
    await pool.execute(CAME, before - timedelta(days=1))
    # The second was stated again since: all that lies in it stays.
    for start, days in ((0, -1), (10, 300), (20, -5)):
        await pool.execute(STATED, start, before + timedelta(days=days))
    assert await InboxStated(pool).forget(before) == 2
    left = await pool.fetch("select topic, koffset from arrived order by koffset")
    assert [tuple(row) for row in left] == [("t", n) for n in range(10, 20)]
    assert await pool.fetchval("select count(*) from inbox") == 40
    # What is left is whole: nothing is answered as missing.
    await pool.execute(statements("inbox_stated")["recount"])
    assert await pool.fetchval("select count(*) from stated where due") == 0
    assert await InboxStated(pool).forget(before) == 0


def test_the_rule_counts_and_never_less_than_topics_keep(tmp_path: Path) -> None:
    rule = "from = 2026-01-01\nmonths = 12\nsource = 's'\n"
    looks = "".join(
        f"[[looks]]\nprotected = {one}\n{rule}" for one in ("true", "false")
    )
    path = tmp_path / "retention.toml"

    def said(*periods: str, days: int = 90) -> datetime | None:
        path.write_text(f'tenant = "*"\n{looks}' + "".join(periods), "utf-8")
        return past(Settings(retention=path, retention_days=days), NOW)

    year = datetime.fromisoformat("2025-11-01T00:00:00+08:00")
    assert said() is None
    assert said(f"[[places]]\n{rule}") == year
    assert said(f"[[places]]\n{rule}", days=1_000) == NOW - timedelta(days=1_002)
    later = rule.replace("2026-01-01", "2026-06-01").replace("12", "6")
    shorter = datetime.fromisoformat("2026-05-01T00:00:00+08:00")
    assert said(f"[[places]]\n{rule}", f"[[places]]\n{later}") == shorter
    with pytest.raises(SettingsError, match="places of events"):
        said(f"[[places]]\n{rule}", f"[[places]]\n{rule}")


def test_the_rules_we_ship_have_a_period() -> None:
    assert past(Settings(), NOW) == datetime.fromisoformat("2025-11-01T00:00:00+08:00")
