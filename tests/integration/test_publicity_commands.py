"""``zhitong publicity`` over a ledger: verdicts, how it stands, the late rate."""

from __future__ import annotations

import json
from datetime import date, timedelta

import asyncpg
import pytest
from entries import UNIT, entry, ledger_over
from msgspec.structs import replace
from told_clocks import Ran, china, hold, numbered

from zhitong.connectors import clock_facts
from zhitong.decisions import Change

pytestmark = pytest.mark.integration

RATES = """select count(*) filter (where late) as late, count(*) as reported,
    count(*) filter (where not exists (select from receipt r where r.signed = h.signed
        and r.receiver = 'credit' and r.answer = 'REJECTED'
        and r.at <= '2026-12-20T00:00+08')) as compliant,
    (select count(*) from decision d where d.penalty_kinds <> '{WARNING}'
        and d.decided_on = '2026-11-20') - count(*) as concealed
from (select p.signed,
    (p.at at time zone 'Asia/Shanghai')::date > '2026-12-01' as late
    from receipt p where p.receiver = 'credit' and p.answer = 'HELD') h"""


async def test_rates_are_those_of_sql_and_minor_ones_are_not_shown(
    empty_platform: str, commanded: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_facts, "PAGE", 7)
    async with ledger_over(empty_platform) as (kept, _):
        for number in range(20):
            said = numbered(number)
            assert said.penalty is not None
            if number % 5 == 4:
                warned = replace(said.penalty, kinds=("WARNING",))
                said = replace(said, penalty=warned)
            await kept.commit(entry(said))
            if number % 5 < 3:
                at = china("2026-12-01T15:00") + timedelta(hours=number)
                await hold(empty_platform, said, at)
            if number % 3 == 0:
                # Some of them after the day that is asked for, and some by another.
                day = "2026-11-25" if number % 2 else "2026-12-25"
                await hold(empty_platform, said, china(day), answer="REJECTED")
            else:
                at = china("2026-11-25")
                await hold(empty_platform, said, at, by="provincial", answer="REJECTED")
        await kept.commit(entry(numbered(20, decided_on=date(2026, 12, 18))))
    out = await commanded("publicity", "report", "--json", "--at", "2026-12-20")
    found = {one["channel"]: one for one in json.loads(out)}
    connection = await asyncpg.connect(empty_platform)
    row = dict(await connection.fetchrow(RATES) or {})
    await connection.close()
    credit = found["credit-china"]
    assert 0 < row["late"] < row["reported"] == 12
    assert 0 < row["compliant"] < 12
    assert row["concealed"] == 4
    assert {name: credit[name] for name in row} == row
    assert credit["concealedPercent"] == "25.00"
    assert credit["verdicts"] == {"SHOWN": 17, "MINOR": 4}
    assert credit["states"] == {
        "PUBLISHED": 12,
        "LATE": 4,
        "NOT_SHOWN": 4,
        "NOT_YET": 1,
    }
    # No receipt came from there, and nobody has released any on the own site.
    for name in ("provincial", "own-site"):
        assert found[name]["states"] == {"LATE": 20, "NOT_YET": 1}
        assert (found[name]["concealed"], found[name]["reported"]) == (20, 0)
    assert found["own-site"]["verdicts"] == {"SHOWN": 21}
    assert found["enterprise-system"]["verdicts"] == {"SHOWN": 17, "WARNING_ONLY": 4}


async def test_a_decision_is_explained_channel_by_channel(
    empty_platform: str, commanded: Ran
) -> None:
    said = numbered(1)
    async with ledger_over(empty_platform) as (kept, _):
        await kept.commit(entry(said))
        await hold(empty_platform, said, china("2026-11-24T09:00"))
        await kept.commit(entry(said, 2, Change.WITHDRAWN, reason="复议撤销"))
    out = await commanded("publicity", "explain", str(said.id), "--at", "2026-12-02")
    parts = out.split("\n" + "enterprise-system")[0].split("\ncredit-china")
    credit = parts[1]
    assert "一般 general" in credit
    assert "应撤回 to be withdrawn" in credit
    assert "须在此日以前撤回 to be withdrawn by 2026-11-2" in credit
    assert "不公示 not shown" in parts[0].split("provincial")[0]
    await hold(empty_platform, said, china("2026-11-27T09:00"), version=2)
    out = await commanded("publicity", "explain", str(said.id), "--at", "2026-12-02")
    assert "已撤回 withdrawn" in out
    assert UNIT not in out


async def test_a_decision_that_there_is_not_is_named(
    empty_platform: str, commanded: Ran
) -> None:
    async with ledger_over(empty_platform):
        pass
    nowhere = "4f9c3d1e-0000-5000-8000-000000000000"
    err = await commanded("publicity", "explain", nowhere, code=2)
    assert nowhere in err
