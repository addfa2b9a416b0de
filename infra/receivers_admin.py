"""``zhitong receivers``: how they are, and what an operator does to them."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from zhitong.connectors.outbox import COUNTED
from zhitong.connectors.receiver_control import ReceiverControl
from zhitong.connectors.session import State
from zhitong.exceptions import ReceiverError
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.settings import Settings
from zhitong.rules.working_days import CHINA

_CHANNELS = {
    "https": "HTTP",
    "http": "HTTP",
    "postgresql": "前置库 front end",
    "file": "文件 files",
}


def show(settings: Settings) -> None:
    """Print how each receiver is."""
    say(*map(_state, asyncio.run(_look(settings))))


def suspend(settings: Settings, receiver: str, because: str) -> None:
    """Hold a receiver: nothing is sent to it until it is resumed."""
    if not asyncio.run(_act(settings, "suspend", receiver, because)):
        raise _refused(settings, receiver, "已经暂停", "suspended already")
    say(f"已暂停 Suspended: {receiver}")


def resume(settings: Settings, receiver: str, because: str) -> None:
    """Send to a receiver again."""
    if not asyncio.run(_act(settings, "resume", receiver, because)):
        raise _refused(settings, receiver, "没有暂停", "not suspended")
    say(f"已恢复 Resumed: {receiver}")


async def _look(settings: Settings) -> Sequence[State]:
    async with _control(settings) as control:
        return await control.states()


async def _act(settings: Settings, action: str, receiver: str, because: str) -> bool:
    async with _control(settings) as control:
        act = control.suspend if action == "suspend" else control.resume
        return await act(receiver, getpass.getuser(), _reason(because))


@asynccontextmanager
async def _control(settings: Settings) -> AsyncIterator[ReceiverControl]:
    """Connect to the platform's database, once it has said that it is ours."""
    async with ReceiverControl(await own_platform(settings)) as control:
        yield control


def _reason(because: str) -> str:
    if not because.strip():
        raise ReceiverError(
            "请用 --because 写明原因，它会记入操作登记",
            "say why with --because: it is kept with the action",
        )
    return because.strip()


def _state(state: State) -> str:
    oldest = state["oldest_at"]
    age = ""
    if isinstance(oldest, datetime):
        seconds = (datetime.now(UTC) - oldest).total_seconds()
        age = f"，最早 oldest {seconds:,.0f} s"
    if state["corrections_waiting"]:
        many = _counted(state["corrections_waiting"])
        age += f"，其中更正和撤销 corrections {many}"
    held = ""
    if state["suspended_because"]:
        held = f"，原因 because: {state['suspended_because']}"
    since = state["suspended_at"]
    if isinstance(since, datetime):
        held += f"，自 since {since.astimezone(CHINA):%Y-%m-%d %H:%M}"
    if state["work_open"]:
        late = f"，逾期 late {_counted(state['work_late'])}"
        held += f"，待办 work {_counted(state['work_open'])}{late}"
    return (
        f"{state['receiver']:<12} {state['status']:<10} "
        f"{_channel(str(state['topic']))}{state['topic']}  "
        f"待发 waiting {_counted(state['waiting'])}{age}，"
        f"停发 parked {state['parked']}{held}"
    )


def _channel(place: str) -> str:
    """Say which channel *place* is of, where it is no topic."""
    scheme, known, _ = place.partition("://")
    return f"{_CHANNELS.get(scheme, scheme)} " if known else ""


def _counted(count: object) -> str:
    """Write a count; the database counts to one more than this."""
    many = int(str(count))
    return f"{many:,}" if many <= COUNTED else f"{COUNTED:,}+"


def _refused(settings: Settings, receiver: str, zh: str, en: str) -> ReceiverError:
    """Say what is wrong with *receiver*, or that there is none of that name."""
    names = [str(state["receiver"]) for state in asyncio.run(_look(settings))]
    if receiver not in names:
        known = "、".join(names)
        zh, en = (
            f"没有这个接收方，有 {known}",
            f"there is no such receiver, only {known}",
        )
    return ReceiverError(f"{receiver}：{zh}", f"{receiver}: {en}", receiver=receiver)
