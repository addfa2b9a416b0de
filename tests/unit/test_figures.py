"""Figures and due days: by which version, whose, and why a day is another one now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from zhitong.exceptions import FiguresError
from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.figures_file import read_figures
from zhitong.infra.settings import Settings
from zhitong.rules.due_days import due_day, moved
from zhitong.rules.figures import (
    Amount,
    Confidence,
    Figure,
    Percentage,
    Trigger,
    Version,
)
from zhitong.rules.terms import Note, Term, Unit
from zhitong.rules.working_days import CHINA
from zhitong.types import Label

SHIPPED = Settings().figures
FIGURES = read_figures(SHIPPED)
CALENDAR = read_calendar(Settings().calendar)
SEVEN = Term(many=7, unit=Unit.WORKING_DAY)
TEN = Term(many=10, unit=Unit.WORKING_DAY)
OWN = """
tenant = "anze"

[[figures]]
name = "published-credit-china"

[[figures.versions]]
from = 2026-11-01
to = 2026-12-31
working_days = 3
source = "configured rule：本市三个工作日"
confidence = "CHOSEN"
"""


def version(since: str, value: Term, until: str = "", *, way: bool = False) -> Version:
    return Version(
        figure="published",
        since=date.fromisoformat(since),
        until=date.fromisoformat(until) if until else None,
        value=value,
        source=f"text of {since}",
        confidence=Confidence.LAW,
        under_way=way,
    )


def figure(*versions: Version) -> Figure:
    return Figure(
        name="published",
        title=Label("公示", "published"),
        starts=Trigger.DECIDED,
        versions=versions,
    )


CHANGED = figure(version("2019-01-01", TEN, "2026-11-22"), version("2026-11-23", SEVEN))


# --- which version ------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "since", "day"),
    [
        # Sunday 22 November, the last moment of it in China: ten from Monday 23 on.
        pytest.param(
            datetime(2026, 11, 22, 23, 59, 59, 999_999, CHINA),
            "2019-01-01",
            "2026-12-04",
            id="the last moment of the day before",
        ),
        # Monday 23 November itself: seven from Tuesday 24 on, to Wednesday 2 December.
        pytest.param(
            datetime(2026, 11, 23, tzinfo=CHINA),
            "2026-11-23",
            "2026-12-02",
            id="midnight in China",
        ),
        pytest.param(
            datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC),
            "2019-01-01",
            "2026-12-04",
            id="the second before it, said in UTC",
        ),
        pytest.param(
            datetime(2026, 11, 22, 16, tzinfo=UTC),
            "2026-11-23",
            "2026-12-02",
            id="midnight in China, said in UTC",
        ),
    ],
)
def test_a_figure_changes_at_midnight_in_china(
    at: datetime, since: str, day: str
) -> None:
    found = due_day(CHANGED, at, CALENDAR)
    assert found is not None
    assert (str(found.version.since), str(found.day)) == (since, day)


def test_a_rule_that_changes_while_time_runs_leaves_it_and_is_named() -> None:
    found = due_day(CHANGED, date(2026, 11, 20), CALENDAR)
    assert found is not None
    assert found.day == date(2026, 12, 4)
    assert found.version.value == TEN
    assert [one.value for one in found.later] == [SEVEN]
    assert found.notes == (Note.RULE_CHANGED,)


def test_a_rule_that_changes_on_the_last_day_has_changed_within_and_later_has_not() -> (
    None
):
    # Ten from Friday 6 November end on Friday 20; from Monday 9 on Monday 23.
    before = due_day(CHANGED, date(2026, 11, 6), CALENDAR)
    last = due_day(CHANGED, date(2026, 11, 9), CALENDAR)
    assert before is not None
    assert last is not None
    assert (before.day, before.notes) == (date(2026, 11, 20), ())
    assert (last.day, last.notes) == (date(2026, 11, 23), (Note.RULE_CHANGED,))


@pytest.mark.parametrize(
    ("old", "new", "day"),
    [
        # From Friday 20 November: seven end on Tuesday 1 December, ten on Friday 4.
        pytest.param(TEN, SEVEN, "2026-12-01", id="shorter"),
        pytest.param(SEVEN, TEN, "2026-12-04", id="longer"),
        # Over since Friday by the new one: nobody is late before it begins.
        pytest.param(
            TEN,
            Term(many=0, unit=Unit.WORKING_DAY),
            "2026-11-23",
            id="over before it began",
        ),
    ],
)
def test_a_rule_for_what_is_under_way_takes_over(
    old: Term, new: Term, day: str
) -> None:
    taken = figure(
        version("2019-01-01", old, "2026-11-22"), version("2026-11-23", new, way=True)
    )
    found = due_day(taken, date(2026, 11, 20), CALENDAR)
    assert found is not None
    assert str(found.day) == day
    assert found.version.value == new
    assert found.notes == (Note.RULE_CHANGED,)


def test_before_the_first_version_and_after_the_last_nothing_is_due() -> None:
    ended = figure(version("2019-01-01", TEN, "2020-12-31"))
    assert due_day(ended, date(2018, 12, 31), CALENDAR) is None
    assert due_day(ended, date(2021, 1, 1), CALENDAR) is None


def test_an_amount_is_never_due() -> None:
    amount = replace(version("2019-01-01", TEN), value=Amount(20_000))
    assert due_day(figure(amount), date(2026, 11, 20), CALENDAR) is None
    assert amount.value.label.en == "200.00 yuan"


# --- why it is another day -----------------------------------------------------


def test_a_day_that_the_calendar_moved_says_by_which_document() -> None:
    rule = figure(version("2019-01-01", SEVEN))
    days = [
        due_day(
            rule,
            date(2020, 1, 21),
            read_calendar(Settings().calendar, date.fromisoformat(known_on)),
        )
        for known_on in ("2020-01-26", "2020-01-27")
    ]
    before, after = days
    assert before is not None
    assert after is not None
    # 22, 23, 31 January, then Saturday 1 February worked, 3, 4, 5; with the holiday
    # longer 22, 23 January, 3 to 7 February.
    assert (str(before.day), str(after.day)) == ("2020-02-05", "2020-02-07")
    why = moved(before.basis, after.basis)
    assert why is not None
    assert why.en.startswith("2020-02-05 → 2020-02-07: working days by ")
    assert "延长2020年春节假期" in why.zh
    assert moved(after.basis, after.basis) is None


def test_a_day_that_a_rule_moved_says_by_which_version() -> None:
    old = due_day(figure(version("2019-01-01", TEN)), date(2026, 11, 23), CALENDAR)
    new = due_day(CHANGED, date(2026, 11, 23), CALENDAR)
    assert old is not None
    assert new is not None
    why = moved(old.basis, new.basis)
    assert why is not None
    assert why.en == (
        "2026-12-07 → 2026-12-02: by published/2026-11-23 (text of 2026-11-23)"
    )


def test_a_day_that_is_no_longer_provisional_says_so_though_it_is_the_same() -> None:
    rule = figure(version("2019-01-01", SEVEN))
    at = date(2026, 3, 2)
    early = due_day(rule, at, read_calendar(Settings().calendar, date(2025, 11, 3)))
    late = due_day(rule, at, CALENDAR)
    assert early is not None
    assert late is not None
    assert (early.day, early.notes) == (date(2026, 3, 11), (Note.PROVISIONAL,))
    assert (late.day, late.notes) == (date(2026, 3, 11), ())
    why = moved(early.basis, late.basis)
    assert why is not None
    assert why.en.endswith("no longer provisional")


def test_a_day_that_another_event_moved_says_from_when_it_counts() -> None:
    rule = figure(version("2019-01-01", SEVEN))
    before = due_day(rule, date(2026, 3, 2), CALENDAR)
    after = due_day(rule, date(2026, 3, 3), CALENDAR)
    assert before is not None
    assert after is not None
    why = moved(before.basis, after.basis)
    assert why is not None
    assert why.en == "2026-03-11 → 2026-03-12: counted from 2026-03-03"


# --- the shipped file ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        # Working day against calendar day, law by law (domain.md §3.5).
        ("penalty-decided", "2026-11-23", (90, Unit.DAY)),
        ("penalty-served", "2026-11-23", (7, Unit.WORKING_DAY)),
        ("fine-paid", "2026-11-23", (15, Unit.DAY)),
        ("hearing-requested", "2026-11-23", (5, Unit.WORKING_DAY)),
        ("seizure-ends", "2026-11-23", (30, Unit.DAY)),
        ("crime-transfer-decided", "2026-11-23", (3, Unit.DAY)),
        ("licence-decided", "2026-11-23", (20, Unit.WORKING_DAY)),
        ("licence-delivered", "2026-11-23", (10, Unit.WORKING_DAY)),
        ("licence-pushed", "2026-11-23", (0, Unit.DAY)),
        ("reconsideration-requested", "2026-11-23", (60, Unit.DAY)),
        ("published-own-site-penalty", "2026-11-23", (7, Unit.WORKING_DAY)),
        ("published-own-site", "2026-11-23", (20, Unit.WORKING_DAY)),
        ("published-credit-china", "2026-11-23", (7, Unit.WORKING_DAY)),
        ("withdrawn-own-site", "2021-07-14", (3, Unit.WORKING_DAY)),
        ("withdrawn-own-site", "2021-07-15", (3, Unit.WORKING_DAY)),
        ("shown-own-site", "2026-11-23", (2, Unit.YEAR)),
        ("shown-own-site-person", "2026-11-23", (1, Unit.YEAR)),
    ],
)
def test_the_shipped_figures_are_those_of_the_texts(
    name: str, at: str, value: tuple[int, Unit]
) -> None:
    found = FIGURES[name].in_force(date.fromisoformat(at))
    assert found is not None
    assert isinstance(found.value, Term)
    assert (found.value.many, found.value.unit) == value


def test_the_same_figure_rests_on_another_text_since_the_law_was_revised() -> None:
    sources = [
        one.source
        for day in (date(2021, 7, 14), date(2021, 7, 15))
        if (one := FIGURES["withdrawn-own-site"].in_force(day)) is not None
    ]
    assert sources[0].startswith("南充市")
    assert sources[1].startswith("行政处罚法")


def test_amounts_and_shares_are_figures_too(tmp_path: Path) -> None:
    path = tmp_path / "figures.toml"
    path.write_text(
        """
tenant = "*"
[[figures]]
name = "simple-fine"
title = { zh = "简易程序的罚款", en = "a fine on the spot" }
[[figures.versions]]
from = 2021-07-15
yuan = "200"
source = "行政处罚法（2021修订）第51条"
confidence = "LAW"
[[figures]]
name = "reasoned-licences"
title = { zh = "说理式许可文书", en = "reasoned licences" }
[[figures.versions]]
from = 2012-01-01
percent = "50"
source = "某市依法行政意见第13条"
confidence = "BUREAU"
""",
        encoding="utf-8",
    )
    found = read_figures(path)
    said = [one.versions[0].value for one in found.values()]
    assert said == [Amount(20_000), Percentage(Decimal(50))]
    assert [value.label.zh for value in said] == ["200.00 元", "50%"]


# --- two tenants ---------------------------------------------------------------


def test_two_tenants_have_different_figures_on_the_days_they_chose(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    own = read_figures(SHIPPED, path)["published-credit-china"]
    every = FIGURES["published-credit-china"]
    days = [date(2026, 10, 31), date(2026, 11, 1), date(2026, 12, 31), date(2027, 1, 1)]
    found = [own.in_force(day) for day in days]
    assert [one.tenant for one in found if one] == ["*", "anze", "anze", "*"]
    assert own.title == every.title
    assert found[1] is not None
    assert found[1].name == "published-credit-china/2026-11-01@anze"


def test_when_a_tenants_own_version_ends_everybodys_is_a_change_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    own = read_figures(SHIPPED, path)["published-credit-china"]
    # Three from Wednesday 30 December: 31, and 4 and 5 January, as is expected.
    found = due_day(own, date(2026, 12, 30), CALENDAR)
    assert found is not None
    assert found.day == date(2027, 1, 5)
    assert [one.tenant for one in found.later] == ["*"]
    assert found.notes == (Note.PROVISIONAL, Note.RULE_CHANGED)


def test_a_tenant_may_have_a_figure_that_nobody_else_has(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    text = OWN.replace(
        'name = "published-credit-china"',
        'name = "shown-at-the-door"\ntitle = { zh = "门口公示", en = "at the door" }\n'
        'starts = "DECIDED"',
    )
    path.write_text(text, encoding="utf-8")
    own = read_figures(SHIPPED, path)
    assert set(own) - set(FIGURES) == {"shown-at-the-door"}
    assert own["shown-at-the-door"].in_force(date(2026, 10, 31)) is None


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param('"anze"', '"*"', "tenant", id="nobody's"),
        pytest.param(
            'china"\n', 'china"\nstarts = "SERVED"\n', "versions alone", id="about"
        ),
        pytest.param("credit-china", "credit", "has no title", id="unknown"),
        pytest.param(
            "[[figures]]",
            '[[clauses]]\nlaw = "penalty"\nfrom = 2026-01-01\nworking = "all"\n'
            'source = "x"\nconfidence = "LAW"\n\n[[figures]]',
            "nobody's own",
            id="law",
        ),
    ],
)
def test_what_a_tenant_cannot_set_is_refused(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    assert old in OWN
    path = tmp_path / "own.toml"
    path.write_text(OWN.replace(old, new), encoding="utf-8")
    with pytest.raises(FiguresError, match=r"own\.toml") as caught:
        read_figures(SHIPPED, path)
    assert named in str(caught.value)


# --- a file that is wrong ------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param(
            "to = 2021-07-14",
            "to = 2021-07-13",
            "withdrawn-own-site has no version: 2021-07-14 — 2021-07-14",
            id="a gap",
        ),
        pytest.param(
            "to = 2021-07-14",
            "to = 2021-07-16",
            "withdrawn-own-site has two versions: 2021-07-15 — 2021-07-16",
            id="an overlap",
        ),
        pytest.param(
            "to = 2021-07-14",
            "to = 2019-01-01",
            "withdrawn-own-site has a version that ends before it begins",
            id="reversed",
        ),
        pytest.param(
            "from = 2021-07-15\nworking",
            "from = 2021-07-16\nworking",
            "penalty-served/2021-07-15 lasts longer than any clause of penalty",
            id="days whose law says nothing of them yet",
        ),
        pytest.param(
            "days = 90\nlaw", "law", "penalty-decided/2021-07-15 must have one", id="no"
        ),
        pytest.param(
            "days = 90\n", "days = 90\nmonths = 3\n", "must have one of", id="two"
        ),
        pytest.param(
            'days = 90\nlaw = "penalty"', "days = 90", "days and law", id="no law"
        ),
        pytest.param(
            "calendar_days = 0",
            'calendar_days = 0\nfirst = "same-day"',
            "counts the day itself and has no days",
            id="the first of none",
        ),
        pytest.param("years = 2", 'yuan = "2千"', "is no amount", id="no amount"),
        pytest.param("years = 2", 'yuan = "2"', "starts out of place", id="an amount"),
        pytest.param(
            "years = 2", 'percent = "多"', "is no percentage", id="percentage"
        ),
        pytest.param("years = 2", "year = 2", "year", id="a misspelt key"),
        pytest.param(
            'confidence = "QUOTED"', 'confidence = "LAW"', "fit confidence", id="unread"
        ),
        pytest.param(
            '"NATURAL_PERSON"', '"PERSON"', "names no code: PERSON", id="a code"
        ),
        pytest.param(
            'name = "fine-paid"',
            'name = "penalty-served"',
            "penalty-served stands there twice",
            id="a name twice",
        ),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    text = SHIPPED.read_text("utf-8")
    assert old in text
    path = tmp_path / "figures.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(FiguresError, match=r"figures\.toml") as caught:
        read_figures(path)
    assert named in str(caught.value)
