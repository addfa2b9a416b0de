"""Break-glass 紧急调阅: opened by the one who needs it, at once, and reviewed after.

Nobody is asked before; so it is for one named person, one incident, a few hours, and
the data authority says afterwards whether it was justified. What is withheld stays
closed, and what a rule denies by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from zhitong.evidence import stamp
from zhitong.exceptions import (
    ForbiddenError,
    GrantFormError,
    GrantOwnError,
    GrantStateError,
    GrantUnreviewedError,
)
from zhitong.grants import (
    Act,
    Application,
    Capacity,
    Due,
    GrantDuty,
    GrantKind,
    GrantState,
    Person,
    Terms,
    Unreviewed,
)
from zhitong.rules.grant_states import check_length, own
from zhitong.rules.working_days import CHINA

JUSTIFIED, NOT_JUSTIFIED = "JUSTIFIED", "NOT_JUSTIFIED"
LONGEST = 200
"""Characters of the name or number of an incident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueBound:
    """How many overdue reviews somebody may have and still break the glass."""

    since: date
    most: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyRules:
    """Who may break the glass, for how long, and until when that is reviewed."""

    kinds: frozenset[str] = frozenset()
    """Requester kinds; nobody's without any."""
    roles: frozenset[str] = frozenset()
    purpose: str = "emergency"
    """What is stated with each question that rests on it."""
    hours: float = 2
    review_hours: float = 24
    source: str = ""
    """The text the rule rests on, or that it is configured."""
    overdue: tuple[OverdueBound, ...] = ()

    def bound(self, at: datetime) -> OverdueBound | None:
        """Give what holds on the day of *at*; None: nothing does."""
        day = at.astimezone(CHINA).date()
        begun = [one for one in self.overdue if one.since <= day]
        return max(begun, key=lambda one: one.since, default=None)


def check_reviewed(
    unreviewed: Iterable[Unreviewed], who: Person, at: datetime, rules: EmergencyRules
) -> None:
    """Raise where *who* has too many overdue reviews to open another.

    It is the person's bound and not the unit's: the review is the data authority's to
    do, and while it is late somebody of the unit must be able to act in an emergency.
    """
    bound = rules.bound(at)
    late = [one for one in unreviewed if one.who.is_(who)]
    if bound is None or len(late) <= bound.most:
        return
    raise GrantUnreviewedError(
        f"本人有 {len(late)} 次紧急调阅逾期未复核（最早的是 {late[0].grant}），复核之前"
        "不能再次开启：请催办数据主管部门复核；确有紧急情况的，由本单位其他人员开启",
        f"{len(late)} of your emergencies wait for an overdue review "
        f"({late[0].grant} the longest), and you open no other before: have the data "
        "authority review them; in a true emergency a colleague opens one",
        grant=late[0].grant,
        due=stamp(late[0].due_at),
    )


def opened(act: Act, terms: Terms, incident: str, rules: EmergencyRules) -> Application:
    """Give the grant that *act* puts in force; raise where it cannot be."""
    actor = act.actor
    _check_words(act.reason, incident)
    if terms.owner == actor.unit:
        raise GrantOwnError(
            "本单位的数据不需要紧急调阅",
            "a unit needs no emergency grant for its own data",
        )
    return Application(
        id=act.grant,
        version=1,
        state=GrantState.IN_FORCE,
        kind=GrantKind.BREAK_GLASS,
        unit=actor.unit,
        unit_name=actor.unit_name,
        applied_by=actor.person,
        person=actor.person,
        incident=incident.strip(),
        terms=replace(
            terms,
            scene=act.reason.strip(),
            valid_from=act.at,
            valid_to=act.at + timedelta(hours=rules.hours),
        ),
        conditional=act.conditional,
        applied_at=act.at,
        provided_at=act.at,
        due=Due(
            duty=GrantDuty.REVIEW_USE,
            unit="",
            at=act.at + timedelta(hours=rules.review_hours),
            provisional=False,
        ),
        changed_at=act.at,
        people=frozenset({actor.who}),
    )


def judged(application: Application, act: Act) -> Application:
    """Give *application* after the data authority has judged its use.

    One that was not justified ends with that, if it has not ended by itself.
    """
    actor = act.actor
    if Capacity.AUTHORITY not in actor.capacities:
        raise ForbiddenError(
            "紧急调阅由数据主管部门复核",
            "the data authority reviews an emergency's use",
        )
    if own(application, actor):
        raise GrantOwnError(
            "不能复核本人或本单位的紧急调阅，请由他人复核",
            "nobody reviews his own use or his unit's; somebody else does",
        )
    if application.kind is not GrantKind.BREAK_GLASS or application.review:
        raise GrantStateError(
            "这不是待复核的紧急调阅：每次紧急调阅复核一次",
            "this is no emergency's use that waits for review; each is reviewed once",
            state=application.state,
        )
    _check_words(act.reason, application.incident)
    late = application.due is not None and act.at >= application.due.at
    made = replace(
        application,
        version=application.version + 1,
        review=act.outcome,
        settlement=act.reason.strip(),
        due=None,
        late=application.late + ((GrantDuty.REVIEW_USE,) if late else ()),
        changed_at=act.at,
    )
    if act.outcome == JUSTIFIED or application.state is not GrantState.IN_FORCE:
        return made
    return replace(
        made, state=GrantState.REVOKED, ended_at=act.at, ending=act.reason.strip()
    )


def _check_words(reason: str, incident: str) -> None:
    if not (reason.strip() and incident.strip()):
        raise GrantFormError(
            "紧急调阅及其复核须写明事件（incident）和理由（reason）",
            "an emergency's use, and its review, state incident and reason",
            missing="incident, reason",
        )
    check_length(reason)
    if len(incident) > LONGEST:
        raise GrantFormError(
            f"事件最长 {LONGEST} 字", f"an incident has at most {LONGEST} characters"
        )
