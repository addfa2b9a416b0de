"""What is on the topics: CloudEvents 1.0 in structured mode, written and read.

One event is one Kafka value, the whole JSON with sorted keys and the header
``content-type: application/cloudevents+json``. Times carry the offset of
Asia/Shanghai. Extension attributes: ``receiver``, ``decisionversion``,
``partitionkey``, ``followshistory``, where the call was traced ``traceparent``, and
where the bureau has signed the decision, its ``statement``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec
import orjson
from msgspec import Meta

from zhitong.decisions import Change, Receipt, event_id
from zhitong.exceptions import EventPoisonError, ReceiptInvalidError, ZhitongError

CONTENT_TYPE = "application/cloudevents+json"
RECEIPT_TYPE = "cn.zhitong.receipt.v1"
RECEIPT_SCHEMA = "urn:zhitong:schema:receipt:1"
SHANGHAI = ZoneInfo("Asia/Shanghai")
TYPES: Mapping[Change, str] = MappingProxyType(
    {change: f"cn.zhitong.decision.{change.lower()}.v1" for change in Change}
)
_CHANGES = MappingProxyType({name: change for change, name in TYPES.items()})

_Text = Annotated[str, Meta(min_length=1)]
_Time = Annotated[datetime, Meta(tz=True)]
_Wire = TypeVar("_Wire")


class DecisionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a decision on its way to one receiver."""

    receiver: str
    decision_id: UUID
    version: int
    change: Change
    follows_history: bool
    """Its earlier versions were there before the platform began."""
    source: str
    time: datetime
    """When the version was recorded."""
    key: str
    """16 hexadecimal digits; events of one case have one key and stay in order."""
    schema: str
    """The URN of the row's JSON Schema, version included."""
    table: str
    """The receiver's table the row belongs in."""
    row: dict[str, object]
    """By the receiver's column names; a column that is not there is empty."""
    traceparent: str = ""
    statement: str = ""
    """What the bureau has signed of this version, a compact JWS; empty without."""

    @property
    def event_id(self) -> UUID:
        """The event's id, made of what it is about."""
        return event_id(self.decision_id, self.version, self.change)


class ReceiptEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt on its way, its signature not yet verified."""

    receiver: str
    """Whom it claims to be from; says which keys to verify by."""
    event_id: UUID
    jws: str
    traceparent: str = ""


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    table: _Text
    row: dict[str, object]


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jws: _Text


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What both kinds of event have; further extension attributes may come."""

    specversion: Literal["1.0"]
    id: UUID
    source: _Text
    type: str
    subject: UUID
    time: _Time
    datacontenttype: Literal["application/json"]
    dataschema: _Text
    receiver: _Text
    traceparent: str = ""


class _DecisionWire(_Envelope, frozen=True, kw_only=True):
    decisionversion: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    partitionkey: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    followshistory: bool
    data: _Data
    statement: str = ""


class _ReceiptWire(_Envelope, frozen=True, kw_only=True):
    data: _Signed


def write(event: DecisionEvent) -> bytes:
    """Write *event*; the same event gives the same bytes."""
    said = _attributes(event.event_id, event.source, event.time, event.traceparent)
    said |= {
        "type": TYPES[event.change],
        "subject": str(event.decision_id),
        "dataschema": event.schema,
        "receiver": event.receiver,
        "decisionversion": event.version,
        "partitionkey": event.key,
        "followshistory": event.follows_history,
        "data": {"table": event.table, "row": event.row},
    }
    if event.statement:
        said["statement"] = event.statement
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def parse(value: bytes) -> DecisionEvent:
    """Read *value*; raise `EventPoisonError`, which says none of its content.

    An id that is not made of decision, version and change is refused: it would
    slip past the check for duplicates.
    """
    wire = _read(value, _DecisionWire, EventPoisonError)
    change = _CHANGES.get(wire.type)
    if change is None:
        raise _unlike(EventPoisonError, "type")
    if wire.id != event_id(wire.subject, wire.decisionversion, change):
        raise _unlike(EventPoisonError, "id")
    return DecisionEvent(
        receiver=wire.receiver,
        decision_id=wire.subject,
        version=wire.decisionversion,
        change=change,
        follows_history=wire.followshistory,
        source=wire.source,
        time=wire.time,
        key=wire.partitionkey,
        schema=wire.dataschema,
        table=wire.data.table,
        row=wire.data.row,
        traceparent=wire.traceparent,
        statement=wire.statement,
    )


def write_receipt(receipt: Receipt, tenant: str, *, traceparent: str = "") -> bytes:
    """Write the event of a signed *receipt*, for the receipts' topic of *tenant*."""
    name = uuid5(receipt.event_id, f"{receipt.receiver}/{receipt.answer}")
    source = f"/zhitong/{tenant}/receivers/{receipt.receiver}"
    said = _attributes(name, source, receipt.at, traceparent)
    said |= {
        "type": RECEIPT_TYPE,
        "subject": str(receipt.event_id),
        "dataschema": RECEIPT_SCHEMA,
        "receiver": receipt.receiver,
        "data": {"jws": receipt.signed},
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def parse_receipt(value: bytes) -> ReceiptEvent:
    """Read *value*; raise `ReceiptInvalidError` if it is no receipt's event."""
    wire = _read(value, _ReceiptWire, ReceiptInvalidError)
    if wire.type != RECEIPT_TYPE:
        raise _unlike(ReceiptInvalidError, "type")
    return ReceiptEvent(
        receiver=wire.receiver,
        event_id=wire.subject,
        jws=wire.data.jws,
        traceparent=wire.traceparent,
    )


def _attributes(
    name: UUID, source: str, time: datetime, traceparent: str
) -> dict[str, object]:
    traced = {"traceparent": traceparent} if traceparent else {}
    return {
        "specversion": "1.0",
        "id": str(name),
        "source": source,
        "time": time.astimezone(SHANGHAI).isoformat(),
        "datacontenttype": "application/json",
        **traced,
    }


def _read(value: bytes, kind: type[_Wire], error: type[ZhitongError]) -> _Wire:
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.ValidationError as fault:
        # Its message names places and kinds; only of a pattern does it say more.
        raise _unlike(error, str(fault).rpartition("$.")[2].replace("`", "")) from None
    except (msgspec.DecodeError, RecursionError):
        raise _unlike(error, "JSON") from None


def _unlike(error: type[ZhitongError], place: str) -> ZhitongError:
    return error(
        f"不是执通事件应有的形式（{place}）",
        f"this is not of the form of a Zhitong event ({place})",
    )
