"""``zhitong inbound``: what is held of that which others sent us; release it."""

from __future__ import annotations

import argparse
import asyncio
import getpass
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import orjson

from zhitong.connectors.inbound_desk import InboundDesk
from zhitong.connectors.session import State
from zhitong.exceptions import InboundError
from zhitong.inbound import MEANINGS, Arrived, Fate, Fault, Judged
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.receiving import reading, senders_of
from zhitong.infra.settings import Settings
from zhitong.rules.resident_ids import has_resident_id
from zhitong.streams.group_reader import Message
from zhitong.streams.inbound_events import InboundReading

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


def describe(verb: Verb) -> None:
    """Add what can be done with what is held."""
    every = verb("list", "列出等待和隔离的来函 list what waits or is quarantined", show)
    one = verb("show", "一件来函的历次结论 a message's verdicts", show_one)
    one.add_argument("--raw", action="store_true", help="连同原文 its bytes too")
    one.add_argument("--because", metavar="原因", default="", help="why, with --raw")
    release = verb(
        "release", "放行：按现在的密钥和字典重新判断 judge it anew", release_one
    )
    given_up = verb("give-up", "放弃：不再生效 let it have no effect, ever", give_up)
    one.add_argument("message", metavar="编号", type=UUID, help="as `list` says")
    for each in (release, given_up):
        each.add_argument(
            "message", metavar="编号", type=UUID, nargs="*", help="as `list` says"
        )
        each.add_argument(
            "--all",
            dest="fault",
            choices=tuple(Fault),
            help="因此隔离的全部 all in quarantine for this, with --sender",
        )
        each.add_argument("--sender", metavar="发送方", default="", help="whose")
        each.add_argument("--because", metavar="原因", required=True, help="why")
    for each in (every, one):
        each.add_argument("--json", action="store_true", help="打印 JSON print JSON")


def show(settings: Settings, given: argparse.Namespace) -> None:
    """Print what waits and what is in quarantine, since when and why."""
    found = asyncio.run(_listed(settings))
    if given.json:
        say(_json([dict(each) for each in found]))
    elif not found:
        say("没有等待或隔离的来函 Nothing waits or is in quarantine")
    else:
        say(*map(_line, found))


def show_one(settings: Settings, given: argparse.Namespace) -> None:
    """Print a message: its place and verdicts; its bytes for a reason, on record."""
    why = _reason(given.because) if given.raw else ""
    found = dict(asyncio.run(_message(settings, given.message, why)))
    raw = found.pop("raw")
    assert isinstance(raw, bytes)  # noqa: S101 - of a column that has no other
    found["verdicts"] = orjson.loads(str(found["verdicts"]))
    found["bytes"] = len(raw)
    if given.raw:
        found["raw"] = raw.decode("utf-8", "backslashreplace")
    if given.json:
        say(_json(found))
        return
    say(*(f"{name}: {value}" for name, value in found.items()))


def release_one(settings: Settings, given: argparse.Namespace) -> bool:
    """Judge messages anew, by the keys, words and decisions there are now."""
    names, verdicts = asyncio.run(_release(settings, given, _reason(given.because)))
    for each in verdicts:
        say(f"{each.message} {each.fate} {_reasons(each.reasons)}".rstrip())
    last = {each.message: each.fate for each in verdicts}
    return all(last.get(name) is not Fate.QUARANTINED for name in names)


def give_up(settings: Settings, given: argparse.Namespace) -> None:
    """Let messages have no effect, ever; their sender is told."""
    for name in asyncio.run(_give_up(settings, given, _reason(given.because))):
        say(f"已放弃 Given up: {name}")


async def _listed(settings: Settings) -> Sequence[State]:
    async with _desk(settings) as desk:
        return await desk.listed()


async def _message(settings: Settings, name: UUID, why: str) -> State:
    """Give a message; who has said *why* reads its bytes, names and all."""
    async with _desk(settings) as desk:
        found = await _found(desk, name)
        if why:
            await desk.shown(name, str(found["sender"]), getpass.getuser(), why)
        return found


async def _release(
    settings: Settings, given: argparse.Namespace, why: str
) -> tuple[Sequence[UUID], Sequence[Judged]]:
    """Release one after the other, as they came; what was done stays done."""
    readings = {each.name: reading(settings, each) for each in senders_of(settings)}
    verdicts: list[Judged] = []
    async with _desk(settings) as desk:
        names = await _chosen(desk, given)
        for name in names:
            arrived = _again(readings, await _found(desk, name))
            judged = await desk.release(name, arrived, getpass.getuser(), why)
            if not judged:
                raise _not_held(name)
            verdicts += judged
    return names, verdicts


def _again(readings: Mapping[str, InboundReading], found: State) -> Arrived:
    """Read a message once more, as its sender's are read now."""
    read, raw = readings.get(str(found["sender"])), found["raw"]
    assert isinstance(raw, bytes)  # noqa: S101 - of a column that has no other
    if read is None:
        raise InboundError(
            f"{found['sender']} 不再是发送方，不能放行；可以放弃（give-up）",
            f"{found['sender']} sends to us no longer: it can be given up alone",
        )
    return read.read(
        Message(
            topic=str(found["topic"]),
            partition=int(str(found["kpartition"])),
            offset=int(str(found["koffset"])),
            value=raw,
            traceparent="",
        )
    )


async def _give_up(
    settings: Settings, given: argparse.Namespace, why: str
) -> Sequence[UUID]:
    async with _desk(settings) as desk:
        names = await _chosen(desk, given)
        for name in names:
            sender = str((await _found(desk, name))["sender"])
            if not await desk.give_up(name, sender, getpass.getuser(), why):
                raise _not_held(name)
    return names


async def _chosen(desk: InboundDesk, given: argparse.Namespace) -> Sequence[UUID]:
    """Name the messages that are meant; raise `InboundError` where there are none."""
    names: list[UUID] = given.message
    if not names and given.fault and given.sender:
        names = list(await desk.quarantined(given.sender, given.fault))
    if not names:
        raise InboundError(
            "没有这样的来函：请写编号，或者 --all 原因 --sender 发送方",
            "there is no such message: name some, or --all REASON --sender NAME",
        )
    return names


async def _found(desk: InboundDesk, name: UUID) -> State:
    found = await desk.message(name)
    if found is None:
        raise InboundError(f"没有来函 {name}", f"there is no message {name}")
    return found


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[InboundDesk]:
    """Connect to the platform's database, once it has said that it is ours."""
    async with InboundDesk(await own_platform(settings)) as desk:
        yield desk


def _reason(because: str) -> str:
    if not because.strip() or has_resident_id(because):
        raise InboundError(
            "请用 --because 写明原因，其中不写公民身份号码：它会永久记入操作登记",
            "say why with --because, without a resident ID number: it is kept with the "
            "action for ever",
        )
    return because.strip()


def _not_held(name: UUID) -> InboundError:
    return InboundError(
        f"来函 {name} 已有结论，不在等待或隔离中，未作任何操作",
        f"the message {name} neither waits nor is in quarantine; nothing was done",
    )


def _line(state: State) -> str:
    since, reasons = state["since"], state["reasons"]
    assert isinstance(since, datetime)  # noqa: S101 - of columns that have no other
    assert isinstance(reasons, list)  # noqa: S101
    why = _reasons(reasons)
    if state["needs_subject"] is not None:
        why = f"等待 waits for {state['needs_kind']} {state['needs_subject']}"
    return (
        f"{state['message_id']} {state['sender']} {state['verdict']}  "
        f"自 since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC  "
        f"{state['type'] or '-'} {state['subject'] or '-'}  {why}"
    )


def _reasons(reasons: Sequence[str]) -> str:
    return "；".join(map(_said, reasons))


def _said(reason: str) -> str:
    """Write a reason in words: a code, and where."""
    code, _, where = reason.partition(": ")
    label = MEANINGS[Fault(code)]
    return f"{code} {label.zh} {label.en}" + (f" ({where})" if where else "")


def _json(found: object) -> str:
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
    return orjson.dumps(found, option=options).decode()
