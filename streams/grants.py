"""Who may do what on the broker: declared here once, and nothing beside it.

A receiver reads its own topic, and that of its replays, in its own groups and writes
receipts; the relay writes these topics; the desk reads the receipts; the reconciler
reads the receivers' topics and says to each, on a topic of its own, what it was sent.
How clocks stand the relay writes, and the user ``clocks`` reads.
Who sends to us writes its own inbound topic and reads the answers to it; the user
``inbound`` reads the one and writes the other.
Kafka counts a topic's or group's description as part of reading or writing it, and an
idempotent producer as part of writing. Topics, users and grants are made by the
administrator alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from zhitong.streams import names
from zhitong.streams.receivers import Receivers


class Kind(StrEnum):
    """The kinds of things on a broker that somebody is granted."""

    TOPIC = "TOPIC"
    GROUP = "GROUP"


class Operation(StrEnum):
    """The operations that are granted; no other ever is."""

    READ = "READ"
    WRITE = "WRITE"


class Grant(NamedTuple):
    """That *user* may do *operation* to what is called exactly *name*."""

    user: str
    kind: Kind
    name: str
    operation: Operation


def grants(config: Receivers) -> frozenset[Grant]:
    """Derive all grants of a tenant from its receivers."""
    return frozenset((*_platform(config), *_receivers(config), *_inbound(config)))


def users(config: Receivers) -> tuple[str, ...]:
    """Name every user of a tenant, those who have a grant."""
    return tuple(sorted({grant.user for grant in grants(config)}))


def _platform(config: Receivers) -> Iterator[Grant]:
    relay = names.user(config.tenant, names.RELAY)
    desk = names.user(config.tenant, names.DESK)
    reconciler = names.user(config.tenant, names.RECONCILER)
    for name, channel in config.kafka.items():
        again = names.replay(config.tenant, name)
        yield Grant(relay, Kind.TOPIC, channel.topic, Operation.WRITE)
        yield Grant(relay, Kind.TOPIC, again, Operation.WRITE)
        yield Grant(reconciler, Kind.TOPIC, channel.topic, Operation.READ)
        stated = config.recon(name)
        yield Grant(reconciler, Kind.TOPIC, stated, Operation.WRITE)
    watcher, told = names.user(config.tenant, names.CLOCKS), names.clocks(config.tenant)
    yield Grant(relay, Kind.TOPIC, told, Operation.WRITE)
    yield Grant(watcher, Kind.TOPIC, told, Operation.READ)
    every = names.group(config.tenant, names.CLOCKS)
    yield Grant(watcher, Kind.GROUP, every, Operation.READ)
    own = names.group(config.tenant, names.DESK)
    yield Grant(desk, Kind.TOPIC, config.receipts, Operation.READ)
    yield Grant(desk, Kind.GROUP, own, Operation.READ)


def _receivers(config: Receivers) -> Iterator[Grant]:
    # One that has ended is still withdrawn from, and still answers.
    for name, channel in config.kafka.items():
        user = names.user(config.tenant, name)
        again = names.replay(config.tenant, name)
        yield Grant(user, Kind.TOPIC, channel.topic, Operation.READ)
        yield Grant(user, Kind.TOPIC, again, Operation.READ)
        yield Grant(user, Kind.TOPIC, config.receipts, Operation.WRITE)
        yield Grant(user, Kind.TOPIC, config.recon(name), Operation.READ)
        for branch in (names.RECON, names.REPLAY):
            own = names.group(config.tenant, name, branch)
            yield Grant(user, Kind.GROUP, own, Operation.READ)
        for group in channel.groups:
            yield Grant(user, Kind.GROUP, group, Operation.READ)


def _inbound(config: Receivers) -> Iterator[Grant]:
    reader = names.user(config.tenant, names.INBOUND)
    for one in config.inbound:
        sender = names.user(config.tenant, one.name)
        answered = names.group(config.tenant, one.name, names.INBOUND)
        yield Grant(sender, Kind.TOPIC, one.topic, Operation.WRITE)
        yield Grant(sender, Kind.TOPIC, one.receipts, Operation.READ)
        yield Grant(sender, Kind.GROUP, answered, Operation.READ)
        yield Grant(reader, Kind.TOPIC, one.topic, Operation.READ)
        yield Grant(reader, Kind.GROUP, one.group, Operation.READ)
        yield Grant(reader, Kind.TOPIC, one.receipts, Operation.WRITE)
