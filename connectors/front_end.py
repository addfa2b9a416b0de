"""A receiver's front-end database 前置库: rows in batches, and what is said of them.

- A batch is one transaction: its rows, in however many tables, and its row in the
  table of batches, whose count says how many they are. The number is the day and a
  counter, one more than the last.
- A row that is there already, by the event's id, stays where it is: a batch that was
  committed and whose answer was lost is not written twice.
- Where a row does not fit its table the others are written without it; where none of
  many fits, the table is at fault.
- The other side's tables are never altered: what they lack is said, and nothing is
  written until it is there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import asyncpg
import orjson

from zhitong.connectors.date_codecs import CHINA
from zhitong.connectors.front_end_answers import read_answers
from zhitong.connectors.loan import LOST, Plain
from zhitong.connectors.mapping import quoted
from zhitong.connectors.statements import statements
from zhitong.decisions import (
    BatchAnswer,
    FrontPlace,
    FrontRow,
    FrontTables,
)
from zhitong.exceptions import (
    ReceiverTableError,
    ReceiverUnavailableError,
    ZhitongError,
)

_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_FIRST = 100_000
"""Batches of a day: five digits behind the date, as in ``2019041100002``."""
_NUMBER = re.compile("[0-9]{13}")
_SESSION = {
    "application_name": "zhitong front end",
    "timezone": "Asia/Shanghai",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "60s",
}
_UNFIT = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.RaiseError,
    asyncpg.ProgramLimitExceededError,
)
"""Of the row: too long for its column or its index, no date, a column that must not be
empty, refused by a rule of theirs."""
MANY = 10
"""Where none of a batch fits and they are more, it is not for their own sake."""
_LACKING = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidSchemaNameError,
)


class FrontEndDatabase:
    """The database at *url*; its connection is opened when it is needed.

    *password* is read at each opening: it may be a new one.
    """

    def __init__(
        self, url: str, tables: FrontTables, password: Callable[[], str] | None = None
    ) -> None:
        self._url = url
        self._names = tables
        self._password = password
        self._alone = asyncio.Lock()
        self._connection: Plain | None = None
        self._columns: Mapping[str, Mapping[str, bool]] = {}

    async def write(self, rows: Sequence[FrontRow]) -> Sequence[FrontPlace]:
        """Write *rows* as one batch; say where each lies, or what is wrong with it.

        Raises `ReceiverUnavailableError`: nothing is written, or it is not known.
        """
        async with self._alone:
            try:
                async with asyncio.timeout(_SECONDS):
                    connection = await self._open()
                    self._check(rows)
                    async with connection.transaction():
                        return await self._write(connection, rows)
            except ReceiverTableError:
                raise
            except _LACKING as error:
                self._columns = {}
                raise _lacking(error) from error
            except (*LOST, ZhitongError) as error:
                self._drop()
                raise _away(error) from error
            except asyncio.CancelledError:
                self._drop()
                raise

    async def answers(self, numbers: Sequence[int]) -> Sequence[BatchAnswer]:
        """Give what the other side says of the batches *numbers*, where it does."""
        async with self._alone:
            try:
                async with asyncio.timeout(_SECONDS):
                    connection = await self._open()
                    return await read_answers(connection, self._names, numbers)
            except _LACKING as error:
                raise _lacking(error) from error
            except (*LOST, ZhitongError) as error:
                self._drop()
                raise _away(error) from error
            except asyncio.CancelledError:
                self._drop()
                raise

    async def close(self) -> None:
        """Hang up."""
        self._drop()

    async def _open(self) -> Plain:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url,
                password=self._password() if self._password else None,
                timeout=_CONNECT_SECONDS,
                server_settings=_SESSION,
            )
            self._columns = {}
        if not self._columns:
            found: dict[str, dict[str, bool]] = {}
            statement = statements("front_end")["columns"]
            for row in await self._connection.fetch(statement, self._names.schema):
                found.setdefault(row["table"], {})[row["column"]] = row["many"]
            self._columns = found
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            # A frozen server would not answer a farewell.
            self._connection.terminate()
        self._connection = None

    # --- writing -----------------------------------------------------------------

    def _check(self, rows: Sequence[FrontRow]) -> None:
        """Raise `ReceiverTableError` where a table or a column is not there."""
        names = self._names
        wanted: dict[str, set[str]] = {
            names.batches: {names.number, names.count, names.written}
        }
        for row in rows:
            wanted.setdefault(row.table, {names.event, names.number}).update(row.row)
        for table, columns in wanted.items():
            if lacking := columns - self._columns.get(table, {}).keys():
                self._columns = {}
                raise _table(table, sorted(lacking))

    async def _write(
        self, connection: Plain, rows: Sequence[FrontRow]
    ) -> Sequence[FrontPlace]:
        alone = statements("front_end")["alone"]
        await connection.execute(alone, self._names.batches)
        there = await self._there(connection, rows)
        new = [row for row in rows if str(row.event_id) not in there]
        faults: dict[str, str] = {}
        for number, some in groupby(new, key=attrgetter("number")):
            group = list(some)
            used = number or await self._next(connection)
            unfit = await self._insert(connection, group, used)
            faults |= unfit
            placed = [row for row in group if str(row.event_id) not in unfit]
            if not placed and len(group) > MANY:
                raise _refused(group[0].table, unfit)
            there |= {str(row.event_id): used for row in placed}
            await self._note(connection, used, len(placed), again=bool(number))
        return [
            FrontPlace(
                number=there.get(str(row.event_id), 0),
                fault=faults.get(str(row.event_id), ""),
            )
            for row in rows
        ]

    async def _there(
        self, connection: Plain, rows: Sequence[FrontRow]
    ) -> dict[str, int]:
        found: dict[str, int] = {}
        names = self._names
        for table in sorted({row.table for row in rows}):
            statement = (
                f"select {quoted(names.event)}::text as event, "
                f"{quoted(names.number)}::text as number from {self._at(table)} "
                f"where {quoted(names.event)}::text = any($1)"
            )
            events = [str(row.event_id) for row in rows if row.table == table]
            for each in await connection.fetch(statement, events):
                found[each["event"]] = _number(each["number"])
        return found

    async def _next(self, connection: Plain) -> int:
        """Give the number that comes after the last, of this day.

        What is no number of a day up to now was written by somebody else.
        """
        day = int(f"{datetime.now(CHINA):%Y%m%d}") * _FIRST
        number = f"{quoted(self._names.number)}::text"
        statement = (
            f"select max({number}) from {self._at(self._names.batches)} "
            f"where {number} ~ '^[0-9]{{13}}$' and {number} < $1"
        )
        last = await connection.fetchval(statement, str(day + 2 * _FIRST))
        return max(day, int(last or 0)) + 1

    async def _insert(
        self, connection: Plain, rows: Sequence[FrontRow], number: int
    ) -> dict[str, str]:
        """Insert *rows*; give what is wrong with those that do not fit."""
        try:
            async with connection.transaction():
                for table, some in groupby(rows, key=attrgetter("table")):
                    await self._put(connection, table, list(some), number)
        except _UNFIT as error:
            if len(rows) == 1:
                return {str(rows[0].event_id): _unfit(error)}
            # One that does not fit must not take the others with it. By halves: over a
            # long line one by one would take longer than a batch may.
            half = len(rows) // 2
            unfit = await self._insert(connection, rows[:half], number)
            return unfit | await self._insert(connection, rows[half:], number)
        return {}

    async def _put(
        self, connection: Plain, table: str, rows: Sequence[FrontRow], number: int
    ) -> None:
        columns = sorted({name for row in rows for name in row.row})
        own = (self._names.event, self._names.number)
        columns = [*own, *(name for name in columns if name not in own)]
        listed = ", ".join(map(quoted, columns))
        # The server reads each value as its column's type: text, date, number, list.
        statement = (
            f"insert into {self._at(table)} ({listed}) select {listed} "
            f"from jsonb_populate_recordset(null::{self._at(table)}, $1::jsonb)"
        )
        said = [self._said(table, row, number) for row in rows]
        await connection.execute(statement, orjson.dumps(said).decode())

    def _said(self, table: str, row: FrontRow, number: int) -> dict[str, object]:
        many = self._columns[table]
        said = {
            name: self._joined(value)
            if isinstance(value, (list, tuple)) and not many[name]
            else value
            for name, value in row.row.items()
        }
        return said | {
            self._names.event: str(row.event_id),
            self._names.number: str(number),
        }

    def _joined(self, parts: Sequence[object]) -> str:
        """Write several values as one text: words joined, all else as JSON."""
        words = [part for part in parts if isinstance(part, str)]
        if len(words) < len(parts):
            return orjson.dumps(parts).decode()
        return self._names.separator.join(words)

    async def _note(
        self, connection: Plain, number: int, count: int, *, again: bool
    ) -> None:
        """Enter a batch in the table of batches, where it is not there yet."""
        names = self._names
        if not count:
            return
        there = (
            f"select from {self._at(names.batches)} "
            f"where {quoted(names.number)}::text = $1"
        )
        if again and await connection.fetch(there, str(number)):
            return
        columns = (names.number, names.count, names.written)
        listed = ", ".join(map(quoted, columns))
        statement = (
            f"insert into {self._at(names.batches)} ({listed}) select {listed} "
            f"from jsonb_populate_record(null::{self._at(names.batches)}, $1::jsonb)"
        )
        now = f"{datetime.now(CHINA):%Y-%m-%d %H:%M:%S}"
        said = dict(zip(columns, (str(number), count, now), strict=True))
        await connection.execute(statement, orjson.dumps(said).decode())

    def _at(self, table: str) -> str:
        return quoted(f"{self._names.schema}.{table}")


def _number(said: str | None) -> int:
    """Read a batch's number; 0: they have put something else in its place."""
    return int(said) if said and _NUMBER.fullmatch(said) else 0


def _unfit(error: asyncpg.PostgresError) -> str:
    """Say what does not fit, without a word of the row's content."""
    column = getattr(error, "column_name", None) or getattr(
        error, "constraint_name", None
    )
    return f"{type(error).__name__}{f', {column}' if column else ''}"


def _table(table: str, lacking: Sequence[str]) -> ReceiverTableError:
    columns = "、".join(lacking)
    return ReceiverTableError(
        f"前置库的表 {table} 不存在，或没有这些列：{columns}",
        f"the front-end database has no table {table}, or not its columns "
        f"{', '.join(lacking)}",
        table=table,
    )


def _refused(table: str, unfit: Mapping[str, str]) -> ReceiverTableError:
    why = "、".join(sorted(set(unfit.values())))
    return ReceiverTableError(
        f"前置库的表 {table} 一行也不收（{why}）",
        f"the table {table} of the front-end database takes no row ({why})",
        table=table,
        reason=why,
    )


def _lacking(error: asyncpg.PostgresError) -> ReceiverTableError:
    why = type(error).__name__
    return ReceiverTableError(
        f"前置库的表或列不能使用（{why}）",
        f"a table or column of the front-end database cannot be used ({why})",
        reason=why,
    )


def _away(error: Exception) -> ReceiverUnavailableError:
    why = getattr(error, "code", type(error).__name__)
    return ReceiverUnavailableError(
        f"接收方的前置库没有接收（{why}）",
        f"the receiver's front-end database does not take rows ({why})",
        reason=why,
    )
