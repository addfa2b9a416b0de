"""Clocks, asked for in the graph: a unit's due list, a decision's clocks, counts."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Answer, Engine

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]

DUE = """query($unit: CreditCode!) {
  clocks(where: {subjectCode: {eq: $unit}, endedOn: {present: false}},
    orderBy: {by: dueOn, direction: ASC}) { nodes {
    clockId duty dutyTitleZh dutyTitleEn state receiver decisionId version startedOn
    nearOn dueOn dueCertainty rule ruleSource calendars movedFrom movedBecauseZh
    movedBecauseEn endedOn endedBy } } }"""
COUNTED = """query($unit: CreditCode!) {
  clockStatistics(by: [DUTY, STATE], where: {subjectCode: {eq: $unit}}) {
    groups { duty state count } } }"""
FILL = """insert into clock (decision_id, duty, version, unit, started_on, due_on,
    near_on, ended_on, ended_by, lapsed)
select $1 || n, $2, 1, $3, t - 9, t + due, t + due - 2, t + ended, by,
    coalesce(by = 'WITHDRAWN', false)
from (values (1, 5, null::integer, null::text), (2, 1, null, null), (3, -1, null, null),
        (4, 0, 0, 'HELD'), (5, 0, 1, 'HELD'), (6, 0, 0, 'WITHDRAWN'),
        (7, -3, -2, 'WITHDRAWN')) v (n, due, ended, by),
    (select (now() at time zone 'Asia/Shanghai')::date as t) today"""
STATES = ["LATE", "SOON", "RUNNING"]


@dataclass(frozen=True)
class Kept:
    """Clocks of a unit and a duty of this test's own."""

    unit: str
    duty: str


@pytest.fixture
async def kept(gateway: tuple[Gateway, Engine], sql: Sql) -> AsyncIterator[Kept]:
    """Keep a clock in each state; one was moved, and is provisional."""
    del gateway  # it has migrated the database
    unit, duty = "91110000600037341L", f"d{uuid.uuid4().hex[:12]}"
    await sql("platform", FILL, uuid.uuid4().hex, duty, unit)
    await sql(
        "platform",
        "insert into clock_duty values ($1, '公示', 'published', 'credit', 'f')",
        duty,
    )
    await sql(
        "platform",
        "insert into due_day select distinct duty, started_on, due_on, near_on,"
        " 'f/2026-01-01', '某法第1条', array['某通知'], array['PROVISIONAL']"
        " from clock where duty = $1 and due_on - started_on = 14",
        duty,
    )
    await sql(
        "platform",
        "insert into due_day_moved (duty, started_on, before_on, after_on, zh, en,"
        " open, every) select duty, started_on, due_on - 1, due_on, '因某通知',"
        " 'a notice', 1, 1 from due_day where duty = $1",
        duty,
    )
    yield Kept(unit, duty)
    for table in ("clock", "clock_duty", "due_day", "due_day_moved"):
        await sql("platform", f"delete from {table} where duty = $1", duty)  # noqa: S608 - names above


def shown(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    body: Any = answer.body
    assert "errors" not in body, body
    (only,) = body["data"].values()
    return only


async def test_a_unit_s_list_says_what_is_due_first_and_what_it_rests_on(
    ask: Asking, kept: Kept
) -> None:
    found = shown(await ask("supervisor", DUE, {"unit": kept.unit}))["nodes"]
    assert [one["state"] for one in found] == STATES
    assert {one["duty"] for one in found} == {kept.duty}
    assert {one["dutyTitleZh"] for one in found} == {"公示"}
    late, _, running = found
    assert late["clockId"] == f"{late['decisionId']}:{kept.duty}:1"
    # All began on one day here; what is said of that day is said of each.
    assert (running["rule"], running["ruleSource"]) == ("f/2026-01-01", "某法第1条")
    assert (running["dueCertainty"], running["calendars"]) == (
        "PROVISIONAL",
        ["某通知"],
    )
    assert running["movedBecauseZh"] == "因某通知"
    assert running["movedFrom"] < running["dueOn"]
    assert running["endedOn"] is None


async def test_counts_are_by_duty_and_state(ask: Asking, kept: Kept) -> None:
    found = shown(await ask("supervisor", COUNTED, {"unit": kept.unit}))
    assert {(one["duty"], one["state"], one["count"]) for one in found["groups"]} == {
        (kept.duty, state, 1)
        for state in (*STATES, "DONE", "DONE_LATE", "LAPSED", "LAPSED_LATE")
    }


async def test_a_department_has_its_own_and_the_public_none(
    ask: Asking, kept: Kept
) -> None:
    """These are of decisions that nobody recorded: no department's."""
    for who in ("department", "public"):
        answer = await ask(who, DUE, {"unit": kept.unit})
        body: Any = answer.body
        assert not (body["data"]["clocks"] or {}).get("nodes"), who
