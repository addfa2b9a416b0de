"""Masks: a masked value is blurred inside the department's database.

Each is written twice, as SQL for sources and in Python for rows held in memory;
tests/integration/test_postgresql_source.py holds them to one sense.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from zhitong.types import Field, Kind, Mask, MaskKind

TEXTS = frozenset({Kind.TEXT, Kind.CREDIT_CODE, Kind.DIVISION})
SHORTEST = 8
"""Numbers shorter than this would be told by what a mask leaves of them."""
DIGEST, SQL_DIGEST = "\x1f", "E'\\x1f'"
"""What marks a digest; `zhitong.connectors.pseudonyms` looks for it."""
YEARS: Mapping[Kind, str] = {
    Kind.DATE: "-01-01",
    Kind.DATETIME: "-01-01T00:00:00+08:00",
}
"""What follows the year where nothing else of a day is told."""

Saying = Callable[[str], str]
"""Writes a constant into a statement: a literal, or a parameter that it has once."""


def literal(text: str) -> str:
    """Write a constant of ours as an SQL literal."""
    return f"'{text}'"


def _name(value: str, _: Saying) -> str:
    """Keep the first character: 王建国 → 王**."""
    rest = f"greatest(char_length({value}) - 1, 1)"
    return f"left({value}, 1) || repeat('*', {rest})"


def _id_number(value: str, _: Saying) -> str:
    """Keep the first and the last character of a number of eight or more."""
    return _ends(value, 1, 1)


def _phone(value: str, _: Saying) -> str:
    """Keep three digits in front and two behind: 138******78."""
    return _ends(value, 3, 2)


def _ends(value: str, front: int, back: int) -> str:
    stars = f"repeat('*', char_length({value}) - {front + back})"
    return (
        f"case when char_length({value}) >= {SHORTEST} "
        f"then left({value}, {front}) || {stars} || right({value}, {back}) "
        f"else repeat('*', char_length({value})) end"
    )


def _address(value: str, say: Saying) -> str:
    """Keep what comes up to the county or district, else nothing."""
    county = f"substring({value} from '^.{{1,20}}?[县区旗]')"
    return f"coalesce({_text(county, say)}, '') || '***'"


_DIGIT = r"[0-9\uff10-\uff19]"
_APART = (
    r"[^0-9\uff10-\uff19A-Za-z\uff21-\uff3a\uff41-\uff5a\u4e00-\u9fff"
    r"\u3001,\uff0c;\uff1b/]{0,3}"
)
"""Blanks, dashes and what cannot be seen; no letters, and nothing that ends an item."""


def _digits(which: str) -> str:
    """Match one digit of *which*, of either width."""
    wide = "".join(f"\\uff1{each}" for each in which)
    return f"[{which}{wide}]"


def _either(apart: str, *ways: tuple[str, str]) -> str:
    return f"(?:{'|'.join(one + apart + other for one, other in ways)})"


def _resident(apart: str, *, last: str, order: int, century: bool) -> str:
    """Write what an ID number looks like; its check character cannot be told here.

    Both kinds of regular expression, the database's and ours, read it alike.
    """
    nought, one = _digits("0"), _digits("1")
    some = _digits("123456789")
    years = _either(apart, (one, _digits("89")), (_digits("2"), nought))
    months = _either(apart, (nought, some), (one, _digits("012")))
    days = _either(
        apart, (nought, some), (_digits("12"), _DIGIT), (_digits("3"), _digits("01"))
    )
    more = f"(?:{apart}{_DIGIT})"
    day = f"{more}{{2}}{apart}{months}{apart}{days}"
    return (
        f"(?<!{_DIGIT})({some}){more}{{5}}{apart + years if century else ''}{day}"
        f"{more}{{{order}}}{apart}({last})(?!{_DIGIT})"
    )


_LAST = r"[0-9Xx\uff10-\uff19\uff38\uff58]"
_RESIDENTS = (
    (_resident(_APART, last=_LAST, order=3, century=True), 16),
    (_resident("", last=_DIGIT, order=2, century=False), 13),
)
"""Of 18 digits and of 15: the pattern, and how many lie between the ends."""
_FEWEST = 15
_ENOUGH = f"{_DIGIT}(?:{_APART}{_DIGIT}){{{_FEWEST - 1}}}"
"""What every such number has. Few names have it, and one look is cheaper than two."""


def _text(value: str, say: Saying) -> str:
    """Mask what looks like a resident's ID number: its ends are left."""
    masked = value
    for pattern, between in _RESIDENTS:
        left = rf"\1{'*' * between}\2"
        masked = f"regexp_replace({masked}, {say(pattern)}, {say(left)}, 'g')"
    may = f"char_length({value}) >= {_FEWEST} and {value} ~ {say(_ENOUGH)}"
    return f"case when {may} then {masked} else {value} end"


def _digest(value: str, _: Saying) -> str:
    """Digest it: what leaves the department is no value, and not yet a pseudonym."""
    return f"{SQL_DIGEST} || encode(sha256(convert_to({value}, 'UTF8')), 'hex')"


MASKS: Mapping[MaskKind, Callable[[str, Saying], str]] = {
    MaskKind.NAME: _name,
    MaskKind.ID_NUMBER: _id_number,
    MaskKind.PHONE: _phone,
    MaskKind.ADDRESS: _address,
    MaskKind.HASH: _digest,
    MaskKind.TEXT: _text,
}
"""The masks of text, on SQL."""


def masked(
    mask: MaskKind,
    kind: Kind,
    value: str,
    edges: Sequence[int] = (),
    say: Saying = literal,
) -> str:
    """Blur the SQL expression *value*; null stays null.

    What a mask cannot blur is null: a code has no blurred form that is still one.
    *edges* are the lower edges of the bands of amounts, in yuan.
    """
    if mask is MaskKind.AMOUNT_BAND and kind is Kind.MONEY:
        return _band(value, edges)
    if mask is MaskKind.YEAR and kind in YEARS:
        return f"left({value}, 4) || '{YEARS[kind]}'"
    if mask not in MASKS:
        return "null"
    if kind is Kind.TEXTS:
        each = MASKS[mask]("m.v", say)
        values = f"unnest({value}) with ordinality m(v, n)"
        return f"array(select {each} from {values} order by m.n)"  # noqa: S608 - no value
    if kind not in TEXTS:
        return "null"
    blurred = MASKS[mask](value, say)
    if mask is not MaskKind.ADDRESS:  # null of null as it is: read once less
        return blurred
    return f"case when {value} is not null then {blurred} end"


def numberless(field: Field, value: str, say: Saying = literal) -> str:
    """Write the SQL expression *value* of *field* without ID numbers in it."""
    return masked(MaskKind.TEXT, field.kind, value, (), say)


def findable(field: Field, texts: Sequence[str]) -> Sequence[str]:
    """List those of *texts* that *field* is compared with: names have no ID number."""
    if not field.named:
        return texts
    return [text for text in texts if _numberless(text) == text]


def searches_digits(field: Field, text: str) -> bool:
    """Say whether *text* may be a part of an ID number that stands in a name."""
    return field.named and re.search(_DIGIT, text) is not None


def _band(value: str, edges: Sequence[int]) -> str:
    """Give the highest edge that the amount has reached; none below the lowest."""
    arms = [
        f"when ({value})::numeric >= {edge:d} then '{edge:d}.00'"
        for edge in sorted(edges, reverse=True)
    ]
    return f"case {' '.join(arms)} end" if arms else "null"


def blurred_value(mask: Mask, kind: Kind, value: object) -> object:
    """Blur a canonical *value* as the SQL of *mask* does."""
    if isinstance(value, tuple):
        texts = [blurred(mask.kind, text) for text in value]
        return None if mask.kind not in MASKS else texts
    if not isinstance(value, str):
        return None
    if mask.kind is MaskKind.AMOUNT_BAND and kind is Kind.MONEY:
        reached = [edge for edge in mask.edges if edge <= Decimal(value)]
        return f"{max(reached)}.00" if reached else None
    if mask.kind is MaskKind.YEAR and kind in YEARS:
        return value[:4] + YEARS[kind]
    return blurred(mask.kind, value) if kind in TEXTS else None


def blurred(mask: MaskKind, text: str) -> str | None:
    """Blur *text* as the SQL of *mask* does."""
    if mask not in MASKS:
        return None
    if mask is MaskKind.HASH:
        return DIGEST + hashlib.sha256(text.encode()).hexdigest()
    if mask is MaskKind.TEXT:
        return _numberless(text)
    if mask is MaskKind.NAME:
        return text[:1] + "*" * max(len(text) - 1, 1)
    if mask is MaskKind.ADDRESS:
        county = re.match(r"(?s).{1,20}?[县区旗]", text)
        return (_numberless(county.group()) if county else "") + "***"
    front, back = (1, 1) if mask is MaskKind.ID_NUMBER else (3, 2)
    if len(text) < SHORTEST:
        return "*" * len(text)
    return text[:front] + "*" * (len(text) - front - back) + text[-back:]


def _numberless(text: str) -> str:
    if len(text) < _FEWEST:
        return text
    for pattern, between in _RESIDENTS:
        text = re.sub(pattern, rf"\1{'*' * between}\2", text)
    return text
