"""Masks as SQL: a masked value is blurred inside the department's database."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zhitong.types import MaskKind


def _name(value: str) -> str:
    """Keep the first character: 王建国 → 王**."""
    rest = f"greatest(char_length({value}) - 1, 1)"
    return f"left({value}, 1) || repeat('*', {rest})"


def _id_number(value: str) -> str:
    """Keep the first and the last character of a number of eight or more."""
    long = f"left({value}, 1) || repeat('*', char_length({value}) - 2)"
    return (
        f"case when char_length({value}) >= 8 then {long} || right({value}, 1) "
        f"else repeat('*', char_length({value})) end"
    )


def _phone(value: str) -> str:
    """Keep three digits in front and two behind: 138******78."""
    long = f"left({value}, 3) || repeat('*', char_length({value}) - 5)"
    return (
        f"case when char_length({value}) >= 8 then {long} || right({value}, 2) "
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


def masked(kind: MaskKind, value: str) -> str:
    """Blur the SQL expression *value*; null stays null."""
    return f"case when {value} is not null then {MASKS[kind](value)} end"
