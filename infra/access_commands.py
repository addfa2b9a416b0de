"""``zhitong access``: looks that deserve attention, asked of the register."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from zhitong.connectors.access_patterns import review
from zhitong.exceptions import SettingsError
from zhitong.infra.commands import say
from zhitong.infra.patterns_file import read_patterns
from zhitong.infra.platform_database import own_platform
from zhitong.infra.retaining import Retaining, retain
from zhitong.infra.reviewing import CITY, days_from
from zhitong.infra.settings import Settings
from zhitong.rules.access_patterns import Noticed

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]

MOST_DAYS = 366
"""Reviewed at once: each day is read by itself."""


def describe(verb: Verb) -> None:
    """Add what can be done with the register."""
    one = verb(
        "review", "找出值得留意的查阅 find looks that deserve attention", find_unusual
    )
    one.add_argument(
        "--since",
        metavar="日期",
        type=date.fromisoformat,
        help="自此日起，默认昨天 from this day on; yesterday unless said",
    )
    kept = verb(
        "retain",
        "归档到期的月份 archive months of looks past their time",
        lambda settings, given: retain(
            settings,
            Retaining(
                folder=given.folder,
                because=given.because,
                today=datetime.now(CITY).date(),
                dry=given.dry_run,
            ),
        ),
    )
    kept.add_argument(
        "--folder", metavar="目录", type=Path, required=True, help="where"
    )
    kept.add_argument("--because", metavar="原因", required=True, help="why")
    kept.add_argument("--dry-run", action="store_true", help="只说 say it, do nothing")


def find_unusual(settings: Settings, given: argparse.Namespace) -> None:
    """Review the register day by day; print what was not told before."""
    days = _days(given.since, datetime.now(CITY).date())
    patterns = read_patterns(settings.patterns)

    async def found() -> Sequence[Noticed]:
        return await review(await own_platform(settings), patterns, days)

    every = asyncio.run(found())
    say(
        *(f"{each.check}  {each.record}\n  {each.text}" for each in every),
        f"{days[0]} — {days[-1]}：新提示 {len(every)} 条 new findings",
    )


def _days(since: date | None, today: date) -> Sequence[date]:
    first = since or today - timedelta(days=1)
    many = (today - first).days + 1
    if not 0 < many <= MOST_DAYS:
        raise SettingsError(
            f"--since 应在过去 {MOST_DAYS} 天之内，写的是 {first}",
            f"--since is {first}; it must be within the last {MOST_DAYS} days",
        )
    return days_from(first)
