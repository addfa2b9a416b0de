"""``zhitong rules``: files of rules checked, and those of one decision explained."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from uuid import UUID

from zhitong.connectors.weighed import Weighed, numbered, weighed
from zhitong.decisions import Change
from zhitong.exceptions import DecisionUnknownError, SettingsError
from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.checks_file import read_checks
from zhitong.infra.commands import say
from zhitong.infra.figures_file import read_figures
from zhitong.infra.platform_database import own_platform
from zhitong.infra.publicity_file import read_publicity
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import refuse_foreign_rules
from zhitong.rules.applied_rules import Applied, applied_checks, applied_figures
from zhitong.rules.checks import SIGNATURE, Checks
from zhitong.rules.figures import Figures
from zhitong.rules.publicity import Channel, classes
from zhitong.rules.working_days import Calendar

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]
Rules = tuple[Checks, Figures, Calendar, tuple[Channel, ...]]


def describe(verb: Verb) -> None:
    """Add what can be done with the rules."""
    verb(
        "check", "核对规则文件：漏日、重叠 check the files for gaps and overlaps", check
    )
    one = verb(
        "explain", "说明一件决定所用的规则 what a decision was weighed by", explain
    )
    one.add_argument(
        "decision", metavar="决定", help="决定号或文号 its id or document number"
    )
    one.add_argument(
        "--version", type=int, metavar="版本", help="默认现行版本 the present one else"
    )


def check(settings: Settings, _given: argparse.Namespace) -> None:
    """Read every file of rules; say how many there are of each."""
    checks, figures, calendar, channels = _rules(settings)
    versions = [
        version
        for figure in figures.values()
        for version in (*figure.versions, *figure.own)
    ]
    noticed = sorted(year for year, one in calendar.years.items() if one.known)
    expected = sorted(set(calendar.years) - set(noticed))
    say(
        f"核验 checks {len(checks.checks)}",
        f"数额 figures {len(figures)}  版本 versions {len(versions)}",
        f"公示渠道 channels of publicity {len(channels)}",
        f"工作日 working days {noticed[0]}—{noticed[-1]}"
        if noticed
        else "工作日 working days —",
        *(f"  {year} 暂定 provisional" for year in expected),
    )


def explain(settings: Settings, given: argparse.Namespace) -> None:
    """Say by which rules a decision was weighed, and what came of each."""
    rules = _rules(settings)
    found = asyncio.run(_found(settings, given.decision, given.version))
    say(*explained(found, *rules))


def explained(
    found: Weighed,
    checks: Checks,
    figures: Figures,
    calendar: Calendar,
    channels: tuple[Channel, ...] = (),
) -> Iterator[str]:
    """Write what `explain` says of *found*, line by line."""
    said = found.decision
    weighed_by = checks.checks
    if found.change is Change.WITHDRAWN:
        # What is withdrawn is not weighed again, but for the bureau's signature.
        weighed_by = tuple(one for one in weighed_by if one.test in SIGNATURE)
    yield (
        f"决定 decision {found.id}  第 {found.version} 版 version {found.version}  "
        f"{found.change}"
    )
    yield f"  {said.act}  {said.document_no}  {said.decided_on}"
    yield from _section("核验 checks", applied_checks(weighed_by, said, found.findings))
    yield from _section(
        "数额 figures",
        applied_figures(figures.values(), said, calendar, classes(channels, said)),
    )


def _section(title: str, every: Iterable[Applied]) -> Iterator[str]:
    rules = list(every)
    yield f"{title} ({len(rules)})"
    for one in rules:
        since, until = one.since or "", one.until or ""
        yield f"  {one.name}  {since} — {until}".rstrip()
        yield f"    {one.title.zh} {one.title.en}"
        yield f"    依据 {one.source}（{one.confidence.zh} {one.confidence.en}）"
        yield from (f"    → {result.zh} / {result.en}" for result in one.results)


def _rules(settings: Settings) -> Rules:
    own = Path(settings.own_figures) if settings.own_figures else None
    files = (
        settings.checks,
        settings.figures,
        settings.calendar,
        settings.publicity,
    )
    refuse_foreign_rules(settings.tenant, *files, *([own] if own else []))
    figures = read_figures(settings.figures, own)
    return (
        read_checks(settings.checks),
        figures,
        read_calendar(settings.calendar),
        read_publicity(
            settings.publicity,
            figures,
            {one.name for one in receivers_of(settings).receivers},
        ),
    )


async def _found(settings: Settings, named: str, version: int | None) -> Weighed:
    url = await own_platform(settings)
    found = await weighed(url, await _identified(url, named), version)
    if found is None:
        raise _unknown(named)
    return found


async def _identified(url: str, named: str) -> UUID:
    try:
        return UUID(named)
    except ValueError:
        found = await numbered(url, named)
    if not found:
        raise _unknown(named)
    if len(found) > 1:
        every = ", ".join(map(str, found))
        raise SettingsError(
            f"文号 {named} 有 {len(found)} 件决定，请写决定号：{every}",
            f"{len(found)} decisions have the number {named}; name one by id: {every}",
        )
    return found[0]


def _unknown(named: str) -> DecisionUnknownError:
    return DecisionUnknownError(
        f"台账中没有决定 {named}", f"the ledger has no decision {named}"
    )
