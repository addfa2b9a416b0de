"""``zhitong consume``: a receiver's side as a process, with a database of its own."""

from __future__ import annotations

import asyncio
import logging
import os
from functools import partial
from pathlib import Path

from zhitong.connectors.inbox import ReceiverInbox, open_inbox
from zhitong.connectors.inbox_stated import InboxStated
from zhitong.connectors.migrations import migrate
from zhitong.exceptions import InboxUnavailableError, ReceiverError, SettingsError
from zhitong.infra.broker_access import way
from zhitong.infra.broker_start import topics
from zhitong.infra.bureau_keys import Vouching
from zhitong.infra.embedded import databases
from zhitong.infra.forgetting import forgetting
from zhitong.infra.platform_keys import platform_keys
from zhitong.infra.receiver_keys import (
    make_demo_keys,
    private_keys,
    private_path,
    public_path,
)
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import refuse_foreign_rules
from zhitong.infra.workers import run_worker
from zhitong.streams import names
from zhitong.streams.answering import Answering
from zhitong.streams.broker_watch import BrokerWatch
from zhitong.streams.channels import KafkaChannel
from zhitong.streams.consumer import Consumer
from zhitong.streams.forms import form
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.receivers import Receiver

NAMES = ("provincial", "credit")
"""The receivers we have a reference consumer of."""
TABLES = Path(__file__).parent / "receivers"
_DELIVERY_SECONDS = 10.0
"""Less than receipts are lent for, so that no two consumers send the same."""
_PAUSE = 1.0

_log = logging.getLogger("zhitong.consumer")


def database_name(receiver: str) -> str:
    """Name a receiver's own database, as in ZHITONG_DATABASE_AT_<RECEIVER>."""
    return f"at-{receiver}"


def consume(settings: Settings, receiver: str, *, replay: bool = False) -> None:
    """Consume until SIGINT or SIGTERM; several may run and share the partitions.

    With *replay* it reads what is sent again, and not what is sent.
    """
    named = f"consume-{receiver}-{names.REPLAY}" if replay else f"consume-{receiver}"
    found = _configured(settings, receiver)
    channel = found.channel
    if not isinstance(channel, KafkaChannel):
        raise SettingsError(
            f"接收方 {receiver} 不经消息代理送达，没有可消费的主题",
            f"the receiver {receiver} is not reached by the broker: it has no topic to "
            "consume",
        )
    place = channel.topic, channel.groups[0]
    if replay:
        place = (
            names.replay(settings.tenant, receiver),
            names.group(settings.tenant, receiver, names.REPLAY),
        )
    run_worker(settings, named, partial(_consume, settings, found, place), several=True)


async def _consume(
    settings: Settings, found: Receiver, place: tuple[str, str], name: str
) -> None:
    receiver = found.name
    refuse_foreign_rules(settings.tenant, settings.receivers, settings.forms)
    keys = _keys(settings, receiver)
    inbox = await _inbox(settings, found)
    broker = way(settings, receiver)
    sender = KafkaSender(broker, _DELIVERY_SECONDS, topics(settings))
    vouch = Vouching(settings.state)
    consumer = Consumer(inbox, keys, sender, tenant=settings.tenant, vouch=vouch)
    title = found.title
    print(  # noqa: T201 - what the command line says
        f"接收方已启动 The receiver runs: {name}, {title.zh} {title.en}", flush=True
    )
    config = receivers_of(settings)
    book = InboxStated(inbox.pool)
    answering = Answering(
        book,
        keys,
        KafkaSender(broker, _DELIVERY_SECONDS, topics(settings)),
        tenant=settings.tenant,
        topic=config.receipts,
        platform=partial(platform_keys, settings),
    )
    stated = config.recon(receiver)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(BrokerWatch(broker, _log).run())
            group.create_task(consumer.run(broker, *place))
            group.create_task(forgetting(book, settings))
            own = names.group(settings.tenant, receiver, names.RECON)
            group.create_task(answering.run(broker, stated, own))
    finally:
        # Not closed politely: a frozen database would hold our end up.
        inbox.pool.terminate()


def _configured(settings: Settings, receiver: str) -> Receiver:
    """Find what was configured last: an ended receiver is still withdrawn from."""
    receivers = receivers_of(settings).receivers
    known = {each.name: each for each in receivers}
    if receiver not in known:
        raise SettingsError(
            f"{settings.receivers} 中没有接收方 {receiver}，有：{'、'.join(known)}",
            f"{settings.receivers} has no receiver {receiver}, but {', '.join(known)}",
        )
    return known[receiver]


def _keys(settings: Settings, receiver: str) -> ReceiverKeys:
    """Read its keys, made on its own side alone; raise `ReceiverError`."""
    private = private_path(settings.state, receiver)
    if not private.exists():
        # The ledger's secret lies with the platform, which shall hold no such key.
        if (settings.state / "subject.key").exists() or public_path(
            settings.state, receiver
        ).exists():
            raise ReceiverError(
                f"没有接收方 {receiver} 的私钥 {private}，而这里是平台的状态目录或已有"
                "其公钥，不另行生成：请放入与公钥配对的私钥，或用 --state 指明接收方"
                "自己的状态目录（示范城市：zhitong up）。",
                f"There is no private key of the receiver {receiver}, {private}, and "
                "none is made where the platform's state or the public key is: put the "
                "one that belongs to the public key there, or name the receiver's own "
                "state folder with --state (demo city: zhitong up).",
            )
        _log.warning(
            "为接收方 %s 生成密钥，公钥交平台 makes its keys; the platform is to have "
            "the public ones",
            receiver,
        )
    make_demo_keys(settings.state, [receiver])
    return private_keys(settings.state, receiver)


async def _inbox(settings: Settings, receiver: Receiver) -> ReceiverInbox:
    """Open the receiver's database, made if need be; wait for it, saying so once."""
    name = database_name(receiver.name)
    said = False
    while True:
        # The embedded one is started; a given address is taken as it is.
        found = await asyncio.to_thread(databases, [name], os.environ, settings.state)
        try:
            for folder in ("common", form(receiver.format).name):
                await migrate(found[name], TABLES / folder)
            return await open_inbox(found[name], receiver.name)
        except (InboxUnavailableError, SettingsError) as error:
            if error.__cause__ is None:
                raise  # a migration that was changed: waiting does not help
            if not said:
                _log.warning("等待数据库 %s waiting for the database", name)
            said = True
        await asyncio.sleep(_PAUSE)
