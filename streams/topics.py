"""Topics on the broker: made where they are missing; settings changed when asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, errors
from kafka.admin import ConfigResource, ConfigResourceType

from zhitong.exceptions import (
    BrokerUnavailableError,
    SettingsError,
    TopicMissingError,
    ZhitongError,
)
from zhitong.streams.kafka_client import AWAY, Access, connect, distrust

RETENTION = timedelta(days=90)
COPIES = 3
"""How many nodes have a topic, where there are as many."""
_BOOTSTRAP_MS = 10_000
_REQUEST_MS = 30_000
_RECONNECT_MS = 1_000
_TOLD_SECONDS = 10.0
_PAUSE = 0.05


def ensure_topics(
    access: Access, topics: Mapping[str, int], retention: timedelta = RETENTION
) -> tuple[str, ...]:
    """Make those of *topics* that are missing, ``{name: partitions}``; name them.

    A topic that is there stays as it is. Raises `SettingsError` where one has
    another number of partitions, `BrokerUnavailableError` without a broker.
    """
    if not topics:
        return ()
    with administering(access) as admin:
        there = _partitions(admin, topics)
        made = tuple(name for name in topics if name not in there)
        if made:
            _make(admin, {name: topics[name] for name in made}, retention)
            there = _once_told(admin, topics)
    for name, wanted in topics.items():
        if there.get(name) != wanted:
            raise _different(name, there.get(name, 0), wanted)
    return made


def _once_told(admin: KafkaAdminClient, topics: Mapping[str, int]) -> Mapping[str, int]:
    """Count partitions once the node that is asked has heard of all *topics*."""
    # Of several nodes one that made nothing itself hears of it a moment later.
    deadline = time.monotonic() + _TOLD_SECONDS
    while True:
        there = _partitions(admin, topics)
        if topics.keys() <= there.keys() or time.monotonic() > deadline:
            return there
        time.sleep(_PAUSE)


def partitions(access: Access, topic: str) -> int:
    """Count the partitions of *topic*; raise `TopicMissingError`."""
    with administering(access) as admin:
        found = _partitions(admin, {topic: 0})
    if topic not in found:
        raise TopicMissingError(
            f"消息代理上没有主题 {topic}：请执行 zhitong up，或请管理员建立",
            f"the broker has no topic {topic}: run zhitong up, or have it made",
            topic=topic,
        )
    return found[topic]


class Changes(NamedTuple):
    """What differs of topics from what is declared."""

    missing: tuple[str, ...]
    settings: Mapping[str, Mapping[str, tuple[str, str]]]
    """What each topic that is there has and is to have, by the setting's name."""
    copies: Mapping[str, tuple[int, int]]
    """Fewer copies of a topic than there could be: its administrator moves it."""


def compare_topics(
    access: Access, topics: Mapping[str, int], retention: timedelta = RETENTION
) -> Changes:
    """Say what differs of *topics*, ``{name: partitions}``.

    Raises `SettingsError` where one has another number of partitions.
    """
    with administering(access) as admin:
        there = {topic["name"]: topic["partitions"] for topic in _known(admin, topics)}
        most = _copies(admin)
        configs = _configs(admin, list(there)) if there else {}
    changes: dict[str, Mapping[str, tuple[str, str]]] = {}
    copies: dict[str, tuple[int, int]] = {}
    for name, parts in there.items():
        if len(parts) != topics[name]:
            raise _different(name, len(parts), topics[name])
        has = min(len(part["replica_nodes"]) for part in parts)
        if has < most:
            copies[name] = (has, most)
        wanted = _settings(retention, has)
        other = {
            key: (configs[name].get(key, ""), value)
            for key, value in wanted.items()
            if configs[name].get(key) != value
        }
        if other:
            changes[name] = other
    missing = tuple(name for name in topics if name not in there)
    return Changes(missing, changes, copies)


def change_topics(
    access: Access, settings: Mapping[str, Mapping[str, tuple[str, str]]]
) -> None:
    """Let topics have the settings they are to have."""
    resources = [
        ConfigResource(
            ConfigResourceType.TOPIC, name, {key: new for key, (_, new) in each.items()}
        )
        for name, each in settings.items()
    ]
    with administering(access) as admin:
        said = admin.alter_configs(resources)["topic"] if resources else {}
        for name, result in said.items():
            if result != "OK":
                raise errors.KafkaError(f"{name}: {result}")


def _settings(retention: timedelta, copies: int) -> Mapping[str, str]:
    return {
        # When the broker had it; a sender's clock proves nothing.
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "delete",
        "retention.ms": str(retention // timedelta(milliseconds=1)),
        # What is acknowledged is with two, and nobody leads who does not have it.
        "min.insync.replicas": str(in_sync(copies)),
        "unclean.leader.election.enable": "false",
    }


def in_sync(copies: int) -> int:
    """Say how many of *copies* are to have what is acknowledged."""
    return 2 if copies >= COPIES else 1


def _copies(admin: KafkaAdminClient) -> int:
    """Say how many copies of a topic there can be."""
    return min(COPIES, len(admin.describe_cluster()["brokers"]))


def _configs(
    admin: KafkaAdminClient, names: Sequence[str]
) -> Mapping[str, Mapping[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        name: {key: entry["value"] for key, entry in each.items()}
        for name, each in found.items()
    }


def _make(
    admin: KafkaAdminClient, topics: Mapping[str, int], retention: timedelta
) -> None:
    copies = _copies(admin)
    wanted = {
        name: {
            "num_partitions": count,
            "replication_factor": copies,
            "configs": _settings(retention, copies),
        }
        for name, count in topics.items()
    }
    # Another process may be quicker with one of them; the others are made.
    with suppress(errors.TopicAlreadyExistsError):
        admin.create_topics(wanted)
    admin.wait_for_topics(list(topics))


def _partitions(
    admin: KafkaAdminClient, topics: Mapping[str, int]
) -> Mapping[str, int]:
    return {topic["name"]: len(topic["partitions"]) for topic in _known(admin, topics)}


def _known(
    admin: KafkaAdminClient, topics: Mapping[str, int]
) -> Sequence[Mapping[str, Any]]:
    """Describe those of *topics* that are there."""
    found = admin.describe_topics(list(topics))
    for topic in found:
        # One that is hidden from us is not one that is missing.
        if topic["error_code"] == errors.TopicAuthorizationFailedError.errno:
            raise errors.TopicAuthorizationFailedError(topic["name"])
    there = errors.NoError.errno
    return [topic for topic in found if topic["error_code"] == there]


def _different(name: str, found: int, wanted: int) -> ZhitongError:
    return SettingsError(
        f"主题 {name} 有 {found} 个分区，应为 {wanted} 个：分区数决定同一案件的"
        "先后次序，不能更改；请改用新的主题名",
        f"the topic {name} has {found} partitions and not {wanted}: the order within "
        "a case depends on their number, so it is not changed; use a new topic",
        topic=name,
    )


@contextmanager
def administering(access: Access) -> Iterator[KafkaAdminClient]:
    """Give an admin client; whatever the broker cannot do is said in our words."""
    try:
        admin = connect(
            KafkaAdminClient,
            access,
            client_id="zhitong",
            bootstrap_timeout_ms=_BOOTSTRAP_MS,
            request_timeout_ms=_REQUEST_MS,
            reconnect_backoff_max_ms=_RECONNECT_MS,
        )
        try:
            yield admin
        finally:
            admin.close()
    except AWAY as error:
        why = distrust(access) or type(error).__name__
        raise BrokerUnavailableError(
            f"消息代理 {access.address} 没有回应（{why}）：请确认它在运行，地址正确",
            f"the broker {access.address} does not answer ({why}): see that it runs "
            "and that the address is right",
            reason=why,
        ) from error
