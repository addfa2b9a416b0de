"""Terms: which day they end on, what that rests on, and what is to be known of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.settings import Settings
from zhitong.rules.terms import Ending, Note, Term, Unit, ending

CALENDAR = read_calendar(Settings().calendar)
W, D, M, Y = Unit.WORKING_DAY, Unit.DAY, Unit.MONTH, Unit.YEAR


def made(term: Term, start: str) -> tuple[str, tuple[Note, ...]]:
    found = ending(term, date.fromisoformat(start), CALENDAR)
    return str(found.day), found.notes


@pytest.mark.parametrize(
    ("term", "start", "day", "notes"),
    [
        pytest.param(
            Term(many=1, unit=W), "2026-02-13", "2026-02-14", [Note.MADE_UP_DAY],
            id="a period that ends on a worked Saturday",
        ),
        pytest.param(
            Term(many=3, unit=W, next_day=False), "2026-02-13", "2026-02-24", [],
            id="the day of the event is the first: 13, 14, 24 February",
        ),
        pytest.param(
            Term(many=1, unit=W, next_day=False), "2026-02-15", "2026-02-24", [],
            id="the day of the event is a day off and does not count",
        ),
        pytest.param(
            Term(many=1, unit=W), "2026-12-31", "2027-01-04", [Note.PROVISIONAL],
            id="into the year that nobody has published",
        ),
        pytest.param(
            Term(many=0, unit=W), "2026-12-31", "2026-12-31", [], id="the same day"
        ),
        pytest.param(
            Term(many=15, unit=D), "2026-09-20", "2026-10-05", [Note.DAY_OFF],
            id="calendar days that end in the National Day week and stay there",
        ),
        pytest.param(
            Term(many=15, unit=D, moves=True), "2026-09-20", "2026-10-08",
            [Note.MOVED], id="the same, moved on to the first day that is worked",
        ),
        pytest.param(
            Term(many=15, unit=D, moves=True), "2026-09-25", "2026-10-10",
            [Note.MADE_UP_DAY], id="a worked Saturday is not moved from",
        ),
        pytest.param(
            Term(many=30, unit=D, moves=True), "2026-12-04", "2027-01-04",
            [Note.PROVISIONAL, Note.MOVED],
            id="an end moved within the year nobody has published",
        ),
        pytest.param(
            Term(many=30, unit=D), "2026-12-04", "2027-01-03", [],
            id="the same, kept: no published day can change it",
        ),
        pytest.param(
            Term(many=60, unit=D), "2024-01-01", "2024-03-01", [],
            id="over the 29th of February",
        ),
        pytest.param(
            Term(many=60, unit=D), "2023-01-01", "2023-03-02", [], id="without one"
        ),
        pytest.param(
            Term(many=1, unit=Y), "2024-02-29", "2025-02-28", [Note.SHORT_MONTH],
            id="a year from the 29th of February",
        ),
        pytest.param(
            Term(many=1, unit=Y), "2023-02-28", "2024-02-28", [],
            id="a year into a leap year ends on the same number",
        ),
        pytest.param(
            Term(many=2, unit=Y), "2024-09-17", "2026-09-17", [], id="two years"
        ),
        pytest.param(
            Term(many=3, unit=M), "2025-11-30", "2026-02-28",
            [Note.SHORT_MONTH, Note.MADE_UP_DAY],
            id="three months, to a short month, whose last day is worked",
        ),
        pytest.param(
            Term(many=3, unit=M, next_day=False), "2026-03-01", "2026-05-31",
            [Note.DAY_OFF], id="March to May, the first day counted",
        ),
        pytest.param(
            Term(many=1, unit=M), "2025-12-15", "2026-01-15", [], id="into a new year"
        ),
    ],
)  # fmt: skip
def test_a_term_ends_on_its_day(
    term: Term, start: str, day: str, notes: list[Note]
) -> None:
    assert made(term, start) == (day, tuple(notes))


def test_a_date_names_the_documents_it_rests_on() -> None:
    over = ending(Term(many=3, unit=W), date(2025, 12, 30), CALENDAR)
    assert [source[:13] for source in over.sources] == [
        "国务院办公厅关于2025年",
        "国务院办公厅关于2026年",
    ]
    changed = ending(Term(many=3, unit=W), date(2020, 1, 22), CALENDAR)
    assert len(changed.sources) == 2
    assert "延长2020年春节假期" in changed.sources[1]
    assert not changed.provisional


def test_calendar_days_that_stay_rest_on_no_document() -> None:
    assert ending(Term(many=15, unit=D), date(2026, 9, 20), CALENDAR).sources == ()


def test_a_day_ends_at_midnight_in_china() -> None:
    last = Ending(day=date(2026, 11, 20))
    assert last.end == datetime(2026, 11, 20, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("term", "zh", "en"),
    [
        (Term(many=7, unit=W), "7个工作日", "7 working days"),
        (Term(many=0, unit=D), "当日", "the same day"),
        (
            Term(many=15, unit=D, moves=True),
            "15日，末日休息的顺延",
            "15 days, moved on from a day off",
        ),
        (
            Term(many=2, unit=M, next_day=False),
            "2个月，当日计入",
            "2 months, the day itself counted",
        ),
    ],
)
def test_a_term_is_said_in_both_languages(term: Term, zh: str, en: str) -> None:
    assert (term.label.zh, term.label.en) == (zh, en)


starts = st.dates(date(2019, 1, 1), date(2026, 12, 31))
terms = st.builds(
    Term,
    many=st.integers(1, 100),
    unit=st.sampled_from(Unit),
    next_day=st.booleans(),
    moves=st.booleans(),
)


@given(terms, starts, starts)
def test_who_begins_later_never_ends_sooner(term: Term, one: date, other: date) -> None:
    first, second = sorted((one, other))
    early = ending(term, first, CALENDAR).day
    late = ending(term, second, CALENDAR).day
    # A month without the day ends on its last: the next one's start ends no earlier.
    assert early <= late


@given(terms, starts)
def test_a_longer_term_never_ends_sooner(term: Term, start: date) -> None:
    longer = Term(
        many=term.many + 1, unit=term.unit, next_day=term.next_day, moves=term.moves
    )
    assert ending(term, start, CALENDAR).day <= ending(longer, start, CALENDAR).day


@given(terms, starts)
def test_an_end_that_moves_is_worked(term: Term, start: date) -> None:
    if term.moves:
        assert CALENDAR.works(ending(term, start, CALENDAR).day)


@given(st.integers(1, 400), st.integers(0, 400), starts)
def test_calendar_days_add_up(one: int, other: int, start: date) -> None:
    halfway = ending(Term(many=one, unit=D), start, CALENDAR).day
    both = ending(Term(many=one + other, unit=D), start, CALENDAR).day
    assert ending(Term(many=other, unit=D), halfway, CALENDAR).day == both
