"""Masks: a masked value is blurred inside the department's database.

Each is written twice, as SQL for sources and in Python for rows held in memory;
tests/integration/test_postgresql_source.py holds them to one sense.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from zhitong.types import Kind, MaskKind

TEXTS = frozenset({Kind.TEXT, Kind.CREDIT_CODE, Kind.DIVISION})
SHORTEST = 8
"""Numbers shorter than this would be told by what a mask leaves of them."""


def _name(value: str) -> str:
    """Keep the first character: 王建国 → 王**."""
    rest = f"greatest(char_length({value}) - 1, 1)"
    return f"left({value}, 1) || repeat('*', {rest})"


def _id_number(value: str) -> str:
    """Keep the first and the last character of a number of eight or more."""
    return _ends(value, 1, 1)


def _phone(value: str) -> str:
    """Keep three digits in front and two behind: 138******78."""
    return _ends(value, 3, 2)


def _ends(value: str, front: int, back: int) -> str:
    stars = f"repeat('*', char_length({value}) - {front + back})"
    return (
        f"case when char_length({value}) >= {SHORTEST} "
        f"then left({value}, {front}) || {stars} || right({value}, {back}) "
        f"else repeat('*', char_length({value})) end"
    )


def _address(value: str) -> str:
    """Keep what comes up to the county or district, else nothing."""
    return f"coalesce(substring({value} from '^.{{1,20}}?[县区旗]'), '') || '***'"


MASKS: Mapping[MaskKind, Callable[[str], str]] = {
    MaskKind.NAME: _name,
    MaskKind.ID_NUMBER: _id_number,
    MaskKind.PHONE: _phone,
    MaskKind.ADDRESS: _address,
}


def masked(mask: MaskKind, kind: Kind, value: str) -> str:
    """Blur the SQL expression *value*; null stays null.

    A date or a code has no blurred form that is still one: it is null.
    """
    if kind is Kind.TEXTS:
        each = MASKS[mask]("m.v")
        values = f"unnest({value}) with ordinality m(v, n)"
        return f"array(select {each} from {values} order by m.n)"  # noqa: S608 - no value
    if kind not in TEXTS:
        return "null"
    return f"case when {value} is not null then {MASKS[mask](value)} end"


def blurred(mask: MaskKind, text: str) -> str:
    """Blur *text* as the SQL of *mask* does."""
    if mask is MaskKind.NAME:
        return text[:1] + "*" * max(len(text) - 1, 1)
    if mask is MaskKind.ADDRESS:
        county = re.match(r"(?s).{1,20}?[县区旗]", text)
        return (county.group() if county else "") + "***"
    front, back = (1, 1) if mask is MaskKind.ID_NUMBER else (3, 2)
    if len(text) < SHORTEST:
        return "*" * len(text)
    return text[:front] + "*" * (len(text) - front - back) + text[-back:]
