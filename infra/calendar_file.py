"""Reading the calendar: days off by year, and the clocks that count working days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from zhitong.exceptions import CalendarError
from zhitong.grants import GrantDuty
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.rules.grant_states import TURNS, GrantClock, GrantClocks
from zhitong.rules.work import WorkClock, WorkClocks, WorkKind
from zhitong.rules.working_days import (
    SATURDAY,
    Calendar,
    Document,
    Standing,
    calendar_of,
)
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
    published: date | None = None
    provisional: bool = False
    source: Said

    @property
    def document(self) -> Document:
        return Document(
            year=self.year,
            source=self.source,
            off=frozenset(self.off),
            worked=frozenset(self.worked),
            standing=Standing.EXPECTED if self.provisional else Standing.NOTICE,
            published=self.published,
        )


class _Change(_Form, frozen=True, kw_only=True):
    year: int
    published: date
    off: list[date] = []
    worked: list[date] = []
    usual: list[date] = []
    source: Said

    @property
    def document(self) -> Document:
        return Document(
            year=self.year,
            source=self.source,
            off=frozenset(self.off),
            worked=frozenset(self.worked),
            usual=frozenset(self.usual),
            standing=Standing.CHANGE,
            published=self.published,
        )


class _Clock(_Form, frozen=True, kw_only=True, rename={"since": "from"}):
    duty: Literal["REVIEW", "SUPPLEMENT", "REPLY", "PROVIDE", "SETTLE"]
    sharing: Literal["unconditional", "conditional"] | None = None
    since: date
    days: Annotated[int, msgspec.Meta(ge=1, le=250)]
    source: Said


class _Work(_Form, frozen=True, kw_only=True, rename={"since": "from"}):
    kind: Literal["REJECTED", "UNTOLD"]
    """What nobody answered in time is late as it is: it has its receiver's clock."""
    since: date
    days: Annotated[int, msgspec.Meta(ge=1, le=250)]
    source: Said


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    years: list[_Year]
    changes: list[_Change] = []
    grants: list[_Clock]
    work: list[_Work] = []


def read_clocks(path: Path) -> GrantClocks:
    """Read *path*: the clocks of a grant; raise `CalendarError` if it is wrong."""
    file = _read(path)
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
    return GrantClocks(clocks, _calendar(file))


def read_work_clocks(path: Path) -> WorkClocks:
    """Read *path*: the clocks of work; raise `CalendarError` if it is wrong."""
    file = _read(path)
    clocks = tuple(
        WorkClock(
            kind=WorkKind(one.kind), days=one.days, since=one.since, source=one.source
        )
        for one in file.work
    )
    return WorkClocks(clocks, _calendar(file, date.max))


def read_calendar(path: Path, known_on: date = date.max) -> Calendar:
    """Read *path*: the days, as they were known on *known_on*; else `CalendarError`."""
    return _calendar(_read(path), known_on)


def _calendar(file: _File, known_on: date = date.max) -> Calendar:
    return calendar_of((one.document for one in _parts(file)), known_on)


def _parts(file: _File) -> list[_Year | _Change]:
    return [*file.years, *file.changes]


def _read(path: Path) -> _File:
    file = read_form(path, _File, NAMED, CalendarError)
    wrong = [
        *_wrong_years(file),
        *_wrong_days(file),
        *_wrong_changes(file),
        *_wrong_clocks(file),
    ]
    if wrong:
        raise CalendarError(
            f"工作日文件 {path.name} 有误，请更正后重新启动：{'；'.join(wrong)}",
            f"the file of working days {path.name} is wrong; correct it and start "
            f"again: {'; '.join(wrong)}",
        )
    return file


def _wrong_years(file: _File) -> Iterator[str]:
    """Find years that are there twice, and a year that is left out between others."""
    seen: set[tuple[int, bool]] = set()
    for one in file.years:
        if (one.year, one.provisional) in seen:
            yield f"{one.year} ×2"
        seen.add((one.year, one.provisional))
    noticed = {one.year for one in file.years if not one.provisional}
    if noticed:
        for year in sorted({*range(min(noticed), max(noticed))} - noticed):
            yield f"缺 {year} is left out"


def _wrong_days(file: _File) -> Iterator[str]:
    """Find days that say nothing, or are another year's: most likely misprints."""
    for one in _parts(file):
        for day in one.off:
            if day.weekday() >= SATURDAY:
                yield f"off {day}"
        for day in one.worked:
            if day.weekday() < SATURDAY:
                yield f"worked {day}"
        usual = one.usual if isinstance(one, _Change) else []
        for day in (*one.off, *one.worked, *usual):
            if day.year != one.year:
                yield f"{one.year}: {day}"


def _wrong_changes(file: _File) -> Iterator[str]:
    """Find changes of what no notice says, or of what came after them."""
    notices = {one.year: one for one in file.years if not one.provisional}
    for change in file.changes:
        notice = notices.get(change.year)
        if notice is None:
            yield f"changes {change.year}"
            continue
        if notice.published is None or notice.published > change.published:
            yield f"changes {change.year}: published {change.published}"
        said = {*notice.off, *notice.worked}
        for day in change.usual:
            if day not in said:
                yield f"usual {day}"


def _wrong_clocks(file: _File) -> Iterator[str]:
    """Find duties without a clock, and clocks that are for one sharing alone."""
    for duty in sorted({duty for duty, _ in TURNS.values()}):
        kinds = {one.sharing for one in file.grants if one.duty == duty}
        if None not in kinds and not kinds >= {"unconditional", "conditional"}:
            yield str(duty)
