"""Bringing up what events travel on: the broker, and the topics on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from zhitong.infra.broker import Broker, choose
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.streams.cloud_events import RECEIPTS_TOPIC
from zhitong.streams.topics import ensure_topics
from zhitong.types import Label

FORGETFUL = Label(
    "这里没有 Apache Kafka（需要 Java 17 和 Maven 仓库，make broker 可重试），"
    "改用 Tansu：它不保存任何内容，重启后主题和消息都会消失",
    "there is no Apache Kafka here (it takes Java 17 and a Maven repository; "
    "make broker tries again), so Tansu runs instead: it keeps nothing, topics and "
    "messages are gone after a restart",
)
"""The banner of a broker that keeps nothing."""


@dataclass(frozen=True, slots=True)
class Started:
    """A broker that takes clients at *address*, with all topics."""

    address: str
    title: str
    banner: Label | None = None
    """What is to be said aloud of it."""


def start_broker(settings: Settings) -> Started:
    """Start the embedded broker, unless an address is set; make missing topics.

    Raises `EmbeddedError` where no broker can be had, `BrokerUnavailableError`
    where the one that was set does not answer, `SettingsError` where a topic has
    another number of partitions, `ReceiverError` for the receivers' file.
    """
    started = _given(settings) or _embedded(settings)
    retention = timedelta(days=settings.retention_days)
    ensure_topics(started.address, topics(settings), retention)
    return started


def topics(settings: Settings) -> Mapping[str, int]:
    """Say which topics there are to be, with how many partitions."""
    wanted = {
        each.topic: each.partitions
        for each in read_receivers(settings.receivers).receivers
    }
    # As many as the widest: a receiver's processes answer side by side too.
    return {**wanted, RECEIPTS_TOPIC: max(wanted.values())}


def _given(settings: Settings) -> Started | None:
    return Started(settings.kafka, "Kafka") if settings.kafka else None


def _embedded(settings: Settings) -> Started:
    # One that runs is used, and what another would need is not looked for.
    running = Broker(settings.state)
    broker = running
    if running.status() == "stopped":
        broker = Broker(settings.state, choose(settings))
    address = broker.start()
    return Started(address, broker.title, None if broker.keeps else FORGETFUL)
