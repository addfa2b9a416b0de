"""``zhitong relay``: a relay as a process, and beside it who reads and reviews."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from functools import partial

from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.pressure import PlatformPressure
from zhitong.connectors.primary import follow
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.infra import channels
from zhitong.infra.broker_access import way
from zhitong.infra.broker_start import topics
from zhitong.infra.chasing import Chasing
from zhitong.infra.clock_rules import read_clock_rules
from zhitong.infra.clock_telling import ClockTelling
from zhitong.infra.clocking import Clocking
from zhitong.infra.collecting import YOUNG_OF_A_RELAY, spare_what_stays
from zhitong.infra.deciding import limits
from zhitong.infra.folding import folding
from zhitong.infra.guarded import guarded
from zhitong.infra.notifications_file import read_notifications
from zhitong.infra.notifying import Notifying, senders
from zhitong.infra.patterns_file import read_patterns
from zhitong.infra.platform_database import PLATFORM, platform_that_answers
from zhitong.infra.receiver_keys import given_keys
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.reconciling import Reconciling
from zhitong.infra.reviewing import Reviewing
from zhitong.infra.settings import Settings
from zhitong.infra.stating import AnswerDesk
from zhitong.infra.tenants import claim_state, refuse_foreign_rules
from zhitong.infra.workers import run_worker
from zhitong.streams import names
from zhitong.streams.broker_watch import BrokerWatch
from zhitong.streams.clock_stream import source
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.receipts import ReceiptDesk, ReceiptReader
from zhitong.streams.relay import Relay

NAME = "relay"

_log = logging.getLogger("zhitong.relay")


def relay(settings: Settings) -> None:
    """Relay until SIGINT or SIGTERM; several may run and share the work."""
    run_worker(settings, NAME, partial(_relay, settings), several=True)


async def _relay(settings: Settings, name: str) -> None:
    claim_state(settings)
    refuse_foreign_rules(
        settings.tenant,
        settings.receivers,
        settings.forms,
        settings.patterns,
        settings.calendar,
        settings.notifications,
    )
    patterns = read_patterns(settings.patterns)
    clocks = read_clock_rules(settings)
    duties = {one.name for one in clocks.duties}
    told = read_notifications(settings.notifications, duties)
    url = await platform_that_answers(settings, PLATFORM, _log)
    broker = way(settings, names.RELAY)
    sender = partial(KafkaSender, broker, configured=topics(settings))
    # Unique for ever: who has this name in the table of relays is this process.
    outbox = PlatformOutbox(url, f"{name}@{socket.gethostname()}:{os.getpid()}")
    book = PlatformReceiptBook(url)
    answers = AnswerDesk(url)
    config = receivers_of(settings)
    returns = channels.desk(settings, config, book)
    desk = ReceiptDesk(book, partial(given_keys, settings.state), answers.file)
    pressure = PlatformPressure(url, limits(settings))
    # Known before anybody asks: what is not urgent begins with a question.
    await pressure.look()
    spare_what_stays(YOUNG_OF_A_RELAY)
    print(f"中继已启动 The relay runs: {name}", flush=True)  # noqa: T201 - what the command line says
    try:
        async with asyncio.TaskGroup() as group:
            others = channels.producers(settings, config, returns, sender)
            group.create_task(Relay(outbox, sender, others=others).run())
            readers = channels.readers(settings, config, book, returns)
            for receiver, reader in readers.items():
                group.create_task(guarded(receiver, reader.run))
            group.create_task(_receipts(settings, desk).run())
            group.create_task(BrokerWatch(broker, _log).run())
            group.create_task(folding(url))
            group.create_task(follow(url))
            group.create_task(Reconciling(url, settings, pressure).run())
            group.create_task(Chasing(url, settings, config, pressure).run())
            group.create_task(Clocking(url, clocks, pressure).run())
            telling = ClockTelling(
                url,
                sender(),
                pressure,
                tenant=settings.tenant,
                source=source(config.tenant, config.division),
                addresses=told.addresses,
            )
            group.create_task(telling.run())
            ways = senders(told, settings.state, settings.tenant)
            group.create_task(Notifying(url, told.addresses, ways, pressure).run())
            group.create_task(pressure.run())
            minutes = settings.review_minutes
            group.create_task(Reviewing(url, patterns, minutes, pressure).run())
    finally:
        await book.close()
        await answers.close()


def _receipts(settings: Settings, desk: ReceiptDesk) -> ReceiptReader:
    tenant = settings.tenant
    group = names.group(tenant, names.DESK)
    return ReceiptReader(desk, way(settings, names.DESK), names.receipts(tenant), group)
