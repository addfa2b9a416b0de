"""Reading the receivers' file: dated rules as data, checked against the forms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from zhitong.decisions import Act
from zhitong.exceptions import ReceiverError
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.requesters import KINDS
from zhitong.rules.identifiers import credit_code_fault
from zhitong.streams import names
from zhitong.streams.receivers import (
    CreditForm,
    Format,
    IdNumber,
    ProvincialForm,
    Receiver,
    Receivers,
    Status,
    Words,
)
from zhitong.streams.schemas import SEPARATORS, tables
from zhitong.types import Label

RECEIVERS = Path(__file__).parent / "rules" / "receivers.toml"
NAMED = Label("接收方文件", "the receivers' file")

_Text = Annotated[str, Meta(min_length=1)]
_Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,30}$")]
_Topic = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,200}$")]
_Branches = Annotated[list[_Name], Meta(max_length=16)]
_Division = Annotated[str, Meta(pattern="^[0-9]{6}$")]
_Unit = Annotated[str, Meta(pattern="^[0-9A-Z]{18}$")]
_Partitions = Annotated[int, Meta(ge=1, le=64)]
_Texts = dict[str, _Text]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not let a number out."""


class _Label(_Form, frozen=True, kw_only=True):
    zh: _Text
    en: _Text


class _Receiver(_Form, frozen=True, kw_only=True):
    name: _Name
    title: _Label
    topic: _Topic
    """The stem: the tenant comes before it."""
    branches: _Branches = []
    """Further groups of consumers it has, beside its own."""
    partitions: _Partitions
    kind: _Name
    unit: _Unit
    purpose: _Name
    basis: _Text
    format: Format
    acts: Annotated[list[Act], Meta(min_length=1)]
    id_numbers: list[IdNumber]
    since: date
    until: date | None = None
    source: _Text


class _Words(_Form, frozen=True, kw_only=True):
    acts: dict[Act, _Text]
    party_kinds: _Texts
    id_kinds: _Texts
    penalty_kinds: _Texts
    licence_kinds: _Texts
    procedures: _Texts
    review_opinions: _Texts


class _Status(_Form, frozen=True, kw_only=True):
    stands: _Text
    withdrawn: _Text


class _Credit(_Form, frozen=True, kw_only=True):
    separator: _Text
    penalty_dates: _Text
    licence_dates: _Text
    penalty_status: _Status
    licence_status: _Status


class _Provincial(_Form, frozen=True, kw_only=True):
    status: _Status


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    division: _Division
    licence_open_end: date
    penalty_open_end: date
    receivers: Annotated[list[_Receiver], Meta(min_length=1)]
    words: _Words
    credit: _Credit
    provincial: _Provincial


def read_receivers(path: Path = RECEIVERS, tenant: str = "anze") -> Receivers:
    """Read *path* for *tenant*; raise `ReceiverError` naming what is wrong."""
    file = read_form(path, _File, NAMED, ReceiverError)
    for zh, en in (*_clashes(file), *_foreign(file), *_unfitting(file)):
        raise ReceiverError(f"{path.name}：{zh}", f"{path.name}: {en}")
    words = {name: getattr(file.words, name) for name in _Words.__struct_fields__}
    return Receivers(
        tenant=tenant,
        division=file.division,
        penalty_open_end=file.penalty_open_end,
        licence_open_end=file.licence_open_end,
        receivers=tuple(_receiver(tenant, one) for one in file.receivers),
        words=Words(**words),
        credit=CreditForm(
            separator=file.credit.separator,
            penalty_dates=file.credit.penalty_dates,
            licence_dates=file.credit.licence_dates,
            penalty_status=_status(file.credit.penalty_status),
            licence_status=_status(file.credit.licence_status),
        ),
        provincial=ProvincialForm(status=_status(file.provincial.status)),
    )


def _clashes(file: _File) -> Iterator[tuple[str, str]]:
    """Find rules of one receiver that overlap, and topics that two share."""
    for place, one in enumerate(file.receivers):
        if (
            one.name in names.RESERVED
            or one.topic == names.RECEIPTS
            or one.topic.startswith(f"{names.REPLAY}.")
        ):
            yield (
                f"接收方不能叫 {one.name}，主题不能叫 {one.topic}：平台自己在用",
                f"the platform itself has the name {one.name} or {one.topic}",
            )
        if one.until is not None and one.until < one.since:
            yield (
                f"接收方 {one.name} 的 until 早于 since",
                f"{one.name} ends before it begins",
            )
        for other in file.receivers[:place]:
            if (one.name == other.name) != (one.topic == other.topic):
                yield (
                    f"{one.name} 与 {other.name}：一个接收方一个主题",
                    f"{one.name} and {other.name}: one receiver has one topic",
                )
            if one.name != other.name:
                continue
            if one.branches != other.branches:
                yield (
                    f"{one.name} 各段的 branches 须一致",
                    f"all blocks of {one.name} have the same branches",
                )
            if one.partitions != other.partitions:
                yield (
                    f"{one.name} 的分区数不能改变，否则同一案件的顺序会乱",
                    f"{one.name}'s partitions cannot change: cases would lose order",
                )
            if one.since <= (other.until or date.max) and other.since <= (
                one.until or date.max
            ):
                yield (
                    f"接收方 {one.name} 的两段规则日期重叠",
                    f"two blocks of {one.name} hold on the same day",
                )


def _foreign(file: _File) -> Iterator[tuple[str, str]]:
    """Find what a receiver's form has no place for."""
    for one in file.receivers:
        if one.kind not in KINDS or credit_code_fault(one.unit):
            yield (
                f"{one.name}：kind 应是已知的请求者类别，unit 应是统一社会信用代码",
                f"{one.name}: kind is no requester kind, or unit no credit code",
            )
        if one.format is Format.CREDIT and not set(one.acts) <= {
            Act.PENALTY,
            Act.LICENCE,
        }:
            yield (
                f"{one.name}：双公示格式只有行政处罚和行政许可",
                f"{one.name}: double publicity is for penalties and licences alone",
            )
        if one.format is Format.PROVINCIAL and one.id_numbers:
            yield (
                f"{one.name}：该格式没有证件号码的位置",
                f"{one.name}: this form has no place for ID numbers",
            )


def _unfitting(file: _File) -> Iterator[tuple[str, str]]:
    """Find texts that the tables' JSON Schemas do not have, which none would take."""
    words, credit = file.words, file.credit
    day = file.licence_open_end
    if missing := set(Act) - set(words.acts):
        yield (
            f"words.acts 缺少 {sorted(missing)}",
            f"words.acts lacks {sorted(missing)}",
        )
    if len(credit.separator) != 1 or credit.separator not in SEPARATORS[1:-1]:
        yield (
            f"credit.separator 应为 {SEPARATORS} 之一",
            f"credit.separator must be one of {SEPARATORS}",
        )
    expected: list[tuple[str, str, list[str]]] = [
        ("cf_fr", "CF_XDR_LB", [*words.party_kinds.values()]),
        ("cf_zrr", "CF_XDR_ZJLX", [*words.id_kinds.values()]),
        ("xk_fr", "XK_XKLB", [*words.licence_kinds.values()]),
        ("cf_fr", "CF_ZT", [*_both(credit.penalty_status)]),
        ("xk_fr", "XK_ZT", [*_both(credit.licence_status)]),
        ("cf_fr", "CF_JDRQ", [day.strftime(credit.penalty_dates)]),
        ("xk_fr", "XK_JDRQ", [day.strftime(credit.licence_dates)]),
        ("penalty", "status", [*_both(file.provincial.status)]),
        ("penalty", "act_type", [*words.acts.values()]),
        ("penalty", "party_kind", [*words.party_kinds.values()]),
        ("penalty", "penalty_kinds", [*words.penalty_kinds.values()]),
        ("penalty", "procedure", [*words.procedures.values()]),
        ("penalty", "review_opinion", [*words.review_opinions.values()]),
        ("licence", "licence_kind", [*words.licence_kinds.values()]),
    ]
    for table, column, texts in expected:
        validator = tables()[table].validator
        many = "items" in tables()[table].columns[column]
        for text in texts:
            row = {column: [text] if many else text}
            if any(column in error.path for error in validator.iter_errors(row)):
                yield (
                    f"“{text}”不合表 {table} 的列 {column}",
                    f"“{text}” does not fit the column {column} of {table}",
                )


def _both(status: _Status) -> tuple[str, str]:
    return status.stands, status.withdrawn


def _status(status: _Status) -> Status:
    return Status(stands=status.stands, withdrawn=status.withdrawn)


def _receiver(tenant: str, one: _Receiver) -> Receiver:
    return Receiver(
        name=one.name,
        title=Label(one.title.zh, one.title.en),
        topic=names.topic(tenant, one.topic),
        groups=tuple(
            names.group(tenant, one.name, branch) for branch in ("", *one.branches)
        ),
        kind=one.kind,
        unit=one.unit,
        purpose=one.purpose,
        basis=one.basis,
        format=one.format,
        acts=frozenset(one.acts),
        id_numbers=frozenset(one.id_numbers),
        partitions=one.partitions,
        since=one.since,
        until=one.until,
        source=one.source,
    )
