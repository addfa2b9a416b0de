"""The stage of a scripted year: embedded servers, a broker, a relay, two receivers.

All of it is real but the clocks on the wall: entries and steps bear the script's
moments, and each receiver signs its receipts with the moment that the script gives it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
import orjson

from zhitong.connectors.inbox import ReceiverInbox, open_inbox
from zhitong.connectors.ledger import PlatformLedger, open_ledger_pool
from zhitong.connectors.migrations import migrate
from zhitong.connectors.publication_book import PlatformPublications
from zhitong.connectors.receivers import name_receivers
from zhitong.connectors.sealing import Sealing
from zhitong.decisions import Due, Entry, event_id
from zhitong.exceptions import SettingsError
from zhitong.infra.broker_access import way
from zhitong.infra.broker_start import start_broker, topics
from zhitong.infra.consuming import TABLES, database_name
from zhitong.infra.deciding import receivers_copies
from zhitong.infra.embedded import Cluster, clean, variable
from zhitong.infra.platform_database import PLATFORM, claim
from zhitong.infra.policy_file import read_policy
from zhitong.infra.publicity_rules import read_publicity_rules
from zhitong.infra.receiver_keys import make_demo_keys, private_keys, public_keys
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.scenario_script import Case, Stepped, Version
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.publishing import Step
from zhitong.resolvers.copies import Copies
from zhitong.resolvers.publications import Publications
from zhitong.resolvers.read import Reader
from zhitong.schema.entities import ENTITIES
from zhitong.streams.channels import KafkaChannel
from zhitong.streams.consumer import Consumer
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.forms import form
from zhitong.streams.group_reader import GroupReader, Message
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.names import CLOCKS, clocks, group
from zhitong.types import (
    COLLECTOR,
    RELEASER,
    REVIEWER,
    TRANSMITTER,
    Principal,
)

RECEIVERS = ("credit", "provincial")
_log = logging.getLogger("zhitong.scenario")
CALLERS = 8
ROLES: Mapping[Step, str] = {
    Step.COLLECT: COLLECTOR,
    Step.TRANSMIT: TRANSMITTER,
    Step.PASS: REVIEWER,
    Step.RETURN: REVIEWER,
    Step.DECLINE: REVIEWER,
}
_SECONDS = 10.0
_END_SECONDS = 30.0


@dataclass(slots=True)
class Watched:
    """What came on the stream of clocks: each event once, of each clock the latest."""

    ids: set[str]
    latest: dict[str, Mapping[str, object]]
    came: int = 0

    async def take(self, messages: Sequence[Message]) -> None:
        """Keep what came; a revision that is known changes nothing."""
        for message in messages:
            event = orjson.loads(message.value)
            self.came += 1
            self.ids.add(event["id"])
            said = event["data"]
            known = self.latest.get(said["clock"])
            if known is None or int(str(known["revision"])) < said["revision"]:
                self.latest[said["clock"]] = said


Moments = dict[UUID, datetime]
"""When a receiver answers an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedInbox(ReceiverInbox):
    """A receiver's own database, whose owner's clock is the script's."""

    moments: Moments

    async def due(self, limit: int) -> Sequence[Due]:
        """Give receipts not yet sent, each with the moment the script has for it."""
        return [
            msgspec.structs.replace(
                one,
                receipt=msgspec.structs.replace(
                    one.receipt, at=self.moments[one.receipt.event_id]
                ),
            )
            for one in await ReceiverInbox.due(self, limit)
        ]


@dataclass(slots=True, kw_only=True)
class Stage:
    """What a case is played on."""

    settings: Settings
    urls: Mapping[str, str]
    ledger: PlatformLedger
    publications: Publications
    envelopes: ReceiverEnvelopes
    moments: Mapping[str, Moments]
    watched: Watched
    entered: int = 0
    events: int = 0
    steps: int = 0
    copies: Copies

    async def play(self, case: Case) -> None:
        """Have everything happen to one decision, in its order."""
        had: tuple[str, ...] = ()
        number = 0
        for at, one in case.happens():
            if isinstance(one, Version):
                number += 1
                had = await self._enter(one, number, had)
            else:
                await self._step(case, one, at)

    async def _enter(
        self, one: Version, number: int, had: tuple[str, ...]
    ) -> tuple[str, ...]:
        said = one.decision
        if number == 1:
            due = self.envelopes.receivers(said.act, one.at)
        else:
            due = (*had, *self.envelopes.heirs(said.act, had, one.at))
        event = event_id(said.id, number, one.change)
        for name in due:
            self.moments[name][event] = one.answered[name]
        entry = Entry(
            decision=said,
            version=number,
            change=one.change,
            at=one.at,
            reason=one.reason,
            basis="复议决定" if one.reason else "",
            unit=said.subject_code,
            unit_name=said.subject_name or "",
            person="scenario",
        )
        copies = await self.copies.of(entry, due)
        await self.ledger.commit(
            msgspec.structs.replace(
                entry,
                events=self.envelopes.events(copies, follows_history=False),
                looks=tuple(each.look for each in copies),
            )
        )
        self.entered += 1
        self.events += len(due)
        return due

    async def _step(self, case: Case, one: Stepped, at: datetime) -> None:
        said = case.versions[0].decision
        role = ROLES.get(one.step, RELEASER)
        who = Principal(
            kind="own-officer",
            unit=said.subject_code,
            unit_name=said.subject_name or "",
            person=role,
            role=role,
            issuer="scenario",
        )
        register = replace(self.publications, clock=lambda: at)
        await register.take(
            who,
            str(said.id),
            one.version,
            one.step,
            channel=one.channel,
            reason=one.reason,
            withheld=one.withheld,
            reference=one.reference,
        )
        self.steps += 1


@asynccontextmanager
async def stage(settings: Settings, urls: Mapping[str, str]) -> AsyncIterator[Stage]:
    """Put the parts together as gateway and receivers have them."""
    config = receivers_of(settings)
    keys = public_keys(settings.state, config.keyed)
    envelopes = ReceiverEnvelopes(config, keys)
    reader = Reader(dict, read_policy(settings.policy, ENTITIES))
    channels, due_days = read_publicity_rules(settings)
    pool = await open_ledger_pool(urls[PLATFORM], 60, 2 * CALLERS)
    state = settings.state
    sealing = Sealing(secret(state / "subject.key"), secret(state / "person.key"))
    moments: Mapping[str, Moments] = {name: {} for name in RECEIVERS}
    await name_receivers(
        pool, {one.name: (one.title, one.channel.place) for one in config.receivers}
    )
    made = Stage(
        settings=settings,
        urls=urls,
        ledger=PlatformLedger(pool, sealing, 60, settings.tenant),
        publications=Publications(
            book=PlatformPublications(pool),
            channels={one.name: one for one in channels},
            due_days=due_days,
        ),
        envelopes=envelopes,
        moments=moments,
        watched=Watched(set(), {}),
        copies=receivers_copies(reader, envelopes, dict),
    )
    running = [
        asyncio.create_task(_receive(settings, name, urls, moments[name]))
        for name in RECEIVERS
    ]
    running.append(asyncio.create_task(_watch(settings, made.watched)))
    try:
        yield made
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        pool.terminate()


async def _watch(settings: Settings, watched: Watched) -> None:
    """Read the stream of clocks, as whoever shows it does."""
    reader = GroupReader(
        way(settings, CLOCKS),
        topic=clocks(settings.tenant),
        group=group(settings.tenant, CLOCKS),
        logger=_log,
    )
    await reader.run(watched.take, _nothing)


async def _nothing() -> None:
    """Do nothing after a batch."""


async def _receive(
    settings: Settings, name: str, urls: Mapping[str, str], moments: Moments
) -> None:
    """Consume as `zhitong consume` does, and sign with the script's moments."""
    (found,) = {
        one.name: one for one in receivers_of(settings).receivers if one.name == name
    }.values()
    url = urls[database_name(name)]
    for folder in ("common", form(found.format).name):
        await migrate(url, TABLES / folder)
    plain = await open_inbox(url, name)
    inbox = PlayedInbox(
        pool=plain.pool, receiver=name, places=plain.places, moments=moments
    )
    broker = way(settings, name)
    consumer = Consumer(
        inbox,
        private_keys(settings.state, name),
        KafkaSender(broker, _SECONDS, topics(settings)),
        tenant=settings.tenant,
    )
    channel = found.channel
    if not isinstance(channel, KafkaChannel):
        raise SettingsError(
            f"剧本要求接收方 {name} 经消息代理送达",
            f"the script wants {name} to be reached by the broker",
        )
    try:
        await consumer.run(broker, channel.topic, channel.groups[0])
    finally:
        plain.pool.terminate()


@contextmanager
def servers(settings: Settings) -> Iterator[Mapping[str, str]]:
    """Start databases and broker of the state folder; leave nothing running."""
    taken = [one for one in ("PLATFORM", "KAFKA") if os.environ.get(_given(one))]
    if taken:
        raise SettingsError(
            f"剧本只在内嵌服务上运行，请不要设置 {'、'.join(map(_given, taken))}",
            f"a scenario runs on embedded services alone: unset "
            f"{', '.join(map(_given, taken))}",
        )
    clean(settings.state)
    at = [PLATFORM, *map(database_name, RECEIVERS)]
    try:
        urls = dict(Cluster(settings.state, at).start())
        urls[PLATFORM] = claim(settings, urls[PLATFORM])
        make_demo_keys(settings.state, list(RECEIVERS))
        start_broker(settings)
        (settings.state / "log").mkdir(exist_ok=True)
        yield urls
    finally:
        clean(settings.state)


def _given(name: str) -> str:
    return "ZHITONG_KAFKA" if name == "KAFKA" else variable(name.lower())


@contextmanager
def relaying(state: Path) -> Iterator[None]:
    """Run a relay beside the block: it sends, files receipts and computes clocks."""
    words = [sys.executable, "-m", "zhitong.infra.cli", "relay", "--state", str(state)]
    with (state / "log" / "relay.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
            process.kill()
            process.wait()


async def played(made: Stage, cases: Iterator[Case]) -> None:
    """Play all *cases*, several at a time, each in its own order."""

    async def call() -> None:
        for case in cases:
            await made.play(case)

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(call())
