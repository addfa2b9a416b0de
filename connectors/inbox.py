"""A receiver's own database: what arrived, its effect and the receipts due."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import asyncpg
import msgspec
import orjson

from zhitong.connectors.loan import LOST, lent
from zhitong.connectors.statements import statements
from zhitong.connectors.succession import Succession, Verdict, reached
from zhitong.decisions import (
    ANNOTATED,
    Answer,
    Arrival,
    Change,
    Due,
    Receipt,
    Unreadable,
)
from zhitong.exceptions import InboxUnavailableError

POOL_SIZE = 3
LENT_SECONDS = 15.0
"""How long one consumer has receipts to send before another may; its patience with
the broker is shorter."""

# Behind an escaped backslash, u0000 is text.
_NULL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverInbox:
    """The port Inbox on PostgreSQL; one transaction per batch."""

    pool: asyncpg.Pool[asyncpg.Record]
    receiver: str
    places: frozenset[str]
    seconds: float = 30.0
    """How long the database may take."""

    async def take(self, arrivals: Sequence[Arrival]) -> Sequence[Answer]:
        """Take *arrivals* in one transaction: inbox, effect and receipts due.

        What came before changes nothing and has its receipt made due again; what is
        only read again, where it lay, has nothing done. A version whose predecessor
        is missing waits; it is taken with it. A row that its table cannot hold is
        rejected. Raises `InboxUnavailableError`; what was not answered was not taken,
        or is found as known when it comes again.
        """
        if not arrivals:
            return []
        async with self._connected() as connection, connection.transaction():
            # A group whose offsets are lost reads its topic from the beginning: what
            # was taken there has been answered, or its receipt is due still.
            lain = await self._lain(connection, arrivals)
            fresh = [each for i, each in enumerate(arrivals, 1) if i not in lain]
            taken = iter(await self._take(connection, fresh) if fresh else ())
            return [lain.get(i) or next(taken) for i in range(1, len(arrivals) + 1)]

    async def set_aside(self, unreadable: Sequence[Unreadable]) -> None:
        """Keep bytes that are no event, so that they neither block nor are lost."""
        if not unreadable:
            return
        async with self._connected() as connection:
            await connection.execute(
                statements("inbox")["set_aside"],
                [each.topic for each in unreadable],
                [each.partition for each in unreadable],
                [each.offset for each in unreadable],
                [hashlib.sha256(each.value).hexdigest() for each in unreadable],
                [each.value for each in unreadable],
                [each.why for each in unreadable],
            )

    async def due(self, limit: int) -> Sequence[Due]:
        """Give receipts not yet sent, oldest first; nobody else is given them soon."""
        async with self._connected() as connection:
            rows = await connection.fetch(
                statements("inbox")["lend"], limit, LENT_SECONDS
            )
        rows.sort(key=lambda row: row["due_at"])
        return [self._due(row) for row in rows]

    async def answered(self, sent: Sequence[Due]) -> None:
        """Note that the receipts of *sent* are with the broker."""
        async with self._connected() as connection:
            await connection.execute(
                statements("inbox")["answered"],
                [str(each.receipt.event_id) for each in sent],
                [each.receipt.answer for each in sent],
            )

    async def _lain(
        self, connection: _Connection, arrivals: Sequence[Arrival]
    ) -> Mapping[int, Answer]:
        """Give the answers, by their number, of those that lie where they lay."""
        found = await connection.fetch(statements("inbox")["lain"], *_places(arrivals))
        return {row["ordinal"]: Answer(row["answer"]) for row in found}

    async def _take(
        self, connection: _Connection, arrivals: Sequence[Arrival]
    ) -> Sequence[Answer]:
        queries = statements("inbox")
        decisions = sorted({str(each.decision_id) for each in arrivals})
        stood = await connection.fetch(queries["queue"], decisions)
        known = await connection.fetch(
            queries["known"], [str(each.event_id) for each in arrivals]
        )
        waiting = await connection.fetch(queries["waiting"], decisions)
        fitting = await self._fitted(connection, arrivals)
        succession = Succession(
            known={UUID(row["event_id"]): Answer(row["answer"]) for row in known},
            seen={UUID(row["decision_id"]): row["version"] for row in stood},
            waiting=[_waiting(row) for row in waiting],
        )
        answers = succession.judge(fitting)
        places = {UUID(row["decision_id"]): row["place"] for row in stood}
        for name, rows in _writes(succession, places):
            if rows:
                await connection.execute(queries[name], orjson.dumps(rows).decode())
        changed = dict.fromkeys(
            str(event_id)
            for event_id in (
                *(arrival.event_id for arrival in fitting),
                *(verdict.arrival.event_id for verdict in succession.released),
            )
        )
        await connection.execute(queries["fall_due"], list(changed))
        await connection.execute(queries["lie"], *_places(arrivals))
        return answers

    async def _fitted(
        self, connection: _Connection, arrivals: Sequence[Arrival]
    ) -> Sequence[Arrival]:
        """Give a reason to each arrival whose row its table cannot hold."""
        why = [self._unfit(arrival) for arrival in arrivals]
        asked = [i for i, found in enumerate(why) if not found]
        rows = [{"place": arrivals[i].table, "row": _row(arrivals[i])} for i in asked]
        misfits = await connection.fetch(
            statements("inbox")["misfits"], orjson.dumps(rows).decode()
        )
        for misfit in misfits:
            why[asked[misfit["ordinal"] - 1]] = (
                f"数据不符合表结构 does not fit the table (SQLSTATE {misfit['why']})",
            )
        return [
            # A row that is never written need not, or cannot, be kept.
            msgspec.structs.replace(arrival, row={}, reasons=found)
            if found
            else arrival
            for arrival, found in zip(arrivals, why, strict=True)
        ]

    def _unfit(self, arrival: Arrival) -> tuple[str, ...]:
        if arrival.reasons:
            return arrival.reasons
        if arrival.change is not None and arrival.table not in self.places:
            return ("没有这样的表 there is no such table here",)
        try:
            text = orjson.dumps(arrival.row)
        except orjson.JSONEncodeError:
            return ("数值过大或嵌套过深 too large a number, or nested too deep",)
        if _NULL.search(text):
            return ("含有空字符 has a null character, which no table can hold",)
        return ()

    def _due(self, row: asyncpg.Record) -> Due:
        return Due(
            receipt=Receipt(
                event_id=UUID(row["event_id"]),
                receiver=self.receiver,
                answer=Answer(row["answer"]),
                at=row["answered_at"],
                payload_hash=row["payload_hash"],
                reasons=tuple(row["reasons"]),
            ),
            key=row["key"],
            traceparent=row["traceparent"],
        )

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        try:
            async with asyncio.timeout(self.seconds), lent(self.pool) as connection:
                yield connection
        except LOST as error:
            raise _unavailable(error) from error


async def open_inbox(url: str, receiver: str) -> ReceiverInbox:
    """Open the database under *url*; raise `InboxUnavailableError` if it is away."""
    try:
        pool = await asyncpg.create_pool(
            url, min_size=1, max_size=POOL_SIZE, timeout=10
        )
        rows = await pool.fetch(statements("inbox")["places"])
    except LOST as error:
        raise _unavailable(error) from error
    return ReceiverInbox(
        pool=pool, receiver=receiver, places=frozenset(row["place"] for row in rows)
    )


def _unavailable(error: Exception) -> InboxUnavailableError:
    kind = type(error).__name__
    return InboxUnavailableError(
        f"接收方的数据库没有回应（{kind}），事件留在队列中，将自动重试",
        f"the receiver's database does not answer ({kind}); events stay on the topic "
        "and are tried again",
    )


def _writes(
    succession: Succession, places: Mapping[UUID, str | None]
) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Give what a batch writes: a statement's name and its rows, in their order."""
    effects = succession.effects
    moved: dict[str, list[str]] = defaultdict(list)
    for decision, arrival in effects.items():
        before = places[decision]
        if before not in (None, arrival.table):
            moved[before].append(str(decision))
    rows: dict[str, list[dict[str, object]]] = defaultdict(list)
    for arrival in effects.values():
        rows[arrival.table].append(_row(arrival))
    yield "displace", [{"place": p, "decisions": ids} for p, ids in moved.items()]
    yield "effect", [{"place": p, "rows": held} for p, held in rows.items()]
    yield "arrive", [_entry(verdict) for verdict in succession.arrived]
    yield (
        "annotate",
        [
            _row(verdict.arrival)
            for verdict in succession.arrived
            if verdict.arrival.change is None and verdict.answer is Answer.HELD
        ],
    )
    yield (
        "wait",
        [
            _kept(verdict.arrival)
            for verdict in succession.arrived
            if verdict.answer is Answer.WAITING
        ],
    )
    yield "release", [_settled(verdict) for verdict in succession.released]
    yield (
        "seen",
        [
            {
                "decision_id": decision,
                "version": version,
                "place": effects[decision].table if decision in effects else None,
            }
            for decision, version in reached(succession).items()
        ],
    )


def _places(arrivals: Sequence[Arrival]) -> tuple[list[object], ...]:
    return (
        [arrival.topic for arrival in arrivals],
        [arrival.partition for arrival in arrivals],
        [arrival.offset for arrival in arrivals],
        [str(arrival.event_id) for arrival in arrivals],
    )


def _row(arrival: Arrival) -> dict[str, object]:
    """Name the columns as PostgreSQL does, and add what is ours."""
    return {name.lower(): value for name, value in arrival.row.items()} | {
        "decision_id": arrival.decision_id,
        "version": arrival.version,
        "state": arrival.change,
        "event_id": arrival.event_id,
    }


def _entry(verdict: Verdict) -> dict[str, object]:
    arrival = verdict.arrival
    return {
        "event_id": arrival.event_id,
        "decision_id": arrival.decision_id,
        "version": arrival.version,
        "change": arrival.change or ANNOTATED,
        "place": arrival.table,
        "payload_hash": arrival.payload_hash,
        "topic": arrival.topic,
        "partition": arrival.partition,
        "koffset": arrival.offset,
        "key": arrival.key,
        "traceparent": arrival.traceparent,
        "statement": arrival.statement,
        "signature": arrival.signature or "",
        "answer": verdict.answer,
        "reasons": verdict.reasons,
    }


def _kept(arrival: Arrival) -> dict[str, object]:
    return {
        "event_id": arrival.event_id,
        "decision_id": arrival.decision_id,
        "version": arrival.version,
        "change": arrival.change,
        "place": arrival.table,
        "row": arrival.row,
        "reasons": arrival.reasons,
    }


def _settled(verdict: Verdict) -> dict[str, object]:
    return {
        "event_id": verdict.arrival.event_id,
        "answer": verdict.answer,
        "reasons": verdict.reasons,
    }


def _waiting(row: asyncpg.Record) -> Arrival:
    return Arrival(
        event_id=UUID(row["event_id"]),
        decision_id=UUID(row["decision_id"]),
        version=row["version"],
        change=Change(row["change"]),
        follows_history=False,  # else it would not have waited
        table=row["place"],
        row=orjson.loads(row["row"]),
        reasons=tuple(row["reasons"]),
        payload_hash="",
        topic="",
        partition=0,
        offset=0,
    )
