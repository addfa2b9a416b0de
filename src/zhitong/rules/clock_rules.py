"""The rules that clocks go by: duties with their figures, and the calendar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from zhitong.decisions import Act
from zhitong.rules.clocks import Clock, Duty, Happening, clocks, near_day
from zhitong.rules.due_days import Basis, DueDays
from zhitong.rules.working_days import Calendar


class Digests(NamedTuple):
    """What tells these rules from others."""

    duties: str
    calendar: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRules:
    """What clocks are computed by, and what was computed once."""

    duties: tuple[Duty, ...]
    calendar: Calendar
    digests: Digests
    due_days: DueDays
    _near: dict[tuple[str, date], date] = field(default_factory=dict)

    def clocks(
        self, act: Act, party: str, happenings: Iterable[Happening]
    ) -> Iterator[Clock]:
        """Give the clocks of an *act* about a *party* (its kind), duty by duty."""
        happened = list(happenings)
        for duty in self.duties:
            if duty.figure.about(act, party):
                yield from clocks(duty, happened, self.due_days)

    def near(self, duty: Duty, due: date) -> date:
        """Give the first day on which what is *due* then is due soon."""
        key = duty.name, due
        if key not in self._near:
            self._near[key] = near_day(duty, due, self.calendar)
        return self._near[key]

    def basis(self, duty: Duty, started: date) -> Basis | None:
        """Say until when what *started* then is due; None: no term is in force."""
        due = self.due_days.of(duty.figure, started)
        return due.basis if due else None
