"""What a reconciliation 对账 compares, and the names of what it finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from zhitong.decisions import NAMESPACE
from zhitong.rules.merkle import digest, leaf, root
from zhitong.types import Label

MOST = 10_000
"""Offsets of one window: whatever a receiver answers about it fits in a message."""
PART = 1_000
"""Offsets of one part of a window, which has a root of its own: where two roots
differ, the parts that differ are told event by event."""
HASH = "sha256"
_DIGEST = digest(HASH)


class Kind(StrEnum):
    """What can be wrong with an event on its way, and where."""

    LOST = "LOST"
    SENT_LOG_MISSING = "SENT_LOG_MISSING"
    SENT_LOG_ALTERED = "SENT_LOG_ALTERED"
    OUTBOX_ALTERED = "OUTBOX_ALTERED"
    TOPIC_MISSING = "TOPIC_MISSING"
    TOPIC_ALTERED = "TOPIC_ALTERED"
    TOPIC_FOREIGN = "TOPIC_FOREIGN"
    DECISION_MISSING = "DECISION_MISSING"
    RECEIPT_MISSING = "RECEIPT_MISSING"
    INBOX_MISSING = "INBOX_MISSING"
    INBOX_FOREIGN = "INBOX_FOREIGN"
    ANSWER_MISSING = "ANSWER_MISSING"


MEANINGS: Mapping[Kind, Label] = {
    Kind.LOST: Label(
        "应当推送，既不待发也没有发出",
        "it is due, and neither waits nor was sent",
    ),
    Kind.SENT_LOG_MISSING: Label(
        "已发出，已发日志中没有", "it was sent, and the sent log lacks it"
    ),
    Kind.SENT_LOG_ALTERED: Label(
        "已发日志中的内容被改动", "its bytes in the sent log were altered"
    ),
    Kind.OUTBOX_ALTERED: Label(
        "待发的内容被改动", "its bytes in the outbox were altered"
    ),
    Kind.TOPIC_MISSING: Label(
        "保存期内已不在主题上", "the topic lacks it, within its retention"
    ),
    Kind.TOPIC_ALTERED: Label(
        "主题上的内容与所发不同", "its bytes on the topic are not those that were sent"
    ),
    Kind.TOPIC_FOREIGN: Label(
        "主题上有不是平台发出的记录", "a record on the topic is none of ours"
    ),
    Kind.DECISION_MISSING: Label(
        "台账中没有这件决定的这一版", "the ledger has no such version of a decision"
    ),
    Kind.RECEIPT_MISSING: Label(
        "逾期没有最后的回执", "no final receipt of it came in time"
    ),
    Kind.INBOX_MISSING: Label("接收方没有这件事件", "the receiver lacks it"),
    Kind.INBOX_FOREIGN: Label(
        "接收方有平台没有发出的事件", "the receiver has what was not sent"
    ),
    Kind.ANSWER_MISSING: Label(
        "接收方没有答复对账", "the receiver answered no statement in time"
    ),
}


_READ = Label(
    "查明后处理，主题上的内容不能改写",
    "find out why; what lies on a topic is never rewritten",
)
_REPLAY = Label(
    "zhitong replay --receiver {receiver} --event {event} --to own --because 原因",
    "zhitong replay --receiver {receiver} --event {event} --to own --because WHY",
)
_RESTORE = Label(
    "从备份恢复该行，再对账",
    "restore the row from a backup, then reconcile again",
)
_ASK = Label("向接收方查询", "ask the receiver")
REMEDIES: Mapping[Kind, Label] = {
    Kind.LOST: _RESTORE,
    Kind.SENT_LOG_MISSING: _RESTORE,
    Kind.SENT_LOG_ALTERED: _RESTORE,
    Kind.OUTBOX_ALTERED: _RESTORE,
    Kind.DECISION_MISSING: Label(
        "执行 zhitong audit verify，从备份恢复",
        "run zhitong audit verify, restore from a backup",
    ),
    Kind.TOPIC_MISSING: _REPLAY,
    Kind.TOPIC_ALTERED: _REPLAY,
    Kind.TOPIC_FOREIGN: _READ,
    Kind.RECEIPT_MISSING: _ASK,
    Kind.INBOX_MISSING: _REPLAY,
    Kind.INBOX_FOREIGN: _ASK,
    Kind.ANSWER_MISSING: _ASK,
}
"""What is to be done about each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is wrong: of an event, or of a place on a topic."""

    kind: Kind
    receiver: str
    event_id: str = ""
    decision_id: str = ""
    version: int | None = None
    topic: str = ""
    partition: int | None = None
    offset: int | None = None

    @property
    def id(self) -> UUID:
        """Name it the same whenever it is found."""
        what = self.event_id or f"{self.topic}/{self.partition}/{self.offset}"
        return uuid5(NAMESPACE, f"{self.kind}/{self.receiver}/{what}")

    @property
    def remedy(self) -> Label:
        """Say what is to be done."""
        about = {"receiver": self.receiver, "event": self.event_id}
        said = REMEDIES[self.kind]
        return Label(said.zh.format(**about), said.en.format(**about))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """A record as it lies on a topic; without *event_id* it is no event."""

    offset: int
    at: datetime
    digest: bytes
    event_id: str = ""
    decision_id: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A row of the sent log, or of the outbox, which has no offset."""

    event_id: str
    decision_id: str
    version: int
    digest: bytes
    partition: int | None = None
    offset: int | None = None
    at: datetime | None = None
    waits: bool = False
    """It is in the outbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A stretch of one partition: from *start*, before *end*."""

    receiver: str
    topic: str
    partition: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of a place: the topic's records, and ours of the same events."""

    place: Place
    low: int
    """The first offset that the topic still has."""
    lying: Sequence[Lying]
    logged: Sequence[Logged]
    """What the sent log says lies there."""
    elsewhere: Mapping[str, Sequence[Logged]] = field(default_factory=dict)
    """By event id, what it says of events that lie there and should not."""
    versions: Collection[tuple[str, int]] = ()
    """Of those, the versions that the ledger has."""
    kept_since: datetime
    """What was sent after this must still be on the topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A closed stretch of one partition, as it is stated."""

    place: Place
    events: Mapping[int, str]
    """Ours, by offset."""
    foreign: tuple[int, ...]
    logged: int
    """How many rows of the sent log lie there."""
    differences: tuple[Difference, ...]
    intact: frozenset[str]
    """The events that lie in it with the bytes that were sent."""

    @property
    def root(self) -> bytes:
        """The root over the event ids in the order of their offsets."""
        return root_of(self.events, self.place.start, self.place.end)

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The roots of its parts."""
        return parts_of(self.events, self.place.start, self.place.end)

    @property
    def doubles(self) -> int:
        """How many records say again what another in it says."""
        return len(self.events) - len(set(self.events.values()))


def root_of(events: Mapping[int, str], start: int, end: int) -> bytes:
    """Give the root over the ids of the *events* from *start*, before *end*."""
    return root(_DIGEST, (leaf(_DIGEST, i.encode()) for i in _ids(events, start, end)))


def parts_of(events: Mapping[int, str], start: int, end: int) -> tuple[bytes, ...]:
    """Give the root of each part."""
    return tuple(
        root_of(events, each, min(each + PART, end)) for each in range(start, end, PART)
    )


def _ids(events: Mapping[int, str], start: int, end: int) -> Iterable[str]:
    return (events[each] for each in range(start, end) if each in events)


def compare(seen: Sight) -> Window:
    """Compare what lies at a place with what was sent there.

    The same event with the same bytes at another offset is lawful: after a crash, or a
    replay, it is sent once more.
    """
    place = seen.place
    by_offset: dict[int, list[Logged]] = defaultdict(list)
    for row in seen.logged:
        by_offset[row.offset or 0].append(row)
    found: list[Difference] = []
    events: dict[int, str] = {}
    foreign: list[int] = []
    intact: set[str] = set()
    for record in seen.lying:
        rows = [*by_offset[record.offset], *seen.elsewhere.get(record.event_id, ())]
        rows = [row for row in rows if row.event_id == record.event_id]
        kind = _judged(record, rows, seen.versions)
        if kind is not None:
            found.append(_of_record(kind, place, record))
        if kind is Kind.TOPIC_FOREIGN:
            foreign.append(record.offset)
            continue
        events[record.offset] = record.event_id
        if kind is None:
            intact.add(record.event_id)
    present = {record.offset for record in seen.lying}
    for row in seen.logged:
        if row.event_id in intact:
            continue
        if row.offset not in present:
            # Below the topic's beginning it is what was sent: nobody reads it there.
            events[row.offset or 0] = row.event_id
        lies_altered = any(
            each.event_id == row.event_id and each.offset == row.offset
            for each in seen.lying
        )
        if not lies_altered and (row.at is None or row.at > seen.kept_since):
            found.append(_of_row(Kind.TOPIC_MISSING, place, row))
    return Window(
        place=place,
        events=events,
        foreign=tuple(foreign),
        logged=len(seen.logged),
        differences=tuple(found),
        intact=frozenset(intact),
    )


def under_way(seen: Sight, settled_before: datetime) -> int:
    """Say before which offset a place can be closed: what is sent is moved there."""
    logged = {(row.offset, row.event_id) for row in seen.logged}
    for record in seen.lying:
        if record.at < settled_before or (record.offset, record.event_id) in logged:
            continue
        if any(row.waits for row in seen.elsewhere.get(record.event_id, ())):
            return record.offset
    return seen.place.end


def _judged(
    record: Lying, rows: Sequence[Logged], versions: Collection[tuple[str, int]]
) -> Kind | None:
    if any(row.digest == record.digest for row in rows):
        return None
    if rows:
        return Kind.TOPIC_ALTERED
    if record.version and (record.decision_id, record.version) in versions:
        return Kind.SENT_LOG_MISSING
    return Kind.TOPIC_FOREIGN


def _of_record(kind: Kind, place: Place, record: Lying) -> Difference:
    ours = kind is not Kind.TOPIC_FOREIGN
    return Difference(
        kind=kind,
        receiver=place.receiver,
        event_id=record.event_id if ours else "",
        decision_id=record.decision_id if ours else "",
        version=record.version if ours else None,
        topic=place.topic,
        partition=place.partition,
        offset=record.offset,
    )


def _of_row(kind: Kind, place: Place, row: Logged) -> Difference:
    return Difference(
        kind=kind,
        receiver=place.receiver,
        event_id=row.event_id,
        decision_id=row.decision_id,
        version=row.version,
        topic=place.topic,
        partition=place.partition,
        offset=row.offset,
    )
