"""Applications for grants: who may say what, and what the catalogue has to give.

An application names one owner and what its sources feed. What is withheld stays so:
neither type nor a department's own binding may have closed the field. The platform's
own registers of who looks are nobody's to share.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from zhitong.exceptions import (
    ForbiddenError,
    GrantBeyondError,
    GrantFormError,
    GrantPurposeError,
    GrantReceiverError,
    GrantUnknownError,
)
from zhitong.grants import (
    Act,
    Actor,
    Application,
    Capacity,
    GrantStep,
    Taken,
    Terms,
)
from zhitong.ports import GrantBook, Source
from zhitong.rules.grant_states import GrantClocks, applied, taken
from zhitong.rules.texts import CONTROL
from zhitong.types import (
    MANAGER,
    STEWARD,
    STRICTNESS,
    USER,
    EntityType,
    Field,
    Kind,
    Principal,
    Sharing,
)

LONGEST_ID = 64
DIGEST = re.compile("[0-9a-f]{64}")
CASE = "caseNo"
"""The field that rows of one's own case are told by."""
NOT_SHARED = frozenset({"AccessRecord", "AccessLook", "AccessGrant"})
PLATFORM = Actor(
    unit="",
    unit_name="执通平台",
    person="zhitong",
    role="platform",
    capacities=frozenset({Capacity.PLATFORM}),
)


def now() -> datetime:
    """Give the time by the machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What may be done to applications, by whom."""

    book: GrantBook
    entities: Mapping[str, EntityType]
    sources: Callable[[], Mapping[str, Source]]
    clocks: GrantClocks
    applicants: frozenset[str]
    """Requester kinds that may apply, as the policy names them."""
    purposes: frozenset[str]
    """Every purpose that the policy defines."""
    receivers: Callable[[], Mapping[str, str]]
    """The receivers of today, each with the credit code of its unit."""
    clock: Callable[[], datetime] = now

    async def apply(self, principal: Principal, grant_id: str, terms: Terms) -> Taken:
        """Apply for *terms*; the same once more changes nothing."""
        check_id(grant_id)
        if not self._may_apply(principal):
            raise ForbiddenError(
                "只有政务部门的人员可以申请共享，系统不能",
                "people of government departments apply for grants, no systems",
            )
        conditional = self.checked(terms, principal.unit)
        actor = self._actor(principal, frozenset({Capacity.APPLICANT}))
        act = Act(
            grant=grant_id,
            version=0,
            step=GrantStep.APPLY,
            actor=actor,
            at=self.clock(),
            terms=terms,
            conditional=conditional,
        )
        return await self.book.enter(applied(act, terms, self.clocks), act)

    async def step(  # noqa: PLR0913 - who does what to which version, and why
        self,
        principal: Principal,
        grant_id: str,
        version: int,
        step: GrantStep,
        *,
        reason: str = "",
        terms: Terms | None = None,
    ) -> Taken:
        """Take *step* on *version* of an application, as far as it is the caller's."""
        # What no id has is in no register, and a database may not take it.
        known = CONTROL.search(grant_id) is None
        stands = await self.book.find(grant_id) if known else None
        capacities = self._capacities(principal, stands)
        if stands is None or not capacities:
            raise GrantUnknownError(
                "没有这件申请，或者与你的单位无关，请核对编号",
                "there is no such application, or it is none of your unit's; check "
                "the id",
            )
        check_texts(reason=reason)
        conditional = True if terms is None else self.checked(terms, stands.unit)
        act = Act(
            grant=grant_id,
            version=version,
            step=step,
            actor=self._actor(principal, capacities),
            at=self.clock(),
            reason=reason,
            terms=terms,
            conditional=conditional,
        )
        return await self.book.take(
            act, lambda before, said: taken(before, said, self.clocks)
        )

    async def expire(self) -> int:
        """Note which grants and approvals have run out; give how many."""
        at = self.clock()

        def judge(before: Application) -> tuple[Act, Application]:
            act = Act(
                grant=before.id,
                version=before.version,
                step=GrantStep.EXPIRE,
                actor=PLATFORM,
                at=at,
                reason="使用期限届满 the period is over",
            )
            return act, taken(before, act, self.clocks)

        return await self.book.expire(at, judge)

    def _capacities(
        self, principal: Principal, stands: Application | None
    ) -> frozenset[Capacity]:
        if stands is None:
            return frozenset()
        found = set()
        if principal.role == MANAGER:
            found.add(Capacity.AUTHORITY)
        if principal.role == STEWARD and principal.unit == stands.terms.owner:
            found.add(Capacity.OWNER)
        if self._may_apply(principal) and principal.unit == stands.unit:
            found.add(Capacity.APPLICANT)
        return frozenset(found)

    def _may_apply(self, principal: Principal) -> bool:
        return principal.kind in self.applicants and principal.role in {USER, STEWARD}

    def _actor(self, principal: Principal, capacities: frozenset[Capacity]) -> Actor:
        return Actor(
            unit=principal.unit,
            unit_name=principal.unit_name,
            person=principal.person,
            issuer=principal.issuer,
            role=principal.role,
            capacities=capacities,
        )

    def checked(self, terms: Terms, unit: str) -> bool:
        """Say whether *terms* are conditional; raise where *unit* cannot have them."""
        check_texts(basis=terms.basis, scene=terms.scene)
        if any(DIGEST.fullmatch(one) is None for one in terms.documents):
            raise GrantFormError(
                "documents 是可信查询的 SHA-256，各 64 位小写十六进制",
                "documents are SHA-256 digests of trusted documents, 64 small hex "
                "digits each",
            )
        if terms.purpose and terms.purpose not in self.purposes:
            raise GrantPurposeError(
                f"没有定义过目的 {terms.purpose[:40]}，可用的是："
                f"{'、'.join(sorted(self.purposes))}",
                f"nobody has defined the purpose {terms.purpose[:40]}; there are "
                f"{', '.join(sorted(self.purposes))}",
            )
        if terms.receiver is not None:
            self._check_receiver(terms.receiver, unit)
        return self.had(terms)

    def _check_receiver(self, receiver: str, unit: str) -> None:
        """Raise unless the stream is *unit*'s own: the grant's end suspends it."""
        if self.receivers().get(receiver) != unit:
            raise GrantReceiverError(
                f"推送接收方 {receiver[:LONGEST_ID]} 不是申请单位的：receiver 只写"
                "本单位的接收方（以接收方文件的 unit 为准），不支撑推送的不写；"
                "为其他单位的推送，由该单位申请",
                f"the receiver {receiver[:LONGEST_ID]} is none of the applying unit's: "
                "name one of its own (unit in the receivers' file), or none where no "
                "stream rests on the grant; the unit of another stream applies itself",
                receiver=receiver[:LONGEST_ID],
            )

    def had(self, terms: Terms) -> bool:
        """Say whether anything of *terms* is conditional; raise unless it is had."""
        beyond = [*self._beyond(terms)]
        if beyond:
            raise GrantBeyondError(
                f"数源部门没有这些可以共享的内容：{'、'.join(beyond)}；请按数据目录更正",
                f"the owner has none of this to share: {', '.join(beyond)}; correct it "
                "by the catalogue",
                beyond=", ".join(beyond),
            )
        return self._conditional(terms)

    def _owned(self, terms: Terms, type_name: str) -> list[Source]:
        return [
            one
            for one in self.sources().values()
            if one.owner == terms.owner and one.feeds(type_name)
        ]

    def _beyond(self, terms: Terms) -> Iterator[str]:
        """Name what the owner's sources do not feed, or may not share."""
        for type_name in sorted({*terms.fields, *terms.lookups}):
            entity = self.entities.get(type_name)
            owned = self._owned(terms, type_name)
            if entity is None or type_name in NOT_SHARED or not owned:
                yield type_name[:LONGEST_ID]
                continue
            for name in sorted(terms.fields.get(type_name, ())):
                if not any(_may_share(one, entity, name) for one in owned):
                    yield f"{type_name}.{name[:LONGEST_ID]}"
            for name in sorted(terms.lookups.get(type_name, ())):
                field = entity.fields.get(name)
                fed = any(name in one.feeds(type_name) for one in owned)
                if field is None or not field.exact or not fed:
                    yield f"{type_name}.{name[:LONGEST_ID]}（精确查找 look-up）"
            if terms.division and not _has_division(entity):
                yield f"{type_name}（行政区划 division）"
            if terms.own_cause and CASE not in entity.fields:
                yield f"{type_name}（本案 own case）"

    def _conditional(self, terms: Terms) -> bool:
        """Say whether anything is shared on condition by type, or by the owner."""
        return bool(terms.lookups) or any(
            _sharing(one, self.entities[type_name].fields[name], type_name)
            is not Sharing.UNCONDITIONAL
            for type_name, names in terms.fields.items()
            for one in self._owned(terms, type_name)
            for name in names
        )


def check_id(grant_id: str) -> None:
    """Raise where an application cannot have this id."""
    if not grant_id.strip() or len(grant_id) > LONGEST_ID:
        raise GrantFormError(
            f"申请编号（grantId）须有 1 至 {LONGEST_ID} 个字符，由申请方自定",
            f"grantId is chosen by the applicant and has 1 to {LONGEST_ID} characters",
        )
    check_texts(grantId=grant_id)


def check_texts(**texts: str) -> None:
    """Raise where a text has what no database's text can have."""
    for name, text in texts.items():
        if CONTROL.search(text):
            raise GrantFormError(
                f"{name} 含有控制字符，请删去",
                f"{name} has control characters; take them out",
            )


def _may_share(source: Source, entity: EntityType, name: str) -> bool:
    field = entity.fields.get(name)
    return (
        field is not None
        and name in source.feeds(entity.name)
        and _sharing(source, field, entity.name) is not Sharing.WITHHELD
    )


def _sharing(source: Source, field: Field, type_name: str) -> Sharing:
    """Give the stricter of what the type declares and what the owner's binding says."""
    kept = source.tightened(type_name).get(field.name)
    ones = (field.sharing,) if kept is None else (field.sharing, kept.sharing)
    return max(ones, key=STRICTNESS.index)


def _has_division(entity: EntityType) -> bool:
    return any(one.kind is Kind.DIVISION for one in entity.fields.values())
