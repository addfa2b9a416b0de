"""How long records of looks are kept here: months past their time are archived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """A period, from a day on."""

    protected: bool
    """Of months with looks at protected fields; else of those without any."""
    since: date
    months: int
    source: str


def kept_until(rules: Iterable[Keeping], month: date, today: date) -> date:
    """Say from which day on *month*, its first day, may be archived.

    By the rules in force *today*: a month with protected looks is weighed by theirs
    where *rules* are of them. Raises `LookupError` where none is in force.
    """
    return months_after(month, 1 + _in_force(rules, today).months)


def months_after(month: date, many: int) -> date:
    """Give the first day of the month that is *many* months after *month*'s."""
    place = month.year * 12 + month.month - 1 + many
    return date(place // 12, place % 12 + 1, 1)


def kept_since(rules: Iterable[Keeping], today: date) -> date:
    """Say what came before which day may go, by the rules in force *today*.

    Raises `LookupError` where none is in force.
    """
    return months_after(today, -_in_force(rules, today).months)


def _in_force(rules: Iterable[Keeping], today: date) -> Keeping:
    begun = [one for one in rules if one.since <= today]
    if not begun:
        raise LookupError
    return max(begun, key=lambda one: one.since)
