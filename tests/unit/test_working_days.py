"""Working days of the shipped calendar, and of years that nobody knows yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.exceptions import CalendarError
from zhitong.grants import GrantDuty
from zhitong.infra.calendar_file import read_calendar, read_clocks
from zhitong.infra.settings import Settings
from zhitong.rules.working_days import (
    Calendar,
    Document,
    LastDay,
    Standing,
    calendar_of,
)

SHIPPED = Settings().calendar
CALENDAR = read_clocks(SHIPPED).calendar


@pytest.mark.parametrize(
    ("day", "count", "last"),
    [
        pytest.param("2026-02-13", 3, "2026-02-25", id="over the Spring Festival"),
        pytest.param("2026-02-13", 7, "2026-03-02", id="with a worked Saturday in it"),
        pytest.param("2026-02-13", 20, "2026-03-19", id="twenty days"),
        pytest.param("2026-09-30", 3, "2026-10-10", id="over the National Day week"),
        pytest.param("2026-09-30", 7, "2026-10-15", id="seven after it"),
        pytest.param("2026-09-30", 10, "2026-10-20", id="ten after it"),
        pytest.param("2026-09-30", 20, "2026-11-03", id="twenty after it"),
        pytest.param("2026-11-20", 1, "2026-11-23", id="a Friday"),
        pytest.param("2026-11-21", 1, "2026-11-23", id="a Saturday"),
    ],
)
def test_the_day_after_is_the_first(day: str, count: int, last: str) -> None:
    found = CALENDAR.after(date.fromisoformat(day), count)
    assert found == LastDay(date.fromisoformat(last), provisional=False)


def test_beyond_the_last_year_that_is_known_a_day_is_provisional() -> None:
    assert CALENDAR.after(date(2026, 12, 28), 3) == LastDay(
        date(2026, 12, 31), provisional=False
    )
    # New Year's day of 2027 is surely off, and the weekend follows it; whether a day of
    # that weekend is worked nobody has published.
    assert CALENDAR.after(date(2026, 12, 28), 4) == LastDay(
        date(2027, 1, 4), provisional=True
    )


def test_a_year_nobody_has_written_down_has_weekends_alone() -> None:
    # 1 October 2035 is a Monday.
    assert CALENDAR.after(date(2035, 9, 30), 1) == LastDay(
        date(2035, 10, 1), provisional=True
    )
    assert CALENDAR.sources(date(2035, 9, 30), date(2035, 10, 1)) == ()


def test_days_back_to_a_year_before_the_first_are_provisional_too() -> None:
    assert CALENDAR.after(date(2018, 9, 28), 1).provisional


def test_no_days_end_on_the_day_itself() -> None:
    saturday = date(2026, 11, 21)
    assert CALENDAR.after(saturday, 0) == LastDay(saturday, provisional=False)
    assert CALENDAR.before(saturday, 0) == saturday


@pytest.mark.parametrize(
    ("known_on", "last", "notices"),
    [
        # From 23 January, a Thursday: off 24 to 30 January, Friday 31 the first day,
        # Saturday 1 February worked as the second.
        pytest.param("2020-01-26", "2020-02-01", 1, id="before the holiday is longer"),
        # Off until 2 February, and that Saturday with it: Monday 3, Tuesday 4.
        pytest.param("2020-01-27", "2020-02-04", 2, id="once it is"),
    ],
)
def test_a_day_is_computed_by_what_was_known(
    known_on: str, last: str, notices: int
) -> None:
    calendar = read_calendar(SHIPPED, date.fromisoformat(known_on))
    begin, end = date(2020, 1, 23), date.fromisoformat(last)
    assert calendar.after(begin, 2) == LastDay(end, provisional=False)
    assert len(calendar.sources(begin, end)) == notices


def test_what_is_expected_of_a_year_gives_way_to_its_notice() -> None:
    expected = Document(
        year=2027,
        source="expected",
        off=frozenset({date(2027, 1, 1)}),
        standing=Standing.EXPECTED,
    )
    notice = Document(
        year=2027,
        source="notice",
        off=frozenset({date(2027, 1, 1)}),
        worked=frozenset({date(2027, 1, 3)}),
        published=date(2026, 11, 30),
    )
    begin = date(2026, 12, 31)
    both = (notice, expected)
    before = calendar_of(both, date(2026, 11, 29))
    assert before.after(begin, 1) == LastDay(date(2027, 1, 4), provisional=True)
    assert before.sources(date(2027, 1, 1), date(2027, 1, 4)) == ("expected",)
    after = calendar_of(both, date(2026, 11, 30))
    assert after.after(begin, 1) == LastDay(date(2027, 1, 3), provisional=False)
    assert after.sources(date(2027, 1, 1), date(2027, 1, 3)) == ("notice",)


# What is true of any calendar: these draw one of their own.
BEGIN, END = date(2024, 1, 1), date(2027, 12, 31)
days = st.dates(BEGIN, END)
counts = st.integers(0, 60)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Make a calendar whose days off and worked days nobody has chosen."""
    off = draw(st.frozensets(days, max_size=80))
    return calendar_of(
        Document(
            year=year,
            source=str(year),
            off=frozenset(day for day in off if day.year == year and day.weekday() < 5),
            worked=frozenset(
                day for day in off if day.year == year and day.weekday() >= 5
            ),
        )
        for year in draw(st.sets(st.integers(2024, 2027)))
    )


@given(calendars(), days, counts, counts)
def test_periods_add_up(calendar: Calendar, day: date, one: int, other: int) -> None:
    halfway = calendar.after(day, one).day
    assert calendar.after(halfway, other).day == calendar.after(day, one + other).day


@given(calendars(), days, days, counts)
def test_who_begins_later_never_ends_sooner(
    calendar: Calendar, one: date, other: date, count: int
) -> None:
    first, second = sorted((one, other))
    assert calendar.after(first, count).day <= calendar.after(second, count).day


@given(calendars(), days, counts)
def test_a_longer_period_ends_later(calendar: Calendar, day: date, count: int) -> None:
    assert calendar.after(day, count).day < calendar.after(day, count + 1).day


@given(calendars(), days, st.integers(1, 60))
def test_a_period_ends_on_a_worked_day_with_as_many_in_it(
    calendar: Calendar, day: date, count: int
) -> None:
    last = calendar.after(day, count).day
    assert calendar.works(last)
    span = (date.fromordinal(one) for one in range(day.toordinal(), last.toordinal()))
    assert sum(calendar.works(one + timedelta(days=1)) for one in span) == count


@given(calendars(), days, counts)
def test_days_between_are_those_of_the_period(
    calendar: Calendar, day: date, count: int
) -> None:
    last = calendar.after(day, count).day
    assert calendar.between(day, last) == count
    assert calendar.between(last, day) == -count


@given(calendars(), days, counts)
def test_going_back_undoes_going_on(calendar: Calendar, day: date, count: int) -> None:
    worked = calendar.after(day, 1).day
    assert calendar.before(calendar.after(worked, count).day, count) == worked


@given(calendars(), days, st.integers(1, 60))
def test_a_date_is_provisional_where_a_day_on_its_way_is(
    calendar: Calendar, day: date, count: int
) -> None:
    last = calendar.after(day, count)
    way = range(day.toordinal() + 1, last.day.toordinal() + 1)
    unknown = {date.fromordinal(one).year for one in way} - set(calendar.years)
    assert last.provisional is bool(unknown)


def test_a_period_ends_with_its_last_day_in_china() -> None:
    # 23:30 of the 19th in China is 15:30 UTC.
    late = datetime(2026, 11, 19, 15, 30, tzinfo=UTC)
    last = CALENDAR.end_after(late, 1)
    assert last.day == date(2026, 11, 20)
    assert last.end == datetime(2026, 11, 20, 16, tzinfo=UTC)
    assert CALENDAR.end_after(late + timedelta(hours=1), 1).day == date(2026, 11, 23)


def test_the_shipped_clocks_are_those_of_the_regulation() -> None:
    clocks = read_clocks(SHIPPED)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert clocks.days(GrantDuty.REPLY, now, conditional=False) == 1
    assert clocks.days(GrantDuty.REPLY, now, conditional=True) == 10
    assert clocks.days(GrantDuty.PROVIDE, now, conditional=True) == 20


def test_a_later_figure_counts_from_its_day_on(tmp_path: Path) -> None:
    later = '[[grants]]\nduty = "PROVIDE"\nfrom = 2026-12-01\ndays = 15\nsource = "x"\n'
    path = tmp_path / "calendar.toml"
    path.write_text(SHIPPED.read_text("utf-8") + later, encoding="utf-8")
    clocks = read_clocks(path)
    before = datetime(2026, 11, 30, tzinfo=UTC)
    assert clocks.days(GrantDuty.PROVIDE, before, conditional=True) == 20
    after = datetime(2026, 12, 1, tzinfo=UTC)
    assert clocks.days(GrantDuty.PROVIDE, after, conditional=True) == 15


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("2026-01-01", "2026-01-03", "off 2026-01-03", id="a Saturday off"),
        pytest.param("2026-01-04", "2026-01-05", "worked 2026-01-05", id="a Monday"),
        pytest.param("2026-06-19", "2027-06-18", "2027-06-18", id="of another year"),
        pytest.param("year = 2025", "year = 2026", "2026 ×2", id="a year twice"),
        pytest.param('"SETTLE"', '"REVIEW"', "SETTLE", id="a duty without a clock"),
        pytest.param(
            'sharing = "unconditional"',
            'sharing = "conditional"',
            "REPLY",
            id="a clock for one sharing alone",
        ),
        pytest.param("year = 2023", "year = 2033", "缺 2023", id="a gap"),
        pytest.param(
            "changes]]\nyear = 2019",
            "changes]]\nyear = 2012",
            "changes 2012",
            id="a change of nothing",
        ),
        pytest.param(
            "published = 2019-03-22",
            "published = 2018-03-22",
            "changes 2019",
            id="a change before its notice",
        ),
        pytest.param(
            "usual = [2020-02-01]",
            "usual = [2020-02-02]",
            "usual 2020-02-02",
            id="usual as it was",
        ),
        pytest.param("days = 20", "days = 0", "days", id="no days at all"),
        pytest.param("days = 20", "day = 20", "day", id="a misspelt key"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    text = SHIPPED.read_text("utf-8")
    assert old in text
    path = tmp_path / "calendar.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CalendarError, match=r"calendar\.toml") as caught:
        read_clocks(path)
    assert named in str(caught.value)
