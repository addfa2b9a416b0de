"""The consumer: it misses nothing and hands no event over twice.

Inbox, the user's effect and the receipts due are one transaction; only after it the
offsets are committed, and the receipts signed and sent. Wherever it dies, an effect is
there once, and a receipt arrives at least once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeAlias

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from zhitong_consumer import receipts, reconciliation
from zhitong_consumer.access import Access
from zhitong_consumer.events import (
    Annotation,
    Change,
    Event,
    NotAnEventError,
    Notice,
    Place,
    Vouched,
    partition,
    read,
)
from zhitong_consumer.inbox import Inbox, Session
from zhitong_consumer.keys import PublicKey, ReceiverKeys, UnsealError, is_sealed
from zhitong_consumer.receipts import Answer, Rejection
from zhitong_consumer.reconciliation import Agreement, Signature, Window
from zhitong_consumer.schemas import Schemas
from zhitong_consumer.statements import vouched

_AT_ONCE = 500
_POLL_MS = 500
_PATIENCE = timedelta(minutes=10)
"""A statement is answered with what there is, if its end has not come by then."""
_HEADERS = [("content-type", b"application/cloudevents+json")]

_log = logging.getLogger("zhitong_consumer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a record of the receiver's topic."""

    place: Place
    version: Event | Notice | Annotation | None
    """None: these bytes are no event for us, and are kept apart."""
    answer: Answer | None = None
    reasons: tuple[str, ...] = ()
    vouched: Vouched = Vouched.NONE
    faults: tuple[str, ...] = ()
    """Columns that are not as the schema has them, or cannot be opened."""
    known: bool = False
    """It came before, and changed nothing now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the platform states of a stretch, held against what has come."""

    place: Place
    """Of the statement itself."""
    signature: Signature
    window: Window | None = None
    agreement: Agreement | None = None
    foreign: tuple[tuple[int, str], ...] = ()
    """Offsets and ids of what came and the platform says it did not send."""


Told: TypeAlias = Taken | Stated


def _nothing(_: Told) -> None:
    """Tell nobody."""


@dataclass(kw_only=True)
class Consumer(Generic[Session]):
    """A receiver's consumer."""

    access: Access
    keys: ReceiverKeys
    inbox: Inbox[Session]
    handle: Callable[[Session, Event], Rejection | None]
    """Yours: write the event's effect into the session, or say why it is rejected, and
    then write nothing. It is called once for each event, versions in their order."""
    annotate: Callable[[Session, Annotation], Rejection | None]
    """Yours: keep what happened to a decision beside it, and do what is expected, by
    your own rules. It is called once for each, whatever versions have come."""
    tenant: str
    topic: str
    group: str
    receipts: str = ""
    """The topic to answer on; empty: nobody is answered."""
    statements: str = ""
    """The topic of what the platform states it has sent; empty: it is not read."""
    bureaus: Sequence[PublicKey] = ()
    platform: Sequence[PublicKey] = ()
    schemas: Schemas | None = None
    tell: Callable[[Told], None] = _nothing
    """Told of every record once it is committed, also of what came twice."""

    def __post_init__(self) -> None:
        self._producer: KafkaProducer | None = None
        self._counts: dict[str, int] = {}
        self._came: dict[Place, tuple[Place, datetime]] = {}

    def run(
        self,
        *,
        from_the_beginning: bool = False,
        to_the_end: bool = False,
        silence: float = 60.0,
    ) -> None:
        """Consume until interrupted, or to the ends that the topics have now.

        With *from_the_beginning* it is of no group and commits nothing: for an inbox
        that forgets, or one that is made again. What a user's function raises ends it,
        nothing of the batch being taken. Raises `TimeoutError` where the end is not
        reached and nothing comes for *silence*.
        """
        consumer = KafkaConsumer(
            **self.access.configs,
            group_id=None if from_the_beginning else self.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        topics = [topic for topic in (self.topic, self.statements) if topic]
        try:
            places = _places(consumer, topics)
            if from_the_beginning:
                consumer.assign(places)
            else:
                consumer.subscribe(topics)
            ends = consumer.end_offsets(places) if to_the_end else {}
            heard = time.monotonic()
            while True:
                batch = consumer.poll(timeout_ms=_POLL_MS, max_records=_AT_ONCE)
                records = [each for some in batch.values() for each in some]
                if records:
                    self.take(records)
                    if not from_the_beginning:
                        _commit(consumer, records)
                    heard = time.monotonic()
                there = to_the_end and _reached(consumer, ends)
                try:
                    self.answer()
                    if there or not to_the_end:
                        self.weigh(last=there)
                except KafkaError as error:
                    if there:
                        raise
                    # It stays due, and begins anew with the next batch.
                    _log.warning("回执待发 receipts wait: %s", type(error).__name__)
                    self._drop()
                if there:
                    return
                if to_the_end and time.monotonic() - heard > silence:
                    raise TimeoutError(self.topic)
        finally:
            consumer.close(autocommit=False)
            self._drop()

    def take(self, records: Sequence[ConsumerRecord]) -> None:
        """Take *records* in one transaction."""
        told: list[Told] = []
        with self.inbox.session() as session:
            for record in records:
                place = Place(record.topic, record.partition, record.offset)
                if record.topic == self.statements:
                    told += self._stated(session, place, record.value or b"")
                else:
                    told.append(self._taken(session, place, record.value or b""))
        for each in told:
            self.tell(each)

    def answer(self) -> None:
        """Answer what is due; raise `KafkaError`, what was not taken stays due."""
        while self.receipts and (due := self.inbox.due(_AT_ONCE)):
            self._send(
                [
                    (each.key, receipts.write(each, self.keys, self.tenant))
                    for each in due
                ]
            )
            self.inbox.sent(due)

    def weigh(self, *, last: bool = False) -> None:
        """Answer statements whose end has come, or after some patience; *last*: now."""
        for value in self.inbox.unanswered():
            self._weigh(value, last=last)

    # --- events --------------------------------------------------------------

    def _taken(self, session: Session, place: Place, value: bytes) -> Taken:
        try:
            version = self._read(value)
        except NotAnEventError as error:
            self.inbox.lies(session, place, None)
            self.inbox.aside(session, place, value, str(error))
            _log.warning("无法识别，另存待查 set aside %s: %s", place, error)
            return Taken(place=place, version=None)
        self.inbox.lies(session, place, version.id)
        if known := self.inbox.known(session, version.id):
            self.inbox.again(session, version.id)
            word = _worth(version)
            return Taken(
                place=place, version=version, answer=known, vouched=word, known=True
            )
        if isinstance(version, Annotation):
            return self._annotated(session, place, version)
        taken = self._judged(session, place, version, value)
        if taken.answer is not Answer.WAITING:
            self._release(session, place, version)
        return taken

    def _annotated(self, session: Session, place: Place, told: Annotation) -> Taken:
        """Hand over what is no version: it waits for none."""
        faults = self.schemas.faults(told) if self.schemas else ()
        reasons = tuple(str(Rejection("structure", each)) for each in faults)
        if not faults and (rejection := self.annotate(session, told)) is not None:
            reasons = (str(rejection),)
        answer = Answer.REJECTED if reasons else Answer.HELD
        now = datetime.now(UTC)
        self.inbox.keep(session, told, answer, reasons, now, is_seen=False)
        return Taken(
            place=place, version=told, answer=answer, reasons=reasons, faults=faults
        )

    def _judged(
        self, session: Session, place: Place, version: Event | Notice, value: bytes
    ) -> Taken:
        last = self.inbox.seen(session, version.decision_id)
        answer, is_seen = Answer.REJECTED, False
        reasons: tuple[str, ...]
        faults: tuple[str, ...] = ()
        if version.version <= last:
            reasons = (
                f"已收到第 {last} 版 version {last} was received before this one",
            )
        elif version.version == last + 1 or (last == 0 and version.follows_history):
            answer, reasons, faults = self._weighed(session, version)
            is_seen = True
        else:
            answer = Answer.WAITING
            reasons = (f"等待第 {last + 1} 版 waits for version {last + 1}",)
            self.inbox.wait(session, version, value)
        now = datetime.now(UTC)
        self.inbox.keep(session, version, answer, reasons, now, is_seen=is_seen)
        return Taken(
            place=place,
            version=version,
            answer=answer,
            reasons=reasons,
            vouched=_worth(version),
            faults=faults,
        )

    def _release(self, session: Session, place: Place, seen: Event | Notice) -> None:
        """Take what waited for *seen*, version by version."""
        decision = seen.decision_id
        while True:
            last = self.inbox.seen(session, decision)
            value = self.inbox.freed(session, decision, last)
            if value is None:
                return
            later = self._read(value)
            assert not isinstance(later, Annotation)  # noqa: S101 - none ever waits
            self._judged(session, place, later, value)

    def _weighed(
        self, session: Session, version: Event | Notice
    ) -> tuple[Answer, tuple[str, ...], tuple[str, ...]]:
        if isinstance(version, Notice):
            return Answer.REJECTED, (version.reason,), ()
        faults = self.schemas.faults(version) if self.schemas else ()
        if not faults:
            version, faults = self._opened(version)
        if faults:
            reasons = tuple(str(Rejection("structure", each)) for each in faults)
            return Answer.REJECTED, reasons, faults
        rejection = self.handle(session, version)
        if rejection is None:
            return Answer.HELD, (), ()
        return Answer.REJECTED, (str(rejection),), ()

    def _opened(self, event: Event) -> tuple[Event, tuple[str, ...]]:
        numbers: dict[str, str] = {}
        faults = []
        for column, value in event.row.items():
            if not is_sealed(value):
                continue
            try:
                numbers[column] = self.keys.unseal(str(value))
            except UnsealError:
                # A number more or less must not keep in public what is withdrawn.
                if event.change is not Change.WITHDRAWN:
                    faults.append(column)
        return replace(event, numbers=numbers), tuple(faults)

    def _read(self, value: bytes) -> Event | Notice | Annotation:
        """Read what came, with what its bureau's signature is worth."""
        version = read(value, self.keys.receiver)
        if not isinstance(version, Event):
            return version
        word = vouched(version, self.bureaus)
        if word not in {Vouched.NONE, Vouched.HOLDS}:
            said = "决定机关的签署不成立 a bureau's signature does not hold: %s %s"
            _log.warning(said, version.id, word)
        return replace(version, vouched=word)

    # --- statements ----------------------------------------------------------

    def _stated(self, session: Session, place: Place, value: bytes) -> Sequence[Stated]:
        signature, window = reconciliation.read(
            value, self.keys.receiver, self.platform
        )
        if window is None:
            said = "对账声明的签名不成立 a statement's signature does not hold: %s %s"
            _log.warning(said, place, signature)
            return [Stated(place=place, signature=signature)]
        self.inbox.state(session, window.begins, value)
        self._came[window.begins] = place, datetime.now(UTC)
        return []

    def _weigh(self, value: bytes, *, last: bool) -> None:
        signature, window = reconciliation.read(
            value, self.keys.receiver, self.platform
        )
        if window is None:  # its key was taken away meanwhile
            return
        now = datetime.now(UTC)
        # Not known after a start: what came before it is waited for once more.
        unknown = Place(self.statements, 0, -1), now
        place, since = self._came.setdefault(window.begins, unknown)
        there = self.inbox.held(
            window.topic, window.partition, window.start, window.end
        )
        agreement = window.agreement(there.events, there.seen)
        behind = agreement is Agreement.BEHIND
        if behind and not last and now - since < _PATIENCE:
            return
        if self.receipts:
            said = reconciliation.answer(window, there.events, there.seen, now)
            signed = self.keys.sign(reconciliation.JWS, said)
            written = reconciliation.write(window, self.tenant, now, signed)
            self._send([(f"{window.partition:016x}", written)])
        self.inbox.answered(window.begins)
        foreign = [
            (offset, name)
            for offset, name in sorted(there.events.items())
            if offset in window.foreign
        ]
        self.tell(
            Stated(
                place=place,
                signature=signature,
                window=window,
                agreement=agreement,
                foreign=tuple(foreign),
            )
        )

    # --- sending -------------------------------------------------------------

    def _drop(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=10)
            self._producer = None

    def _send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(**self.access.configs, acks="all")
            self._counts[self.receipts] = len(
                self._producer.partitions_for(self.receipts)
            )
        futures = [
            self._producer.send(
                self.receipts,
                value=value,
                key=key.encode(),
                headers=_HEADERS,
                partition=partition(key, self._counts[self.receipts]),
            )
            for key, value in messages
        ]
        self._producer.flush(timeout=30)
        for each in futures:
            each.get(timeout=30)  # type: ignore[no-untyped-call]


def _worth(version: Event | Notice | Annotation) -> Vouched:
    return version.vouched if isinstance(version, Event) else Vouched.NONE


def _places(consumer: KafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    return [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(consumer.partitions_for_topic(topic) or ())
    ]


def _reached(consumer: KafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    ours = consumer.assignment()
    return ours >= ends.keys() and all(
        (consumer.position(place) or 0) >= end for place, end in ends.items()
    )


def _commit(consumer: KafkaConsumer, records: Sequence[ConsumerRecord]) -> None:
    """Go on behind *records*, which are kept: were they to come again, no matter."""
    try:
        consumer.commit(_behind(records))
    except KafkaError as error:
        _log.warning("位点未提交 offsets not committed: %s", type(error).__name__)


def _behind(
    records: Sequence[ConsumerRecord],
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Say where to go on behind *records*."""
    found: dict[TopicPartition, OffsetAndMetadata] = {}
    for each in records:
        place = TopicPartition(each.topic, each.partition)
        found[place] = OffsetAndMetadata(each.offset + 1, "", -1)
    return found
