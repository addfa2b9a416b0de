"""Document numbers 文号, so that one number written in two styles is one number.

- 〔〕 [] 【】 （） () ﹝﹞ ［］ around the year are one, and so is none at all.
- Blanks of every kind go; full-width digits and letters become ASCII.
- A 第 beside the year goes, 号 at the end is added where only digits end it.
- Without a year, 第…号 stays: ``第20191号`` is the number 20191, ``20191号`` the
  first of 2019.
- Nothing else changes: another prefix, year or number is another document.
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


def usual(text: str) -> bool:
    """Say whether *text* is of the usual form: agency's short name, year, number."""
    return _USUAL.fullmatch(normalised(text)) is not None
