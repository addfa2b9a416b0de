"""The stored clocks: touched by what happens, and moved by new rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from answers import file, held, leave, said
from entries import decision, entry, ledger_over, prepare
from ledger_rows import run
from told_clocks import CREDIT_DUTIES

from zhitong.connectors import clock_book, clock_facts
from zhitong.connectors.clock_book import ClockBook, Looked, differing
from zhitong.connectors.ledger import PlatformLedger
from zhitong.connectors.statements import statements
from zhitong.decisions import Answer, Change, Decision
from zhitong.infra.cli import main
from zhitong.infra.clock_rules import clock_rules, read_clock_rules
from zhitong.infra.clocking import Clocking
from zhitong.infra.settings import Settings
from zhitong.rules.clock_rules import ClockRules
from zhitong.rules.working_days import Calendar, Year

pytestmark = pytest.mark.integration

RULES = read_clock_rules(Settings(duties=CREDIT_DUTIES))
SHIPPED = read_clock_rules(Settings())
CLOCKS = """select duty, version, started_on, due_on, near_on, ended_by, lapsed
    from clock order by duty, version, decision_id"""
STATE = "select state from clock_entry where decision_id = $1 and duty = $2"
SNOW = "a notice about snow"


def with_days_off(*days: date) -> ClockRules:
    """Give the rules with a notice of more days off in 2026."""
    year = RULES.calendar.years[2026]
    other = Year(year.off | frozenset(days), year.worked, (*year.sources, SNOW))
    return clock_rules(RULES.duties, Calendar({**RULES.calendar.years, 2026: other}))


def numbered(number: int) -> Decision:
    return decision(
        local_id=f"K-{number}",
        case_no=f"AZYJ-2026-K{number:04}",
        document_no=f"（安）应急罚〔2026〕{number}号",
    )


@pytest.fixture
async def ledger(database: str) -> AsyncIterator[PlatformLedger]:
    await prepare(database)
    async with ledger_over(database) as (opened, _):
        yield opened


async def computed(url: str, rules: ClockRules = RULES) -> int:
    """Compute all that was touched; say how much that was."""
    async with ClockBook(url) as book:
        assert await book.adopt(rules) is not None
        many = 0
        while found := (await book.look(rules)).taken:
            many += found
        return many


async def otherwise(url: str, rules: ClockRules = RULES) -> list[str]:
    return [one async for _, every in differing(url, rules) for one in every]


async def test_what_happens_to_a_decision_is_in_its_clocks(
    ledger: PlatformLedger, database: str
) -> None:
    first = entry(numbered(1))
    await ledger.commit(first)
    assert await computed(database) == 1
    due = RULES.due_days.of(RULES.duties[0].figure, first.decision.decided_on)
    assert due is not None
    ((duty, version, started, due_on, near_on, by, lapsed),) = await run(
        database, CLOCKS
    )
    assert (duty, version, started) == (
        "credit-published",
        1,
        first.decision.decided_on,
    )
    assert due_on == due.day
    # Two working days ahead, as the duty has it.
    assert RULES.calendar.between(near_on, due_on) == 2
    assert RULES.calendar.between(near_on - timedelta(days=1), due_on) == 3
    assert (by, lapsed) == (None, False)
    await leave(database)
    await file(database, held(first, "credit"))
    assert await computed(database) == 1
    ((_, _, _, _, _, by, lapsed),) = await run(database, CLOCKS)
    assert (by, lapsed) == ("HELD", False)
    await ledger.commit(entry(first.decision, 2, Change.WITHDRAWN, reason="撤销"))
    assert await computed(database) == 1
    found = [(row[0], row[1], row[5]) for row in await run(database, CLOCKS)]
    assert found == [
        ("credit-published", 1, "HELD"),
        ("credit-withdrawn", 2, None),
    ]
    assert await otherwise(database) == []


async def stepped(url: str, said: Decision, step: str, number: int, at: str) -> None:
    """Put a step of the publication where the register puts it."""
    await run(
        url,
        "insert into publication_step values ($1, 'own-site', $2, $3, 1, $4, '', '',"
        " '', '', '', '{}', '')",
        str(said.id),
        number,
        step,
        datetime.fromisoformat(at),
    )


async def test_what_people_release_or_decline_ends_a_clock(
    ledger: PlatformLedger, database: str
) -> None:
    shown, declined = numbered(1), numbered(2)
    for one in (shown, declined):
        await ledger.commit(entry(one))
    await computed(database, SHIPPED)
    asked = (
        "select ended_by, (ended_at at time zone 'Asia/Shanghai')::date, state"
        " from clock_entry where duty = 'own-site-penalty-published'"
        " and decision_id = $1"
    )
    ((by, *_),) = await run(database, asked, str(shown.id))
    assert by is None
    # The last minute of the last day in China.
    await stepped(database, shown, "RELEASE", 1, "2026-12-01T15:59+00:00")
    await stepped(database, declined, "DECLINE", 1, "2026-12-01T16:00+00:00")
    assert await computed(database, SHIPPED) == 2
    (found,) = await run(database, asked, str(shown.id))
    assert tuple(found) == ("SHOWN", date(2026, 12, 1), "DONE")
    (found,) = await run(database, asked, str(declined.id))
    assert tuple(found) == ("DECLINED", date(2026, 12, 2), "LAPSED_LATE")
    # What was wrong is pulled: the duty is open again.
    await stepped(database, shown, "PULL", 2, "2026-12-02T01:00+00:00")
    await computed(database, SHIPPED)
    ((by, *_),) = await run(database, asked, str(shown.id))
    assert by is None
    assert await otherwise(database, SHIPPED) == []


async def test_a_receiver_s_other_answers_touch_nothing(
    ledger: PlatformLedger, database: str
) -> None:
    first = entry(numbered(1))
    await ledger.commit(first)
    await leave(database)
    await computed(database)
    await file(database, said(first, "credit", Answer.WAITING))
    assert await computed(database) == 0
    await file(database, held(first, "provincial"))
    assert await computed(database) == 1
    ((_, _, _, _, _, by, _),) = await run(database, CLOCKS)
    assert by is None


async def test_how_it_stands_follows_the_day(
    ledger: PlatformLedger, database: str
) -> None:
    first = entry(numbered(1))
    await ledger.commit(first)
    await computed(database)
    key = str(first.decision.id), "credit-published"
    said = "update clock set due_on = t + $1::integer, near_on = t + $2::integer"
    said += " from (select (now() at time zone 'Asia/Shanghai')::date as t) today"
    found = []
    for due, near in ((2, 1), (2, 0), (0, -1), (-1, -2)):
        await run(database, said, due, near)
        found += [row[0] for row in await run(database, STATE, *key)]
    assert found == ["RUNNING", "SOON", "SOON", "LATE"]


async def test_a_new_calendar_moves_what_it_concerns_and_says_why(
    ledger: PlatformLedger, database: str
) -> None:
    made = [entry(numbered(number)) for number in range(3)]
    for one in made:
        await ledger.commit(one)
    await leave(database)
    await file(database, held(made[0], "credit"))
    await computed(database)
    ((before, _),) = await run(database, "select distinct due_on, near_on from clock")
    rules = with_days_off(before)
    async with ClockBook(database) as book:
        found = await book.adopt(rules)
        assert found is not None
        assert (found.days, found.clocks, found.again) == (1, 3, False)
        assert (await book.look(rules)).taken == 0
        # Who still has the rules of before does not move them back.
        assert await book.look(RULES) == Looked(replaced=True)
    ((due, zh, en, opened, every, was),) = await run(
        database, "select after_on, zh, en, open, every, before_on from due_day_moved"
    )
    assert due == RULES.calendar.after(before, 1).day
    assert (opened, every, was) == (2, 3, before)
    assert SNOW in zh
    assert en.endswith(f"working days by {SNOW}")
    shown = await run(
        database, "select due_on, moved_en from clock_entry where state <> 'DONE'"
    )
    assert {(row[0], row[1]) for row in shown} == {(due, en)}
    assert await otherwise(database, rules) == []


async def test_a_duty_that_is_gone_takes_its_clocks_along(
    ledger: PlatformLedger, database: str
) -> None:
    first = entry(numbered(1))
    await ledger.commit(first)
    await ledger.commit(entry(first.decision, 2, Change.WITHDRAWN, reason="撤销"))
    await computed(database)
    assert len(await run(database, CLOCKS)) == 2
    fewer = clock_rules(RULES.duties[:1], RULES.calendar)
    async with ClockBook(database) as book:
        found = await book.adopt(fewer)
        assert found is not None
        assert found.again
    await computed(database, fewer)
    assert [row[0] for row in await run(database, CLOCKS)] == ["credit-published"]
    assert await otherwise(database, fewer) == []
    # And back: what there was is there again.
    await computed(database)
    assert len(await run(database, CLOCKS)) == 2


async def test_what_is_touched_while_it_is_computed_is_computed_again(
    ledger: PlatformLedger, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = entry(numbered(1))
    await ledger.commit(first)
    facts_of = clock_facts.facts_of

    async def slowly(
        connection: asyncpg.Connection[asyncpg.Record], ids: list[str]
    ) -> object:
        facts = await facts_of(connection, ids)
        if first.decision.id not in withdrawn:
            withdrawn.add(first.decision.id)
            # Recorded after the facts were read, before what follows is stored.
            await ledger.commit(
                entry(first.decision, 2, Change.WITHDRAWN, reason="撤销")
            )
        return facts

    withdrawn: set[object] = set()
    monkeypatch.setattr(clock_book, "facts_of", slowly)
    async with ClockBook(database) as book, ClockBook(database) as other:
        await book.adopt(RULES)
        await book.look(RULES)
        assert [row[0] for row in await run(database, CLOCKS)] == ["credit-published"]
        assert (await other.look(RULES)).taken == 1
    assert len(await run(database, CLOCKS)) == 2
    assert await otherwise(database) == []


async def test_one_computes_at_a_time(ledger: PlatformLedger, database: str) -> None:
    await ledger.commit(entry(numbered(1)))
    await computed(database)
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.fetch(statements("clock_book")["alone"])
            async with ClockBook(database) as book:
                assert await book.adopt(RULES) is None
                assert await book.look(RULES) == Looked(turn=False)
    finally:
        await connection.close()


class Calm:
    async def calm(self) -> None:
        await asyncio.sleep(0)


async def test_it_goes_on_by_itself(
    ledger: PlatformLedger,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task = asyncio.create_task(Clocking(database, RULES, Calm()).run())  # type: ignore[arg-type]
    try:
        await ledger.commit(entry(numbered(1)))
        async with asyncio.timeout(60):
            while not await run(database, CLOCKS):  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    monkeypatch.setenv("ZHITONG_DUTIES", str(CREDIT_DUTIES))

    def checked() -> int:
        with pytest.raises(SystemExit) as ended:
            main(["clocks", "check"])
        return int(str(ended.value.code))

    assert await asyncio.to_thread(checked) == 0
    assert "compared 1" in capsys.readouterr().out
    await run(database, "update clock set due_on = due_on + 1")
    assert await asyncio.to_thread(checked) == 1
