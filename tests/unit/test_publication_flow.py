"""Publication by four roles: each step from where, by whom, and what it comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from zhitong.exceptions import (
    ForbiddenError,
    PublicationError,
    PublicationFormError,
    PublicationOwnError,
    PublicationStaleError,
    PublicationStateError,
)
from zhitong.publishing import (
    Entry,
    Head,
    Person,
    Stage,
    Step,
    Taken,
    Teller,
)
from zhitong.rules.publication_flow import (
    MOVES,
    ROLES,
    declined,
    possible,
    released,
    taken,
)

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
HEAD = Head(version=1, undone=False)
BY = {
    Step.COLLECT: "collector",
    Step.TRANSMIT: "transmitter",
    Step.PASS: "reviewer",
    Step.RETURN: "reviewer",
    Step.DECLINE: "reviewer",
    Step.RELEASE: "releaser",
    Step.PULL: "releaser",
    Step.WITHDRAW: "releaser",
    Step.TAKE_DOWN: "releaser",
}
FROM = {
    Step.COLLECT: {"COLLECTED", "RETURNED", "DECLINED", "PULLED", "WITHDRAWN"},
    Step.TRANSMIT: {"COLLECTED"},
    Step.PASS: {"TRANSMITTED"},
    Step.RETURN: {"TRANSMITTED"},
    Step.DECLINE: {"TRANSMITTED"},
    Step.RELEASE: {"REVIEWED"},
    Step.PULL: {"RELEASED"},
    # Of what was undone, which it is not here.
    Step.WITHDRAW: set(),
    Step.TAKE_DOWN: {"RELEASED"},
}
REASONED = {Step.RETURN, Step.DECLINE, Step.PULL, Step.WITHDRAW}
WAY = (Step.COLLECT, Step.TRANSMIT, Step.PASS, Step.RELEASE)


def said(step: Step, version: int = 1, role: str = "", **more: object) -> Taken:
    role = role or BY[step]
    return replace(
        Taken(
            step=step,
            decision="d",
            channel="own-site",
            version=version,
            person=Person(unit="u", issuer="i", subject=role, role=role),
            at=AT,
            reason="因为" if step in REASONED else "",
        ),
        **more,  # type: ignore[arg-type]
    )


def after(*steps: Taken | Step, head: Head = HEAD) -> Entry:
    stands: Entry | None = None
    for one in steps:
        given = said(one) if isinstance(one, Step) else one
        stands = taken(stands, given, head, Teller.SITE, date(2028, 11, 23))
    assert stands is not None
    return stands


def test_four_steps_by_four_roles_lead_to_what_is_shown() -> None:
    stands = after(*WAY)
    assert (stands.stage, stands.steps, stands.shown) == (Stage.RELEASED, 4, 1)
    assert (stands.shown_at, stands.first_at) == (AT, AT)
    assert stands.down_on == date(2028, 11, 23)
    assert {role for step in WAY for role in MOVES[step].by} == ROLES


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("step", list(Step))
def test_a_step_is_taken_from_where_it_may_be_and_nowhere_else(
    stage: Stage, step: Step
) -> None:
    shown = 1 if stage is Stage.RELEASED else None
    stands = replace(after(*WAY), stage=stage, shown=shown, down_on=date(2020, 1, 1))
    fits = stage in FROM[step]
    reference = "第1号" if step is Step.RELEASE else ""
    given = said(step, reference=reference)
    try:
        taken(stands, given, HEAD, Teller.PEOPLE)
    except PublicationStateError:
        assert not fits
    else:
        assert fits
        assert step in possible(stands)


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("role", [*sorted(ROLES), "user", "steward", "manager"])
def test_each_step_is_for_its_roles_alone(step: Step, role: str) -> None:
    stage = Stage(min(FROM[step] or {"RELEASED"}))
    head = Head(version=2 if step is Step.WITHDRAW else 1, undone=False)
    stands = replace(after(*WAY), stage=stage, down_on=date(2020, 1, 1))
    given = said(
        step,
        head.version,
        role=role,
        reference="第1号" if step is Step.RELEASE else "",
    )
    allowed = {BY[step], *({"reviewer"} if step is Step.PULL else ())}
    try:
        taken(stands, given, head, Teller.PEOPLE)
    except ForbiddenError:
        assert role not in allowed
    else:
        assert role in allowed


def test_who_has_collected_it_does_not_review_it() -> None:
    stands = after(Step.COLLECT, Step.TRANSMIT)
    same = Person(unit="u", issuer="i", subject="collector", role="reviewer")
    for step in (Step.PASS, Step.RETURN, Step.DECLINE):
        with pytest.raises(PublicationOwnError):
            taken(stands, said(step, person=same), HEAD, Teller.SITE)
    # Of another issuer the same subject is another person.
    other = replace(same, issuer="j")
    passed = taken(stands, said(Step.PASS, person=other), HEAD, Teller.SITE)
    assert passed.stage is Stage.REVIEWED


@pytest.mark.parametrize("step", sorted(REASONED))
def test_what_is_refused_or_taken_away_says_why(step: Step) -> None:
    with pytest.raises(PublicationFormError, match="reason"):
        taken(after(*WAY), said(step, reason=" "), HEAD, Teller.PEOPLE)


def test_what_is_withheld_goes_with_the_collecting_and_is_known() -> None:
    stands = after(said(Step.COLLECT, withheld=frozenset({"fine"})))
    assert stands.withheld == {"fine"}
    with pytest.raises(PublicationFormError):
        after(said(Step.COLLECT, withheld=frozenset({"decidedOn"})))
    with pytest.raises(PublicationFormError):
        taken(
            stands,
            said(Step.TRANSMIT, withheld=frozenset({"fine"})),
            HEAD,
            Teller.SITE,
        )
    # What is collected anew is withheld as it is said then.
    again = taken(stands, said(Step.COLLECT), HEAD, Teller.SITE)
    assert again.withheld == frozenset()


def test_a_step_about_another_version_is_stale() -> None:
    second = Head(version=2, undone=False)
    stands = after(*WAY)
    for version in (1, 3):
        with pytest.raises(PublicationStaleError) as caught:
            taken(stands, said(Step.COLLECT, version), second, Teller.SITE)
        assert caught.value.details["version"] == "2"
    # Nothing of the second version was collected yet.
    with pytest.raises(PublicationStateError):
        taken(stands, said(Step.RELEASE, 2), second, Teller.SITE)
    anew = taken(stands, said(Step.COLLECT, 2), second, Teller.SITE)
    assert (anew.version, anew.shown, anew.stage) == (2, 1, Stage.COLLECTED)


def test_a_correction_is_shown_as_a_new_version_and_begins_no_new_time() -> None:
    second = Head(version=2, undone=False)
    stands = after(*WAY)
    later = AT + timedelta(days=3)
    for step in WAY:
        stands = taken(stands, said(step, 2, at=later), second, Teller.SITE)
    assert (stands.shown, stands.shown_at, stands.first_at) == (2, later, AT)


def test_a_withdrawn_decision_goes_no_further() -> None:
    undone = Head(version=2, undone=True)
    stands = after(*WAY)
    with pytest.raises(PublicationStateError):
        taken(stands, said(Step.COLLECT, 2), undone, Teller.SITE)
    gone = taken(stands, said(Step.WITHDRAW, 2), undone, Teller.PEOPLE)
    assert (gone.stage, gone.shown) == (Stage.WITHDRAWN, None)


def test_what_was_never_shown_elsewhere_is_not_withdrawn_from_there() -> None:
    undone = Head(version=2, undone=True)
    for stands in (None, after(Step.COLLECT), after(*WAY[:3])):
        with pytest.raises(PublicationStateError):
            taken(stands, said(Step.WITHDRAW, 2), undone, Teller.PEOPLE)


def test_a_site_of_ours_withdraws_and_takes_down_by_itself() -> None:
    for step in (Step.WITHDRAW, Step.TAKE_DOWN):
        with pytest.raises(PublicationFormError, match="by itself"):
            taken(after(*WAY), said(step), HEAD, Teller.SITE)


def test_what_others_show_is_taken_down_after_its_last_day() -> None:
    last = replace(after(*WAY), down_on=date(2026, 11, 23))
    # 23:59 in China on the last day, and a minute later.
    for minutes, over in ((0, False), (1, True)):
        at = datetime(2026, 11, 23, 15, 59, tzinfo=UTC) + timedelta(minutes=minutes)
        given = said(Step.TAKE_DOWN, at=at)
        if over:
            assert taken(last, given, HEAD, Teller.PEOPLE).stage is Stage.TAKEN_DOWN
        else:
            with pytest.raises(PublicationStateError):
                taken(last, given, HEAD, Teller.PEOPLE)


def test_where_others_show_it_is_said_as_it_is_released() -> None:
    ready = after(*WAY[:3])
    with pytest.raises(PublicationFormError, match="reference"):
        taken(ready, said(Step.RELEASE), HEAD, Teller.PEOPLE)
    with pytest.raises(PublicationFormError, match="reference"):
        taken(ready, said(Step.RELEASE, reference="x"), HEAD, Teller.SITE)
    shown = taken(ready, said(Step.RELEASE, reference=" 第1号 "), HEAD, Teller.PEOPLE)
    assert shown.reference == "第1号"


def test_nothing_is_changed_by_a_step_that_is_refused() -> None:
    stands = after(Step.COLLECT)
    with pytest.raises(PublicationError):
        taken(stands, said(Step.RELEASE), HEAD, Teller.SITE)
    assert stands == after(Step.COLLECT)


def test_released_is_when_each_version_was_shown_first_unless_it_was_pulled() -> None:
    later = AT + timedelta(days=1)
    first = [said(step) for step in WAY]
    assert released(first) == {1: AT}
    pulled = [*first, said(Step.PULL, at=later)]
    assert released(pulled) == {}
    again = [*pulled, *(said(step, at=later) for step in WAY)]
    assert released(again) == {1: AT}
    second = [*first, *(said(step, 2, at=later) for step in WAY)]
    assert released(second) == {1: AT, 2: later}


def test_declined_stands_until_it_is_collected_anew() -> None:
    steps = [said(Step.COLLECT), said(Step.TRANSMIT), said(Step.DECLINE)]
    assert [one.step for one in declined(steps)] == [Step.DECLINE]
    assert [*declined([*steps, said(Step.COLLECT)])] == []
    assert [*declined([])] == []
