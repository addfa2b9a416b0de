"""Amounts: whole fen inside, yuan as text outside; never a float."""

from __future__ import annotations

import re

_YUAN = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,2})0*)?")
_TEN_THOUSANDS = re.compile(r"(-?)([0-9]{1,11})(?:\.([0-9]{1,6})0*)?")
_FEN = 100
_PLACES = 6
"""A fen is the sixth decimal of 万元."""


def fen(text: str) -> int:
    """Read yuan as ``20000`` or ``199.50``; raise ValueError for a part of a fen."""
    found = _YUAN.fullmatch(text)
    if found is None:
        raise ValueError("not an amount in yuan with at most two decimals")
    sign, yuan_part, decimals = found.groups(default="")
    amount = int(yuan_part) * _FEN + int(decimals.ljust(2, "0"))
    return -amount if sign else amount


def yuan(amount: int) -> str:
    """Write *amount* fen as yuan with two decimals: ``20000.00``."""
    whole, rest = divmod(abs(amount), _FEN)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:02d}"


def fen_of_ten_thousands(text: str) -> int:
    """Read 万元 as ``2`` or ``0.0199``; raise ValueError for a part of a fen.

    What a binary float has made of it, as ``189.42179099999998``, is refused: which
    amount was meant nobody can say for certain.
    """
    found = _TEN_THOUSANDS.fullmatch(text)
    if found is None:
        raise ValueError("not an amount in 万元 with at most six decimals")
    sign, whole, decimals = found.groups(default="")
    amount: int = int(whole) * 10**_PLACES + int(decimals.ljust(_PLACES, "0"))
    return -amount if sign else amount
