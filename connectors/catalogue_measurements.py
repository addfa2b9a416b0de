"""Measurements of quality in the platform's database: each is dated and stays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from zhitong.catalogue import Measured, Quality, Unmeasured
from zhitong.connectors import deeds
from zhitong.connectors.loan import Connection
from zhitong.connectors.session import Session
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError

SQL = "catalogue_measurements"


class Measurements(Session):
    """Where who measures writes, for the time of an ``async with``."""

    SQL = SQL

    async def write(self, made: Iterable[Quality | Unmeasured], who: str) -> None:
        """Note what was measured, and by a deed that it was: all or nothing."""
        sql, digests = statements(SQL), {}
        async with self._connected() as connection, connection.transaction():
            for one in made:
                body = msgspec.json.encode(one)
                measured = isinstance(one, Quality)
                digests[one.resource] = hashlib.sha256(body).hexdigest()
                await connection.execute(
                    sql["write"], one.resource, one.at, measured, body, who
                )
            sources = sorted({name.partition("@")[2] for name in digests})
            deed = Deed(
                kind=DeedKind.CATALOGUE,
                who=who,
                action="measure-quality",
                target=" ".join(sources),
                reason="",
                detail={"resources": digests},
            )
            await deeds.write(connection, deed)

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库不可用，测量结果没有保存，请稍后重试",
            "the platform's database does not answer; what was measured is not kept, "
            "try again later",
        )


async def last(connection: Connection) -> Mapping[str, Measured]:
    """Give the last measurement of each resource, and a later one that failed."""
    found: dict[str, Measured] = {}
    for row in await connection.fetch(statements(SQL)["last"]):
        before = found.get(row["resource"], Measured())
        if row["measured"]:
            quality = msgspec.json.decode(row["body"], type=Quality)
            missed = before.missed
            if missed is not None and missed.at <= quality.at:
                missed = None
            found[row["resource"]] = Measured(quality=quality, missed=missed)
        else:
            missed = msgspec.json.decode(row["body"], type=Unmeasured)
            found[row["resource"]] = Measured(missed=missed)
    return found
