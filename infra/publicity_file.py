"""Reading publicity: what each channel shows, by which figures, and which classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec

from zhitong.decisions import Act
from zhitong.exceptions import PublicityError
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.rules.admission import CODES
from zhitong.rules.dated import breaks
from zhitong.rules.figures import READ, Confidence, Figure, Figures, Trigger
from zhitong.rules.publicity import Channel, Grade, Reason, Withheld
from zhitong.types import Label

NAMED = Label("公示渠道文件", "the file of publicity")

Named = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*$")]
Said = Annotated[str, msgspec.Meta(pattern=r"\S")]
Some = Annotated[list[str], msgspec.Meta(min_length=1)]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not show what is to be hidden."""


class _Text(_Form, frozen=True, kw_only=True):
    zh: Said
    en: Said


class _Dated(_Form, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    since: date
    until: date | None = None
    source: Said
    confidence: Confidence


class _Withheld(_Dated, frozen=True, kw_only=True):
    reason: Reason
    only: Some


class _Class(_Dated, frozen=True, kw_only=True):
    name: Named
    title: _Text
    kinds: list[str] = []
    only: list[str] = []
    procedures: list[str] = []
    fields: list[Named] = []
    rest: bool = False
    withheld: bool = False
    shown: Named
    least: Named | None = None


class _Channel(_Form, frozen=True, kw_only=True):
    name: Named
    title: _Text
    acts: Annotated[list[Act], msgspec.Meta(min_length=1)]
    parties: Some
    published: Annotated[list[Named], msgspec.Meta(min_length=1)]
    withdrawn: list[Named] = []
    shown: list[Named] = []
    hides: list[str]
    receiver: Named | None = None
    site: bool = False
    withheld: list[_Withheld] = []
    classes: list[_Class] = []


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    channels: list[_Channel] = []


def read_publicity(
    path: Path, figures: Figures, receivers: Collection[str]
) -> tuple[Channel, ...]:
    """Read *path*; raise `PublicityError`, which names everything that is wrong."""
    file = read_form(path, _File, NAMED, PublicityError)
    faults = list(_wrong(file.channels, figures, receivers))
    if faults:
        raise PublicityError(
            f"{NAMED.zh} {path.name} 有误，请更正后重新启动："
            + "；".join(f"{name} {zh}" for name, zh, _ in faults),
            f"{NAMED.en} {path.name} is wrong; correct it and start again: "
            + "; ".join(f"{name} {en}" for name, _, en in faults),
        )
    return tuple(_channel(one, figures) for one in file.channels)


def _wrong(
    channels: list[_Channel], figures: Figures, receivers: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    for name, times in Counter(one.name for one in channels).items():
        if times > 1:
            yield name, "重复", "stands there twice"
    for one in channels:
        for starts, name in _named(one):
            yield from _wrong_figure(one.name, figures.get(name), name, starts)
        yield from _wrong_words(one, receivers)
        every = (*one.withheld, *one.classes)
        for dated in every:
            if (dated.confidence in READ) == dated.source.startswith("configured rule"):
                yield (
                    one.name,
                    f"自 {dated.since} 的 confidence 与 source 不符",
                    f"has a source of {dated.since} that does not fit confidence",
                )
        for name in sorted({each.name for each in one.classes}):
            for broken in breaks(each for each in one.classes if each.name == name):
                yield (
                    f"{one.name}/{name}",
                    f"{broken.first} — {broken.last} 漏日或重叠",
                    f"misses days or has them twice: {broken.first} — {broken.last}",
                )


def _wrong_words(
    one: _Channel, receivers: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    if one.receiver is not None and one.receiver not in receivers:
        yield (
            one.name,
            f"的接收方不存在：{one.receiver}",
            f"names no receiver: {one.receiver}",
        )
    if one.receiver is not None and one.site:
        yield (
            one.name,
            "既有 receiver 又有 site",
            "has a receiver, and is a site of the platform's",
        )
    for code in sorted(_codes(one)):
        yield one.name, f"用了没有的代码：{code}", f"names no code: {code}"


def _named(one: _Channel) -> Iterator[tuple[frozenset[Trigger], str]]:
    """Give the figures that are named, and what each may run from."""
    shown = frozenset({Trigger.DECIDED, Trigger.PUBLISHED})
    yield from ((frozenset({Trigger.DECIDED}), name) for name in one.published)
    yield from ((frozenset({Trigger.UNDONE}), name) for name in one.withdrawn)
    yield from ((shown, name) for name in one.shown)
    for each in one.classes:
        yield shown, each.shown
        if each.least is not None:
            yield frozenset({Trigger.DECIDED}), each.least


def _wrong_figure(
    channel: str, figure: Figure | None, name: str, starts: frozenset[Trigger]
) -> Iterator[tuple[str, str, str]]:
    if figure is None:
        yield (
            channel,
            f"所按的数额规则不存在：{name}",
            f"goes by a figure that there is none of: {name}",
        )
    elif figure.starts not in starts or figure.channel != channel:
        events = ", ".join(sorted(starts))
        yield (
            channel,
            f"所按的 {name} 不是本渠道自 {events} 起算的",
            f"goes by {name}, which is not its own or runs from none of {events}",
        )


def _codes(one: _Channel) -> set[str]:
    """Find codes that there are none of."""
    kinds = {code for each in one.withheld for code in each.only}
    for each in one.classes:
        kinds.update(each.kinds, each.only)
    procedures = {code for each in one.classes for code in each.procedures}
    return (
        (kinds - CODES["penalty.kinds"])
        | (procedures - CODES["penalty.procedure"])
        | (set(one.parties) - CODES["party.kind"])
    )


def _channel(one: _Channel, figures: Figures) -> Channel:
    return Channel(
        name=one.name,
        title=Label(one.title.zh, one.title.en),
        acts=frozenset(one.acts),
        parties=frozenset(one.parties),
        published=tuple(figures[name] for name in one.published),
        withdrawn=tuple(figures[name] for name in one.withdrawn),
        shown=tuple(figures[name] for name in one.shown),
        withheld=tuple(
            Withheld(
                reason=each.reason,
                since=each.since,
                until=each.until,
                only=frozenset(each.only),
                source=each.source,
                confidence=each.confidence,
            )
            for each in one.withheld
        ),
        grades=tuple(_grade(each, figures) for each in one.classes),
        hides=frozenset(one.hides),
        receiver=one.receiver or "",
        site=one.site,
    )


def _grade(one: _Class, figures: Figures) -> Grade:
    return Grade(
        name=one.name,
        title=Label(one.title.zh, one.title.en),
        since=one.since,
        until=one.until,
        kinds=frozenset(one.kinds),
        only=frozenset(one.only),
        procedures=frozenset(one.procedures),
        fields=frozenset(one.fields),
        rest=one.rest,
        withheld=one.withheld,
        shown=figures[one.shown],
        least=figures[one.least] if one.least else None,
        source=one.source,
        confidence=one.confidence,
    )
