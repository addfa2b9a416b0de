"""Grants as the platform's database has them: what is in force, by which change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import asyncpg
import orjson

from zhitong.connectors.loan import lent
from zhitong.connectors.statements import statements
from zhitong.exceptions import LedgerUnavailableError
from zhitong.grants import Grant, InForce

SECONDS = 10.0
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class PlatformGrants:
    """The grants in the platform's database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def in_force(self, now: datetime) -> InForce:
        """Give the grants that are in force at *now*, or agreed to begin later.

        Raises `LedgerUnavailableError` where that cannot be read.
        """
        statement = statements("grants")["in_force"]
        try:
            async with lent(self._pool) as connection:
                rows = await connection.fetch(statement, now, timeout=SECONDS)
        except _LOST as error:
            raise _unavailable() from error
        return InForce(
            counter=rows[0]["counter"],
            grants=tuple(_grant(row) for row in rows if row["grant_id"] is not None),
        )

    async def counter(self) -> int:
        """Give the number of changes; while it stands, what is in force stands."""
        statement = statements("grants")["counter"]
        try:
            async with lent(self._pool) as connection:
                found = await connection.fetchval(statement, timeout=SECONDS)
        except _LOST as error:
            raise _unavailable() from error
        return int(found)


def _grant(row: asyncpg.Record) -> Grant:
    return Grant(
        id=row["grant_id"],
        unit=row["unit"],
        owner=row["owner"],
        fields=_by_type(row["fields"]),
        lookups=_by_type(row["lookups"]),
        purpose=row["purpose"],
        basis=row["basis"],
        masked=row["masked"],
        division=row["division"],
        own_cause=row["own_cause"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        documents=frozenset(row["documents"]),
        page=row["page"],
        cost=row["cost"],
        rate=row["rate"],
        person=row["person"],
        incident=row["incident"],
    )


def _by_type(text: str) -> Mapping[str, frozenset[str]]:
    return {name: frozenset(fields) for name, fields in orjson.loads(text).items()}


def _unavailable() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "授权登记暂时不可用，请稍后重试",
        "the register of grants is not available now; try again shortly",
    )
