"""``zhitong scenario year``: a scripted year, and everything counted a second time."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import orjson

from zhitong.connectors.clock_book import differing
from zhitong.connectors.clock_facts import clock_facts
from zhitong.connectors.inbox_look import answered, holds
from zhitong.connectors.scenario_recount import Duty, Recount
from zhitong.exceptions import SettingsError
from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.clock_rules import read_clock_rules
from zhitong.infra.commands import say
from zhitong.infra.consuming import database_name
from zhitong.infra.platform_database import PLATFORM
from zhitong.infra.publicity_commands import counted
from zhitong.infra.publicity_rules import read_publicity_rules
from zhitong.infra.scenario_script import (
    END,
    OWN,
    SEED,
    YEAR,
    Case,
    Days,
    held,
    public,
    script,
)
from zhitong.infra.scenario_stage import (
    RECEIVERS,
    Stage,
    played,
    relaying,
    servers,
    stage,
)
from zhitong.infra.settings import Settings
from zhitong.rules.clocks import OPEN, TOO_LATE
from zhitong.rules.publicity_rates import rates
from zhitong.types import Label

MOST = 20
"""Differences that are named on the screen; the file has all of them."""
_PATIENCE = 1_800.0
_EVERY = 1.0
_READ_SECONDS = 60.0
"""For what the broker has to be read."""


@dataclass(slots=True, kw_only=True)
class Found:
    """What was found, and where two counts differ."""

    compared: int = 0
    wrong: list[str] = field(default_factory=list)
    late: list[Mapping[str, object]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def compare(self, what: str, ours: object, theirs: object) -> None:
        """Hold two counts against each other."""
        self.compared += 1
        if ours != theirs:
            self.wrong.append(f"{what}: {ours} ≠ {theirs}")


def year(settings: Settings, given: argparse.Namespace) -> bool:
    """Play the year and compare; say whether all counts agree."""
    if given.decisions < 1:
        raise SettingsError(
            "--decisions 至少为 1",
            "--decisions is 1 or more",
            given=str(given.decisions),
        )
    folder = settings.state.parent
    own = replace(settings, state=folder / "scenario", bindings=folder / "scenario")
    began = time.monotonic()
    with servers(own) as urls:
        found = asyncio.run(_year(own, urls, given, began))
    report = folder / "scenario.json"
    report.write_bytes(orjson.dumps(_written(found), option=orjson.OPT_INDENT_2))
    _told(found, report)
    return not found.wrong


async def _year(
    settings: Settings,
    urls: Mapping[str, str],
    given: argparse.Namespace,
    began: float,
) -> Found:
    found = Found()
    calendar = read_calendar(settings.calendar)
    days = Days(calendar.works, date(YEAR - 3, 1, 1), date(YEAR + 1, 6, 30))
    cases = list(script(given.decisions, days, given.seed or SEED))
    found.seconds["启动 started"] = time.monotonic() - began
    with relaying(settings.state):
        async with stage(settings, urls) as made:
            await played(made, iter(cases))
            found.seconds["办理 played"] = time.monotonic() - began
            recount = Recount(urls[PLATFORM])
            await _settled(recount, made)
            found.seconds["送达 settled"] = time.monotonic() - began
            say(*_counts(made, cases))
            await _clocks(settings, urls[PLATFORM], recount, days, found)
            await _shown(settings, recount, days, found)
            await _held(urls, recount, cases, found)
            await _public(recount, cases, found)
            await _told_clocks(recount, made, found)
    found.seconds["核对 compared"] = time.monotonic() - began
    return found


async def _settled(recount: Recount, made: Stage) -> None:
    """Wait until everything has left, is answered and computed."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        so_far = await recount.settled()
        if (
            not so_far.waiting
            and not so_far.touched
            and so_far.answered == so_far.sent == made.events
        ):
            return
        if time.monotonic() > deadline:
            raise SettingsError(
                f"推送没有完成：{so_far}，共 {made.events} 个事件",
                f"not everything has arrived: {so_far} of {made.events} events",
            )
        await asyncio.sleep(_EVERY)


async def _clocks(
    settings: Settings, url: str, recount: Recount, days: Days, found: Found
) -> None:
    rules = read_clock_rules(settings)
    stored: list[str] = []
    async with aclosing(differing(url, rules)) as every:
        async for _, otherwise in every:
            stored += otherwise
    found.compare("存放的时钟与台账不符 stored clocks that differ", stored, [])
    ours: list[Duty] = []
    numbers: dict[str, str] = {}
    async with aclosing(clock_facts(url)) as facts:
        async for one in facts:
            happened = [each for each in one.happenings if each.by(END)]
            numbers[str(one.id)] = one.document_no
            for clock in rules.clocks(one.act, one.party, happened):
                state = clock.state(END, rules.calendar)
                said = "OPEN" if state in OPEN - TOO_LATE else state.value
                ours.append(
                    Duty(
                        str(one.id),
                        clock.duty.name,
                        clock.version,
                        one.unit,
                        clock.due.day,
                        said,
                    )
                )
    theirs = set(await recount.duties(END.date(), days.worked))
    for each in sorted(set(ours) ^ theirs, key=str):
        side = "算出 computed" if each in theirs else "重算 recounted"
        found.wrong.append(f"只有另一方没有 not {side}: {each}")
    found.compared += len(theirs)
    late = {state.value for state in TOO_LATE}
    found.late = [
        {
            "duty": one.name,
            "unit": one.unit,
            "documentNo": numbers[one.decision],
            "decision": one.decision,
            "version": one.version,
            "due": one.due,
            "state": one.state,
        }
        for one in sorted(ours, key=lambda one: (one.due, one.decision, one.name))
        if one.state in late
    ]
    say("时钟 clocks")
    for (duty, how), many in sorted(
        Counter((one.name, one.state) for one in ours).items()
    ):
        say(f"  {duty:<28} {how:<12} {many:>7,}")


async def _shown(
    settings: Settings, recount: Recount, days: Days, found: Found
) -> None:
    channels, due_days = read_publicity_rules(settings)
    counts = await counted(settings, channels, due_days, END, None)
    theirs = {
        (one.unit, one.channel): one
        for one in await recount.shown(END.date(), days.worked)
    }
    found.compare("机关和渠道 units and channels", sorted(counts), sorted(theirs))
    say("公示 publicity")
    for place, count in counts.items():
        said, other = rates(count.records), theirs.get(place)
        if other is None:
            continue
        what = " ".join(place)
        found.compare(f"{what} reported", said.reported, other.reported)
        found.compare(f"{what} late", said.late, other.late)
        found.compare(f"{what} compliant", said.compliant, other.compliant)
        found.compare(
            f"{what} concealed", said.records - said.reported, other.concealed
        )
        states = {one.value: many for one, many in count.states.items()}
        found.compare(f"{what} states", states, other.states)
        say(
            f"  {place[0]} {place[1]:<18} 合规 compliance {said.compliance_percent}%  "
            f"迟报 lateness {said.late_percent}%  瞒报 concealment "
            f"{said.concealed_percent}%  {states}"
        )


async def _held(
    urls: Mapping[str, str], recount: Recount, cases: Sequence[Case], found: Found
) -> None:
    receipts = await recount.answers()
    for name in RECEIVERS:
        url = urls[database_name(name)]
        own = await answered(url)
        ours = {(c, a): many for (who, c, a), many in receipts.items() if who == name}
        found.compare(f"{name} 答复 answers", ours, dict(own))
        said = {
            key: f"{number} {state}"
            for key, (number, state) in (await holds(url)).items()
        }
        wanted = {
            str(case.versions[0].decision.id): last
            for case in cases
            if (last := held(case, name))
        }
        found.compared += len(wanted)
        for key in sorted(said.keys() | wanted.keys()):
            if said.get(key) != wanted.get(key):
                found.wrong.append(f"{name} {key}: {said.get(key)} ≠ {wanted.get(key)}")
        say(f"{name} 持有 holds {len(said):,}，应有 should {len(wanted):,}")


async def _public(recount: Recount, cases: Sequence[Case], found: Found) -> None:
    shown = await recount.public(END.date())
    wanted = {
        str(case.versions[0].decision.id): version
        for case in cases
        if (version := public(case)) is not None
    }
    found.compared += len(wanted)
    for key in sorted(shown.keys() | wanted.keys()):
        if shown.get(key) != wanted.get(key):
            found.wrong.append(f"{OWN} {key}: {shown.get(key)} ≠ {wanted.get(key)}")
    say(f"{OWN} 公示中 shows {len(shown):,}，应有 should {len(wanted):,}")


async def _told_clocks(recount: Recount, made: Stage, found: Found) -> None:
    """Hold what the stream of clocks says last of each against how it stands today."""
    wanted = await recount.clocks()
    deadline = time.monotonic() + _READ_SECONDS
    while made.watched.latest.keys() < wanted.keys() and time.monotonic() < deadline:  # noqa: ASYNC110 - a broker tells nobody
        await asyncio.sleep(_EVERY)
    said = {
        clock: (
            str(one["state"]),
            str(one["due_on"]),
            str(one.get("ended_on", "")),
        )
        for clock, one in made.watched.latest.items()
        if one["what"] != "GONE"
    }
    found.compared += len(wanted)
    for key in sorted(said.keys() | wanted.keys()):
        if said.get(key) != wanted.get(key):
            found.wrong.append(f"clocks {key}: {said.get(key)} ≠ {wanted.get(key)}")
    say(
        f"时钟推送 stream of clocks {made.watched.came:,} 件 events，"
        f"不同的 different {len(made.watched.ids):,}，时钟 clocks {len(wanted):,}"
    )


def _counts(made: Stage, cases: Sequence[Case]) -> Iterator[str]:
    acts = Counter(case.versions[0].decision.act for case in cases)
    changes = Counter(one.change for case in cases for one in case.versions)
    yield f"决定 decisions {len(cases):,}：" + "，".join(
        f"{act} {many:,}" for act, many in sorted(acts.items())
    )
    yield "版本 versions " + "，".join(f"{one} {n:,}" for one, n in changes.items())
    yield f"事件 events {made.events:,}，公示步骤 steps {made.steps:,}"


def _told(found: Found, report: Path) -> None:
    by_duty = Counter(str(one["duty"]) for one in found.late)
    say(f"逾期的职责 late duties {len(found.late):,}（全部列在 all are in {report}）")
    for duty, many in sorted(by_duty.items()):
        say(f"  {duty:<28} {many:>7,}")
    say("  ".join(f"{name} {seconds:.0f} s" for name, seconds in found.seconds.items()))
    label = (
        Label("全部一致", "all of it agrees")
        if not found.wrong
        else Label("不一致", "differences")
    )
    say(f"核对 compared {found.compared:,}，{label.zh} {label.en}：{len(found.wrong)}")
    say(*found.wrong[:MOST])


def _written(found: Found) -> Mapping[str, object]:
    return {
        "compared": found.compared,
        "differences": found.wrong,
        "late": found.late,
        "seconds": found.seconds,
    }
