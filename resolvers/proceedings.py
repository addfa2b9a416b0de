"""Proceedings: recorded by who is told of them, and what they open to a party.

A party sees the conclusive documents of its own case; while the case is under
reconsideration or in court, also what the policy says for that. Which case is meant
is what the question states as its cause.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zhitong.exceptions import ForbiddenError, ProceedingError, SourceError
from zhitong.ports import ProceedingBook, Source
from zhitong.proceedings import EnteredProceeding, Proceeding
from zhitong.resolvers.own import beside, caused, opened, platform
from zhitong.resolvers.read import Ask, Reader
from zhitong.resolvers.records import Recorder
from zhitong.types import (
    SOURCE_KEY,
    All,
    Compare,
    EntityType,
    Inquiry,
    Keys,
    Not,
    Op,
    Order,
    Principal,
)

PLATFORM = platform("争议核对")
PURPOSE = "dispute-check"
CAUSE = "cause-check"
"""What the policy lets the platform read of a case to say whose it is."""
MOST_CASES = 20
"""Cases of one number, over all systems, that are looked at."""
SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceedings:
    """What may be said of proceedings, and what is known of them."""

    book: ProceedingBook
    reader: Reader
    recorder: Recorder
    entities: Mapping[str, EntityType]
    sources: Callable[[], Mapping[str, Source]]
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
        supervises = principal.kind == SUPERVISOR
        if not supervises:
            await self._check_own(principal, proceeding.case_no)
        return await self.book.enter(proceeding, principal, any_unit=supervises)

    async def disputed(self, inquiry: Inquiry) -> frozenset[str]:
        """Say whether the case that *inquiry* is about is disputed now.

        Nothing is widened where that cannot be read.
        """
        cause = inquiry.occasion.cause
        if not cause or not self.reader.scoped(inquiry.principal.kind):
            return frozenset()
        if not await self._sees(inquiry, cause):
            return frozenset()
        asked = opened(PLATFORM, PURPOSE, cause)
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

    async def _check_own(self, principal: Principal, case_no: str) -> None:
        """Raise unless *case_no* is a case of *principal*'s, or of its own system.

        What is recorded opens the file to the party: it is not for others to do.
        """
        basis = caused("核对其登记争议的案件", principal)
        asked = opened(PLATFORM, CAUSE, case_no, basis=basis)
        found = await self.reader.rows(
            asked,
            Ask(
                entity=self.entities["CaseRecord"],
                fields=frozenset({"caseNo", "subjectCode"}),
                order=Order(SOURCE_KEY, descending=False),
                limit=MOST_CASES,
                keys=Keys("caseNo", (case_no,)),
            ),
        )
        await self.recorder.record(asked)
        owners = {one.name: one.owner for one in self.sources().values()}
        for row in found.rows:
            if principal.unit in {row.values["subjectCode"], owners.get(row.source)}:
                return
        if found.missing:
            raise SourceError(
                f"来源 {'、'.join(found.missing)} 暂缺，不能核对案件是否为本单位的，"
                "请稍后重试",
                f"{', '.join(found.missing)} did not answer, so whose case it is "
                "cannot be checked; try again later",
            )
        raise ProceedingError(
            "没有找到本单位的这件案件：部门只登记本单位案件的复议、诉讼，"
            "请核对案件编号（caseNo）；其他的由执法监督机构登记",
            "no case of your unit has this number: a department records proceedings "
            "about its own cases; check caseNo. The body that supervises enforcement "
            "records others",
        )

    async def _sees(self, inquiry: Inquiry, case_no: str) -> bool:
        """Say whether the case is one that who asks may see, disputed or not.

        Anybody can state the number of another's case.
        """
        asked = beside(inquiry.principal, inquiry.occasion, PURPOSE, {})
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
