"""What a capture remembers, in the platform's database: progress, rows seen, work.

The ledger is the truth and this a note of it: a row is noted after the ledger has
committed. Who is killed in between finds the decision standing, made by the capture.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date, datetime
from types import TracebackType

from zhitong.connectors import decision_row
from zhitong.connectors.loan import Plain
from zhitong.connectors.session import Session, State
from zhitong.decisions import Decision
from zhitong.evidence import Deed
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.document_numbers import normalised

SESSION = {
    "application_name": "zhitong-capture",
    # An owner behind a broken line is dropped, and so is its lock.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "2s",
    "idle_session_timeout": "5min",
    "idle_in_transaction_session_timeout": "1min",
    "jit": "off",
}
LEAVING_SECONDS = 2.0
RETRY_SECONDS = 600.0
"""A row that was refused and has not changed since is tried again so late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the capture of a source is."""

    mark: str
    looked_at: datetime | None
    sweep_at: datetime | None
    phase: str
    place: str | None
    swept_at: datetime | None
    there: int
    mapping: str
    adopting: bool
    changed: int
    """Decisions corrected or withdrawn since the sweep began."""
    unasked: bool
    """As many may be as there are, until the sweep ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A row that was seen and is in the ledger; *decision_id* None: void before."""

    key: str
    local_id: str
    decision_id: str | None
    fingerprint: bytes
    row_version: float | None
    version: int | None
    """The decision's own, as it stood when the row was noted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A row as it is noted."""

    key: str
    local_id: str
    decision_id: str | None
    fingerprint: bytes
    agrees: bool = True
    row_version: float | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Work on a row: why it waits, and what somebody has said that it is."""

    code: str
    fingerprint: bytes
    settled: str
    fresh: bool
    """It was tried not long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Work that a row makes."""

    key: str
    code: str
    zh: str
    en: str
    fingerprint: bytes = b""
    decision_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """A decision in the ledger, as far as a row is compared with it."""

    decision_id: str
    version: int
    withdrawn: bool
    content_hash: str
    history: bool
    document_no: str
    document_key: str
    party_key: str
    party_name: str
    decided_on: date
    who: str

    def same_party(self, decision: Decision, digest: decision_row.Digest) -> bool:
        """Say whether *decision* is about the same party: by key or by name."""
        keyed = decision_row.party_key(decision.party, digest) == self.party_key
        return keyed or decision.party.name == self.party_name

    def same_number(self, decision: Decision) -> bool:
        """Say whether *decision* has the same document number."""
        return normalised(decision.document_no) == self.document_key


class CaptureBook(Session):
    """Where the capture of *source* is kept, while it runs or is looked at."""

    SQL = "capture_book"

    def __init__(
        self, url: str, source: str = "", secret: bytes = b"", seconds: float = 30.0
    ) -> None:
        super().__init__(url, seconds)
        self._options["server_settings"] = SESSION
        self._source = source
        self._secret = secret
        self._owned = False

    def sealed(self, fingerprint: bytes) -> bytes:
        """Key a fingerprint: no ID number can be guessed by what is kept."""
        return hmac.digest(self._secret, b"capture " + fingerprint, "sha256")

    async def own(self) -> bool:
        """Take the source unless another process has it; it ends with this session."""
        (row,) = await self._fetch("own", self._source)
        self._owned = bool(*row.values())
        return self._owned

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the source at once, where the server still answers."""
        if self._owned:
            with suppress(LedgerUnavailableError, TimeoutError):
                async with asyncio.timeout(LEAVING_SECONDS):
                    await self._fetch("left", self._source)
        await super().__aexit__(kind, error, trace)

    async def progress(self) -> Progress:
        """Say how far it is, from the beginning on."""
        await self._fetch("begun", self._source)
        (row,) = await self._fetch("progress", self._source)
        return Progress(**row)  # type: ignore[arg-type]

    async def bound(self, mapping: str) -> None:
        """Note by which binding rows are read from the beginning on."""
        await self._fetch("bound", self._source, mapping)

    async def rebind(
        self, mapping: str, deed: Callable[[State], Deed], *, adopting: bool
    ) -> None:
        """Read rows by another binding from now on; on record as *deed*."""
        await self._do(deed, "rebind", self._source, mapping, adopting)

    async def unversioned(self) -> None:
        """Forget the versions of rows: they were another column's."""
        await self._fetch("unversioned", self._source)

    async def looked(self, mark: str, at: datetime | None) -> None:
        """Note a whole look that began at *at*; the next begins at *mark*."""
        await self._fetch("looked", self._source, mark, at)

    async def sweeping(self, at: datetime, there: int) -> None:
        """Note that a sweep of *there* rows begins."""
        await self._fetch("sweeping", self._source, at, there)

    async def changed(self, many: int) -> None:
        """Note that so many decisions more were corrected or withdrawn."""
        await self._fetch("changed", self._source, many)

    async def reached(self, phase: str, place: str | None) -> None:
        """Note how far the sweep is."""
        await self._fetch("reached", self._source, phase, place)

    async def swept(self) -> None:
        """Note that the sweep is done."""
        await self._fetch("swept", self._source)

    async def known(self, keys: Sequence[str]) -> Mapping[str, Known]:
        """Give what is known of *keys*."""
        found = await self._fetch("known", self._source, keys)
        return {str(row["key"]): Known(**row) for row in found}  # type: ignore[arg-type]

    async def waiting(self, keys: Sequence[str]) -> Mapping[str, Waiting]:
        """Give the work that waits on *keys*."""
        found = await self._fetch("items", self._source, keys, RETRY_SECONDS)
        return {
            str(row.pop("key")): Waiting(**row)  # type: ignore[arg-type]
            for row in map(dict, found)
        }

    async def keys(self, after: str, limit: int) -> Sequence[str]:
        """Give *limit* keys after *after*, of rows that are known or wait."""
        found = await self._fetch("keys", self._source, after, limit)
        return [str(row["key"]) for row in found]

    async def standing(self, ids: Iterable[str]) -> Mapping[str, Stands]:
        """Give the decisions of *ids* that are in the ledger."""
        found = await self._fetch("standing", list(dict.fromkeys(ids)))
        return {str(row["decision_id"]): _stands(dict(row)) for row in found}

    async def holders(self, ids: Sequence[str]) -> Mapping[str, str]:
        """Give the rows that the decisions of *ids* were noted with, by their keys."""
        found = await self._fetch("holders", self._source, ids)
        return {str(row["key"]): str(row["decision_id"]) for row in found}

    async def note(
        self, noted: Sequence[Noted], items: Sequence[Item], closed: Sequence[str]
    ) -> None:
        """Note rows that are in the ledger, and work; in one transaction."""
        if not (noted or items or closed):
            return
        async with self._connected() as connection, connection.transaction():
            if noted:
                await self._many(connection, "note", noted)
            if items:
                await self._many(connection, "open", items)
            if closed:
                await self._rows(connection, "close", self._source, closed)

    async def _many(
        self, connection: Plain, name: str, rows: Sequence[Noted] | Sequence[Item]
    ) -> None:
        columns = [one.name for one in fields(rows[0])]
        values = [[getattr(row, column) for row in rows] for column in columns]
        await self._rows(connection, name, self._source, *values)

    async def states(self) -> Sequence[State]:
        """Say how every source is, or the one of this book."""
        return await self._fetch("states", self._source)

    async def refused(self) -> int:
        """Count the rows of the source that wait for somebody."""
        (row,) = await self._fetch("refused", self._source)
        return int(str(row["items"]))

    async def work(self, limit: int) -> Sequence[State]:
        """Give the work that waits, oldest first."""
        return await self._fetch("waiting", self._source, limit)

    async def settle(
        self, key: str, word: str, deed: Callable[[State], Deed]
    ) -> Sequence[State]:
        """Say what a row is; nothing: it does not wait. On record as *deed*."""
        return await self._do(deed, "settle", self._source, key, word)

    async def settle_many(self, deed: Callable[[State], Deed]) -> Sequence[State]:
        """Say that all that were too many to be changed unasked are corrections."""
        return await self._do(deed, "settle_many", self._source)

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复，采集恢复后从原处继续",
            "the platform's database does not answer; the capture goes on from the "
            "same place when it does",
        )


def _stands(row: dict[str, object]) -> Stands:
    change, origin = row.pop("change"), row.pop("origin")
    return Stands(
        **row,  # type: ignore[arg-type]
        withdrawn=change == "WITHDRAWN",
        history=origin == decision_row.HISTORY,
    )
