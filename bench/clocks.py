"""How long the clocks of a large ledger take: `make bench-clocks N=…`.

A ledger of N decisions, a tenth of them undone, none held by anybody: each has one open
clock or two. They are computed as `zhitong clocks` does, stored as the relay's engine
does, moved by a notice of days off, told for the stream, and read as a unit's list of
what is due, in SQL and through the graph; then held against what is computed anew, and
against SQL.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from datetime import date
from pathlib import Path

import asyncpg

from zhitong.connectors.clock_book import ClockBook
from zhitong.connectors.clock_events import ClockEvents
from zhitong.connectors.clock_facts import clock_facts
from zhitong.connectors.migrations import migrate
from zhitong.infra.clock_rules import clock_rules, read_clock_rules
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import Cluster, clean
from zhitong.infra.gateway import Gateway
from zhitong.infra.platform_database import MIGRATIONS
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.rules.clock_events import ClockEvent
from zhitong.rules.clock_rules import ClockRules
from zhitong.rules.identifiers import credit_code
from zhitong.rules.working_days import Calendar, Year
from zhitong.schema.engine import Question
from zhitong.streams.clock_stream import write_clock
from zhitong.types import Occasion

ROWS = 100
"""Of a list."""
TOUCH = "insert into clock_touched (decision_id) select decision_id from decision"
BY_DAY = "select duty, due_on, count(*) from clock group by duty, due_on"
LISTED = """select * from clock_entry where unit = $1 and ended_on is null
    order by due_on, clock_id limit 100"""
FILL = """insert into decision (decision_id, local_id, act_type, subject_code, case_key,
    case_hash, document_no, document_key, decided_on, party_key, party_kind, party_name,
    officers, penalty_kinds, version, change, reason, content_hash, recorded_by,
    recorded_at, changed_at)
select md5(n::text)::uuid::text, n::text, 'PENALTY',
    ($3::text[])[(1 + n % 40)::integer], n::text, n, n::text, n::text,
    date '2026-01-01' + (n % 365)::integer, n::text, 'LEGAL_PERSON',
    '', '{}', '{}', 1 + (n % 10 = 0)::integer,
    case when n % 10 = 0 then 'CORRECTED' else 'RECORDED' end, '', '', '', now(), now()
from generate_series($1::bigint, $2::bigint) n"""
VERSIONS = """insert into decision_version (decision_id, version, change, content,
    content_hash, reason, basis, unit, who, at)
select d.decision_id, v, case v when 1 then 'RECORDED' else 'CORRECTED' end, '', '', '',
    '', '', '', d.decided_on + v * interval '1 day'
from decision d cross join generate_series(1, d.version) v"""
RECOUNT = """select count(*) as "credit-published", (select count(*)
    from decision_version v where v.version > 1) as "credit-withdrawn",
    count(*) as "own-site-penalty-published"
from decision"""
UNITS = [credit_code(f"1161990{number:010}") for number in range(40)]
DUE = """query($unit: CreditCode!) {
  clocks(first: 100, where: {subjectCode: {eq: $unit}, endedOn: {present: false}},
    orderBy: {by: dueOn, direction: ASC}) { nodes {
    duty dutyTitleZh state dueOn dueCertainty ruleSource movedBecauseZh } } }"""


async def computed(
    url: str, rules: ClockRules, unit: str | None = None
) -> Counter[tuple[str, date]]:
    """Compute every clock; count them by duty and last day."""
    found: Counter[tuple[str, date]] = Counter()
    async with aclosing(clock_facts(url, unit)) as every:
        async for facts in every:
            for clock in rules.clocks(facts.act, facts.party, facts.happenings):
                found[clock.duty.name, clock.due.day] += 1
    return found


async def main(many: int) -> bool:
    """Fill a ledger, compute its clocks, print how long it took; say if all agrees."""
    folder = Settings().state / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    state = Path(tempfile.mkdtemp(prefix="clocks-", dir=folder))
    try:
        servers = await asyncio.to_thread(Cluster(state, ("clocks",)).start)
        await fill(servers["clocks"], many)
        right = await measure(servers["clocks"])
        await through_the_graph(state, servers["clocks"])
        return right
    finally:
        clean(state)


async def fill(url: str, many: int) -> None:
    """Put *many* decisions into the ledger at *url*, past its triggers."""
    await migrate(url, MIGRATIONS, "anze")
    connection = await asyncpg.connect(url)
    await connection.execute("set session_replication_role = replica")
    await connection.execute(FILL, 1, many, UNITS)
    await connection.execute(VERSIONS)
    await connection.execute("analyze decision, decision_version")
    await connection.close()


async def measure(url: str) -> bool:
    """Compute the clocks, store them, move them by another calendar, list a unit's."""
    rules = read_clock_rules(Settings())
    started = time.perf_counter()
    before = await computed(url, rules)
    every = time.perf_counter() - started
    print(f"clocks computed          {before.total():,}")
    print(f"as the calendar is       {every:.1f} s, {before.total() / every:,.0f}/s")
    connection = await asyncpg.connect(url)
    starts = dict(await connection.fetchrow(RECOUNT) or {})
    await connection.execute(TOUCH)
    async with ClockBook(url) as book:
        await book.adopt(rules)
        started = time.perf_counter()
        while (await book.look(rules)).taken:
            pass
        took = time.perf_counter() - started
        print(f"stored                   {took:.1f} s, {before.total() / took:,.0f}/s")
        await connection.execute("vacuum analyze clock")
        stored = await by_day(connection)
        other = with_days_off_of_2026(rules)
        started = time.perf_counter()
        moved = await book.adopt(other)
        took = time.perf_counter() - started
    after = await by_day(connection)
    print(
        f"a notice of more days    {took:.1f} s, {moved.clocks if moved else 0:,} moved"
    )
    await connection.execute("vacuum analyze clock")
    took = min([await listed(connection, number) for number in range(20)])
    worst = max([await listed(connection, number) for number in range(20, 40)])
    print(
        f"a unit's due list        {took * 1e3:.1f} to {worst * 1e3:.1f} ms, SQL alone"
    )
    told = await tell(url)
    print(f"told for the stream      {told[0]:,} events, {told[0] / told[1]:,.0f}/s")
    await connection.close()
    agrees = {
        "SQL counts the starts": dict(_by_duty(before)) == starts,
        "stored as computed": stored == before,
        "moved as computed anew": after == await computed(url, other),
    }
    for said, true in agrees.items():
        print(f"{said}: {'yes' if true else 'NO'}")
    return all(agrees.values())


def with_days_off_of_2026(rules: ClockRules) -> ClockRules:
    """Give *rules* with a week off in every month: nearly every last day moves."""
    year = rules.calendar.years[2026]
    week = {date(2026, month, day) for month in range(1, 13) for day in range(10, 17)}
    other = Year(year.off | week, year.worked, (*year.sources, "a notice"))
    return clock_rules(rules.duties, Calendar({**rules.calendar.years, 2026: other}))


async def by_day(connection: asyncpg.Connection) -> Counter[tuple[str, date]]:
    """Count the stored clocks by duty and last day."""
    rows = await connection.fetch(BY_DAY)
    return Counter({(duty, day): many for duty, day, many in rows})


async def listed(connection: asyncpg.Connection, number: int) -> float:
    """Read the first hundred that a unit has to do; give the seconds."""
    started = time.perf_counter()
    rows = await connection.fetch(LISTED, UNITS[number])
    if not rows:
        sys.exit("the unit has nothing to do")
    return time.perf_counter() - started


async def tell(url: str) -> tuple[int, float]:
    """Write what is told of every clock, and hand it out to nobody."""
    sent = 0

    async def taken(events: Sequence[ClockEvent]) -> Sequence[int]:
        nonlocal sent
        sent += len([write_clock(one, "/zhitong/anze/619900/clocks") for one in events])
        return [one.seq for one in events]

    started = time.perf_counter()
    async with ClockEvents(url) as events:
        while await events.tell(date(2026, 6, 30)):
            await events.hand(taken)
        while await events.hand(taken):
            pass
    return sent, time.perf_counter() - started


async def through_the_graph(state: Path, url: str) -> None:
    """Ask for units' lists as a supervisor does; print how long that takes."""
    settings = Settings(state=state, bindings=state / "bindings")
    settings.bindings.mkdir(exist_ok=True)
    make_demo_keys(state, ["provincial", "credit"])
    seconds: list[float] = []
    gateway = Gateway(settings, {"platform": url}.get)
    async with gateway.running() as engine:
        for number in range(80):
            question = Question(
                document=DUE,
                variables={"unit": UNITS[number % 40]},
                operation=None,
                principal=DEMO_PRINCIPALS["supervisor"],
                occasion=Occasion(),
                request_id=uuid.uuid4().hex,
            )
            started = time.perf_counter()
            answer = await engine.answer(question)
            took = time.perf_counter() - started
            found = answer.body.get("data")
            if not isinstance(found, dict) or len(found["clocks"]["nodes"]) != ROWS:
                sys.exit(f"the graph gave no list: {answer.body}")
            if number >= len(UNITS):  # each document is planned once
                seconds.append(took)
    seconds.sort()
    print(
        f"  through the graph      {seconds[0] * 1e3:.1f} to {seconds[-1] * 1e3:.1f}"
        f" ms, median {seconds[len(seconds) // 2] * 1e3:.1f} ms, {ROWS} rows"
    )


def _by_duty(found: Counter[tuple[str, date]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for (duty, _), many in found.items():
        counted[duty] += many
    return counted


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    sys.exit(0 if asyncio.run(main(parser.parse_args().decisions)) else 1)
