"""What ``x-acceptance`` demands of a row, taken apart so that two can be compared.

A rule with two columns that are due is two demands; each holds where all of its
conditions do. One demand covers another where every row that meets the one meets the
other: it holds at least as often, and demands at least as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """A column has one of some values, or one of some words among its own."""

    column: str
    kind: str
    """``in`` or ``has``."""
    values: frozenset[str]

    def within(self, other: Condition) -> bool:
        """Say whether *other* holds wherever this one does."""
        same = (self.column, self.kind) == (other.column, other.kind)
        return same and self.values <= other.values

    @property
    def text(self) -> str:
        """Say it as the documents do."""
        return f"{self.column} {self.kind} {'|'.join(sorted(self.values))}"


@dataclass(frozen=True, slots=True)
class Demand:
    """That a column is due, a condition holds, or two times are in their order."""

    when: frozenset[Condition]
    due: str = ""
    only: Condition | None = None
    order: tuple[str, ...] = ()

    def covers(self, other: Demand) -> bool:
        """Say whether whatever meets this one meets *other*."""
        if self.due != other.due or self.order != other.order:
            return False
        if (self.only is None) != (other.only is None):
            return False
        if self.only and other.only and not self.only.within(other.only):
            return False
        return all(
            any(theirs.within(ours) for theirs in other.when) for ours in self.when
        )

    @property
    def text(self) -> str:
        """Name what is demanded, and where."""
        what = self.due or " <= ".join(self.order)
        what = what or (self.only.text if self.only else "")
        where = " & ".join(sorted(one.text for one in self.when))
        return f"{what} ({where})" if where else what


def demands(rules: object) -> Iterator[Demand]:
    """Take the rules of ``x-acceptance`` apart; their words demand nothing."""
    for rule in rules if isinstance(rules, list | tuple) else ():
        when = frozenset(_condition(one) for one in rule["when"])
        for column in rule.get("require", ()):
            yield Demand(when, due=column)
        if "only" in rule:
            yield Demand(when, only=_condition(rule["only"]))
        if "order" in rule:
            yield Demand(when, order=tuple(rule["order"]))


def _condition(said: Mapping[str, object]) -> Condition:
    kind = "in" if "in" in said else "has"
    values = said[kind]
    found = values if isinstance(values, list | tuple) else ()
    return Condition(str(said["column"]), kind, frozenset(map(str, found)))
