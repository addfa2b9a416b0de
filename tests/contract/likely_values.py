"""Values that a document may state: most mean something in the city, some nothing."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from imperfect_city import COMPANIES, NUMBERS, city, keys, stated

from zhitong.connectors.memory import MemorySource
from zhitong.resolvers.nodes import NodeId
from zhitong.rules.identifiers import credit_code_fault
from zhitong.schema.entities import ENTITIES

Json = Any
ODD = ("", "无", "'; --", "%_\\", "\u4e00" * 60, "null", "true", "0")
LIKELY: Mapping[str, Sequence[Json]] = {
    "Boolean": (True, False),
    "Int": range(7),
    "Money": ("0", "99.00", "1000.10", "50000", "-1"),
    "Date": [f"202{number % 3 + 4}-0{number}-01" for number in range(1, 10)],
    "DateTime": [f"2026-0{number}-01T00:00:00+08:00" for number in range(1, 10)],
    "DivisionCode": ("619900", "619921", "6199", "61", "629900"),
}
"""By scalar, values that mean something in the city."""


@cache
def _city() -> Mapping[str, MemorySource]:
    return city()


@cache
def _rows() -> Sequence[str]:
    return [str(NodeId(*row)) for row in keys(_city())]


@cache
def _stated(type_name: str, name: str) -> Sequence[str]:
    return stated(_city().values(), type_name, name)


def identity(rng: random.Random) -> str:
    """Give a global id; now and then one of nothing."""
    if rng.random() < 0.1:
        wrong = (str(NodeId("Nothing", "market", "1")), str(NodeId(*"abc")))
        return rng.choice(("x", "", *wrong))
    return rng.choice(_rows())


def scalar(rng: random.Random, kind: str, owner: str, name: str) -> Json:
    """Give a value of *kind* for the field *name* of *owner*, right or wrong."""
    if rng.random() < 0.02 and kind != "Boolean":
        return rng.choice(ODD)
    known = _stated(owner, name) if owner in ENTITIES else ()
    if name == "sources":
        return rng.choice((*_city(), "market", "emergency"))
    if kind in LIKELY:
        return rng.choice(LIKELY[kind])
    if kind == "CreditCode":
        right = [one for one in known if credit_code_fault(one) is None]
        return rng.choice(right or COMPANIES)
    if "idnumber" in name.lower():
        return rng.choice(NUMBERS)
    if known and rng.random() < 0.8:
        text = rng.choice(known)
        return text if rng.random() < 0.7 else text[:2]
    return rng.choice(("文字", "正蓝", "张某", "文字", "Officer-01", "", "%_"))
