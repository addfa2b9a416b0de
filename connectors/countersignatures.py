"""Heads and their countersignatures in the platform's database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from zhitong.connectors import primary
from zhitong.connectors.evidence_log import read_log
from zhitong.connectors.key_ring import register
from zhitong.connectors.loan import Plain
from zhitong.connectors.log_proofs import consistency
from zhitong.connectors.statements import statements
from zhitong.connectors.witness_forms import (
    MOST_KEYS,
    KeyNoteForm,
    SignatureForm,
    Word,
)

WITNESS = "witness"
_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The newest head."""

    size: int
    at: datetime
    note: bytes
    countersigned: bool
    """Whether the witness in question has given its word for it."""


class Countersignatures:
    """A connection of its own to the heads; raises what asyncpg does."""

    def __init__(self, connection: Plain, key_id: str) -> None:
        self._connection = connection
        self._key_id = key_id
        self._sql = statements("countersignatures")

    @classmethod
    async def open(cls, url: str, key_id: str, spki: bytes) -> Countersignatures:
        """Connect for the words of one witness, and enter its key, for ever."""
        connection = await primary.connect(
            url,
            timeout=_SECONDS,
            command_timeout=_SECONDS,
            server_settings={"application_name": "zhitong-countersigning"},
        )
        with ExitStack() as undoing:
            undoing.callback(connection.terminate)
            await register(connection, WITNESS, spki)
            undoing.pop_all()
        return cls(connection, key_id)

    def close(self) -> None:
        """Let go of the connection; a frozen server would not answer a farewell."""
        self._connection.terminate()

    async def origin(self) -> str:
        """Name the log."""
        return (await read_log(self._connection)).origin

    async def latest(self) -> Latest | None:
        """Give the newest head; None: there is none yet."""
        row = await self._connection.fetchrow(self._sql["latest"], self._key_id)
        if row:
            # No witness is shown a head that a promotion could undo.
            await self._connection.execute(statements("primary")["copied"])
        return Latest(**row) if row else None

    async def signatures(self, head: Latest) -> Sequence[SignatureForm]:
        """Give the operator's signatures of *head*."""
        rows = await self._connection.fetch(self._sql["signatures"], head.size, head.at)
        return [SignatureForm(**row) for row in rows]

    async def notes(self) -> Sequence[KeyNoteForm]:
        """Give the newest notes on keys that sign heads, in their order."""
        rows = await self._connection.fetch(self._sql["notes"])
        found = [KeyNoteForm(row["note"].decode(), row["value"]) for row in rows]
        return found[-MOST_KEYS:]

    async def proof(self, base: int, size: int) -> Sequence[bytes]:
        """Prove that the log of *size* leaves begins with *base* of them."""
        log = await read_log(self._connection)
        return await consistency(self._connection, log.digest, base, size)

    async def last(self) -> int:
        """Give the size of the last head that has this witness's word here."""
        return int(
            await self._connection.fetchval(self._sql["last"], self._key_id) or 0
        )

    async def keep(self, word: Word) -> bool:
        """Keep a witness's *word*; say whether its head is one of ours."""
        head, said = word.head, word.countersignature
        named = (head.origin, head.size, head.at, word.note.encode())
        await self._connection.execute(
            self._sql["keep"],
            *named,
            said.signature.key_id,
            said.signature.algorithm,
            said.seen,
            said.signature.value,
        )
        return bool(await self._connection.fetchval(self._sql["known"], *named))
