"""``zhitong work``: what somebody has to see to, and the word that it is done."""

from __future__ import annotations

import argparse
import asyncio
import getpass
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson

from zhitong.connectors.session import State
from zhitong.connectors.work_desk import WorkDesk
from zhitong.exceptions import WorkError
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.settings import Settings
from zhitong.rules.resident_ids import has_resident_id
from zhitong.rules.working_days import CHINA

MOST = 1_000
"""Items, at most so many are listed."""
KINDS = {
    "REJECTED": "拒收 rejected",
    "UNACKNOWLEDGED": "逾期未答复 not acknowledged",
    "UNTOLD": "待告知 to be told",
}
STATES = {"OPEN": "", "LATE": "逾期 LATE  ", "DONE": "已了结 done  "}

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


def describe(verb: Verb) -> None:
    """Add what can be done with work."""
    every = verb(
        "list", "列出待办，最早到期的在前 list work, the first due first", show
    )
    every.add_argument(
        "--receiver", metavar="接收方", default=None, help="of this receiver alone"
    )
    every.add_argument(
        "--all",
        dest="done",
        action="store_true",
        help="已了结的也列出 what is done as well",
    )
    every.add_argument("--json", action="store_true", help="打印 JSON print JSON")
    settled = verb("settle", "了结一项，写明怎样办的 say how it was done", settle)
    settled.add_argument("item", metavar="编号", help="as `work list` prints it")
    settled.add_argument("--because", metavar="原因", required=True, help="how or why")


def show(settings: Settings, given: argparse.Namespace) -> None:
    """Print what there is to do."""
    found = asyncio.run(_listed(settings, given.receiver, done=given.done))
    if given.json:
        options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
        say(orjson.dumps([dict(one) for one in found], option=options).decode())
    elif not found:
        say("没有待办 There is nothing to do")
    else:
        say(*map(_line, found))


def settle(settings: Settings, given: argparse.Namespace) -> None:
    """End an item by the word of whoever did what it asks for."""
    why = given.because.strip()
    if not why or has_resident_id(why):
        raise WorkError(
            "请用 --because 写明怎样办的，其中不写公民身份号码：它会永久记入操作登记",
            "say with --because how it was done, without a resident ID number: it is "
            "kept with the action for ever",
        )
    if not asyncio.run(_settle(settings, given.item, why)):
        raise WorkError(
            f"没有未了结的待办 {given.item}，未作任何操作，见 zhitong work list",
            f"no work {given.item} is open, and nothing was done: zhitong work list",
        )
    say(f"已了结 Settled: {given.item}")


async def _listed(
    settings: Settings, receiver: str | None, *, done: bool
) -> Sequence[State]:
    async with WorkDesk(await own_platform(settings)) as desk:
        return await desk.listed(receiver, MOST, done=done)


async def _settle(settings: Settings, item: str, why: str) -> bool:
    async with WorkDesk(await own_platform(settings)) as desk:
        return await desk.settle(item, getpass.getuser(), why)


def _line(row: State) -> str:
    """Write an item in one line, without a word of the decision's content."""
    codes, fields = row["codes"], row["fields"]
    assert isinstance(codes, list)  # noqa: S101 - an array's column
    assert isinstance(fields, list)  # noqa: S101 - an array's column
    blamed = " ".join(dict.fromkeys((*codes, *fields)))
    ended = (
        f"  {_when(row['closed_at'])} {row['closed_by']}" if row["closed_at"] else ""
    )
    return (
        f"{row['item_id']}  {STATES[str(row['state'])]}{KINDS[str(row['kind'])]}  "
        f"{row['receiver']}  决定 decision {row['decision_id']} 第 {row['version']} 版 "
        f"{row['occasion']}{f'  {blamed}' if blamed else ''}  期限 due "
        f"{_when(row['due_at'])}{_certainty(row)}{ended}"
    )


def _certainty(row: State) -> str:
    provisional = row["due_certainty"] == "PROVISIONAL"
    return "（暂定 provisional）" if provisional else ""


def _when(moment: object) -> str:
    if not isinstance(moment, datetime):
        return "-"
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M}"
