"""Clocks: the same whatever order things are heard in, and late by the day alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.duties_file import read_duties
from zhitong.infra.figures_file import read_figures
from zhitong.infra.settings import Settings
from zhitong.rules.clock_counts import counted
from zhitong.rules.clocks import Clock, Happening, Milestone, State, clocks
from zhitong.rules.due_days import DueDays
from zhitong.rules.figures import Trigger
from zhitong.rules.terms import Note
from zhitong.rules.working_days import CHINA

SHIPPED = Settings()
CALENDAR = read_calendar(SHIPPED.calendar)
DUE = DueDays(CALENDAR)
DUTIES = {
    one.name: one
    for one in read_duties(
        SHIPPED.duties, read_figures(SHIPPED.figures), {"credit", "provincial"}
    )
}
PUBLISHED, WITHDRAWN = DUTIES["credit-published"], DUTIES["credit-withdrawn"]


def decided(day: str = "2026-11-20") -> Happening:
    return Happening(what=Trigger.DECIDED, at=date.fromisoformat(day), version=1)


def held(at: str, version: int = 1, receiver: str = "credit") -> Happening:
    return Happening(
        what=Milestone.HELD, at=moment(at), version=version, receiver=receiver
    )


def undone(at: str, version: int) -> Happening:
    return Happening(what=Trigger.UNDONE, at=moment(at), version=version)


def withdrawn(at: str, version: int) -> Happening:
    return Happening(what=Milestone.WITHDRAWN, at=moment(at), version=version)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def published(*happenings: Happening) -> Clock:
    (found,) = clocks(PUBLISHED, happenings, DUE)
    return found


@pytest.mark.parametrize(
    ("happened", "now", "state"),
    [
        pytest.param([], "2026-11-26T23:59", State.RUNNING, id="three days are left"),
        pytest.param([], "2026-11-27T00:00", State.SOON, id="two are"),
        pytest.param([], "2026-12-01T23:59:59", State.SOON, id="its last day"),
        pytest.param([], "2026-12-02T00:00", State.LATE, id="its last day is over"),
        pytest.param(
            [held("2026-12-01T23:59:59")],
            "2026-12-20",
            State.DONE,
            id="on the last day",
        ),
        pytest.param(
            [held("2026-12-02T00:00")],
            "2026-12-20",
            State.DONE_LATE,
            id="the day after",
        ),
        pytest.param(
            [held("2026-12-03", version=2)],
            "2026-12-20",
            State.DONE_LATE,
            id="by a later version",
        ),
        pytest.param(
            [held("2026-11-23", receiver="provincial")],
            "2026-12-20",
            State.LATE,
            id="another's receipt does nothing",
        ),
        pytest.param(
            [withdrawn("2026-12-01T12:00", 2)],
            "2026-12-20",
            State.LAPSED,
            id="withdrawn in time: there is nothing to publish",
        ),
        pytest.param(
            [withdrawn("2026-12-02T12:00", 2)],
            "2026-12-20",
            State.LAPSED_LATE,
            id="withdrawn when it was late: late it was",
        ),
        pytest.param(
            [withdrawn("2026-12-03", 2), held("2026-11-24")],
            "2026-12-20",
            State.DONE,
            id="published first and withdrawn afterwards",
        ),
        pytest.param(
            [withdrawn("2026-11-24", 2), held("2026-11-24", 2)],
            "2026-12-20",
            State.DONE,
            id="done and lapsed at one moment",
        ),
    ],
)
def test_a_publication_is_late_by_its_day_in_china(
    happened: list[Happening], now: str, state: State
) -> None:
    clock = published(decided(), *happened)
    assert clock.due.day == date(2026, 12, 1)
    assert clock.state(moment(now), CALENDAR) is state


def test_the_day_is_chinas_whatever_zone_the_receipt_is_in() -> None:
    at = Happening(
        what=Milestone.HELD,
        at=datetime(2026, 12, 1, 16, 0, tzinfo=UTC),
        version=1,
        receiver="credit",
    )
    now = moment("2026-12-20")
    assert published(decided(), at).state(now, CALENDAR) is State.DONE_LATE


def test_each_version_that_undoes_starts_a_clock_and_a_later_one_ends_both() -> None:
    happened = [
        decided(),
        undone("2026-11-23T09:00", 2),
        undone("2026-11-30T09:00", 3),
        held("2026-12-01T09:00", 3),
    ]
    first, second = clocks(WITHDRAWN, happened, DUE)
    assert (first.key, first.due.day) == (("credit-withdrawn", 2), date(2026, 11, 26))
    assert (second.key, second.due.day) == (("credit-withdrawn", 3), date(2026, 12, 3))
    now = moment("2026-12-20")
    assert first.state(now, CALENDAR) is State.DONE_LATE
    assert second.state(now, CALENDAR) is State.DONE


def test_what_was_said_of_an_earlier_version_does_nothing_for_a_later_one() -> None:
    happened = [undone("2026-11-23T09:00", 2), held("2026-11-24", 1)]
    (clock,) = clocks(WITHDRAWN, happened, DUE)
    assert clock.by is None


def test_a_day_before_the_rule_starts_no_clock() -> None:
    assert not list(clocks(PUBLISHED, [decided("2018-07-24")], DUE))
    assert published(decided("2018-07-25")).due.day == date(2018, 8, 3)


def test_what_ends_in_a_year_without_a_notice_is_provisional() -> None:
    assert Note.PROVISIONAL in published(decided("2026-12-25")).due.notes


HAPPENINGS = st.one_of(
    st.builds(
        Happening,
        what=st.sampled_from([Trigger.DECIDED, Trigger.UNDONE, Milestone.WITHDRAWN]),
        at=st.one_of(
            st.dates(date(2026, 1, 1), date(2026, 12, 31)),
            st.datetimes(
                datetime(2026, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
                datetime(2026, 12, 31),  # noqa: DTZ001
                timezones=st.just(CHINA),
            ),
        ),
        version=st.integers(1, 4),
    ),
    st.builds(
        Happening,
        what=st.just(Milestone.HELD),
        at=st.datetimes(
            datetime(2026, 1, 1),  # noqa: DTZ001 - as above
            datetime(2026, 12, 31),  # noqa: DTZ001
            timezones=st.just(CHINA),
        ),
        version=st.integers(1, 4),
        receiver=st.sampled_from(["credit", "provincial"]),
    ),
)
HEARD = st.lists(HAPPENINGS, max_size=8).flatmap(
    lambda told: st.tuples(
        st.just(told), st.permutations(told), st.sampled_from(told or [decided()])
    )
)


@given(HEARD)
def test_the_order_things_are_heard_in_and_hearing_them_twice_change_nothing(
    heard: tuple[list[Happening], list[Happening], Happening],
) -> None:
    told, otherwise, again = heard
    twice = [*otherwise, again] if told else otherwise
    for duty in DUTIES.values():
        once = list(clocks(duty, told, DUE))
        assert once == list(clocks(duty, twice, DUE))


@given(st.lists(HAPPENINGS, max_size=8), HAPPENINGS)
def test_one_thing_more_never_makes_an_end_later_or_a_clock_go_away(
    told: list[Happening], more: Happening
) -> None:
    for duty in DUTIES.values():
        before = {one.key: one for one in clocks(duty, told, DUE)}
        after = {one.key: one for one in clocks(duty, [*told, more], DUE)}
        assert before.keys() <= after.keys()
        for key, one in before.items():
            if one.by is not None:
                assert after[key].by is not None
                assert days(after[key]) <= days(one)


def days(clock: Clock) -> date:
    """Give the day on which *clock* ended."""
    assert clock.ended is not None
    if isinstance(clock.ended, datetime):
        return clock.ended.astimezone(CHINA).date()
    return clock.ended


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(0, 400))
def test_an_open_clock_becomes_late_once_and_stays_so(start: date, after: int) -> None:
    clock = published(decided(start.isoformat()))
    now = datetime.combine(start, datetime.min.time(), CHINA) + timedelta(days=after)
    assert clock.late(now) is (now >= clock.due.ending.end)


def test_the_late_rate_is_of_what_is_settled() -> None:
    states = [
        *[State.DONE] * 5,
        State.DONE_LATE,
        State.LATE,
        State.LAPSED,
        State.LAPSED_LATE,
        State.RUNNING,
        State.SOON,
    ]
    found = counted((("unit", "duty"), state) for state in states)
    (counts,) = found.values()
    assert (counts.late, counts.settled) == (3, 9)
    assert counts.late_percent == Decimal("33.33")
    (nothing,) = counted([(("unit", "duty"), State.RUNNING)]).values()
    assert nothing.late_percent is None
