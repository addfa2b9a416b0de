"""Topics on the broker: made where they are missing, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta

from kafka import KafkaAdminClient, errors

from zhitong.exceptions import (
    BrokerUnavailableError,
    SettingsError,
    TopicMissingError,
    ZhitongError,
)
from zhitong.streams.kafka_client import AWAY, Access, connect

RETENTION = timedelta(days=90)
_BOOTSTRAP_MS = 10_000
_REQUEST_MS = 30_000
_RECONNECT_MS = 1_000


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
            there = _partitions(admin, topics)
    for name, wanted in topics.items():
        if there.get(name) != wanted:
            raise _different(name, there.get(name, 0), wanted)
    return made


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


def _make(
    admin: KafkaAdminClient, topics: Mapping[str, int], retention: timedelta
) -> None:
    settings = {
        # When the broker had it; a sender's clock proves nothing.
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "delete",
        "retention.ms": str(retention // timedelta(milliseconds=1)),
    }
    wanted = {
        name: {"num_partitions": count, "configs": settings}
        for name, count in topics.items()
    }
    # Another process may be quicker with one of them; the others are made.
    with suppress(errors.TopicAlreadyExistsError):
        admin.create_topics(wanted)
    admin.wait_for_topics(list(topics))


def _partitions(
    admin: KafkaAdminClient, topics: Mapping[str, int]
) -> Mapping[str, int]:
    found = admin.describe_topics(list(topics))
    for topic in found:
        # One that is hidden from us is not one that is missing.
        if topic["error_code"] == errors.TopicAuthorizationFailedError.errno:
            raise errors.TopicAuthorizationFailedError(topic["name"])
    return {
        topic["name"]: len(topic["partitions"])
        for topic in found
        if topic["error_code"] == errors.NoError.errno
    }


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
        why = type(error).__name__
        raise BrokerUnavailableError(
            f"消息代理 {access.address} 没有回应（{why}）：请确认它在运行，地址正确",
            f"the broker {access.address} does not answer ({why}): see that it runs "
            "and that the address is right",
            reason=why,
        ) from error
