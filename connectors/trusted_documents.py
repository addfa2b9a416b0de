"""Trusted documents in the platform's database; what was found is kept for seconds."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import asyncpg

from zhitong.connectors.loan import lent
from zhitong.connectors.statements import statements
from zhitong.exceptions import DocumentsUnavailableError
from zhitong.types import Principal

KEPT = 256
"""Answers in memory: at 32 KiB a document, 8 MiB at most."""
KEPT_SECONDS = 2.0
"""A removed document is asked no longer than that."""
_SECONDS = 10.0
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)

Key = tuple[str, str, str, str]
State = Mapping[str, object]
"""A row, by the columns of the statement ``list``."""


class PlatformDocuments:
    """Looks documents up for the front."""

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        *,
        seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[Key, tuple[float, str | None]] = OrderedDict()

    async def find(self, digest: str, principal: Principal) -> str | None:
        """Give the document of *digest* if *principal*'s client may ask it."""
        key = (digest, principal.kind, principal.unit, principal.client)
        until, found = self._kept.get(key, (0.0, None))
        if until > self._clock():
            self._kept.move_to_end(key)
            return found
        found = await self._look(key)
        self._kept[key] = (self._clock() + KEPT_SECONDS, found)
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    async def _look(self, key: Key) -> str | None:
        statement = statements("trusted_documents")["find"]
        try:
            async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
                found = await connection.fetchval(statement, *key)
        except _LOST as error:
            raise _unavailable() from error
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """A document, and whose clients may ask it; an empty word is anybody."""

    digest: str
    document: str
    title: str
    kind: str = ""
    unit: str = ""
    client: str = ""


class DocumentRegister:
    """The register as who keeps it sees it, for the time of an ``async with``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def __aenter__(self) -> Self:
        try:
            self._connection = await asyncpg.connect(self._url, timeout=_SECONDS)
        except _LOST as error:
            raise _unavailable() from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            self._connection.terminate()

    async def all(self) -> Sequence[State]:
        """List all documents with whom they are for."""
        return await self._fetch("list")

    async def add(self, one: Trusted, who: str, because: str) -> bool:
        """Add *one*; False if it is there for the same clients already."""
        whom = (one.kind, one.unit, one.client)
        values = (one.digest, *whom, one.document, one.title, who, because)
        return bool(await self._fetch("add", *values))

    async def remove(self, digest: str, who: str, because: str) -> int:
        """Remove the document for everybody; say from how many audiences."""
        return len(await self._fetch("remove", digest, who, because))

    async def _fetch(self, name: str, *values: object) -> Sequence[State]:
        assert self._connection is not None  # noqa: S101 - inside its `async with`
        statement = statements("trusted_documents")[name]
        try:
            rows = await self._connection.fetch(statement, *values, timeout=_SECONDS)
        except _LOST as error:
            raise _unavailable() from error
        return [dict(row) for row in rows]


def _unavailable() -> DocumentsUnavailableError:
    return DocumentsUnavailableError(
        "可信查询登记簿读不到，请稍后重试",
        "the register of trusted documents does not answer; try again later",
    )
