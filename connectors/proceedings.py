"""The book of proceedings in the platform's database: versions, none ever changed."""

from __future__ import annotations

import asyncio
import hashlib

import asyncpg

from zhitong.connectors import deeds
from zhitong.connectors.loan import LOST, lent
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError, ProceedingError
from zhitong.proceedings import EnteredProceeding, Proceeding
from zhitong.types import Principal

SECONDS = 5.0


class PlatformProceedings:
    """Answers the port `zhitong.ports.ProceedingBook`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def enter(
        self, proceeding: Proceeding, principal: Principal, *, any_unit: bool
    ) -> EnteredProceeding:
        """Enter another version of *proceeding*, or find that it stands so."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                lent(self._pool) as connection,
                connection.transaction(),
            ):
                return await _enter(connection, proceeding, principal, any_unit)
        except LOST as error:
            raise LedgerUnavailableError(
                "决定台账暂时不可用，请稍后重试",
                "the ledger is not available now; try again shortly",
            ) from error


async def _enter(
    connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record],
    proceeding: Proceeding,
    principal: Principal,
    any_unit: bool,  # noqa: FBT001 - passed on as it came
) -> EnteredProceeding:
    sql = statements("proceedings")
    place = (proceeding.kind.value, proceeding.number)
    said = (
        proceeding.case_no,
        proceeding.opened_on,
        proceeding.closed_on,
        proceeding.outcome,
    )
    await connection.execute(sql["lock"], *place)
    latest = await connection.fetchrow(sql["latest"], *place)
    version = 1 if latest is None else latest["version"] + 1
    if latest is not None:
        version_before, *stands, recorded_by = latest
        if recorded_by != principal.unit and not any_unit:
            raise ProceedingError(
                "这件复议或诉讼由其他单位登记，请由登记单位或执法监督机构更新",
                "another unit recorded this proceeding; it, or the body that "
                "supervises enforcement, says how it goes on",
            )
        if tuple(stands) == said:
            # Seen is not copied: what entered it may still wait for the standby.
            await connection.execute(statements("primary")["copied"])
            return EnteredProceeding(
                proceeding=proceeding, version=version_before, replayed=True
            )
    who = (principal.unit, principal.unit_name, principal.person)
    await connection.execute(sql["enter"], *place, version, *said, *who)
    await deeds.write(connection, _deed(proceeding, version, principal))
    return EnteredProceeding(proceeding=proceeding, version=version, replayed=False)


def _deed(proceeding: Proceeding, version: int, principal: Principal) -> Deed:
    outcome = proceeding.outcome
    return Deed(
        kind=DeedKind.CHANGE,
        who=principal.person,
        unit=principal.unit,
        action="record-proceeding",
        target=f"{proceeding.kind.value} {proceeding.number}",
        reason="",
        detail={
            "version": version,
            "caseNo": proceeding.case_no,
            "openedOn": proceeding.opened_on,
            "closedOn": proceeding.closed_on,
            # In somebody's own words, which may name a person: its digest proves it.
            "outcome": outcome and hashlib.sha256(outcome.encode()).hexdigest(),
        },
    )
