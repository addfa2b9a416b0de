"""Reading figures: dated versions of what rules set in numbers, each with its source.

A second file may be the tenant's own: it sets figures anew, or changes those of the
first on days of its choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from zhitong.decisions import Act
from zhitong.exceptions import FiguresError
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import EVERYBODY, Whose
from zhitong.rules.admission import CODES
from zhitong.rules.dated import Dated, Flaw, breaks, in_force
from zhitong.rules.day_clauses import DayClause
from zhitong.rules.figures import (
    READ,
    Amount,
    Confidence,
    Figure,
    Figures,
    Percentage,
    Trigger,
    Value,
    Version,
)
from zhitong.rules.money import fen
from zhitong.rules.terms import Term, Unit
from zhitong.types import Label

NAMED = Label("数额规则文件", "the file of figures")
CONFIGURED = "configured rule"
"""How a source begins whose text was not read."""
PARTIES = CODES["party.kind"]

Many: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000)]
"""A thousand of anything: more is a slip of the pen."""
Named: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*$")]
Said: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\S")]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not change a figure."""


class _Text(_Form, frozen=True, kw_only=True):
    zh: Said
    en: Said


class _Clause(
    _Form, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}
):
    law: Named
    since: date
    until: date | None = None
    working: Literal["all"] | list[int] = []
    up_to: Many = 0
    source: Said
    confidence: Confidence


class _Version(
    _Form, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}
):
    since: date
    until: date | None = None
    days: Many | None = None
    law: Named | None = None
    working_days: Many | None = None
    calendar_days: Many | None = None
    months: Many | None = None
    years: Many | None = None
    yuan: str | None = None
    percent: str | None = None
    first: Literal["next-day", "same-day"] = "next-day"
    end: Literal["kept", "next-working-day"] = "kept"
    under_way: bool = False
    source: Said
    confidence: Confidence


class _Figure(_Form, frozen=True, kw_only=True, rename={"grade": "class"}):
    name: Named
    title: _Text | None = None
    starts: Trigger | None = None
    channel: Named | None = None
    grade: Named | None = None
    acts: Annotated[list[Act], msgspec.Meta(min_length=1)] | None = None
    parties: list[str] | None = None
    versions: Annotated[list[_Version], msgspec.Meta(min_length=1)]


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    clauses: list[_Clause] = []
    figures: list[_Figure] = []


_UNITS: Mapping[str, Unit] = {
    "working_days": Unit.WORKING_DAY,
    "calendar_days": Unit.DAY,
    "months": Unit.MONTH,
    "years": Unit.YEAR,
}
_WAYS = ("days", *_UNITS, "yuan", "percent")
_BREAKS: Mapping[Flaw, Label] = {
    Flaw.GAP: Label("没有版本", "has no version"),
    Flaw.OVERLAP: Label("有两个版本", "has two versions"),
    Flaw.REVERSED: Label("的版本先止后起", "has a version that ends before it begins"),
}
Fault: TypeAlias = tuple[str, str, str]
"""The name of what is wrong, and what is, in both languages."""


def read_figures(path: Path, own: Path | None = None) -> Figures:
    """Read *path*, and a tenant's *own* file; raise `FiguresError` where one is wrong.

    Everything that is wrong is named: days without a version, days with two.
    """
    file = read_form(path, _File, NAMED, FiguresError)
    clauses = [_clause(one) for one in file.clauses]
    _refuse(path, [*_wrong_clauses(file.clauses), *_wrong(file, clauses, {})])
    found = {one.name: _figure(one, clauses, file.tenant) for one in file.figures}
    if own is None:
        return found
    theirs = read_form(own, _File, NAMED, FiguresError)
    _refuse(own, [*_wrong_own(theirs, found), *_wrong(theirs, clauses, found)])
    for one in theirs.figures:
        made = _figure(one, clauses, theirs.tenant)
        known = found.get(one.name, replace(made, versions=()))
        found[one.name] = replace(known, own=made.versions)
    return found


def _refuse(path: Path, faults: list[Fault]) -> None:
    if faults:
        raise FiguresError(
            f"{NAMED.zh} {path.name} 有误，请更正后重新启动："
            + "；".join(f"{name} {zh}" for name, zh, _ in faults),
            f"{NAMED.en} {path.name} is wrong; correct it and start again: "
            + "; ".join(f"{name} {en}" for name, _, en in faults),
        )


def _wrong(
    file: _File, clauses: list[DayClause], known: Mapping[str, Figure]
) -> Iterator[Fault]:
    for name, times in Counter(one.name for one in file.figures).items():
        if times > 1:
            yield name, "重复", "stands there twice"
    for one in file.figures:
        if one.title is None and one.name not in known:
            yield one.name, "没有 title", "has no title"
        for code in sorted(set(one.parties or ()) - PARTIES):
            yield one.name, f"用了没有的代码：{code}", f"names no code: {code}"
        yield from _broken(one.name, one.versions)
        starts = one.starts
        if one.name in known:
            starts = known[one.name].starts
        for version in one.versions:
            name = f"{one.name}/{version.since}"
            yield from ((name, zh, en) for zh, en in _wrong_value(version, clauses))
            yield from ((name, zh, en) for zh, en in _wrong_text(version))
            timed = version.yuan is None and version.percent is None
            if timed != (starts is not None):
                yield (
                    name,
                    "的 starts 只用于且必须用于期限",
                    "has starts out of place: a term has it, and nothing else",
                )


def _wrong_clauses(clauses: list[_Clause]) -> Iterator[Fault]:
    for law in sorted({one.law for one in clauses}):
        yield from _broken(law, [one for one in clauses if one.law == law])
    for one in clauses:
        for zh, en in _wrong_text(one):
            yield f"{one.law}/{one.since}", zh, en


def _wrong_own(file: _File, known: Mapping[str, Figure]) -> Iterator[Fault]:
    """Find what a tenant cannot set: what is law, and what a figure is about."""
    if file.tenant == EVERYBODY:
        yield "tenant", "应为一方的名称", "must name one tenant"
    if file.clauses:
        yield "clauses", "属于法律，不能自定", "are law and nobody's own"
    for one in file.figures:
        about = (one.title, one.starts, one.channel, one.grade, one.acts, one.parties)
        if one.name in known and about != (None,) * len(about):
            yield (
                one.name,
                "已有定义，这里只写 versions",
                "is defined already; give versions alone",
            )


def _broken(name: str, every: Iterable[Dated]) -> Iterator[Fault]:
    for one in breaks(every):
        said = _BREAKS[one.flaw]
        days = f"{one.first} — {one.last}"
        yield name, f"{days} {said.zh}", f"{said.en}: {days}"


def _wrong_value(one: _Version, clauses: list[DayClause]) -> Iterator[tuple[str, str]]:
    ways = [way for way in _WAYS if getattr(one, way) is not None]
    if len(ways) != 1:
        every = ", ".join(_WAYS)
        yield f"须写且只写一种数额：{every}", f"must have one of {every}"
        return
    if (one.days is None) != (one.law is None):
        yield (
            "的 days 和 law 须一起写：哪些日是工作日由该法规定",
            "must have days and law together: the law says which are working days",
        )
    elif one.law is not None and _clause_of(one, clauses) is None:
        yield (
            f"：{one.law} 没有一条计日规则管到整段时间",
            f"lasts longer than any clause of {one.law} about its days",
        )
    if one.first == "same-day" and getattr(one, ways[0]) == 0:
        yield "当日计入的期限至少一日", "counts the day itself and has no days"
    if one.yuan is not None and not _readable(fen, one.yuan):
        yield f"的金额不是以元计的数：{one.yuan}", f"is no amount in yuan: {one.yuan}"
    if one.percent is not None and not _readable(Decimal, one.percent):
        yield f"的百分比不是数：{one.percent}", f"is no percentage: {one.percent}"


def _wrong_text(one: _Version | _Clause) -> Iterator[tuple[str, str]]:
    if (one.confidence in READ) == one.source.startswith(CONFIGURED):
        yield (
            f"的 confidence 与 source 不符：未读到原文的以 {CONFIGURED} 开头",
            f"has a source that does not fit confidence: {CONFIGURED} if not read",
        )


def _readable(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except (ValueError, InvalidOperation):
        return False
    return True


def _clause_of(one: _Version, clauses: list[DayClause]) -> DayClause | None:
    """Give the clause that says what the days of *one* are, all of its time."""
    found = in_force((each for each in clauses if each.law == one.law), one.since)
    if found is None or (found.until or date.max) < (one.until or date.max):
        return None
    return found


def _clause(one: _Clause) -> DayClause:
    return DayClause(
        law=one.law,
        since=one.since,
        until=one.until,
        working=frozenset(one.working) if isinstance(one.working, list) else None,
        up_to=one.up_to,
        source=one.source,
    )


def _figure(one: _Figure, clauses: list[DayClause], tenant: str) -> Figure:
    title = one.title or _Text(zh=one.name, en=one.name)
    return Figure(
        name=one.name,
        title=Label(title.zh, title.en),
        starts=one.starts,
        channel=one.channel or "",
        grade=one.grade or "",
        acts=frozenset(Act if one.acts is None else one.acts),
        parties=frozenset(one.parties or ()),
        versions=tuple(
            Version(
                figure=one.name,
                since=each.since,
                until=each.until,
                value=_value(each, clauses),
                source=each.source,
                confidence=each.confidence,
                tenant=tenant,
                under_way=each.under_way,
            )
            for each in one.versions
        ),
    )


def _value(one: _Version, clauses: list[DayClause]) -> Value:
    if one.yuan is not None:
        return Amount(fen(one.yuan))
    if one.percent is not None:
        return Percentage(Decimal(one.percent))
    many, unit = _counted(one, clauses)
    return Term(
        many=many,
        unit=unit,
        next_day=one.first == "next-day",
        moves=one.end == "next-working-day",
    )


def _counted(one: _Version, clauses: list[DayClause]) -> tuple[int, Unit]:
    clause = _clause_of(one, clauses)
    if one.days is not None and clause is not None:
        return one.days, clause.unit(one.days)
    return next(
        (many, unit)
        for way, unit in _UNITS.items()
        if (many := getattr(one, way)) is not None
    )
