"""The sealer: what waits is numbered, and the log's head signed, each second.

- One seals: it holds a session advisory lock, which dies with it, with its line and
  with the server. Others stand by. One that was halted has lost its line.
- What waits is a queue: a row committed late is taken later, never passed over.
- Numbers, nodes, head, signatures and the queue change in one transaction. After any
  fault the state is read anew, so that a commit of unknown end does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from zhitong.connectors import primary
from zhitong.connectors import sealer_metrics as metrics
from zhitong.connectors.clock import Clock
from zhitong.connectors.evidence_log import Log, read_log
from zhitong.connectors.growth import grow, keep, tree_of
from zhitong.connectors.key_ring import HEAD, KeyRing
from zhitong.connectors.loan import LOST, Plain
from zhitong.connectors.statements import statements
from zhitong.evidence import Head
from zhitong.exceptions import EvidenceBrokenError, ZhitongError
from zhitong.rules.head_notes import read_head
from zhitong.rules.merkle import NONE, Frontier

LOCK = 7_000_002
BATCH = 20_000
"""Leaves under one head at most; more have several."""
HEARTBEAT_SECONDS = 60.0
_SECONDS = 30.0
_PAUSE = 1.0
SESSION = {
    "application_name": "zhitong-sealer",
    # A sealer behind a broken line is dropped within seconds, and so is its lock.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "client_connection_check_interval": "2s",
    # A halted process keeps its line; a sealer at work says something each second.
    "idle_session_timeout": "15s",
    # A program that signs is given ten seconds.
    "idle_in_transaction_session_timeout": "30s",
    "statement_timeout": "30s",
    # The queue is empty at one look and full at the next, the log at first and not for
    # long: plans must not follow statistics. Every look here goes through an index.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
_LEAF = ("number", "kind", "id", "leaf")

_log = logging.getLogger("zhitong.sealer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often it seals, and how much at a time."""

    seconds: float = 1.0
    heartbeat: float = HEARTBEAT_SECONDS
    batch: int = BATCH


@dataclass(slots=True)
class _State:
    """What the log is, as far as it is committed."""

    log: Log
    tree: Frontier
    head: Head | None
    beat_at: float = 0.0
    """When a head is due, new leaves or not; by the steady clock: at once at first."""


class Sealer:
    """Seals the log at *url* as long as it runs and no other one does.

    *sealed* is told after each head; keys are made by *algorithm*.
    """

    def __init__(  # noqa: PLR0913 - where, by what, how often, who is told
        self,
        url: str,
        keys: KeyRing,
        algorithm: str,
        *,
        pace: Pace | None = None,
        clock: Clock | None = None,
        sealed: Callable[[Head], None] = lambda _head: None,
    ) -> None:
        self._url = url
        self._keys = keys
        self._algorithm = algorithm
        self._pace = pace or Pace()
        self._clock = clock or Clock()
        self._sealed = sealed
        self._said = ""

    async def run(self) -> None:
        """Seal until cancelled, whatever happens to the database or to keys."""
        while True:
            try:
                await self._session()
            except asyncpg.InsufficientPrivilegeError:
                self._say(
                    "SETTINGS",
                    "该数据库账号无权封存，请设置 ZHITONG_DATABASE_PLATFORM_SEALER "
                    "this account may not seal: set ZHITONG_DATABASE_PLATFORM_SEALER",
                )
            except LOST as error:
                self._say(
                    "LEDGER_UNAVAILABLE",
                    "平台数据库没有答复，等待 the platform's database does not answer, "
                    f"waiting ({type(error).__name__})",
                )
            except ZhitongError as error:
                self._say(error.code, str(error))
            await asyncio.sleep(_PAUSE)

    async def _session(self) -> None:
        connection = await primary.connect(
            self._url, timeout=10, command_timeout=_SECONDS, server_settings=SESSION
        )
        try:
            await connection.execute(statements("sealer")["bounded"])
            await self._stand_by(connection)
            state = await self._load(connection)
            while True:
                began = time.monotonic()
                await self._round(connection, state)
                self._well()
                spent = time.monotonic() - began
                await asyncio.sleep(max(0.0, self._pace.seconds - spent))
        finally:
            # A frozen server would not answer a farewell; the lock ends with the line.
            connection.terminate()

    async def _stand_by(self, connection: Plain) -> None:
        """Wait until no other one seals."""
        while True:
            if await connection.fetchval(statements("sealer")["lock"], LOCK):
                return
            await asyncio.sleep(self._pace.seconds)

    async def _load(self, connection: Plain) -> _State:
        log = await read_log(connection)
        row = await connection.fetchrow(statements("sealer")["last"], log.origin)
        size, note, numbered = row or (None, None, 0)
        if numbered != (size or 0):
            raise EvidenceBrokenError(
                f"日志已编号 {numbered} 个叶子，最后的日志头却是 {size or 0} 个，"
                "停止封存：请执行 zhitong audit verify",
                f"{numbered} leaves have a number and the last head has {size or 0}; "
                "sealing stops: run zhitong audit verify",
            )
        if note is None:
            return _State(log, Frontier(log.digest), None)
        head = _head(note)
        return _State(log, await tree_of(connection, log.digest, head), head)

    async def _round(self, connection: Plain, state: _State) -> None:
        """Seal all that waits, a head for each batch; or beat, when it is time."""
        self._clock.watch()
        while await self._seal(connection, state) == self._pace.batch:
            pass
        row = await connection.fetchrow(statements("sealer")["waiting"])
        if row:
            metrics.observe(row["waiting"], row["oldest"])

    async def _seal(self, connection: Plain, state: _State) -> int:
        """Seal one batch; say how many were taken from the queue."""
        began = time.monotonic()
        tree = state.tree.copy()
        async with connection.transaction():
            rows = await connection.fetch(
                statements("sealer")["take"], self._pace.batch
            )
            fresh = [row for row in rows if row["sealed"] is None]
            for row in rows:
                if row["sealed"] not in {None, row["leaf"]}:
                    await self._set_aside(connection, row)
            if not fresh and began < state.beat_at:
                return len(rows)
            await self._grow(connection, tree, fresh)
            head = self._next(state, tree)
            oldest = min((row["at"] for row in fresh), default=None)
            await self._sign(connection, head, oldest)
        # Only now: until it is committed, the tree is what it was.
        state.tree, state.head = tree, head
        state.beat_at = began + self._pace.heartbeat
        metrics.duration.record(time.monotonic() - began)
        metrics.leaves.add(len(fresh))
        self._sealed(head)
        return len(rows)

    async def _grow(
        self, connection: Plain, tree: Frontier, fresh: list[asyncpg.Record]
    ) -> None:
        records = [
            (number, row["kind"], row["id"], row["leaf"])
            for number, row in enumerate(fresh, start=tree.size)
        ]
        if records:
            await connection.copy_records_to_table(
                "sealed_leaf", records=records, columns=_LEAF
            )
        if nodes := grow(tree, (row["leaf"] for row in fresh)):
            await keep(connection, nodes)

    def _next(self, state: _State, tree: Frontier) -> Head:
        at, previous = self._clock.now(), NONE
        if state.head is not None:
            # A clock that goes back never takes the log with it.
            at = max(at, state.head.at + timedelta(microseconds=1))
            previous = state.log.digest(state.head.note)
        return Head(
            origin=state.log.origin,
            hash=state.log.hash,
            size=tree.size,
            root=tree.root(),
            at=at,
            previous=previous,
        )

    async def _sign(
        self, connection: Plain, head: Head, oldest: datetime | None
    ) -> None:
        sql = statements("sealer")
        named = (head.origin, head.size, head.at)
        await connection.execute(sql["head"], *named, head.note, oldest)
        signers = await self._keys.signers(connection, HEAD, self._algorithm, head.at)
        for each in signers:
            # A program may take its time, and others of this process wait for none.
            value = await asyncio.to_thread(each.sign, head.note)
            signed = (each.key_id, each.algorithm, value)
            await connection.execute(sql["sign"], *named, *signed)

    async def _set_aside(self, connection: Plain, row: asyncpg.Record) -> None:
        values = (row["kind"], row["id"], row["leaf"], row["at"])
        await connection.execute(statements("sealer")["set_aside"], *values)
        metrics.set_aside.add(1)
        _log.warning(
            "%s %s 已以另一内容封存，另存待查 is sealed with another leaf: set aside",
            row["kind"],
            row["id"],
        )

    def _say(self, code: str, text: str) -> None:
        """Warn of a state when it begins, not each second."""
        if self._said != code:
            _log.warning("%s: %s", code, text)
        self._said = code

    def _well(self) -> None:
        if self._said:
            _log.warning("封存恢复 sealing goes on")
        self._said = ""


def _head(note: bytes) -> Head:
    try:
        return read_head(note)
    except ValueError as error:
        raise EvidenceBrokenError(
            "最后的日志头不是日志头，停止封存：请执行 zhitong audit verify",
            "the last head is no head; sealing stops: run zhitong audit verify",
        ) from error
