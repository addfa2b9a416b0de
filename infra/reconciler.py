"""One reconciliation: the register, the sent log, receipts and topics compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from zhitong.connectors.reconciliation import Reconciliations
from zhitong.exceptions import StreamError
from zhitong.rules.reconciliation import (
    MOST,
    Difference,
    Kind,
    Place,
    Sight,
    Window,
    compare,
    under_way,
)
from zhitong.streams.topic_reading import TopicReading

OVERLAP = timedelta(hours=1)
"""What was entered this long before the last run is compared again: an entry commits
after the moment that it names."""
SETTLED = timedelta(seconds=60)
"""After which what was sent has long been moved to the sent log."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_ON_TOPIC = frozenset(
    {
        Kind.TOPIC_MISSING,
        Kind.TOPIC_ALTERED,
        Kind.TOPIC_FOREIGN,
        Kind.SENT_LOG_MISSING,
    }
)
_ASKED_AGAIN = frozenset(
    {Kind.SENT_LOG_ALTERED, Kind.OUTBOX_ALTERED, Kind.RECEIPT_MISSING}
)
_ABSENT = frozenset({Kind.LOST, Kind.SENT_LOG_MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is reconciled, and by which terms."""

    topics: Mapping[str, str]
    """Each receiver's topic."""
    retention: timedelta
    """How long topics keep what was sent."""
    answered_within: timedelta
    """How long a receiver may take to answer a statement, and for its final receipt
    where it has no clock of its own."""
    sent_before: Callable[[str, datetime], datetime] | None = None
    """Says of a receiver when that was sent which is due at a moment, by its clock."""
    others: frozenset[str] = frozenset()
    """Who reads no topic: of them register, sent log and receipts are compared."""

    @property
    def receivers(self) -> frozenset[str]:
        """Name all whose events are compared."""
        return self.others.union(self.topics)

    def due(self, at: datetime) -> Mapping[str, datetime]:
        """Say of each receiver before when that was sent which is due *at* then."""
        if self.sent_before is None:
            return dict.fromkeys(self.receivers, at - self.answered_within)
        return {name: self.sent_before(name, at) for name in self.receivers}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a reconciliation saw and found."""

    whole: bool
    since: datetime
    records: int
    windows: int
    open: Mapping[Difference, datetime]
    """What stands open, and since when."""
    unread: Mapping[str, StreamError]
    """Topics that could not be read, and why."""


@dataclass(slots=True)
class _Found:
    """What one run gathers."""

    differences: dict[tuple[str, str, str], Difference] = field(default_factory=dict)
    looked: list[Place] = field(default_factory=list)
    bounds: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    missed: set[tuple[str, str]] = field(default_factory=set)
    """Events that lack at their place."""
    sighted: set[tuple[str, str]] = field(default_factory=set)
    """Those of them that lie, whole, at another."""
    records: int = 0
    unread: dict[str, StreamError] = field(default_factory=dict)

    def add(self, each: Difference) -> None:
        """Keep *each*; what is absent is named once, with its place if it has one."""
        kind = "absent" if each.kind in _ABSENT else each.kind.value
        place = each.event_id or f"{each.topic}/{each.partition}/{each.offset}"
        known = self.differences.get((kind, each.receiver, place))
        if known is None or known.offset is None:
            self.differences[(kind, each.receiver, place)] = each
        if each.kind is Kind.TOPIC_MISSING:
            self.missed.add((each.receiver, each.event_id))

    def sight(self) -> None:
        """Take back what was missed at its place and lies, whole, at another."""
        for receiver, event in self.sighted:
            self.differences.pop((Kind.TOPIC_MISSING.value, receiver, event), None)

    def settles(self, each: Difference) -> bool:
        """Say whether a place where *each* would be found was looked at."""
        if (each.receiver, each.event_id) in self.sighted:
            return True
        bounds = self.bounds.get((each.topic, each.partition or 0))
        if bounds is None or each.offset is None:
            return False
        if not bounds[0] <= each.offset < bounds[1]:
            return True
        return any(
            one.topic == each.topic
            and one.partition == each.partition
            and one.start <= each.offset < one.end
            for one in self.looked
        )


class Reconciler:
    """Compares what *book* and *reading* say, by *terms*."""

    def __init__(
        self, book: Reconciliations, reading: TopicReading, terms: Terms
    ) -> None:
        self._book = book
        self._reading = reading
        self._terms = terms

    async def run(
        self, since: datetime | None = None, *, whole: bool = False
    ) -> Report:
        """Reconcile, from *since* or from the last time, or the *whole*.

        Raises `LedgerUnavailableError`; a topic that cannot be read is named.
        """
        began = datetime.now(UTC)
        since = BEGINNING if whole else since or await self._since()
        known = await self._book.open()
        found = _Found()
        found.missed |= {
            (each.receiver, each.event_id)
            for each in known
            if each.kind is Kind.TOPIC_MISSING
        }
        for receiver, topic in self._terms.topics.items():
            try:
                await self._topic(receiver, topic, found, whole=whole)
            except StreamError as error:
                found.unread[topic] = error
        found.sight()
        await self._ledger(since, began, found, list(known), whole=whole)
        settled = await self._settled(known, found, whole=whole)
        await self._book.tell(found.differences.values(), settled)
        seen = (found.records, len(found.looked))
        await self._book.ran(whole=whole, since=since, began_at=began, seen=seen)
        return Report(
            whole=whole,
            since=since,
            records=found.records,
            windows=len(found.looked),
            open=await self._book.open(),
            unread=found.unread,
        )

    async def _since(self) -> datetime:
        last = (await self._book.last()).began_at
        return BEGINNING if last is None else last - OVERLAP

    # --- topics ------------------------------------------------------------------

    async def _topic(
        self,
        receiver: str,
        topic: str,
        found: _Found,
        *,
        whole: bool,
    ) -> None:
        now = datetime.now(UTC)
        kept_since = now - self._terms.retention + SETTLED
        bounds = await asyncio.to_thread(self._reading.bounds, topic)
        reached = await self._book.reached(topic)
        again = () if whole else await self._book.recounted(topic)
        for partition, (low, high) in bounds.items():
            end = reached.get(partition, 0)
            if end > high:
                await self._book.void(topic, partition)
                end = 0
            there = Place(
                receiver=receiver, topic=topic, partition=partition, start=low, end=high
            )
            for each in await self._book.gone(there, kept_since, now - SETTLED):
                found.add(each)
            closed = (
                await self._book.windows(topic, partition, 0)
                if whole
                else [(a, b) for p, a, b in again if p == partition and b <= end]
            )
            for a, b in closed:
                await self._place(
                    replace(there, start=a, end=b), low, kept_since, found
                )
            start = max(end, low)
            while start < high:
                # What is under way ends it: the next run goes on from there.
                place = replace(there, start=start, end=min(start + MOST, high))
                start = await self._place(place, low, kept_since, found, now)
                if start < place.end:
                    break
            found.bounds[topic, partition] = (low, high)

    async def _place(
        self,
        place: Place,
        low: int,
        kept_since: datetime,
        found: _Found,
        closing: datetime | None = None,
    ) -> int:
        """Compare a place, close it where it is new; say how far it was."""
        seen = await self._seen(place, low, kept_since)
        if closing is not None:
            end = under_way(seen, closing - SETTLED)
            if end == place.start:
                return end
            seen = _cut(seen, end)
        window = await self._blamed(compare(seen), seen)
        found.records += len(seen.lying)
        found.looked.append(seen.place)
        for each in window.differences:
            found.add(each)
        intact = {(place.receiver, each) for each in window.intact}
        found.sighted |= found.missed & intact
        await self._book.keep(window)
        return seen.place.end

    async def _seen(self, place: Place, low: int, kept_since: datetime) -> Sight:
        read = replace(place, start=min(max(place.start, low), place.end))
        lying = await asyncio.to_thread(self._reading.read, read)
        logged = await self._book.logged(place)
        rows = {(row.offset, row.event_id): row.digest for row in logged}
        odd = [
            each
            for each in lying
            if each.event_id and rows.get((each.offset, each.event_id)) != each.digest
        ]
        elsewhere = await self._book.elsewhere(
            place.receiver, {each.event_id for each in odd}
        )
        stated = {
            (each.decision_id, each.version)
            for each in odd
            if each.event_id not in elsewhere and each.version is not None
        }
        return Sight(
            place=place,
            low=low,
            lying=lying,
            logged=logged,
            elsewhere=elsewhere,
            versions=await self._book.versions(stated),
            kept_since=kept_since,
        )

    async def _blamed(self, window: Window, seen: Sight) -> Window:
        """Say of bytes that differ which side the register speaks for."""
        suspects = [x for x in window.differences if x.kind is Kind.TOPIC_ALTERED]
        if not suspects:
            return window
        registered = await self._book.registered(
            window.place.receiver, {each.event_id for each in suspects}
        )
        lying = {each.offset: each.digest for each in seen.lying}
        true = {
            each
            for each in suspects
            if registered.get(each.event_id) == lying.get(each.offset or 0)
        }
        return replace(
            window,
            differences=tuple(
                replace(x, kind=Kind.SENT_LOG_ALTERED) if x in true else x
                for x in window.differences
            ),
            intact=window.intact | {each.event_id for each in true},
        )

    # --- ledger, register, sent log, receipts ------------------------------------

    async def _ledger(
        self,
        since: datetime,
        now: datetime,
        found: _Found,
        known: Sequence[Difference],
        *,
        whole: bool,
    ) -> None:
        book, within = self._book, self._terms.answered_within
        due = self._terms.due
        absent = [each for each in known if each.kind in _ABSENT]
        again = [each for each in known if each.kind in _ASKED_AGAIN]
        every = [
            *await book.unsent(since, absent, whole=whole),
            *await book.unfounded(since),
            *await book.altered(since, again),
            *await book.unanswered(due(since), due(now), again),
            *await book.silent(now - within),
        ]
        for each in every:
            if each.receiver in self._terms.receivers:
                found.add(each)

    async def _settled(
        self, known: Mapping[Difference, datetime], found: _Found, *, whole: bool
    ) -> Sequence[Difference]:
        """Give those of *known* that hold no more."""
        held = {each.id for each in found.differences.values()}
        left = [
            each
            for each in known
            if each.id not in held and each.receiver in self._terms.receivers
        ]
        return [
            each for each in left if await self._holds_no_more(each, found, whole=whole)
        ]

    async def _holds_no_more(
        self, each: Difference, found: _Found, *, whole: bool
    ) -> bool:
        if each.kind in _ABSENT:
            if ("absent", each.receiver, each.event_id) in found.differences:
                return True
            where = await self._book.elsewhere(each.receiver, [each.event_id])
            rows = where.get(each.event_id, ())
            there = any(row.waits or row.offset is not None for row in rows)
            return there or (whole and not found.unread)
        if each.kind in _ON_TOPIC:
            return found.settles(each)
        if each.kind is Kind.ANSWER_MISSING:
            return True
        return each.kind in _ASKED_AGAIN or (
            whole and each.kind is Kind.DECISION_MISSING
        )


def _cut(seen: Sight, end: int) -> Sight:
    """Leave out what is at *end* and beyond."""
    return replace(
        seen,
        place=replace(seen.place, end=end),
        lying=[each for each in seen.lying if each.offset < end],
        logged=[row for row in seen.logged if (row.offset or 0) < end],
    )
