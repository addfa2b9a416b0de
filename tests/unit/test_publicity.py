"""Publicity: who shows a decision and until when, the same in whatever order."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from entries import decision
from hypothesis import given
from hypothesis import strategies as st

from zhitong.decisions import Act
from zhitong.exceptions import PublicityError
from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.figures_file import read_figures
from zhitong.infra.publicity_file import read_publicity
from zhitong.infra.settings import Settings
from zhitong.publishing import Person, Step, Taken
from zhitong.rules import clocks, publicity_told
from zhitong.rules.due_days import DueDays
from zhitong.rules.figures import Trigger
from zhitong.rules.publications import (
    FAULTS,
    Fault,
    Happening,
    Moment,
    Publication,
    State,
    What,
    publication,
)
from zhitong.rules.publicity import (
    REASONS,
    Facts,
    Reason,
    Verdict,
    facts_of,
    publishable,
)
from zhitong.rules.publicity_rates import Record, rates
from zhitong.rules.terms import Note
from zhitong.rules.working_days import CHINA

SHIPPED = Settings()
FIGURES = read_figures(SHIPPED.figures)
DUE = DueDays(read_calendar(SHIPPED.calendar))
RECEIVERS = ("credit", "provincial")
CHANNELS = {
    one.name: one for one in read_publicity(SHIPPED.publicity, FIGURES, RECEIVERS)
}
OWN, CREDIT, SYSTEM = "own-site", "credit-china", "enterprise-system"


def facts(
    *kinds: str,
    act: Act = Act.PENALTY,
    party: str = "LEGAL_PERSON",
    procedure: str = "ORDINARY",
    fields: tuple[str, ...] = (),
    needed: bool = False,
) -> Facts:
    return Facts(
        act=act,
        party=party,
        kinds=frozenset(kinds or ("FINE",)),
        procedure=procedure,
        fields=frozenset(fields),
        needed=needed,
    )


PERSON = facts(party="NATURAL_PERSON")


def verdict(channel: str, what: Facts, on: str) -> Verdict:
    return publishable(CHANNELS[channel], what, date.fromisoformat(on), DUE)


def when(text: str) -> Moment:
    if len(text) == len("2026-11-20"):
        return date.fromisoformat(text)
    # As a database gives it: midnight in China is the afternoon of the day before.
    return datetime.fromisoformat(text).replace(tzinfo=CHINA).astimezone(UTC)


def told(
    what: What, at: str, version: int = 1, channel: str = OWN, reason: str = "错"
) -> Happening:
    return Happening(
        what=what, at=when(at), version=version, channel=channel, reason=reason
    )


def stands(
    *happenings: Happening, channel: str = OWN, what: Facts | None = None
) -> Publication:
    return publication(CHANNELS[channel], what or facts(), happenings, DUE)


def now(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


DECIDED = told(What.DECIDED, "2026-11-20")
SHOWN = told(What.PUBLISHED, "2026-11-24T09:00")


# --- whether it is shown --------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "what", "on", "reason", "day"),
    [
        (OWN, facts(), "2026-11-20", Reason.SHOWN, "2026-12-01"),
        (OWN, facts(act=Act.LEVY), "2026-11-20", Reason.SHOWN, "2026-12-18"),
        (OWN, facts(), "2019-10-08", Reason.NO_RULE, None),
        (CREDIT, facts(), "2026-11-20", Reason.SHOWN, "2026-12-01"),
        (CREDIT, PERSON, "2026-11-20", Reason.SHOWN, "2026-12-01"),
        (CREDIT, facts(act=Act.LEVY), "2026-11-20", Reason.ACT, None),
        (CREDIT, facts("WARNING"), "2026-03-31", Reason.SHOWN, "2026-04-10"),
        (CREDIT, facts("WARNING"), "2026-04-01", Reason.MINOR, None),
        (
            CREDIT,
            facts("WARNING", needed=True),
            "2026-04-01",
            Reason.NEEDED,
            "2026-04-13",
        ),
        (CREDIT, facts(procedure="SIMPLE"), "2026-04-01", Reason.MINOR, None),
        (SYSTEM, facts(), "2026-11-20", Reason.SHOWN, "2026-12-18"),
        (SYSTEM, facts("WARNING"), "2026-11-20", Reason.WARNING_ONLY, None),
        (SYSTEM, facts("WARNING"), "2021-08-31", Reason.SHOWN, "2021-09-28"),
        (SYSTEM, facts("WARNING", "FINE"), "2026-11-20", Reason.SHOWN, "2026-12-18"),
        (SYSTEM, PERSON, "2026-11-20", Reason.PARTY, None),
        ("provincial", facts(), "2026-01-31", Reason.NO_RULE, None),
    ],
)
def test_a_channel_shows_by_the_rules_of_the_day_and_says_why(
    channel: str, what: Facts, on: str, reason: Reason, day: str | None
) -> None:
    found = verdict(channel, what, on)
    assert found.reason is reason
    assert (str(found.due.day) if found.due else None) == day
    assert found.shown is (day is not None)
    assert bool(found.source) is (
        reason not in {Reason.NO_RULE, Reason.ACT, Reason.PARTY}
    )


def test_a_period_that_ends_on_a_worked_weekend_day_or_in_an_unknown_year_says_so() -> (
    None
):
    # From Thursday 5 February 2026: Saturday 14 is worked, and the seventh.
    made_up = verdict(OWN, facts(), "2026-02-05").due
    assert made_up is not None
    assert (str(made_up.day), made_up.notes) == ("2026-02-14", (Note.MADE_UP_DAY,))
    unknown = verdict(OWN, facts(), "2026-12-29").due
    assert unknown is not None
    assert Note.PROVISIONAL in unknown.notes


@pytest.mark.parametrize(
    ("what", "on", "name"),
    [
        (facts("LICENCE_REVOKED"), "2019-06-30", None),
        (facts("LICENCE_REVOKED"), "2019-07-01", "serious"),
        (facts(fields=("food",)), "2023-04-30", "general"),
        (facts(fields=("food",)), "2023-05-01", "serious"),
        (facts(fields=("food",)), "2026-03-31", "serious"),
        (facts(fields=("food",)), "2026-04-01", "general"),
        (facts("WARNING"), "2026-03-31", "general"),
        (facts("WARNING", "CRITICISM"), "2026-04-01", "minor"),
        (facts("FINE", procedure="SIMPLE"), "2026-04-01", "minor"),
        (facts("LICENCE_REVOKED", procedure="SIMPLE"), "2026-04-01", "serious"),
        (facts("FINE", "OCCUPATION_RESTRICTED"), "2026-04-01", "serious"),
        (facts(act=Act.LICENCE), "2026-04-01", None),
    ],
)
def test_a_penalty_has_the_class_of_its_day(
    what: Facts, on: str, name: str | None
) -> None:
    found = CHANNELS[CREDIT].grade(what, date.fromisoformat(on))
    assert (found.name if found else None) == name


def test_no_channel_shows_an_id_number_and_every_code_has_its_words() -> None:
    for one in CHANNELS.values():
        assert one.hides >= {"party.id_number", "party.representative_id_number"}
    assert REASONS.keys() == set(Reason)
    assert FAULTS.keys() == set(Fault)
    found = facts_of(decision())
    assert (found.act, found.party) == (Act.PENALTY, "LEGAL_PERSON")
    assert verdict(OWN, found, "2026-11-20").label.en == "it is to be shown"


# --- how it stands --------------------------------------------------------------


@pytest.mark.parametrize(
    ("happened", "at", "state"),
    [
        ([], "2026-12-01T23:59:59", State.NOT_YET),
        ([], "2026-12-02T00:00", State.LATE),
        ([SHOWN], "2026-12-20", State.PUBLISHED),
        (
            [SHOWN, told(What.PUBLISHED, "2026-11-26", 2)],
            "2026-12-20",
            State.CORRECTED,
        ),
        ([told(What.REVOKED, "2026-11-23", 2)], "2026-12-20", State.NOT_SHOWN),
        ([SHOWN, told(What.REVOKED, "2026-11-25", 2)], "2026-11-26", State.TO_WITHDRAW),
        (
            [
                SHOWN,
                told(What.REVOKED, "2026-11-25", 2),
                told(What.WITHDRAWN, "2026-11-26", 2),
            ],
            "2026-12-20",
            State.WITHDRAWN,
        ),
        (
            [
                SHOWN,
                told(What.CHANGED, "2026-11-25", 2),
                told(What.PUBLISHED, "2026-11-26", 2),
            ],
            "2026-12-20",
            State.CORRECTED,
        ),
        (
            # One version that is changed and revoked at once: its notice is no end.
            [
                SHOWN,
                told(What.CHANGED, "2026-11-25", 2),
                told(What.REVOKED, "2026-11-25", 2),
                told(What.PUBLISHED, "2026-11-26", 2),
            ],
            "2026-12-20",
            State.TO_WITHDRAW,
        ),
        (
            [
                SHOWN,
                told(What.CHANGED, "2026-11-25", 2),
                told(What.WITHDRAWN, "2026-11-25", 2),
                told(What.PUBLISHED, "2026-11-26", 2),
            ],
            "2026-12-20",
            State.CORRECTED,
        ),
        (
            # Shown after it was withdrawn: an old version came late to the channel.
            [
                told(What.PUBLISHED, "2026-11-27"),
                told(What.REVOKED, "2026-11-25", 2),
                told(What.WITHDRAWN, "2026-11-26", 2),
            ],
            "2026-12-20",
            State.TO_WITHDRAW,
        ),
        ([SHOWN], "2028-11-24T23:59", State.PUBLISHED),
        ([SHOWN], "2028-11-25T00:00", State.TAKEN_DOWN),
        ([SHOWN, told(What.REPAIRED, "2026-12-10")], "2026-12-11", State.TAKEN_DOWN),
        (
            [SHOWN, told(What.TAKEN_DOWN, "2028-11-25")],
            "2028-12-01",
            State.TAKEN_DOWN,
        ),
        (
            [told(What.PUBLISHED, "2026-11-24", channel=CREDIT)],
            "2026-12-20",
            State.LATE,
        ),
    ],
)
def test_how_a_publication_stands(
    happened: list[Happening], at: str, state: State
) -> None:
    assert stands(DECIDED, *happened).state(now(at)) is state


def test_what_others_show_is_to_be_taken_down_and_does_not_go_by_itself() -> None:
    shown = told(What.PUBLISHED, "2026-11-24T09:00", channel=SYSTEM)
    repaired = told(What.REPAIRED, "2026-12-10")
    assert stands(DECIDED, shown, channel=SYSTEM).state(now("2029-11-25")) is (
        State.TO_TAKE_DOWN
    )
    ended = stands(DECIDED, shown, repaired, channel=SYSTEM)
    assert ended.state(now("2026-12-10T23:59")) is State.PUBLISHED
    assert ended.state(now("2026-12-11")) is State.TO_TAKE_DOWN


@pytest.mark.parametrize(
    ("channel", "what", "decided", "shown", "down"),
    [
        pytest.param(
            OWN, facts(), "2024-02-20", "2024-02-29", "2026-02-28", id="leap day"
        ),
        (OWN, PERSON, "2024-02-20", "2024-02-29", "2025-02-28"),
        (OWN, PERSON, "2026-11-20", "2026-11-24", "2027-11-24"),
        # By class, from the day of the decision; the rule changes on 1 April 2026.
        (CREDIT, facts(), "2026-03-31", "2026-04-02", "2029-03-31"),
        (CREDIT, facts(), "2026-04-01", "2026-04-02", "2027-04-01"),
        (
            CREDIT,
            facts("WARNING", needed=True),
            "2026-11-30",
            "2026-12-02",
            "2027-02-28",
        ),
        (CREDIT, facts("LICENCE_REVOKED"), "2026-04-01", "2026-04-02", "2029-04-01"),
        (CREDIT, facts(act=Act.LICENCE), "2026-04-01", "2026-04-02", None),
        (SYSTEM, facts(), "2026-04-01", "2026-04-02", "2029-04-02"),
    ],
)
def test_it_is_shown_as_long_as_its_channel_says(
    channel: str, what: Facts, decided: str, shown: str, down: str | None
) -> None:
    found = stands(
        told(What.DECIDED, decided),
        told(What.PUBLISHED, shown, channel=channel),
        channel=channel,
        what=what,
    )
    assert (str(found.down_on) if found.down_on else None) == down


def test_what_is_undone_is_away_in_three_working_days_from_its_day_in_china() -> None:
    for hour, day in (
        (datetime(2026, 11, 25, 15, 59, tzinfo=UTC), "2026-11-30"),
        (datetime(2026, 11, 25, 16, 0, tzinfo=UTC), "2026-12-01"),
    ):
        revoked = Happening(what=What.REVOKED, at=hour, version=2)
        found = stands(DECIDED, SHOWN, revoked)
        assert found.to_withdraw is not None
        assert str(found.to_withdraw.day) == day


def test_it_is_late_by_the_day_on_which_it_was_shown_in_china() -> None:
    late = told(What.PUBLISHED, "2026-12-02T00:00")
    on_time = told(What.PUBLISHED, "2026-12-01T23:59:59")
    assert stands(DECIDED, late).late(now("2026-12-20"))
    assert not stands(DECIDED, on_time).late(now("2026-12-20"))


@pytest.mark.parametrize(
    ("channel", "what", "happened", "fault"),
    [
        (
            OWN,
            facts(),
            [told(What.WITHDRAWN, "2026-11-26", 2)],
            {Fault.NEVER_PUBLISHED},
        ),
        (
            OWN,
            facts(),
            [SHOWN, told(What.WITHDRAWN, "2026-11-26", 2, reason=" ")],
            {Fault.NO_REASON},
        ),
        (OWN, facts(), [told(What.FILED, "2026-11-21")], {Fault.DECIDED_UNFILED}),
        (OWN, facts(), [told(What.FILED, "2026-11-20T15:00")], set()),
        (
            SYSTEM,
            facts("WARNING"),
            [told(What.PUBLISHED, "2026-11-24", channel=SYSTEM)],
            {Fault.NOT_TO_BE_SHOWN},
        ),
        (CREDIT, facts(), [told(What.REPAIRED, "2027-02-19")], {Fault.REPAIRED_EARLY}),
        (CREDIT, facts(), [told(What.REPAIRED, "2027-02-20")], set()),
    ],
)
def test_what_does_not_fit_is_found(
    channel: str, what: Facts, happened: list[Happening], fault: set[Fault]
) -> None:
    found = stands(DECIDED, *happened, channel=channel, what=what)
    assert found.faults == fault


def test_a_channel_without_a_rule_on_that_day_is_found() -> None:
    found = stands(told(What.DECIDED, "2026-01-31"), channel="provincial")
    assert found.faults == {Fault.NO_RULE}
    assert stands(SHOWN).verdict is None


HAPPENINGS = st.builds(
    Happening,
    what=st.sampled_from(What),
    at=st.one_of(
        st.dates(date(2026, 1, 1), date(2026, 12, 31)),
        st.datetimes(
            datetime(2026, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
            datetime(2026, 12, 31),  # noqa: DTZ001
            timezones=st.just(CHINA),
        ),
    ),
    version=st.integers(1, 4),
    channel=st.sampled_from([OWN, CREDIT]),
    reason=st.sampled_from(["", "错"]),
)
HEARD = st.lists(HAPPENINGS, min_size=1, max_size=9).flatmap(
    lambda heard: st.tuples(
        st.just(heard), st.permutations(heard), st.sampled_from(heard)
    )
)


@given(HEARD)
def test_the_order_things_are_heard_in_and_hearing_them_twice_change_nothing(
    heard: tuple[list[Happening], list[Happening], Happening],
) -> None:
    once, otherwise, again = heard
    for channel in (OWN, CREDIT):
        one = stands(*once, channel=channel)
        assert one == stands(*otherwise, again, channel=channel)
        assert one.state(now("2027-06-01")) in State


@given(st.lists(HAPPENINGS, max_size=8), HAPPENINGS)
def test_what_is_told_late_never_makes_the_first_publication_later_or_unshown(
    heard: list[Happening], more: Happening
) -> None:
    before, after = stands(*heard), stands(*heard, more)
    assert before.version <= after.version
    if before.published is not None:
        assert after.published is not None


# --- rates and the file ----------------------------------------------------------


def test_rates_are_exact_and_of_nothing_there_are_none() -> None:
    found = rates(
        [
            Record(reported=True, compliant=True),
            Record(reported=True, compliant=True, late=True),
            Record(reported=True),
            Record(reported=False, compliant=True, late=True),
        ]
    )
    assert found.compliance_percent == Decimal("66.67")
    assert found.late_percent == Decimal("33.33")
    assert found.concealed_percent == Decimal("25.00")
    nothing = rates([])
    assert nothing.compliance_percent is nothing.concealed_percent is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('["shown-enterprise-system"]', '["nowhere"]', "there is none of: nowhere"),
        ('["withdrawn-provincial"]', '["withdrawn-own-site"]', "is not its own"),
        ('["withdrawn-provincial"]', '["published-provincial"]', "runs from none"),
        ('name = "provincial"', 'name = "own-site"', "stands there twice"),
        ('only = ["WARNING"]', 'only = ["WARNED"]', "names no code: WARNED"),
        ("to = 2023-04-30", "to = 2023-04-29", "misses days"),
        ('confidence = "QUOTED"', 'confidence = "LAW"', "does not fit confidence"),
        ("hides =", "hidden =", "unknown field"),
        ('receiver = "credit"', 'receiver = "post"', "names no receiver: post"),
    ],
)
def test_what_is_wrong_with_the_file_is_named(
    old: str, new: str, says: str, tmp_path: Path
) -> None:
    text = SHIPPED.publicity.read_text("utf-8")
    assert old in text
    path = tmp_path / "publicity.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PublicityError) as caught:
        read_publicity(path, FIGURES, RECEIVERS)
    assert says in caught.value.label.en


HELD, WITHDRAWN = clocks.Milestone.HELD, clocks.Milestone.WITHDRAWN
LIFE = (
    (Trigger.DECIDED, date(2026, 11, 20), 1, ""),
    (HELD, date(2026, 11, 24), 1, "credit"),
    (HELD, date(2026, 11, 25), 1, "provincial"),
    (Trigger.UNDONE, date(2026, 11, 26), 2, ""),
    (HELD, date(2026, 11, 27), 2, "credit"),
    (Trigger.UNDONE, date(2026, 11, 30), 3, ""),
    (WITHDRAWN, date(2026, 11, 30), 3, ""),
    (HELD, date(2026, 12, 1), 3, "credit"),
)


@pytest.mark.parametrize(
    ("many", "credit", "provincial"),
    [
        (1, State.LATE, State.LATE),
        (3, State.PUBLISHED, State.PUBLISHED),
        (4, State.TO_WITHDRAW, State.TO_WITHDRAW),
        (5, State.CORRECTED, State.TO_WITHDRAW),
        (7, State.TO_WITHDRAW, State.TO_WITHDRAW),
        (8, State.WITHDRAWN, State.TO_WITHDRAW),
    ],
)
def test_what_a_receiver_holds_its_channel_shows(
    many: int, credit: State, provincial: State
) -> None:
    happened = [
        clocks.Happening(what=what, at=at, version=version, receiver=receiver)
        for what, at, version, receiver in LIFE[:many]
    ]
    now = datetime(2026, 12, 2, 4, tzinfo=UTC)
    found = {
        name: publication(
            CHANNELS[name],
            facts("FINE"),
            publicity_told.told(CHANNELS[name], happened, (), {3: "撤销"}),
            DUE,
        )
        for name in (CREDIT, "provincial", OWN)
    }
    assert found[CREDIT].state(now) is credit
    assert found["provincial"].state(now) is provincial
    assert not found[CREDIT].faults
    # Receipts say nothing of the bureau's own site.
    assert found[OWN].published is None


def step(what: Step, at: str, version: int = 1, channel: str = OWN) -> Taken:
    moment = now(at)
    who = Person(unit="u", issuer="i", subject="p", role="releaser")
    return Taken(
        step=what,
        decision="d",
        channel=channel,
        version=version,
        person=who,
        at=moment,
        reason="撤",
    )


RELEASED = step(Step.RELEASE, "2026-11-24T09:00")
AGAIN = step(Step.RELEASE, "2026-11-27T09:00", 2)
PULLED = step(Step.PULL, "2026-11-25T09:00")


@pytest.mark.parametrize(
    ("many", "steps", "own"),
    [
        (1, [], State.LATE),
        (1, [RELEASED], State.PUBLISHED),
        (1, [RELEASED, PULLED], State.LATE),
        # What was undone is away at once, until its new version is released.
        (4, [RELEASED], State.WITHDRAWN),
        (4, [RELEASED, AGAIN], State.CORRECTED),
        (7, [RELEASED, AGAIN], State.WITHDRAWN),
        (7, [], State.NOT_SHOWN),
        # What people report of another channel is not this one's.
        (1, [step(Step.RELEASE, "2026-11-24", channel=SYSTEM)], State.LATE),
    ],
)
def test_a_site_of_ours_shows_what_was_released_until_it_is_undone(
    many: int, steps: list[Taken], own: State
) -> None:
    happened = [
        clocks.Happening(what=what, at=at, version=version, receiver=receiver)
        for what, at, version, receiver in LIFE[:many]
    ]
    reasons = {2: "更正", 3: "撤销"}
    every = publicity_told.told(CHANNELS[OWN], happened, steps, reasons)
    found = publication(CHANNELS[OWN], facts("FINE"), every, DUE)
    assert found.state(now("2026-12-02T12:00")) is own
    assert not found.faults


@pytest.mark.parametrize(
    ("many", "more", "system"),
    [
        (1, [], State.PUBLISHED),
        (4, [], State.TO_WITHDRAW),
        (4, [step(Step.WITHDRAW, "2026-11-27", 2, SYSTEM)], State.WITHDRAWN),
        (1, [step(Step.TAKE_DOWN, "2026-11-27", 1, SYSTEM)], State.TAKEN_DOWN),
    ],
)
def test_what_others_show_stands_as_people_report_it(
    many: int, more: list[Taken], system: State
) -> None:
    happened = [
        clocks.Happening(what=what, at=at, version=version, receiver=receiver)
        for what, at, version, receiver in LIFE[:many]
    ]
    steps = [step(Step.RELEASE, "2026-11-24", channel=SYSTEM), *more]
    every = publicity_told.told(CHANNELS[SYSTEM], happened, steps, {})
    found = publication(CHANNELS[SYSTEM], facts("FINE"), every, DUE)
    assert found.state(now("2026-12-02T12:00")) is system


def test_a_repair_ends_what_is_shown_and_a_withdrawal_needs_its_reason() -> None:
    happened = [
        clocks.Happening(what=what, at=at, version=version, receiver=receiver)
        for what, at, version, receiver in LIFE
    ]
    silent = publication(
        CHANNELS[CREDIT],
        facts("FINE"),
        publicity_told.told(CHANNELS[CREDIT], happened, (), {}),
        DUE,
    )
    assert silent.faults == {Fault.NO_REASON}
    repaired = publication(
        CHANNELS[CREDIT],
        facts("FINE"),
        publicity_told.told(CHANNELS[CREDIT], happened[:2], (), {}, date(2027, 3, 1)),
        DUE,
    )
    assert repaired.down_on == date(2027, 3, 1)
