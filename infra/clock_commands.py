"""``zhitong clocks``: what is due, late and done, computed from the ledger as it is."""

from __future__ import annotations

import argparse
import asyncio
import heapq
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import orjson

from zhitong.connectors.clock_book import differing
from zhitong.connectors.clock_facts import Facts, clock_facts
from zhitong.connectors.notices import Notices
from zhitong.connectors.session import State as Row
from zhitong.exceptions import DecisionUnknownError, SettingsError
from zhitong.infra.clock_rules import read_clock_rules
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.settings import Settings
from zhitong.rules.applied_rules import CONFIDENCE, NOTES
from zhitong.rules.clock_counts import Counts, Place, counted
from zhitong.rules.clock_rules import ClockRules
from zhitong.rules.clocks import OPEN, Clock, Milestone, State
from zhitong.rules.due_days import DueDay, moved
from zhitong.rules.working_days import CHINA
from zhitong.types import Label

MOST = 1_000
"""Clocks, at most so many are listed."""
STATES = {
    State.RUNNING: Label("未到期", "running"),
    State.SOON: Label("将到期", "due soon"),
    State.LATE: Label("逾期", "LATE"),
    State.DONE: Label("按期", "done in time"),
    State.DONE_LATE: Label("逾期做到", "done late"),
    State.LAPSED: Label("不再需要", "lapsed"),
    State.LAPSED_LATE: Label("逾期后不再需要", "lapsed, but late"),
}
ENDS = {
    Milestone.HELD: Label("已收存", "held"),
    Milestone.WITHDRAWN: Label("决定已撤回", "the decision was withdrawn"),
}

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A clock of a decision, as it stands."""

    facts: Facts
    clock: Clock
    state: State


def describe(verb: Verb) -> None:
    """Add what can be asked of clocks."""
    counts = verb(
        "report",
        "按机关和职责统计按期、逾期、将到期 count by unit and duty",
        report,
    )
    narrowed(counts)
    every = verb(
        "list", "列出未了的，最早到期的在前 what is open, first due first", show
    )
    narrowed(every)
    every.add_argument("--duty", metavar="职责", help="of this duty alone")
    every.add_argument(
        "--late", action="store_true", help="只列逾期的 what is late alone"
    )
    other = verb(
        "compare",
        "换一份日历，哪些未了的时钟会变 what is open and moves by another calendar",
        compare,
    )
    other.add_argument(
        "calendar", metavar="日历文件", type=Path, help="the other file of working days"
    )
    narrowed(other)
    verb(
        "check",
        "存放的时钟是否与台账相符 whether the stored clocks are what the ledger makes",
        check,
    )
    kept = verb(
        "notices",
        "没有送到的通知；--again 再试已放弃的 notices that have not arrived",
        notices,
    )
    kept.add_argument(
        "--again", action="store_true", help="再试已放弃的 try what was given up"
    )
    one = verb("explain", "一件决定的时钟及其依据 a decision's clocks", explain)
    one.add_argument("decision", metavar="决定号", type=UUID, help="its id")
    one.add_argument("--at", metavar="时刻", help="as it stands then, ISO 8601")


def narrowed(parser: argparse.ArgumentParser) -> None:
    """Add of whom and of when something is asked, and in which form."""
    parser.add_argument("--unit", metavar="机关", help="its credit code")
    parser.add_argument("--at", metavar="时刻", help="as it stands then, ISO 8601")
    parser.add_argument("--json", action="store_true", help="打印 JSON print JSON")


def report(settings: Settings, given: argparse.Namespace) -> None:
    """Count the clocks of every unit and duty, and say what part was late."""
    rules, now = read_clock_rules(settings), asked_moment(given)
    found = asyncio.run(_counted(settings, rules, now, getattr(given, "unit", None)))
    if getattr(given, "json", False):
        say(orjson.dumps([_counts(*one) for one in found.items()]).decode())
        return
    say(f"截至 as of {now.astimezone(CHINA):%Y-%m-%d %H:%M}")
    titles = {one.name: one.title for one in rules.duties}
    for (unit, duty), counts in found.items():
        title = titles[duty]
        late = counts.late_percent
        share = "—" if late is None else f"{late}%"
        say(
            f"{unit}  {duty}  {title.zh} {title.en}",
            "  "
            + "  ".join(
                f"{STATES[state].zh} {STATES[state].en} {many}"
                for state in State
                if (many := counts.of(state))
            ),
            f"  迟报率 late rate {share}（{counts.late}/{counts.settled}）",
        )


def show(settings: Settings, given: argparse.Namespace) -> None:
    """List what is still to be done, the first due first."""
    rules, now = read_clock_rules(settings), asked_moment(given)
    if given.duty is not None and given.duty not in {one.name for one in rules.duties}:
        every = ", ".join(one.name for one in rules.duties)
        raise SettingsError(
            f"没有职责 {given.duty}；有：{every}",
            f"there is no duty {given.duty}; there are {every}",
        )
    wanted = {State.LATE} if given.late else OPEN
    found = asyncio.run(_listed(settings, rules, now, given, wanted))
    if given.json:
        say(orjson.dumps([_entry(one) for one in found]).decode())
        return
    for one in found:
        clock, state = one.clock, STATES[one.state]
        say(
            f"{clock.due.day}  {state.zh} {state.en}  {clock.duty.name}  "
            f"{one.facts.unit}  {one.facts.document_no}  "
            f"{one.facts.id} v{clock.version}"
        )


def compare(settings: Settings, given: argparse.Namespace) -> None:
    """Say which open clocks another calendar moves, and why: before it is adopted."""
    rules, now = read_clock_rules(settings), asked_moment(given)
    other = read_clock_rules(settings, given.calendar)
    opened, found = asyncio.run(_moved(settings, rules, other, now, given.unit))
    if given.json:
        say(
            orjson.dumps(
                [
                    {**_entry(one), "dueBy": due.day, "why": why.zh, "whyEn": why.en}
                    for one, due, why in found[:MOST]
                ]
            ).decode()
        )
        return
    say(f"未了 open {opened}，有变 moved {len(found)}")
    for one, _, why in found[:MOST]:
        say(
            f"{one.clock.duty.name}  {one.facts.unit}  {one.facts.document_no}  "
            f"{one.facts.id} v{one.clock.version}",
            f"  {why.zh}",
            f"  {why.en}",
        )


def check(settings: Settings, _given: argparse.Namespace) -> bool:
    """Hold the stored clocks against what the ledger makes; say if all agree."""
    compared, wrong = asyncio.run(_differing(settings, read_clock_rules(settings)))
    say(f"已核对 compared {compared}，不符 otherwise {len(wrong)}")
    say(*wrong[:MOST])
    return not wrong


def notices(settings: Settings, given: argparse.Namespace) -> None:
    """List the notices that have not arrived, or have them tried again."""
    found, again = asyncio.run(_notices(settings, again=given.again))
    if given.again:
        say(f"再试 tried again {again}")
    say(f"未送到 not arrived {len(found)}")
    for one in found:
        how = "已放弃 GIVEN UP" if one["given_up_at"] else "待发 waits"
        say(
            f"{how}  {one['address']}  {one['what']}  {one['due_on']}  "
            f"{one['clock_id']}  {one['attempts']}  {one['error']}"
        )


async def _notices(settings: Settings, *, again: bool) -> tuple[Sequence[Row], int]:
    async with Notices(await own_platform(settings)) as book:
        tried = await book.again("") if again else 0
        return await book.listed(MOST), tried


async def _differing(
    settings: Settings, rules: ClockRules
) -> tuple[int, Sequence[str]]:
    compared, wrong = 0, list[str]()
    url = await own_platform(settings)
    async with aclosing(differing(url, rules)) as every:
        async for many, otherwise in every:
            compared += many
            wrong += otherwise
    return compared, wrong


def explain(settings: Settings, given: argparse.Namespace) -> None:
    """Say what a decision's clocks are, and what each rests on."""
    rules, now = read_clock_rules(settings), asked_moment(given)
    found = asyncio.run(_of(settings, rules, now, given.decision))
    if found is None:
        raise DecisionUnknownError(
            f"台账中没有决定 {given.decision}",
            f"the ledger has no decision {given.decision}",
        )
    for one in found:
        say(*_explained(one))


def _explained(one: Shown) -> Iterator[str]:
    clock, state = one.clock, STATES[one.state]
    due, version = clock.due, clock.due.version
    sure = CONFIDENCE[version.confidence]
    yield f"{clock.duty.name}  {clock.duty.title.zh} {clock.duty.title.en}"
    yield (
        f"  自 from {due.started}（第 {clock.version} 版 version {clock.version}）"
        f"至 to {due.day}  {state.zh} {state.en}"
    )
    yield f"  {version.name}：{version.value.label.zh} {version.value.label.en}"
    yield f"  依据 {version.source}（{sure.zh} {sure.en}）"
    yield from (f"  {NOTES[note].zh} {NOTES[note].en}" for note in due.notes)
    for source in due.ending.sources:
        yield f"  工作日依据 working days by {source}"
    if clock.by is not None:
        ended = _said(clock.ended)
        yield f"  {ENDS[clock.by].zh} {ENDS[clock.by].en} {ended}"


async def _of(
    settings: Settings, rules: ClockRules, now: datetime, decision: UUID
) -> Sequence[Shown] | None:
    """Give the clocks of *decision*; None: the ledger does not have it."""
    url = await own_platform(settings)
    async with aclosing(clock_facts(url, decision=decision)) as every:
        async for facts in every:
            return list(_clocks(facts, rules, now))
    return None


async def _counted(
    settings: Settings, rules: ClockRules, now: datetime, unit: str | None
) -> Mapping[Place, Counts]:
    async with aclosing(_every(settings, rules, now, unit)) as every:
        return counted(
            [((one.facts.unit, one.clock.duty.name), one.state) async for one in every]
        )


async def _listed(
    settings: Settings,
    rules: ClockRules,
    now: datetime,
    given: argparse.Namespace,
    wanted: frozenset[State] | set[State],
) -> Sequence[Shown]:
    async with aclosing(_every(settings, rules, now, given.unit)) as every:
        found = [
            one
            async for one in every
            if one.state in wanted and given.duty in {None, one.clock.duty.name}
        ]
    return heapq.nsmallest(
        MOST, found, key=lambda one: (one.clock.due.day, one.facts.id, one.clock.key)
    )


async def _moved(
    settings: Settings,
    rules: ClockRules,
    other: ClockRules,
    now: datetime,
    unit: str | None,
) -> tuple[int, Sequence[tuple[Shown, DueDay, Label]]]:
    """Count the open clocks; give those that are otherwise by *other*'s calendar."""
    opened = 0
    found: list[tuple[Shown, DueDay, Label]] = []
    url = await own_platform(settings)
    async with aclosing(clock_facts(url, unit)) as every:
        async for facts in every:
            by_other = {
                one.clock.key: one.clock.due for one in _clocks(facts, other, now)
            }
            for one in _clocks(facts, rules, now):
                if one.state in OPEN:
                    opened += 1
                    due = by_other[one.clock.key]
                    why = moved(one.clock.due.basis, due.basis)
                    if why is not None:
                        found.append((one, due, why))
    found.sort(key=lambda each: (each[1].day, each[0].facts.id, each[0].clock.key))
    return opened, found


async def _every(
    settings: Settings, rules: ClockRules, now: datetime, unit: str | None
) -> AsyncGenerator[Shown, None]:
    url = await own_platform(settings)
    async with aclosing(clock_facts(url, unit)) as every:
        async for facts in every:
            for one in _clocks(facts, rules, now):
                yield one


def _clocks(facts: Facts, rules: ClockRules, now: datetime) -> Iterator[Shown]:
    # As it stood *now*, with all that is known of it today: what is heard late counts.
    happened = [one for one in facts.happenings if one.by(now)]
    for clock in rules.clocks(facts.act, facts.party, happened):
        yield Shown(facts=facts, clock=clock, state=clock.state(now, rules.calendar))


def asked_moment(given: argparse.Namespace) -> datetime:
    """Give the moment asked about; without a zone it is China's."""
    said: str | None = getattr(given, "at", None)
    if said is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(said)
    except ValueError as error:
        raise SettingsError(
            f"--at {said} 不是时刻，应如 2026-11-24 或 2026-11-24T09:00",
            f"--at {said} is no moment; write 2026-11-24 or 2026-11-24T09:00",
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=CHINA)


def _counts(place: Place, counts: Counts) -> Mapping[str, object]:
    late = counts.late_percent
    return {
        "unit": place[0],
        "duty": place[1],
        "states": {state.value: counts.of(state) for state in State},
        "late": counts.late,
        "settled": counts.settled,
        "latePercent": None if late is None else str(late),
    }


def _entry(one: Shown) -> Mapping[str, object]:
    clock = one.clock
    return {
        "duty": clock.duty.name,
        "unit": one.facts.unit,
        "decisionId": str(one.facts.id),
        "version": clock.version,
        "documentNo": one.facts.document_no,
        "startedOn": clock.due.started,
        "dueOn": clock.due.day,
        "rule": clock.due.version.name,
        "notes": list(clock.due.notes),
        "state": one.state,
    }


def _said(at: object) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}" if isinstance(at, datetime) else ""
