"""Working days of the shipped calendar, and of years that nobody knows yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from zhitong.exceptions import CalendarError
from zhitong.grants import GrantDuty
from zhitong.infra.calendar_file import read_clocks
from zhitong.infra.settings import Settings
from zhitong.rules.working_days import LastDay

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
    # New Year's day of 2027 is surely off; that nobody published it is what it says.
    assert CALENDAR.after(date(2026, 12, 28), 4) == LastDay(
        date(2027, 1, 1), provisional=True
    )


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
