"""Amounts: whole fen inside, yuan and 万元 as text outside; never a float."""

from __future__ import annotations

import re

_YUAN = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,2})0*)?")
_FEN = 100
_FEN_OF_TEN_THOUSAND = 1_000_000


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
    return _written(amount, _FEN, 2)


def ten_thousand_yuan(amount: int) -> str:
    """Write *amount* fen as 万元 with six decimals, as double publicity asks."""
    return _written(amount, _FEN_OF_TEN_THOUSAND, 6)


def _written(amount: int, unit: int, places: int) -> str:
    whole, rest = divmod(abs(amount), unit)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:0{places}d}"
