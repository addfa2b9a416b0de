"""Receipts: the receiver's signed answer to each event (docs/streams.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from zhitong_consumer.keys import ReceiverKeys

TYPE = "cn.zhitong.receipt.v1"
JWS = "zhitong-receipt+jws"


class Answer(StrEnum):
    """What a receiver says of an event."""

    HELD = "HELD"
    REJECTED = "REJECTED"
    WAITING = "WAITING"
    """An earlier version is missing; another answer follows once it is there."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an event is not taken: a code of yours, and the column it is about."""

    code: str
    field: str = ""
    text: str = ""
    """For people; say nothing of the content."""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.field, self.code, self.text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An answer that is due."""

    event_id: UUID
    answer: Answer
    at: datetime
    """When it was answered first; the same whenever it is said again."""
    digest: str
    reasons: tuple[str, ...]
    key: str


def write(receipt: Receipt, keys: ReceiverKeys, tenant: str) -> bytes:
    """Sign *receipt* and write its event, for the topic of receipts."""
    signed = keys.sign(
        JWS,
        {
            "receiver": keys.receiver,
            "event_id": str(receipt.event_id),
            "answer": receipt.answer,
            "at": receipt.at.isoformat(),
            "payload_hash": receipt.digest,
            "reasons": receipt.reasons,
        },
    )
    named = f"{keys.receiver}/{receipt.answer}"
    said = {
        "specversion": "1.0",
        "id": str(uuid5(receipt.event_id, named)),
        "source": f"/zhitong/{tenant}/receivers/{keys.receiver}",
        "type": TYPE,
        "subject": str(receipt.event_id),
        "time": receipt.at.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": "urn:zhitong:schema:receipt:1",
        "receiver": keys.receiver,
        "data": {"jws": signed},
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
