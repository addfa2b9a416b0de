"""Division codes (GB/T 2260) over time: which stood when, and what became of them.

- A code is known from the revisions of the table it stands in: it holds from the first
  to the last of them. When it was changed in between nobody's table says.
- What became of a code is asked step by step, to those that stand: a county is a
  district, the district is merged.
- A credit code keeps the division of the day of registration: it is asked here where
  places are compared, and never written anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from zhitong.rules.dated import in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """One code under one name, as long as tables had it."""

    code: str
    name: str
    since: date
    until: date | None = None
    """The last day it is known to stand; None: the newest table has it."""


class Divisions:
    """Every code that was, and those that came after it."""

    def __init__(
        self, every: Iterable[Division], became: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._by_code: dict[str, list[Division]] = {}
        for one in every:
            self._by_code.setdefault(one.code, []).append(one)
        self._became = became

    def on(self, code: str, day: date) -> Division | None:
        """Give what *code* was on *day*; None: it did not stand, as far as is known."""
        return in_force(self._by_code.get(code, ()), day)

    def known(self, code: str) -> bool:
        """Say whether *code* ever stood."""
        return code in self._by_code

    def present(self, code: str) -> frozenset[str]:
        """Give the codes that *code* is today: itself, its successors, or none."""
        found: set[str] = set()
        asked: set[str] = set()
        open_ = [code]
        while open_:
            one = open_.pop()
            if one in asked:
                continue  # a table may send two codes to each other
            asked.add(one)
            if any(each.until is None for each in self._by_code.get(one, ())):
                found.add(one)
            else:
                open_ += self._became.get(one, ())
        return frozenset(found)

    def one_place(self, one: str, other: str) -> bool:
        """Say whether two codes, of whatever days, are of one place today."""
        return one == other or bool(self.present(one) & self.present(other))
