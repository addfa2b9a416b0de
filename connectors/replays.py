"""Replays in the platform's database: what was sent is read in order, and noted.

Who ordered a replay, why, and over which events is a deed, committed before the first
of them is read; how far it has come is kept, so that one that is killed goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID, uuid4

import asyncpg
import orjson

from zhitong.connectors import deeds
from zhitong.connectors.ledger_entry import sent_place
from zhitong.connectors.loan import LOST
from zhitong.connectors.own_connection import OwnConnection
from zhitong.connectors.sealing import Sealing, unseal_bytes
from zhitong.connectors.session import State
from zhitong.connectors.statements import statements
from zhitong.decisions import Absence, Sent
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError, ReplayError, SettingsError
from zhitong.rules.merkle import LENGTH, Frontier, digest, leaf

_SECONDS = 600.0
"""A selection may be a month of millions."""
_PAGE = 5_000
_HASH = digest("sha256")
# What is null selects nothing: of each selection the plan is another.
_SESSION = {
    "application_name": "zhitong-replay",
    "plan_cache_mode": "force_custom_plan",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of the events that a receiver was sent."""

    since: datetime | None = None
    before: datetime | None = None
    case: str | None = None
    decision: UUID | None = None
    event: UUID | None = None
    partition: int | None = None
    offsets: tuple[int, int] | None = None
    """First and last, on the topic they were sent to."""

    @property
    def text(self) -> str:
        """Write it as canonical JSON: the same selection is the same text."""
        said = {
            name: value
            for name in ("since", "before", "case", "decision", "event", "partition")
            if (value := getattr(self, name)) is not None
        }
        if self.offsets is not None:
            said["offsets"] = list(self.offsets)
        options = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
        return orjson.dumps(said, option=options).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a selection comes to."""

    events: int = 0
    erased: int = 0
    root: bytes = b""
    """Of the tree over ``event id, payload hash`` of each, in their order."""
    first: int = 0
    last: int = 0
    before: int = 0
    """Had before the platform began: no bytes of ours to send again."""
    archived: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One replay, as far as it has come."""

    id: str
    receiver: str
    topic: str
    events: int
    root: bytes
    last: int
    reached: int
    sent: int = 0
    erased: int = 0
    frontier: tuple[bytes, ...] = ()
    unsent: tuple[str, ...] = ()
    resumed: bool = False

    @property
    def sent_root(self) -> bytes:
        """Give the root over what was sent."""
        return Frontier(_HASH, self.sent, self.frontier).root()

    @property
    def whole(self) -> bool:
        """Say whether what was sent is what was to be."""
        return not self.unsent and self.sent_root == self.root

    def after(self, sent: Sequence[Sent], unsent: Sequence[Sent], last: int) -> Self:
        """Say how far it is when *sent* have left."""
        tree = Frontier(_HASH, self.sent, self.frontier)
        for each in sent:
            tree.add(_leaf(each.event_id, each.payload_hash))
        return replace(
            self,
            reached=last,
            sent=tree.size,
            erased=self.erased + sum(each.payload is None for each in sent),
            frontier=tuple(tree.roots),
            unsent=(*self.unsent, *(each.event_id for each in unsent)),
        )


class Replays(OwnConnection):
    """The sent log of the platform's database, for the time of an ``async with``."""

    def __init__(self, url: str, sealing: Sealing | None) -> None:
        """Read what is at *url*; without *sealing* nothing that is sealed opens."""
        super().__init__(
            url, _answered, command_timeout=_SECONDS, server_settings=_SESSION
        )
        self._sealing = sealing
        self._values: tuple[object, ...] = ()

    async def listed(self) -> Sequence[State]:
        """Give the newest replays, and how far each has come."""
        async with _answered():
            rows = await self._own.fetch(statements("replays")["list"])
            return [dict(row) for row in rows]

    async def held(self, receiver: str) -> str | None:
        """Say why *receiver* is sent nothing now; None: it is.

        Raises `ReplayError` where there is none of that name.
        """
        sql = statements("replays")["receiver"]
        async with _answered():
            row = await self._own.fetchrow(sql, receiver)
        if row is None:
            raise ReplayError(
                f"平台还没有推送过接收方 {receiver}",
                f"the platform has never sent to a receiver {receiver}",
            )
        return row["suspended_because"] if row["suspended_at"] else None

    async def select(self, receiver: str, selection: Selection) -> Plan:
        """Say what *selection* comes to; what is read after this is of it."""
        sql = statements("replays")
        async with _answered():
            decisions = None
            if selection.case is not None:
                found = await self._own.fetch(sql["of_case"], selection.case)
                decisions = [row["decision_id"] for row in found]
            elif selection.decision is not None:
                decisions = [str(selection.decision)]
            self._values = (
                receiver,
                selection.since,
                selection.before,
                decisions,
                None if selection.event is None else str(selection.event),
                selection.partition,
                *(selection.offsets or (None, None)),
            )
            plan = await self._planned(sql["planned"])
            rows = await self._own.fetch(sql["left_out"], *self._values)
        counts = {row["before"]: row["events"] for row in rows}
        return replace(plan, before=counts.get(True, 0), archived=counts.get(False, 0))

    async def _planned(self, sql: str) -> Plan:
        tree = Frontier(_HASH)
        first = last = erased = 0
        async with self._own.transaction(readonly=True):
            cursor = await self._own.cursor(sql, *self._values)
            while rows := await cursor.fetch(_PAGE):
                first, last = first or rows[0]["seq"], rows[-1]["seq"]
                for _, event, payload_hash, gone in rows:
                    erased += gone
                    tree.add(_leaf(event, payload_hash))
        return Plan(
            events=tree.size, erased=erased, root=tree.root(), first=first, last=last
        )

    async def begin(
        self, plan: Plan, topic: str, selection: Selection, who: str, why: str
    ) -> Replay:
        """Put on record that *plan* is sent to *topic*; an unfinished one goes on.

        Raises `ReplayError` while another replay of the receiver runs.
        """
        sql = statements("replays")
        receiver = str(self._values[0])
        async with _answered():
            if not await self._own.fetchval(sql["alone"], receiver):
                raise ReplayError(
                    f"{receiver} 的另一次重放正在进行",
                    f"another replay of {receiver} is under way",
                )
            found = await self._own.fetchrow(
                sql["unfinished"], receiver, topic, selection.text
            )
            if found is not None:
                return replace(_replay(found), resumed=True)
            name = uuid4().hex
            async with self._own.transaction():
                made = await self._own.fetchrow(
                    sql["begin"],
                    *(name, receiver, topic, selection.text, plan.events, plan.root),
                    *(plan.first, plan.last),
                )
                deed = Deed(
                    kind=DeedKind.ACTION,
                    who=who,
                    action="begin-replay",
                    target=f"{receiver}/{name}",
                    reason=why,
                    detail={
                        "topic": topic,
                        "selection": orjson.loads(selection.text),
                        "events": plan.events,
                        "erased": plan.erased,
                        "before_platform": plan.before,
                        "archived": plan.archived,
                        "root": plan.root.hex(),
                    },
                )
                await deeds.write(self._own, deed)
        assert made is not None  # noqa: S101 - it was inserted
        return _replay(made)

    async def batch(
        self, replay: Replay, after: int, limit: int
    ) -> tuple[Sequence[Sent], Sequence[Sent]]:
        """Give the next events behind *after*: to be sent, and those changed since.

        Each as it left, opened where it is sealed; what is not the bytes that left is
        never sent. Raises `SettingsError` where our keys do not open it.
        """
        sql = statements("replays")["batch"]
        async with _answered():
            rows = await self._own.fetch(
                sql, *self._values, after, replay.last, limit, replay.topic
            )
        good: list[Sent] = []
        altered: list[Sent] = []
        for each in map(self._sent, rows):
            (good if _is_what_left(each) else altered).append(each)
        return good, altered

    async def note(self, notices: Sequence[tuple[Sent, bytes]], why: Absence) -> None:
        """Keep the digest of each notice, before it is sent in an event's place."""
        if not notices:
            return
        async with _answered():
            await self._own.execute(
                statements("replays")["notices"],
                [sent.event_id for sent, _ in notices],
                [sent.receiver for sent, _ in notices],
                [hashlib.sha256(value).digest() for _, value in notices],
                [why.value] * len(notices),
            )

    async def reached(self, replay: Replay) -> None:
        """Keep how far it has come: all up to there is with the broker."""
        async with _answered():
            await self._own.execute(
                statements("replays")["reached"],
                replay.id,
                replay.reached,
                replay.sent,
                replay.erased,
                b"".join(replay.frontier),
                list(replay.unsent),
            )

    async def end(self, replay: Replay, who: str, why: str) -> None:
        """Put on record what was sent."""
        async with _answered(), self._own.transaction():
            target = await self._own.fetchval(statements("replays")["end"], replay.id)
            deed = Deed(
                kind=DeedKind.ACTION,
                who=who,
                action="end-replay",
                target=target,
                reason=why,
                detail={
                    "sent": replay.sent,
                    "erased": replay.erased,
                    "root": replay.sent_root.hex(),
                    "as_planned": replay.whole,
                    "unsent": list(replay.unsent),
                },
            )
            await deeds.write(self._own, deed)

    def _sent(self, row: asyncpg.Record) -> Sent:
        payload: bytes | None = row["payload"]
        erased_at = None
        if row["key_id"] is not None and row["wrapped"] is None:
            payload, erased_at = None, row["destroyed_at"]
        elif row["key_id"] is not None:
            payload = self._opened(row)
        return Sent(
            seq=row["seq"],
            bucket=row["bucket"],
            event_id=row["event_id"],
            receiver=row["receiver"],
            decision_id=row["decision_id"],
            version=row["version"],
            change=row["change"],
            key=row["key"],
            payload=payload,
            payload_hash=row["payload_hash"],
            created_at=row["created_at"],
            traceparent=row["traceparent"],
            erased_at=erased_at,
            follows_history=row["follows_history"],
            place=row["place"],
        )

    def _opened(self, row: asyncpg.Record) -> bytes:
        if self._sealing is None:
            raise SettingsError(
                "状态目录中没有 subject.key 和 person.key，封存的内容打不开：请用 "
                "--state 指明平台的",
                "subject.key and person.key are not in the state folder, and what is "
                "sealed does not open: name the platform's with --state",
            )
        key = self._sealing.unwrapped(row["key_id"], row["person"], row["wrapped"])
        place = sent_place(row["event_id"], row["receiver"])
        try:
            return unseal_bytes(key, row["payload"], place)
        except SettingsError:
            # The person's key opened, so ours is right: what is kept was changed.
            return b""


def _replay(row: asyncpg.Record) -> Replay:
    kept = row["frontier"]
    return Replay(
        id=row["replay_id"],
        receiver=row["receiver"],
        topic=row["topic"],
        events=row["events"],
        root=row["root"],
        last=row["last_seq"],
        reached=row["reached_seq"],
        sent=row["sent"],
        erased=row["erased"],
        frontier=tuple(
            kept[place : place + LENGTH] for place in range(0, len(kept), LENGTH)
        ),
        unsent=tuple(row["unsent"]),
    )


def _leaf(event: str, payload_hash: bytes) -> bytes:
    return leaf(_HASH, f"{event} {payload_hash.hex()}".encode())


def _is_what_left(sent: Sent) -> bool:
    if sent.payload is None:
        return sent.erased_at is not None
    return hashlib.sha256(sent.payload).digest() == sent.payload_hash


@asynccontextmanager
async def _answered() -> AsyncIterator[None]:
    try:
        yield
    except LOST as error:
        raise LedgerUnavailableError(
            "平台数据库没有答复，重放停在已经登记的地方：再次执行同一命令即继续",
            "the platform's database does not answer, and the replay stops where it "
            "was noted last: the same command goes on from there",
        ) from error
