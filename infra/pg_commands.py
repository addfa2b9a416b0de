"""``zhitong pg``: the embedded platform's servers, as an operator handles them."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from zhitong.connectors.replication import Replication
from zhitong.connectors.session import State
from zhitong.exceptions import EmbeddedError, StandbyError
from zhitong.infra import archiving, backups
from zhitong.infra.commands import say
from zhitong.infra.embedded import variable
from zhitong.infra.postgres_server import Server
from zhitong.infra.settings import Settings
from zhitong.infra.standby import PLATFORM, Pair, look

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


def describe(verb: Verb) -> None:
    """Add what can be done with the platform's servers."""
    verb(
        "status", "谁是主库，备机落后多少 who is primary, how far the standby is", show
    )
    verb(
        "standby",
        "为主库建立同步备机 make a standby that the primary waits for",
        lambda settings, _: stand_by(settings),
    )
    promote = verb("promote", "备机接替主库 let the standby take over", _promote)
    promote.add_argument(
        "--although-behind",
        action="store_true",
        help="备机未同步也接替，可能缺少已答复的内容"
        " even where it may lack what was acknowledged",
    )
    alone = verb("alone", "暂无备机，提交不再等待 let commits wait for nobody", _alone)
    verb(
        "rejoin",
        "原主库改为备机 make the old primary the standby",
        lambda settings, _: _rejoin(settings),
    )
    archiver = verb("archive", "接收变更的归档 receive the log of changes", _archive)
    archiver.add_argument(
        "--synchronous",
        action="store_true",
        help="没有备机时，提交等待归档 commits wait for it where there is no standby",
    )
    backup = verb("backup", "备份并核对 make a backup, and check it", _backup)
    backup.add_argument(
        "--keep", type=_count, default=7, metavar="份数", help="how many are kept"
    )
    back = verb("restore", "恢复到一个时刻 restore as it was at a moment", _restore)
    back.add_argument(
        "--to",
        type=_moment,
        metavar="时刻",
        help="如 as 2026-11-23T10:00:00+08:00；不写：全部 as far as the archive goes",
    )
    back.add_argument(
        "--into",
        type=Path,
        metavar="目录",
        help="另一个状态目录 another state folder; this one otherwise",
    )
    for one in (promote, alone):
        one.add_argument("--because", metavar="原因", required=True, help="why")


def stand_by(settings: Settings) -> None:
    """Give the primary a standby, and have it wait for that."""
    name = asyncio.run(_pair(settings).stand_by())
    say(
        f"同步备机就绪 The standby is there, and commits wait for it: {name}",
        "此前已启动的网关和进程请重启一次，以得知它的地址",
        "Restart gateways and workers that run already, so that they know its address",
    )


def show(settings: Settings, _given: argparse.Namespace) -> bool:
    """Print how the servers are; False where commits wait for no standby."""
    pair = _pair(settings)
    well = asyncio.run(_shown(pair))
    say(*_archived(settings))
    return well


async def _shown(pair: Pair) -> bool:
    for one in pair.members:
        state = await look(one) if one.postmaster() else None
        say(_line(one, state))
        if state and not state["standby"]:
            async with Replication(one.address) as server:
                say(*_readers(await server.readers()), *_slots(await server.slots()))
    if pair.synchronous:
        say("提交等待备机 Commits wait for the standby")
    else:
        say(
            "没有同步备机，提交只在一块磁盘上 No synchronous standby, what is "
            "committed is on one disk: zhitong pg standby, zhitong pg rejoin"
        )
    return pair.synchronous


_WORDS = {
    "primary": "主库 primary",
    "standby": "备机 standby",
    "fenced": "已隔离 fenced: zhitong pg rejoin",
    "missing": "没有数据 no data",
}


def _line(server: Server, state: State | None) -> str:
    what = f"{server.name:<11} {_WORDS[server.standing]}"
    if state is None:
        return f"{what}，未运行 does not run" if server.data.exists() else what
    return (
        f"{what}，时间线 timeline {state['timeline']}，位置 at {state['position']}"
        + (f"，接收 receiver {state['receiver']}" if state["standby"] else "")
    )


def _readers(rows: Sequence[State]) -> Iterator[str]:
    for row in rows:
        yield (
            f"  {row['name']}: {row['state']}，{row['sync_state']}，"
            f"落后 behind {row['bytes']} B，{row['seconds']:.3f} s"
        )


def _slots(rows: Sequence[State]) -> Iterator[str]:
    for row in rows:
        used = "使用中 in use" if row["active"] else "无人读取 nobody reads"
        yield f"  槽 slot {row['name']}: {used}，保留 keeps {row['kept']} B"


def _promote(settings: Settings, given: argparse.Namespace) -> None:
    done = asyncio.run(
        _pair(settings).promote(
            getpass.getuser(), _reason(given.because), behind=given.although_behind
        )
    )
    ended = "已停止 stopped" if done.how == "stopped" else "已强制结束 killed"
    say(
        f"已接替 Promoted: {done.name}，时间线 timeline {done.timeline}，"
        f"自 from {done.position}",
        f"原主库 the old primary: {done.fenced}，{ended}，已隔离 fenced",
        "现在只有一块磁盘 there is one disk now: zhitong pg rejoin（磁盘已毁 its disk "
        "gone: 同上 the same）",
    )


def _alone(settings: Settings, given: argparse.Namespace) -> None:
    name = asyncio.run(
        _pair(settings).go_alone(getpass.getuser(), _reason(given.because))
    )
    say(
        f"{name} 单独运行，已记入操作登记 runs alone, and that is on record; "
        "有了备机请执行 with a standby again: zhitong pg standby"
    )


def _rejoin(settings: Settings) -> None:
    how = asyncio.run(_pair(settings).rejoin())
    words = {"rewound": "已回绕 wound back", "copied": "已重新复制 copied anew"}
    say(f"{words[how]}，提交等待备机 and commits wait for the standby")


def _archive(settings: Settings, given: argparse.Namespace) -> None:
    _pair(settings)
    archiving.archive(settings, synchronous=given.synchronous)


def _backup(settings: Settings, given: argparse.Namespace) -> None:
    _pair(settings)
    done = asyncio.run(backups.back_up(settings, getpass.getuser(), given.keep))
    say(
        f"已备份并核对 Backed up, and checked: {done.folder.name}，{done.size:,} B",
        f"  {done.folder}",
    )


def _restore(settings: Settings, given: argparse.Namespace) -> None:
    into = given.into or settings.state
    done = asyncio.run(backups.restore(settings, given.to, into))
    reach = done.reach
    say(
        f"已恢复 Restored from {done.backup.folder.name}: {done.state}，"
        f"时间线 timeline {done.timeline}",
        f"  台账 ledger: {reach['versions']} 版 versions，最后 last {reach['latest']}",
        f"  待发 waiting: {reach['waiting']}，最后发出 last sent: {reach['sent']}",
        f"  日志头 the log's head: {reach['head'] or 0} 叶 leaves",
        "下一步：zhitong audit verify（见证人见过更大的日志，即缺了什么）；",
        "  zhitong reconcile（此后发出过的事件，主题上有而台账没有）",
        "Next: zhitong audit verify (a witness may have seen a larger log), and "
        "zhitong reconcile (what was sent since is on the topics, not in the ledger)",
    )


def _archived(settings: Settings) -> Iterator[str]:
    """Say how old the last backup is, and what of the changes is there."""
    made = backups.backups(settings)
    if made:
        yield f"备份 Backups: {len(made)}，最近 last {made[-1].folder.name}"
    else:
        yield "没有备份 No backup: zhitong pg archive, zhitong pg backup"
    found = sorted(archiving.wal(settings).glob("?" * 24 + "*"))
    if found:
        at = datetime.fromtimestamp(found[-1].stat().st_mtime, UTC)
        yield f"归档 Archive: {found[-1].name}，{at:%Y-%m-%dT%H:%M:%SZ}"


def _count(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found


def _pair(settings: Settings) -> Pair:
    if os.environ.get(variable(PLATFORM)):
        raise StandbyError(
            "平台数据库由 ZHITONG_DATABASE_PLATFORM 给出，请用管理它的工具"
            "（docs/standby.md）",
            "the platform's database is given as ZHITONG_DATABASE_PLATFORM: use the "
            "tools that keep it (docs/standby.md)",
        )
    pair = Pair(settings.state)
    if all(one.standing == "missing" for one in pair.members):
        raise EmbeddedError(
            "没有平台数据库：请先执行 zhitong up",
            "there is no platform's database: run zhitong up first",
        )
    return pair


def _reason(because: str) -> str:
    if not because.strip():
        raise StandbyError(
            "请用 --because 写明原因，它会记入操作登记",
            "say why with --because: it is kept with the action",
        )
    return because.strip()
