"""The outbox as one relay sees it: its buckets, what waits in them, what is sent.

- One connection holds a session advisory lock per bucket. It dies with the relay,
  the network or the server, and the locks with it; nothing has to be cleaned up.
- Relays that live share the buckets by rendezvous hashing: each bucket is wanted by
  exactly one of them, and few change hands when one comes or goes.
- A bucket that is another's from now on is no longer read, and released when nothing of
  it is under way: else the other would send all of that again.
- A relay that is wrong about what it owns sends twice at worst: rows leave the outbox
  only after they were acknowledged.
- What is sent is moved over another connection: one receiver's batch is looked for
  while another's is moved. Nobody needs a bucket to say what the broker has.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import attrgetter

import asyncpg

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST
from zhitong.connectors.statements import statements
from zhitong.decisions import BUCKETS, Ack, Backlog, Outgoing
from zhitong.exceptions import LedgerUnavailableError

LIVE_SECONDS = 5.0
"""A relay that has not beaten for so long is taken for dead,"""
GONE_SECONDS = 1.5
"""and after so long already where the server has seen its connection end: longer than
one takes that only lost it, so that its buckets do not move twice."""
LEAVING_SECONDS = 10.0
"""What is under way of a bucket that is another's now is waited for so long. Behind a
broker that only we do not reach, the other shall not wait any longer."""
TRAIL = 20_000
"""How far the mark trails: rows with a lower number may be committed late."""
RESCAN_SECONDS = 10.0
OF_KEY = 100
"""Events of one key in a batch, where there are others to be sent."""
NEAR = 4
"""Rows a look passes at most, in batches. After a whole one the next is first looked
for in as many rows as it has: where much waits, most of it may leave."""
WIDE = 8
"""So often a look is wide whatever was found before: what no row was found of at all
may have some behind rows that wait."""
COUNTED = 10_000
"""What waits is counted so far."""
BATCH_BYTES = 16_777_216
_MONTH_SECONDS = 86_400.0
_SECONDS = 10.0
_CLOSE_SECONDS = 2.0

_SESSION = {
    "application_name": "zhitong-relay",
    "timezone": "Asia/Shanghai",
    # An owner behind a broken line is dropped within seconds, and so are its locks.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "client_connection_check_interval": "2s",
    # A halted process keeps its line; a relay at work says something each second.
    "idle_session_timeout": "15s",
    "idle_in_transaction_session_timeout": "15s",
    "statement_timeout": "30s",
    # The outbox is empty at one look and full at the next: plans must not follow
    # statistics. Every look here goes through an index, and in the order of one.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
    "enable_incremental_sort": "off",
    "jit": "off",
}

_BESIDE = _SESSION | {"idle_session_timeout": "0"}
"""Of connections that hold nothing: they may rest."""
_SEQ, _PLACE = attrgetter("seq"), attrgetter("place")


def desired(relay: str, relays: Collection[str]) -> frozenset[int]:
    """Say which buckets *relay* is to own while *relays* live."""
    return frozenset(
        bucket
        for bucket in range(BUCKETS)
        if max({*relays, relay}, key=lambda each: _weight(each, bucket)) == relay
    )


class PlatformOutbox:
    """The outbox in the platform's database, through one connection of its own."""

    def __init__(self, url: str, relay: str) -> None:
        self._url = url
        self._relay = relay
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._moving = _Line(url)
        self._looking = _Line(url)
        self._alone = asyncio.Lock()
        self._owned: frozenset[int] = frozenset()
        self._leaving: dict[int, float] = {}
        """Buckets that are another's, and until when they are still held."""
        self._wanting = False
        self._marks: dict[str, int] = {}
        self._rescan_at = 0.0
        self._looks = 0
        self._whole = False
        self._months_at = 0.0

    @property
    def settled(self) -> bool:
        """Say whether nothing is about to change hands, as far as we are concerned."""
        return not self._leaving and not self._wanting

    async def own(self, under_way: Collection[int] = ()) -> frozenset[int]:
        """Beat, take over what is free, release what is another's; give what is ours.

        Of what is another's, buckets *under_way* are still held, for a while.
        Raises `LedgerUnavailableError` after losing all of them.
        """
        async with self._alone:
            if self._connection is not None and self._connection.is_closed():
                self._lose()
                raise _unavailable()
            with _answered(self._lose):
                return await self._own(under_way)

    async def waiting(
        self, limit: int, resting: Collection[str] = ()
    ) -> Sequence[Outgoing]:
        """Give the oldest events of our buckets, each key's in order from its first.

        At most *limit* of each receiver; those of suspended receivers and of
        *resting* ones, of parked keys and behind an event that failed are left out.
        """
        async with self._alone:
            if not self._owned:
                return ()
            now = time.monotonic()
            if now >= self._rescan_at:
                self._marks.clear()
                self._rescan_at = now + RESCAN_SECONDS
            self._looks += 1
            events: list[Outgoing] = []
            if self._whole and self._looks % WIDE:
                events = await self._look(limit, resting, 1)
            if not _whole(events, limit):
                events = await self._look(limit, resting, NEAR)
            self._whole = _whole(events, limit)
            if events:
                # Nothing leaves that a promotion could undo.
                await self._fetch("copied", of="primary")
            # Oldest last, so that the oldest of each receiver makes its mark.
            for event in reversed(events):
                self._marks[event.receiver] = max(0, event.seq - TRAIL)
            return events

    async def sent(self, acks: Sequence[Ack]) -> None:
        """Move what the broker has to the sent log, in one transaction."""
        try:
            await self._moving.fetch(
                "sent",
                [ack.seq for ack in acks],
                [ack.partition for ack in acks],
                [ack.offset for ack in acks],
                [ack.at for ack in acks],
                [ack.digest or None for ack in acks],
                # What is not there is null: the most go where they were to go.
                [ack.place or None for ack in acks] if any(map(_PLACE, acks)) else [],
            )
        except LedgerUnavailableError:
            # It may be another server than before, or one put back to an older state.
            self._months_at = 0.0
            raise

    async def failed(self, seq: int, error: str) -> int:
        """Note an attempt that failed for the event's own sake; give their number."""
        rows = await self._moving.fetch("failed", seq, error)
        return int(rows[0]["attempts"]) if rows else 0

    async def park(self, seq: int, reason: str) -> None:
        """Make the event a dead letter and let its key's later events wait."""
        await self._moving.fetch("park", seq, reason)

    async def backlog(self) -> Sequence[Backlog]:
        """Say how much waits, by receiver, whoever sends it; counted to `COUNTED`.

        On a connection of its own: figures never cost the buckets.
        """
        rows = await self._looking.fetch("backlog", COUNTED)
        return [Backlog(**dict(row)) for row in rows]

    async def close(self) -> None:
        """Let go of everything."""
        self._looking.drop()
        self._moving.drop()
        async with self._alone:
            connection = self._connection
            if connection is not None and not connection.is_closed():
                # Nobody has to wait for a beat that will not come.
                with suppress(*LOST):
                    leave = statements("outbox")["leave"]
                    await connection.execute(leave, self._relay, timeout=_CLOSE_SECONDS)
                    await connection.close(timeout=_CLOSE_SECONDS)
            self._lose()

    async def _own(self, under_way: Collection[int]) -> frozenset[int]:
        if self._connection is None:
            self._connection = await primary.connect(
                self._url, timeout=_SECONDS, server_settings=_SESSION
            )
            await self._fetch("live", self._relay)
            self._months_at = 0.0
        now = time.monotonic()
        if now >= self._months_at:
            await self._fetch("months")
            self._months_at = now + _MONTH_SECONDS
        beaten = await self._fetch(
            "beat", self._relay, len(self._owned), LIVE_SECONDS, GONE_SECONDS
        )
        wanted = desired(self._relay, {row["relay_id"] for row in beaten})
        await self._release(wanted, under_way, now)
        held = self._owned.union(self._leaving)
        missing = sorted(wanted - held)
        taken = await self._fetch("acquire", missing) if missing else []
        had = self._owned
        self._owned = (held & wanted).union(row["bucket"] for row in taken)
        self._leaving = {b: at for b, at in self._leaving.items() if b not in wanted}
        if self._owned - had:
            # Older rows than those we know may lie in what is new to us.
            self._marks.clear()
        self._wanting = self._owned != wanted
        return self._owned

    async def _release(
        self, wanted: frozenset[int], under_way: Collection[int], now: float
    ) -> None:
        """Release what is held and not wanted, but for what is under way."""
        surplus = self._owned.union(self._leaving) - wanted
        leaving = {
            bucket: self._leaving.get(bucket, now + LEAVING_SECONDS)
            for bucket in surplus.intersection(under_way)
        }
        leaving = {bucket: until for bucket, until in leaving.items() if now < until}
        if free := sorted(surplus - leaving.keys()):
            await self._fetch("release", free)
        self._owned &= wanted
        self._leaving |= leaving
        for bucket in free:
            self._leaving.pop(bucket, None)

    async def _look(
        self, limit: int, resting: Collection[str], near: int
    ) -> list[Outgoing]:
        rows = await self._fetch(
            "waiting",
            sorted(self._owned),
            list(self._marks),
            list(self._marks.values()),
            list(resting),
            limit,
            BATCH_BYTES,
            near * limit,
            OF_KEY,
        )
        return sorted((Outgoing(**row) for row in rows), key=_SEQ)

    async def _fetch(
        self, name: str, *values: object, of: str = "outbox"
    ) -> list[asyncpg.Record]:
        if self._connection is None:
            raise _unavailable()
        statement = statements(of)[name]
        with _answered(self._lose):
            return await self._connection.fetch(statement, *values, timeout=_SECONDS)

    def _lose(self) -> None:
        if self._connection is not None:
            # A frozen server would not answer a farewell.
            self._connection.terminate()
        self._connection = None
        self._owned = frozenset()
        self._leaving = {}
        self._wanting = False
        self._marks.clear()


class _Line:
    """A connection beside the one that holds the buckets, made when it is needed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._alone = asyncio.Lock()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def fetch(self, name: str, *values: object) -> list[asyncpg.Record]:
        """Run a statement; raise `LedgerUnavailableError`."""
        statement = statements("outbox")[name]
        async with self._alone:
            with _answered(self.drop):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await primary.connect(
                        self._url, timeout=_SECONDS, server_settings=_BESIDE
                    )
                return await self._connection.fetch(
                    statement, *values, timeout=_SECONDS
                )

    def drop(self) -> None:
        """Hang up."""
        if self._connection is not None:
            # Not closed politely: a frozen server would not answer a farewell.
            self._connection.terminate()
        self._connection = None


@contextmanager
def _answered(lose: Callable[[], None]) -> Iterator[None]:
    """Raise `LedgerUnavailableError` where there is no answer, and *lose* who asked."""
    try:
        yield
    except LOST as error:
        lose()
        raise _unavailable() from error
    except asyncio.CancelledError:
        # Cut off in the middle, it may still be at work: it cannot be used again.
        lose()
        raise


def _weight(relay: str, bucket: int) -> tuple[bytes, str]:
    return hashlib.sha256(f"{bucket}/{relay}".encode()).digest(), relay


def _whole(events: Sequence[Outgoing], limit: int) -> bool:
    """Say whether each receiver has all it may, and no key more than its share."""
    counts = Counter(event.receiver for event in events)
    keys = Counter((event.receiver, event.key) for event in events)
    return (
        bool(events) and min(counts.values()) == limit and max(keys.values()) <= OF_KEY
    )


def _unavailable() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "平台数据库没有答复，待发事件仍在其中",
        "the platform's database does not answer; what waits, waits in it",
    )
