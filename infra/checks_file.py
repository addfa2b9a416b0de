"""Reading the checks of decisions: dated rules as data, each with its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, TypeAlias

import msgspec

from zhitong.decisions import Act, Severity
from zhitong.exceptions import ChecksError
from zhitong.infra.rule_file import read_form
from zhitong.infra.tenants import Whose
from zhitong.rules.admission import CODES
from zhitong.rules.check import UNSTATED, Check, Limits
from zhitong.rules.checks import TESTS, Checks
from zhitong.rules.money import fen
from zhitong.rules.placeholders import bare
from zhitong.types import Label

NAMED = Label("核验规则文件", "the file of checks")
CONFIGURED = "configured rule"
"""How a source begins whose article was not read."""
EVERY_CODE = frozenset().union(*CODES.values())
PARTIES = CODES["party.kind"]
PROCEDURES = CODES["penalty.procedure"] | {UNSTATED}

Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
Stated: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Texts: TypeAlias = Annotated[list[Stated], msgspec.Meta(min_length=1)]
Weight: TypeAlias = Literal["BREACH", "DOUBT"]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not widen or end a check."""


class _Text(_Form, frozen=True, kw_only=True):
    zh: Stated
    en: Stated


class _Limits(_Form, frozen=True, kw_only=True):
    texts: dict[str, Positive]
    officers: Positive
    amount: str
    placeholders: list[Stated] = []
    person_years: Annotated[int, msgspec.Meta(ge=0)] = 0


class _Check(_Form, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    name: Stated
    test: Stated
    title: _Text
    text: _Text
    severity: Weight
    source: Stated
    read: bool
    acts: Annotated[list[Act], msgspec.Meta(min_length=1)] | None = None
    procedures: Texts | None = None
    since: date | None = None
    until: date | None = None
    at_least: Positive | None = None
    kinds: Texts | None = None
    amounts: dict[str, str] = {}
    hearing: bool = False
    fits: dict[Act, Texts] = {}


class _File(_Form, frozen=True, kw_only=True):
    tenant: Whose
    limits: _Limits
    checks: list[_Check]


def read_checks(path: Path) -> Checks:
    """Read *path*; raise `ChecksError` naming the check that is wrong."""
    file = read_form(path, _File, NAMED, ChecksError)
    for name, zh, en in _faults(file):
        raise ChecksError(
            f"{path.name}：{name} {zh}，请更正后重新启动",
            f"{path.name}: {name} {en}; correct it and start again",
        )
    return Checks(
        limits=Limits(
            texts=file.limits.texts,
            officers=file.limits.officers,
            amount=fen(file.limits.amount),
            placeholders=frozenset(map(bare, file.limits.placeholders)),
            person_years=file.limits.person_years,
        ),
        checks=tuple(map(_check, file.checks)),
    )


def _faults(file: _File) -> Iterator[tuple[str, str, str]]:
    """Give the name of what is wrong, and what is wrong in both languages."""
    for name in ("local_id", "other"):
        if name not in file.limits.texts:
            yield "limits.texts", f"缺少 {name}", f"lacks {name}"
    if not _amount(file.limits.amount):
        yield "limits", "的 amount 不是以元计的金额", "has an amount that is no yuan"
    for name, times in Counter(check.name for check in file.checks).items():
        if times > 1:
            yield name, "重复", "stands there twice"
    for check in file.checks:
        yield from ((check.name, zh, en) for zh, en in _wrong(check))


def _wrong(check: _Check) -> Iterator[tuple[str, str]]:
    test = TESTS.get(check.test)
    if test is None:
        yield (
            f"的 test 没有这一种：{check.test}",
            f"names a test there is not: {check.test}",
        )
        return
    for text in (check.text.zh, check.text.en):
        unknown = _words(text) - set(test.words)
        if unknown:
            named = ", ".join(sorted(unknown))
            yield f"的 text 用了没有的词：{named}", f"uses words there are not: {named}"
    if check.since and check.until and check.since > check.until:
        yield "的 from 在 to 之后", "begins after it ends"
    if check.read == check.source.startswith(CONFIGURED):
        yield (
            f"的 read 与 source 不符：未读到的以 {CONFIGURED} 开头，读到的写明出处",
            f"has a source that does not fit read: {CONFIGURED} where none was read",
        )
    for code in sorted(_codes(check)):
        yield f"用了没有的代码：{code}", f"names a code there is not: {code}"
    for amount in check.amounts.values():
        if not _amount(amount):
            yield (
                f"的金额不是以元计的数：{amount}",
                f"has an amount that is no yuan: {amount}",
            )
    if (check.test == "officers-number") != (check.at_least is not None):
        yield (
            "的 at_least 只用于且必须用于 officers-number",
            "has at_least out of place",
        )


def _words(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError:
        return {text}  # a brace that is not closed


def _codes(check: _Check) -> set[str]:
    """Give the codes that are in no list."""
    return (
        (set(check.kinds or ()) - EVERY_CODE)
        | (set(check.procedures or ()) - PROCEDURES)
        | (set(check.amounts) - PARTIES)
    )


def _amount(text: str) -> bool:
    try:
        return fen(text) > 0
    except ValueError:
        return False


def _check(check: _Check) -> Check:
    return Check(
        name=check.name,
        test=check.test,
        title=Label(check.title.zh, check.title.en),
        text=Label(check.text.zh, check.text.en),
        severity=Severity(check.severity),
        source=check.source,
        acts=frozenset(Act if check.acts is None else check.acts),
        procedures=frozenset(check.procedures or ()),
        valid_from=check.since,
        valid_to=check.until,
        at_least=check.at_least or 0,
        kinds=frozenset(check.kinds or ()),
        amounts={kind: fen(amount) for kind, amount in check.amounts.items()},
        hearing=check.hearing,
        fits={act: frozenset(powers) for act, powers in check.fits.items()},
    )
