"""Reading notifications: who is told what is due soon or late, and by which way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from zhitong.exceptions import SettingsError
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.rules.clock_events import What
from zhitong.rules.notices import ALL, TOLD, Address, Way
from zhitong.types import Label

NAMED = Label("通知文件", "the file of notifications")

Named = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*$")]
Said = Annotated[str, msgspec.Meta(pattern=r"^\S+$")]
Some = Annotated[list[Said], msgspec.Meta(min_length=1)]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not leave somebody untold."""


class _Address(_Form, frozen=True, kw_only=True):
    name: Named
    units: Some
    duties: Some
    what: Annotated[list[What], msgspec.Meta(min_length=1)]
    way: Way
    to: Said


class Mail(_Form, frozen=True, kw_only=True):
    """The server that takes mail."""

    host: Said
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    sender: Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+$")]
    user: str = ""
    """Empty: nobody logs in."""
    security: Literal["STARTTLS", "TLS", "NONE"] = "STARTTLS"


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    addresses: list[_Address] = []
    mail: Mail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """Who is told, and the server that takes mail."""

    addresses: tuple[Address, ...] = ()
    mail: Mail | None = None


def read_notifications(path: Path, duties: Collection[str]) -> Notifications:
    """Read *path*; raise `SettingsError`, which names everything that is wrong."""
    file = read_form(path, _File, NAMED, SettingsError)
    faults = list(_wrong(file, duties))
    if faults:
        raise SettingsError(
            f"{NAMED.zh} {path.name} 有误，请更正后重新启动："
            + "；".join(f"{name} {zh}" for name, zh, _ in faults),
            f"{NAMED.en} {path.name} is wrong; correct it and start again: "
            + "; ".join(f"{name} {en}" for name, _, en in faults),
        )
    return Notifications(
        addresses=tuple(
            Address(
                name=one.name,
                units=frozenset(one.units),
                duties=frozenset(one.duties),
                what=frozenset(one.what),
                way=one.way,
                to=one.to,
            )
            for one in file.addresses
        ),
        mail=file.mail,
    )


_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def _reached(to: str) -> bool:
    parts = urlsplit(to)
    here = parts.scheme == "http" and parts.hostname in _HERE
    return bool(parts.hostname) and (parts.scheme == "https" or here)


def _wrong(file: _File, duties: Collection[str]) -> Iterator[tuple[str, str, str]]:
    for name, times in Counter(one.name for one in file.addresses).items():
        if times > 1:
            yield name, "重复", "stands there twice"
    mail = file.mail
    if mail is not None and mail.security == "NONE" and mail.host not in _HERE:
        yield "mail", "的 security 只能对本机为 NONE", "is NONE for this machine alone"
    for one in file.addresses:
        for duty in sorted({*one.duties} - {*duties, ALL}):
            yield one.name, f"的职责不存在：{duty}", f"names no duty: {duty}"
        for what in sorted({*one.what} - TOLD):
            yield (
                one.name,
                f"的 what 只能是 {', '.join(sorted(TOLD))}，不是 {what}",
                f"is told of {', '.join(sorted(TOLD))} alone, not of {what}",
            )
        if one.way is Way.WEBHOOK and not _reached(one.to):
            yield (
                one.name,
                "的 to 不是 https 网址（http 只用于本机）",
                "has no https address in `to` (http is for this machine alone)",
            )
        if one.way is Way.MAIL and one.to.count("@") != 1:
            yield one.name, "的 to 不是邮件地址", "has no mail address in `to`"
        if one.way is Way.MAIL and file.mail is None:
            yield (
                one.name,
                "用邮件通知，没有写 [mail]",
                "is told by mail without [mail]",
            )
