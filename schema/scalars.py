"""Scalars: text on the way out as the source gave it, checked on the way in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import MAXYEAR, date, datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from zhitong.exceptions import CreditCodeError, ScalarError
from zhitong.rules.identifiers import credit_code_fault

Date = NewType("Date", str)
DateTime = NewType("DateTime", str)
Money = NewType("Money", str)
DateOrBlank = NewType("DateOrBlank", str)
MoneyOrBlank = NewType("MoneyOrBlank", str)
CreditCode = NewType("CreditCode", str)
DivisionCode = NewType("DivisionCode", str)


DAY = r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
"""Years of four digits: before them an offset leaves the calendar of databases."""


def _date(value: object) -> str:
    text = str(value)
    try:
        if re.fullmatch(DAY, text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ScalarError("日期应写作 2024-03-11", "a date is written as 2024-03-11")


def _datetime(value: object) -> str:
    text = str(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    ordinary = moment is not None and re.match(DAY, text) and moment.year < MAXYEAR
    if moment is None or not ordinary or moment.tzinfo is None:
        raise ScalarError(
            "时间应带时区，写作 2024-03-11T09:30:00+08:00",
            "a moment has an offset and is written as 2024-03-11T09:30:00+08:00",
        )
    return moment.isoformat()


def _money(value: object) -> str:
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(
        r"-?[0-9]{1,15}(\.[0-9]{1,2})?", text
    ):
        raise ScalarError(
            '金额以元为单位，最多两位小数，写作 "1200.50"',
            'an amount is in yuan with at most two decimals, as "1200.50"',
        )
    return text


def _or_blank(parse: Callable[[object], str]) -> Callable[[object], str]:
    def parsed(value: object) -> str:
        return "" if isinstance(value, str) and not value.strip() else parse(value)

    return parsed


def _credit_code(value: object) -> str:
    text = str(value)
    fault = credit_code_fault(text)
    if fault is not None:
        raise CreditCodeError(fault.zh, fault.en)
    return text


def _division(value: object) -> str:
    text = str(value)
    if not re.fullmatch(r"[1-9][0-9]([0-9]{4}([0-9]{3}([0-9]{3})?)?)?", text):
        raise ScalarError(
            "行政区划代码为 2、6、9 或 12 位数字",
            "a division code has 2, 6, 9 or 12 digits",
        )
    return text


def _scalar(
    name: str, zh: str, en: str, parse: Callable[[object], str]
) -> ScalarDefinition:
    return strawberry.scalar(
        name=name,
        description=f"{zh}\n\n{en}",
        serialize=str,
        parse_value=parse,
    )


SCALARS: dict[object, ScalarDefinition] = {
    Date: _scalar("Date", "日期，ISO 8601，如 2024-03-11。", "A day, ISO 8601.", _date),
    DateTime: _scalar(
        "DateTime",
        "时间，ISO 8601，带时区。",
        "A moment, ISO 8601 with offset.",
        _datetime,
    ),
    Money: _scalar(
        "Money",
        "金额，元，十进制文本，两位小数。",
        "An amount in yuan as decimal text with two decimals.",
        _money,
    ),
    DateOrBlank: _scalar(
        "DateOrBlank",
        "日期，写法同 Date；没有的可以写空。",
        "A day as Date has it, or a blank where there is none.",
        _or_blank(_date),
    ),
    MoneyOrBlank: _scalar(
        "MoneyOrBlank",
        "金额，写法同 Money；没有的可以写空。",
        "An amount as Money has it, or a blank where there is none.",
        _or_blank(_money),
    ),
    CreditCode: _scalar(
        "CreditCode",
        "统一社会信用代码（GB 32100）。输入时校验；输出为来源系统所写，可能有误。",
        "Unified social credit code (GB 32100). Checked as input; as output it is what "
        "the source wrote, right or wrong.",
        _credit_code,
    ),
    DivisionCode: _scalar(
        "DivisionCode",
        "行政区划代码（GB/T 2260），2、6、9 或 12 位。",
        "Division code (GB/T 2260) of 2, 6, 9 or 12 digits.",
        _division,
    ),
}
