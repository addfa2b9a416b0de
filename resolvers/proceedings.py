"""Proceedings: recorded by who is told of them, and what they open to a party.

A party sees the conclusive documents of its own case; while the case is under
reconsideration or in court, also what the policy says for that. Which case is meant
is what the question states as its cause.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from zhitong.exceptions import ForbiddenError, ProceedingError
from zhitong.ports import ProceedingBook
from zhitong.proceedings import EnteredProceeding, Proceeding
from zhitong.resolvers.read import Ask, Reader
from zhitong.resolvers.records import Recorder
from zhitong.types import (
    SOURCE_KEY,
    All,
    Compare,
    EntityType,
    Inquiry,
    Not,
    Occasion,
    Op,
    Order,
    Principal,
)

PLATFORM = Principal(
    kind="platform", unit="", unit_name="执通平台", person="争议核对", role="service"
)
PURPOSE = "dispute-check"
SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceedings:
    """What may be said of proceedings, and what is known of them."""

    book: ProceedingBook
    reader: Reader
    recorder: Recorder
    entities: Mapping[str, EntityType]
    recorders: frozenset[str]
    """Requester kinds that may record proceedings, as the policy names them."""

    async def record(
        self, principal: Principal, proceeding: Proceeding
    ) -> EnteredProceeding:
        """Record *proceeding* or how it goes on; the same once more changes nothing."""
        if principal.kind not in self.recorders:
            raise ForbiddenError(
                "只有执法部门和执法监督机构可以登记复议、诉讼",
                "departments and the body that supervises enforcement record "
                "reconsideration and litigation",
            )
        if not (proceeding.number.strip() and proceeding.case_no.strip()):
            raise ProceedingError(
                "复议或诉讼的文号和案件编号不能为空，请补充",
                "the proceeding's number and the case's are needed; add them",
            )
        closed = proceeding.closed_on
        if closed is not None and closed < proceeding.opened_on:
            raise ProceedingError(
                "终结日期早于受理日期，请核对",
                "it cannot be closed before it was opened; check the dates",
            )
        return await self.book.enter(
            proceeding, principal, any_unit=principal.kind == SUPERVISOR
        )

    async def disputed(self, inquiry: Inquiry) -> frozenset[str]:
        """Say whether the case that *inquiry* is about is disputed now.

        Nothing is widened where that cannot be read.
        """
        cause = inquiry.occasion.cause
        if not cause or not self.reader.scoped(inquiry.principal.kind):
            return frozenset()
        if not await self._sees(inquiry, cause):
            return frozenset()
        asked = Inquiry(
            principal=PLATFORM,
            occasion=Occasion(purpose=PURPOSE, cause=cause),
            id=uuid.uuid4().hex,
            operation=PURPOSE,
        )
        found = await self.reader.rows(
            asked,
            Ask(
                entity=self.entities["Proceeding"],
                fields=frozenset({"caseNo"}),
                where=All(
                    (
                        Compare("caseNo", Op.EQ, cause),
                        Not(Compare("closedOn", Op.PRESENT, value=True)),
                    )
                ),
                order=Order(SOURCE_KEY, descending=False),
            ),
        )
        await self.recorder.record(asked)
        return frozenset({cause}) if found.rows else frozenset()

    async def _sees(self, inquiry: Inquiry, case_no: str) -> bool:
        """Say whether the case is one that who asks may see, disputed or not.

        Anybody can state the number of another's case.
        """
        asked = Inquiry(
            principal=inquiry.principal,
            occasion=inquiry.occasion,
            id=uuid.uuid4().hex,
            operation=PURPOSE,
        )
        found = await self.reader.rows(
            asked,
            Ask(
                entity=self.entities["CaseRecord"],
                fields=frozenset({"caseNo"}),
                where=Compare("caseNo", Op.EQ, case_no),
                order=Order(SOURCE_KEY, descending=False),
            ),
        )
        await self.recorder.record(asked)
        return bool(found.rows)
