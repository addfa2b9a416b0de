"""The catalogue in the platform's database: versions given out, replies taken in."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import orjson

from zhitong.catalogue import (
    Concluded,
    ExchangeStatus,
    Exported,
    Incoming,
    Measured,
    Outgoing,
    Reply,
    Review,
    Reviewed,
    Reviews,
    Version,
)
from zhitong.connectors import catalogue_measurements, deeds, grant_exchange
from zhitong.connectors.catalogue_reviews import Contents, conclude, stand
from zhitong.connectors.grant_exchange import Judge
from zhitong.connectors.loan import LOST, Connection, lent
from zhitong.connectors.session import Session
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.catalogue_difference import differences
from zhitong.types import Label

SQL = "catalogue_book"


class CatalogueBook(Session):
    """The book as who keeps it sees it, for the time of an ``async with``."""

    SQL = SQL

    async def export(
        self, body: bytes, who: str, written: Mapping[str, object]
    ) -> bool:
        """Note that *body* is given out; say whether it is a new version.

        *written* is what the deed says of the file besides.
        """
        sql = statements(SQL)
        digest = hashlib.sha256(body).hexdigest()
        async with self._connected() as connection, connection.transaction():
            await connection.execute(sql["turn"])
            latest = await connection.fetchrow(sql["latest"])
            fresh = latest is None or latest["digest"] != digest
            version = await _version(connection, digest, body)
            await connection.execute(sql["export"], version, who)
            made = Deed(
                kind=DeedKind.CATALOGUE,
                who=who,
                action="export-catalogue",
                target=digest,
                reason="",
                detail={"version": version, **written},
            )
            await deeds.write(connection, made)
        return fresh

    async def exported(self) -> Exported | None:
        """Give the catalogue that was last given out; None: none ever was."""
        async with self._connected() as connection:
            row = await connection.fetchrow(statements(SQL)["exported"])
        if row is None:
            return None
        resources = (one["catalog_id"] for one in orjson.loads(row["body"]))
        return Exported(version=row["digest"], resources=frozenset(resources))

    async def outgoing(self, body: bytes) -> Outgoing:
        """Give what a file says besides the resources, which are *body*."""
        digest = hashlib.sha256(body).hexdigest()
        async with self._connected() as connection:
            reviews = await stand(connection, Contents())
            latest = reviews.latest
            review = (ExchangeStatus.WAITING, "")
            if latest is not None and latest.digest == digest:
                review = (latest.status, latest.reason)
            return Outgoing(
                replies=await _replies(connection),
                review=review,
                grants=await grant_exchange.applications(connection),
                grant_replies=await grant_exchange.replies(connection),
            )

    async def take(self, given: Incoming, judge: Judge, who: str) -> int:
        """Note what differs from what stands, all or nothing; give how many did.

        *judge* says what a revocation makes of an application.
        """
        sql = statements(SQL)
        async with self._connected() as connection, connection.transaction():
            await connection.execute(sql["turn"])
            if given.body is not None:
                # Another platform gave it out; what is said of it is said of this.
                digest = hashlib.sha256(given.body).hexdigest()
                version = await _version(connection, digest, given.body)
                await connection.execute(sql["export"], version, who)
            stands = await _replies(connection)
            fresh = [
                one for one in given.replies if _differs(one, stands.get(one.resource))
            ]
            grants = await grant_exchange.take(connection, given, judge, who)
            if not fresh and not grants and given.body is None:
                return 0
            row = await connection.fetchrow(sql["exported"])
            assert row is not None  # noqa: S101 - the replies were held against it
            for one in fresh:
                await connection.execute(
                    sql["reply"],
                    row["version"],
                    one.resource,
                    one.external_id,
                    one.status.value,
                    one.opinion,
                    who,
                )
            made = Deed(
                kind=DeedKind.CATALOGUE,
                who=who,
                action="import-catalogue",
                target=row["digest"],
                reason="",
                detail={
                    "version": row["version"],
                    "file": given.file,
                    "statuses": {one.resource: one.status.value for one in fresh},
                    "grants": grants,
                },
            )
            await deeds.write(connection, made)
        return len(fresh) + len(grants) + (given.body is not None)

    def _unavailable(self) -> LedgerUnavailableError:
        return _unavailable()


class PlatformCatalogue:
    """Answers the port `zhitong.ports.CatalogueHistory`."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], seconds: float = 5.0
    ) -> None:
        self._pool = pool
        self._seconds = seconds
        self._contents = Contents()
        self._reviews: Reviews | None = None

    async def reviews(self) -> Reviews:
        """Give how the catalogue stands with the data authority.

        As it was last known while the database is away; raises
        `LedgerUnavailableError` where it never was.
        """
        try:
            async with self._connected() as connection:
                self._reviews = await stand(connection, self._contents)
        except LedgerUnavailableError:
            if self._reviews is None:
                raise
        return self._reviews

    async def review(
        self, said: Review, check: Callable[[Reviewed, Reviews, Review], None]
    ) -> Concluded:
        """Note *said* unless *check* raises; the same once more changes nothing.

        Raises `CatalogueReviewError`, `LedgerUnavailableError`.
        """
        async with self._connected() as connection:
            return await conclude(connection, said, check)

    async def replies(self) -> Mapping[str, Reply]:
        """Give the last reply on each resource; raise `LedgerUnavailableError`."""
        async with self._connected() as connection:
            return await _replies(connection)

    async def versions(
        self, limit: int, before: int | None, *, accepted: bool = False
    ) -> Sequence[Version]:
        """Give the newest *limit* versions, of those *before* a number.

        With *accepted* those alone that the data authority has accepted.

        Raises `LedgerUnavailableError`.
        """
        async with self._connected() as connection:
            versions = statements(SQL)["versions"]
            rows = await connection.fetch(versions, limit, before, accepted)
        return tuple(
            Version(
                number=row["version"],
                digest=row["digest"],
                made_at=row["made_at"],
                resources=row["resources"],
                changes=tuple(Label(*one) for one in orjson.loads(row["changes"])),
                status=ExchangeStatus(row["status"]),
                reason=row["reason"],
                reviewed_at=row["at"],
            )
            for row in rows
        )

    async def measured(self) -> Mapping[str, Measured]:
        """Give what was last measured of each resource's quality.

        Raises `LedgerUnavailableError`.
        """
        async with self._connected() as connection:
            return await catalogue_measurements.last(connection)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        try:
            async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
                yield connection
        except LOST as error:
            raise _unavailable() from error


async def _version(connection: Connection, digest: str, body: bytes) -> int:
    """Give the number of *body* if it is the newest version, else enter it as that."""
    latest = await connection.fetchrow(statements(SQL)["latest"])
    if latest is not None and latest["digest"] == digest:
        return int(latest["version"])
    return await _enter(connection, digest, body, latest)


async def _enter(
    connection: Connection, digest: str, body: bytes, before: asyncpg.Record | None
) -> int:
    resources = orjson.loads(body)
    known = [] if before is None else orjson.loads(before["body"])
    # Of the first all is new, which is no news.
    changed = differences(known, resources) if before is not None else []
    words = orjson.dumps([[one.zh, one.en] for one in changed])
    enter = statements(SQL)["enter"]
    return int(await connection.fetchval(enter, digest, body, len(resources), words))


async def _replies(connection: Connection) -> Mapping[str, Reply]:
    rows = await connection.fetch(statements(SQL)["replies"])
    return {
        row["resource"]: Reply(
            resource=row["resource"],
            external_id=row["external_id"],
            status=ExchangeStatus(row["status"]),
            opinion=row["opinion"],
            version=row["digest"],
            taken_at=row["taken_at"],
        )
        for row in rows
    }


def _differs(one: Reply, stands: Reply | None) -> bool:
    if stands is None:
        return True
    return (one.external_id, one.status, one.opinion, one.version) != (
        stands.external_id,
        stands.status,
        stands.opinion,
        stands.version,
    )


def _unavailable() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "平台数据库不可用，没有改变任何内容，请稍后重试",
        "the platform's database does not answer; nothing was changed, try again later",
    )
