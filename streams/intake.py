"""From a message to an arrival: decoded, judged by the published rules, unsealed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from opentelemetry.trace import Span, SpanKind

from zhitong.decisions import Answer, Arrival, SignatureState, Unreadable
from zhitong.exceptions import EventPoisonError, ReceiverError
from zhitong.streams.annotations import ANNOTATION, Told, read_annotation
from zhitong.streams.annotations import table as annotation_table
from zhitong.streams.cloud_events import DecisionEvent, parse
from zhitong.streams.group_reader import Message
from zhitong.streams.keys import ReceiverKeys, unseal
from zhitong.streams.notices import Notice, read_notice
from zhitong.streams.schemas import Row, faults, structure, tables
from zhitong.streams.tracing import begin, traceparent_of

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Vouch = Callable[[DecisionEvent], SignatureState | None]
"""Says what the bureau's signature is worth; None where there is none to weigh."""


def _nobody(_: DecisionEvent) -> None:
    """Weigh nothing."""


@dataclass(frozen=True, slots=True)
class Read:
    """An arrival, and the span of its stay with us where its trace is recorded."""

    arrival: Arrival
    span: Span | None

    def end(self, answer: Answer) -> None:
        """End the span with what became of it."""
        if self.span is not None:
            self.span.set_attribute("zhitong.answer", answer.value)
            self.span.end()


@dataclass(frozen=True, slots=True)
class Intake:
    """Reads what comes for one receiver, with its private *keys*."""

    keys: ReceiverKeys
    vouch: Vouch = _nobody

    def read(self, message: Message) -> Read | Unreadable:
        """Say what *message* brings; no fault of it says a word of its content."""
        try:
            if notice := read_notice(message.value):
                self._mine(notice.receiver)
                return _noticed(message, notice)
            if told := read_annotation(message.value):
                self._mine(told.receiver)
                return _annotated(message, told)
            event = parse(message.value)
            self._ours(event)
        except EventPoisonError as error:
            return Unreadable(
                topic=message.topic,
                partition=message.partition,
                offset=message.offset,
                value=message.value,
                why=error.label.en,
            )
        return self._read(message, event)

    def _mine(self, receiver: str) -> None:
        if receiver != self.keys.receiver:
            raise EventPoisonError(
                "这件事件是给别的接收方的", "this event is for another receiver"
            )

    def _ours(self, event: DecisionEvent) -> None:
        self._mine(event.receiver)
        if event.table not in tables():
            raise EventPoisonError("没有这样的表", "there is no table of that name")

    def _read(self, message: Message, event: DecisionEvent) -> Read:
        parent = message.traceparent or event.traceparent
        span = begin(
            f"process {message.topic}",
            SpanKind.CONSUMER,
            parent,
            {
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.destination.name": message.topic,
                "messaging.destination.partition.id": str(message.partition),
                "messaging.message.id": str(event.event_id),
                "zhitong.receiver": event.receiver,
            },
        )
        # A column that we know nothing of is one more since our schemas were written.
        row = tables()[event.table].known(event.row)
        # What the rules judge is the row as it was sent: an ID number still sealed.
        reasons = faults(event.table, row)
        if not reasons:
            row, reasons = self._opened(event.table, row)
        arrival = Arrival(
            event_id=event.event_id,
            decision_id=event.decision_id,
            version=event.version,
            change=event.change,
            follows_history=event.follows_history,
            table=event.table,
            row=row,
            reasons=reasons,
            payload_hash=hashlib.sha256(message.value).hexdigest(),
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=event.key,
            traceparent=traceparent_of(span) if span else _known(parent),
            statement=event.statement,
            signature=self.vouch(event),
        )
        return Read(arrival, span)

    def _opened(
        self, table: str, sent: Row
    ) -> tuple[dict[str, object], tuple[str, ...]]:
        known, reasons = tables()[table], []
        row = known.held(sent)
        for column in sorted(known.sealed & row.keys()):
            try:
                row[column] = unseal(str(row[column]), self.keys)
            except ReceiverError as error:
                if known.is_withdrawn(sent):
                    # A number more or less must not keep in public what is withdrawn.
                    del row[column]
                    continue
                reasons.append(f"{column}：{error.label.zh} / {error.label.en}")
        return row, tuple(reasons)


def _noticed(message: Message, notice: Notice) -> Read:
    """Take a notice as a version that has been seen, and has nothing to be held."""
    arrival = Arrival(
        event_id=notice.event_id,
        decision_id=notice.decision_id,
        version=notice.version,
        change=notice.change,
        follows_history=notice.follows_history,
        table="",
        row={},
        reasons=(notice.reason,),
        payload_hash=hashlib.sha256(message.value).hexdigest(),
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=notice.key,
        traceparent=_known(message.traceparent or notice.traceparent),
    )
    return Read(arrival, None)


def _annotated(message: Message, told: Told) -> Read:
    """Take what happened to a decision: its data are the row to be held."""
    row = annotation_table().known(told.data)
    reasons = tuple(map(str, structure(annotation_table(), row)))
    arrival = Arrival(
        event_id=told.event_id,
        decision_id=told.decision_id,
        version=told.version,
        change=None,
        follows_history=told.follows_history,
        table=ANNOTATION,
        row={} if reasons else row,
        reasons=reasons,
        payload_hash=hashlib.sha256(message.value).hexdigest(),
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=told.key,
        traceparent=_known(message.traceparent or told.traceparent),
    )
    return Read(arrival, None)


def _known(traceparent: str) -> str:
    """Give on a traceparent that is one; from a stranger it may be anything."""
    return traceparent if _TRACEPARENT.fullmatch(traceparent) else ""
