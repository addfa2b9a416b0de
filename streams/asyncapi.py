"""The AsyncAPI 3 document of all topics, made from what the code itself goes by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from zhitong.decisions import Absence, Answer, Change
from zhitong.rules.statements import LONGEST
from zhitong.streams import (
    asyncapi_clocks,
    asyncapi_inbound,
    asyncapi_stated,
    examples,
    names,
)
from zhitong.streams.annotations import ANNOTATION_TYPE
from zhitong.streams.annotations import table as annotation_table
from zhitong.streams.channels import KafkaChannel
from zhitong.streams.cloud_events import (
    CONTENT_TYPE,
    RECEIPT_SCHEMA,
    RECEIPT_TYPE,
    TYPES,
)
from zhitong.streams.forms import form
from zhitong.streams.keys import LONGEST_RECEIPT
from zhitong.streams.keys import RECEIPT_TYPE as JWS_TYPE
from zhitong.streams.notices import NOTICE_SCHEMA, NOTICE_TYPE
from zhitong.streams.receivers import Receiver, Receivers
from zhitong.streams.schemas import Table

VERSION = "1.1.0"
"""Of the events: a new column of a table is a minor version, a new topic a major."""

_KEY = {
    "type": "string",
    "pattern": "^[0-9a-f]{16}$",
    "description": "案件的散列，同一案件的事件在同一分区 the hash of the case: "
    "its events share a partition",
}
_UUID = {"type": "string", "format": "uuid"}
_TRACE = {
    "type": "string",
    "description": "W3C 跟踪上下文，呼叫被跟踪时才有 W3C trace context, "
    "where the call was traced",
}
_STATEMENT = {
    "type": "string",
    "maxLength": LONGEST,
    "pattern": r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$",
    "contentMediaType": "application/jose",
    "description": "决定机关签署的声明（JWS），有签署且成立时才有 "
    "what the bureau has signed, a JWS; there where it holds",
}
_VERSION = {
    "source": {
        "type": "string",
        "pattern": "^/zhitong/[a-z0-9-]+/[0-9]{6}/[^/]+$",
        "description": "/zhitong/<租户 tenant>/<行政区划 division>/<接收方 receiver>",
    },
    "subject": _UUID | {"description": "决定的编号 the decision's id"},
    "receiver": {"type": "string", "minLength": 1},
    "decisionversion": {"type": "integer", "minimum": 1},
    "partitionkey": _KEY,
    "followshistory": {
        "type": "boolean",
        "description": "较早的版本在平台启用之前已有 earlier versions were there "
        "before the platform began",
    },
}
"""What an event has of the version it is about, and a notice in its place too."""
_REPLAY = {
    "replay": {
        "type": "string",
        "const": "1",
        "description": "重放的才有 there where it is sent again",
    },
    "replay-id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_OURS = {"type": "string", "const": CONTENT_TYPE}
# The binding's own example has the charset: whoever answers may write it so.
_THEIRS = {
    "type": "string",
    "pattern": r"^application/cloudevents\+json(; *charset=[Uu][Tt][Ff]-8)?$",
    "description": "平台不看字符集参数 the platform does not look at the charset",
}
_JWS_HEADER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["alg", "kid", "typ"],
    "properties": {
        "alg": {"const": "ES256"},
        "typ": {"const": JWS_TYPE},
        "kid": {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{43}$",
            "description": "签名公钥的 RFC 7638 指纹（SHA-256，base64url）"
            " RFC 7638 thumbprint of the signing key",
        },
    },
}
_SAID = {
    "type": "object",
    "additionalProperties": False,
    "required": ["receiver", "event_id", "answer", "at", "payload_hash", "reasons"],
    "properties": {
        "receiver": {"type": "string", "minLength": 1},
        "event_id": _UUID,
        "answer": {"enum": list(Answer)},
        "at": {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339，须带时差 with an offset",
        },
        "payload_hash": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "Kafka 消息值全部字节的 SHA-256 "
            "SHA-256 of all bytes of the Kafka value",
        },
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
}


def asyncapi(config: Receivers) -> str:
    """Give the document as JSON, the same for the same configuration.

    Who is reached by another channel has messages in it, and no topic.
    """
    messages: dict[str, object] = {
        "receipt": _receipt(config.tenant),
        "notice": _notice(config),
        "annotation": _annotation(config),
    }
    channels: dict[str, object] = {}
    operations: dict[str, object] = {}
    for name, blocks in _blocks(config).items():
        # All its rules: what was sent by the former ones is on the topic still.
        own = {
            _named(table): _message(table, examples.event(one, table, config))
            for one in blocks
            for table in form(one.format).of(one.acts)
        }
        messages |= own
        one = blocks[-1]
        if name not in config.kafka:
            continue
        said = [*own, "notice", "annotation"]
        channels[name] = _channel(one.channel.place, _title(one), said, one)
        operations[f"deliver.{name}"] = _operation("send", name, _title(one))
        again = f"replay.{name}"
        title = f"{_title(one)}：重放 what is sent again"
        topic = names.replay(config.tenant, name)
        channels[again] = _channel(topic, title, said, one)
        operations[again] = _operation("send", again, title)
    receipts = "接收方对每个事件的签名回执 each receiver's signed answer to each event"
    both = ["receipt", "answer"]
    channels["receipts"] = _channel(config.receipts, receipts, both, None)
    stated = "对账声明：发给接收方的每段事件 statements of what a receiver was sent"
    shape, example = asyncapi_stated.statement(config)
    messages["statement"] = _enveloped("statement", stated, shape, _OURS, example)
    answers = "接收方对账的答复 a receiver's answer to a statement"
    shape, example = asyncapi_stated.answer(config.tenant)
    messages["answer"] = _enveloped("answer", answers, shape, _THEIRS, example)
    for name in config.kafka:
        channel = f"recon.{name}"
        channels[channel] = _channel(config.recon(name), stated, ["statement"], None)
        operations[f"state.{name}"] = _operation("send", channel, stated)
    shape, example = asyncapi_clocks.clock(config)
    told = asyncapi_clocks.TITLE
    messages["clock"] = _enveloped("clock", told, shape, _OURS, example)
    topic = names.clocks(config.tenant)
    channels[names.CLOCKS] = _channel(topic, told, ["clock"], None)
    operations["tell.clocks"] = _operation("send", names.CLOCKS, told)
    operations["file.receipts"] = _operation("receive", "receipts", receipts)
    inbound = asyncapi_inbound.inbound(config)
    channels |= inbound.channels
    operations |= inbound.operations
    messages |= inbound.messages
    document = {
        "asyncapi": "3.1.0",
        "id": "urn:zhitong:events",
        "info": _info(),
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": {
                _named(table): _schema(table)
                for one in config.receivers
                for table in form(one.format).of(one.acts)
            }
            | {_named(annotation_table()): _schema(annotation_table())},
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _blocks(config: Receivers) -> Mapping[str, Sequence[Receiver]]:
    """Give the rules of each receiver, the oldest first."""
    found: dict[str, list[Receiver]] = {}
    for one in config.receivers:
        found.setdefault(one.name, []).append(one)
    return found


def _info() -> dict[str, object]:
    return {
        "title": "执通事件 Zhitong events",
        "version": VERSION,
        "description": "每件行政决定的每个版本，以各接收方自己的格式推送；"
        "接收方以签名回执答复。事件为 CloudEvents 1.0 结构化模式。\n\n"
        "Every version of every administrative decision, in each receiver's own form; "
        "receivers answer with signed receipts. Events are CloudEvents 1.0 in "
        "structured mode.",
        "license": {
            "name": "Apache-2.0",
            "url": "https://www.apache.org/licenses/LICENSE-2.0",
        },
        "contact": {"name": "执通 Zhitong"},
        "tags": [{"name": "行政执法 administrative enforcement"}],
    }


def _channel(
    topic: str, title: str, messages: Sequence[str], receiver: Receiver | None
) -> dict[str, object]:
    own = receiver.channel if receiver else None
    bindings = {"partitions": own.partitions} if isinstance(own, KafkaChannel) else {}
    return {
        "address": topic,
        "title": title,
        "description": receiver.source if receiver else title,
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in messages
        },
        "bindings": {"kafka": {"topic": topic, **bindings, "bindingVersion": "0.5.0"}},
    }


def _operation(action: str, channel: str, title: str) -> dict[str, object]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": title,
        "summary": title,
        "description": title,
    }


def _message(table: Table, example: Mapping[str, object]) -> dict[str, object]:
    said = {
        **_VERSION,
        "type": {"type": "string", "enum": list(TYPES.values())},
        "dataschema": {"type": "string", "const": table.urn},
        "statement": _STATEMENT,
        "data": {
            "type": "object",
            "additionalProperties": False,
            "required": ["table", "row"],
            "properties": {
                "table": {"type": "string", "const": table.name},
                "row": {"$ref": f"#/components/schemas/{_named(table)}"},
            },
        },
    }
    return _enveloped(_named(table), table.title, said, _OURS, example)


def _notice(config: Receivers) -> dict[str, object]:
    said = {
        **_VERSION,
        "type": {"type": "string", "const": NOTICE_TYPE},
        "dataschema": {"type": "string", "const": NOTICE_SCHEMA},
        "data": {
            "type": "object",
            "additionalProperties": False,
            "required": ["change", "payload_hash", "why"],
            "properties": {
                "change": {"enum": list(Change)},
                "payload_hash": {
                    "type": "string",
                    "pattern": "^[0-9a-f]{64}$",
                    "description": "所代替的字节的 SHA-256 "
                    "SHA-256 of the bytes it stands for",
                },
                "why": {
                    "enum": list(Absence),
                    "description": "已依法删除；无法发送 erased by law; unsendable",
                },
            },
        },
    }
    title = "缺文通知 Notice of a version that is not given"
    return _enveloped("notice", title, said, _OURS, examples.notice(config))


def _annotation(config: Receivers) -> dict[str, object]:
    known = annotation_table()
    said = {
        **_VERSION,
        "type": {"type": "string", "const": ANNOTATION_TYPE},
        "dataschema": {"type": "string", "const": known.urn},
        "data": {"$ref": f"#/components/schemas/{_named(known)}"},
    }
    return _enveloped(
        "annotation", known.title, said, _OURS, examples.annotation(config)
    )


def _receipt(tenant: str) -> dict[str, object]:
    said = {
        "source": {"type": "string", "pattern": f"^/zhitong/{tenant}/receivers/[^/]+$"},
        "type": {"type": "string", "const": RECEIPT_TYPE},
        "subject": _UUID
        | {"description": "所答事件的编号 the id of the event answered"},
        "dataschema": {"type": "string", "const": RECEIPT_SCHEMA},
        "receiver": {"type": "string", "minLength": 1},
        "data": {
            "type": "object",
            "additionalProperties": False,
            "required": ["jws"],
            "properties": {
                "jws": {
                    "type": "string",
                    "maxLength": LONGEST_RECEIPT,
                    "pattern": r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$",
                    "contentMediaType": "application/jose",
                    "description": "紧凑 JWS（ES256）a compact JWS",
                    "x-header": _JWS_HEADER,
                    "x-payload": _SAID,
                }
            },
        },
    }
    title = "签名回执 Signed receipt"
    return _enveloped("receipt", title, said, _THEIRS, examples.receipt(tenant))


def _enveloped(
    name: str,
    title: str,
    said: Mapping[str, object],
    media: Mapping[str, str],
    example: Mapping[str, object],
) -> dict[str, object]:
    again = {} if name == "receipt" else _REPLAY
    time = "带 Asia/Shanghai 时差的 RFC 3339 RFC 3339 with the offset of Asia/Shanghai"
    attributes: dict[str, object] = {
        "specversion": {"type": "string", "const": "1.0"},
        "id": _UUID | {"description": "重复送达时相同 the same when it comes again"},
        "time": {"type": "string", "format": "date-time", "description": time},
        "datacontenttype": {"type": "string", "const": "application/json"},
        **said,
    }
    return {
        "name": name,
        "title": title,
        "summary": title,
        "contentType": CONTENT_TYPE,
        "headers": {
            "type": "object",
            "required": ["content-type"],
            "properties": {"content-type": media, "traceparent": _TRACE, **again},
        },
        "payload": {
            "type": "object",
            "required": [name for name in attributes if name != "statement"],
            "properties": {**attributes, "traceparent": _TRACE},
        },
        "bindings": {"kafka": {"key": _KEY, "bindingVersion": "0.5.0"}},
        "examples": [
            {
                "name": name,
                "headers": {"content-type": CONTENT_TYPE},
                "payload": example,
            }
        ],
    }


def _schema(table: Table) -> dict[str, object]:
    # Draft 2020-12's own two names are none of AsyncAPI's.
    return {
        name: value
        for name, value in table.for_readers.items()
        if name not in {"$schema", "$id"}
    }


def _named(table: Table) -> str:
    return f"{table.format}.{table.name}.{table.version}"


def _title(receiver: Receiver) -> str:
    return f"{receiver.title.zh} {receiver.title.en}"
