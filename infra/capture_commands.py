"""``zhitong capture``: run a capture, say how captures are, settle what a row is."""

from __future__ import annotations

import argparse
import asyncio
import getpass
from collections.abc import Callable, Sequence
from datetime import datetime

import orjson

from zhitong.connectors.capture_book import CaptureBook
from zhitong.connectors.session import State
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import CaptureError, SettingsError
from zhitong.infra.capturing import capture, capture_once
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.settings import Settings

MOST = 1_000
"""Rows that wait, at most so many are listed."""
EVERY = "*"
"""In the place of a key: all that were too many to be corrected without asking."""
WORDS = ("correction", "another")
"""What a row may be said to be: the decision corrected, or another decision."""

DETAILS = frozenset({"code", "rows"})

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


def describe(verb: Verb) -> None:
    """Add what can be done with captures."""
    one = verb("run", "采集一个来源 capture a source", run)
    one.add_argument("source", metavar="来源", help="its binding's name")
    one.add_argument(
        "--once", action="store_true", help="通查一遍即结束 sweep once and end"
    )
    one.add_argument(
        "--rebind",
        choices=("correct", "adopt"),
        default="",
        help="绑定改过以后 where the binding has changed: correct 更正, adopt 只换读法",
    )
    state = verb("status", "采集进度和待处理的行 how captures are, and work", status)
    state.add_argument("source", metavar="来源", nargs="?", default="", help="only it")
    state.add_argument("--json", action="store_true", help="打印 JSON print JSON")
    settled = verb("settle", "认定一行是什么 say what a row is", settle)
    settled.add_argument("source", metavar="来源", help="its binding's name")
    settled.add_argument(
        "key", metavar="主键", help="as `capture status` prints it; * 太多的全部 all"
    )
    settled.add_argument(
        "word",
        choices=WORDS,
        help="correction 原决定的更正 the decision corrected; "
        "another 另一件决定 another decision",
    )
    settled.add_argument("--because", metavar="原因", required=True, help="why")


def run(settings: Settings, given: argparse.Namespace) -> None:
    """Capture until stopped, or sweep once and say what became of rows."""
    if not given.once:
        capture(settings, given.source, given.rebind)
        return
    steps = asyncio.run(capture_once(settings, given.source, given.rebind))
    told = "，".join(f"{step} {many:,}" for step, many in sorted(steps.items()))
    say(f"已通查 Swept {given.source}: {told or '没有变动 nothing new'}")


def status(settings: Settings, given: argparse.Namespace) -> bool:
    """Say how captures are; False where rows wait for somebody."""
    states, work = asyncio.run(_status(settings, given.source))
    if given.json:
        found = {"sources": states, "waiting": work}
        say(orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str).decode())
    elif not states:
        say("没有采集过任何来源 No source has been captured: zhitong capture run")
    else:
        say(*map(_state, states), *map(_waiting, work))
    return not work


async def _status(
    settings: Settings, source: str
) -> tuple[Sequence[State], Sequence[State]]:
    async with CaptureBook(await own_platform(settings), source) as book:
        return await book.states(), await book.work(MOST)


def _state(row: State) -> str:
    lag, phase = row["lag"], row["phase"]
    seen = "从未看全 never seen whole" if lag is None else f"滞后 lag {lag:,.0f} s"
    under_way = f"，通查中 sweeping: {phase}" if phase else ""
    apart = f"，与历史不同 other than history {row['apart']:,}" if row["apart"] else ""
    return (
        f"{row['source']}  {seen}，表中 there {row['there']:,}，已见 seen "
        f"{row['captured']:,}{apart}，待处理 waiting {row['items']:,}{under_way}"
    )


def _waiting(row: State) -> str:
    since = row["since"]
    day = since.astimezone() if isinstance(since, datetime) else since
    word = f" [{row['settled']}]" if row["settled"] else ""
    return f"  {row['code']} {row['key']}{word}  {day:%Y-%m-%d %H:%M}  {row['zh']}"


def settle(settings: Settings, given: argparse.Namespace) -> None:
    """Say what a row is that waits; it is entered so at the next look."""
    why = given.because.strip()
    if not why:
        raise SettingsError("请写明原因 --because", "state why with --because")
    if given.key == EVERY and given.word != WORDS[0]:
        raise SettingsError(
            "全部（*）只能认定为 correction",
            "all (*) can be settled as corrections alone",
        )
    if not asyncio.run(_settle(settings, given.source, given.key, given.word, why)):
        raise CaptureError(
            f"{given.source} 没有待处理的行 {given.key}，见 zhitong capture status",
            f"no row {given.key} of {given.source} waits: zhitong capture status",
            key=given.key,
        )
    say(f"已认定 Settled: {given.source} {given.key} → {given.word}")


async def _settle(
    settings: Settings, source: str, key: str, word: str, why: str
) -> bool:
    def deed(row: State) -> Deed:
        return Deed(
            kind=DeedKind.ACTION,
            who=getpass.getuser(),
            action="settle-capture",
            target=f"{source}/{key}",
            reason=why,
            detail={
                "as": word,
                **{name: str(row[name]) for name in row.keys() & DETAILS},
            },
        )

    async with CaptureBook(await own_platform(settings), source) as book:
        if key == EVERY:
            return bool(await book.settle_many(deed))
        return bool(await book.settle(key, word, deed))
