"""An outbox in memory, for tests and trials: one relay's, which owns every bucket."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from zhitong.decisions import BUCKETS, Ack, Backlog, Outgoing
from zhitong.exceptions import LedgerUnavailableError


class MemoryOutbox:
    """What waits and what was sent, and a database that is away on demand."""

    def __init__(self, events: Sequence[Outgoing] = ()) -> None:
        self.rows = {event.seq: event for event in events}
        self.moved: list[Ack] = []
        self.parked: dict[tuple[str, str], str] = {}
        """Reason by receiver and key."""
        self.suspended: set[str] = set()
        self.away = False

    settled = True
    """There is nobody to share with."""

    async def own(self, under_way: Collection[int] = ()) -> frozenset[int]:
        """Give all buckets, whatever is *under_way*."""
        del under_way
        self._answer()
        return frozenset(range(BUCKETS))

    async def waiting(
        self, limit: int, resting: Collection[str] = ()
    ) -> Sequence[Outgoing]:
        """Give the oldest events, of each key in order; behind a failed one none."""
        self._answer()
        left_out = {*self.suspended, *resting}
        counts: dict[str, int] = {}
        attempted: dict[tuple[str, str], int] = {}
        found = []
        for _, event in sorted(self.rows.items()):
            place = event.receiver, event.key
            if place in self.parked or event.receiver in left_out:
                continue
            first = place not in attempted
            attempted[place] = max(attempted.get(place, 0), event.attempts)
            counted = counts.get(event.receiver, 0)
            if counted < limit and (first or not attempted[place]):
                counts[event.receiver] = counted + 1
                found.append(event)
        return found

    async def sent(self, acks: Sequence[Ack]) -> None:
        """Move what the broker has."""
        self._answer()
        self.moved += [ack for ack in acks if self.rows.pop(ack.seq, None)]

    async def failed(self, seq: int, error: str) -> int:
        """Note an attempt; *error* is not kept here."""
        self._answer()
        attempts = self.rows[seq].attempts + (1 if error else 0)
        self.rows[seq] = msgspec.structs.replace(self.rows[seq], attempts=attempts)
        return attempts

    async def park(self, seq: int, reason: str) -> None:
        """Let the key's later events wait."""
        self._answer()
        event = self.rows[seq]
        self.parked.setdefault((event.receiver, event.key), reason)

    async def backlog(self) -> Sequence[Backlog]:
        """Say how much waits; ages are not kept here."""
        self._answer()
        return [
            Backlog(
                receiver=receiver,
                waiting=sum(e.receiver == receiver for e in self.rows.values()),
                oldest_seconds=0.0,
                parked=sum(place[0] == receiver for place in self.parked),
                suspended=receiver in self.suspended,
            )
            for receiver in sorted({event.receiver for event in self.rows.values()})
        ]

    async def close(self) -> None:
        """Let go of nothing."""

    def _answer(self) -> None:
        if self.away:
            raise LedgerUnavailableError("数据库离线", "the database is away")
