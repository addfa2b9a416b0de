"""How a broker's nodes are: which are there, who leads what, what lacks a copy."""

from __future__ import annotations

import base64
import itertools
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient

from zhitong.streams.kafka_client import Access
from zhitong.streams.topics import administering, in_sync

_OFFSETS = "__consumer_offsets"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A broker's nodes as they see themselves."""

    quorum: int
    """The node that leads the controllers; below 0: none does."""
    there: frozenset[int]
    leads: Mapping[int, int]
    """How many partitions each node leads."""
    partitions: int
    lacking: int
    """Partitions with fewer copies in sync than they are to have."""
    leaderless: int
    below: int
    """Partitions that take nothing: too few copies are in sync."""


def look(access: Access) -> Cluster:
    """Ask the broker; raise `BrokerUnavailableError`."""
    with administering(access) as admin:
        known = admin.describe_cluster()["brokers"]
        quorum = _quorum(admin)
        parts: list[dict[str, Any]] = [
            part for topic in admin.describe_topics() for part in topic["partitions"]
        ]
    leads: dict[int, int] = {}
    for part in parts:
        leads[part["leader_id"]] = leads.get(part["leader_id"], 0) + 1
    return Cluster(
        quorum=quorum["leader_id"],
        there=frozenset(one["broker_id"] for one in known if not one.get("is_fenced")),
        leads={node: count for node, count in leads.items() if node >= 0},
        partitions=len(parts),
        lacking=sum(len(p["isr_nodes"]) < len(p["replica_nodes"]) for p in parts),
        leaderless=leads.get(-1, 0),
        below=sum(
            len(p["isr_nodes"]) < in_sync(len(p["replica_nodes"])) for p in parts
        ),
    )


def unled_groups(
    access: Access, nodes: Collection[int] | None = None
) -> Mapping[int, int]:
    """Say which shares of the groups nobody coordinates yet, and which node should.

    Only *nodes* are asked, where they are named: others may be away.

    A node that takes its log up again may give up loading a share of them, as where it
    does not serve that partition yet, and never tries again: until it leads the share
    anew nobody of those groups reads, while all partitions are well.
    """
    with administering(access) as admin:
        (shares, *_) = [
            topic["partitions"]
            for topic in admin.describe_topics()
            if topic["name"] == _OFFSETS
        ] or [[]]
        found = {}
        for share in shares:
            number, leader = share["partition_index"], share["leader_id"]
            if leader < 0:
                # Where all that have it are here it will be led in a moment, or not.
                if nodes is not None and set(nodes) >= {*share["replica_nodes"]}:
                    found[number] = share["replica_nodes"][0]
                continue
            if nodes is not None and leader not in nodes:
                continue
            name = _of_share(number, len(shares))
            (said,) = admin.describe_groups([name], leader).values()
            # A coordinator says that there is no such group, others that they are none.
            if "Coordinator" in (said["error"] or ""):
                found[number] = leader
    return found


def _of_share(number: int, shares: int) -> str:
    """Find a name that groups of this share could have: a group's hash says it."""
    return next(
        name
        for name in map("zhitong-look-{}".format, itertools.count())
        if abs(_java_hash(name)) % shares == number
    )


def _java_hash(text: str) -> int:
    found = 0
    for letter in text:
        found = (31 * found + ord(letter)) & 0xFFFFFFFF
    return found - (found >> 31 << 32)


def voters(access: Access) -> Mapping[int, str]:
    """Say which nodes vote on who leads the controllers, each by which folder."""
    with administering(access) as admin:
        found = _quorum(admin)["current_voters"]
    return {one["replica_id"]: _text(one["replica_directory_id"]) for one in found}


def _quorum(admin: KafkaAdminClient) -> dict[str, Any]:
    said = admin.describe_metadata_quorum()  # type: ignore[no-untyped-call]
    found: dict[str, Any] = said["topics"][0]["partitions"][0]
    return found


def _text(directory: object) -> str:
    """Write a folder's identity as Kafka's own files do."""
    found = directory if isinstance(directory, uuid.UUID) else uuid.UUID(str(directory))
    return base64.urlsafe_b64encode(found.bytes).rstrip(b"=").decode()
