"""Rows of the log as its verification reads them: a snapshot, streamed in batches.

Nothing is compared here: what the database says is handed on, and weighed by rules.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

import msgspec
import orjson
from cryptography.x509 import Certificate

from zhitong.connectors import primary
from zhitong.connectors.archive_check import archive_faults
from zhitong.connectors.decision_row import hashed
from zhitong.connectors.evidence_log import Log, read_log
from zhitong.connectors.finding_check import NOTHING, finding_faults, look_faults
from zhitong.connectors.grant_check import grant_faults
from zhitong.connectors.loan import LOST, Connection
from zhitong.connectors.number_check import erasure_faults, number_faults
from zhitong.connectors.sealing import Sealing
from zhitong.connectors.signature_check import signature_faults
from zhitong.connectors.standing_check import gone_faults, standing_faults
from zhitong.connectors.statements import statements
from zhitong.connectors.stray_check import stray_faults
from zhitong.connectors.timestamps import stamps, trusted
from zhitong.evidence import LeafKind, Signature, stamp
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.faults import Fault, FaultKind, Faults
from zhitong.rules.head_checks import Counter, HeadRow, KeyRow
from zhitong.rules.noted_keys import Keys
from zhitong.rules.verification import (
    DECISIONS,
    LOOKS,
    TABLES,
    Place,
    Row,
    Table,
    micros,
    received,
    written,
)

BATCH = 1_000
"""Rows: their bodies are in memory, some of them with thousands of keys."""
LEAVES = 8_192
_SECONDS = 10.0
_SNAPSHOT = re.compile(r"[0-9A-F]+(-[0-9A-F]+)*")
LEAST, MOST = -(2**63), 2**63 - 1
"""The numbers there can be, so that none lies outside what is asked for."""
LAST_PAGE = 2**32 - 1
_ON_PAGES = "r.ctid >= $1::tid and r.ctid < $2::tid"
_IDS = {
    LeafKind.LOOK: "r.record_id",
    LeafKind.DECISION: "r.decision_id || '/' || r.version",
    LeafKind.DEED: "r.deed_id",
}
_CONTENT = DECISIONS.columns.index("decision_version.content")
_BODY = len(LOOKS.columns)

Leaf: TypeAlias = tuple[int, str, str, bytes]


@dataclass(frozen=True, slots=True)
class Pages:
    """A run of pages of one table, or of one partition of it."""

    kind: LeafKind
    relation: str
    """Its name, quoted by the database."""
    first: int
    end: int
    """Behind the last."""


@asynccontextmanager
async def snapshot(url: str, name: str = "") -> AsyncIterator[EvidenceRows]:
    """Open the rows of the log at *url* as one moment has them.

    *name* is that of another's snapshot, which is seen instead. Raises
    `LedgerUnavailableError` whenever the database does not answer.
    """
    try:
        connection = await primary.connect(url, timeout=_SECONDS)
    except LOST as error:
        raise _unavailable() from error
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if name:
                if not _SNAPSHOT.fullmatch(name):
                    raise ValueError(name)
                # No statement of this kind takes a parameter.
                statement = f"set transaction snapshot '{name}'"
                await connection.execute(statement)
            yield EvidenceRows(connection)
    except LOST as error:
        raise _unavailable() from error
    finally:
        connection.terminate()


class EvidenceRows:
    """What of the log stands in the database, as one transaction sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = statements("evidence_rows")

    async def log(self) -> Log:
        """Say which log it is; raise `SettingsError` where there is none."""
        return await read_log(self._connection)

    async def name(self) -> str:
        """Name this snapshot, so that others can see it too."""
        return str(await self._connection.fetchval(self._sql["name"]))

    async def counts(self, width: int) -> Sequence[tuple[int, str, int]]:
        """Count the sealed leaves by stretch of *width* numbers, and by kind."""
        rows = await self._connection.fetch(self._sql["counts"], width)
        return [(stretch, kind, count) for stretch, kind, count in rows]

    async def clock(self) -> int:
        """Give the database's time, in microseconds since 2000."""
        return received(await self._connection.fetchval(self._sql["clock"]))

    async def pages(self) -> Sequence[Pages]:
        """Say where rows of each kind lie."""
        return [
            Pages(table.kind, name, 0, pages)
            for table in TABLES.values()
            for name, pages in await self._connection.fetch(
                self._sql["relations"], table.name
            )
        ]

    async def decisions(self) -> int:
        """Count the pages of the present rows of decisions."""
        rows = await self._connection.fetch(self._sql["relations"], "decision")
        return sum(pages for _, pages in rows)

    async def sealed(self, first: int, end: int) -> AsyncIterator[Sequence[Leaf]]:
        """Give the sealed leaves from number *first* to before *end*, in order."""
        async for batch in self._stream(self._sql["sealed"], LEAVES, first, end):
            yield batch

    async def rows(self, pages: Pages) -> AsyncIterator[Sequence[Row]]:
        """Give the rows that lie on *pages*, in the columns of their table."""
        table = TABLES[pages.kind]
        statement = self._sql[table.name].replace(
            f"from {table.name} r", f"from {pages.relation} r"
        )
        edges = ((pages.first, 0), (pages.end, 0))
        async for batch in self._stream(statement, BATCH, *edges):
            yield _rows(table, batch)

    async def some(
        self, table: Table, first: int, end: int
    ) -> AsyncIterator[Sequence[Row]]:
        """Give the rows of the leaves of some numbers alone."""
        which = (
            self._sql["some"]
            .replace("{kind}", f"'{table.kind.value}'")
            .replace("{id}", _IDS[table.kind])
        )
        statement = self._sql[table.name].replace(_ON_PAGES, which)
        async for batch in self._stream(statement, BATCH, first, end):
            yield _rows(table, batch)

    async def untold(self, looks: Sequence[Row]) -> Sequence[Fault]:
        """Name those of *looks* about which less is told than was found."""
        return await look_faults(
            self._connection,
            [(row[0], row[_BODY]) for row in looks if NOTHING not in row[_BODY]],
        )

    async def present(self, first: int, end: int) -> Sequence[Fault]:
        """Name what of the decisions on some pages is not as their versions say."""
        return await standing_faults(self._connection, (first, end))

    async def heads(self, first: int, end: int) -> AsyncIterator[Sequence[HeadRow]]:
        """Give the heads of more than *first* leaves and up to *end*, in order."""
        async for batch in self._stream(self._sql["heads"], BATCH, first, end):
            yield [_head(row) for row in batch]

    async def keys(self) -> Sequence[KeyRow]:
        """Give the registered public keys."""
        return [
            KeyRow(
                key_id,
                purpose,
                algorithm,
                spki,
                received(since),
                None if retired is None else received(retired),
                unit,
            )
            for key_id, purpose, algorithm, spki, since, retired, unit in (
                await self._connection.fetch(self._sql["keys"])
            )
        ]

    async def nodes(self) -> AsyncIterator[Sequence[tuple[int, int, bytes]]]:
        """Give the kept roots of subtrees: level, place and digest."""
        async for batch in self._stream(self._sql["nodes"], LEAVES):
            yield batch

    async def queue(self) -> Mapping[Place, bytes]:
        """Give what waits to be sealed."""
        rows = await self._connection.fetch(self._sql["queue"])
        return {(kind, place): leaf for kind, place, leaf in rows}

    async def late(self, micros: int) -> Sequence[Fault]:
        """Name what has waited to be sealed since *micros* after 2000, or longer."""
        rows = await self._connection.fetch(self._sql["late"], micros / 1e6)
        kind = FaultKind.QUEUE_LATE
        return [
            Fault(kind=kind, table="unsealed", id=f"{each} {place}")
            for each, place in rows
        ]

    async def strays(self) -> Sequence[Fault]:
        """Name versions without a leaf, signatures without a head, rows come twice."""
        return await stray_faults(self._connection)

    async def stamps(self, roots: Sequence[Certificate]) -> Faults:
        """Name timestamps that are not over their head, or of another time.

        Those of no authority of *roots* as well, where there are any.
        """
        found = Faults()
        rows = await self._connection.fetch(self._sql["stamps"])
        for size, at, stamped, response, note in rows:
            said = stamps(response, note or b"")
            if said is None or micros(stamp(said)) != received(stamped):
                kind = FaultKind.TIMESTAMP_DIFFERS
            elif roots and not trusted(response, note, roots):
                kind = FaultKind.TIMESTAMP_UNTRUSTED
            else:
                continue
            place = f"{size}@{written(received(at))}"
            found.add(Fault(kind=kind, table="head_timestamp", id=place))
        return found

    async def stamped(self) -> bool:
        """Say whether any head has a timestamp."""
        return bool(await self._connection.fetchval(self._sql["stamped"]))

    async def persons(
        self, erased: Mapping[str, int], sealing: Sealing | None
    ) -> Faults:
        """Name keys of persons against deeds, and sealed numbers that do not open."""
        found = Faults()
        async for fault in erasure_faults(self._connection, erased):
            found.add(fault)
        if sealing is not None:
            async for fault in number_faults(self._connection, sealing):
                found.add(fault)
        return found

    async def archives(self, keys: Keys) -> Sequence[Fault]:
        """Name deeds that archived another number of looks than theirs."""
        return await archive_faults(self._connection, keys)

    async def standing(self) -> Faults:
        """Name what is not proved itself, and not as what is proved says."""
        found = Faults()
        found.extend(await gone_faults(self._connection))
        async for fault in grant_faults(self._connection):
            found.add(fault)
        async for fault in finding_faults(self._connection):
            found.add(fault)
        async for fault in signature_faults(self._connection):
            found.add(fault)
        return found

    async def numbers(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """Give the numbers that rows are sealed under, of those that are."""
        rows = await self._connection.fetch(
            self._sql["numbers"],
            [kind for kind, _ in places],
            [place for _, place in places],
        )
        return {(kind, place): number for kind, place, number in rows}

    async def _stream(
        self, statement: str, batch: int, *values: object
    ) -> AsyncIterator[list[Any]]:
        cursor = await self._connection.cursor(statement, *values)
        while rows := await cursor.fetch(batch):
            yield rows


def _rows(table: Table, rows: Sequence[Row]) -> Sequence[Row]:
    if table is not DECISIONS:
        return rows
    return [_decision(row) for row in rows]


def _decision(row: Row) -> Row:
    *columns, numbers = row
    content = columns[_CONTENT]
    if content is not None:
        try:
            text = hashed(content, orjson.loads(numbers or "{}"))
            columns[_CONTENT] = sha256(text).hexdigest()
        except (msgspec.MsgspecError, ValueError):
            columns[_CONTENT] = ""
    return tuple(columns)


def _head(row: Row) -> HeadRow:
    origin, size, at, note, signatures, words = row
    return HeadRow(
        origin,
        size,
        received(at),
        note,
        [
            Signature(key_id=key_id, algorithm=algorithm, value=value)
            for key_id, algorithm, value in signatures
        ],
        [
            Counter(key_id, algorithm, received(seen), value)
            for key_id, algorithm, seen, value in words
        ],
    )


def _unavailable() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "平台数据库没有答复，未能核验：请稍后重试",
        "the platform's database does not answer, so nothing was verified: try again",
    )
