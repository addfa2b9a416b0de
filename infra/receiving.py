"""``zhitong receive``: takes what other systems send us, as a process."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from zhitong.connectors.inbound_book import PlatformInbound
from zhitong.connectors.primary import follow
from zhitong.exceptions import ReceiverError, SettingsError
from zhitong.infra.broker_access import way
from zhitong.infra.broker_start import topics
from zhitong.infra.inbound_file import INBOUND, needed_words
from zhitong.infra.platform_database import PLATFORM, platform_that_answers
from zhitong.infra.receipts import compact
from zhitong.infra.receiver_keys import public_path
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import claim_state, refuse_foreign_rules
from zhitong.infra.workers import run_worker
from zhitong.streams import names
from zhitong.streams.broker_watch import BrokerWatch
from zhitong.streams.inbound_consumer import InboundAnswers, InboundConsumer, Signing
from zhitong.streams.inbound_events import InboundReading
from zhitong.streams.inbound_receipts import JWS
from zhitong.streams.inbound_senders import InboundSender
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.keys import ReceiverKeys

NAME = "receive"
_DELIVERY_SECONDS = 10.0
"""Less than receipts are lent for, so that no two processes send the same."""

_log = logging.getLogger("zhitong.inbound")


def receive(settings: Settings) -> None:
    """Take what is sent until SIGINT or SIGTERM; several may run and share the work."""
    run_worker(settings, NAME, partial(_receive, settings), several=True)


async def _receive(settings: Settings, name: str) -> None:
    claim_state(settings)
    refuse_foreign_rules(
        settings.tenant,
        settings.receivers,
        settings.forms,
        settings.receivers.with_name(INBOUND),
    )
    senders = senders_of(settings)
    url = await platform_that_answers(settings, PLATFORM, _log)
    broker = way(settings, names.INBOUND)
    inbound = PlatformInbound(url)
    sender = KafkaSender(broker, _DELIVERY_SECONDS, topics(settings))
    answers = InboundAnswers(
        inbound,
        {each.name: each for each in senders},
        sender,
        partial(_signing, settings, inbound),
    )
    print(f"来函接收已启动 Receives what is sent: {name}", flush=True)  # noqa: T201 - what the command line says
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(BrokerWatch(broker, _log).run())
            group.create_task(follow(url))
            group.create_task(answers.run())
            for each in senders:
                consumer = InboundConsumer(inbound, each, Rereading(settings, each))
                group.create_task(consumer.run(broker))
    finally:
        await inbound.close()


def senders_of(settings: Settings) -> tuple[InboundSender, ...]:
    """Name who sends to us; raise `SettingsError`: nobody does."""
    senders = receivers_of(settings).inbound
    if not senders:
        path = settings.receivers.with_name(INBOUND)
        raise SettingsError(
            f"没有发送方：请在 {path} 中写明",
            f"nobody sends to us: name them in {path}",
        )
    return senders


def reading(settings: Settings, sender: InboundSender) -> InboundReading:
    """Give what *sender*'s messages are read by, as keys and words are now.

    Raises `ReceiverError` where a file of them is there and cannot be read.
    """
    path = public_path(settings.state, sender.name)
    keys: ReceiverKeys | None = None
    if path.exists():
        keys = ReceiverKeys.load(path)
    else:
        _log.warning("没有登记公钥 no keys are registered: %s", path)
    if keys is not None and keys.receiver != sender.name:
        _log.warning("密钥文件是别人的 the key file is another's: %s", path)
        keys = None
    words = needed_words(receivers_of(settings))
    return InboundReading(sender=sender, keys=keys, words=words)


class Rereading:
    """Reads keys and words anew for each batch; a file half written changes nothing.

    Without the keys of before, each message of that moment were one that nobody signed.
    """

    def __init__(self, settings: Settings, sender: InboundSender) -> None:
        self._settings = settings
        self._last = InboundReading(sender=sender, keys=None)

    def __call__(self) -> InboundReading:
        """Give what messages are read by now, or were last."""
        try:
            self._last = reading(self._settings, self._last.sender)
        except ReceiverError as error:
            _log.warning("%s: %s", error.code, error)
        return self._last


async def _signing(settings: Settings, inbound: PlatformInbound) -> Signing:
    signer = await inbound.signer(settings.evidence)

    def sign(said: bytes) -> str:
        return compact(signer, JWS, said).decode("ascii")

    return sign
