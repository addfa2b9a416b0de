"""The facts of a decision: what the registers say, read as every look is read.

All registers are asked at once, under the platform's own rules of the policy and for
the fields the checks need; the look is on record before anything of it is answered. A
register that is away, has lost a column or may not be read leaves its part unverified.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date

from zhitong.decisions import Decision
from zhitong.ports import Source
from zhitong.resolvers.own import caused, opened, platform
from zhitong.resolvers.read import Ask, Reader
from zhitong.resolvers.records import Pending, Recorder
from zhitong.rules.facts import (
    Answer,
    CaseEntry,
    Facts,
    MatterEntry,
    OfficerEntry,
    PartyEntry,
    SubjectEntry,
)
from zhitong.types import (
    SOURCE_KEY,
    AnyOf,
    Compare,
    EntityType,
    Keys,
    Op,
    Order,
    Predicate,
    Principal,
    TypeVerdicts,
    Values,
)

PLATFORM = platform("决定核验")
PURPOSE = "decision-check"
SUBJECT, OFFICER, MATTER = "EnforcementSubject", "Officer", "Matter"
CASE, PARTY = "CaseRecord", "Counterparty"
FIELDS: Mapping[str, frozenset[str]] = {
    SUBJECT: frozenset(
        {
            "code",
            "name",
            "delegatedBy",
            "predecessorCode",
            "validFrom",
            "validTo",
            "status",
        }
    ),
    OFFICER: frozenset(
        {"certificateNo", "kind", "subjectCode", "validFrom", "validTo", "status"}
    ),
    MATTER: frozenset(
        {
            "code",
            "version",
            "powerType",
            "subjectCode",
            "validFrom",
            "validTo",
            "status",
        }
    ),
    CASE: frozenset(
        {"caseNo", "subjectCode", "counterpartyCode", "counterpartyName", "decidedOn"}
    ),
    PARTY: frozenset({"code"}),
}
"""What is read of each register; the policy's rules for the platform name the same."""
MOST = 200
"""Rows of one register about one decision: delegates of a subject, versions."""
_BY_KEY = Order(SOURCE_KEY, descending=False)


class Registers:
    """Gathers what the registers say about a decision."""

    def __init__(
        self,
        reader: Reader,
        recorder: Recorder,
        entities: Mapping[str, EntityType],
        sources: Callable[[], Mapping[str, Source]],
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._entities = entities
        self._sources = sources
        # The platform, its purpose and the policy are the same each time, and a cause
        # is always stated: so are the verdicts.
        self._verdicts: dict[str, TypeVerdicts] = {}

    @asynccontextmanager
    async def looking(
        self, principal: Principal, decision: Decision
    ) -> AsyncIterator[Look]:
        """Look at the registers for *principal*; it is on record when the block ends.

        Raises `RecordUnavailableError` then. An entry that takes the look along, as
        `Look.pending` says, has it in its own transaction.
        """
        # A look of the platform's own; the register tells who caused it.
        inquiry = opened(
            PLATFORM,
            PURPOSE,
            decision.document_no,
            basis=caused("核验其决定", principal),
            verdicts=self._verdicts,
        )
        async with self._recorder.pending(inquiry) as pending:
            yield Look(self._reader, pending, self._entities, self._sources(), decision)


class Look:
    """One decision's look at the registers."""

    def __init__(
        self,
        reader: Reader,
        pending: Pending,
        entities: Mapping[str, EntityType],
        sources: Mapping[str, Source],
        decision: Decision,
    ) -> None:
        self.pending = pending
        """Its record, and whether an entry has carried it."""
        self._reader = reader
        self._inquiry = pending.inquiry
        self._entities = entities
        self._decision = decision
        self._sources = sources.values()
        self._case_sources = frozenset(
            source.name for source in self._sources if source.feeds(CASE)
        )
        self._case: Answer[Values] | None = None

    async def facts(self) -> Facts:
        """Ask every register once."""
        decision = self._decision
        code = decision.subject_code
        subjects, officers, matters, cases, parties = await asyncio.gather(
            self.where(
                SUBJECT,
                AnyOf(
                    (
                        Compare("code", Op.EQ, code),
                        Compare("delegatedBy", Op.EQ, code),
                        Compare("predecessorCode", Op.EQ, code),
                    )
                ),
            ),
            self.keyed(OFFICER, "certificateNo", *decision.officers),
            self.keyed(MATTER, "code", decision.matter_code),
            self.case(),
            self.keyed(PARTY, "code", decision.party.code),
        )
        return Facts(
            subjects=Answer(tuple(map(_subject, subjects.entries)), subjects.away),
            officers=Answer(tuple(map(_officer, officers.entries)), officers.away),
            matters=Answer(tuple(map(_matter, matters.entries)), matters.away),
            cases=Answer(tuple(map(_case, cases.entries)), cases.away),
            parties=Answer(tuple(map(_party, parties.entries)), parties.away),
            case_sources=self._case_sources,
        )

    async def keeps(self) -> bool:
        """Say whether its case system keeps cases of its subject, as far as is known.

        The case itself says it of most. One that is away is believed: a decision does
        not wait for a database.
        """
        code = self._decision.subject_code
        case = await self.case()
        if any(row["subjectCode"] == code for row in case.entries):
            return True
        answer = await self._cases_of_its_subject()
        return answer.away or bool(answer.entries)

    async def where(self, type_name: str, where: Predicate) -> Answer[Values]:
        """Read the rows of *type_name* where *where* holds."""
        return await self._read(
            Ask(
                entity=self._entities[type_name],
                fields=FIELDS[type_name],
                where=where,
                order=_BY_KEY,
                limit=MOST,
            )
        )

    async def keyed(
        self,
        type_name: str,
        field: str,
        *values: str | None,
        sources: frozenset[str] | None = None,
    ) -> Answer[Values]:
        """Read the rows whose *field* is one of *values*; nothing without any."""
        keys = tuple(dict.fromkeys(value for value in values if value))
        if not keys:
            return Answer()
        return await self._read(
            Ask(
                entity=self._entities[type_name],
                fields=FIELDS[type_name],
                order=_BY_KEY,
                limit=MOST,
                keys=Keys(field, keys),
                sources=sources,
            )
        )

    async def case(self) -> Answer[Values]:
        """Read the case in its system, once; in every one where none is named."""
        if self._case is None:
            self._case = await self._read_case()
        return self._case

    async def _read_case(self) -> Answer[Values]:
        named = self._decision.case_source
        if named is None:
            return await self.keyed(CASE, "caseNo", self._decision.case_no)
        if named not in self._case_sources:
            return Answer()
        return await self.keyed(
            CASE, "caseNo", self._decision.case_no, sources=frozenset({named})
        )

    async def _cases_of_its_subject(self) -> Answer[Values]:
        """Read one case, any, of the subject in the case system named."""
        return await self._read(
            Ask(
                entity=self._entities[CASE],
                fields=frozenset({"subjectCode"}),
                order=_BY_KEY,
                limit=1,
                keys=Keys("subjectCode", (self._decision.subject_code,)),
                sources=frozenset({self._decision.case_source or ""}),
            )
        )

    async def _read(self, ask: Ask) -> Answer[Values]:
        name = ask.entity.name
        found = await self._reader.rows(self._inquiry, ask)
        withheld = any(kind == name for kind, _ in self._inquiry.restrictions)
        lacking = any(gap.type == name for gap in self._inquiry.gaps)
        fed = any(source.feeds(name) for source in self._sources)
        away = withheld or lacking or not fed
        if found.rows and name in {CASE, PARTY}:
            away = withheld  # found in one system, so it need not be in another
        return Answer(tuple(row.values for row in found.rows), away)


def _subject(row: Values) -> SubjectEntry:
    return SubjectEntry(
        code=_text(row, "code") or "",
        name=_text(row, "name") or "",
        delegated_by=_text(row, "delegatedBy"),
        predecessor=_text(row, "predecessorCode"),
        valid_from=_day(row, "validFrom"),
        valid_to=_day(row, "validTo"),
        status=_text(row, "status"),
    )


def _officer(row: Values) -> OfficerEntry:
    return OfficerEntry(
        certificate=_text(row, "certificateNo") or "",
        kind=_text(row, "kind"),
        subject_code=_text(row, "subjectCode"),
        valid_from=_day(row, "validFrom"),
        valid_to=_day(row, "validTo"),
        status=_text(row, "status"),
    )


def _matter(row: Values) -> MatterEntry:
    version = row["version"]
    return MatterEntry(
        code=_text(row, "code") or "",
        version=version if isinstance(version, int) else None,
        power_type=_text(row, "powerType"),
        subject_code=_text(row, "subjectCode"),
        valid_from=_day(row, "validFrom"),
        valid_to=_day(row, "validTo"),
        status=_text(row, "status"),
    )


def _case(row: Values) -> CaseEntry:
    return CaseEntry(
        case_no=_text(row, "caseNo") or "",
        subject_code=_text(row, "subjectCode"),
        party_code=_text(row, "counterpartyCode"),
        party_name=_text(row, "counterpartyName"),
        decided_on=_day(row, "decidedOn"),
    )


def _party(row: Values) -> PartyEntry:
    return PartyEntry(code=_text(row, "code") or "")


def _text(row: Values, name: str) -> str | None:
    value = row[name]
    return str(value) if value else None


def _day(row: Values, name: str) -> date | None:
    value = _text(row, name)
    return date.fromisoformat(value) if value else None
