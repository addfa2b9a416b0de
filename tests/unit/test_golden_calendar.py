"""The calendar against days that were counted by hand (tests/golden).

The table is held against itself first: weekdays, twenty days in each walk, and the
days it says are those its walk comes to. So a slip of the hand is not the code's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.settings import Settings
from zhitong.rules.terms import Note, Term, Unit, ending
from zhitong.rules.working_days import LastDay

GOLDEN = Path(__file__).parents[1] / "golden"
CALENDAR = read_calendar(Settings().calendar)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
COUNTS = (2, 3, 5, 7, 10, 15, 20)
UNPUBLISHED = date(2027, 1, 1)


@dataclass(frozen=True)
class Entry:
    """What a hand has written of one event."""

    day: date
    weekday: str
    walk: tuple[date, ...]
    """The working days after it."""
    due: dict[int, str]
    """Month and day by the number of working days."""


def rows(name: str) -> Iterator[str]:
    for line in (GOLDEN / name).read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def entries() -> Iterator[Entry]:
    head, walk = "", list[date]()
    for line in rows("working_days.txt"):
        if not line.startswith(" "):
            head, walk = line, []
        elif "=" in line:
            due = {int(many): day for many, day in re.findall(r"(\d+)=(\S+)", line)}
            day, weekday = head.split()[:2]
            yield Entry(date.fromisoformat(day), weekday, tuple(walk), due)
        else:
            month, days = line.split(maxsplit=1)
            walk += [date.fromisoformat(f"{month}-{day:02d}") for day in spelt(days)]


def spelt(days: str) -> Iterator[int]:
    for part in days.replace("|", " ").split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


ENTRIES = tuple(entries())
NAMED = [str(entry.day) for entry in ENTRIES]
CALENDAR_DAYS = [
    tuple(part.strip() for part in row.split("|")) for row in rows("calendar_days.txt")
]


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMED)
def test_the_hand_did_not_slip(entry: Entry) -> None:
    assert WEEKDAYS[entry.day.weekday()] == entry.weekday
    assert len(entry.walk) == COUNTS[-1]
    assert list(entry.walk) == sorted(set(entry.walk))
    assert entry.walk[0] > entry.day
    assert tuple(entry.due) == COUNTS
    assert {many: f"{entry.walk[many - 1]:%m-%d}" for many in COUNTS} == entry.due


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMED)
def test_working_days_end_where_the_hand_came_to(entry: Entry) -> None:
    for many in COUNTS:
        last = entry.walk[many - 1]
        assert CALENDAR.after(entry.day, many) == LastDay(
            last, provisional=last >= UNPUBLISHED
        ), many
        assert CALENDAR.between(entry.day, last) == many
        assert CALENDAR.before(last, many - 1) == entry.walk[0]


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMED)
def test_the_days_on_the_way_are_worked_and_no_others(entry: Entry) -> None:
    way = range(entry.day.toordinal() + 1, entry.walk[-1].toordinal() + 1)
    found = [day for day in map(date.fromordinal, way) if CALENDAR.works(day)]
    assert found == list(entry.walk)


@pytest.mark.parametrize("row", CALENDAR_DAYS, ids=[row[0] for row in CALENDAR_DAYS])
def test_calendar_days_end_where_the_hand_came_to(row: tuple[str, ...]) -> None:
    start, many, last, weekday, on, _ = row
    begin, day, moved = map(date.fromisoformat, (start, last, on))
    assert (day - begin).days == int(many)
    assert WEEKDAYS[day.weekday()] == weekday
    kept = ending(Term(many=int(many), unit=Unit.DAY), begin, CALENDAR)
    assert (kept.day, kept.provisional) == (day, False)
    goes = ending(Term(many=int(many), unit=Unit.DAY, moves=True), begin, CALENDAR)
    assert goes.day == moved
    assert goes.provisional is (moved >= UNPUBLISHED)
    assert (Note.MOVED in goes.notes) is (moved != day)


def test_two_hundred_days_and_more_were_counted_over_the_years_published() -> None:
    published = [entry for entry in ENTRIES if entry.walk[-1] < UNPUBLISHED]
    assert len(published) * len(COUNTS) >= 200
    assert {entry.day.year for entry in published} == set(range(2019, 2027))
    assert [entry for entry in ENTRIES if entry.walk[-1] >= UNPUBLISHED]
    assert len(CALENDAR_DAYS) >= 40


def test_many_ends_are_weekend_days_that_are_worked() -> None:
    ends = {
        entry.walk[many - 1]
        for entry in ENTRIES
        for many in COUNTS
        if entry.walk[many - 1].weekday() >= 5
    }
    assert len(ends) >= 20
    assert all(CALENDAR.made_up(day) for day in ends)


def test_the_package_that_the_field_uses_says_the_same_of_every_day() -> None:
    package = pytest.importorskip("chinese_calendar")
    first, last = date(2019, 1, 1), date(2026, 12, 31)
    every = map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
    assert [
        day for day in every if CALENDAR.works(day) != package.is_workday(day)
    ] == []
