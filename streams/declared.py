"""Topics, users and grants: what is declared beside what the broker has.

The one way to make them equal, of the embedded broker and of a city's own. What is
another tenant's stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from zhitong.streams.access_lists import (
    Applied,
    Users,
    apply_grants,
    change_users,
    compare_users,
)
from zhitong.streams.kafka_client import Access
from zhitong.streams.receivers import Receivers
from zhitong.streams.topics import (
    Changes,
    change_topics,
    compare_topics,
    ensure_topics,
)

Password = Callable[[str], str]
"""Gives a user's password, made where there is none."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What the broker has otherwise than it is declared."""

    topics: Changes
    users: Users
    grants: Applied

    def lines(self) -> Iterator[str]:
        """Say what an application changes, a line each."""
        for name in self.topics.missing:
            yield f"建立主题 make topic: {name}"
        for name, settings in self.topics.settings.items():
            for key, (old, new) in settings.items():
                yield f"更改主题 change topic: {name} {key} {old} → {new}"
        for name in self.users.missing:
            yield f"建立用户 make user: {name}"
        for name in self.users.changed:
            yield f"重设密码 set password: {name}"
        for name in self.users.gone:
            yield f"删除用户 remove user: {name}"
        for line in self.grants.added:
            yield f"新增授权 add grant: {line}"
        for line in self.grants.removed:
            yield f"取消授权 remove grant: {line}"

    def notes(self) -> Iterator[str]:
        """Say what another has to put right."""
        for name, (has, could) in self.topics.copies.items():
            yield (
                f"注意：主题 {name} 只有 {has} 份，可以有 {could} 份，请管理员增加副本 "
                f"Note: {name} has {has} copies of {could}: have it reassigned"
            )
        for line in self.grants.wide:
            yield (
                "注意：他人的授权也及于我们的主题，请其管理员收回 "
                f"Note: another's grant reaches ours, have it ended: {line}"
            )


def compare(
    access: Access,
    config: Receivers,
    retention: timedelta,
    passwords: Mapping[str, str],
) -> Difference:
    """Say what differs; *passwords* are those of users that lie here.

    Raises `SettingsError` where a topic has another number of partitions.
    """
    topics = compare_topics(access, config.topics, retention)
    if not access.user:
        return Difference(topics, Users((), (), ()), Applied((), (), ()))
    scram = access.mechanism.startswith("SCRAM")
    found = compare_users(access, config, passwords) if scram else Users((), (), ())
    return Difference(topics, found, apply_grants(access, config, dry=True))


def apply(
    access: Access,
    config: Receivers,
    retention: timedelta,
    password: Password,
    difference: Difference,
) -> None:
    """Make what differs equal to what is declared."""
    missing, changed, gone = difference.users
    ensure_topics(access, config.topics, retention)
    change_topics(access, difference.topics.settings)
    if missing or changed or gone:
        own = {name: password(name) for name in (*missing, *changed)}
        change_users(access, own, gone)
    if difference.grants.added or difference.grants.removed:
        apply_grants(access, config)
