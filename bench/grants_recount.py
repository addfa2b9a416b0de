"""Count a month of grants a second time, in SQL, from the steps alone.

Nothing here is shared with the code that is counted: working days are made from the
calendar's file, due days from the steps' own times, lateness from both.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import asyncpg

DAYS = """
create temp table working_day as
select d::date as day, row_number() over (order by d) as number
from generate_series('2025-01-01'::date, '2028-12-31'::date, interval '1 day') d
where (extract(isodow from d) < 6 and d::date <> all ($1::date[])) or d::date = any ($2::date[])
"""  # noqa: E501 - a table in one breath
CLOCKS = """
create temp table clock (state text, duty text, conditional boolean, days int);
insert into clock values
    ('APPLIED', 'REVIEW', null, 2), ('INCOMPLETE', 'SUPPLEMENT', null, 5),
    ('REVIEWED', 'REPLY', false, 1), ('REVIEWED', 'REPLY', true, 10),
    ('AGREED', 'PROVIDE', null, 20), ('DISPUTED', 'SETTLE', null, 10)
"""
# Each stay in a state: since when, until when (null: it is there still), what was due.
STAYS = """
create temp table stay as
with step as (
    select s.*, lead(at) over (partition by grant_id order by version) as left_at
    from grant_step s
)
select s.grant_id, s.version, s.state, s.at, s.left_at, c.duty, w.day as due,
    (w.day + 1)::timestamp at time zone 'Asia/Shanghai' as late_from
from step s
join access_grant g using (grant_id)
left join clock c on c.state = s.state
    and coalesce(c.conditional, g.conditional) = g.conditional
left join lateral (
    select day from working_day
    where day > (s.at at time zone 'Asia/Shanghai')::date
    order by day offset c.days - 1 limit 1) w on c.duty is not null
"""
STATES = """
select state, count(*) from stay where left_at is null group by state
"""
STANDS = "select state, count(*) from access_grant group by state"
LATE = """
select grant_id, duty from stay
where duty is not null and left_at >= late_from order by grant_id, version
"""
NAMED_LATE = """
select grant_id, duty from access_grant, unnest(late) with ordinality l (duty, n)
order by grant_id, n
"""
OPEN = """
select grant_id, duty, late_from, late_from <= $1 as late,
    due >= '2027-01-01' as provisional
from stay where left_at is null and duty is not null order by grant_id
"""
NAMED_OPEN = """
select grant_id, due_step, due_at, due_at <= $1 as late, provisional
from access_grant where due_at is not null order by grant_id
"""
DEEDS = """
select count(*) filter (where d.deed_id is null) as without,
    count(*) filter (where convert_from(d.body, 'UTF8')::jsonb #>> '{detail,row,state}'
        is distinct from s.state or d.who <> s.person or d.unit <> s.unit
        or d.at <> s.at) as other,
    (select count(*) from deed where kind = 'GRANT') - count(*) as more,
    count(*) filter (where u.id is null) as unqueued
from grant_step s
left join deed d on d.deed_id = s.grant_id || '/' || s.version
left join unsealed u on u.kind = 'DEED' and u.id = d.deed_id
"""
GAPS = """
select count(*) from access_grant g where g.version <> (
    select count(*) from grant_step s where s.grant_id = g.grant_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount:
    """What was counted a second time, and where it differs."""

    states: Counter[str]
    late: Counter[str]
    """Duties that were done late."""
    overdue: Counter[str]
    """Duties that are late and still open."""
    named: list[str]
    """Each of both, by application."""
    provisional: int
    steps: int
    faults: list[str] = field(default_factory=list)


def days(calendar: Path) -> tuple[list[date], list[date]]:
    """Read days off and worked weekend days, of all years."""
    said: dict[str, Any] = tomllib.loads(calendar.read_text(encoding="utf-8"))
    parts = [*said["years"], *said.get("changes", [])]
    usual = {day for part in parts for day in part.get("usual", [])}
    off = [day for part in parts for day in part.get("off", []) if day not in usual]
    worked = [
        day for part in parts for day in part.get("worked", []) if day not in usual
    ]
    return off, worked


async def recount(url: str, calendar: Path, now: datetime) -> Recount:
    """Count everything again as of *now*; name what is otherwise in the register."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("begin isolation level repeatable read")
        off, worked = days(calendar)
        # A statement with parameters makes no table: the days are ours, not anybody's.
        spelt = [
            "array[{}]::date[]".format(", ".join(f"'{day}'" for day in each))
            for each in (off, worked)
        ]
        await connection.execute(
            DAYS.replace("$1::date[]", spelt[0]).replace("$2::date[]", spelt[1])
        )
        await connection.execute(CLOCKS)
        await connection.execute(STAYS)
        return await _compared(connection, now)
    finally:
        await connection.close()


async def _compared(connection: Any, now: datetime) -> Recount:  # noqa: ANN401 - asyncpg's
    faults: list[str] = []
    found: dict[str, list[Any]] = {}
    for what, ours, theirs, values in (
        ("states", STATES, STANDS, ()),
        ("late duties", LATE, NAMED_LATE, ()),
        ("open duties", OPEN, NAMED_OPEN, (now,)),
    ):
        counted = await _rows(connection, ours, values)
        named = await _rows(connection, theirs, values)
        found[what] = counted
        faults += [f"{what}: recounted {one}" for one in counted if one not in named]
        faults += [f"{what}: registered {one}" for one in named if one not in counted]
    deeds = await connection.fetchrow(DEEDS)
    faults += [f"deeds: {deeds[name]} {name}" for name in deeds.keys() if deeds[name]]  # noqa: SIM118 - a record iterates over its values
    gaps = await connection.fetchval(GAPS)
    faults += [f"{gaps} applications lack a step"] if gaps else []
    done = [
        f"{grant} {duty} 办理已逾期 done late" for grant, duty in found["late duties"]
    ]
    still = [
        f"{grant} {duty} 逾期未办 late and open"
        for grant, duty, _, late, _ in found["open duties"]
        if late
    ]
    return Recount(
        named=sorted(done + still),
        states=Counter(dict(found["states"])),
        late=Counter(duty for _, duty in found["late duties"]),
        overdue=Counter(duty for _, duty, _, late, _ in found["open duties"] if late),
        provisional=sum(one[-1] for one in found["open duties"]),
        steps=await connection.fetchval("select count(*) from grant_step"),
        faults=faults,
    )


async def _rows(
    connection: Any,  # noqa: ANN401 - asyncpg's
    statement: str,
    values: Sequence[object],
) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in await connection.fetch(statement, *values))
