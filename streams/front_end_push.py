"""Rows into a receiver's front-end database 前置库, and its answers out of it.

- A batch has one event of a case at most: batches follow one another by number, so a
  case's rows have an order whatever the receiver sorts by within a batch.
- The columns of the transport (``cd_id``, ``cd_time``, ``cd_source``,
  ``cd_operation``) are the form's where it has them. The batch's number and the
  event's id are ours in any case.
- A notice has no row: it is passed over, and its place is batch 0.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from zhitong.decisions import Ack, BatchAnswer, Change, FrontPlace, FrontRow, Outgoing
from zhitong.exceptions import (
    EventPoisonError,
    ReceiptInvalidError,
    ReceiverUnavailableError,
    ZhitongError,
)
from zhitong.ports import BatchBook, FrontEnd
from zhitong.streams.channels import FrontEndChannel
from zhitong.streams.cloud_events import SHANGHAI, DecisionEvent, parse
from zhitong.streams.notices import read_notice
from zhitong.streams.producer import Fault, Unsent, away, first_of, put
from zhitong.streams.returns import ReturnDesk

BATCH_SECONDS = 20.0
LOOK_SECONDS = 5.0
_SHARE = 10
"""A look at what is unanswered costs a tenth of the time at most."""
_LONGEST = 60.0
_BACK_SECONDS = 60.0
"""So often a look begins at yesterday's first batch: what was committed there and noted
late, by whoever took over, lies before others that have their answers already."""
_CLOSE_SECONDS = 5.0

_log = logging.getLogger("zhitong.receipts")

_Answers = dict[int, Ack | Fault | Unsent]


class FrontEndSender:
    """A `Producer` into *store*, whose work is done on *loop*."""

    def __init__(
        self,
        store: FrontEnd,
        channel: FrontEndChannel,
        loop: asyncio.AbstractEventLoop,
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        self._store = store
        self._channel = channel
        self._loop = loop
        self._batch_seconds = batch_seconds
        self._ending = threading.Event()
        self._running: Future[Sequence[FrontPlace]] | None = None

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault | Unsent]:
        """Write *events* in batches; what is not begun in time is given back."""
        if self._ending.is_set():
            return [Fault(seq=each.seq, error=away("closed")) for each in events]
        answers: _Answers = {each.seq: Unsent(seq=each.seq) for each in events}
        rows: dict[int, FrontRow] = {}
        broken: set[str] = set()
        for event in events:
            if event.key in broken:
                continue
            if read_notice(event.payload) is not None:
                answers[event.seq] = put(event, 0)
                continue
            try:
                rows[event.seq] = self._row(event)
            except EventPoisonError as error:
                broken.add(event.key)
                answers[event.seq] = Fault(seq=event.seq, error=error)
        until = time.monotonic() + self._batch_seconds
        stopped: set[str] = set()
        for wave in _waves([e for e in events if e.seq in rows], self._channel.rows):
            if self._ending.is_set() or time.monotonic() > until:
                break
            batch = [each for each in wave if each.key not in stopped]
            answers |= self._write(batch, rows)
            stopped |= {e.key for e in batch if isinstance(answers[e.seq], Fault)}
        return [answers[event.seq] for event in events]

    def reset(self) -> None:
        """Do nothing: the store begins anew by itself."""

    def close(self) -> None:
        """End; what is under way is cut off, and its answer not known."""
        self._ending.set()
        running = self._running
        if running is not None:
            running.cancel()
        ended = asyncio.run_coroutine_threadsafe(self._store.close(), self._loop)
        with suppress(TimeoutError, CancelledError):
            ended.result(_CLOSE_SECONDS)

    def _write(self, batch: Sequence[Outgoing], rows: dict[int, FrontRow]) -> _Answers:
        if not batch:
            return {}
        writing = self._store.write([rows[event.seq] for event in batch])
        self._running = asyncio.run_coroutine_threadsafe(writing, self._loop)
        try:
            places = self._running.result()
        except ReceiverUnavailableError as error:
            return {each.seq: Fault(seq=each.seq, error=error) for each in batch}
        except CancelledError:
            return {e.seq: Fault(seq=e.seq, error=away("closed")) for e in batch}
        finally:
            self._running = None
        return {
            event.seq: Fault(seq=event.seq, error=_poison(place.fault))
            if place.fault
            else put(event, place.number)
            for event, place in zip(batch, places, strict=True)
        }

    def _row(self, outgoing: Outgoing) -> FrontRow:
        event = parse(outgoing.payload)
        return FrontRow(
            event_id=outgoing.event_id,
            table=event.table,
            row=self._transport(event) | event.row,
            number=outgoing.place,
        )

    def _transport(self, event: DecisionEvent) -> dict[str, object]:
        first = event.change is Change.RECORDED and not event.follows_history
        said: dict[str, object] = {
            "cd_id": event.decision_id.hex,
            "cd_time": f"{event.time.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
            # Never d: a deletion would take away that there was such a decision.
            "cd_operation": "i" if first else "u",
        }
        if self._channel.source:
            said["cd_source"] = self._channel.source
        return said


class AnswerReader:
    """Reads what the other side says of batches, until it is cancelled."""

    def __init__(  # noqa: PLR0913 - whose, where, and what it is given to
        self,
        *,
        receiver: str,
        place: str,
        store: FrontEnd,
        book: BatchBook,
        desk: ReturnDesk,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._receiver = receiver
        self._place = place
        self._store = store
        self._book = book
        self._desk = desk
        self._look_seconds = look_seconds
        self._first = 0
        """What lies before it has its answers."""
        self._since = 0
        """Where the next look begins."""
        self._back_at = 0.0
        self._told: dict[int, BatchAnswer] = {}
        """What was filed of batches that are not answered whole."""
        self._away = ""

    async def run(self) -> None:
        """Look again and again; a database that is away is waited for, and said."""
        try:
            while True:
                began = time.monotonic()
                try:
                    await self.look()
                except ZhitongError as error:
                    if self._away != error.code:
                        _log.warning("%s: %s %s", self._receiver, error.code, error)
                    self._away = error.code
                else:
                    self._away = ""
                spent = time.monotonic() - began
                pause = max(self._look_seconds, spent * _SHARE)
                await asyncio.sleep(min(pause, max(_LONGEST, self._look_seconds)))
        finally:
            await self._store.close()

    async def look(self) -> int:
        """File what is new of batches without an answer; say of how many it was.

        Raises `LedgerUnavailableError`, `ReceiverUnavailableError`.
        """
        numbers = await self._next()
        if not numbers:
            return 0
        found = {each.number: each for each in await self._store.answers(numbers)}
        # What is said of the whole is said of what is noted in it late, too.
        news = [
            each
            for number, each in found.items()
            if each.answer is not None or self._told.get(number) != each
        ]
        for each in news:
            # What we never sent is kept apart, and said once.
            with suppress(ReceiptInvalidError):
                await self._desk.take_batch(self._receiver, self._place, each)
        told = {n: each for n, each in self._told.items() if n >= self._first}
        self._told = told | found
        return len(news)

    async def _next(self) -> Sequence[int]:
        """Give the next batches without an answer; behind the last, the first again.

        However many are never answered, those behind them are looked at too.
        """
        ask = partial(self._book.unanswered, self._receiver, self._place)
        yesterday = first_of(datetime.now(SHANGHAI).date() - timedelta(days=1))
        if time.monotonic() >= self._back_at:
            self._back_at = time.monotonic() + _BACK_SECONDS
            self._first = min(self._first, yesterday)
        numbers = await ask(self._since) if self._since > self._first else ()
        if not numbers:
            numbers = await ask(self._first)
            self._first = numbers[0] if numbers else max(self._first, yesterday)
        if numbers:
            self._since = numbers[-1] + 1
        return numbers


def _waves(events: Sequence[Outgoing], rows: int) -> Iterator[Sequence[Outgoing]]:
    """Give *events* in batches with one of a case at most, each case's in order."""
    counts: Counter[str] = Counter()
    waves: dict[int, list[Outgoing]] = {}
    for event in events:
        waves.setdefault(counts[event.key], []).append(event)
        counts[event.key] += 1
    for wave in waves.values():
        for start in range(0, len(wave), rows):
            yield wave[start : start + rows]


def _poison(why: str) -> EventPoisonError:
    return EventPoisonError(
        f"这件事件不合前置库的表（{why}）",
        f"this event does not fit its table of the front-end database ({why})",
        reason=why,
    )
