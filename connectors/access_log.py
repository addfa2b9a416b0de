"""The access register in the platform's database; concurrent looks share commits."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence

import asyncpg
import orjson

from zhitong.connectors.loan import lent
from zhitong.connectors.statements import statements
from zhitong.exceptions import RecordUnavailableError
from zhitong.types import Inquiry, Look, Mask, Occasion, Rulings

PAPERS = ("letter", "mandate", "authorisation", "licence", "approval")
"""What of an occasion is a document that somebody wrote."""
SUBJECT_BYTES = 16
LARGEST_COMMIT = 256
POOL_SIZE = 4

Waiting = tuple[bytes, asyncio.Future[None]]
"""An entry, and who waits for its commit."""


async def open_pool(url: str) -> asyncpg.Pool[asyncpg.Record]:
    """Open the connections the register is written through."""
    return await asyncpg.create_pool(url, min_size=1, max_size=POOL_SIZE)


class Records:
    """Writes looks as the register keeps them, rows and parties as keyed digests."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def entry(self, inquiry: Inquiry) -> dict[str, object]:
        """Write the record of *inquiry* as the statements take it."""
        principal, occasion = inquiry.principal, inquiry.occasion
        return {
            "record_id": inquiry.id,
            "at": inquiry.at,
            "requester_kind": principal.kind,
            "role": principal.role,
            "client": principal.client,
            "unit": principal.unit,
            "unit_name": principal.unit_name,
            "person": principal.person,
            "party": self.party(principal.party_code or principal.party_number),
            "purpose": occasion.purpose,
            "basis": occasion.basis,
            "cause": occasion.cause,
            "papers": papers(occasion),
            "operation": inquiry.operation,
            "document_hash": inquiry.document_hash,
            "looks": [_look(look) for look in inquiry.looks],
            "rows_seen": sum(look.rows for look in inquiry.looks if look.keys),
            "subjects": sorted(self._subjects(inquiry.looks)),
            "restrictions": [
                f"{type_name}.{name} {_verdicts(rulings)}"
                for (type_name, name), rulings in inquiry.restrictions.items()
            ],
            "gaps": [f"{gap.source} {gap.type} {gap.code}" for gap in inquiry.gaps],
            "findings": [
                {
                    "check": finding.check,
                    "zh": finding.message.zh,
                    "en": finding.message.en,
                    "source": finding.source,
                }
                for finding in inquiry.findings
            ],
        }

    def _subjects(self, looks: Sequence[Look]) -> set[str]:
        return {
            self.subject(look.type, look.source, key)
            for look in looks
            for key in look.keys
        }

    def subject(self, type_name: str, source: str, key: str) -> str:
        """Digest one row's place, so that "who looked at this" can be asked."""
        place = f"{type_name}:{source}:{key}".encode()
        return hmac.digest(self._key, place, hashlib.sha256)[:SUBJECT_BYTES].hex()

    def party(self, number: str) -> str:
        """Digest the code or ID number of a party that asks; empty for none."""
        if not number:
            return ""
        text = f"party:{''.join(number.split()).upper()}".encode()
        return hmac.digest(self._key, text, hashlib.sha256)[:SUBJECT_BYTES].hex()


class PlatformAccessLog:
    """Commits records in groups: who comes while one is written is in the next."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], key: bytes, seconds: float = 2.0
    ) -> None:
        self._pool = pool
        self._records = Records(key)
        self._seconds = seconds
        self._waiting: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def record(self, inquiry: Inquiry) -> str:
        """Commit what *inquiry* read, return the record's id."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((orjson.dumps(self._records.entry(inquiry)), done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done
        return inquiry.id

    async def _write(self) -> None:
        while self._waiting:
            batch = self._waiting[:LARGEST_COMMIT]
            del self._waiting[:LARGEST_COMMIT]
            try:
                await self._commit([entry for entry, _ in batch])
            except asyncpg.DataError as error:
                # One entry that cannot be stored must not take the others with it.
                await self._one_by_one(batch, error)
            except Exception as error:  # noqa: BLE001 - each entry's caller is waiting
                self._settle(batch, error)
            else:
                self._settle(batch, None)

    async def _one_by_one(self, batch: Sequence[Waiting], error: Exception) -> None:
        if len(batch) == 1:
            self._settle(batch, error)
            return
        for entry in batch:
            try:
                await self._commit([entry[0]])
            except Exception as fault:  # noqa: BLE001 - its caller is waiting
                self._settle([entry], fault)
            else:
                self._settle([entry], None)

    async def _commit(self, entries: Sequence[bytes]) -> None:
        rows = b"[" + b",".join(entries) + b"]"
        statement = statements("access_log")["record"]
        async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
            await connection.execute(statement, rows.decode())

    def _settle(
        self,
        batch: Sequence[Waiting],
        error: Exception | None,
    ) -> None:
        for _, done in batch:
            if done.done():  # the caller has gone away
                continue
            if error is None:
                done.set_result(None)
                continue
            unavailable = RecordUnavailableError(
                "调阅登记簿不可用", "the access register is not available"
            )
            unavailable.__cause__ = error
            done.set_exception(unavailable)


def papers(occasion: Occasion) -> list[str]:
    """Name the papers shown, each by kind and number."""
    return [
        f"{kind} {number}" for kind in PAPERS if (number := getattr(occasion, kind))
    ]


def _look(look: Look) -> str:
    fields = ",".join(f"{name}={verdict}" for name, verdict in look.fields.items())
    return f"{look.type}@{look.source} {look.rows} {fields}"


def _verdicts(rulings: Rulings) -> str:
    return "|".join(
        f"MASK({ruling.verdict.kind})"
        if isinstance(ruling.verdict, Mask)
        else type(ruling.verdict).__name__.upper()
        for ruling in rulings
    )
