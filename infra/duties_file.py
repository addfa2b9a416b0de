"""Reading duties: what has to be done within which figure's term, and what ends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from zhitong.exceptions import DutiesError
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.rules.clocks import Duty, Milestone
from zhitong.rules.figures import Figure, Figures, Trigger
from zhitong.types import Label

NAMED = Label("职责文件", "the file of duties")
TOLD = frozenset({Trigger.DECIDED, Trigger.UNDONE})
"""The events that the ledger knows of: no duty can begin with another."""

Named = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*$")]
Said = Annotated[str, msgspec.Meta(pattern=r"\S")]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not take a duty away."""


class _Text(_Form, frozen=True, kw_only=True):
    zh: Said
    en: Said


class _Duty(_Form, frozen=True, kw_only=True):
    name: Named
    title: _Text
    figure: Named
    receiver: Named | None = None
    done: Milestone
    lapses: list[Milestone] = []
    ahead: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    duties: list[_Duty] = []


def read_duties(
    path: Path, figures: Figures, receivers: Collection[str]
) -> tuple[Duty, ...]:
    """Read *path*; raise `DutiesError`, which names everything that is wrong."""
    file = read_form(path, _File, NAMED, DutiesError)
    faults = list(_wrong(file.duties, figures, receivers))
    if faults:
        raise DutiesError(
            f"{NAMED.zh} {path.name} 有误，请更正后重新启动："
            + "；".join(f"{name} {zh}" for name, zh, _ in faults),
            f"{NAMED.en} {path.name} is wrong; correct it and start again: "
            + "; ".join(f"{name} {en}" for name, _, en in faults),
        )
    return tuple(
        Duty(
            name=one.name,
            title=Label(one.title.zh, one.title.en),
            figure=figures[one.figure],
            receiver=one.receiver or "",
            done=one.done,
            lapses=frozenset(one.lapses),
            ahead=one.ahead,
        )
        for one in file.duties
    )


def _wrong(
    duties: list[_Duty], figures: Figures, receivers: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    for name, times in Counter(one.name for one in duties).items():
        if times > 1:
            yield name, "重复", "stands there twice"
    for one in duties:
        figure = figures.get(one.figure)
        if figure is None:
            yield (
                one.name,
                f"所按的数额规则不存在：{one.figure}",
                f"goes by a figure that there is none of: {one.figure}",
            )
        elif figure.starts not in TOLD:
            events = ", ".join(sorted(TOLD))
            yield (
                one.name,
                f"所按的 {one.figure} 不自 {events} 起算，台账无从得知",
                f"goes by {one.figure}, which runs from none of {events}",
            )
        yield from _wrong_end(one, figure, receivers)
        if one.done in one.lapses:
            yield (
                one.name,
                f"不能既以 {one.done} 为做到又因它失效",
                f"cannot both be done and lapse by {one.done}",
            )


def _wrong_end(
    one: _Duty, figure: Figure | None, receivers: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    if one.done is Milestone.HELD and one.receiver not in receivers:
        yield (
            one.name,
            f"的接收方不存在：{one.receiver}",
            f"names no receiver: {one.receiver}",
        )
    if one.done is Milestone.SHOWN and one.receiver is not None:
        yield (
            one.name,
            "以 SHOWN 为做到的没有接收方，公示的是 figure 的渠道",
            "is done by SHOWN and has no receiver: the figure's channel shows it",
        )
    by_people = {Milestone.SHOWN, Milestone.DECLINED} & {one.done, *one.lapses}
    if by_people and figure is not None and not figure.channel:
        yield (
            one.name,
            f"所按的 {one.figure} 没有写明渠道",
            f"goes by {one.figure}, which names no channel",
        )
