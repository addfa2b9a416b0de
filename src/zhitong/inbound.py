"""Words of what other systems send us: who says what of which subject, and its fate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from zhitong.types import Label

PREFIX = "cn.zhitong.inbound."
"""What the types of these events begin with."""
LARGEST_VERSION = 2**31 - 1
"""What the graph's integers have."""
LARGEST = 1_048_576
"""Bytes of a message. A broker counts them packed: unpacked there may be any number."""


class Subject(StrEnum):
    """What kinds of things are told of."""

    LISTING = "LISTING"
    REPAIR = "REPAIR"
    OBJECTION = "OBJECTION"
    SUPERVISION = "SUPERVISION"
    DICTIONARY = "DICTIONARY"


class Tidings(StrEnum):
    """What can be told: the part of an event's type between prefix and version."""

    LISTING_ENTERED = "listing.entered"
    LISTING_REMOVED = "listing.removed"
    REPAIR_GRANTED = "repair.granted"
    REPAIR_REVOKED = "repair.revoked"
    OBJECTION_RAISED = "objection.raised"
    OBJECTION_RESOLVED = "objection.resolved"
    SUPERVISION_ISSUED = "supervision.issued"
    DICTIONARY_UPDATED = "dictionary.updated"

    @property
    def about(self) -> Subject:
        """Say of what kind of thing it tells."""
        return Subject(self.partition(".")[0].upper())


def tidings_of(kind: str) -> Tidings | None:
    """Say what events of the type *kind* tell; None: we do not know such a type."""
    told, _, version = kind.removeprefix(PREFIX).rpartition(".v")
    known = {each.value: each for each in Tidings}
    return known.get(told) if version.isascii() and version.isdigit() else None


FOLLOWING = frozenset(
    {Tidings.LISTING_REMOVED, Tidings.REPAIR_REVOKED, Tidings.OBJECTION_RESOLVED}
)
"""What is told of something that was told of before; the others begin something."""
ABOUT_LISTINGS = frozenset({Tidings.REPAIR_GRANTED, Tidings.OBJECTION_RAISED})
"""What may name a listing, and waits for it."""


class Fate(StrEnum):
    """What becomes of a message."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    STALE = "STALE"
    WAITING = "WAITING"
    QUARANTINED = "QUARANTINED"
    GIVEN_UP = "GIVEN_UP"


HELD = frozenset({Fate.WAITING, Fate.QUARANTINED})
"""Fates that are not the last word."""


class Fault(StrEnum):
    """Why a message is in quarantine."""

    TOO_LARGE = "TOO_LARGE"
    UNREADABLE = "UNREADABLE"
    UNSIGNED = "UNSIGNED"
    WRONG_SIGNER = "WRONG_SIGNER"
    FOREIGN_EVENT = "FOREIGN_EVENT"
    TYPE_UNKNOWN = "TYPE_UNKNOWN"
    TYPE_NOT_GRANTED = "TYPE_NOT_GRANTED"
    MALFORMED = "MALFORMED"
    ID_NUMBER = "ID_NUMBER"
    ID_REUSED = "ID_REUSED"
    FOREIGN_SUBJECT = "FOREIGN_SUBJECT"
    DECISION_UNKNOWN = "DECISION_UNKNOWN"
    CODE_MISSING = "CODE_MISSING"
    UNSTORABLE = "UNSTORABLE"


MEANINGS: Mapping[Fault, Label] = MappingProxyType(
    {
        Fault.TOO_LARGE: Label(
            "大于 1 MB，没有读取", "larger than 1 MB, and was not read"
        ),
        Fault.UNREADABLE: Label("不是本接口的事件", "it is no event of this kind"),
        Fault.UNSIGNED: Label("没有签名或签名不符", "it is not signed, or not so"),
        Fault.WRONG_SIGNER: Label(
            "签名密钥不是该发送方登记的",
            "the key that signed it is none that the sender has registered",
        ),
        Fault.FOREIGN_EVENT: Label(
            "签名的是别的发送方、别的城市或别的事件",
            "what is signed names another sender, tenant or event",
        ),
        Fault.TYPE_UNKNOWN: Label(
            "没有这样的事件类型或版本", "there is no event of this type and version"
        ),
        Fault.TYPE_NOT_GRANTED: Label(
            "该发送方不得发送这类事件", "the sender may not send events of this type"
        ),
        Fault.MALFORMED: Label("数据不合结构", "its data are not of their schema"),
        Fault.ID_NUMBER: Label(
            "文字中写有公民身份号码", "a resident ID number stands in its texts"
        ),
        Fault.ID_REUSED: Label(
            "同一事件编号曾有别的内容", "another event of this id has come before"
        ),
        Fault.FOREIGN_SUBJECT: Label(
            "所称的主体或记录是别人的", "what it names is another's"
        ),
        Fault.DECISION_UNKNOWN: Label(
            "台账中没有所称的决定", "the ledger has no decision of that id"
        ),
        Fault.CODE_MISSING: Label(
            "字典缺少平台正在使用的代码，未采用",
            "the dictionary lacks codes that are in use, and is not taken",
        ),
        Fault.UNSTORABLE: Label("数据库存不下", "the database cannot store it"),
    }
)


class Told(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"event_id": "id"},
):
    """What a sender's signature covers: all of an event but its envelope."""

    tenant: str
    sender: str
    event_id: UUID
    type: str
    subject: Annotated[str, Meta(min_length=1, max_length=128)]
    version: Annotated[int, Meta(ge=1, le=LARGEST_VERSION)]
    """The sender's own count for this subject; a larger one is newer."""
    at: Annotated[datetime, Meta(tz=True)]
    data: dict[str, object]


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it was read: what it tells, or why it cannot be taken."""

    topic: str
    partition: int
    offset: int
    raw: bytes
    """As it came; of one too large its beginning, a byte more than is read."""
    hash: bytes
    """SHA-256 of all of it."""
    sender: str
    """Whose topic it lay on."""
    told: Told | None = None
    """Where a registered key of the sender has signed it."""
    tidings: Tidings | None = None
    """Where what it tells can be judged."""
    said: bytes = b""
    """The bytes that are signed."""
    faults: tuple[str, ...] = ()
    """Reasons for quarantine, ``CODE`` or ``CODE: where``."""


class Key(NamedTuple):
    """A thing that is told of."""

    sender: str
    kind: Subject
    subject: str


class Claim(NamedTuple):
    """Whose an event id is: the first message of it, and a hash of what is signed."""

    message: UUID
    digest: bytes


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A thing as it was told last."""

    sender: str
    kind: Subject
    subject: str
    version: int
    status: str
    listing_no: str | None = None
    decision_id: str | None = None
    agency_code: str | None = None
    document: str | None = None
    party_code: str | None = None
    party_name: str | None = None
    decided_by: str | None = None
    document_no: str | None = None
    reason: str | None = None
    basis: str | None = None
    occurred_on: str | None = None
    until_on: str | None = None
    data: dict[str, object]

    @property
    def key(self) -> Key:
        """Say which thing it is."""
        return Key(self.sender, self.kind, self.subject)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message, and why."""

    message: UUID
    fate: Fate
    reasons: tuple[str, ...] = ()
    needs: Key | None = None
    """What it waits for."""
    state: State | None = None
    """What it changed."""


class InboundReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a sender that is due."""

    receipt: UUID
    message: UUID
    sender: str
    event_id: str | None
    fate: Fate
    reasons: tuple[str, ...]
    at: datetime
    payload_hash: str
    """SHA-256 of all bytes of the Kafka value."""
    topic: str
    partition: int
    offset: int


class Effect(StrEnum):
    """What a receiver of a decision is to learn from what others told us."""

    LISTED = "LISTED"
    UNLISTED = "UNLISTED"
    REPAIRED = "REPAIRED"
    REPAIR_REVOKED = "REPAIR_REVOKED"
    OBJECTED = "OBJECTED"
    OBJECTION_UPHELD = "OBJECTION_UPHELD"
    OBJECTION_REJECTED = "OBJECTION_REJECTED"
    SUPERVISED = "SUPERVISED"
