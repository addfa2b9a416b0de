"""How the log is, in a line for people."""

from __future__ import annotations

import os

from zhitong.connectors.published import LogState, LogTable
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra.embedded import address
from zhitong.infra.settings import Settings


async def log_line(settings: Settings) -> str:
    """Say how large the log is, how old its head, and what waits."""
    url = address(settings.state, os.environ)("platform")
    state = None
    if url is not None:
        try:
            async with LogTable(url) as table:
                state = await table.state()
        except LedgerUnavailableError:
            return "存证日志 The log: 平台数据库没有答复 its database does not answer"
    return f"存证日志 The log: {_words(state)}"


def _words(state: LogState | None) -> str:
    if state is None:
        return "尚未开始 not begun"
    waits = f"，{state.waiting:,} 条待封存 wait" if state.waiting else ""
    if state.size is None or state.age is None:
        return f"尚无日志头 no head yet: zhitong seal{waits}"
    return (
        f"{state.hash}，{state.size:,} 条 leaves，"
        f"日志头 {state.age:.0f} 秒前 its head {state.age:.0f} s ago{waits}"
    )
