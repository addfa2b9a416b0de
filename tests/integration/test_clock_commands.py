"""``zhitong clocks`` over a ledger, each count as SQL counts it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from entries import UNIT, entry, ledger_over
from told_clocks import CREDIT_DUTIES, Ran, china, hold, numbered

from zhitong.connectors import clock_facts
from zhitong.decisions import Act, Change, event_id
from zhitong.infra.settings import Settings

pytestmark = pytest.mark.integration
OTHER = "11619900MB0004002K"
RECOUNT = """select
    count(*) filter (where held::date <= '2026-12-01') as done,
    count(*) filter (where held::date > '2026-12-01') as done_late,
    count(*) filter (where held is null and undone::date <= '2026-12-01') as lapsed,
    count(*) filter (where held is null and undone is null) as late
from (select
    (select min(p.at) from receipt p where p.receiver = 'credit' and p.answer = 'HELD'
        and p.event_id = any($1::text[]) and p.signed = d.decision_id)
        at time zone 'Asia/Shanghai' as held,
    (select v.at from decision_version v where v.decision_id = d.decision_id
        and v.change = 'WITHDRAWN') at time zone 'Asia/Shanghai' as undone
    from decision d where d.subject_code = $2 and d.act_type = 'PENALTY') each"""


@pytest.fixture
def ran(commanded: Ran, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Run ``zhitong clocks`` with the credit system's duties."""
    monkeypatch.setenv("ZHITONG_DUTIES", str(CREDIT_DUTIES))
    return partial(commanded, "clocks")


async def test_counts_are_those_of_sql_over_pages(
    empty_platform: str, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_facts, "PAGE", 7)
    events = []
    async with ledger_over(empty_platform) as (kept, _):
        for number in range(40):
            said = numbered(number)
            await kept.commit(entry(said))
            if number % 10 == 3:
                await kept.commit(entry(said, 2, Change.WITHDRAWN, reason="撤销"))
            elif number % 4:
                # From before the last day to days after it, an hour around midnight.
                at = china("2026-12-01T13:30") + timedelta(hours=number)
                await hold(empty_platform, said, at)
                events.append(str(event_id(said.id, 1, Change.RECORDED)))
            elif number % 8:
                await hold(empty_platform, said, china("2026-11-24"), by="provincial")
        await kept.commit(entry(numbered(40, act=Act.COERCION, penalty=None)))
        await kept.commit(entry(numbered(41, subject_code=OTHER)))
    found = json.loads(
        await ran("report", "--json", "--at", "2026-12-20", "--unit", UNIT)
    )
    connection = await asyncpg.connect(empty_platform)
    row = dict(await connection.fetchrow(RECOUNT, events, UNIT) or {})
    await connection.close()
    assert all(row.values()), row
    by_duty = {one["duty"]: one for one in found}
    states = by_duty["credit-published"]["states"]
    assert {name.lower(): many for name, many in states.items() if many} == row
    assert by_duty["credit-published"]["settled"] == 40
    assert by_duty["credit-published"]["late"] == row["done_late"] + row["late"]
    assert by_duty["credit-withdrawn"]["states"]["LATE"] == 4
    assert {one["unit"] for one in found} == {UNIT}
    everybody = json.loads(await ran("report", "--json", "--at", "2026-12-20"))
    assert {one["unit"] for one in everybody} == {UNIT, OTHER}


async def test_what_is_open_is_listed_the_first_due_first(
    empty_platform: str, ran: Ran
) -> None:
    late, soon, done = (
        numbered(1),
        numbered(2, decided_on=date(2026, 11, 24)),
        numbered(3),
    )
    async with ledger_over(empty_platform) as (kept, _):
        for said in (soon, late, done):
            await kept.commit(entry(said))
    await hold(empty_platform, done, china("2026-11-24"))
    at = ("--at", "2026-12-02")
    found = json.loads(await ran("list", "--json", *at))
    assert [(one["decisionId"], one["dueOn"], one["state"]) for one in found] == [
        (str(late.id), "2026-12-01", "LATE"),
        (str(soon.id), "2026-12-03", "SOON"),
    ]
    assert found[0]["rule"] == "published-credit-china/2018-07-25"
    told = await ran("list", "--late", "--duty", "credit-published", *at)
    assert late.document_no in told
    assert "逾期 LATE" in told
    assert soon.document_no not in told
    assert not await ran("list", "--unit", OTHER, *at)
    # On the day before its receipt what is done now was open still.
    before = json.loads(await ran("list", "--json", "--at", "2026-11-23"))
    assert [one["decisionId"] for one in before] == sorted([str(late.id), str(done.id)])
    assert "没有职责" in await ran("list", "--duty", "x", code=2)
    assert "no moment" in await ran("list", "--at", "yesterday", code=2)


async def test_a_decisions_clocks_say_what_they_rest_on_and_how_they_ended(
    empty_platform: str, ran: Ran
) -> None:
    said = numbered(1)
    async with ledger_over(empty_platform) as (kept, _):
        await kept.commit(entry(said))
        await kept.commit(entry(said, 2, Change.WITHDRAWN, reason="撤销"))
    await hold(empty_platform, said, china("2026-11-21T10:00"))
    await hold(empty_platform, said, china("2026-11-25T10:00"), version=2)
    told = await ran("explain", str(said.id), "--at", "2026-12-20")
    assert "自 from 2026-11-20（第 1 版 version 1）至 to 2026-12-01  按期" in told
    # It was withdrawn on a Sunday: three working days end on Wednesday.
    assert "自 from 2026-11-22（第 2 版 version 2）至 to 2026-11-25  按期" in told
    assert "依据 行政处罚法（2021修订）第48条（法律原文已读 the law was read）" in told
    assert "已收存 held 2026-11-25 10:00" in told
    nobody = "00000000-0000-0000-0000-000000000000"
    assert nobody in await ran("explain", nobody, code=2)


async def test_history_was_never_the_platforms_to_send(
    empty_platform: str, ran: Ran
) -> None:
    said = numbered(1)
    async with ledger_over(empty_platform) as (kept, pool):
        await kept.commit(entry(said))
        await pool.execute("update decision set origin = 'HISTORY'")
    assert json.loads(await ran("report", "--json", "--at", "2026-12-20")) == []


async def test_what_another_calendar_moves_is_told_before_it_is_adopted(
    empty_platform: str, ran: Ran, tmp_path: Path
) -> None:
    # Seven working days from 24 December end on 5 January, as far as is known.
    late, moves = numbered(1), numbered(2, decided_on=date(2026, 12, 24))
    done = numbered(3, decided_on=date(2026, 12, 24))
    async with ledger_over(empty_platform) as (kept, _):
        for said in (late, moves, done):
            await kept.commit(entry(said))
    await hold(empty_platform, done, china("2026-12-25"))
    shipped = Settings().calendar.read_text("utf-8")
    same = tmp_path / "same.toml"
    same.write_text(shipped, encoding="utf-8")
    at = ("--at", "2026-12-28")
    assert "未了 open 2，有变 moved 0" in await ran("compare", str(same), *at)
    first, expected = shipped.split("[[years]]\nyear = 2027")
    assert "provisional = true" in expected
    rest = expected.partition("[[")[2]
    noticed = tmp_path / "noticed.toml"
    noticed.write_text(
        first
        + """[[years]]
year = 2027
published = 2026-11-20
off = [2027-01-01, 2027-01-04]
source = "国务院办公厅关于2027年部分节假日安排的通知"

"""
        + (f"[[{rest}" if rest else ""),
        encoding="utf-8",
    )
    found = json.loads(await ran("compare", str(noticed), "--json", *at))
    (one,) = found
    assert one["decisionId"] == str(moves.id)
    assert (one["dueOn"], one["dueBy"]) == ("2027-01-05", "2027-01-06")
    assert "2027年部分节假日安排的通知" in one["why"]
    assert "no longer provisional" in one["whyEn"]
    told = await ran("compare", str(noticed), *at)
    assert "未了 open 2，有变 moved 1" in told
    assert "2027-01-05 → 2027-01-06" in told
    assert "CALENDAR" in await ran("compare", str(tmp_path / "none.toml"), code=2)
