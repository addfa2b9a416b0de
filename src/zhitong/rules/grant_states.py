"""The life of a sharing grant: who may take which step from where, and until when.

The states, and whose turn it is in each:

- APPLIED: the data authority reviews the form; it tells what is missing once.
- INCOMPLETE: the applicant adds what is missing.
- REVIEWED: the owner replies, sooner where nothing is shared on condition.
- AGREED: the owner provides the data.
- REFUSED: the applicant may have it settled, once.
- DISPUTED: the data authority settles it.
- IN_FORCE, and the ends WITHDRAWN, REVOKED, EXPIRED: nobody's.

Nobody decides his own: nobody of the unit that applied, and no one person who has
acted for it, whichever unit's token he comes with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from zhitong.exceptions import (
    ForbiddenError,
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
    Due,
    GrantDuty,
    GrantKind,
    GrantState,
    GrantStep,
    Terms,
)
from zhitong.rules.working_days import CHINA, Calendar

A, S, D, C = GrantStep, GrantState, GrantDuty, Capacity
LONGEST_REASON = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A step: from where, to where, by whom."""

    of: frozenset[GrantState]
    to: GrantState
    by: frozenset[Capacity]
    reasoned: bool = False
    """Whether it needs a reason."""
    opens: bool = False
    """Whether it leads towards the data, and so needs time that is left."""
    fresh: bool = False
    """Whether it is for another than the applicant's to take."""


def _move(
    of: set[GrantState],
    to: GrantState,
    *by: Capacity,
    reasoned: bool = False,
    opens: bool = False,
) -> Move:
    return Move(
        of=frozenset(of),
        to=to,
        by=frozenset(by),
        reasoned=reasoned,
        opens=opens,
        fresh=not {C.APPLICANT, C.PLATFORM} & set(by),
    )


OPEN = {S.APPLIED, S.INCOMPLETE, S.REVIEWED, S.AGREED, S.IN_FORCE}
MOVES: Mapping[GrantStep, Move] = MappingProxyType(
    {
        A.RETURN: _move({S.APPLIED}, S.INCOMPLETE, C.AUTHORITY, reasoned=True),
        A.SUPPLEMENT: _move({S.INCOMPLETE}, S.APPLIED, C.APPLICANT),
        A.PASS: _move({S.APPLIED}, S.REVIEWED, C.AUTHORITY, opens=True),
        A.AGREE: _move({S.REVIEWED}, S.AGREED, C.OWNER, opens=True),
        A.REFUSE: _move({S.REVIEWED}, S.REFUSED, C.OWNER, reasoned=True),
        A.PROVIDE: _move({S.AGREED}, S.IN_FORCE, C.OWNER, opens=True),
        A.REVOKE: _move(
            {S.AGREED, S.IN_FORCE}, S.REVOKED, C.OWNER, C.AUTHORITY, reasoned=True
        ),
        A.WITHDRAW: _move(OPEN, S.WITHDRAWN, C.APPLICANT),
        A.DISPUTE: _move({S.REFUSED}, S.DISPUTED, C.APPLICANT, reasoned=True),
        A.UPHOLD: _move({S.DISPUTED}, S.REFUSED, C.AUTHORITY, reasoned=True),
        A.OVERTURN: _move(
            {S.DISPUTED}, S.AGREED, C.AUTHORITY, reasoned=True, opens=True
        ),
        A.EXPIRE: _move({S.AGREED, S.IN_FORCE}, S.EXPIRED, C.PLATFORM),
    }
)
TURNS: Mapping[GrantState, tuple[GrantDuty, Capacity]] = MappingProxyType(
    {
        S.APPLIED: (D.REVIEW, C.AUTHORITY),
        S.INCOMPLETE: (D.SUPPLEMENT, C.APPLICANT),
        S.REVIEWED: (D.REPLY, C.OWNER),
        S.AGREED: (D.PROVIDE, C.OWNER),
        S.DISPUTED: (D.SETTLE, C.AUTHORITY),
    }
)
"""In whose hands an application is, and for what."""
EMERGENCY = frozenset({A.REVOKE, A.EXPIRE})
"""What ends break-glass; it has no other steps here."""


@dataclass(frozen=True, slots=True)
class GrantClock:
    """How many working days a duty has, since when."""

    duty: GrantDuty
    days: int
    since: date
    source: str
    conditional: bool | None = None
    """Of the reply: for what is shared on condition or not; None: both."""


@dataclass(frozen=True, slots=True)
class GrantClocks:
    """The clocks, and the calendar they count by."""

    clocks: tuple[GrantClock, ...]
    calendar: Calendar

    def due(
        self,
        state: GrantState,
        terms: Terms,
        unit: str,
        at: datetime,
        *,
        conditional: bool,
    ) -> Due | None:
        """Say what is due in *state* when it is entered at *at*."""
        turn = TURNS.get(state)
        if turn is None:
            return None
        duty, whose = turn
        last = self.calendar.end_after(at, self.days(duty, at, conditional=conditional))
        units = {C.APPLICANT: unit, C.OWNER: terms.owner}
        return Due(
            duty=duty,
            unit=units.get(whose, ""),
            at=last.end,
            provisional=last.provisional,
        )

    def days(self, duty: GrantDuty, at: datetime, *, conditional: bool) -> int:
        """Give the working days that *duty* has, by the clock in force at *at*."""
        day = at.astimezone(CHINA).date()
        found = [
            one
            for one in self.clocks
            if one.duty is duty
            and one.conditional in {None, conditional}
            and one.since <= day
        ]
        # Before the first there was no duty by this law; its first figure stands in.
        chosen = found or [one for one in self.clocks if one.duty is duty][:1]
        return max(chosen, key=lambda one: one.since).days


def applied(act: Act, terms: Terms, clocks: GrantClocks) -> Application:
    """Give the application that *act* makes; raise where it cannot be made."""
    actor = act.actor
    _check_terms(terms, act.at)
    if terms.owner == actor.unit:
        raise GrantOwnError(
            "本单位的数据不需要向自己申请共享",
            "a unit needs no grant for its own data",
        )
    return Application(
        id=act.grant,
        version=1,
        state=S.APPLIED,
        unit=actor.unit,
        unit_name=actor.unit_name,
        applied_by=actor.person,
        terms=terms,
        conditional=act.conditional,
        applied_at=act.at,
        due=clocks.due(
            S.APPLIED, terms, actor.unit, act.at, conditional=act.conditional
        ),
        changed_at=act.at,
        people=frozenset({actor.who}),
    )


def taken(application: Application, act: Act, clocks: GrantClocks) -> Application:
    """Give *application* after *act*; raise where that may not be done."""
    move = MOVES[act.step]
    _check_actor(application, act, move)
    _check_state(application, act, move)
    if move.reasoned and not act.reason.strip():
        raise GrantFormError(
            "这一步须写明理由（reason）", "this step needs its reason in words (reason)"
        )
    check_length(act.reason)
    terms = application.terms if act.terms is None else act.terms
    conditional = application.conditional if act.terms is None else act.conditional
    if act.terms is not None:
        _check_terms(terms, act.at)
        if terms.owner != application.terms.owner:
            raise GrantFormError(
                "补正不能换数源部门，请另行申请",
                "a supplement keeps the owner; apply anew for another's data",
            )
    if move.opens and terms.valid_to <= act.at:
        raise GrantExpiredError(
            "申请的使用期限已过，不能再办理；请申请方重新申请",
            "the period that was asked for is over; the applicant applies anew",
        )
    due = clocks.due(move.to, terms, application.unit, act.at, conditional=conditional)
    if application.kind is GrantKind.BREAK_GLASS:
        due = application.due  # its use is reviewed whenever it ends
    return replace(
        application,
        version=application.version + 1,
        state=move.to,
        terms=terms,
        conditional=conditional,
        due=due,
        late=application.late + _late(application, act),
        changed_at=act.at,
        people=application.people
        | ({act.actor.who} if act.actor.unit == application.unit else set()),
        **_noted(act),
    )


def check_length(reason: str) -> None:
    """Raise where a reason is longer than the register takes."""
    if len(reason) > LONGEST_REASON:
        raise GrantFormError(
            f"理由最长 {LONGEST_REASON} 字",
            f"a reason has at most {LONGEST_REASON} characters",
        )


def _check_actor(application: Application, act: Act, move: Move) -> None:
    if not move.by & act.actor.capacities:
        raise ForbiddenError(
            "这一步由其他一方办理：形式审查和争议由数据主管部门，答复和提供由数源部门的"
            "数据专员，补正、撤回和提出争议由申请单位",
            "this step is another's: the data authority reviews form and settles "
            "disputes, a steward of the owner replies and provides, the applying unit "
            "supplements, withdraws and disputes",
        )
    if move.fresh and own(application, act.actor):
        raise GrantOwnError(
            "不能办理本单位或自己代办过的单位的申请，请由他人办理",
            "nobody decides what his unit, or one he has acted for, has applied for; "
            "somebody else does",
        )


def own(application: Application, actor: Actor) -> bool:
    """Say whether *actor* is of the applying unit, or has acted for it."""
    return actor.unit == application.unit or any(map(actor.who.is_, application.people))


def _check_state(application: Application, act: Act, move: Move) -> None:
    emergency = application.kind is GrantKind.BREAK_GLASS
    if application.state not in move.of or (emergency and act.step not in EMERGENCY):
        raise GrantStateError(
            f"申请现为 {application.state}，不能办理 {act.step}",
            f"the application is {application.state}; {act.step} is not possible",
            state=application.state,
        )
    if act.step is A.RETURN and application.told:
        raise GrantStateError(
            "缺少的材料只一次性告知；现已补正，请审查通过，由数源部门答复",
            "what is missing is told once; it was supplemented: pass it on, the owner "
            "replies",
            state=application.state,
        )
    if act.step is A.DISPUTE and application.settled:
        raise GrantStateError(
            "争议已经处理，不再重复处理",
            "the dispute was settled; it is not settled again",
            state=application.state,
        )


def _check_terms(terms: Terms, at: datetime) -> None:
    missing = [
        name
        for name, said in (
            ("purpose", terms.purpose),
            ("basis", terms.basis),
            ("scene", terms.scene),
            ("items", terms.fields or terms.lookups),
        )
        if not said
    ]
    if missing:
        raise GrantFormError(
            f"申请缺少 {'、'.join(missing)}，请补充",
            f"the application lacks {', '.join(missing)}; add it",
            missing=", ".join(missing),
        )
    if terms.valid_to <= terms.valid_from:
        raise GrantFormError(
            "使用期限的终止早于起始，请核对",
            "the period ends before it begins; check the dates",
        )
    if terms.valid_to <= at:
        raise GrantExpiredError(
            "申请的使用期限已过，请写将来的期限",
            "the period that is asked for is over; state one to come",
        )


def _late(application: Application, act: Act) -> tuple[GrantDuty, ...]:
    due = application.due
    if due is None or act.at < due.at or application.kind is GrantKind.BREAK_GLASS:
        return ()
    return (due.duty,)


def _noted(act: Act) -> Mapping[str, Any]:
    """Say which of the application's own words and times the step sets."""
    at, reason = act.at, act.reason.strip()
    ended = {"ended_at": at, "ending": reason}
    noted: Mapping[GrantStep, Mapping[str, Any]] = {
        A.RETURN: {"told": True, "missing": reason},
        A.SUPPLEMENT: {},
        A.PASS: {"reviewed_at": at},
        A.AGREE: {"decided_at": at},
        A.REFUSE: {"decided_at": at, "refusal": reason},
        A.PROVIDE: {"provided_at": at},
        A.REVOKE: ended,
        A.WITHDRAW: ended,
        A.DISPUTE: {"dispute": reason},
        A.UPHOLD: {"settled": True, "settlement": reason},
        A.OVERTURN: {"settled": True, "settlement": reason, "decided_at": at},
        A.EXPIRE: ended,
    }
    return noted[act.step]
