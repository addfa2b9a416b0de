"""Due days: until when, by which version of which rule, and whether that may change.

A due day is a value without a clock: the same event, rule and calendar give the same.
Where one of them changes it is computed again, and `moved` says why it is another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from zhitong.rules.figures import Figure, Version
from zhitong.rules.terms import Ending, Note, Term, ending
from zhitong.rules.working_days import Calendar, day_of
from zhitong.types import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What is to be known of a last day, to say later why it has become another."""

    started: date
    day: date
    rule: str
    """The name of its version."""
    source: str
    calendars: tuple[str, ...]
    """The documents about working days that it rests on."""
    notes: tuple[Note, ...]

    @property
    def provisional(self) -> bool:
        """Whether it may still become another day."""
        return Note.PROVISIONAL in self.notes


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDay:
    """The last day for something, with all it rests on."""

    started: date
    version: Version
    """The rule it is computed by."""
    ending: Ending
    later: tuple[Version, ...] = ()
    """Versions that began while the time ran."""

    @property
    def day(self) -> date:
        """The last day."""
        return self.ending.day

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is to be known of it."""
        changed = (Note.RULE_CHANGED,) if self.later else ()
        return (*self.ending.notes, *changed)

    @property
    def basis(self) -> Basis:
        """What it rests on, in a few words."""
        return Basis(
            started=self.started,
            day=self.day,
            rule=self.version.name,
            source=self.version.source,
            calendars=self.ending.sources,
            notes=self.notes,
        )


def due_day(figure: Figure, at: datetime | date, calendar: Calendar) -> DueDay | None:
    """Say until when what *at* begins is due; None: no term is in force on that day.

    A *date* is a day in China; a moment is taken for the day it is there.
    """
    started = _day(at)
    version = figure.in_force(started)
    if version is None or not isinstance(version.value, Term):
        return None
    found = ending(version.value, started, calendar)
    later: list[Version] = []
    for since, other in figure.changes(started, date.max):
        if since > found.day:
            break
        later.append(other)
        if other.under_way and isinstance(other.value, Term):
            version, found = other, ending(other.value, started, calendar)
            # A shorter time for what is under way makes nobody late before it begins.
            found = replace(found, day=max(found.day, since))
    return DueDay(started=started, version=version, ending=found, later=tuple(later))


class DueDays:
    """Due days by one calendar and its figures, each computed once.

    A million things begin on a few hundred days.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._made: dict[tuple[str, date], DueDay | None] = {}

    def of(self, figure: Figure, at: datetime | date) -> DueDay | None:
        """Say until when what *at* begins is due, as `due_day` does."""
        key = figure.name, _day(at)
        if key not in self._made:
            self._made[key] = due_day(figure, at, self._calendar)
        return self._made[key]


def _day(at: datetime | date) -> date:
    return day_of(at) if isinstance(at, datetime) else at


def moved(before: Basis, after: Basis) -> Label | None:
    """Say why *after* stands in the place of *before*; None: nothing has changed."""
    if before == after:
        return None
    reasons: list[Label] = []
    if (before.rule, before.source) != (after.rule, after.source):
        reasons.append(
            Label(
                f"改按 {after.rule}（{after.source}）",
                f"by {after.rule} ({after.source})",
            )
        )
    reasons += [
        Label(f"工作日依据 {one}", f"working days by {one}")
        for one in after.calendars
        if one not in before.calendars
    ]
    reasons += [
        Label(f"工作日不再依据 {one}", f"working days no longer by {one}")
        for one in before.calendars
        if one not in after.calendars
    ]
    if before.provisional and not after.provisional:
        reasons.append(Label("不再暂定", "no longer provisional"))
    if before.started != after.started:
        reasons.append(
            Label(f"自 {after.started} 起算", f"counted from {after.started}")
        )
    return Label(
        f"{before.day} → {after.day}：{'；'.join(one.zh for one in reasons)}",
        f"{before.day} → {after.day}: {'; '.join(one.en for one in reasons)}",
    )
