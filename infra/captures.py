"""Penalties captured from public pages, as decisions a department would register.

What a page did not say is left out, and what cannot be read for certain as well; the
rules then find it missing. An agency is known by a code the operator gives, never by
its name alone. Nothing is refused here for what the ledger itself refuses.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from zhitong.exceptions import SettingsError
from zhitong.rules.money import yuan
from zhitong.rules.written_amounts import written
from zhitong.types import Label

SHANGHAI = ZoneInfo("Asia/Shanghai")
_NO_DAYS = frozenset({date(1970, 1, 1), date(1900, 1, 1)})
_MILLISECONDS = 10**11
"""No day of these records is as far off in seconds."""
_NARRATIVE = 40
"""Characters; a longer text tells what happened, a shorter one names a violation."""
_ARTICLE = r"第[0-9一二三四五六七八九十百零〇]+[条款项](?:之[一二三])?"
_CITED = rf"《[^》]+》(?:{_ARTICLE})+"
_CITATIONS = re.compile(rf"{_CITED}(?:[、，,和及]{_CITED})*")
_BASIS = re.compile(rf"依据({_CITED}(?:[、，,和及]{_CITED})*)")
_RESULT = re.compile(r"罚款|罚没|没收|警告|责令|吊销|暂扣|拘留|取缔|退还|拆除")
_COMPANY = re.compile(r"(?:公司|厂|企业|合作社|中心|学校|医院|事务所|协会|集团)$")


class Codes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator states: the credit codes behind names."""

    agencies: dict[str, str]
    parties: dict[str, str] = {}


class _Row(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A row as captured; columns beyond these are of the page and not of the act."""

    department_name: str
    punish_number: str
    decision_date: str | int
    type: str = ""
    content: str = ""
    obligor_name: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A row, as far as it is a decision."""

    row: int
    """Counted from 1."""
    number: str
    agency: str
    decision: Mapping[str, object] | None
    """A DecisionInput of the graph; None: agency, day or kind of party is unknown."""
    notes: tuple[Label, ...]
    """What was left out or moved, and why."""


def read_codes(path: Path) -> Codes:
    """Read an operator's mapping; raise `SettingsError` naming the fault."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Codes)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise SettingsError(
            f"对照文件 {path} 读不成：{error}",
            f"cannot read the mapping {path}: {error}",
        ) from error


def read_captures(path: Path, codes: Codes) -> list[Captured]:
    """Read a file of captured penalties; raise `SettingsError` if it is none."""
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[_Row])
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(
            f"采集文件 {path} 读不成：{error}",
            f"cannot read the capture {path}: {error}",
        ) from error
    return [_captured(number, row, codes) for number, row in enumerate(rows, 1)]


def _captured(number: int, row: _Row, codes: Codes) -> Captured:
    agency = _text(row.department_name)
    code = codes.agencies.get(agency)
    day = _day(row.decision_date)
    notes: list[Label] = []
    if code is None:
        notes.append(
            Label("对照文件中没有该机关的代码", "the mapping has no code of it")
        )
    if day is None:
        notes.append(Label("没有可用的决定日期", "there is no day of decision"))
    party = _text(row.obligor_name)
    # Without a name the ledger refuses; a name of another kind could be a person's.
    known = not party or _COMPANY.search(party) is not None
    if not known:
        notes.append(
            Label("当事人类别不明，未登记", "whether the party is a person is not said")
        )
    decision: dict[str, object] | None = None
    if code and day and known:
        texts, said = _texts(row)
        notes += said
        decision = {
            "localId": f"row-{number}" if row.id is None else f"capture-{row.id}",
            "actType": "PENALTY",
            "subjectCode": code,
            "subjectName": agency,
            "documentNo": _text(row.punish_number),
            "decidedOn": day.isoformat(),
            "counterpartyKind": "LEGAL_PERSON",
            "counterpartyName": party,
            **texts,
        }
        if party in codes.parties:
            decision["counterpartyCode"] = codes.parties[party]
    return Captured(
        row=number,
        number=_text(row.punish_number),
        agency=agency,
        decision=decision,
        notes=tuple(notes),
    )


def _texts(row: _Row) -> tuple[Mapping[str, object], list[Label]]:
    """Place the two texts a page has where they belong by what they are."""
    kind, content = _text(row.type), _text(row.content)
    notes: list[Label] = []
    said: dict[str, object] = {}
    if content and content == _text(row.department_name):
        notes.append(
            Label(
                "处罚内容栏写的是机关名称，未采用", "its content is the agency's name"
            )
        )
        content = ""
    if content and not _RESULT.search(content):
        notes.append(
            Label(
                "处罚内容栏没有处罚内容，作为事实", "its content has no penalty: facts"
            )
        )
        said["facts"], content = content, ""
    if _CITATIONS.fullmatch(kind):
        said["legalBasis"] = kind
    elif len(kind) > _NARRATIVE:
        said.setdefault("facts", kind)
        if cited := _BASIS.search(kind):
            said["legalBasis"] = cited[1]
    elif kind:
        said["violationType"] = kind
    if content:
        said |= _result(content, notes)
    return said, notes


def _result(content: str, notes: list[Label]) -> Mapping[str, object]:
    found = written(content)
    said: dict[str, object] = {"result": content}
    if found.kinds:
        said["penaltyKinds"] = list(found.kinds)
    amounts = {"fine": found.fine, "confiscated": found.confiscated}
    for name, amount in amounts.items():
        if amount is not None:
            said[name] = yuan(amount)
    if "FINE" in found.kinds and found.fine is None:
        notes.append(
            Label("罚款金额无法确认，未填", "the amount of the fine is not certain")
        )
    return said


def _day(value: str | int) -> date | None:
    """Give the day in Asia/Shanghai: pages store local midnight as epoch seconds."""
    try:
        if isinstance(value, str):
            day = date.fromisoformat(value.strip()[:10])
        else:
            seconds = value // 1000 if value > _MILLISECONDS else value
            day = datetime.fromtimestamp(seconds, UTC).astimezone(SHANGHAI).date()
    except (ValueError, OverflowError):
        return None
    return None if day in _NO_DAYS else day


def _text(text: str) -> str:
    """Take a text without the blanks around and the doubled ones inside."""
    return " ".join(text.split())
