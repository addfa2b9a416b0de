"""The inbox: what came, each once, its effect and its receipt in one transaction.

`Inbox` is what a consumer asks of it; `SqliteInbox` keeps it in a file. For another
database write the same few statements: they and the user's effect share a transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

from zhitong_consumer.events import ANNOTATION, Annotation, Place, Version
from zhitong_consumer.receipts import Answer, Receipt

Session = TypeVar("Session")
"""An open transaction: the user's function writes its effect into it."""

_TABLES = """
create table if not exists zhitong_inbox (
    event_id text primary key, decision_id text not null, version integer not null,
    change text not null, digest text not null, case_key text not null,
    answer text not null, reasons text not null, answered_at text not null,
    due integer not null default 1);
create table if not exists zhitong_seen (
    decision_id text primary key, version integer not null);
create table if not exists zhitong_waiting (
    decision_id text not null, version integer not null, event_id text not null,
    value blob not null, primary key (decision_id, version, event_id));
create table if not exists zhitong_place (
    topic text not null, part integer not null, place integer not null,
    event_id text not null, primary key (topic, part, place)) without rowid;
create table if not exists zhitong_aside (
    topic text not null, part integer not null, place integer not null,
    value blob not null, why text not null, primary key (topic, part, place));
create table if not exists zhitong_stated (
    topic text not null, part integer not null, place integer not null,
    value blob not null, answered integer not null, primary key (topic, part, place));
create index if not exists zhitong_due on zhitong_inbox (due) where due;
"""


class Inbox(Protocol[Session]):
    """What a consumer asks of a receiver's own database."""

    def session(self) -> AbstractContextManager[Session]:
        """Begin a transaction; it commits at the end, whatever is raised undoes it."""
        ...

    def known(self, session: Session, event_id: UUID) -> Answer | None:
        """Say how an event was answered before; None: it is new."""
        ...

    def seen(self, session: Session, decision_id: UUID) -> int:
        """Say which version of a decision was seen last; 0: none."""
        ...

    def keep(  # noqa: PLR0913 - a row has so many
        self,
        session: Session,
        version: Version | Annotation,
        answer: Answer,
        reasons: Sequence[str],
        at: datetime,
        *,
        is_seen: bool,
    ) -> None:
        """Keep an event with its answer, or its new answer; a receipt is due."""
        ...

    def wait(self, session: Session, version: Version, value: bytes) -> None:
        """Keep the bytes of a version whose predecessor is missing."""
        ...

    def freed(self, session: Session, decision_id: UUID, last: int) -> bytes | None:
        """Take the first that waited for *last* or an earlier version."""
        ...

    def again(self, session: Session, event_id: UUID) -> None:
        """Make its receipt due once more: it came twice."""
        ...

    def lies(self, session: Session, place: Place, event_id: UUID | None) -> None:
        """Note which event lies where; None: what lies there is none."""
        ...

    def aside(self, session: Session, place: Place, value: bytes, why: str) -> None:
        """Keep bytes that are no event, so that they neither block nor are lost."""
        ...

    def due(self, limit: int) -> Sequence[Receipt]:
        """Give receipts that are due."""
        ...

    def sent(self, receipts: Sequence[Receipt]) -> None:
        """Note that the broker has them."""
        ...

    def state(self, session: Session, start: Place, value: bytes) -> None:
        """Keep what is stated from *start* on, in place of what was, until answered."""
        ...

    def unanswered(self) -> Sequence[bytes]:
        """Give the statements that are not answered yet."""
        ...

    def answered(self, start: Place) -> None:
        """Note that what was stated from *start* on is answered."""
        ...

    def held(self, topic: str, partition: int, start: int, end: int) -> Held:
        """Give the ids of the events that lie from *start*, before *end*."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """Event ids by offset, and before which offset all has come."""

    events: Mapping[int, str]
    seen: int


class SqliteInbox:
    """An inbox in a file, for one consumer."""

    def __init__(self, path: Path | str) -> None:
        """Open the file *path*, made if need be; ``:memory:`` forgets."""
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def session(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction."""
        self._database.execute("begin immediate")
        try:
            yield self._database
        except BaseException:
            self._database.execute("rollback")
            raise
        self._database.execute("commit")

    def known(self, session: sqlite3.Connection, event_id: UUID) -> Answer | None:
        """Say how an event was answered before."""
        asked = "select answer from zhitong_inbox where event_id = ?"
        row = session.execute(asked, [str(event_id)]).fetchone()
        return Answer(row[0]) if row else None

    def seen(self, session: sqlite3.Connection, decision_id: UUID) -> int:
        """Say which version was seen last."""
        asked = "select version from zhitong_seen where decision_id = ?"
        row = session.execute(asked, [str(decision_id)]).fetchone()
        return int(row[0]) if row else 0

    def keep(  # noqa: PLR0913 - a row has so many
        self,
        session: sqlite3.Connection,
        version: Version | Annotation,
        answer: Answer,
        reasons: Sequence[str],
        at: datetime,
        *,
        is_seen: bool,
    ) -> None:
        """Keep an event with its answer."""
        session.execute(
            "insert into zhitong_inbox (event_id, decision_id, version, change,"
            " digest, case_key, answer, reasons, answered_at)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict (event_id) do update set answer = excluded.answer,"
            " reasons = excluded.reasons, answered_at = excluded.answered_at, due = 1",
            [
                str(version.id),
                str(version.decision_id),
                version.version,
                version.change if isinstance(version, Version) else ANNOTATION,
                version.digest,
                version.key,
                answer,
                json.dumps(list(reasons), ensure_ascii=False),
                at.isoformat(),
            ],
        )
        if is_seen:
            session.execute(
                "insert into zhitong_seen values (?, ?) on conflict (decision_id)"
                " do update set version = max(version, excluded.version)",
                [str(version.decision_id), version.version],
            )

    def wait(self, session: sqlite3.Connection, version: Version, value: bytes) -> None:
        """Keep the bytes of a version that waits."""
        session.execute(
            "insert or ignore into zhitong_waiting values (?, ?, ?, ?)",
            [str(version.decision_id), version.version, str(version.id), value],
        )

    def freed(
        self, session: sqlite3.Connection, decision_id: UUID, last: int
    ) -> bytes | None:
        """Take the first that waited no longer than for what follows *last*."""
        rows = session.execute(
            "delete from zhitong_waiting where rowid = (select rowid from"
            " zhitong_waiting where decision_id = ? and version <= ?"
            " order by version limit 1) returning value",
            [str(decision_id), last + 1],
        ).fetchall()
        return bytes(rows[0][0]) if rows else None

    def again(self, session: sqlite3.Connection, event_id: UUID) -> None:
        """Make its receipt due once more."""
        said = "update zhitong_inbox set due = 1 where event_id = ?"
        session.execute(said, [str(event_id)])

    def lies(
        self, session: sqlite3.Connection, place: Place, event_id: UUID | None
    ) -> None:
        """Note which event lies where."""
        session.execute(
            "insert or ignore into zhitong_place values (?, ?, ?, ?)",
            [place.topic, place.partition, place.offset, str(event_id or "")],
        )

    def aside(
        self, session: sqlite3.Connection, place: Place, value: bytes, why: str
    ) -> None:
        """Keep bytes that are no event."""
        session.execute(
            "insert or ignore into zhitong_aside values (?, ?, ?, ?, ?)",
            [place.topic, place.partition, place.offset, value, why],
        )

    def due(self, limit: int) -> Sequence[Receipt]:
        """Give receipts that are due."""
        rows = self._database.execute(
            "select event_id, answer, answered_at, digest, reasons, case_key"
            " from zhitong_inbox where due order by rowid limit ?",
            [limit],
        )
        return [
            Receipt(
                event_id=UUID(event),
                answer=Answer(answer),
                at=datetime.fromisoformat(at),
                digest=digest,
                reasons=tuple(json.loads(reasons)),
                key=key,
            )
            for event, answer, at, digest, reasons, key in rows
        ]

    def sent(self, receipts: Sequence[Receipt]) -> None:
        """Note that the broker has them."""
        with self.session() as session:
            session.executemany(
                "update zhitong_inbox set due = 0 where event_id = ? and answer = ?",
                [(str(each.event_id), each.answer) for each in receipts],
            )

    def state(self, session: sqlite3.Connection, start: Place, value: bytes) -> None:
        """Keep what is stated from *start* on; the last of a place counts."""
        session.execute(
            "insert into zhitong_stated values (?, ?, ?, ?, 0)"
            " on conflict (topic, part, place)"
            " do update set value = excluded.value, answered = 0",
            [start.topic, start.partition, start.offset, value],
        )

    def unanswered(self) -> Sequence[bytes]:
        """Give the statements that are not answered yet."""
        rows = self._database.execute(
            "select value from zhitong_stated where not answered order by rowid"
        )
        return [bytes(value) for (value,) in rows]

    def answered(self, start: Place) -> None:
        """Note that what was stated from *start* on is answered."""
        with self.session() as session:
            session.execute(
                "update zhitong_stated set answered = 1"
                " where topic = ? and part = ? and place = ?",
                [start.topic, start.partition, start.offset],
            )

    def held(self, topic: str, partition: int, start: int, end: int) -> Held:
        """Give the ids of the events that lie there."""
        rows = self._database.execute(
            "select place, event_id from zhitong_place where topic = ? and part = ?"
            " and place >= ? and place < ? and event_id <> ''",
            [topic, partition, start, end],
        ).fetchall()
        ((last,),) = self._database.execute(
            "select max(place) from zhitong_place where topic = ? and part = ?",
            [topic, partition],
        ).fetchall()
        return Held(dict(rows), 0 if last is None else last + 1)
