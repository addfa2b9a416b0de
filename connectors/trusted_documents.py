"""Trusted documents in the platform's database; what was found is kept for seconds."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg

from zhitong.connectors.loan import LOST, lent
from zhitong.connectors.session import Session, State
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import DocumentsUnavailableError
from zhitong.types import Principal

KEPT = 256
"""Answers in memory: at 32 KiB a document, 8 MiB at most."""
KEPT_SECONDS = 2.0
"""A removed document is asked no longer than that."""
_ACTIONS = {"add": "trust-document", "remove": "distrust-document"}

Key = tuple[str, str, str, str]


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
        except LOST as error:
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


class DocumentRegister(Session):
    """The register as who keeps it sees it, for the time of an ``async with``."""

    SQL = "trusted_documents"

    async def all(self) -> Sequence[State]:
        """List all documents with whom they are for."""
        return await self._fetch("list")

    async def add(self, one: Trusted, who: str, because: str) -> bool:
        """Add *one*; False if it is there for the same clients already."""
        whom = (one.kind, one.unit, one.client)
        values = (one.digest, *whom, one.document, one.title, who)
        return bool(await self._act("add", who, because, *values))

    async def remove(self, digest: str, who: str, because: str) -> int:
        """Remove the document for everybody; say from how many audiences."""
        return await self._act("remove", who, because, digest)

    async def _act(self, name: str, who: str, because: str, *values: str) -> int:
        def deed(row: State) -> Deed:
            return Deed(
                kind=DeedKind.ACTION,
                who=who,
                action=_ACTIONS[name],
                target=str(row["target"]),
                reason=because,
            )

        return len(await self._do(deed, name, *values))

    def _unavailable(self) -> DocumentsUnavailableError:
        return _unavailable()


def _unavailable() -> DocumentsUnavailableError:
    return DocumentsUnavailableError(
        "可信查询登记簿读不到，请稍后重试",
        "the register of trusted documents does not answer; try again later",
    )
