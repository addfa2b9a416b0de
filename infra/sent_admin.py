"""``zhitong sent``: months of the sent log past their time, and their archives."""

from __future__ import annotations

import argparse
import asyncio
import getpass
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

from zhitong.connectors.sent_archive import SentArchive, SentMonth, read_sent_archive
from zhitong.exceptions import SettingsError
from zhitong.infra.commands import say
from zhitong.infra.platform_database import OWNER, own_platform
from zhitong.infra.retention_file import read_sent_retention
from zhitong.infra.reviewing import CITY
from zhitong.infra.settings import Settings
from zhitong.rules.retention import Keeping, kept_until

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


def describe(verb: Verb) -> None:
    """Add what can be done with the sent log."""
    kept = verb("retain", "归档到期的月份 archive months past their time", retain)
    kept.add_argument(
        "--folder", metavar="目录", type=Path, required=True, help="where"
    )
    kept.add_argument("--because", metavar="原因", required=True, help="why")
    kept.add_argument("--dry-run", action="store_true", help="只说 say it, do nothing")
    one = verb("verify", "核对归档文件 check archives against their deeds", verify)
    one.add_argument("files", metavar="文件", nargs="+", type=Path, help="archives")


def retain(settings: Settings, given: argparse.Namespace) -> None:
    """Archive the bytes of months that are past their time."""
    if not given.because.strip():
        raise SettingsError("请写明原因 --because", "state why with --because")
    if not given.folder.is_dir():
        raise SettingsError(
            f"没有目录 {given.folder}，请先建立",
            f"there is no folder {given.folder}; make it first",
        )
    rules = read_sent_retention(settings.retention)
    asyncio.run(_retain(settings, rules, given))


async def _retain(
    settings: Settings, rules: Sequence[Keeping], given: argparse.Namespace
) -> None:
    today, who = datetime.now(CITY).date(), getpass.getuser()
    async with SentArchive(await own_platform(settings, OWNER)) as archive:
        for month in await archive.months():
            named = f"{month.name}  {month.events:,} 件"
            until = _due(rules, month, today)
            if not month.events:
                say(f"{month.name}  没有原文 no bytes here")
            elif today < until:
                say(f"{named}，保存至 kept until {until}")
            elif given.dry_run:
                say(f"{named}将归档 would be archived")
            else:
                why = given.because.strip()
                path = await archive.archive(month, given.folder, who, why)
                say(f"{named}已归档 archived: {path}")


def _due(rules: Sequence[Keeping], month: SentMonth, today: date) -> date:
    """Say when *month* may be archived; raise where no period is in force."""
    try:
        return kept_until(rules, month.month, today)
    except LookupError:
        raise SettingsError(
            "保存期限文件中没有今天有效的已发日志期限（[[sent]]）",
            "the file of retention periods has none for the sent log in force today "
            "([[sent]])",
        ) from None


def verify(settings: Settings, given: argparse.Namespace) -> bool:
    """Check archives by themselves and against what deeds say of them."""
    return asyncio.run(_verify(settings, given.files))


async def _verify(settings: Settings, files: Sequence[Path]) -> bool:
    whole = True
    async with SentArchive(await own_platform(settings)) as archive:
        for path in files:
            found = await asyncio.to_thread(read_sent_archive, path)
            known = {
                (one["sha256"], one["root"], one["events"])
                for one in await archive.said(found.month)
            }
            holds = (found.sha256, found.root.hex(), found.events) in known
            whole = whole and holds
            said = "与操作登记一致 as its deed says"
            if not holds:
                said = "与操作登记不符 no deed says so"
            say(f"{path.name}  {found.events:,} 件 events  {said}")
    return whole
