"""Receipts to those who send to us: what became of each message, signed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from zhitong.exceptions import ReceiptInvalidError
from zhitong.inbound import Fate, InboundReceipt
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.keys import SIGNING

TYPE = "cn.zhitong.inbound.receipt.v1"
SCHEMA = "urn:zhitong:schema:inbound-receipt:1"
JWS = "zhitong-inbound-receipt+jws"


class Receipted(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"of_hash": "payload_hash"},
):
    """What the platform's signature covers."""

    receipt: UUID
    tenant: str
    sender: str
    message: UUID
    """The platform's number of the message: what an operator is asked about."""
    event_id: str | None
    """null: no registered key of the sender has signed it."""
    verdict: Fate
    reasons: list[str]
    at: datetime
    of_hash: str
    """SHA-256 of all bytes of the message's value."""
    topic: str
    partition: int
    offset: int


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["ES256"]
    kid: str
    typ: Literal["zhitong-inbound-receipt+jws"]


def receipted(due: InboundReceipt, tenant: str) -> Receipted:
    """Say what is to be signed of *due*."""
    return Receipted(
        receipt=due.receipt,
        tenant=tenant,
        sender=due.sender,
        message=due.message,
        event_id=due.event_id,
        verdict=due.fate,
        reasons=list(due.reasons),
        at=due.at,
        of_hash=due.payload_hash,
        topic=due.topic,
        partition=due.partition,
        offset=due.offset,
    )


def write_inbound_receipt(said: Receipted, signed: str) -> bytes:
    """Write the event of a signed receipt."""
    envelope = {
        "specversion": "1.0",
        "id": str(said.receipt),
        "source": f"/zhitong/{said.tenant}/inbound",
        "type": TYPE,
        "subject": said.event_id or str(said.message),
        "time": said.at.astimezone(SHANGHAI).isoformat(),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
        "data": {"jws": signed},
    }
    return orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)


def read_inbound_receipt(value: bytes, keys: Mapping[str, str]) -> Receipted:
    """Give the receipt in *value*, as its sender does; *keys* are PEM, by id.

    Raises `ReceiptInvalidError`.
    """
    try:
        signed = str(orjson.loads(value)["data"]["jws"])
        found = jws.extract_compact(signed.encode("ascii"))
        header = msgspec.convert(found.headers(), _Header)
        key = ECKey.import_key(keys[header.kid])
        found = jws.deserialize_compact(signed, key, list(SIGNING))
        return msgspec.json.decode(found.payload, type=Receipted)
    except (JoseError, ValueError, LookupError, TypeError, msgspec.MsgspecError) as e:
        raise ReceiptInvalidError(
            "不是平台签名的来函回执", "this is no receipt that the platform signed"
        ) from e
