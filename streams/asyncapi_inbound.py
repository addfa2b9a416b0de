"""What others send us, and what they are answered, as the AsyncAPI document has it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
import orjson

from zhitong.inbound import LARGEST_VERSION, Fate, Told
from zhitong.streams import inbound_events, inbound_receipts
from zhitong.streams.cloud_events import CONTENT_TYPE
from zhitong.streams.inbound_receipts import Receipted, write_inbound_receipt
from zhitong.streams.inbound_schemas import Shape, shapes
from zhitong.streams.inbound_senders import InboundSender
from zhitong.streams.receivers import Receivers

Said = Mapping[str, object]

_AT = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
_ID = UUID("3b1d7f0a-6b0e-4a5c-9d35-0c6a1f2e7b11")
_RECEIPT_ID = UUID("5e0c9f36-1f7b-4d0b-8a53-77d1c2a9e401")
_UUID = {"type": "string", "format": "uuid"}
_TEXT = {"type": "string", "minLength": 1}
_TIME = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339，须带时差 with an offset",
}
_THEIRS = {
    "type": "string",
    "pattern": r"^application/cloudevents\+json(; *charset=[Uu][Tt][Ff]-8)?$",
}
_KEY = {
    **_TEXT,
    "description": "由发送方定，同一对象的事件须用同一键 the sender's own: "
    "the same for all events of a subject",
}
_EXAMPLES: Mapping[str, tuple[str, str, Said]] = {
    "listing.entered": (
        "credit",
        "YZSX-2026-0001",
        {
            "list": "安全生产严重失信主体名单",
            "counterpartyName": "安泽市某某化工有限公司",
            "counterpartyCode": "91110000600037341L",
            "decidedBy": "安泽市应急管理局",
            "reason": "瞒报生产安全事故",
            "listedOn": "2026-06-01",
            "dueOn": "2029-06-01",
        },
    ),
    "listing.removed": (
        "credit",
        "YZSX-2026-0001",
        {"removedOn": "2027-07-01", "early": True},
    ),
    "repair.granted": (
        "credit",
        "XYXF-2026-0009",
        {"listingNo": "YZSX-2026-0001", "grantedOn": "2026-10-01"},
    ),
    "repair.revoked": (
        "credit",
        "XYXF-2026-0009",
        {"revokedOn": "2026-11-09", "reason": "申请材料虚假"},
    ),
    "objection.raised": (
        "credit",
        "YY-2026-0003",
        {
            "listingNo": "YZSX-2026-0001",
            "raisedOn": "2026-07-01",
            "reason": "认为主体不符",
        },
    ),
    "objection.resolved": (
        "credit",
        "YY-2026-0003",
        {"resolvedOn": "2026-07-09", "outcome": "REJECTED"},
    ),
    "supervision.issued": (
        "provincial",
        "省司监〔2026〕12号",
        {
            "document": "NOTICE",
            "issuedOn": "2026-09-01",
            "issuedBy": "省司法厅",
            "agencyCode": "11619900MB0004001B",
            "content": "请说明对同一企业的检查频次。",
        },
    ),
    "dictionary.updated": (
        "credit",
        "party_kinds",
        {
            "validFrom": "2026-12-01",
            "codes": [
                {"code": "1", "text": "法人及非法人组织"},
                {"code": "2", "text": "自然人"},
                {"code": "3", "text": "个体工商户"},
            ],
        },
    ),
}
_RECEIPTED: Said = {
    "receipt": _UUID,
    "tenant": _TEXT,
    "sender": _TEXT,
    "message": _UUID | {"description": "平台的来函编号 the platform's number of it"},
    "event_id": {
        "type": ["string", "null"],
        "description": "没有登记密钥的签名时为 null null: no registered key signed it",
    },
    "verdict": {"enum": list(Fate)},
    "reasons": {"type": "array", "items": {"type": "string"}},
    "at": _TIME,
    "payload_hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "topic": _TEXT,
    "partition": {"type": "integer", "minimum": 0},
    "offset": {"type": "integer", "minimum": 0},
}


class Parts(NamedTuple):
    """What the document has of it."""

    channels: dict[str, object]
    operations: dict[str, object]
    messages: dict[str, object]


def inbound(config: Receivers) -> Parts:
    """Give channels, operations and messages of all who send to us."""
    parts = Parts({}, {}, {})
    for one in config.inbound:
        name, answers = f"inbound.{one.name}", f"inbound.receipts.{one.name}"
        title = f"{one.title.zh} {one.title.en}"
        own = list(_told(one))
        parts.channels[name] = _channel(
            one.topic, title, [_named(each) for each in own], one.partitions, one.source
        )
        parts.channels[answers] = _channel(
            one.receipts, f"{title}：回执 receipts", ["inbound.receipt"], 1, one.source
        )
        parts.operations[f"receive.{one.name}"] = _operation("receive", name, title)
        parts.operations[f"answer.{one.name}"] = _operation("send", answers, title)
        for shape in own:
            parts.messages[_named(shape)] = _message(shape, config.tenant)
    if config.inbound:
        parts.messages["inbound.receipt"] = _receipt(config.tenant)
    return parts


def _told(sender: InboundSender) -> Iterator[Shape]:
    for shape in shapes().values():
        if shape.tidings in sender.types:
            yield shape


def _named(shape: Shape) -> str:
    return f"inbound.{shape.tidings}.{shape.version}"


def _channel(
    topic: str, title: str, messages: list[str], partitions: int, source: str
) -> dict[str, object]:
    kafka = {"topic": topic, "partitions": partitions, "bindingVersion": "0.5.0"}
    return {
        "address": topic,
        "title": title,
        "description": source,
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in messages
        },
        "bindings": {"kafka": kafka},
    }


def _operation(action: str, channel: str, title: str) -> dict[str, object]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": title,
        "summary": title,
        "description": title,
    }


def _message(shape: Shape, tenant: str) -> dict[str, object]:
    data = {
        name: value
        for name, value in shape.document.items()
        if name not in {"$schema", "$id"}
    }
    told: Said = {
        "tenant": {"const": tenant},
        "sender": _TEXT,
        "id": _UUID | {"description": "重复推送时相同 the same when it is sent again"},
        "type": {"const": shape.type},
        "subject": {**_TEXT, "maxLength": 128},
        "version": {"type": "integer", "minimum": 1, "maximum": LARGEST_VERSION},
        "at": _TIME,
        "data": data,
    }
    sender, subject, example = _EXAMPLES[shape.tidings]
    said = Told(
        tenant=tenant,
        sender=sender,
        event_id=_ID,
        type=shape.type,
        subject=subject,
        version=1,
        at=_AT,
        data=dict(example),
    )
    signed = _unsigned(inbound_events.JWS, msgspec.json.encode(said))
    return _enveloped(
        _named(shape),
        str(shape.document["title"]),
        {
            "type": {"type": "string", "const": shape.type},
            "dataschema": {"type": "string", "const": shape.urn},
            "subject": {**_TEXT, "maxLength": 128},
            "data": _jws(inbound_events.JWS, told),
        },
        inbound_events.write_inbound(said, signed),
    )


def _receipt(tenant: str) -> dict[str, object]:
    said = Receipted(
        receipt=_RECEIPT_ID,
        tenant=tenant,
        sender="credit",
        message=_ID,
        event_id=str(_ID),
        verdict=Fate.ACCEPTED,
        reasons=[],
        at=_AT,
        of_hash="ab" * 32,
        topic=f"zhitong.{tenant}.inbound.credit.v1",
        partition=0,
        offset=0,
    )
    signed = _unsigned(inbound_receipts.JWS, msgspec.json.encode(said))
    return _enveloped(
        "inbound.receipt",
        "来函的签名回执 Signed receipt to a sender",
        {
            "type": {"type": "string", "const": inbound_receipts.TYPE},
            "dataschema": {"type": "string", "const": inbound_receipts.SCHEMA},
            "subject": _TEXT,
            "data": _jws(inbound_receipts.JWS, _RECEIPTED),
        },
        write_inbound_receipt(said, signed),
    )


def _jws(kind: str, payload: Said) -> dict[str, object]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["jws"],
        "properties": {
            "jws": {
                "type": "string",
                "pattern": r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$",
                "contentMediaType": "application/jose",
                "description": "紧凑 JWS（ES256），示例的签名是虚构的 a compact JWS; "
                "the example's signature is made up",
                "x-header": {"alg": "ES256", "typ": kind},
                "x-payload": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": list(payload),
                    "properties": payload,
                },
            }
        },
    }


def _enveloped(name: str, title: str, said: Said, example: bytes) -> dict[str, object]:
    attributes: Said = {
        "specversion": {"type": "string", "const": "1.0"},
        "id": _UUID,
        "source": _TEXT,
        "time": _TIME,
        "datacontenttype": {"type": "string", "const": "application/json"},
        **said,
    }
    headers = {"type": "object", "properties": {"content-type": _THEIRS}}
    return {
        "name": name,
        "title": title,
        "summary": title,
        "contentType": CONTENT_TYPE,
        "headers": headers,
        "payload": {
            "type": "object",
            "required": list(attributes),
            "properties": attributes,
        },
        "bindings": {"kafka": {"key": _KEY, "bindingVersion": "0.5.0"}},
        "examples": [
            {
                "name": name,
                "headers": {"content-type": CONTENT_TYPE},
                "payload": orjson.loads(example),
            }
        ],
    }


def _unsigned(kind: str, said: bytes) -> str:
    """Write a JWS whose signature is nobody's: no two of a real one are alike."""
    head = orjson.dumps({"alg": "ES256", "kid": "A" * 43, "typ": kind})
    parts = (head, said, bytes(64))
    return ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode("ascii") for part in parts
    )
