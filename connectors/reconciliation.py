"""What the platform's database knows of each event, for the one that reconciles.

Everything is asked by place or by key and in bounded pieces; the whole ledger is
compared inside the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg

from zhitong.connectors import primary
from zhitong.connectors.key_ring import RECEIPT, KeyRing, KeySigner
from zhitong.connectors.loan import LOST, Plain
from zhitong.connectors.statements import statements
from zhitong.decisions import NAMESPACE, Change, event_id
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.reconciliation import Difference, Kind, Logged, Place, Window

AT_MOST = 10_000
"""Differences of one kind that one run names; the next names what is left."""
SECONDS = 600.0
"""How long a comparison of everything may take."""

_NOBODY: tuple[str, int | None] = ("", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """When it was reconciled last."""

    began_at: datetime | None
    whole_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stating:
    """A window as it is to be stated."""

    statement: UUID
    place: Place
    records: int
    foreign: tuple[int, ...]
    root: bytes
    parts: tuple[bytes, ...]


class Reconciliations:
    """The platform's database, on a connection of its own while it is needed.

    The lock of the one who reconciles is this session's: another takes over where it
    is lost.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Plain | None = None

    async def alone(self) -> bool:
        """Say whether we are the one who reconciles, for as long as this lasts."""
        return bool((await self._rows("alone"))[0][0])

    async def wait(self) -> None:
        """Wait until nobody else is at work; then nobody else is until we end."""
        await self._rows("wait")

    async def release(self) -> None:
        """Let others reconcile."""
        await self._rows("release")

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            # A frozen server would not answer a farewell.
            self._connection.terminate()
        self._connection = None

    async def last(self) -> Runs:
        """Say when it was reconciled last."""
        (row,) = await self._rows("last")
        return Runs(**dict(row))

    # --- places on topics --------------------------------------------------------

    async def reached(self, topic: str) -> Mapping[int, int]:
        """Say how far each partition is closed."""
        rows = await self._rows("reached", topic)
        return {row["kpartition"]: row["reached"] for row in rows}

    async def windows(
        self, topic: str, partition: int, start: int
    ) -> Sequence[tuple[int, int]]:
        """Give the closed windows of a partition that end after *start*."""
        rows = await self._rows("windows", topic, partition, start)
        return [(row["from_offset"], row["to_offset"]) for row in rows]

    async def recounted(self, topic: str) -> Sequence[tuple[int, int, int]]:
        """Name windows to look at again: partition, from, to."""
        kinds = [Kind.SENT_LOG_MISSING, Kind.TOPIC_MISSING, Kind.TOPIC_ALTERED]
        rows = await self._rows("recounted", topic, kinds, AT_MOST)
        return [(row[0], row[1], row[2]) for row in rows]

    async def logged(self, place: Place) -> Sequence[Logged]:
        """Give what the sent log says lies at *place*."""
        where = (place.topic, place.partition, place.start, place.end)
        return [_logged(row) for row in await self._rows("logged", *where)]

    async def elsewhere(
        self, receiver: str, events: Iterable[str]
    ) -> Mapping[str, Sequence[Logged]]:
        """Give what is known of *events*, wherever they are said to be."""
        found: dict[str, list[Logged]] = defaultdict(list)
        if wanted := list(events):
            for row in await self._rows("elsewhere", receiver, wanted):
                found[row["event_id"]].append(_logged(row, waits=row["waits"]))
        return found

    async def versions(
        self, stated: Iterable[tuple[str, int]]
    ) -> frozenset[tuple[str, int]]:
        """Say which of these versions the ledger has."""
        wanted = list(stated)
        if not wanted:
            return frozenset()
        rows = await self._rows("versions", *map(list, zip(*wanted, strict=True)))
        return frozenset((row["decision_id"], row["version"]) for row in rows)

    async def registered(
        self, receiver: str, events: Iterable[str]
    ) -> Mapping[str, bytes]:
        """Give the digests that the register has of what was to leave."""
        names = [f"{each}/{receiver}" for each in events]
        if not names:
            return {}
        rows = await self._rows("registered", names)
        return {r["event_id"]: bytes.fromhex(r["digest"]) for r in rows if r["digest"]}

    async def gone(
        self, place: Place, kept_since: datetime, before: datetime
    ) -> Sequence[Difference]:
        """Name what was sent *before*, must be on the topic and is beyond *place*."""
        where = (place.topic, place.partition, place.start, place.end)
        rows = await self._rows("gone", *where, kept_since, before, AT_MOST)
        return [
            Difference(
                kind=Kind.TOPIC_MISSING,
                receiver=place.receiver,
                event_id=row["event_id"],
                decision_id=row["decision_id"],
                version=row["version"],
                topic=place.topic,
                partition=row["kpartition"],
                offset=row["koffset"],
            )
            for row in rows
        ]

    async def keep(self, window: Window) -> None:
        """Keep a window that was closed, or looked at again."""
        place = window.place
        name = f"{place.topic}/{place.partition}/{place.start}-{place.end}"
        await self._rows(
            "keep",
            uuid5(NAMESPACE, f"{name}/{window.root.hex()}"),
            place.receiver,
            place.topic,
            place.partition,
            place.start,
            place.end,
            len(window.events),
            window.doubles,
            window.logged,
            list(window.foreign),
            window.root,
            list(window.parts),
        )

    async def void(self, topic: str, partition: int) -> None:
        """Let the windows of a partition count no more: its offsets began anew."""
        await self._rows("voided", topic, partition)

    # --- ledger, register, sent log, receipts ------------------------------------

    async def unsent(
        self, since: datetime, again: Sequence[Difference], *, whole: bool
    ) -> Sequence[Difference]:
        """Name what is due and neither waits nor was sent."""
        names = [f"{each.event_id}/{each.receiver}" for each in again]
        rows = list(await self._rows("unsent", since, names, AT_MOST))
        about = await self._versions_at([row["at"] for row in rows])
        if whole:
            rows += await self._rows("unsealed_or_gone", AT_MOST)
        return [
            Difference(
                kind=Kind.SENT_LOG_MISSING if row["answered"] else Kind.LOST,
                receiver=row["receiver"],
                event_id=row["event_id"],
                decision_id=about.get(row["event_id"], _NOBODY)[0],
                version=about.get(row["event_id"], _NOBODY)[1],
            )
            for row in rows
        ]

    async def unfounded(self, since: datetime) -> Sequence[Difference]:
        """Name what waits or was sent of versions that the ledger lacks."""
        rows = await self._rows("unfounded", since, AT_MOST)
        return [difference_of(Kind.DECISION_MISSING, row) for row in rows]

    async def altered(
        self, since: datetime, again: Sequence[Difference]
    ) -> Sequence[Difference]:
        """Name what waits or was sent with other bytes than the register says."""
        events = [each.event_id for each in again]
        rows = await self._rows("altered", since, events, AT_MOST)
        waits = {True: Kind.OUTBOX_ALTERED, False: Kind.SENT_LOG_ALTERED}
        return [difference_of(waits[row["waits"]], row) for row in rows]

    async def unanswered(
        self,
        since: Mapping[str, datetime],
        before: Mapping[str, datetime],
        again: Sequence[Difference],
    ) -> Sequence[Difference]:
        """Name what was sent to each receiver *before* and has no final receipt."""
        names, events = list(before), [each.event_id for each in again]
        dues = [since[name] for name in names], [before[name] for name in names]
        rows = await self._rows("unanswered", names, *dues, events, AT_MOST)
        return [difference_of(Kind.RECEIPT_MISSING, row) for row in rows]

    # --- statements ---------------------------------------------------------------

    async def unstated(
        self, receivers: Sequence[str], kept_since: datetime, *, whole: bool
    ) -> Sequence[Stating]:
        """Give windows to be stated: the new ones, or all that topics still have."""
        rows = await self._rows("unstated", list(receivers), whole, kept_since, AT_MOST)
        return [
            Stating(
                statement=row["statement_id"],
                place=Place(
                    receiver=row["receiver"],
                    topic=row["topic"],
                    partition=row["kpartition"],
                    start=row["from_offset"],
                    end=row["to_offset"],
                ),
                records=row["records"],
                foreign=tuple(row["foreign_offsets"]),
                root=row["root"],
                parts=tuple(row["parts"]),
            )
            for row in rows
        ]

    async def stated(self, signed: Mapping[UUID, str]) -> None:
        """Note what was stated, as it was signed."""
        await self._rows("stated", list(signed), list(signed.values()))

    async def silent(self, before: datetime) -> Sequence[Difference]:
        """Name who has not answered what was stated *before*."""
        rows = await self._rows("silent", before)
        return [
            Difference(kind=Kind.ANSWER_MISSING, receiver=row["receiver"])
            for row in rows
        ]

    async def signer(self, folder: Path) -> KeySigner:
        """Give what signs statements: the key that receipts are signed by."""
        await self._rows("last")
        assert self._connection is not None  # noqa: S101 - it has just answered
        return await KeyRing(folder).signer(self._connection, RECEIPT)

    # --- what was found ----------------------------------------------------------

    async def open(self) -> Mapping[Difference, datetime]:
        """Give what stands open, oldest first, and since when."""
        rows = await self._rows("open", AT_MOST)
        return {difference_of(Kind(row["kind"]), row): row["found_at"] for row in rows}

    async def tell(
        self, found: Iterable[Difference], settled: Iterable[Difference]
    ) -> None:
        """Keep what was *found*, and that what is *settled* holds no more."""
        every = list({each.id: each for each in found}.values())
        if every:
            await self._rows(
                "tell",
                [each.id for each in every],
                [each.kind for each in every],
                [each.receiver for each in every],
                [each.event_id for each in every],
                [each.decision_id for each in every],
                [each.version for each in every],
                [each.topic for each in every],
                [each.partition for each in every],
                [each.offset for each in every],
            )
        if ids := [each.id for each in settled]:
            await self._rows("resolve", ids)

    async def ran(
        self, *, whole: bool, since: datetime, began_at: datetime, seen: tuple[int, int]
    ) -> None:
        """Keep that it was reconciled: how many records and windows were *seen*."""
        await self._rows("ran", whole, since, began_at, *seen)

    async def _versions_at(
        self, moments: Sequence[datetime]
    ) -> Mapping[str, tuple[str, int | None]]:
        """Name by event id the versions that were entered at *moments*."""
        if not moments:
            return {}
        rows = await self._rows("at", list(set(moments)))
        return {
            str(event_id(UUID(d), version, Change(change))): (d, version)
            for d, version, change, _ in rows
        }

    async def _rows(self, name: str, *values: object) -> Sequence[asyncpg.Record]:
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await primary.connect(
                    self._url,
                    timeout=10,
                    command_timeout=SECONDS,
                    server_settings={"application_name": "zhitong-reconcile"},
                )
            statement = statements("reconciliation")[name]
            return list(await self._connection.fetch(statement, *values))
        except LOST as error:
            await self.close()
            raise LedgerUnavailableError(
                "平台数据库没有答复，稍后再对账",
                "the platform's database does not answer; it is reconciled later",
            ) from error


def _logged(row: asyncpg.Record, *, waits: bool = False) -> Logged:
    return Logged(
        event_id=row["event_id"],
        decision_id=row["decision_id"],
        version=row["version"],
        # Before there was a digest, and erased since: nothing to compare with.
        digest=row["digest"] or b"",
        partition=row["kpartition"],
        offset=row["koffset"],
        at=row["sent_at"],
        waits=waits,
    )


def difference_of(kind: Kind, row: asyncpg.Record) -> Difference:
    """Read a difference from a row that has its columns."""
    return Difference(
        kind=kind,
        receiver=row["receiver"],
        event_id=row["event_id"],
        decision_id=row["decision_id"],
        version=row["version"],
        topic=row["topic"] or "",
        partition=row["kpartition"],
        offset=row["koffset"],
    )
