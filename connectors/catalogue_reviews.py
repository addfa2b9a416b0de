"""How each version of the catalogue stands with the data authority, and its word."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import asyncpg
import orjson

from zhitong.catalogue import (
    Concluded,
    ExchangeStatus,
    Review,
    Reviewed,
    Reviews,
)
from zhitong.connectors import deeds
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import CatalogueReviewError

Resources = Mapping[str, Mapping[str, object]]
Check = Callable[[Reviewed, Reviews, Review], None]
SQL = "catalogue_reviews"
TURN = "catalogue_book"


class Contents:
    """What is in each version: it never changes, so it is read once."""

    KEPT = 4
    """The newest, the accepted one, and what either was a moment ago."""

    def __init__(self) -> None:
        self._known: dict[int, Resources] = {}

    async def of(self, connection: Connection, version: int) -> Resources:
        """Give the resources of *version* by id."""
        if version not in self._known:
            content = statements(SQL)["content"]
            found = orjson.loads(await connection.fetchval(content, version))
            while len(self._known) >= self.KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[version] = {one["catalog_id"]: one for one in found}
        return self._known[version]


async def stand(connection: Connection, contents: Contents) -> Reviews:
    """Give the newest version, and the last that is accepted."""
    rows = await connection.fetch(statements(SQL)["stand"])
    accepted = next((row for row in rows if row["status"] == _PASSED), None)
    return Reviews(
        begun=any(row["passed"] for row in rows),
        latest=await _reviewed(connection, contents, rows[0]) if rows else None,
        accepted=None
        if accepted is None
        else await _reviewed(connection, contents, accepted),
    )


async def conclude(connection: Connection, said: Review, check: Check) -> Concluded:
    """Note *said* unless *check* raises, and a deed of it, in one transaction."""
    sql, contents = statements(SQL), Contents()
    async with connection.transaction():
        await connection.execute(statements(TURN)["turn"])
        rows = await connection.fetch(sql["stand"])
        row = next((one for one in rows if one["version"] == said.version), None)
        if row is None:
            raise CatalogueReviewError(
                f"没有第 {said.version} 版目录，见 catalogueVersions",
                f"there is no version {said.version}; catalogueVersions lists them",
            )
        reviews = await stand(connection, contents)
        stands = await _reviewed(connection, contents, row)
        if stands.at is not None and _same(stands, said):
            # Seen is not copied: what said so may still wait for the standby.
            await connection.execute(statements("primary")["copied"])
            return Concluded(version=said.version, status=stands.status, replayed=True)
        check(stands, reviews, said)
        status, reason = said.to, said.reason.strip()
        await connection.execute(
            sql["write"], said.version, status.value, reason, said.who, said.unit
        )
        deed = Deed(
            kind=DeedKind.CATALOGUE,
            who=said.who,
            unit=said.unit,
            action="review-catalogue",
            target=stands.digest,
            reason=reason,
            detail={"version": said.version, "status": status.value},
        )
        await deeds.write(connection, deed)
    return Concluded(version=said.version, status=status, replayed=False)


_PASSED = ExchangeStatus.PASSED.value


async def _reviewed(
    connection: Connection, contents: Contents, row: asyncpg.Record
) -> Reviewed:
    return Reviewed(
        number=row["version"],
        digest=row["digest"],
        status=ExchangeStatus(row["status"]),
        reason=row["reason"],
        at=row["at"],
        resources=await contents.of(connection, row["version"]),
    )


def _same(stands: Reviewed, said: Review) -> bool:
    """Say whether the last word on the version is *said* already."""
    return (stands.status, stands.reason) == (said.to, said.reason.strip())
