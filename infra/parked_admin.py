"""``zhitong parked``: what a dead letter holds up, and how it is let go on."""

from __future__ import annotations

import argparse
import asyncio
import getpass
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import orjson

from zhitong.connectors.outbox import COUNTED
from zhitong.connectors.parked import ParkedKeys
from zhitong.connectors.session import State
from zhitong.decisions import ANNOTATED, Absence, Change
from zhitong.exceptions import ReceiverError
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.rules.resident_ids import has_resident_id
from zhitong.streams.notices import Notice, write_notice

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


def describe(verb: Verb) -> None:
    """Add what can be done with parked keys."""
    every = verb("list", "列出停发的键 list the parked keys", show)
    one = verb("show", "一个键后面等着什么 what waits behind a key", show_key)
    release = verb("release", "放行：死信重试，其余按序 let a key go on", release_key)
    given_up = verb(
        "skip", "放弃死信，改发通知 give a dead letter up: a notice goes", skip
    )
    for each in (one, release, given_up):
        each.add_argument("name", metavar="接收方", help="the receiver's name")
    for each in (one, release):
        each.add_argument("key", metavar="键", help="as `parked list` prints it")
    given_up.add_argument("event", metavar="事件号", help="as `parked show` prints it")
    for each in (release, given_up):
        each.add_argument("--because", metavar="原因", required=True, help="why")
    for each in (every, one):
        each.add_argument("--json", action="store_true", help="打印 JSON print JSON")


def show(settings: Settings, given: argparse.Namespace) -> None:
    """Print which keys are parked, since when and why."""
    found = asyncio.run(_listed(settings))
    if given.json:
        say(_json(found))
    elif not found:
        say("没有停发的键 No key is parked")
    else:
        say(*map(_line, found))


def show_key(settings: Settings, given: argparse.Namespace) -> None:
    """Print what waits behind a key, the dead letter first."""
    found = asyncio.run(_events(settings, given.name, given.key))
    if not found:
        raise _not_parked(given.name, given.key)
    say(_json(found)) if given.json else say(*map(_event, found))


def release_key(settings: Settings, given: argparse.Namespace) -> None:
    """Let a parked key go on: its dead letter is tried again, the rest follows."""
    why = _reason(given.because)
    if not asyncio.run(_release(settings, given.name, given.key, why)):
        raise _not_parked(given.name, given.key)
    say(f"已放行 Released: {given.name} {given.key}")


def skip(settings: Settings, given: argparse.Namespace) -> None:
    """Give a dead letter up: the receiver is told by a notice, the rest follows."""
    why = _reason(given.because)
    if not asyncio.run(_skip(settings, given.name, given.event, why)):
        raise ReceiverError(
            f"{given.name}：事件 {given.event} 不是停住案件的死信，未作任何操作",
            f"{given.name}: {given.event} is no dead letter that a key waits behind; "
            "nothing was done",
            receiver=given.name,
        )
    say(
        f"已放弃，改发通知；标注则改由人告知 Given up, a notice goes, or it is work "
        f"to tell it: {given.name} {given.event}"
    )


async def _listed(settings: Settings) -> Sequence[State]:
    async with _parked(settings) as parked:
        return await parked.listed()


async def _events(settings: Settings, receiver: str, key: str) -> Sequence[State]:
    async with _parked(settings) as parked:
        return await parked.events(receiver, key)


async def _release(settings: Settings, receiver: str, key: str, why: str) -> bool:
    async with _parked(settings) as parked:
        return await parked.release(receiver, key, getpass.getuser(), why)


async def _skip(settings: Settings, receiver: str, event: str, why: str) -> bool:
    config = receivers_of(settings)
    async with _parked(settings) as parked:
        dead = await parked.dead(receiver, event)
        if dead is None:
            return False
        if dead["change"] == ANNOTATED:
            return await parked.hand_over(dead, getpass.getuser(), why)
        notice = write_notice(_notice(dead, config.source(receiver)))
        return await parked.skip(dead, notice, getpass.getuser(), why)


def _notice(dead: State, source: str) -> Notice:
    return Notice(
        event_id=UUID(str(dead["event_id"])),
        receiver=str(dead["receiver"]),
        decision_id=UUID(str(dead["decision_id"])),
        version=int(str(dead["version"])),
        change=Change(str(dead["change"])),
        follows_history=bool(dead["follows_history"]),
        source=source,
        time=datetime.now(UTC),
        key=str(dead["key"]),
        why=Absence.UNSENDABLE,
        payload_hash=str(dead["payload_hash"]),
        traceparent=str(dead["traceparent"]),
    )


@asynccontextmanager
async def _parked(settings: Settings) -> AsyncIterator[ParkedKeys]:
    """Connect to the platform's database, once it has said that it is ours."""
    async with ParkedKeys(await own_platform(settings)) as parked:
        yield parked


def _reason(because: str) -> str:
    if not because.strip() or has_resident_id(because):
        raise ReceiverError(
            "请用 --because 写明原因，其中不写公民身份号码：它会永久记入操作登记",
            "say why with --because, without a resident ID number: it is kept with the "
            "action for ever",
        )
    return because.strip()


def _line(state: State) -> str:
    waiting = int(str(state["waiting"]))
    many = f"{waiting:,}" if waiting <= COUNTED else f"{COUNTED:,}+"
    return (
        f"{state['receiver']} {state['key']}  待发 waiting {many}  "
        f"自 since {_when(state['parked_at'])}  "
        f"死信 dead letter {state['first_event']}  {state['reason']}"
    )


def _event(state: State) -> str:
    dead = "死信 dead letter  " if state["dead"] else ""
    error = f"  {state['last_error']}" if state["last_error"] else ""
    return (
        f"{dead}{state['event_id']}  决定 decision {state['decision_id']} "
        f"第 {state['version']} 版 {state['change']}  {state['bytes']:,} 字节 bytes  "
        f"{_when(state['created_at'])}  尝试 attempts {state['attempts']}{error}"
    )


def _when(moment: object) -> str:
    assert isinstance(moment, datetime)  # noqa: S101 - of a column that has no other
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _json(found: Sequence[State]) -> str:
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    return orjson.dumps([dict(each) for each in found], option=options).decode()


def _not_parked(receiver: str, key: str) -> ReceiverError:
    return ReceiverError(
        f"{receiver}：没有停发的键 {key}",
        f"{receiver}: no key {key} is parked",
        receiver=receiver,
    )
