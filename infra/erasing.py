"""``zhitong erase``: a person's ID numbers made unreadable, by order and on record."""

from __future__ import annotations

import asyncio
import getpass
import sys
from datetime import datetime

from zhitong.connectors.erasure import Erased, Erasure, Order
from zhitong.connectors.sealing import Sealing
from zhitong.exceptions import ErasureError
from zhitong.infra.commands import say
from zhitong.infra.platform_database import OWNER, own_platform
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.rules.resident_ids import has_resident_id

LONGEST = 40
"""Letters and digits of an ID number at most, whatever its kind."""


def erase(settings: Settings, because: str, approval: str) -> None:
    """Destroy the key of the person whose ID number standard input has."""
    order = Order(
        who=getpass.getuser(),
        reason=_stated(because, "原因 --because"),
        approval=_stated(approval, "审批文号 --approval"),
    )
    person = _sealing(settings).person(_number())
    erased, before = asyncio.run(_erase(settings, person, order))
    if erased is None:
        raise _nobody(before)
    say(
        f"密钥已销毁 The key is destroyed: {erased.numbers} 处号码不可再读 numbers, "
        f"{erased.payloads} 件已推送内容不可再读 payloads sent",
        *(f"  决定 decision {each}" for each in erased.decisions),
        *(
            f"  将告知 will be told: {each}，见 see docs/work.md"
            for each in erased.receivers
        ),
        "姓名等其余内容仍在，见 What stays, and where: docs/erasure.md",
    )


async def _erase(
    settings: Settings, person: bytes, order: Order
) -> tuple[Erased | None, datetime | None]:
    async with Erasure(await own_platform(settings, OWNER)) as erasure:
        before = await erasure.erased_at(person)
        return await erasure.erase(person, order), before


def _stated(text: str, what: str) -> str:
    said = text.strip()
    if not said:
        raise ErasureError(f"请写明{what}", f"state {what}")
    if has_resident_id(said):
        # A deed stands for ever.
        raise ErasureError(
            f"{what} 中有公民身份号码，请去掉：操作登记永久保存",
            f"{what} has a resident ID number in it: leave it out, a deed is for ever",
        )
    return said


def _number() -> str:
    """Read the ID number; it is no argument, which every process could see."""
    if sys.stdin.isatty():
        said = getpass.getpass("证件号码 ID number: ")
    else:
        said = sys.stdin.readline(LONGEST * 4)
    number = "".join(said.split())
    if not number or len(number) > LONGEST:
        raise ErasureError(
            "请从标准输入给出一个证件号码，不要写在命令行上",
            "give one ID number on standard input, and none on the command line",
        )
    return number


def _sealing(settings: Settings) -> Sealing:
    """Give the digests that persons are known by; no key is made for it."""
    missing = [
        path.name
        for path in (settings.state / "subject.key", settings.state / "person.key")
        if not path.exists()
    ]
    if missing:
        names = "、".join(missing)
        raise ErasureError(
            f"状态目录 {settings.state} 中没有 {names}：请用 --state 指明平台的",
            f"{names} is not in the state folder {settings.state}: name the platform's "
            "with --state",
        )
    return Sealing(
        secret(settings.state / "subject.key"), secret(settings.state / "person.key")
    )


def _nobody(before: datetime | None) -> ErasureError:
    if before is None:
        return ErasureError(
            "台账中没有这个证件号码，未作任何操作，请核对号码",
            "the ledger has no such ID number and nothing was done; check the number",
        )
    return ErasureError(
        f"此人的密钥已于 {before:%Y-%m-%d %H:%M:%S} UTC 销毁，此后没有再登记",
        f"this person's key was destroyed at {before:%Y-%m-%d %H:%M:%S} UTC, and "
        "nothing was registered since",
    )
