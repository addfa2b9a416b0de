"""Annotations 标注: what happened to a decision that stands, as an event of its own.

It goes to who had the decision, under the decision's key and in its order, and names
the version that stood. It is no version: nothing waits for it, and it waits for none.
No name and no text in people's own words is in it, so nobody is ever erased from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import orjson
from msgspec import Meta

from zhitong.decisions import Annotation, annotation_id, partition_key
from zhitong.exceptions import EventPoisonError
from zhitong.rules.work import ERASED, TOLD
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.schemas import Table, versions

ANNOTATION = "annotation"
"""The table a receiver keeps them in."""
ANNOTATION_TYPE = "cn.zhitong.decision.annotated.v1"
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "sender": "sender",
        "number": "number",
        "listingNo": "listing_no",
        "documentNo": "document_no",
        "decidedBy": "decided_by",
        "occurredOn": "occurred_on",
        "endsOn": "ends_on",
    }
)
"""Field of the graph's CreditNotice → what it is called in an annotation."""
_MARK = ANNOTATION_TYPE.encode()


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An annotation on its way, or come."""

    receiver: str
    decision_id: UUID
    version: int
    """Which stood when it was written."""
    follows_history: bool
    source: str
    time: datetime
    """When the platform learnt of it."""
    key: str
    happened: str
    cause: UUID
    data: dict[str, object]
    """All it says, by its schema's names."""
    traceparent: str = ""

    @property
    def event_id(self) -> UUID:
        """The event's id, made of what it tells."""
        return annotation_id(self.decision_id, self.happened, self.cause)


class _Wire(msgspec.Struct, frozen=True, kw_only=True):
    specversion: Literal["1.0"]
    id: UUID
    source: Annotated[str, Meta(min_length=1)]
    type: Literal["cn.zhitong.decision.annotated.v1"]
    subject: UUID
    time: Annotated[datetime, Meta(tz=True)]
    datacontenttype: Literal["application/json"]
    dataschema: Annotated[str, Meta(min_length=1)]
    receiver: Annotated[str, Meta(min_length=1)]
    decisionversion: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    partitionkey: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    followshistory: bool
    data: dict[str, object]
    traceparent: str = ""


def table() -> Table:
    """Give what an annotation is like: the same for every receiver."""
    return versions()["event.annotation.1"]


def told(one: Annotation, source: str) -> Told:
    """Put into words what a receiver is told."""
    happened = one.happened
    data: dict[str, object] = {
        "happened": happened.what,
        "cause": str(happened.cause),
        # What the receiver's own law demands of it nobody here knows.
        "expected": "ERASE_OR_RESTRICT" if happened.what == ERASED else "NOTE",
    }
    for field, column in COLUMNS.items():
        if value := one.shown.get(field):
            data[column] = value.isoformat() if isinstance(value, date) else str(value)
    if withheld := sorted(COLUMNS[field] for field in one.withheld):
        data["withheld"] = withheld
    return Told(
        receiver=one.receiver,
        decision_id=happened.decision_id,
        version=happened.version,
        follows_history=one.receiver in happened.history,
        source=source,
        time=happened.at,
        key=partition_key(happened.order),
        happened=happened.what,
        cause=happened.cause,
        data=data,
    )


def write_annotation(one: Told) -> bytes:
    """Write *one* as the value of a message; the same gives the same bytes."""
    traced = {"traceparent": one.traceparent} if one.traceparent else {}
    said = {
        "specversion": "1.0",
        "id": str(one.event_id),
        "source": one.source,
        "type": ANNOTATION_TYPE,
        "subject": str(one.decision_id),
        "time": one.time.astimezone(SHANGHAI).isoformat(),
        "datacontenttype": "application/json",
        "dataschema": table().urn,
        "receiver": one.receiver,
        "decisionversion": one.version,
        "partitionkey": one.key,
        "followshistory": one.follows_history,
        "data": one.data,
        **traced,
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def read_annotation(value: bytes) -> Told | None:
    """Read *value*; None where it is none. Raise `EventPoisonError`.

    Its id must be made of what it tells, as an event's is of its version.
    """
    if _MARK not in value:
        return None
    try:
        wire = msgspec.json.decode(value, type=_Wire)
    except (msgspec.DecodeError, RecursionError):
        # A row may quote the name of the type: then it is read as what it is.
        return None
    happened, cause = str(wire.data.get("happened")), _uuid(wire.data.get("cause"))
    if happened not in TOLD or cause is None:
        raise _unlike("data")
    if wire.id != annotation_id(wire.subject, happened, cause):
        raise _unlike("id")
    return Told(
        receiver=wire.receiver,
        decision_id=wire.subject,
        version=wire.decisionversion,
        follows_history=wire.followshistory,
        source=wire.source,
        time=wire.time,
        key=wire.partitionkey,
        happened=happened,
        cause=cause,
        data=wire.data,
        traceparent=wire.traceparent,
    )


def _uuid(said: object) -> UUID | None:
    try:
        return UUID(str(said))
    except ValueError:
        return None


def _unlike(place: str) -> EventPoisonError:
    return EventPoisonError(
        f"不是执通标注应有的形式（{place}）",
        f"this is not of the form of a Zhitong annotation ({place})",
    )
