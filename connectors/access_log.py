"""The access register in the platform's database; concurrent looks share commits."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import asyncpg
from opentelemetry import metrics

from zhitong.connectors import primary
from zhitong.connectors.access_entry import LookEntry, Records, grants_used
from zhitong.connectors.loan import LOST, lent, nothing_to_reset
from zhitong.connectors.spool import Spool
from zhitong.connectors.statements import statements
from zhitong.evidence import stamp
from zhitong.exceptions import ZhitongError, ended, unrecorded
from zhitong.types import Inquiry

LOGGER = logging.getLogger(__name__)
LARGEST_COMMIT = 256
POOL_SIZE = 4
RETRY_SECONDS = 0.5
MONTHS_SECONDS = 3_600.0
"""Between two times that the months ahead are made."""
ENDED = "ZT403"
"""What ``record_looks`` says where a sharing grant has ended."""
_METER = metrics.get_meter("zhitong.connectors")
_SHARED = _METER.create_histogram(
    "zhitong.record.commit", "{record}", "Records of looks that shared a commit"
)
_KEPT = _METER.create_counter(
    "zhitong.record.kept", "{record}", "Looks put on our own disk, the register away"
)


class Together:
    """Looks of which somebody waits until each is committed, or cannot be."""

    __slots__ = ("done", "failed", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.failed: list[tuple[Inquiry, Exception]] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, inquiry: Inquiry, error: Exception | None) -> None:
        """Note what became of one of them."""
        if error is not None:
            self.failed.append((inquiry, error))
        self.left -= 1
        if not self.left and not self.done.done():  # else the caller has gone away
            self.done.set_result(None)


class Waiting(NamedTuple):
    """An entry, and who waits for its commit: nobody any more, or one, or several."""

    entry: LookEntry
    inquiry: Inquiry
    togethers: list[Together]

    @property
    def alone(self) -> bool:
        """Whether nobody waits any more."""
        return all(one.done.done() for one in self.togethers)


async def open_pool(url: str) -> asyncpg.Pool[asyncpg.Record]:
    """Open the connections the register is written through."""
    return await primary.pool(
        url,
        min_size=1,
        max_size=POOL_SIZE,
        reset=nothing_to_reset,
        server_settings={"application_name": "zhitong register"},
    )


class PlatformAccessLog:
    """Commits records in groups: who comes while one is written is in the next.

    With *spools*, the first of them ours, looks may wait there for the register.
    """

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        key: bytes,
        seconds: float = 2.0,
        *,
        spools: Sequence[Spool] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._key = key
        self._seconds = seconds
        self._spools = spools
        self._clock = clock
        self._tenant = ""
        self._records: Records | None = None
        self._waiting: dict[int, Waiting] = {}
        """In the order they came, by the identity of the question, which is theirs."""
        self._writing: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._making: asyncio.Task[None] | None = None
        self._made: float | None = None
        self._away = False
        self._closing = False

    @property
    def away(self) -> bool:
        """Say whether the last commit failed, and none has succeeded since."""
        return self._away

    @property
    def waiting(self) -> int:
        """Give the bytes of looks that lie on our own disk."""
        return sum(spool.size for spool in self._spools)

    def report(self) -> Mapping[str, object]:
        """Say what waits on our own disk, and of when the oldest is, for /ready."""
        found = [one for spool in self._spools if (one := spool.oldest())]
        oldest = stamp(min(found)) if found else None
        return {"bytes": self.waiting, "oldest": oldest}

    async def open(self) -> Records:
        """Learn whose log this is; begin to enter what was left on the disk."""
        try:
            async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
                row = await connection.fetchrow(statements("access_log")["log"])
        except Exception as error:
            raise unrecorded() from error
        if row is None or row["tenant"] is None:
            raise unrecorded()
        self._tenant = row["tenant"]
        found = self._records = Records(self._key, self._tenant, row["hash"])
        self._drain_soon()
        return found

    async def record(self, inquiry: Inquiry) -> str:
        """Commit what *inquiry* read, return the record's id."""
        for _, error in await self._committed([inquiry]):
            raise _told(error)
        return inquiry.id

    async def follow(self, inquiries: Sequence[Inquiry]) -> Sequence[Inquiry]:
        """Commit what several questions read that are answered; give what failed."""
        return [one for one, _ in await self._committed(inquiries)]

    async def keep(self, inquiry: Inquiry) -> None:
        """Put the record on our own disk; it is committed as soon as that works."""
        if not self._spools:
            raise unrecorded()
        records = self._records or await self.open()
        await self._spools[0].keep(records.entry(inquiry).body)
        waiting = self._waiting.get(id(inquiry))
        if waiting is not None and waiting.alone:
            # Else a slow register has ever more before it, and before who waits for it.
            del self._waiting[id(inquiry)]
        _KEPT.add(1)
        self._drain_soon()

    async def close(self) -> None:
        """Try once more to enter what is on the disk; what is not stays there."""
        self._closing = True
        if self._draining is not None:
            await self._draining  # cut off, it might be emptying the file
        if self._records is not None:
            try:
                await self._drain()
            except ZhitongError:
                LOGGER.warning("%d bytes of access records wait", self.waiting)
        for spool in self._spools:
            spool.close()

    # --- commits ---------------------------------------------------------------

    async def _committed(
        self, inquiries: Sequence[Inquiry]
    ) -> Sequence[tuple[Inquiry, Exception]]:
        """Wait until all are committed that can be; say what is wrong with others."""
        records = self._records or await self.open()
        together = Together(len(inquiries))
        for one in inquiries:
            known = self._waiting.get(id(one))
            if known is None:
                known = Waiting(records.entry(one), one, [])
                self._waiting[id(one)] = known
            known.togethers.append(together)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await together.done
        return together.failed

    async def _write(self) -> None:
        while self._waiting:
            first = [*islice(self._waiting, LARGEST_COMMIT)]
            batch = [self._waiting.pop(one) for one in first]
            try:
                await self._commit(batch)
            except Exception as error:  # noqa: BLE001 - each entry's caller is waiting
                if _own(error):
                    # One that cannot be stored must not take the others with it.
                    await self._one_by_one(batch, error)
                else:
                    self._away = True
                    _settle(batch, error)
            else:
                _settle(batch, None)
        self._make_months()

    async def _one_by_one(self, batch: Sequence[Waiting], error: Exception) -> None:
        if len(batch) == 1:
            _settle(batch, error)
            return
        for each in batch:
            try:
                await self._commit([each])
            except Exception as fault:  # noqa: BLE001 - its caller is waiting
                _settle([each], fault)
            else:
                _settle([each], None)

    async def _commit(self, batch: Sequence[Waiting]) -> None:
        grants = grants_used([each.inquiry for each in batch])
        await self._enter([each.entry for each in batch], grants)

    async def _enter(
        self,
        entries: Sequence[LookEntry],
        grants: Sequence[str],
        *,
        again: bool = False,
    ) -> None:
        statement = statements("access_log")["record"]
        async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
            try:
                await connection.execute(statement, self._tenant, entries, grants)
            except asyncpg.CheckViolationError as error:
                if error.constraint_name is not None:
                    raise
                # Their month was attached after they had been sent to no month's part.
                await connection.execute(statement, self._tenant, entries, grants)
            if again:
                # What is there already may not be copied yet, and leaves our disk.
                await connection.execute(statements("primary")["copied"])
        self._away = False
        _SHARED.record(len(entries))

    # --- what waits on our own disk ----------------------------------------------

    def _drain_soon(self) -> None:
        idle = self._draining is None or self._draining.done()
        if idle and not all(spool.empty for spool in self._spools):
            self._draining = asyncio.create_task(self._drain_patiently())

    async def _drain_patiently(self) -> None:
        while not (self._closing or all(spool.empty for spool in self._spools)):
            try:
                await self._drain()
            except ZhitongError:
                await asyncio.sleep(RETRY_SECONDS)

    async def _drain(self) -> None:
        for spool in self._spools:
            await spool.drain(self._entered)

    async def _entered(self, bodies: Sequence[bytes]) -> Sequence[str | None]:
        """Enter bodies of the disk; say of each why it cannot be.

        What grants they rest on does not count any more: they were given.
        """
        assert self._records is not None  # noqa: S101 - nothing is kept before
        entries = [_read(self._records, body) for body in bodies]
        good = [entry for entry in entries if not isinstance(entry, str)]
        refused: dict[LookEntry, str] = {}
        try:
            await self._enter(good, [], again=True)
        except Exception as error:
            if not _own(error):
                raise unrecorded() from error
            refused = await self._refused(good)
        return [
            entry if isinstance(entry, str) else refused.get(entry) for entry in entries
        ]

    async def _refused(self, entries: Sequence[LookEntry]) -> dict[LookEntry, str]:
        """Enter *entries* one by one; name the fault of each that cannot be."""
        refused: dict[LookEntry, str] = {}
        for entry in entries:
            try:
                await self._enter([entry], [], again=True)
            except Exception as error:
                if not _own(error):
                    raise unrecorded() from error
                refused[entry] = f"the register refuses it ({type(error).__name__})"
        return refused

    # --- partitions ----------------------------------------------------------------

    def _make_months(self) -> None:
        """Have the months ahead made, now and then: beside the looks, not before."""
        now = self._clock()
        if self._made is not None and now - self._made < MONTHS_SECONDS:
            return
        self._made = now
        self._making = asyncio.create_task(self._months())

    async def _months(self) -> None:
        try:
            async with asyncio.timeout(60), lent(self._pool) as connection:
                await connection.execute(statements("access_log")["months"])
        except LOST as error:
            # There are two more, and any record has a place without its own.
            LOGGER.warning("no month made ahead: %s", type(error).__name__)


def _read(records: Records, body: bytes) -> LookEntry | str:
    try:
        return records.read(body)
    except (ValueError, json.JSONDecodeError):
        return "it is no record of a look"


def _own(error: Exception) -> bool:
    """Say whether *error* is one entry's own, the register being there."""
    return (
        isinstance(error, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError)
        or getattr(error, "sqlstate", None) == ENDED
    )


def _settle(batch: Sequence[Waiting], error: Exception | None) -> None:
    for each in batch:
        for together in each.togethers:
            together.settle(each.inquiry, error)


def _told(error: Exception) -> ZhitongError:
    told: ZhitongError = unrecorded()
    if getattr(error, "sqlstate", None) == ENDED:
        told = ended()
    told.__cause__ = error
    return told
