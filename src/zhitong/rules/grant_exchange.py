"""Applications between this register and a city's exchange platform: states, and entry.

What leaves bears the exchange platforms' status (domain.md section 5.1) beside our own
word for it, which says more. Nothing that comes in opens any data: consent is the
owner's to give here. So what had ended elsewhere is entered as it ended, and all else
as applied for, with its clock from the day it came; what was said there is noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from zhitong.catalogue import ExchangeStatus
from zhitong.exceptions import GrantFormError
from zhitong.grants import (
    Act,
    Actor,
    Application,
    Capacity,
    GrantState,
    GrantStep,
    Terms,
)
from zhitong.rules.grant_states import GrantClocks, applied

S, E = GrantState, ExchangeStatus
STATUSES: Mapping[GrantState, ExchangeStatus] = MappingProxyType(
    {
        S.APPLIED: E.WAITING,
        S.INCOMPLETE: E.REJECTED_BY_ADMIN,
        S.REVIEWED: E.WAITING,
        S.AGREED: E.PASSED,
        S.IN_FORCE: E.PASSED,
        S.REFUSED: E.REJECTED,
        # The refusal stands until the dispute is settled.
        S.DISPUTED: E.REJECTED,
        S.WITHDRAWN: E.REVOKED,
        S.REVOKED: E.REVOKED,
        S.EXPIRED: E.REVOKED,
    }
)
ENDED = frozenset({S.REFUSED, S.WITHDRAWN, S.REVOKED, S.EXPIRED})
"""Where an application came to nothing, or to its end."""
RUNNING = frozenset({S.AGREED, S.IN_FORCE})
"""What a revocation elsewhere ends here."""
PLATFORM, APPLICANT = "exchange-platform", "exchange-applicant"
"""Who takes a step that a file brings. Two, as nobody decides what he applied for: what
was applied for through the exchange platform could not be revoked there."""


def state(application: Application, at: datetime) -> GrantState:
    """Say how *application* stands *at* that moment, whether or not that is noted."""
    over = application.state in RUNNING and application.terms.valid_to <= at
    return S.EXPIRED if over else application.state


def opinion(application: Application) -> str:
    """Give what was said last of *application*."""
    said = {
        S.INCOMPLETE: application.missing,
        S.REFUSED: application.settlement or application.refusal,
        S.DISPUTED: application.refusal,
    }
    return said.get(application.state, application.ending)


def applicant(unit: str, unit_name: str) -> Actor:
    """Give who applies through the exchange platform: a unit, nobody in person."""
    return Actor(
        unit=unit,
        unit_name=unit_name,
        person=APPLICANT,
        role=PLATFORM,
        capacities=frozenset({Capacity.APPLICANT}),
    )


def revocation(application: Application, said: str, at: datetime) -> Act:
    """Say that the exchange platform has revoked *application*."""
    return Act(
        grant=application.id,
        version=application.version,
        step=GrantStep.REVOKE,
        actor=Actor(
            unit="",
            unit_name="城市交换平台",
            person=PLATFORM,
            role=PLATFORM,
            capacities=frozenset({Capacity.AUTHORITY}),
        ),
        at=at,
        reason=said.strip() or "交换平台已撤销 revoked on the exchange platform",
    )


def entered(
    act: Act, terms: Terms, clocks: GrantClocks, applied_at: datetime
) -> Application:
    """Give the application as it is entered: applied for; raise where it cannot be."""
    return replace(applied(act, terms, clocks), applied_at=applied_at)


def ended(act: Act, terms: Terms, how: GrantState, applied_at: datetime) -> Application:
    """Give an application that ended elsewhere, as it ended."""
    if terms.valid_to <= terms.valid_from:
        raise GrantFormError(
            "使用期限的终止早于起始，请核对",
            "the period ends before it begins; check the dates",
        )
    refused = how is S.REFUSED
    return Application(
        id=act.grant,
        version=1,
        state=how,
        unit=act.actor.unit,
        unit_name=act.actor.unit_name,
        applied_by=act.actor.person,
        terms=terms,
        conditional=act.conditional,
        applied_at=applied_at,
        decided_at=act.at if refused else None,
        refusal=act.reason if refused else "",
        # Its terms were not weighed here: it is applied for anew, not disputed.
        settled=refused,
        ended_at=None if refused else act.at,
        ending="" if refused else act.reason,
        changed_at=act.at,
    )
