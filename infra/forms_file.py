"""Reading the file of forms: what they have in common, and what changes on a day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from zhitong.decisions import Act
from zhitong.exceptions import ReceiverError
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.streams.confidence import Confidence
from zhitong.streams.form import Options
from zhitong.streams.forms import FORMS
from zhitong.streams.schemas import tables
from zhitong.types import Label

SHARED = Path(__file__).parent / "rules" / "forms.toml"
NAMED = Label("格式文件", "the file of forms")

_Text = Annotated[str, Meta(min_length=1)]
_Division = Annotated[str, Meta(pattern="^[0-9]{6}$")]
_Texts = dict[str, _Text]
Wrong = Iterator[tuple[str, str]]
"""What is wrong, in both languages."""
Of = TypeVar("Of")


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt one must not leave a text as it was."""


class _Dated(_Form, frozen=True, kw_only=True):
    """What is something else from a day on; all that is not named stays."""

    since: date
    licence_open_end: date | None = None
    penalty_open_end: date | None = None
    words: dict[str, _Texts] = {}
    own_words: dict[str, dict[str, _Texts]] = {}
    forms: dict[str, dict[str, Any]] = {}
    source: _Text
    confidence: Confidence


class Forms(_Form, frozen=True, kw_only=True):
    """What holds on a day."""

    tenant: Whose
    division: _Division
    licence_open_end: date
    penalty_open_end: date
    words: dict[str, _Texts]
    own_words: dict[str, dict[str, _Texts]] = {}
    forms: dict[str, dict[str, Any]]
    dated: list[_Dated] = []


class Shared(NamedTuple):
    """What forms share from a day on, with each form's own section."""

    since: date
    file: Forms
    options: Mapping[str, Options]


def read_forms(path: Path, used: Collection[str]) -> Sequence[Shared]:
    """Read *path*, for the forms *used*; the first is what holds from the beginning.

    Raises `ReceiverError`, saying what is wrong.
    """
    file = read_form(path, Forms, NAMED, ReceiverError)
    return [
        Shared(since, each, _fitting(path.name, each, used))
        for since, each in _periods(path.name, file)
    ]


def refuse(name: str, found: Iterable[tuple[str, str]]) -> None:
    """Raise `ReceiverError` for the first that was *found* in the file *name*."""
    for zh, en in found:
        raise ReceiverError(f"{name}：{zh}", f"{name}: {en}")


def _periods(name: str, file: Forms) -> Iterator[tuple[date, Forms]]:
    """Give what forms share, and what it is from each day on that changes it."""
    yield date.min, file
    days = [one.since for one in file.dated]
    if len(set(days)) < len(days):
        raise ReceiverError(
            f"{name}：两段 [[dated]] 自同一天起", f"{name}: two [[dated]] of one day"
        )
    for one in sorted(file.dated, key=lambda one: one.since):
        if strange := sorted(one.words.keys() - file.words.keys()):
            raise ReceiverError(
                f"{name}：[[dated]] 中的代码表 {'、'.join(strange)} 此前没有",
                f"{name}: [[dated]] has lists that were not there before: "
                f"{', '.join(strange)}",
            )
        file = msgspec.structs.replace(
            file,
            licence_open_end=one.licence_open_end or file.licence_open_end,
            penalty_open_end=one.penalty_open_end or file.penalty_open_end,
            words=_over(file.words, one.words),
            own_words={
                key: _over(file.own_words.get(key, {}), one.own_words.get(key, {}))
                for key in file.own_words | one.own_words
            },
            forms=_over(file.forms, one.forms),
        )
        yield one.since, file


def _over(
    before: Mapping[str, dict[str, Of]], now: Mapping[str, dict[str, Of]]
) -> dict[str, dict[str, Of]]:
    """Lay *now* over what was *before*, section by section."""
    return {key: before.get(key, {}) | now.get(key, {}) for key in {**before, **now}}


def _fitting(name: str, file: Forms, used: Collection[str]) -> Mapping[str, Options]:
    """Read the forms' sections; raise `ReceiverError` for what does not fit."""
    options = _options(name, file, {*used, *file.forms})
    refuse(name, _unfitting(file, options))
    return options


def _options(name: str, file: Forms, keys: Iterable[str]) -> Mapping[str, Options]:
    """Read each form's own section; raise `ReceiverError` for one that does not fit."""
    found: dict[str, Options] = {}
    for key in sorted(keys):
        if key not in FORMS:
            raise ReceiverError(
                f"{name}：没有格式 {key}，有：{'、'.join(FORMS)}",
                f"{name}: there is no format {key}, but {', '.join(FORMS)}",
            )
        try:
            found[key] = msgspec.convert(file.forms.get(key, {}), FORMS[key].options)
        except msgspec.ValidationError as error:
            raise ReceiverError(
                f'{name}：[forms."{key}"] 有误：{error}',
                f'{name}: [forms."{key}"] is wrong: {error}',
            ) from error
    return found


def _unfitting(file: Forms, options: Mapping[str, Options]) -> Wrong:
    """Find texts that the tables' JSON Schemas do not have, which none would take."""
    if missing := set(Act) - set(file.words.get("acts", {})):
        yield (
            f"words.acts 缺少 {sorted(missing)}",
            f"words.acts lacks {sorted(missing)}",
        )
    for key, lists in file.own_words.items():
        used = FORMS[key].dictionaries if key in FORMS else {}
        if strange := sorted(lists.keys() - used.keys()):
            yield (
                f"own_words：格式 {key} 不用代码表 {'、'.join(strange)}",
                f"own_words: {key} is no form, or does not use {', '.join(strange)}",
            )
    for key, own in options.items():
        known = FORMS[key]
        if lacking := sorted(known.dictionaries.keys() - file.words.keys()):
            yield (
                f"缺少格式 {key} 的代码表 {'、'.join(lacking)}",
                f"the code lists {', '.join(lacking)} of {key} are missing",
            )
        places = [
            (table, column, text)
            for dictionary, places in known.dictionaries.items()
            for table, column in places
            for text in (
                file.words.get(dictionary, {})
                | file.own_words.get(key, {}).get(dictionary, {})
            ).values()
        ]
        for place in (*places, *known.stated(own, file.licence_open_end)):
            yield from _unfit(*place)


def _unfit(table: str, column: str, text: str) -> Wrong:
    known = tables()[table]
    row = {column: [text] if "items" in known.columns[column] else text}
    if any(column in error.path for error in known.errors(row)):
        yield (
            f"“{text}”不合表 {table} 的列 {column}",
            f"“{text}” does not fit the column {column} of {table}",
        )
