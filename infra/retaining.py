"""``zhitong access retain``: months of looks past their time, archived and removed."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from zhitong.connectors.record_archive import Month, RecordArchive
from zhitong.exceptions import SettingsError
from zhitong.infra.commands import say
from zhitong.infra.platform_database import OWNER, own_platform
from zhitong.infra.retention_file import read_retention
from zhitong.infra.settings import Settings
from zhitong.rules.retention import Keeping, kept_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Retaining:
    """What is to be done."""

    folder: Path
    because: str
    today: date
    dry: bool


def retain(settings: Settings, asked: Retaining) -> bool:
    """Archive what is past its time; say whether nothing of that had to stay."""
    if not asked.because.strip():
        raise SettingsError("请写明原因 --because", "state why with --because")
    if not asked.folder.is_dir():
        raise SettingsError(
            f"没有目录 {asked.folder}，请先建立",
            f"there is no folder {asked.folder}; make it first",
        )
    rules = read_retention(settings.retention)
    return asyncio.run(_retain(settings, rules, asked))


async def _retain(
    settings: Settings, rules: Sequence[Keeping], asked: Retaining
) -> bool:
    whole = True
    async with RecordArchive(await own_platform(settings, OWNER)) as archive:
        for month in await archive.months():
            until = due(rules, month, asked.today)
            if asked.today < until:
                say(f"{month.name}  {month.records:,} 条，保存至 kept until {until}")
            elif month.unproved:
                # It would have no proof any more that it had been there.
                whole = False
                say(f"{month.name}  {month.unproved:,} 条未经见证 no witness has seen")
            elif asked.dry:
                say(f"{month.name}  {month.records:,} 条将归档 would be archived")
            else:
                path = await archive.archive(
                    month, asked.folder, getpass.getuser(), asked.because.strip()
                )
                say(f"{month.name}  {month.records:,} 条已归档 archived: {path}")
    return whole


def due(rules: Sequence[Keeping], month: Month, today: date) -> date:
    """Say when *month* may be archived; raise where no period is in force."""
    weighed = [each for each in rules if each.protected == month.protected]
    try:
        return kept_until(weighed, month.month, today)
    except LookupError:
        raise SettingsError(
            "保存期限文件中没有今天有效的期限",
            "the file of retention periods has none in force today",
        ) from None
