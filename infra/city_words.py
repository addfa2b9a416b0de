"""The words of the made-up city: fields, places, industries, names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec

Choice = TypeVar("Choice")

DEMO = Path(__file__).parent / "demo"
CITY = "619900"
"""GB/T 2260 gives this code to no place, so nobody mistakes the city for one."""

PLACES = {
    "619900": "安",
    "619902": "城中",
    "619903": "滨河",
    "619921": "东岭",
    "619922": "西河",
}
"""How a document number abbreviates the place."""


class Power(msgspec.Struct, frozen=True):
    """What is punished, by which article, with how much."""

    violation: str
    law: str
    lowest: int
    highest: int


class Field(msgspec.Struct, frozen=True):
    """A field of enforcement with its bureau's name and its powers."""

    name: str
    number: int
    bureau: str
    short: str
    category: str
    licence: str
    checked: str
    powers: tuple[str, ...]
    former: tuple[str, ...] = ()

    @property
    def rules(self) -> str:
        """The city's own regulation of the field, made up like the city."""
        return f"《安泽市{self.category.removesuffix('管理')}管理办法》"

    def penalties(self) -> tuple[Power, ...]:
        """Give the field's own powers, then those every field has."""
        common = (
            f"拒绝、阻碍{self.category}监督检查|{self.rules}第三十条|1000|20000",
            f"提供虚假材料申请{self.licence}|{self.rules}第三十一条|1000|10000",
            f"未按照规定报送{self.category}统计资料|{self.rules}第三十二条|500|5000",
            f"逾期不履行{self.category}责令改正决定|{self.rules}第三十三条|2000|30000",
        )
        return tuple(_power(line) for line in (*self.powers, *common))


class Division(msgspec.Struct, frozen=True):
    """A place with a division code."""

    name: str
    level: str
    towns: tuple[str, ...] = ()


class Industry(msgspec.Struct, frozen=True):
    """A trade, how its firms and shops are called, and which fields meet it."""

    code: str
    firm: str
    shop: str
    fields: frozenset[str]


class Words(msgspec.Struct, frozen=True):
    """All that names are made of."""

    surnames: str
    given: str
    brands: str
    streets: tuple[str, ...]
    divisions: dict[str, Division]
    industries: tuple[Industry, ...]


class _Fields(msgspec.Struct, frozen=True):
    fields: tuple[Field, ...]


def stream(*path: object) -> Random:
    """Give the random numbers of one part, the same for the same *path*."""
    return Random("/".join(map(str, path)))  # noqa: S311 - repeatable by design


def happens(rng: Random, share: float) -> bool:
    """Say yes in *share* of all times."""
    return rng.random() < share


def pick(rng: Random, choices: Sequence[Choice]) -> Choice:
    """Take one of *choices*; twice as fast as `Random.choice`."""
    return choices[int(rng.random() * len(choices))]


def person(rng: Random) -> str:
    """Make a Chinese name of two or, as a rule, three characters."""
    given = pick(rng, WORDS.given)
    if happens(rng, 0.7):
        given += pick(rng, WORDS.given)
    return pick(rng, WORDS.surnames) + given


def mobile(rng: Random) -> str:
    """Make a telephone number of a range that is not given out."""
    return f"1990000{int(rng.random() * 10000):04d}"


def office_phone(rng: Random) -> str:
    """Make a fixed line under an area code that does not exist."""
    return f"0999-555{rng.randrange(10000):04d}"


def address(rng: Random, division: str) -> str:
    """Make a street address in *division*."""
    place = WORDS.divisions[division]
    town = pick(rng, place.towns)
    street = pick(rng, WORDS.streets)
    return f"安泽市{place.name}{town}{street}{1 + int(rng.random() * 300)}号"


def _power(line: str) -> Power:
    violation, law, lowest, highest = line.split("|")
    return Power(violation, law, int(lowest), int(highest))


def _text(name: str) -> bytes:
    return (DEMO / "words" / name).read_bytes()


WORDS = msgspec.toml.decode(_text("names.toml"), type=Words)
FIELDS = {
    field.name: field
    for field in msgspec.toml.decode(_text("fields.toml"), type=_Fields).fields
}
