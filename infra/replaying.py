"""``zhitong replay``: a receiver is sent again what it was sent before.

Nothing new leaves: ids and bytes are those of the sent log, through the producer that
the relay sends by. What was erased is not there any more; a notice says so.
"""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from zhitong.connectors.pressure import measured
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.connectors.replays import Plan, Replay, Replays, Selection
from zhitong.connectors.sealing import Sealing
from zhitong.decisions import Absence, Change, Outgoing, Sent
from zhitong.exceptions import EventPoisonError, ReplayError
from zhitong.infra.broker_access import administrator, way
from zhitong.infra.channels import desk, filing, producer
from zhitong.infra.commands import say
from zhitong.infra.deciding import limits
from zhitong.infra.platform_database import own_platform
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.ports import Pressure
from zhitong.rules.resident_ids import has_resident_id
from zhitong.streams import names
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.notices import Notice, write_notice
from zhitong.streams.producer import Fault, Producer, Unsent
from zhitong.streams.receivers import Receiver, Receivers
from zhitong.streams.topics import ensure_topics, partitions

BATCH = 2_000
"""Events that are sent, and waited for, together."""
PATIENCE = 60.0
"""Seconds that a broker may be away before the command gives up for now."""
_FIRST_REST = 0.5
_SHARE = 0.2
"""Of a second: how much leaves at once where a rate is asked for."""
_SAY_SECONDS = 10.0
_WAY_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an operator asks for."""

    receiver: str
    selection: Selection
    own: bool = False
    """To the receiver's own topic, and not to that of its replays."""
    because: str
    dry: bool = False
    rate: float = 0.0
    """Events a second at most; 0: as fast as it goes."""


def replay(settings: Settings, asked: Asked) -> bool:
    """Send again what is asked for; say whether all of it is what it was."""
    _refuse_words(asked.because)
    config = receivers_of(settings)
    receiver = _in_force(config, asked.receiver)
    return asyncio.run(_Replaying(settings, config, receiver, asked).run())


def show(settings: Settings) -> None:
    """Print the newest replays, and how far each has come."""
    for state in asyncio.run(_listed(settings)):
        ended = state["ended_at"]
        end = f"{ended:%Y-%m-%d %H:%M:%S} UTC" if isinstance(ended, datetime) else "…"
        say(
            f"{state['replay_id']}  {state['receiver']}  {state['topic']}  "
            f"{state['sent']:,}/{state['events']:,}（通知 notices {state['erased']:,}，"
            f"未发 unsent {state['unsent']:,}）  {state['begun_at']:%Y-%m-%d %H:%M:%S}"
            f" — {end}  {state['selection']}"
        )


async def _listed(settings: Settings) -> Sequence[Mapping[str, object]]:
    async with Replays(await own_platform(settings), None) as replays:
        return await replays.listed()


class _Replaying:
    """One call of the command."""

    def __init__(
        self, settings: Settings, config: Receivers, receiver: Receiver, asked: Asked
    ) -> None:
        self._settings = settings
        self._config = config
        self._receiver = receiver
        self._asked = asked
        again = names.replay(config.tenant, receiver.name)
        # By another channel it goes where it went: there is one place for all.
        self._channel = config.kafka.get(receiver.name)
        own = asked.own or self._channel is None
        self._topic = receiver.channel.place if own else again

    async def run(self) -> bool:
        url = await own_platform(self._settings)
        book = PlatformReceiptBook(url)
        try:
            return await self._run(url, book)
        finally:
            await book.close()

    async def _run(self, url: str, book: PlatformReceiptBook) -> bool:
        asked = self._asked
        async with (
            Replays(url, _sealing(self._settings)) as replays,
            measured(url, limits(self._settings)) as pressure,
        ):
            await self._refuse_held(replays)
            plan = await replays.select(asked.receiver, asked.selection)
            say(_planned(plan))
            if not plan.events:
                raise ReplayError(
                    f"平台没有向 {asked.receiver} 发送过所选的事件，或其正文已不在："
                    f"{asked.selection.text}",
                    f"{asked.receiver} was sent no such event whose bytes are still "
                    f"here: {asked.selection.text}",
                )
            if asked.dry:
                return True
            await asyncio.to_thread(self._topic_is_there)
            who, why = getpass.getuser(), asked.because.strip()
            found = await replays.begin(plan, self._topic, asked.selection, who, why)
            said = "继续重放 Replay goes on" if found.resumed else "重放 Replay"
            say(f"{said} {found.id}: {self._topic}，{found.sent:,}/{found.events:,}")
            done = await self._send(replays, found, pressure, self._sender(book))
            await replays.end(done, who, why)
        _finished(done)
        return done.whole

    async def _refuse_held(self, replays: Replays) -> None:
        if because := await replays.held(self._receiver.name):
            raise ReplayError(
                f"{self._receiver.name} 已暂停，不向它重放任何内容：{because}",
                f"{self._receiver.name} is suspended, and nothing is replayed to it: "
                f"{because}",
            )

    def _topic_is_there(self) -> None:
        """Make the topic of replays at first need, where topics are ours to make."""
        if self._channel is None:
            return
        relay = way(self._settings, names.RELAY)
        if self._asked.own or (
            self._settings.kafka
            and self._settings.kafka_security.startswith("SASL")
            and not (Path(self._settings.kafka_users) / names.ADMIN).exists()
        ):
            partitions(relay(), self._topic)
            return
        wanted = {self._topic: self._channel.partitions}
        kept = timedelta(days=self._settings.retention_days)
        ensure_topics(administrator(self._settings), wanted, kept)

    async def _send(
        self, replays: Replays, begun: Replay, pressure: Pressure, sender: Producer
    ) -> Replay:
        """Send batch after batch; the next is read while one is on its way."""
        pace = _Pace(self._asked.rate)
        lane = _Lane(sender)
        done = begun
        try:
            batch = await replays.batch(done, done.reached, pace.size)
            while any(batch):
                # Decisions that wait come first: a batch every few seconds.
                await pressure.calm(_WAY_SECONDS)
                # Whose basis has ended meanwhile gets nothing more.
                await self._refuse_held(replays)
                good, altered = batch
                events = await self._outgoing(replays, begun.id, good)
                last = max(each.seq for each in (*good, *altered))
                _, batch = await asyncio.gather(
                    lane.send(events), replays.batch(done, last, pace.size)
                )
                done = done.after(good, altered, last)
                await replays.reached(done)
                await pace.rest(done)
        finally:
            await lane.end()
        return done

    def _sender(self, book: PlatformReceiptBook) -> Producer:
        if self._channel is None:
            file = filing(desk(self._settings, self._config, book))
            name, channel = self._receiver.name, self._receiver.channel
            return producer(self._settings, name, channel, file)
        configured = {self._topic: self._channel.partitions}
        return KafkaSender(
            way(self._settings, names.RELAY), PATIENCE, configured=configured
        )

    async def _outgoing(
        self, replays: Replays, name: str, events: Sequence[Sent]
    ) -> Sequence[Outgoing]:
        erased = [
            (each, write_notice(self._notice(each)))
            for each in events
            if each.payload is None
        ]
        await replays.note(erased, Absence.ERASED)
        notices = {each.seq: value for each, value in erased}
        return [
            Outgoing(
                seq=each.seq,
                bucket=each.bucket,
                event_id=UUID(each.event_id),
                receiver=each.receiver,
                topic=self._topic,
                key=each.key,
                payload=notices.get(each.seq, each.payload or b""),
                created_at=each.created_at,
                traceparent=each.traceparent,
                replay=name,
                place=each.place,
            )
            for each in events
        ]

    def _notice(self, sent: Sent) -> Notice:
        assert sent.erased_at is not None  # noqa: S101 - why it has no payload
        return Notice(
            event_id=UUID(sent.event_id),
            receiver=sent.receiver,
            decision_id=UUID(sent.decision_id),
            version=sent.version,
            change=Change(sent.change),
            follows_history=sent.follows_history,
            source=self._config.source(sent.receiver),
            time=sent.erased_at,
            key=sent.key,
            why=Absence.ERASED,
            payload_hash=sent.payload_hash.hex(),
            traceparent=sent.traceparent,
        )


class _Lane:
    """Sends a batch until the broker has all of it."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._thread = ThreadPoolExecutor(1, "replay")

    async def send(self, events: Sequence[Outgoing]) -> None:
        """Send *events*, all again where one did not arrive.

        Raises `EventPoisonError` for one that cannot be sent now, and
        `BrokerUnavailableError` or `ReceiverUnavailableError` when the other side has
        been away for too long.
        """
        loop = asyncio.get_running_loop()
        until, rest = time.monotonic() + PATIENCE, _FIRST_REST
        while events:
            answers = await loop.run_in_executor(
                self._thread, self._producer.send_batch, events
            )
            faults = [each for each in answers if isinstance(each, Fault)]
            if not faults:
                # What a slow channel has not begun comes next, in its order.
                left = {each.seq for each in answers if isinstance(each, Unsent)}
                events = [each for each in events if each.seq in left]
                until = time.monotonic() + PATIENCE
                continue
            await loop.run_in_executor(self._thread, self._producer.reset)
            first = _worst(faults)
            if isinstance(first.error, EventPoisonError):
                raise first.error
            if time.monotonic() > until:
                raise first.error
            await asyncio.sleep(rest)
            rest = min(rest * 2, PATIENCE / 4)

    async def end(self) -> None:
        """End; what was acknowledged and not noted is sent again by the next."""
        # A channel may do its work on this very loop.
        await asyncio.to_thread(self._producer.close)
        await asyncio.to_thread(self._thread.shutdown, wait=True)


class _Pace:
    """How much leaves at once, and how long to wait after it."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.size = min(BATCH, max(1, int(rate * _SHARE))) if rate else BATCH
        self._began = self._said = time.monotonic()
        self._before: int | None = None

    async def rest(self, done: Replay) -> None:
        """Wait until *done* is no more than the rate allows; say how far it is."""
        if self._before is None:
            # What an earlier call has sent is none of this one's.
            self._before = max(0, done.sent - self.size)
        if time.monotonic() - self._said >= _SAY_SECONDS:
            self._said = time.monotonic()
            say(f"  {done.sent:,}/{done.events:,}")
        if self._rate:
            due = self._began + (done.sent - self._before) / self._rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def _worst(faults: Sequence[Fault]) -> Fault:
    """Give the fault of an event itself, if there is one, else the first."""
    own = (f for f in faults if isinstance(f.error, EventPoisonError))
    return next(own, faults[0])


def _in_force(config: Receivers, name: str) -> Receiver:
    """Find *name* among those who are sent something today; raise `ReplayError`."""
    found = config.on(datetime.now(SHANGHAI).date())
    if name not in found:
        raise ReplayError(
            f"接收方 {name} 今天没有推送依据，不向它重放；有：{'、'.join(found)}",
            f"nothing rests today on which the receiver {name} is sent anything, so "
            f"nothing is replayed to it; there are {', '.join(found)}",
        )
    return found[name]


def _refuse_words(because: str) -> None:
    if not because.strip():
        raise ReplayError("请用 --because 写明原因", "say why with --because")
    if has_resident_id(because):
        # A deed stands for ever.
        raise ReplayError(
            "原因中有公民身份号码，请去掉：操作登记永久保存",
            "the reason has a resident ID number in it: leave it out, a deed is for "
            "ever",
        )


def _sealing(settings: Settings) -> Sealing | None:
    """Give our two secrets; None where they are not here: none is made for this."""
    paths = settings.state / "subject.key", settings.state / "person.key"
    if not all(path.exists() for path in paths):
        return None
    return Sealing(*map(secret, paths))


def _planned(plan: Plan) -> str:
    return (
        f"所选 Selected: {plan.events:,} 件事件 events，其中已依法删除（只发通知） "
        f"of which erased, told by a notice: {plan.erased:,}；"
        f"平台启用前已有、不重放 had before the platform, left out: {plan.before:,}；"
        f"正文已归档、不重放 archived, left out: {plan.archived:,}\n"
        f"  SHA-256 {plan.root.hex()}"
    )


def _finished(done: Replay) -> None:
    say(
        f"重放完毕 Replayed: {done.sent:,} 件 events，其中通知 notices {done.erased:,}",
        f"  SHA-256 {done.sent_root.hex()}",
    )
    for event in done.unsent:
        say(f"  与当初所发不同，未发 not the bytes that left, left out: {event}")
    if not done.whole and not done.unsent:
        say("  开始之后所选又有新的事件 events were added to the selection meanwhile")
