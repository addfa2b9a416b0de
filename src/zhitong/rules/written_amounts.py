"""Amounts and kinds of penalty in the text of a decision: read where plain, else not.

1. Figures with their unit count (``20000元``, ``10,000元``, ``2万元``), and Chinese
   numerals (``壹仟元整``). One behind the other in brackets must agree with it.
2. What an amount is stands right beside it: ``罚款…元``, ``处…元罚款``, ``没收…元``.
   Any other amount is not looked at: a price, a rate (``15元/平方米``), a limit.
3. Two amounts of one sort are of two parties or two acts: none of them is taken.
4. A total of both (``罚没款``) must be their sum, or none is taken.
5. A kind of penalty is named in the words of the law, and not negated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_WIDE = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), 0xFF0E, 0xFF0F)}
_DIGITS = {
    **dict(zip("零一二三四五六七八九", range(10), strict=True)),
    **dict(zip("〇壹贰叁肆伍陆柒捌玖", range(10), strict=True)),
    **dict(zip("两貳參陸", (2, 2, 3, 6), strict=True)),
}
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_SECTIONS = {"万": 10**4, "萬": 10**4, "亿": 10**8}
_NUMERALS = "".join((*_DIGITS, *_UNITS, *_SECTIONS))
_AMOUNT = re.compile(
    r"(?<![0-9.,，])(?P<figures>[0-9]{1,3}(?:[,，][0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
    r"(?P<unit>万?)元(?P<rate>[/／每])?"
    rf"|(?P<yuan>[{_NUMERALS}]+)[元圆](?:(?P<jiao>[{_NUMERALS}])角)?"
    rf"(?:(?P<fen>[{_NUMERALS}])分)?[整正]?(?P<per>[/／每])?"
)
_MARKS = "(（[［"
_GAP = r"(?:人民币|金额|数额|为|计|共计|合计|总计|，|,|：|:|¥|￥)*"
_FINE = re.compile(rf"罚款{_GAP}$")
_CONFISCATED = re.compile(rf"没收(?:违法|非法)(?:所得|财物)(?:款)?{_GAP}$")
_TOTAL = re.compile(rf"罚没(?:款|款项|金额|合计)?{_GAP}$")
_FINE_AFTER = re.compile(r"的?(?:行政)?罚款")
_IMPOSED = re.compile(rf"处(?:以|罚)?{_GAP}$")
_NO = r"(?<!不予)(?<!免予)(?<!免于)(?<!不再)(?<!减免)"
_KINDS = {
    "WARNING": r"警告(?!标|牌|语|线)",
    "CRITICISM": r"通报批评",
    "FINE": r"罚款",
    "CONFISCATED_GAINS": r"没收(?:违法|非法)所得",
    "CONFISCATED_GOODS": r"没收非法财物",
    "LICENCE_SUSPENDED": r"暂扣\w{0,6}(?:许可证|执照|许可证件)",
    "QUALIFICATION_LOWERED": r"降低资质等级",
    "LICENCE_REVOKED": r"吊销\w{0,6}(?:许可证|执照|许可证件|资质证书)",
    "BUSINESS_RESTRICTED": r"限制开展生产经营活动",
    "PRODUCTION_SUSPENDED": r"责令停产停业",
    "CLOSURE_ORDERED": r"责令关闭",
    "OCCUPATION_RESTRICTED": r"限制从业",
    "DETENTION": r"行政拘留",
}
_NAMED = {kind: re.compile(_NO + words) for kind, words in _KINDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a text says in plain words; None and nothing where it does not."""

    kinds: tuple[str, ...] = ()
    """Codes of PenaltyKind."""
    fine: int | None = None
    """In fen."""
    confiscated: int | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    value: int | None
    """In fen; None: two ways of writing it that do not agree, or parts of a fen."""
    before: str
    after: str


def written(text: str) -> Written:
    """Read kinds and amounts from the *text* of what was decided."""
    plain = "".join(text.translate(_WIDE).split())
    kinds = tuple(kind for kind, named in _NAMED.items() if named.search(plain))
    fines: list[int | None] = []
    confiscated: list[int | None] = []
    totals: list[int | None] = []
    for found in _amounts(plain):
        if _TOTAL.search(found.before):
            totals.append(found.value)
        elif _CONFISCATED.search(found.before):
            confiscated.append(found.value)
        elif _FINE.search(found.before) or (
            _IMPOSED.search(found.before) and _FINE_AFTER.match(found.after)
        ):
            fines.append(found.value)
    amounts = (_only(fines), _only(confiscated))
    if totals and totals != [sum(amount or 0 for amount in amounts)]:
        amounts = (None, None)
    return Written(kinds=kinds, fine=amounts[0], confiscated=amounts[1])


def _only(values: list[int | None]) -> int | None:
    return values[0] if len(values) == 1 else None


def _amounts(plain: str) -> Iterator[_Found]:
    matches = [m for m in _AMOUNT.finditer(plain) if not (m["rate"] or m["per"])]
    place = 0
    while place < len(matches):
        first = matches[place]
        value, end = _value(first), first.end()
        place += 1
        again = matches[place] if place < len(matches) else None
        # Written twice: in figures and, in brackets right behind, in numerals.
        if again and again.start() == end + 1 and plain[end] in _MARKS:
            value = value if value == _value(again) else None
            end = again.end() + 1
            place += 1
        yield _Found(value, plain[: first.start()], plain[end:])


def _value(match: re.Match[str]) -> int | None:
    if match["figures"]:
        figures = Decimal(re.sub("[,，]", "", match["figures"]))
        fen = figures * 100 * (10_000 if match["unit"] else 1)
        return int(fen) if fen == fen.to_integral_value() else None
    whole = _numeral(match["yuan"])
    if whole is None:
        return None
    return (
        whole * 100
        + 10 * _DIGITS.get(match["jiao"] or "零", 0)
        + _DIGITS.get(match["fen"] or "零", 0)
    )


def _numeral(text: str) -> int | None:
    """Read Chinese numerals below 10^12; None for what is not written as they are."""
    total = section = 0
    digit: int | None = None
    unit, highest = 10**4, 10**12
    for character in text:
        if character in _DIGITS:
            if digit:
                return None  # two digits side by side: a number read out, or a slip
            digit = _DIGITS[character]
        elif character in _UNITS:
            if _UNITS[character] >= unit:
                return None
            unit = _UNITS[character]
            section += (1 if digit is None else digit) * unit
            digit = None
        else:
            scale = _SECTIONS[character]
            if scale >= highest:
                return None
            total += (section + (digit or 0)) * scale
            section, digit, unit, highest = 0, None, 10**4, scale
    return total + section + (digit or 0)
