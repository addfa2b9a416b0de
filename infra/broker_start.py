"""Bringing up what events travel on: the broker, its topics, users and grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from zhitong.infra.broker import Broker, choose
from zhitong.infra.broker_access import access, administrator, password_folder
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.secret import passphrase, read_password
from zhitong.infra.settings import Settings
from zhitong.streams.access_lists import Applied
from zhitong.streams.declared import apply, compare
from zhitong.streams.grants import users
from zhitong.streams.kafka_client import Access
from zhitong.streams.names import ADMIN, RELAY, user
from zhitong.streams.receivers import Receivers
from zhitong.streams.topics import ensure_topics, partitions
from zhitong.types import Label

FORGETFUL = Label(
    "这里没有 Apache Kafka（需要 Java 17 和 Maven 仓库，make broker 可重试），"
    "改用 Tansu：它不保存任何内容，重启后主题和消息都会消失；它也没有用户和授权，"
    "各接收方之间没有隔离",
    "there is no Apache Kafka here (it takes Java 17 and a Maven repository; "
    "make broker tries again), so Tansu runs instead: it keeps nothing, topics and "
    "messages are gone after a restart; it has neither users nor grants, and nothing "
    "keeps receivers apart",
)
"""The banner of a broker that keeps nothing."""
OPEN = Label(
    "ZHITONG_KAFKA 所指的消息代理不验证用户：各接收方之间没有隔离，"
    "请设置 ZHITONG_KAFKA_SECURITY",
    "the broker of ZHITONG_KAFKA proves no users, so nothing keeps receivers apart: "
    "set ZHITONG_KAFKA_SECURITY",
)
"""The banner of a broker that everybody may use."""
ELSEWHERE = Label(
    f"{ADMIN} 的密码不在这里：主题、用户和授权由消息代理的管理员建立，"
    "所需各项见 zhitong receivers grants",
    f"the password of {ADMIN} is not here: topics, users and grants are made by the "
    "broker's administrator; zhitong receivers grants prints them",
)
"""The banner where another administers the broker."""


@dataclass(frozen=True, slots=True)
class Started:
    """A broker that takes clients, with all topics, users and grants."""

    access: Access
    title: str
    banner: Label | None = None
    """What is to be said aloud of it."""
    grants: Applied | None = None
    """What was changed of its access lists; None: it has none, or not by us."""


def start_broker(settings: Settings) -> Started:
    """Start the embedded broker, unless an address is set; make what is missing.

    Raises `EmbeddedError` where no broker can be had, `BrokerUnavailableError`
    where the one that was set does not answer, `SettingsError` where a topic has
    another number of partitions, `ReceiverError` for the receivers' file.
    """
    config = receivers_of(settings)
    if settings.kafka:
        return _given(settings, config)
    # One that runs is used, and what another would need is not looked for.
    running = Broker(settings.state)
    broker = running
    if running.status() in {"stopped", "partly"}:
        broker = Broker(settings.state, choose(settings), settings.kafka_nodes)
    admin = broker.start()
    if not broker.keeps:
        _make_topics(settings, admin, config)
        return Started(admin, broker.title, FORGETFUL)
    return Started(admin, broker.title, None, _make_equal(settings, admin))


def declared(
    settings: Settings, admin: Access
) -> tuple[Receivers, timedelta, Mapping[str, str]]:
    """Give what the broker is to have, and the passwords of its users that lie here."""
    config = receivers_of(settings)
    folder = password_folder(settings)
    here = {
        name: read_password(folder / name)
        for name in (users(config) if admin.user else ())
        if (folder / name).exists()
    }
    return config, timedelta(days=settings.retention_days), here


def make_password(settings: Settings, name: str) -> str:
    """Give the password of the user *name*, made where there is none."""
    if settings.kafka:
        return passphrase(password_folder(settings) / name)
    return Broker(settings.state).passwords([name])[name]


def _given(settings: Settings, config: Receivers) -> Started:
    if not settings.kafka_security.startswith("SASL"):
        anybody = access(settings, "")
        _make_topics(settings, anybody, config)
        return Started(anybody, "Kafka", OPEN)
    if not (Path(settings.kafka_users) / ADMIN).exists():
        relay = access(settings, user(settings.tenant, RELAY))
        for name in {one.topic for one in config.kafka.values()}:
            partitions(relay, name)
        return Started(relay, "Kafka", ELSEWHERE)
    admin = administrator(settings)
    return Started(admin, "Kafka", None, _make_equal(settings, admin))


def _make_equal(settings: Settings, admin: Access) -> Applied:
    """Make what lacks and end what is surplus; a topic that is there stays as it is."""
    config, retention, here = declared(settings, admin)
    found = compare(admin, config, retention, here)
    made = replace(found, topics=found.topics._replace(settings={}))
    apply(admin, config, retention, partial(make_password, settings), made)
    return found.grants


def _make_topics(settings: Settings, admin: Access, config: Receivers) -> None:
    retention = timedelta(days=settings.retention_days)
    ensure_topics(admin, config.topics, retention)


def topics(settings: Settings) -> Mapping[str, int]:
    """Say which topics there are to be, with how many partitions."""
    return receivers_of(settings).topics
