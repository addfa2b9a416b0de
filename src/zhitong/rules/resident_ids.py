"""Resident ID numbers 公民身份号码 (GB 11643), alone or in the middle of a text.

One is told by its form, its day of birth and its check character. In a text it may
be written with full-width digits, and with blanks or dashes between the digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from zhitong.rules.identifiers import resident_id
from zhitong.types import Label

_NUMBER = re.compile(
    r"[1-9][0-9]{5}((?:18|19|20)[0-9]{2})([0-9]{2})([0-9]{2})[0-9]{3}[0-9X]"
)
_OLD = re.compile(r"[1-9][0-9]{14}", re.ASCII)
_DIGIT = "[0-9０-９]"
_BETWEEN = r"[\s\u00ad\u200b-\u200f\u2060\ufeff.·_\-\u2010-\u2015－]{0,3}"
# Looked at from every digit that begins a run: a number before it, as in “2. 1101…”,
# must not hide one.
_PLACE = re.compile(
    rf"(?<!{_DIGIT})(?=({_DIGIT}(?:{_BETWEEN}{_DIGIT}){{16}}{_BETWEEN}"
    rf"[0-9０-９XxＸｘ])(?!{_DIGIT}))"
)
_APART = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff.·_\-\u2010-\u2015]+")


def born(number: str) -> date | None:
    """Give the day of birth in an ID number of 18 characters; None: it is none."""
    found = _NUMBER.fullmatch(number)
    if found is None or resident_id(number[:17]) != number:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None


def completed(number: str) -> str | None:
    """Give the 18 characters of an old ID number of 15 digits; None: it is none.

    Those were given out until 1999, to people born in its century.
    """
    if not _OLD.fullmatch(number):
        return None
    whole = resident_id(f"{number[:6]}19{number[6:]}")
    return whole if born(whole) else None


def resident_id_fault(number: str) -> Label | None:
    """Say what is wrong with an ID number of 18 characters, without repeating it."""
    found = _NUMBER.fullmatch(number)
    if found is None:
        return Label(
            "公民身份号码应为 17 位数字加 1 位校验码，第 7 至 14 位为出生日期",
            "an ID number has 17 digits and a check, with a day of birth from place 7",
        )
    try:
        date(*map(int, found.groups()))
    except ValueError:
        return Label(
            "公民身份号码中没有这样的出生日期",
            "no such day of birth is in any calendar",
        )
    if resident_id(number[:17]) != number:
        return Label(
            "公民身份号码的校验码与前 17 位不符，请逐位核对",
            "the check character does not fit the first 17, compare each",
        )
    return None


def plain(text: str) -> str:
    """Write *text* as numbers are compared: widths, blanks, dashes, capitals gone."""
    return _APART.sub("", unicodedata.normalize("NFKC", text)).upper()


def without_resident_ids(text: str) -> str:
    """Mask the ID numbers in *text*: the first and the last character stay."""
    parts, end = [], 0
    for first, after in _places(text):
        parts += [text[end:first], text[first], "*" * (after - first - 2)]
        end = after - 1
    return "".join(parts) + text[end:]


def has_resident_id(text: str) -> bool:
    """Say whether an ID number stands in *text*."""
    return next(_places(text), None) is not None


def _places(text: str) -> Iterator[tuple[int, int]]:
    end = 0
    for found in _PLACE.finditer(text):
        first, after = found.span(1)
        if first >= end and born(plain(found[1])):
            yield first, after
            end = after
