"""Reading the patterns of unusual looks: dated thresholds, each with its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec

from zhitong.exceptions import SettingsError
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.rules.access_patterns import Pattern, Unusual
from zhitong.types import Label

NAMED = Label("查阅提示文件", "the file of patterns of looks")

Positive = Annotated[int, msgspec.Meta(ge=1)]
Hour = Annotated[int, msgspec.Meta(ge=0, le=23)]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not silence a pattern."""


class _Pattern(_Form, frozen=True, kw_only=True, rename={"since": "from"}):
    check: Unusual
    since: date
    at_least: Positive
    times: Annotated[float, msgspec.Meta(ge=1)] | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] | None = None
    night: tuple[Hour, Hour] | None = None
    source: Annotated[str, msgspec.Meta(pattern=r"\S")]


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    patterns: list[_Pattern]


def read_patterns(path: Path) -> Sequence[Pattern]:
    """Read *path*; raise `SettingsError` naming the pattern that is wrong."""
    file = read_form(path, _File, NAMED, SettingsError)
    for zh, en in _faults(file):
        raise SettingsError(
            f"查阅提示文件 {path.name}：{zh}，请更正",
            f"the file of patterns {path.name}: {en}; correct it",
        )
    return [
        Pattern(
            check=each.check,
            since=each.since,
            at_least=each.at_least,
            times=each.times or 0.0,
            days=each.days or 0,
            night=each.night or (0, 0),
            source=each.source,
        )
        for each in file.patterns
    ]


def _faults(file: _File) -> Iterator[tuple[str, str]]:
    places = Counter((each.check, each.since) for each in file.patterns)
    for (check, since), many in places.items():
        if many > 1:
            yield f"{check} {since} 重复", f"{check} {since} stands there twice"
    for each in file.patterns:
        volume, night = each.check is Unusual.VOLUME, each.check is Unusual.NIGHT
        if volume != (each.times is not None) or volume != (each.days is not None):
            yield (
                f"{each.check}：times 和 days 只用于且必须用于 {Unusual.VOLUME}",
                f"{each.check}: times and days are for {Unusual.VOLUME}, and needed",
            )
        if night != (each.night is not None and each.night[0] != each.night[1]):
            yield (
                f"{each.check}：night 只用于且必须用于 {Unusual.NIGHT}，起止不同",
                f"{each.check}: night is for {Unusual.NIGHT}, from one hour to another",
            )
