"""Versions of decisions with what the checks have found of them, for commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from zhitong.connectors import decision_row, primary
from zhitong.connectors.loan import LOST, Connection
from zhitong.connectors.statements import statements
from zhitong.decisions import Change, Decision, Finding, Severity
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.document_numbers import normalised
from zhitong.types import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A version of a decision, without ID numbers, and what was found of it."""

    id: UUID
    version: int
    change: Change
    at: datetime
    decision: Decision
    findings: tuple[Finding, ...]


async def weighed(
    url: str, decision: UUID, version: int | None = None
) -> Weighed | None:
    """Give a version of *decision*, the present one unless said; None: there is none.

    Raises `LedgerUnavailableError`.
    """
    try:
        connection = await primary.connect(url)
        try:
            return await _weighed(connection, decision, version)
        finally:
            await connection.close()
    except LOST as error:
        raise _unavailable() from error


async def numbered(url: str, document_no: str) -> Sequence[UUID]:
    """Give the decisions with *document_no*, in whatever style it is written."""
    sql = statements("weighed")["numbered"]
    try:
        connection = await primary.connect(url)
        try:
            rows = await connection.fetch(sql, normalised(document_no))
        finally:
            await connection.close()
    except LOST as error:
        raise _unavailable() from error
    return [UUID(row["decision_id"]) for row in rows]


async def _weighed(
    connection: Connection, decision: UUID, version: int | None
) -> Weighed | None:
    sql = statements("weighed")
    row = await connection.fetchrow(sql["version"], str(decision), version)
    if row is None:
        return None
    found = await connection.fetch(sql["findings"], str(decision), row["version"])
    return Weighed(
        id=decision,
        version=row["version"],
        change=Change(row["change"]),
        at=row["at"],
        decision=decision_row.read(row["content"]),
        findings=tuple(
            Finding(
                check=one["check_name"],
                severity=Severity(one["severity"]),
                detail=Label(one["zh"], one["en"]),
                source=one["source"],
            )
            for one in found
        ),
    )


def _unavailable() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "决定台账暂时没有答复，请稍后重试",
        "the ledger does not answer; try again later",
    )
