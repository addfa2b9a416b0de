"""Reading the receivers' files: dated rules as data, checked against the forms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from zhitong.decisions import Act
from zhitong.exceptions import ReceiverError
from zhitong.infra.channels_file import (
    ChannelForm,
    File,
    Kafka,
    channel,
    nested,
    unusable,
)
from zhitong.infra.forms_file import SHARED, Shared, Wrong, read_forms, refuse
from zhitong.infra.inbound_file import INBOUND, read_senders
from zhitong.infra.rule_file import read_form
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import Whose
from zhitong.requesters import KINDS
from zhitong.rules.identifiers import credit_code_fault
from zhitong.streams import names
from zhitong.streams.confidence import Confidence
from zhitong.streams.forms import FORMS
from zhitong.streams.inbound_senders import InboundSender
from zhitong.streams.receivers import (
    Acknowledge,
    IdNumber,
    Receiver,
    Receivers,
)
from zhitong.streams.successors import mistakes
from zhitong.types import Label

RECEIVERS = Path(__file__).parent / "rules" / "receivers"
NAMED = Label("接收方文件", "the receiver's file")

_Text = Annotated[str, Meta(min_length=1)]
_Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,30}$")]
_Unit = Annotated[str, Meta(pattern="^[0-9A-Z]{18}$")]
_Hours = Annotated[int, Meta(ge=1, le=10_000)]
_Days = Annotated[int, Meta(ge=1, le=250)]
"""As the calendar's own clocks: a year has no more that are worked."""


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not let a number out."""


class _Label(_Form, frozen=True, kw_only=True):
    zh: _Text
    en: _Text


class _Acknowledge(_Form, frozen=True, kw_only=True):
    within_hours: _Hours | None = None
    working_days: _Days | None = None
    same_day: bool = False
    signed: bool = True


class _Rules(_Form, frozen=True, kw_only=True):
    """What holds from one day to another."""

    since: date
    until: date | None = None
    resumes: bool = False
    """It begins again after days without rules, and that is meant."""
    kind: _Name
    unit: _Unit
    purpose: _Name
    basis: _Text
    format: _Text
    acts: Annotated[list[Act], Meta(min_length=1)]
    id_numbers: list[IdNumber]
    acknowledge: _Acknowledge = _Acknowledge()
    source: _Text
    confidence: Confidence


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    name: _Name
    title: _Label
    succeeds: _Name | None = None
    """Of the same body, on the channel that this one is to take the place of."""
    channel: ChannelForm
    rules: Annotated[list[_Rules], Meta(min_length=1)]


def read_receivers(
    folder: Path = RECEIVERS, tenant: str = "anze", forms: Path = SHARED
) -> Receivers:
    """Read *folder* and *forms* for *tenant*; raise `ReceiverError`, saying what."""
    read = [(path.name, _read(path)) for path in _paths(folder)]
    for name, one in read:
        signed = any(rules.acknowledge.signed for rules in one.rules)
        refuse(name, _misnamed(name, one))
        refuse(name, unusable(one.name, one.channel, signed=signed))
        refuse(name, (*_disordered(one), *_foreign(one)))
    refuse(folder.name, _clashes([one for _, one in read]))
    used = {rules.format for _, one in read for rules in one.rules}
    periods = read_forms(forms, used)
    receivers = tuple(
        _receiver(tenant, one, rules)
        for _, one in read
        for rules in sorted(one.rules, key=lambda rules: rules.since)
    )
    refuse(folder.name, mistakes(receivers))
    inbound = read_senders(folder.with_name(INBOUND), tenant)
    first, *later = [_all(tenant, one, receivers, inbound) for one in periods]
    days = (one.since for one in periods[1:])
    return replace(first, later=tuple(zip(days, later, strict=True)))


def receivers_of(settings: Settings) -> Receivers:
    """Read what the settings name; raise `ReceiverError`, saying what is wrong."""
    return read_receivers(settings.receivers, settings.tenant, settings.forms)


def _paths(folder: Path) -> Sequence[Path]:
    """Name the files of *folder*, in their names' order."""
    if folder.is_file():
        raise ReceiverError(
            f"{folder} 是一个文件；现在一个接收方一个文件，ZHITONG_RECEIVERS 应指其"
            "所在的目录：请把每个 [[receivers]] 段拆为该目录中的 <名称>.toml，其余"
            "（词表、日期、区划）移入 ZHITONG_FORMS 所指的文件，见 docs/streams.md",
            f"{folder} is a file; each receiver has a file of its own now, and "
            "ZHITONG_RECEIVERS names their folder: make of each [[receivers]] block a "
            "<name>.toml in that folder, and move the rest (words, dates, division) to "
            "the file that ZHITONG_FORMS names; see docs/streams.md",
        )
    found = sorted(folder.glob("*.toml"), key=lambda path: path.stem)
    if not found:
        raise ReceiverError(
            f"目录 {folder} 中没有接收方文件（*.toml）：一个接收方一个文件",
            f"the folder {folder} has no receiver's file (*.toml): each receiver has "
            "one",
        )
    return found


def _read(path: Path) -> _File:
    return read_form(path, _File, NAMED, ReceiverError)


def _misnamed(name: str, one: _File) -> Wrong:
    if name != f"{one.name}.toml":
        yield (
            f"接收方 {one.name} 的文件应叫 {one.name}.toml",
            f"the file of the receiver {one.name} must be called {one.name}.toml",
        )
    topic = one.channel.topic if isinstance(one.channel, Kafka) else ""
    ours = tuple(f"{each}." for each in (names.REPLAY, names.RECON, names.INBOUND))
    if one.name in names.RESERVED or topic == names.RECEIPTS or topic.startswith(ours):
        yield (
            f"接收方不能叫 {one.name}，主题不能叫 {topic}：平台自己在用",
            f"the platform itself has the name {one.name} or {topic}",
        )


def _disordered(one: _File) -> Wrong:
    """Find rules that hold on the same day, and days without rules between them."""
    before: _Rules | None = None
    for rules in sorted(one.rules, key=lambda rules: rules.since):
        if rules.until is not None and rules.until < rules.since:
            yield (
                f"接收方 {one.name} 的 until 早于 since",
                f"{one.name} ends before it begins",
            )
        if before is None:
            before = rules
            continue
        if before.until is None or rules.since <= before.until:
            yield (
                f"接收方 {one.name} 的两段规则日期重叠",
                f"two blocks of {one.name} hold on the same day",
            )
        elif (rules.since > before.until + timedelta(days=1)) != rules.resumes:
            zh = (
                f"{one.name} 自 {before.until} 至 {rules.since} 没有规则：有意中断的，"
                "在后一段写 resumes = true；首尾相接的不写"
            )
            en = (
                f"{one.name} has no rules from {before.until} to {rules.since}: where "
                "that is meant say resumes = true in the later block, and only there"
            )
            yield zh, en
        before = rules


def _clashes(files: Sequence[_File]) -> Wrong:
    """Find places that two receivers share; a name is a file's, nobody has it twice."""
    whose: dict[str, str] = {}
    for one in files:
        place = channel("", one.name, one.channel).place
        other = whose.setdefault(place, one.name)
        if other != one.name:
            yield (
                f"{other} 与 {one.name}：一个接收方一个主题、地址或目录",
                f"{other} and {one.name}: one receiver, one topic, address or folder",
            )
    folders = {f.name: f.channel for f in files if isinstance(f.channel, File)}
    yield from nested(folders)


def _foreign(one: _File) -> Wrong:
    """Find what a receiver's form has no place for."""
    for rules in one.rules:
        if rules.kind not in KINDS or credit_code_fault(rules.unit):
            yield (
                f"{one.name}：kind 应是已知的请求者类别，unit 应是统一社会信用代码",
                f"{one.name}: kind is no requester kind, or unit no credit code",
            )
        if len([*_clocks(rules.acknowledge)]) > 1:
            yield (
                f"{one.name}：acknowledge 至多写一个期限",
                f"{one.name}: acknowledge has one clock at most",
            )
        known = FORMS.get(rules.format)
        if known is None:
            yield (
                f"{one.name}：没有格式 {rules.format}，有：{'、'.join(FORMS)}",
                f"{one.name}: no format {rules.format}, but {', '.join(FORMS)}",
            )
            continue
        if other := sorted(set(rules.acts) - known.acts):
            en = f"{one.name}: the format {known.key} has no table for"
            yield (
                f"{one.name}：格式 {known.key} 没有 {'、'.join(other)} 的表",
                f"{en} {', '.join(other)}",
            )
        if whose := sorted(set(rules.id_numbers) - known.id_numbers):
            en = f"{one.name}: the format {known.key} has no place for ID numbers of"
            yield (
                f"{one.name}：格式 {known.key} 没有 {'、'.join(whose)} 证件号码的位置",
                f"{en} {', '.join(whose)}",
            )


def _clocks(said: _Acknowledge) -> Iterator[object]:
    return filter(None, (said.within_hours, said.working_days, said.same_day))


def _all(
    tenant: str,
    shared: Shared,
    receivers: tuple[Receiver, ...],
    inbound: tuple[InboundSender, ...],
) -> Receivers:
    return Receivers(
        tenant=tenant,
        division=shared.file.division,
        penalty_open_end=shared.file.penalty_open_end,
        licence_open_end=shared.file.licence_open_end,
        receivers=receivers,
        words=shared.file.words,
        own_words=shared.file.own_words,
        options=shared.options,
        inbound=inbound,
    )


def _receiver(tenant: str, one: _File, rules: _Rules) -> Receiver:
    said = rules.acknowledge
    return Receiver(
        name=one.name,
        title=Label(one.title.zh, one.title.en),
        channel=channel(tenant, one.name, one.channel),
        kind=rules.kind,
        unit=rules.unit,
        purpose=rules.purpose,
        basis=rules.basis,
        format=rules.format,
        acts=frozenset(rules.acts),
        id_numbers=frozenset(rules.id_numbers),
        acknowledge=Acknowledge(
            within_hours=said.within_hours,
            working_days=said.working_days,
            same_day=said.same_day,
            signed=said.signed,
        ),
        since=rules.since,
        until=rules.until,
        source=rules.source,
        confidence=rules.confidence,
        succeeds=one.succeeds or "",
    )
