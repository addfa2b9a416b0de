"""Looks that deserve attention: what is unusual on one day, by dated thresholds.

A pattern accuses nobody. It says that somebody is to ask why, and names a record to
begin with; who looked stands there, so that no finding names a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from zhitong.types import Label


class Unusual(StrEnum):
    """What may be unusual about looks."""

    VOLUME = "look-volume"
    """查阅量: far more looks in a day than the person's own usual day."""
    NIGHT = "look-at-night"
    """夜间: a person's looks at protected fields while offices are closed."""
    CROWD = "look-crowd"
    """同一记录: one row seen by many persons in a day."""
    SWEEP = "look-sweep"
    """逐个查号: many look-ups by exact number in an hour."""
    ELSEWHERE = "look-elsewhere"
    """辖区以外: a person's looks at protected rows outside their unit's own place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A threshold, from a day on."""

    check: Unusual
    since: date
    at_least: int
    """So many looks, or persons, are unusual; fewer never are."""
    times: float = 0.0
    """Of a volume: and so many times the person's median day."""
    days: int = 0
    """Of a volume: of that many days before."""
    night: tuple[int, int] = (0, 0)
    """Of the night: the hours, by the city's clock, at which it begins and ends."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Looks that belong together: a person's, or those at one row."""

    whose: str
    many: int
    usual: float
    record: str
    """The last of them."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """A finding about looks; equal ones have one id, whenever they are noticed."""

    id: str
    record: str
    check: str
    text: Label
    source: str
    at: datetime


def in_force(patterns: Iterable[Pattern], day: date) -> Mapping[Unusual, Pattern]:
    """Give the pattern of each kind that holds on *day*: the latest by then."""
    begun = [each for each in patterns if each.since <= day]
    return {each.check: each for each in sorted(begun, key=lambda one: one.since)}


def noticed(pattern: Pattern, day: date, group: Group) -> Noticed:
    """Say what is unusual about *group* on *day*."""
    place = f"{pattern.check}\n{day.isoformat()}\n{group.whose}".encode()
    return Noticed(
        id=f"pattern:{hashlib.sha256(place).hexdigest()[:32]}",
        record=group.record,
        check=pattern.check,
        text=_text(pattern, day, group),
        source=pattern.source,
        at=group.at,
    )


def _text(pattern: Pattern, day: date, group: Group) -> Label:
    many, least = group.many, pattern.at_least
    if pattern.check is Unusual.VOLUME:
        return Label(
            f"{day} 该经办人查阅 {many} 次，此前 {pattern.days} 天每日中位数为 "
            f"{group.usual:g} 次（{least} 次以上且超过 {pattern.times:g} 倍时提示）",
            f"on {day} this person looked {many} times, the median day of the "
            f"{pattern.days} before has {group.usual:g} (told from {least} on and "
            f"above {pattern.times:g} times that)",
        )
    if pattern.check is Unusual.NIGHT:
        begins, ends = pattern.night
        return Label(
            f"{day} 该经办人在 {begins}:00—{ends}:00 之间查阅受保护数据 {many} 次"
            f"（{least} 次起提示）",
            f"on {day} this person looked at protected data {many} times between "
            f"{begins}:00 and {ends}:00 (told from {least} on)",
        )
    if pattern.check is Unusual.CROWD:
        return Label(
            f"{day} 同一条记录被 {many} 人看过（{least} 人起提示）",
            f"on {day} one row was seen by {many} persons (told from {least} on)",
        )
    if pattern.check is Unusual.ELSEWHERE:
        return Label(
            f"{day} 该经办人查阅本单位辖区以外的受保护数据 {many} 次"
            f"（{least} 次起提示）",
            f"on {day} this person looked {many} times at protected data of places "
            f"outside their unit's own (told from {least} on)",
        )
    return Label(
        f"{day} 该经办人一小时内按号码精确查找 {many} 次（{least} 次起提示）",
        f"on {day} this person looked rows up by exact number {many} times within an "
        f"hour (told from {least} on)",
    )
