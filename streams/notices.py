"""Notices 缺文通知: what stands where an event's own bytes cannot leave.

A notice has the event's id, version and key, so that whoever counts versions goes on,
and none of its content. The same absence gives the same bytes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import orjson
from msgspec import Meta

from zhitong.decisions import Absence, Change, event_id
from zhitong.streams.cloud_events import SHANGHAI

NOTICE_TYPE = "cn.zhitong.decision.absent.v1"
NOTICE_SCHEMA = "urn:zhitong:schema:absent:1"
WHY = {
    Absence.ERASED: "正文已依法删除 its content was erased by law",
    Absence.UNSENDABLE: "正文无法发送 its content could not be sent",
}
_MARK = NOTICE_TYPE.encode()


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """That a version of a decision is not given, and why."""

    event_id: UUID
    receiver: str
    decision_id: UUID
    version: int
    change: Change
    follows_history: bool
    source: str
    time: datetime
    """When it was erased, or given up."""
    key: str
    why: Absence
    payload_hash: str
    """SHA-256 of the bytes it stands for, in hexadecimal."""
    traceparent: str = ""

    @property
    def reason(self) -> str:
        """Say to people what is absent, and why."""
        what = f"第 {self.version} 版 version {self.version} {self.change}"
        return f"{what}：{WHY[self.why]}"


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    change: Change
    payload_hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    why: Absence


class _Wire(msgspec.Struct, frozen=True, kw_only=True):
    specversion: Literal["1.0"]
    id: UUID
    source: Annotated[str, Meta(min_length=1)]
    type: Literal["cn.zhitong.decision.absent.v1"]
    subject: UUID
    time: Annotated[datetime, Meta(tz=True)]
    receiver: Annotated[str, Meta(min_length=1)]
    decisionversion: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    partitionkey: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    followshistory: bool
    data: _Data
    traceparent: str = ""


def write_notice(notice: Notice) -> bytes:
    """Write *notice* as the value of a message."""
    traced = {"traceparent": notice.traceparent} if notice.traceparent else {}
    said = {
        "specversion": "1.0",
        "id": str(notice.event_id),
        "source": notice.source,
        "type": NOTICE_TYPE,
        "subject": str(notice.decision_id),
        "time": notice.time.astimezone(SHANGHAI).isoformat(),
        "datacontenttype": "application/json",
        "dataschema": NOTICE_SCHEMA,
        "receiver": notice.receiver,
        "decisionversion": notice.version,
        "partitionkey": notice.key,
        "followshistory": notice.follows_history,
        "data": {
            "change": notice.change,
            "payload_hash": notice.payload_hash,
            "why": notice.why,
        },
        **traced,
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def read_notice(value: bytes) -> Notice | None:
    """Read *value*; None where it is no notice.

    Its id must be made of what it is about, as an event's.
    """
    # Of a thousand messages one is a notice: the others are not decoded for it.
    if _MARK not in value:
        return None
    try:
        wire = msgspec.json.decode(value, type=_Wire)
    except (msgspec.DecodeError, RecursionError):
        return None
    if wire.id != event_id(wire.subject, wire.decisionversion, wire.data.change):
        return None
    return Notice(
        event_id=wire.id,
        receiver=wire.receiver,
        decision_id=wire.subject,
        version=wire.decisionversion,
        change=wire.data.change,
        follows_history=wire.followshistory,
        source=wire.source,
        time=wire.time,
        key=wire.partitionkey,
        why=wire.data.why,
        payload_hash=wire.data.payload_hash,
        traceparent=wire.traceparent,
    )
