"""The relay: own buckets, take what waits, send it, move what is acknowledged.

- Each receiver has a lane of its own, with its own producer, by its channel: what one
  receiver's topic, server or folder suffers never holds another up.
- A lane has one batch under way, each key's events in their order in it, and a row
  leaves the outbox after its acknowledgement. Behind an event with a fault nothing of
  its key is taken for sent: it stays and is sent again after it. So order is kept,
  nothing is lost, and what comes twice is what was sent and not known to be.
- A channel's fault is tried again for ever. An event's own fault is tried three times;
  then it is a dead letter, its key waits behind it, and all other keys go on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import MappingProxyType

from zhitong.decisions import Ack, Outgoing
from zhitong.exceptions import (
    EventPoisonError,
    LedgerUnavailableError,
    StreamError,
)
from zhitong.ports import Outbox
from zhitong.streams import relay_metrics
from zhitong.streams.producer import Fault, Producer, Unsent
from zhitong.streams.tracing import Sending

BATCH = 2_000
"""Events of one receiver in one batch."""
ATTEMPTS = 3
LONGEST_REST = 60.0
LONGEST_ASKED = 3_600.0
"""A receiver that asks for more is asked again after this."""
_FIRST_REST = 0.2
_BEAT = 0.5
_BEAT_UNSETTLED = 0.1
_END = 2.0
_LOOK = 5.0
_BUSY_PAUSE = 0.005
_IDLE_PAUSE = 0.05
_AWAY_PAUSE = 1.0

_log = logging.getLogger("zhitong.relay")

Make = Callable[[], Producer]
"""Makes a lane's producer."""


class _Lane:
    """One receiver's way: its producer, the batch under way, the rest it takes."""

    def __init__(
        self, receiver: str, outbox: Outbox, producer: Producer, longest_rest: float
    ) -> None:
        self._receiver = receiver
        self._outbox = outbox
        self._producer = producer
        self._longest_rest = longest_rest
        self._thread = ThreadPoolExecutor(1, f"send-{receiver}")
        self._failures = 0
        self._rests_until = 0.0
        self._buckets: frozenset[int] = frozenset()
        self.task: asyncio.Task[None] | None = None

    def under_way(self) -> frozenset[int]:
        """Give the buckets that events of the batch under way are in."""
        if self.task is None or self.task.done():
            return frozenset()
        return self._buckets

    def free(self) -> bool:
        """Say whether it can take a batch now."""
        under_way = self.task is not None and not self.task.done()
        return not under_way and time.monotonic() >= self._rests_until

    def start(self, events: Sequence[Outgoing]) -> None:
        """Send *events*; `task` is done when all is known and noted."""
        if self.task is not None:
            # What went wrong with the batch before must not pass in silence.
            self.task.result()
        self._buckets = frozenset(event.bucket for event in events)
        self.task = asyncio.create_task(self._send(events))

    async def end(self) -> None:
        """End; what is acknowledged while it ends is moved still."""
        if self.task is not None:
            # What is cut off comes again from whoever takes over.
            await asyncio.wait([self.task], timeout=_END)
        await asyncio.to_thread(self._producer.close)
        if self.task is not None:
            # Without a database there would be no end to the moving.
            await asyncio.wait([self.task], timeout=_AWAY_PAUSE)
            self.task.cancel()
            await asyncio.wait([self.task])
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _send(self, events: Sequence[Outgoing]) -> None:
        relay_metrics.batch.record(len(events), {"receiver": self._receiver})
        sending = Sending(events)
        answers = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._producer.send_batch, sending.events
        )
        sending.end(answers)
        acks, faults = _known(events, answers)
        if faults:
            # Order and sequence numbers begin anew with what is read again.
            await asyncio.get_running_loop().run_in_executor(
                self._thread, self._producer.reset
            )
        if acks:
            await _until_there(partial(self._outbox.sent, acks))
            relay_metrics.sent.add(len(acks), {"receiver": self._receiver})
        for fault in faults:
            labels = {"receiver": self._receiver, "code": fault.error.code}
            relay_metrics.faults.add(1, labels)
            if isinstance(fault.error, EventPoisonError):
                await _until_there(partial(self._poisoned, fault))
        self._rest([f for f in faults if not isinstance(f.error, EventPoisonError)])

    async def _poisoned(self, fault: Fault) -> None:
        attempts = await self._outbox.failed(fault.seq, fault.error.label.en)
        if attempts < ATTEMPTS:
            return
        await self._outbox.park(fault.seq, fault.error.label.en)
        _log.error(
            "%s: %s 的第 %d 号事件成为死信，同一案件的后续事件等待 is a dead letter, "
            "what follows it in its case waits: zhitong parked",
            fault.error.code,
            self._receiver,
            fault.seq,
        )

    def _rest(self, faults: Sequence[Fault]) -> None:
        if not faults:
            if self._failures:
                _log.warning("%s: 恢复发送 sending again", self._receiver)
            self._failures = 0
            return
        rest = _FIRST_REST if not self._failures else 2.0 ** (self._failures - 1)
        if not self._failures:
            _tell(self._receiver, faults[0].error)
        # 2 ** 10 is longer than any rest, and stays a number.
        self._failures = min(self._failures + 1, 10)
        asked = min(max(fault.rest for fault in faults), LONGEST_ASKED)
        rest = max(asked, min(rest, self._longest_rest))
        self._rests_until = time.monotonic() + rest


class Relay:
    """Sends what waits in its outbox until it is cancelled."""

    def __init__(
        self,
        outbox: Outbox,
        producer: Make,
        *,
        others: Mapping[str, Make] = MappingProxyType({}),
        batch: int = BATCH,
        longest_rest: float = LONGEST_REST,
    ) -> None:
        """Send what waits in *outbox*, each receiver's by a producer of its own.

        *others* make those of receivers that are reached by other channels.
        """
        self._outbox = outbox
        self._producer = producer
        self._others = others
        self._batch = batch
        self._longest_rest = longest_rest
        self._lanes: dict[str, _Lane] = {}
        self._beat_at = 0.0
        self._pause = _BUSY_PAUSE
        self._away = False

    async def run(self) -> None:
        """Relay until cancelled; then let go of everything."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                try:
                    await self._turn()
                except LedgerUnavailableError as error:
                    if not self._away:
                        _tell("outbox", error)
                    self._away = True
                    self._beat_at = 0.0
                    await asyncio.sleep(_AWAY_PAUSE)
        finally:
            watching.cancel()
            await asyncio.gather(*(lane.end() for lane in self._lanes.values()))
            await self._outbox.close()

    async def _watch(self) -> None:
        """Keep the figures fresh, beside the work: they may take their time or fail."""
        while True:
            # Of a database that is away the work speaks; the figures stay as they were.
            with suppress(LedgerUnavailableError):
                relay_metrics.observe(await self._outbox.backlog())
            await asyncio.sleep(_LOOK)

    async def _turn(self) -> None:
        now = time.monotonic()
        if now >= self._beat_at:
            lanes = self._lanes.values()
            await self._outbox.own(frozenset().union(*(x.under_way() for x in lanes)))
            # Who gives and who takes look often: what changes hands is sent by nobody.
            settled = self._outbox.settled
            self._beat_at = now + (_BEAT if settled else _BEAT_UNSETTLED)
            if self._away:
                _log.warning("outbox: 数据库恢复 the database answers again")
            self._away = False
        resting = [name for name, lane in self._lanes.items() if not lane.free()]
        events = await self._outbox.waiting(self._batch, resting)
        by_receiver: dict[str, list[Outgoing]] = {}
        for event in events:
            by_receiver.setdefault(event.receiver, []).append(event)
        for receiver, group in by_receiver.items():
            self._lane(receiver).start(group)
        await self._breathe(found=bool(events))

    async def _breathe(self, *, found: bool) -> None:
        """Pause: little while there is work, longer and longer without."""
        self._pause = _BUSY_PAUSE if found else min(self._pause * 1.5, _IDLE_PAUSE)
        under_way = [
            lane.task
            for lane in self._lanes.values()
            if lane.task is not None and not lane.task.done()
        ]
        if not under_way:
            await asyncio.sleep(self._pause)
            return
        await asyncio.wait(
            under_way, timeout=self._pause, return_when=asyncio.FIRST_COMPLETED
        )

    def _lane(self, receiver: str) -> _Lane:
        if receiver not in self._lanes:
            producer = self._others.get(receiver, self._producer)()
            self._lanes[receiver] = _Lane(
                receiver, self._outbox, producer, self._longest_rest
            )
        return self._lanes[receiver]


def _known(
    events: Sequence[Outgoing], answers: Sequence[Ack | Fault | Unsent]
) -> tuple[list[Ack], list[Fault]]:
    """Give what was sent, and the first fault of each key; the rest is not known."""
    acks: list[Ack] = []
    faults: dict[str, Fault] = {}
    unsent: set[str] = set()
    for event, answer in zip(events, answers, strict=True):
        if event.key in faults or event.key in unsent:
            continue
        if isinstance(answer, Fault):
            faults[event.key] = answer
        elif isinstance(answer, Unsent):
            unsent.add(event.key)
        else:
            acks.append(answer)
    return acks, list(faults.values())


async def _until_there(act: Callable[[], Awaitable[None]]) -> None:
    """Do *act* again until the database has answered; it must bear repetition."""
    while True:
        try:
            await act()
        except LedgerUnavailableError:
            await asyncio.sleep(_AWAY_PAUSE)
        else:
            return


def _tell(where: str, error: StreamError | LedgerUnavailableError) -> None:
    cause = type(error.__cause__).__name__ if error.__cause__ else ""
    _log.warning("%s: %s %s %s", where, error.code, error, cause)
