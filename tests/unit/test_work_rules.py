"""Until when work is due: by hours, by working days, by the day itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.exceptions import CalendarError
from zhitong.infra.calendar_file import read_work_clocks
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.rules.work import (
    Clock,
    Due,
    WorkClock,
    WorkClocks,
    WorkKind,
    due_before,
    due_by,
)
from zhitong.rules.working_days import CHINA, DAY, Calendar
from zhitong.streams.receivers import Acknowledge

SHIPPED = Settings().calendar
CLOCKS = read_work_clocks(SHIPPED)
CALENDAR = CLOCKS.calendar
KNOWN = st.datetimes(
    datetime(2025, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2026, 11, 30),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
MOMENTS = st.datetimes(
    datetime(2024, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2028, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
ANY_CLOCK = st.one_of(
    st.builds(Clock, hours=st.integers(1, 500)),
    st.builds(Clock, working_days=st.integers(0, 30)),
)


@given(KNOWN, st.integers(1, 15))
def test_so_many_days_are_worked_until_it_is_due(since: datetime, count: int) -> None:
    due = due_by(Clock(working_days=count), since, CALENDAR)
    first, last = since.astimezone(CHINA).date(), (due.at - DAY).astimezone(CHINA)
    assert (last.hour, last.minute, last.second, last.microsecond) == (0, 0, 0, 0)
    days = [first + DAY * each for each in range(1, (last.date() - first).days + 1)]
    assert sum(map(CALENDAR.works, days)) == count
    assert CALENDAR.works(last.date())
    assert not due.provisional


@given(MOMENTS)
def test_the_same_day_ends_with_it_whether_it_is_worked_or_not(since: datetime) -> None:
    due = due_by(Clock(working_days=0), since, CALENDAR)
    here = since.astimezone(CHINA)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    assert due == Due(midnight, provisional=False)
    assert since < due.at


@given(MOMENTS, MOMENTS, ANY_CLOCK)
def test_what_is_recorded_later_is_never_due_earlier(
    one: datetime, other: datetime, clock: Clock
) -> None:
    first, last = sorted((one, other))
    assert due_by(clock, first, CALENDAR).at <= due_by(clock, last, CALENDAR).at
    assert due_by(clock, last, CALENDAR).at > last


@given(MOMENTS, st.integers(1, 30))
def test_a_day_in_a_year_that_nobody_published_is_provisional(
    since: datetime, count: int
) -> None:
    due = due_by(Clock(working_days=count), since, CALENDAR)
    first, last = since.astimezone(CHINA).date() + DAY, (due.at - DAY).astimezone(CHINA)
    noticed = {year for year, days in CALENDAR.years.items() if days.known}
    known = {first.year, last.year} <= noticed
    assert due.provisional is not known


@given(MOMENTS, MOMENTS, ANY_CLOCK)
def test_what_is_due_by_a_moment_began_before_what_is_computed_for_it(
    since: datetime, now: datetime, clock: Clock
) -> None:
    before = due_before(clock, now, CALENDAR)
    if since != before:
        assert (due_by(clock, since, CALENDAR).at <= now) is (since < before)
    assert before <= now


def test_hours_are_counted_from_the_moment_itself() -> None:
    since = datetime(2026, 9, 30, 23, 59, tzinfo=CHINA)
    assert due_by(Clock(hours=24), since, CALENDAR).at == since + timedelta(hours=24)


@pytest.mark.parametrize(
    ("said", "clock"),
    [
        pytest.param(Acknowledge(), Clock(hours=24), id="none"),
        pytest.param(Acknowledge(within_hours=2), Clock(hours=2), id="hours"),
        pytest.param(Acknowledge(working_days=3), Clock(working_days=3), id="days"),
        pytest.param(Acknowledge(same_day=True), Clock(working_days=0), id="same day"),
    ],
)
def test_a_receiver_s_own_clock_comes_before_that_of_all(
    said: Acknowledge, clock: Clock
) -> None:
    assert said.clock(24) == clock


def test_the_rules_of_the_day_it_was_recorded_on_count_and_the_last_hold_on() -> None:
    config = read_receivers()
    credit = config.on(date(2026, 11, 22))["credit"]
    old = replace(
        credit, until=date(2026, 10, 31), acknowledge=Acknowledge(working_days=3)
    )
    new = replace(
        credit, since=date(2026, 11, 1), acknowledge=Acknowledge(same_day=True)
    )
    config = replace(config, receivers=(new, old))
    before = datetime(2026, 10, 31, 15, 59, tzinfo=UTC)
    after = before + timedelta(minutes=1)
    assert config.clock("credit", before, 24) == Clock(working_days=3)
    assert config.clock("credit", after, 24) == Clock(working_days=0)
    assert config.clock("provincial", after, 24) == Clock(hours=24)
    ended = replace(config, receivers=(old,))
    assert ended.clock("credit", after, 24) == Clock(working_days=3)


def test_of_a_kind_the_latest_clock_in_force_counts() -> None:
    early = WorkClock(
        kind=WorkKind.REJECTED, days=3, since=date(2026, 1, 1), source="x"
    )
    later = WorkClock(
        kind=WorkKind.REJECTED, days=1, since=date(2026, 11, 1), source="x"
    )
    clocks = WorkClocks((later, early), Calendar({}))
    before = datetime(2026, 10, 31, 15, 59, tzinfo=UTC)
    assert clocks.due(WorkKind.REJECTED, before) == due_by(
        Clock(working_days=3), before, clocks.calendar
    )
    after = before + timedelta(minutes=1)
    assert clocks.due(WorkKind.REJECTED, after) == due_by(
        Clock(working_days=1), after, clocks.calendar
    )
    assert clocks.due(WorkKind.UNTOLD, after) is None


def test_the_shipped_calendar_has_a_clock_for_what_people_do() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    # A Friday: Monday, Tuesday, Wednesday.
    then = datetime(2026, 11, 26, tzinfo=CHINA)
    assert CLOCKS.due(WorkKind.REJECTED, now) == Due(then)
    assert CLOCKS.due(WorkKind.UNTOLD, now) == Due(then)


def test_a_clock_for_what_a_receiver_answers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calendar.toml"
    text = SHIPPED.read_text("utf-8").replace('"UNTOLD"', '"UNACKNOWLEDGED"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CalendarError, match="UNACKNOWLEDGED"):
        read_work_clocks(path)
