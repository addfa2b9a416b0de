"""The scripted year: the same seed is the same year, and each life is possible."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from zhitong.decisions import Act, Change
from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.scenario_script import (
    AWAY,
    CREDIT,
    END,
    OWN,
    PROVINCE,
    SYSTEM,
    YEAR,
    Case,
    Days,
    held,
    public,
    script,
)
from zhitong.infra.settings import Settings
from zhitong.publishing import Step

CALENDAR = read_calendar(Settings().calendar)
DAYS = Days(CALENDAR.works, date(YEAR - 3, 1, 1), date(YEAR + 1, 6, 30))


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return list(script(2_000, DAYS))


def test_the_same_seed_is_the_same_year_and_another_is_another() -> None:
    assert list(script(50, DAYS)) == list(script(50, DAYS))
    assert list(script(50, DAYS)) != list(script(50, DAYS, 10))


def test_its_working_days_are_those_of_the_calendar() -> None:
    for day in (date(YEAR, 2, 5), date(YEAR, 9, 30), date(YEAR, 12, 29)):
        for count in (3, 7, 20):
            assert DAYS.after(day, count) == CALENDAR.after(day, count).day


def test_everything_is_in_it(cases: list[Case]) -> None:
    steps = Counter((one.channel, one.step) for case in cases for one in case.steps)
    for step in (Step.COLLECT, Step.TRANSMIT, Step.PASS, Step.RELEASE):
        assert steps[OWN, step] > steps[SYSTEM, step] > 0
    assert {Step.PULL, Step.DECLINE} <= {step for name, step in steps if name == OWN}
    assert {Step.WITHDRAW, Step.TAKE_DOWN} <= {
        step for name, step in steps if name == SYSTEM
    }
    assert {one.change for case in cases for one in case.versions} == set(Change)
    assert {case.versions[0].decision.act for case in cases} > {
        Act.PENALTY,
        Act.LICENCE,
        Act.COERCION,
    }
    assert any(one.lacks for case in cases for one in case.versions)


def test_what_follows_comes_after_what_it_follows(cases: list[Case]) -> None:
    for case in cases:
        moments = [one.at for one in case.versions]
        assert moments == sorted(moments)
        assert all(at < END for at, _ in case.happens())
        for receiver in (CREDIT, PROVINCE):
            answers = [one.answered[receiver] for one in case.versions]
            assert answers == sorted(answers)
            closed, opened = AWAY[receiver]
            assert not any(closed <= at < opened for at in answers)
            gaps = (
                answer - one.at
                for answer, one in zip(answers, case.versions, strict=True)
            )
            assert all(gap >= timedelta(seconds=30) for gap in gaps)


def test_what_there_must_be_in_the_end(cases: list[Case]) -> None:
    for case in cases:
        last = case.versions[-1]
        if last.change is Change.WITHDRAWN:
            assert public(case) is None
            assert str(held(case, PROVINCE)).endswith("WITHDRAWN") or (
                held(case, PROVINCE) is None
            )
        if case.versions[0].decision.act is Act.COERCION:
            assert held(case, CREDIT) is None
        released = [
            one for one in case.steps if one.channel == OWN and one.step is Step.RELEASE
        ]
        if not released:
            assert public(case) is None
    assert 0 < sum(public(case) is not None for case in cases) < len(cases)
