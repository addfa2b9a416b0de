"""Reading a topic as a member of a group: what is taken first, the offset after it.

- Offsets are committed after what was read has been taken, so everything is taken at
  least once: at the latest a second after it, for each commit is a replicated write of
  the broker's. One that fails costs a repetition and nothing else.
- What trickles in is fetched and taken together: each fetch is a request to a node, and
  each batch a transaction of whoever takes it.
- Whoever takes may find its database away: the same messages are offered again until
  they are taken. Meanwhile the broker may give the partitions to another member.
- A broker that is away, and a topic that is not there, are waited for and said once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from kafka import KafkaConsumer, errors
from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import OffsetAndMetadata, TopicPartition

from zhitong.exceptions import BrokerUnavailableError, TopicMissingError, ZhitongError
from zhitong.streams.kafka_client import AWAY, Way, connect
from zhitong.streams.tracing import HEADER

AT_ONCE = 500
"""Messages of one batch."""
_POLL_MS = 250
_TOGETHER_BYTES, _TOGETHER_SECONDS = 16_384, 0.1
_PARTITION_BYTES = 262_144
"""Of each partition in one fetch: of twelve, more than a batch; a library's default is
four times that, fetched ahead as well, and held."""
_COMMIT_SECONDS = 1.0
_COMMIT_MS = 5_000
_BOOTSTRAP_MS = 5_000
_REQUEST_MS = 10_000
_CLOSE_MS = 1_000
_PAUSE = 0.25
_LONGEST_PAUSE = 10.0
_IDLE_SECONDS = 30.0
"""Longer than a group takes to give a new member its share."""

_Result = TypeVar("_Result")
_Polled = Mapping[TopicPartition, Sequence[ConsumerRecord]]


class Message(NamedTuple):
    """A message as it lies on the topic, as far as we look at it."""

    topic: str
    partition: int
    offset: int
    value: bytes
    traceparent: str
    """From its header; not verified to be one."""


Take = Callable[[Sequence[Message]], Awaitable[None]]
"""Takes messages for good; raises a retriable `ZhitongError` to be asked again."""
After = Callable[[], Awaitable[None]]
"""Called after each look at the topic, whether there was something or not."""


class GroupReader:
    """One member of the group *group*; *way* is asked at each new beginning."""

    def __init__(
        self,
        way: Way,
        *,
        topic: str,
        group: str,
        logger: logging.Logger,
    ) -> None:
        self._way = way
        self._topic = topic
        self._group = group
        self._log = logger
        # One thread: the consumer is not made for two.
        self._thread = ThreadPoolExecutor(1, group)
        self._consumer: KafkaConsumer | None = None
        self._taken_to: dict[TopicPartition, OffsetAndMetadata] = {}
        """Up to where all is taken, and not committed yet."""
        self._failures = 0
        self._idle_since = 0.0
        """Since when no partition is ours; 0: some are, or it has been said."""
        self._behind: dict[TopicPartition, int] = {}

    @property
    def behind(self) -> int:
        """Count what lies on our partitions behind what was taken, as last heard."""
        return sum(list(self._behind.values()))

    async def run(self, take: Take, after: After) -> None:
        """Read until cancelled."""
        try:
            while True:
                try:
                    await self._read(take, after)
                except (BrokerUnavailableError, *AWAY) as error:
                    await self._rest(error)
        finally:
            # After the poll under way, in its thread; without waiting for a broker.
            self._thread.submit(self._leave)
            self._thread.shutdown(wait=False)

    async def _read(self, take: Take, after: After) -> None:
        consumer = await self._in_thread(self._join)
        if self._failures:
            self._log.warning("%s: 恢复接收 reads again", self._group)
        self._failures = 0
        self._idle_since = time.monotonic()
        poll = partial(consumer.poll, timeout_ms=_POLL_MS, max_records=AT_ONCE)
        commit_at = 0.0
        while True:
            polled = await self._in_thread(poll)
            self._tell_idle(idle=not consumer.assignment())
            if polled:
                await self._taken(take, _messages(polled))
                self._taken_to |= _ends(polled)
            self._measure(consumer)
            now = time.monotonic()
            if self._taken_to and now >= commit_at:
                await self._in_thread(partial(self._commit, _COMMIT_MS))
                commit_at = now + _COMMIT_SECONDS
            await after()
            if polled and sum(map(len, polled.values())) < AT_ONCE:
                await asyncio.sleep(_TOGETHER_SECONDS)

    def _tell_idle(self, *, idle: bool) -> None:
        """Say once that nothing is read though the broker answers."""
        if not idle:
            self._idle_since = 0.0
        elif self._idle_since and time.monotonic() - self._idle_since > _IDLE_SECONDS:
            self._idle_since = 0.0
            self._log.warning(
                "%s: 没有分到分区：成员多于分区，或消费组无人协调 has no partition: "
                "there are more members than that, or nobody coordinates the group "
                "(zhitong kafka status)",
                self._group,
            )

    async def _taken(self, take: Take, messages: Sequence[Message]) -> None:
        pause = _PAUSE
        while True:
            try:
                await take(messages)
            except ZhitongError as error:
                if not error.retriable:
                    raise
                if pause == _PAUSE:
                    self._log.warning("%s: %s %s", self._group, error.code, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return

    def _measure(self, consumer: KafkaConsumer) -> None:
        """Keep how far we are behind; the broker says its end with what it gives."""
        own = consumer.assignment()
        self._behind = {place: n for place, n in self._behind.items() if place in own}
        for place, taken in self._taken_to.items():
            if place in own and (end := consumer.highwater(place)) is not None:
                self._behind[place] = max(0, end - (taken.offset or 0))

    def _commit(self, milliseconds: int) -> None:
        """Commit what is taken; in the consumer's thread."""
        taken, self._taken_to = self._taken_to, {}
        if self._consumer is None:
            return
        # What is another member's by now may be further there.
        own = self._consumer.assignment()
        offsets = {place: at for place, at in taken.items() if place in own}
        if not offsets:
            return
        try:
            self._consumer.commit(offsets, timeout_ms=milliseconds)
        except errors.KafkaError as error:
            # Another member has the partitions now, or the broker is away: what was
            # taken comes again, and is known.
            why = type(error).__name__
            self._log.info("%s: offsets not committed (%s)", self._group, why)

    async def _rest(self, error: Exception) -> None:
        if not self._failures:
            code = getattr(error, "code", BrokerUnavailableError.code)
            said = error if isinstance(error, ZhitongError) else type(error).__name__
            self._log.warning("%s: %s %s", self._group, code, said)
        await self._in_thread(self._leave)
        await asyncio.sleep(min(_PAUSE * 2**self._failures, _LONGEST_PAUSE))
        self._failures = min(self._failures + 1, 10)

    def _join(self) -> KafkaConsumer:
        consumer = self._consumer = connect(
            partial(KafkaConsumer, self._topic),
            self._way(),
            client_id=self._group,
            group_id=self._group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_min_bytes=_TOGETHER_BYTES,
            fetch_max_wait_ms=_POLL_MS,
            max_partition_fetch_bytes=_PARTITION_BYTES,
            # Tansu answers a join after half of the one; a takeover takes the whole.
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_000,
            # Also how long a group waits for a member that does not come back, and a
            # member for an answer that is lost: by default nobody of a group reads for
            # five minutes. Who waits longer for its database leaves and joins anew.
            max_poll_interval_ms=30_000,
            # A frozen leader is given up after three seconds.
            request_timeout_ms=_REQUEST_MS,
            bootstrap_timeout_ms=_BOOTSTRAP_MS,
            reconnect_backoff_max_ms=1_000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        if not consumer.partitions_for_topic(self._topic):
            raise TopicMissingError(
                f"消息代理上没有主题 {self._topic}：请执行 zhitong up，或请管理员建立",
                f"the broker has no topic {self._topic}: run zhitong up, or have it "
                "made",
                topic=self._topic,
            )
        return consumer

    def _leave(self) -> None:
        self._commit(_CLOSE_MS)
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)

    async def _in_thread(self, act: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)


def _ends(polled: _Polled) -> dict[TopicPartition, OffsetAndMetadata]:
    """Give the offset after the last record of each partition."""
    return {
        place: OffsetAndMetadata(records[-1].offset + 1, "", -1)
        for place, records in polled.items()
    }


def _messages(polled: _Polled) -> list[Message]:
    return [_message(record) for records in polled.values() for record in records]


def _message(record: ConsumerRecord) -> Message:
    traced = [value for name, value in record.headers or () if name == HEADER]
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        # A tombstone has none; no event of ours is one.
        value=record.value or b"",
        traceparent=(traced[0] or b"").decode("ascii", "replace") if traced else "",
    )
