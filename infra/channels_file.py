"""The ``[channel]`` of a receiver's file: how it is reached, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec
from msgspec import Meta

from zhitong.decisions import Answering, FrontTables
from zhitong.exceptions import SettingsError
from zhitong.infra.key_sources import checked
from zhitong.streams import names
from zhitong.streams.channels import (
    Channel,
    FileChannel,
    FrontEndChannel,
    HttpChannel,
    KafkaChannel,
)

_Text = Annotated[str, Meta(min_length=1)]
_Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,30}$")]
_Topic = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,200}$")]
_Branches = Annotated[list[_Name], Meta(max_length=16)]
_Partitions = Annotated[int, Meta(ge=1, le=64)]
_Family = Annotated[str, Meta(pattern="^[a-z][a-z0-9]{0,30}$")]
_Word = Annotated[str, Meta(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,100}\Z")]
"""Stands in headers, and in one of them between quotes."""
_Column = Annotated[str, Meta(pattern=r"^[^\x00-\x20.\"]{1,63}$")]
"""A name of the receiver's; a dot would part it in two."""
_Words = Annotated[tuple[_Text, ...], Meta(min_length=1, max_length=20)]
Wrong = Iterator[tuple[str, str]]
"""What is wrong, in both languages."""


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt one must not change where things go."""


class Kafka(_Form, frozen=True, kw_only=True, tag_field="kind", tag="kafka"):
    """A topic of the receiver's own."""

    topic: _Topic
    """The stem: the tenant comes before it."""
    branches: _Branches = []
    """Further groups of consumers it has, beside its own."""
    partitions: _Partitions


class Http(_Form, frozen=True, kw_only=True, tag_field="kind", tag="http"):
    """An address that takes a signed POST."""

    url: _Text
    requester: _Word
    interface: _Word
    family: _Family = "gjgxjhpt"
    taken: _Words = ("200",)
    refused: tuple[_Text, ...] = ()
    seconds: Annotated[float, Meta(gt=0, le=60)] = 10.0
    at_once: Annotated[int, Meta(ge=1, le=64)] = 8
    authorities: str = ""


class _Answering(_Form, frozen=True, kw_only=True):
    answer: _Column
    code: _Column | None = None
    field: _Column | None = None
    text: _Column | None = None
    at: _Column | None = None


class FrontEnd(_Form, frozen=True, kw_only=True, tag_field="kind", tag="front-end"):
    """A front-end database whose tables are the receiver's."""

    address: _Text
    plain: bool = False
    """Whoever listens on the way may: it is a network of its own, or this machine."""
    source: str = ""
    rows: Annotated[int, Meta(ge=1, le=2_000)] = 500
    schema: _Column = "public"
    event: _Column = "record_unique_identity"
    separator: _Text = "、"
    batches: _Column = "cd_batch_log"
    number: _Column = "cd_batch"
    count: _Column = "row_count"
    written: _Column = "cd_time"
    tables: tuple[_Column, ...] = ()
    """Those that acknowledge by the row, in the columns of `of_row`."""
    of_batch: _Answering | None = None
    of_row: _Answering | None = None
    held: _Words = ("accepted",)
    rejected: _Words = ("rejected",)


class File(_Form, frozen=True, kw_only=True, tag_field="kind", tag="file"):
    """A folder in which batches are laid."""

    folder: Annotated[str, Meta(pattern="^/.+")]
    rows: Annotated[int, Meta(ge=1, le=2_000)] = 1_000
    """No more than a relay looks for at once."""


ChannelForm = Kafka | Http | FrontEnd | File


def unusable(name: str, form: ChannelForm, *, signed: bool) -> Wrong:
    """Find what is wrong with the channel of *name*, who signs its answers or not."""
    if isinstance(form, Http):
        yield from _unusable_url(name, form)
    if isinstance(form, File) and not _plain(form.folder):
        yield (
            f"{name}：folder 应是不含 .、.. 和重复斜杠的绝对路径",
            f"{name}: the folder is an absolute path without ., .. or double slashes",
        )
    if isinstance(form, FrontEnd):
        yield from _unusable_address(name, form)
        if signed:
            zh = "前置库的确认不能签名，须写 acknowledge = { signed = false }"
            en = (
                f"{name}: what a front-end database acknowledges cannot be signed: say "
                "acknowledge = { signed = false }"
            )
            yield f"{name}：{zh}", en


def channel(tenant: str, name: str, form: ChannelForm) -> Channel:
    """Make the channel of the receiver *name* of *tenant*."""
    if isinstance(form, Kafka):
        return KafkaChannel(
            topic=names.topic(tenant, form.topic),
            groups=tuple(
                names.group(tenant, name, branch) for branch in ("", *form.branches)
            ),
            partitions=form.partitions,
        )
    if isinstance(form, Http):
        return HttpChannel(
            url=form.url,
            requester=form.requester,
            interface=form.interface,
            family=form.family,
            taken=form.taken,
            refused=form.refused,
            seconds=form.seconds,
            at_once=form.at_once,
            authorities=form.authorities,
        )
    if isinstance(form, File):
        return FileChannel(folder=form.folder.rstrip("/"), rows=form.rows)
    return FrontEndChannel(
        address=form.address,
        source=form.source,
        rows=form.rows,
        tables=FrontTables(
            schema=form.schema,
            event=form.event,
            separator=form.separator,
            batches=form.batches,
            number=form.number,
            count=form.count,
            written=form.written,
            tables=form.tables,
            of_batch=_answering(form.of_batch),
            of_row=_answering(form.of_row),
            held=form.held,
            rejected=form.rejected,
        ),
    )


def nested(folders: Mapping[str, File]) -> Wrong:
    """Find folders in which another receiver's lies, as in the one of its answers."""
    places = {name: [*_parts(form.folder)] for name, form in folders.items()}
    for name, inner in places.items():
        for other, outer in places.items():
            if len(outer) < len(inner) and inner[: len(outer)] == outer:
                zh = f"{name} 的目录在 {other} 的目录之内：文件会混在一起"
                en = f"{name}'s folder lies in that of {other}: files would be mixed up"
                yield zh, en


def _plain(folder: str) -> bool:
    parts = {*_parts(folder)}
    return bool(parts) and not parts & {"", ".", ".."}


def _parts(folder: str) -> Sequence[str]:
    return folder.rstrip("/").split("/")[1:]


def _answering(form: _Answering | None) -> Answering:
    if form is None:
        return Answering()
    return Answering(
        answer=form.answer,
        code=form.code or "",
        field=form.field or "",
        text=form.text or "",
        at=form.at or "",
    )


def _unusable_url(name: str, form: Http) -> Wrong:
    try:
        checked(form.url)
    except SettingsError:
        zh = f"{name}：url 须为 https，或本机的 http，不带用户、查询和片段"
        en = (
            f"{name}: the url must be https, or http on this machine, without a user, "
            "a query or a fragment"
        )
        yield zh, en
    if set(form.taken) & set(form.refused):
        yield (
            f"{name}：同一代码不能既是 taken 又是 refused",
            f"{name}: a code cannot be both taken and refused",
        )


def _unusable_address(name: str, form: FrontEnd) -> Wrong:
    parts = urlsplit("")
    try:
        parts = urlsplit(form.address)
        usable = parts.scheme == "postgresql" and parts.hostname and parts.username
        open_ = bool(parts.password) or "password" in parse_qs(parts.query)
    except ValueError:
        usable, open_ = None, False
    if not usable or open_:
        zh = (
            f"{name}：address 应为 postgresql://用户@主机:端口/数据库，不写密码：密码在"
            f"状态目录的 receivers/{name}.password"
        )
        en = (
            f"{name}: the address is postgresql://user@host:port/database, without a "
            f"password: that lies in receivers/{name}.password of the state folder"
        )
        yield zh, en
    elif not form.plain and not _verified(parts):
        zh = (
            f"{name}：到前置库的连接不核验对方：address 写 sslmode=verify-full，或写明 "
            "plain = true"
        )
        en = (
            f"{name}: nobody proves what the front-end database is: let the address "
            "have sslmode=verify-full, or say plain = true"
        )
        yield zh, en
    if form.of_batch is None and form.of_row is None:
        yield (
            f"{name}：of_batch 和 of_row 至少写一个，否则看不到对方是否接收",
            f"{name}: give of_batch or of_row: else nothing says what was taken",
        )
    if set(form.held) & set(form.rejected):
        yield (
            f"{name}：同一个词不能既是 held 又是 rejected",
            f"{name}: a word cannot be both held and rejected",
        )
    if (form.of_row is None) != (not form.tables):
        yield (
            f"{name}：of_row 与 tables 要写都写",
            f"{name}: of_row and tables go together",
        )


def _verified(parts: SplitResult) -> bool:
    """Say whether the server must prove itself, or is this machine's own."""
    mode = parse_qs(parts.query).get("sslmode", [""])[-1]
    return mode == "verify-full" or parts.hostname in {"localhost", "127.0.0.1", "::1"}
