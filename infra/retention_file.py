"""Reading how long records of looks are kept: dated periods, each with its source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec

from zhitong.exceptions import SettingsError
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.rules.retention import Keeping
from zhitong.types import Label

NAMED = Label("保存期限文件", "the file of retention periods")
SHORTEST, LONGEST = 6, 1_200
"""Months: fewer no law lets a log be kept; more is a slip of the pen."""


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not shorten a period."""


class _Looks(_Form, frozen=True, kw_only=True, rename={"since": "from"}):
    protected: bool
    since: date
    months: Annotated[int, msgspec.Meta(ge=SHORTEST, le=LONGEST)]
    source: Annotated[str, msgspec.Meta(pattern=r"\S")]


class _Sent(_Form, frozen=True, kw_only=True, rename={"since": "from"}):
    since: date
    months: Annotated[int, msgspec.Meta(ge=SHORTEST, le=LONGEST)]
    source: Annotated[str, msgspec.Meta(pattern=r"\S")]


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    looks: list[_Looks]
    sent: list[_Sent] = []
    places: list[_Sent] = []


def read_retention(path: Path) -> Sequence[Keeping]:
    """Read *path*; raise `SettingsError` where it is wrong."""
    file = read_form(path, _File, NAMED, SettingsError)
    places = {(each.protected, each.since) for each in file.looks}
    kinds = {each.protected for each in file.looks}
    if len(places) < len(file.looks) or len(kinds) < len((True, False)):
        raise SettingsError(
            f"保存期限文件 {path.name}：受保护和不受保护的查阅各须有期限，同日不得重复",
            f"the file of retention periods {path.name}: looks at protected fields and "
            "others need a period each, and one for a day",
        )
    return [
        Keeping(
            protected=each.protected,
            since=each.since,
            months=each.months,
            source=each.source,
        )
        for each in file.looks
    ]


def read_sent_retention(path: Path) -> Sequence[Keeping]:
    """Read how long bytes stay in the sent log; raise `SettingsError`."""
    file = read_form(path, _File, NAMED, SettingsError)
    return _dated(path, file.sent, Label("已发日志", "the sent log"))


def read_places_retention(path: Path) -> Sequence[Keeping]:
    """Read how long a receiver knows where events lay; raise `SettingsError`."""
    file = read_form(path, _File, NAMED, SettingsError)
    return _dated(path, file.places, Label("事件的位点", "places of events"))


def _dated(path: Path, periods: Sequence[_Sent], what: Label) -> Sequence[Keeping]:
    if len({each.since for each in periods}) < len(periods):
        raise SettingsError(
            f"保存期限文件 {path.name}：{what.zh}同日只能有一个期限",
            f"the file of retention periods {path.name}: one period of {what.en} for a "
            "day",
        )
    return [
        Keeping(
            protected=True,
            since=each.since,
            months=each.months,
            source=each.source,
        )
        for each in periods
    ]
