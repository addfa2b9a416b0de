"""Emergencies: who breaks the glass, for what, and who says it was justified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from zhitong.exceptions import ForbiddenError, GrantConflictError, GrantUnknownError
from zhitong.grants import (
    Act,
    Actor,
    Application,
    Capacity,
    GrantStep,
    Person,
    Taken,
    Terms,
)
from zhitong.resolvers.grants import Grants, check_id, check_texts
from zhitong.rules.emergencies import (
    JUSTIFIED,
    NOT_JUSTIFIED,
    EmergencyRules,
    check_reviewed,
    judged,
    opened,
)
from zhitong.rules.texts import CONTROL
from zhitong.types import MANAGER, AccessFinding, Inquiry, Label, Principal

CHECK = "break-glass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergencies:
    """Opens what is needed at once, and takes the word on it afterwards."""

    applications: Grants
    rules: EmergencyRules
    heard: Callable[[], Awaitable[None]]
    """Has this gateway read what is in force."""

    async def break_glass(
        self, inquiry: Inquiry, grant_id: str, incident: str, reason: str, terms: Terms
    ) -> Taken:
        """Give *terms* to the caller in person; the same once more changes nothing."""
        principal = inquiry.principal
        self._check(principal)
        check_id(grant_id)
        check_texts(incident=incident, reason=reason)
        book, at = self.applications.book, self.applications.clock()
        conditional = self.applications.had(terms)
        act = Act(
            grant=grant_id,
            version=0,
            step=GrantStep.BREAK_GLASS,
            actor=_actor(principal, Capacity.APPLICANT),
            at=at,
            reason=reason,
            conditional=conditional,
        )
        made = opened(act, terms, incident, self.rules)
        stands = await book.find(grant_id)
        if stands is not None:
            again = _again(stands, made)
            # What opened it may still wait for the standby.
            await book.copied()
            return again
        waiting = await book.unreviewed(principal.unit, principal.person, at)
        who = Person(issuer=principal.issuer, subject=principal.person)
        check_reviewed(waiting, who, at, self.rules)
        taken = await book.enter(made, act)
        if taken.replayed:  # it came twice at once
            return _again(taken.application, made)
        self._tell(inquiry, "opened", grant_id, incident)
        if waiting:
            inquiry.findings.append(self._unreviewed(len(waiting)))
        await self.heard()
        return taken

    async def judge(
        self, inquiry: Inquiry, grant_id: str, *, justified: bool, reason: str
    ) -> Taken:
        """Say whether the use was justified; raise where that is not the caller's."""
        principal, book = inquiry.principal, self.applications.book
        if principal.role != MANAGER:
            raise ForbiddenError(
                "紧急调阅由数据主管部门复核",
                "the data authority reviews an emergency's use",
            )
        check_texts(reason=reason)
        # What no id has is in no register, and a database may not take it.
        known = CONTROL.search(grant_id) is None
        stands = await book.find(grant_id) if known else None
        if stands is None:
            raise GrantUnknownError(
                "没有这次紧急调阅，请核对编号",
                "there is no emergency of this id; check the id",
            )
        act = Act(
            grant=grant_id,
            version=stands.version,
            step=GrantStep.JUDGE,
            actor=_actor(principal, Capacity.AUTHORITY),
            at=self.applications.clock(),
            reason=reason,
            outcome=JUSTIFIED if justified else NOT_JUSTIFIED,
        )
        return await book.take(act, judged)

    def _check(self, principal: Principal) -> None:
        if principal.kind not in self.rules.kinds or (
            principal.role not in self.rules.roles
        ):
            raise ForbiddenError(
                "规则没有允许这类人员紧急调阅",
                "the policy lets nobody of this kind and role break the glass",
            )
        if not (principal.identity and principal.person):
            raise ForbiddenError(
                "紧急调阅须由本人使用经核验身份的令牌办理",
                "an emergency grant is for one named person whose ID document the "
                "token's issuer has checked",
            )

    def _unreviewed(self, many: int) -> AccessFinding:
        """Say that others of the unit go on while reviews are overdue."""
        return AccessFinding(
            check=CHECK,
            message=Label(
                f"紧急调阅：本单位有 {many} 次逾期未复核，仍开启了新的一次",
                f"break-glass: opened while {many} reviews of the unit are overdue",
            ),
            source=self.rules.source,
        )

    def _tell(self, inquiry: Inquiry, what: str, grant: str, incident: str) -> None:
        inquiry.findings.append(finding(grant, incident, self.rules.source, what))


def finding(grant: str, incident: str, source: str, what: str) -> AccessFinding:
    """Say to those who look at records that the glass was broken."""
    zh = {"opened": "开启", "used": "使用"}[what]
    return AccessFinding(
        check=CHECK,
        message=Label(
            f"紧急调阅（{zh}）：授权 {grant}，事件 {incident}；须在规定时间内复核",
            f"break-glass {what}: grant {grant}, incident {incident}; its use is to "
            "be reviewed in time",
        ),
        source=source,
    )


def _again(stands: Application, made: Application) -> Taken:
    """Find that the same is open already; raise where it is something else."""
    # Its hours run from when it was opened: so the terms are not the same.
    if _said(stands) != _said(made):
        raise GrantConflictError(
            "这个编号已有另一次紧急调阅或申请，请换一个编号",
            "another emergency or application has this id; choose another id",
        )
    return Taken(application=stands, replayed=True)


def _said(made: Application) -> tuple[object, ...]:
    """Give what the same emergency has, opened once more: all but its hours."""
    terms = made.terms
    return (
        *(made.kind, made.unit, made.person, made.incident),
        *(terms.owner, terms.fields, terms.scene),
    )


def _actor(principal: Principal, capacity: Capacity) -> Actor:
    return Actor(
        unit=principal.unit,
        unit_name=principal.unit_name,
        person=principal.person,
        issuer=principal.issuer,
        role=principal.role,
        capacities=frozenset({capacity}),
    )
