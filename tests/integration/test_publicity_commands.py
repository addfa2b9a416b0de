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
from zhitong.connectors.ledger import open_ledger_pool
from zhitong.connectors.publication_book import PlatformPublications
from zhitong.decisions import Change, Decision
from zhitong.infra.publicity_rules import read_publicity_rules
from zhitong.infra.settings import Settings
from zhitong.publishing import Step
from zhitong.resolvers.publications import Publications
from zhitong.types import COLLECTOR, RELEASER, REVIEWER, TRANSMITTER, Principal

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


STEPS = {
    Step.COLLECT: COLLECTOR,
    Step.TRANSMIT: TRANSMITTER,
    Step.PASS: REVIEWER,
    Step.RELEASE: RELEASER,
    Step.PULL: RELEASER,
}


async def publish(url: str, said: Decision, *steps: Step) -> str:
    """Take *steps* of a decision's publication; give its id."""
    channels, due_days = read_publicity_rules(Settings())
    pool = await open_ledger_pool(url, 30, 2)
    register = Publications(
        book=PlatformPublications(pool),
        channels={one.name: one for one in channels},
        due_days=due_days,
    )
    try:
        for step in steps:
            who = Principal(
                kind="own-officer",
                unit=UNIT,
                unit_name="",
                person=STEPS[step],
                role=STEPS[step],
            )
            await register.take(
                who,
                str(said.id),
                1,
                step,
                channel="own-site",
                reason="有误" if step is Step.PULL else "",
            )
    finally:
        pool.terminate()
    return f"{said.id}:own-site"


@pytest.mark.parametrize(
    "change",
    [
        "update publication set shown = 1",
        "update publication set stage = 'RELEASED'",
        "update publication set withheld = '{fine}'",
        "update publication set steps = 4",
        "update publication set first_at = first_at - interval '1 year'",
        "delete from publication",
        "delete from publication_step where number = 5",
        "update publication_step set step = 'PASS' where step = 'RELEASE'",
        "update deed set action = 'pass-publication' where action like 'release-%'",
        "delete from deed where action like 'pull-%'",
    ],
)
async def test_what_was_changed_past_its_steps_is_named(
    empty_platform: str, commanded: Ran, change: str
) -> None:
    one, other = numbered(1), numbered(2)
    async with ledger_over(empty_platform) as (kept, _):
        for said in (one, other):
            await kept.commit(entry(said))
    spoilt = await publish(empty_platform, one, *STEPS)
    await publish(empty_platform, other, Step.COLLECT, Step.TRANSMIT)
    assert "compared 7，不符 otherwise 0" in await commanded("publicity", "check")
    where = f"decision_id = '{one.id}'"
    if " deed " in change:
        where = f"target like '{one.id}%'"
    joined = " and " if " where " in change else " where "
    connection = await asyncpg.connect(empty_platform)
    await connection.execute(change + joined + where)
    await connection.close()
    out = await commanded("publicity", "check", code=1)
    assert "otherwise 1" in out
    assert spoilt in out
