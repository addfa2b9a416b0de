"""Codes and dates written the way each department writes them.

The code lists are read backwards from the department's own binding, so that the
demo's data and its bindings cannot disagree.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import cache

from zhitong.infra.city_words import DEMO

CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Codes:
    """A department's code lists, from the graph's value to its own codes."""

    lists: Mapping[str, Mapping[str, tuple[str, ...]]]

    def __call__(self, name: str, value: str, turn: int = 0) -> str:
        """Write *value*; where two codes mean the same, *turn* chooses."""
        known = self.lists[name][value]
        return known[turn % len(known)]


@cache
def codes_of(source: str) -> Codes:
    """Read the code lists of a source's binding backwards."""
    folder = "bindings" if (DEMO / "bindings" / f"{source}.toml").is_file() else "extra"
    binding = tomllib.loads(
        (DEMO / folder / f"{source}.toml").read_text(encoding="utf-8")
    )
    lists = {}
    for name, codes in binding["codes"].items():
        back: dict[str, tuple[str, ...]] = {}
        for code, value in codes.items():
            back[value] = (*back.get(value, ()), code)
        lists[name] = back
    return Codes(lists)


def compact(day: date | None) -> str | None:
    """Write 20240305."""
    return f"{day:%Y%m%d}" if day else None


def dashed(day: date | None) -> str | None:
    """Write 2024-03-05."""
    return day.isoformat() if day else None


def slashed(day: date | None) -> str | None:
    """Write 2024/03/05."""
    return f"{day:%Y/%m/%d}" if day else None


def chinese(day: date | None) -> str | None:
    """Write 2024年3月5日."""
    return f"{day.year}年{day.month}月{day.day}日" if day else None


def moment(day: date, turn: int) -> datetime:
    """Give a moment of the working day, without an offset."""
    return datetime.combine(day, time(8 + turn % 10, turn % 60))


def instant(day: date, turn: int) -> datetime:
    """Give a moment of the working day with its offset."""
    return moment(day, turn).replace(tzinfo=CHINA)


def seconds(day: date | None, turn: int) -> int | None:
    """Count seconds since 1970 to a moment of that day."""
    return int(instant(day, turn).timestamp()) if day else None
