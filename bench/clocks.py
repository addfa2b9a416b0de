"""How long the clocks of a large ledger take to compute: `make bench-clocks N=…`.

A ledger of N decisions, a tenth of them undone, none held by anybody: each has one open
clock or two. Counted by `zhitong clocks`' own code, with the calendar as it is and with
days off of 2027 that nobody has published; then the same, in SQL, for comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from datetime import date
from pathlib import Path

import asyncpg

from zhitong.connectors.clock_facts import clock_facts
from zhitong.connectors.migrations import migrate
from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.duties_file import read_duties
from zhitong.infra.embedded import Cluster, clean
from zhitong.infra.figures_file import read_figures
from zhitong.infra.platform_database import MIGRATIONS
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.rules.clocks import Duty, clocks
from zhitong.rules.due_days import DueDays
from zhitong.rules.working_days import Calendar, Year

FILL = """insert into decision (decision_id, local_id, act_type, subject_code, case_key,
    case_hash, document_no, document_key, decided_on, party_key, party_kind, party_name,
    officers, penalty_kinds, version, change, reason, content_hash, recorded_by,
    recorded_at, changed_at)
select md5(n::text)::uuid::text, n::text, 'PENALTY', 'unit-' || n % 40, n::text, n,
    n::text, n::text, date '2026-01-01' + (n % 365)::integer, n::text, 'LEGAL_PERSON',
    '', '{}', '{}', 1 + (n % 10 = 0)::integer,
    case when n % 10 = 0 then 'CORRECTED' else 'RECORDED' end, '', '', '', now(), now()
from generate_series($1::bigint, $2::bigint) n"""
VERSIONS = """insert into decision_version (decision_id, version, change, content,
    content_hash, reason, basis, unit, who, at)
select d.decision_id, v, case v when 1 then 'RECORDED' else 'CORRECTED' end, '', '', '',
    '', '', '', d.decided_on + v * interval '1 day'
from decision d cross join generate_series(1, d.version) v"""
RECOUNT = """select count(*) as "credit-published", (select count(*)
    from decision_version v where v.version > 1) as "credit-withdrawn"
from decision"""


def shipped() -> tuple[Sequence[Duty], Calendar]:
    """Give the duties and the calendar that are shipped."""
    settings = Settings()
    receivers = {one.name for one in receivers_of(settings).receivers}
    duties = read_duties(settings.duties, read_figures(settings.figures), receivers)
    return duties, read_calendar(settings.calendar)


async def computed(
    url: str, duties: Sequence[Duty], calendar: Calendar, unit: str | None = None
) -> Counter[tuple[str, date]]:
    """Compute every clock; count them by duty and last day."""
    found: Counter[tuple[str, date]] = Counter()
    due_days = DueDays(calendar)
    async with aclosing(clock_facts(url, unit)) as every:
        async for facts in every:
            for duty in duties:
                if duty.figure.about(facts.act, facts.party):
                    for clock in clocks(duty, facts.happenings, due_days):
                        found[duty.name, clock.due.day] += 1
    return found


async def main(many: int) -> bool:
    """Fill a ledger, compute its clocks, print how long it took; say if all agrees."""
    folder = Settings().state / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    state = Path(tempfile.mkdtemp(prefix="clocks-", dir=folder))
    try:
        servers = await asyncio.to_thread(Cluster(state, ("clocks",)).start)
        await fill(servers["clocks"], many)
        return await measure(servers["clocks"])
    finally:
        clean(state)


async def fill(url: str, many: int) -> None:
    """Put *many* decisions into the ledger at *url*, past its triggers."""
    await migrate(url, MIGRATIONS, "anze")
    connection = await asyncpg.connect(url)
    await connection.execute("set session_replication_role = replica")
    await connection.execute(FILL, 1, many)
    await connection.execute(VERSIONS)
    await connection.execute("analyze decision, decision_version")
    await connection.close()


async def measure(url: str) -> bool:
    """Compute the clocks by two calendars, and one unit's; say if SQL agrees."""
    duties, calendar = shipped()
    started = time.perf_counter()
    before = await computed(url, duties, calendar)
    every = time.perf_counter() - started
    connection = await asyncpg.connect(url)
    starts = await connection.fetchrow(RECOUNT)
    await connection.close()
    first_week = frozenset(date(2027, 1, day) for day in range(1, 8))
    noticed = Year(first_week, frozenset(), ("a notice",))
    years = {**calendar.years, 2027: noticed}
    started = time.perf_counter()
    after = await computed(url, duties, Calendar(years))
    again = time.perf_counter() - started
    moved = (before - after).total()
    started = time.perf_counter()
    own = await computed(url, duties, calendar, "unit-7")
    unit = time.perf_counter() - started
    counted: Counter[str] = Counter()
    for (duty, _), many in before.items():
        counted[duty] += many
    print(f"clocks computed        {before.total():,}")
    print(f"as the calendar is     {every:.1f} s, {before.total() / every:,.0f}/s")
    print(f"with days off of 2027  {again:.1f} s, {moved:,} have another last day")
    print(f"of one unit            {unit:.1f} s, {own.total():,}")
    agrees = dict(counted) == dict(starts or {})
    print("SQL counts as many" if agrees else f"SQL counts otherwise: {starts}")
    return agrees


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    sys.exit(0 if asyncio.run(main(parser.parse_args().decisions)) else 1)
