"""Reading the calendar: days off by year, and the clocks that count working days."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from zhitong.exceptions import CalendarError
from zhitong.grants import GrantDuty
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.rules.grant_states import TURNS, GrantClock, GrantClocks
from zhitong.rules.working_days import SATURDAY, Calendar, Year
from zhitong.types import Label

NAMED = Label("工作日文件", "the file of working days")
CONDITIONAL = {None: None, "unconditional": False, "conditional": True}

Said = Annotated[str, msgspec.Meta(pattern=r"\S")]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not lengthen a period."""


class _Year(_Form, frozen=True, kw_only=True):
    year: Annotated[int, msgspec.Meta(ge=2000, le=2999)]
    off: list[date]
    worked: list[date] = []
    source: Said


class _Clock(_Form, frozen=True, kw_only=True, rename={"since": "from"}):
    duty: Literal["REVIEW", "SUPPLEMENT", "REPLY", "PROVIDE", "SETTLE"]
    sharing: Literal["unconditional", "conditional"] | None = None
    since: date
    days: Annotated[int, msgspec.Meta(ge=1, le=250)]
    source: Said


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    years: list[_Year]
    grants: list[_Clock]


def read_clocks(path: Path) -> GrantClocks:
    """Read *path*: the clocks of a grant; raise `CalendarError` if it is wrong."""
    file = read_form(path, _File, NAMED, CalendarError)
    wrong = [*_wrong_days(file), *_wrong_clocks(file)]
    if wrong:
        raise CalendarError(
            f"工作日文件 {path.name} 有误，请更正后重新启动：{'；'.join(wrong)}",
            f"the file of working days {path.name} is wrong; correct it and start "
            f"again: {'; '.join(wrong)}",
        )
    years = {
        one.year: Year(frozenset(one.off), frozenset(one.worked))
        for one in (file.years)
    }
    clocks = tuple(
        GrantClock(
            duty=GrantDuty(one.duty),
            days=one.days,
            since=one.since,
            source=one.source,
            conditional=CONDITIONAL[one.sharing],
        )
        for one in file.grants
    )
    return GrantClocks(clocks, Calendar(years))


def _wrong_days(file: _File) -> list[str]:
    """Find days that say nothing, or are another year's: most likely misprints."""
    wrong: list[str] = []
    seen: set[int] = set()
    for one in file.years:
        if one.year in seen:
            wrong.append(f"{one.year} ×2")
        seen.add(one.year)
        wrong += [f"off {day}" for day in one.off if day.weekday() >= SATURDAY]
        wrong += [f"worked {day}" for day in one.worked if day.weekday() < SATURDAY]
        days = (*one.off, *one.worked)
        wrong += [f"{one.year}: {day}" for day in days if day.year != one.year]
    return wrong


def _wrong_clocks(file: _File) -> list[str]:
    """Find duties without a clock, and clocks that are for one sharing alone."""
    wrong: list[str] = []
    for duty in sorted({duty for duty, _ in TURNS.values()}):
        kinds = {one.sharing for one in file.grants if one.duty == duty}
        if None not in kinds and not kinds >= {"unconditional", "conditional"}:
            wrong.append(str(duty))
    return wrong
