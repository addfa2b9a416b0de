"""Who may take which step from which state, and what is due when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from zhitong.exceptions import (
    ForbiddenError,
    GrantError,
    GrantExpiredError,
    GrantFormError,
    GrantOwnError,
    GrantStateError,
)
from zhitong.grants import (
    Act,
    Actor,
    Application,
    Capacity,
    GrantDuty,
    GrantKind,
    GrantState,
    GrantStep,
    Terms,
)
from zhitong.infra.calendar_file import read_clocks
from zhitong.infra.settings import Settings
from zhitong.rules.grant_states import applied, taken
from zhitong.rules.working_days import CHINA

CLOCKS = read_clocks(Settings().calendar)
NOW = datetime(2026, 9, 30, 10, tzinfo=CHINA)
TERMS = Terms(
    owner="OWNER",
    fields={"CaseRecord": frozenset({"facts"})},
    lookups={},
    purpose="supervision",
    basis="依据",
    scene="案卷评查",
    valid_from=NOW,
    valid_to=NOW + timedelta(days=90),
)
UNITS = {
    Capacity.APPLICANT: "UNIT",
    Capacity.OWNER: "OWNER",
    Capacity.AUTHORITY: "AUTHORITY",
    Capacity.PLATFORM: "PLATFORM",
}

# What the regulation and the house say, written a second time: state, step, who → state
EXPECTED = {
    ("APPLIED", "RETURN", "AUTHORITY"): "INCOMPLETE",
    ("APPLIED", "PASS", "AUTHORITY"): "REVIEWED",
    ("APPLIED", "WITHDRAW", "APPLICANT"): "WITHDRAWN",
    ("INCOMPLETE", "SUPPLEMENT", "APPLICANT"): "APPLIED",
    ("INCOMPLETE", "WITHDRAW", "APPLICANT"): "WITHDRAWN",
    ("REVIEWED", "AGREE", "OWNER"): "AGREED",
    ("REVIEWED", "REFUSE", "OWNER"): "REFUSED",
    ("REVIEWED", "WITHDRAW", "APPLICANT"): "WITHDRAWN",
    ("AGREED", "PROVIDE", "OWNER"): "IN_FORCE",
    ("AGREED", "REVOKE", "OWNER"): "REVOKED",
    ("AGREED", "REVOKE", "AUTHORITY"): "REVOKED",
    ("AGREED", "WITHDRAW", "APPLICANT"): "WITHDRAWN",
    ("AGREED", "EXPIRE", "PLATFORM"): "EXPIRED",
    ("IN_FORCE", "REVOKE", "OWNER"): "REVOKED",
    ("IN_FORCE", "REVOKE", "AUTHORITY"): "REVOKED",
    ("IN_FORCE", "WITHDRAW", "APPLICANT"): "WITHDRAWN",
    ("IN_FORCE", "EXPIRE", "PLATFORM"): "EXPIRED",
    ("REFUSED", "DISPUTE", "APPLICANT"): "DISPUTED",
    ("DISPUTED", "UPHOLD", "AUTHORITY"): "REFUSED",
    ("DISPUTED", "OVERTURN", "AUTHORITY"): "AGREED",
}
OTHERS = {GrantStep.APPLY, GrantStep.BREAK_GLASS, GrantStep.JUDGE}
STEPS = [one for one in GrantStep if one not in OTHERS]


def actor(capacity: Capacity, person: str = "") -> Actor:
    return Actor(
        unit=UNITS[capacity],
        unit_name="单位",
        person=person or capacity.value,
        role="user",
        capacities=frozenset({capacity}),
    )


def act(  # noqa: PLR0913 - a step has that much
    step: GrantStep,
    capacity: Capacity,
    *,
    at: datetime = NOW,
    reason: str = "理由",
    terms: Terms | None = None,
    person: str = "",
) -> Act:
    return Act(
        grant="G",
        version=1,
        step=step,
        actor=actor(capacity, person),
        at=at,
        reason=reason,
        terms=terms,
    )


def application(state: str = "APPLIED", at: datetime = NOW) -> Application:
    made = applied(act(GrantStep.APPLY, Capacity.APPLICANT, at=at), TERMS, CLOCKS)
    due = CLOCKS.due(GrantState(state), TERMS, "UNIT", at, conditional=True)
    return replace(made, state=GrantState(state), due=due)


def after(*steps: tuple[GrantStep, Capacity, datetime]) -> Application:
    """Take *steps* one after the other from a fresh application."""
    found = application()
    for step, capacity, at in steps:
        found = taken(found, act(step, capacity, at=at), CLOCKS)
    return found


@pytest.mark.parametrize("state", list(GrantState))
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("capacity", list(Capacity))
def test_only_these_steps_are_taken_by_only_these(
    state: GrantState, step: GrantStep, capacity: Capacity
) -> None:
    expected = EXPECTED.get((state, step, capacity))
    if expected is None:
        with pytest.raises((ForbiddenError, GrantStateError)):
            taken(application(state), act(step, capacity), CLOCKS)
    else:
        found = taken(application(state), act(step, capacity), CLOCKS)
        assert (found.state, found.version) == (expected, 2)


@pytest.mark.parametrize(
    ("state", "duty", "unit", "last"),
    [
        ("APPLIED", "REVIEW", "", "2026-10-09"),
        ("INCOMPLETE", "SUPPLEMENT", "UNIT", "2026-10-13"),
        ("REVIEWED", "REPLY", "OWNER", "2026-10-20"),
        ("AGREED", "PROVIDE", "OWNER", "2026-11-03"),
        ("DISPUTED", "SETTLE", "", "2026-10-20"),
    ],
)
def test_each_turn_has_its_clock(state: str, duty: str, unit: str, last: str) -> None:
    due = application(state).due
    assert due is not None
    assert (due.duty, due.unit, due.provisional) == (duty, unit, False)
    day_after = date.fromisoformat(last) + timedelta(days=1)
    assert due.at == datetime.combine(day_after, datetime.min.time(), CHINA)


@pytest.mark.parametrize(
    "state", ["IN_FORCE", "REFUSED", "WITHDRAWN", "REVOKED", "EXPIRED"]
)
def test_nothing_is_due_where_it_is_nobodys_turn(state: str) -> None:
    assert application(state).due is None


def test_what_is_shared_unconditionally_is_replied_to_the_next_working_day() -> None:
    due = CLOCKS.due(GrantState.REVIEWED, TERMS, "UNIT", NOW, conditional=False)
    assert due is not None
    assert due.at == datetime(2026, 10, 9, tzinfo=CHINA)


def test_a_duty_done_on_its_last_day_is_in_time_and_the_moment_after_is_late() -> None:
    last = datetime(2026, 10, 9, 23, 59, 59, tzinfo=CHINA)
    passing = (GrantStep.PASS, Capacity.AUTHORITY)
    assert after((*passing, last)).late == ()
    assert after((*passing, last + timedelta(seconds=1))).late == (GrantDuty.REVIEW,)


def test_each_late_duty_is_named_in_the_order_it_was_done() -> None:
    month = timedelta(days=30)
    found = after(
        (GrantStep.RETURN, Capacity.AUTHORITY, NOW),
        (GrantStep.SUPPLEMENT, Capacity.APPLICANT, NOW + month),
        (GrantStep.PASS, Capacity.AUTHORITY, NOW + month),
        (GrantStep.REFUSE, Capacity.OWNER, NOW + 2 * month),
    )
    assert found.late == (GrantDuty.SUPPLEMENT, GrantDuty.REPLY)


def test_what_is_missing_is_told_once() -> None:
    steps = (
        (GrantStep.RETURN, Capacity.AUTHORITY, NOW),
        (GrantStep.SUPPLEMENT, Capacity.APPLICANT, NOW),
    )
    found = after(*steps)
    assert (found.told, found.missing) == (True, "理由")
    with pytest.raises(GrantStateError, match="一次性"):
        taken(found, act(GrantStep.RETURN, Capacity.AUTHORITY), CLOCKS)


def test_a_dispute_is_settled_once() -> None:
    found = taken(
        application("DISPUTED"), act(GrantStep.UPHOLD, Capacity.AUTHORITY), CLOCKS
    )
    assert (found.state, found.settlement) == (GrantState.REFUSED, "理由")
    with pytest.raises(GrantStateError, match="已经处理"):
        taken(found, act(GrantStep.DISPUTE, Capacity.APPLICANT), CLOCKS)


@pytest.mark.parametrize(
    ("state", "step", "capacity"),
    [
        ("APPLIED", GrantStep.RETURN, Capacity.AUTHORITY),
        ("REVIEWED", GrantStep.REFUSE, Capacity.OWNER),
        ("IN_FORCE", GrantStep.REVOKE, Capacity.OWNER),
        ("REFUSED", GrantStep.DISPUTE, Capacity.APPLICANT),
        ("DISPUTED", GrantStep.UPHOLD, Capacity.AUTHORITY),
        ("DISPUTED", GrantStep.OVERTURN, Capacity.AUTHORITY),
    ],
)
def test_a_step_against_somebody_needs_a_reason(
    state: str, step: GrantStep, capacity: Capacity
) -> None:
    with pytest.raises(GrantFormError, match="reason"):
        taken(application(state), act(step, capacity, reason=" "), CLOCKS)


@pytest.mark.parametrize("step", [GrantStep.AGREE, GrantStep.REFUSE])
def test_an_owner_does_not_decide_what_he_or_his_unit_applied_for(
    step: GrantStep,
) -> None:
    made = application("REVIEWED")
    with pytest.raises(GrantOwnError):  # the same person, now at the owner's
        taken(made, act(step, Capacity.OWNER, person="APPLICANT"), CLOCKS)
    with pytest.raises(GrantOwnError):
        taken(replace(made, unit="OWNER"), act(step, Capacity.OWNER), CLOCKS)


WIDER = replace(TERMS, fields={"CaseRecord": frozenset({"facts", "place"})})
SPEAKS = {"INCOMPLETE": GrantStep.SUPPLEMENT, "REFUSED": GrantStep.DISPUTE}
LEADS = [
    ("APPLIED", GrantStep.PASS, Capacity.AUTHORITY),
    ("REVIEWED", GrantStep.AGREE, Capacity.OWNER),
    ("REVIEWED", GrantStep.REFUSE, Capacity.OWNER),
    ("AGREED", GrantStep.PROVIDE, Capacity.OWNER),
    ("IN_FORCE", GrantStep.REVOKE, Capacity.OWNER),
    ("DISPUTED", GrantStep.OVERTURN, Capacity.AUTHORITY),
]


@pytest.mark.parametrize("state", list(SPEAKS))
@pytest.mark.parametrize(("decided", "step", "capacity"), LEADS)
def test_whoever_spoke_for_the_applicant_decides_nothing_in_another_units_name(
    state: str, decided: str, step: GrantStep, capacity: Capacity
) -> None:
    says = SPEAKS[state]
    terms = WIDER if says is GrantStep.SUPPLEMENT else None
    two_hats = act(says, Capacity.APPLICANT, terms=terms, person="TWO-HATS")
    said = replace(
        taken(application(state), two_hats, CLOCKS), state=GrantState(decided)
    )
    with pytest.raises(GrantOwnError):
        taken(said, act(step, capacity, person="TWO-HATS"), CLOCKS)
    assert taken(said, act(step, capacity), CLOCKS).version == 3


def test_a_person_is_told_by_issuer_and_subject_not_by_name() -> None:
    made = act(GrantStep.APPLY, Capacity.APPLICANT, person="王")
    ours = replace(made, actor=replace(made.actor, issuer="city"))
    stands = replace(applied(ours, TERMS, CLOCKS), state=GrantState.REVIEWED)
    agrees = act(GrantStep.AGREE, Capacity.OWNER, person="王")
    namesake = replace(agrees, actor=replace(agrees.actor, issuer="province"))
    assert taken(stands, namesake, CLOCKS).state is GrantState.AGREED
    for issuer in ("city", ""):  # an issuer that nobody noted may be the same
        same = replace(agrees, actor=replace(agrees.actor, issuer=issuer))
        with pytest.raises(GrantOwnError):
            taken(stands, same, CLOCKS)


def test_nobody_reviews_the_form_of_his_own_application() -> None:
    with pytest.raises(GrantOwnError):
        taken(
            application(),
            act(GrantStep.PASS, Capacity.AUTHORITY, person="APPLICANT"),
            CLOCKS,
        )


def test_a_unit_does_not_apply_for_its_own_data() -> None:
    own = replace(TERMS, owner="UNIT")
    with pytest.raises(GrantOwnError):
        applied(act(GrantStep.APPLY, Capacity.APPLICANT), own, CLOCKS)


@pytest.mark.parametrize(
    ("state", "step", "capacity"),
    [
        ("APPLIED", GrantStep.PASS, Capacity.AUTHORITY),
        ("REVIEWED", GrantStep.AGREE, Capacity.OWNER),
        ("AGREED", GrantStep.PROVIDE, Capacity.OWNER),
        ("DISPUTED", GrantStep.OVERTURN, Capacity.AUTHORITY),
    ],
)
def test_an_approval_whose_period_is_over_leads_nowhere(
    state: str, step: GrantStep, capacity: Capacity
) -> None:
    with pytest.raises(GrantExpiredError):
        taken(application(state), act(step, capacity, at=TERMS.valid_to), CLOCKS)


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        pytest.param({"purpose": ""}, GrantFormError, id="no purpose"),
        pytest.param({"basis": ""}, GrantFormError, id="no basis"),
        pytest.param({"scene": ""}, GrantFormError, id="no scene"),
        pytest.param({"fields": {}}, GrantFormError, id="nothing asked for"),
        pytest.param({"valid_to": TERMS.valid_from}, GrantFormError, id="no time"),
        pytest.param(
            {"valid_from": NOW - timedelta(days=2), "valid_to": NOW},
            GrantExpiredError,
            id="a period that is over",
        ),
    ],
)
def test_an_application_is_whole_or_none(
    terms: dict[str, object], error: type[GrantError]
) -> None:
    asked = replace(TERMS, **terms)  # type: ignore[arg-type] # as the table has it
    with pytest.raises(error):
        applied(act(GrantStep.APPLY, Capacity.APPLICANT), asked, CLOCKS)


def test_a_supplement_changes_the_terms_but_not_whose_data_they_are() -> None:
    wider = replace(TERMS, scene="补正后的场景")
    found = taken(
        application("INCOMPLETE"),
        act(GrantStep.SUPPLEMENT, Capacity.APPLICANT, terms=wider),
        CLOCKS,
    )
    assert found.terms.scene == "补正后的场景"
    with pytest.raises(GrantFormError):
        taken(
            application("INCOMPLETE"),
            act(
                GrantStep.SUPPLEMENT,
                Capacity.APPLICANT,
                terms=replace(TERMS, owner="ANOTHER"),
            ),
            CLOCKS,
        )


def test_break_glass_is_revoked_or_runs_out_and_its_review_stays_due() -> None:
    due = CLOCKS.due(GrantState.AGREED, TERMS, "UNIT", NOW, conditional=True)
    glass = replace(application("IN_FORCE"), kind=GrantKind.BREAK_GLASS, due=due)
    for step in STEPS:
        capacity = next(one for (_, what, one) in EXPECTED if what == step)
        if step in {GrantStep.REVOKE, GrantStep.EXPIRE}:
            found = taken(glass, act(step, Capacity(capacity)), CLOCKS)
            assert (found.due, found.late) == (due, ())
        else:
            with pytest.raises(GrantStateError):
                taken(glass, act(step, Capacity(capacity)), CLOCKS)


def test_moments_of_any_place_are_compared() -> None:
    assert CLOCKS.days(GrantDuty.REVIEW, NOW.astimezone(UTC), conditional=True) == 2
