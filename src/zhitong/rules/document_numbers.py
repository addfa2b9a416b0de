"""Document numbers 文号, so that one number written in two styles is one number.

- 〔〕 [] 【】 （） () ﹝﹞ ［］ around the year are one, and so is none at all.
- Blanks of every kind go; full-width digits and letters become ASCII.
- A 第 beside the year goes, 号 at the end is added where only digits end it.
- Without a year, 第…号 stays: ``第20191号`` is the number 20191, ``20191号`` the
  first of 2019.
- Nothing else changes: another prefix, year or number is another document.

A title may name several (``8-13号``, ``71号-72号``, ``8、9号``): `expanded` gives each.
"""

from __future__ import annotations

import re

_OPEN = "〔[【（(﹝［〖「『<〈《＜"
_CLOSE = "〕]】）)﹞］〗」』>〉》＞"
_DASHES = "‐‑‒–—―−－﹣"
_WIDTHS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_STYLES = (
    _WIDTHS
    | dict.fromkeys(map(ord, _OPEN), "(")
    | dict.fromkeys(map(ord, _CLOSE), ")")
    | dict.fromkeys(map(ord, _DASHES), "-")
)
_BLANKS = re.compile(r"[\s\u200b-\u200f\u2060\ufeff\u180e]+")
_YEAR = re.compile(r"第?\(([0-9]{4})年?\)第?")
_BARE_YEAR = re.compile(r"(?<![0-9第(\-])\(?((?:19|20)[0-9]{2})年?\)?[第-]?(?=[0-9])")
_BARE_NUMBER = re.compile(r"(?<![0-9A-Za-z第\-])([A-Za-z]*[0-9]+)号?$")
_LIST = re.compile(r"[、,;]|(?<=[0-9号])[和及](?=第?[0-9])")
_RANGE = re.compile(r"第?([0-9]+)号?[-~〜至到]第?([0-9]+)号?")
_ONE = re.compile(r"第?[0-9]+(?:-[0-9]+)*号?")
LONGEST_RANGE = 200
"""More numbers than this in one title are a slip of the pen."""
_USUAL = re.compile(r".*[^()0-9〔〕]〔[0-9]{4}〕[0-9]+(?:-[0-9]+)?号(?:之.{1,3})?")


def normalised(text: str) -> str:
    """Write *text* in the one form by which document numbers are compared."""
    plain = _BLANKS.sub("", text.translate(_STYLES))
    year = _YEAR.search(plain) or _BARE_YEAR.search(plain)
    if year is None:
        return _BARE_NUMBER.sub(r"第\1号", plain)
    number = plain[year.end() :]
    if re.fullmatch(r"[0-9]+(?:-[0-9]+)*", number):
        number += "号"
    return f"{plain[: year.start()]}〔{year[1]}〕{number}"


def expanded(text: str) -> tuple[str, ...]:
    """Give each number that *text* names, in the form they are compared by.

    A part without a year goes on with the words and the year before it. Of ``12-1号``
    the second is no later number, so it is one document; ``1-2号`` may be one, too, and
    is taken for two: for titles, which name several; a field has one, `normalised`.
    """
    found: list[str] = []
    head = ""
    for part in _LIST.split(_BLANKS.sub("", text.translate(_STYLES))):
        year = _YEAR.search(part) or _BARE_YEAR.search(part)
        rest = part
        if head and year is not None and not year.start():
            year = None  # of “1、20031号” the second is a number, and no year
        if year is not None:
            head, rest = f"{part[: year.start()]}〔{year[1]}〕", part[year.end() :]
        if not head or not (_RANGE.fullmatch(rest) or _ONE.fullmatch(rest)):
            found += [normalised(part)] if part else []
            continue
        found += [normalised(f"{head}{number}号") for number in _numbers(rest)]
    return tuple(dict.fromkeys(found))


def _numbers(text: str) -> list[str]:
    """Read ``8-13号`` as what lies from 8 to 13, and anything else as one number."""
    ends = _RANGE.fullmatch(text)
    if ends is None:
        return [text.removeprefix("第").removesuffix("号")]
    first, last = int(ends[1]), int(ends[2])
    if not first < last <= first + LONGEST_RANGE:
        return [f"{ends[1]}-{ends[2]}"]
    width = len(ends[1]) if ends[1].startswith("0") else 0
    return [f"{number:0{width}d}" for number in range(first, last + 1)]


def usual(text: str) -> bool:
    """Say whether *text* is of the usual form: agency's short name, year, number."""
    return _USUAL.fullmatch(normalised(text)) is not None
