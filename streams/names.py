"""What a tenant's things are called on the broker: topics, groups and users."""

from __future__ import annotations

ADMIN = "zhitong.admin"
"""The user that makes topics, users and grants; the only one who may do all."""
RECEIPTS = "receipts.v1"
"""The stem of the topic that receivers answer on."""
RELAY = "relay"
"""The user who writes receivers' topics."""
DESK = "receipts"
"""The user, and its group, who reads the receipts."""
RECONCILER = "reconciler"
"""The user who compares what lies on receivers' topics with what was sent."""
RECON = "recon"
"""The stem of the topics that say to each receiver what it was sent, and the branch of
its group that reads it."""
REPLAY = "replay"
"""Where what was sent is sent again: the stem's first word, and a group's branch."""
CLOCKS = "clocks"
"""The stem's first word of the topic that tells how clocks stand, and who reads it."""
INBOUND = "inbound"
"""Where other systems write to us: the stem's first word, and the user who reads it."""
RESERVED = frozenset(
    [
        *(RELAY, DESK, RECONCILER, RECON, REPLAY, INBOUND, CLOCKS),
        *("admin", "node", "platform"),
    ]
)
"""No receiver is called so: a user of that name is the platform's own."""


def topic(tenant: str, stem: str) -> str:
    """Name a topic: *stem* is ``credit.v1``, no tenant has a dot."""
    return f"zhitong.{tenant}.{stem}"


def user(tenant: str, name: str) -> str:
    """Name the user of a receiver, or of a part of the platform."""
    return f"zhitong.{tenant}.{name}"


def group(tenant: str, name: str, branch: str = "") -> str:
    """Name the consumers' group of a user; *branch* is a further one it has."""
    return ".".join(filter(None, (user(tenant, name), branch)))


def receipts(tenant: str) -> str:
    """Name the topic that *tenant*'s receivers answer on."""
    return topic(tenant, RECEIPTS)


def recon(tenant: str, receiver: str) -> str:
    """Name the topic that says to *receiver* what it was sent."""
    return topic(tenant, f"{RECON}.{receiver}.v1")


def replay(tenant: str, receiver: str) -> str:
    """Name the topic on which *receiver* is sent again what it was sent before."""
    return topic(tenant, f"{REPLAY}.{receiver}.v1")


def clocks(tenant: str) -> str:
    """Name the topic that tells how clocks stand."""
    return topic(tenant, f"{CLOCKS}.v1")


def inbound(tenant: str, sender: str) -> str:
    """Name the topic on which *sender* writes to us."""
    return topic(tenant, f"{INBOUND}.{sender}.v1")


def inbound_receipts(tenant: str, sender: str) -> str:
    """Name the topic on which *sender* is answered."""
    return topic(tenant, f"{INBOUND}.receipts.{sender}.v1")
