"""``zhitong replay``: what can be said to it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from zhitong.connectors.replays import Selection
from zhitong.exceptions import ReplayError
from zhitong.infra.replaying import Asked, replay, show
from zhitong.infra.settings import Settings
from zhitong.streams.cloud_events import SHANGHAI

_OFFSETS = re.compile(r"(\d{1,8}):(\d{1,18})-(\d{1,18})", re.ASCII)
_Read = TypeVar("_Read")


def describe(one: argparse.ArgumentParser) -> None:
    """Add what is selected, where it is sent and why."""
    one.add_argument("--list", action="store_true", help="列出重放 list the replays")
    one.add_argument("--receiver", metavar="接收方", default="", help="whom")
    one.add_argument("--since", metavar="时刻", help="自此时发送的 sent from then on")
    one.add_argument("--until", metavar="时刻", help="至此时之前 and before this")
    one.add_argument("--case", metavar="案号", help="一个案件的 a case's")
    one.add_argument("--decision", metavar="决定号", help="一件决定的 a decision's")
    one.add_argument("--event", metavar="事件号", help="一件事件 one event")
    one.add_argument(
        "--offsets", metavar="分区:首-末", help="原主题上的位点 places on its topic"
    )
    one.add_argument(
        "--to",
        choices=("replay", "own"),
        default="replay",
        help="重放主题，或接收方自己的主题 the topic of replays, or its own",
    )
    one.add_argument("--because", metavar="原因", default="", help="why")
    one.add_argument(
        "--rate",
        type=float,
        default=0.0,
        metavar="件数",
        help="每秒至多 events a second at most",
    )
    one.add_argument("--dry-run", action="store_true", help="只说 say it, do nothing")


def run(settings: Settings, given: argparse.Namespace) -> bool:
    """Replay what is asked for, or list what was."""
    if given.list:
        show(settings)
        return True
    if not given.receiver:
        raise ReplayError("请用 --receiver 指明接收方", "name the receiver: --receiver")
    if given.rate < 0:
        raise ReplayError("--rate 不能为负", "--rate is not below zero")
    asked = Asked(
        receiver=given.receiver,
        selection=_selection(given),
        own=given.to == "own",
        because=given.because,
        dry=given.dry_run,
        rate=given.rate,
    )
    return replay(settings, asked)


def _selection(given: argparse.Namespace) -> Selection:
    window = given.since is not None or given.until is not None
    ways = (given.case, given.decision, given.event, given.offsets)
    if window + sum(way is not None for way in ways) != 1:
        raise ReplayError(
            "请只用一种方式选定：--since 与 --until、--case、--decision、--event 或 "
            "--offsets",
            "select in one way: --since with --until, --case, --decision, --event or "
            "--offsets",
        )
    if window:
        return _window(given)
    if given.offsets is not None:
        return _places(given.offsets)
    return Selection(
        case=given.case,
        decision=_read(UUID, given.decision, "--decision"),
        event=_read(UUID, given.event, "--event"),
    )


def _window(given: argparse.Namespace) -> Selection:
    since = _read(_moment, given.since, "--since")
    until = _read(_moment, given.until, "--until")
    if since is None or until is None or not since < until <= datetime.now(UTC):
        raise ReplayError(
            "--since 和 --until 都要写，--since 在前，--until 不晚于现在",
            "give both --since and --until, in this order and neither in the future",
        )
    return Selection(since=since, before=until)


def _places(text: str) -> Selection:
    found = _OFFSETS.fullmatch(text)
    if found is None or int(found[2]) > int(found[3]):
        raise ReplayError(
            f"--offsets 应写成 分区:首-末，如 3:100-250，写的是 {text}",
            f"--offsets is PARTITION:FROM-TO, as in 3:100-250, and not {text}",
        )
    return Selection(partition=int(found[1]), offsets=(int(found[2]), int(found[3])))


def _moment(text: str) -> datetime:
    """Read a moment; without an offset it is the city's own time."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=SHANGHAI)).astimezone(UTC)


def _read(kind: Callable[[str], _Read], text: str | None, option: str) -> _Read | None:
    if text is None:
        return None
    try:
        return kind(text)
    except (ValueError, OverflowError) as error:
        raise ReplayError(
            f"{option} 的值读不懂：{text}", f"{option} cannot be read: {text}"
        ) from error
