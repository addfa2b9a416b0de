"""Statements 对账声明 of what a receiver was sent, and its answers: signed events.

The platform states of each closed window of a partition how many events lie there and
the root over their ids; the receiver answers with what it has, and where a part has
another root, with every id it has of that part.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec
import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from msgspec import Meta

from zhitong.exceptions import ReceiptInvalidError
from zhitong.rules.reconciliation import HASH, PART, parts_of, root_of
from zhitong.streams.keys import SIGNING, ReceiverKeys

STATEMENT = "cn.zhitong.reconciliation.v1"
ANSWER = "cn.zhitong.reconciliation.answer.v1"
STATEMENT_SCHEMA = "urn:zhitong:schema:reconciliation:1"
ANSWER_SCHEMA = "urn:zhitong:schema:reconciliation-answer:1"
JWS = "zhitong-reconciliation+jws"
LONGEST = 1_000_000
"""Characters; an answer that tells a whole window event by event fits in."""

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_PLACE = {"start": "from", "end": "to"}
_Root = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Count = Annotated[int, Meta(ge=0)]
_Time = Annotated[datetime, Meta(tz=True)]


class Statement(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename=_PLACE,
):
    """What the platform's signature covers."""

    statement: UUID
    receiver: str
    topic: str
    partition: _Count
    start: _Count
    end: _Count
    records: _Count
    """Those of ours from *start*, before *end*, doubles among them."""
    root: _Root
    parts: list[_Root]
    """The root of each thousand offsets."""
    foreign: list[int]
    """Offsets of records that are none of ours, and no leaves."""
    hash: Literal["sha256"] = "sha256"
    at: _Time


class Part(msgspec.Struct, frozen=True, kw_only=True, rename=_PLACE):
    """All that a receiver has of a part: offsets and event ids."""

    start: _Count
    end: _Count
    held: list[tuple[int, str]]


class Answered(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename=_PLACE,
):
    """What a receiver's signature covers."""

    statement: UUID
    receiver: str
    topic: str
    partition: _Count
    start: _Count
    end: _Count
    seen: _Count
    """Before which offset it has seen all that came."""
    records: _Count
    root: _Root
    parts: list[Part]
    """Those whose root is another than was stated."""
    at: _Time


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jws: str


class _Wire(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    receiver: str
    subject: UUID
    data: _Data


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["ES256"]
    kid: str
    typ: Literal["zhitong-reconciliation+jws"]


def answered(stated: Statement, held: Mapping[int, str], at: datetime) -> Answered:
    """Answer *stated* with what is *held* there, event ids by offset."""
    ours = parts_of(held, stated.start, stated.end)
    return Answered(
        statement=stated.statement,
        receiver=stated.receiver,
        topic=stated.topic,
        partition=stated.partition,
        start=stated.start,
        end=stated.end,
        seen=stated.end,
        records=len(held),
        root=root_of(held, stated.start, stated.end).hex(),
        parts=[
            _part(held, start, min(start + PART, stated.end))
            for start, root, theirs in zip(
                range(stated.start, stated.end, PART), ours, stated.parts, strict=True
            )
            if root.hex() != theirs
        ],
        at=at,
    )


def _part(held: Mapping[int, str], start: int, end: int) -> Part:
    there = [(each, held[each]) for each in range(start, end) if each in held]
    return Part(start=start, end=end, held=there)


def write_statement(said: Statement, signed: str, source: str) -> bytes:
    """Write the event of a signed statement."""
    name = uuid5(said.statement, said.at.isoformat())
    return _write(STATEMENT, STATEMENT_SCHEMA, name, said, signed=signed, source=source)


def write_answer(said: Answered, signed: str, tenant: str) -> bytes:
    """Write the event of a signed answer, for the receipts' topic of *tenant*."""
    name = uuid5(said.statement, f"{said.receiver}/{said.at.isoformat()}")
    source = f"/zhitong/{tenant}/receivers/{said.receiver}"
    return _write(ANSWER, ANSWER_SCHEMA, name, said, signed=signed, source=source)


def is_answer(value: bytes) -> bool:
    """Say whether *value* claims to be an answer to a statement."""
    try:
        return msgspec.json.decode(value, type=_Wire).type == ANSWER
    except (msgspec.DecodeError, RecursionError):
        return False


def read_statement(
    value: bytes, receiver: str, keys: Mapping[str, str]
) -> tuple[Statement, str]:
    """Give the statement for *receiver* that the platform signed, and its JWS.

    *keys* are the platform's, PEM by id; without any its signature is not verified.
    Raises `ReceiptInvalidError`.
    """
    wire = _read(value, STATEMENT)
    signed = wire.data.jws
    try:
        found = jws.extract_compact(signed.encode("ascii"))
        if keys:
            header = msgspec.convert(found.headers(), _Header)
            key = ECKey.import_key(keys[header.kid])
            found = jws.deserialize_compact(signed, key, list(SIGNING))
        said = msgspec.json.decode(found.payload, type=Statement)
    except (JoseError, ValueError, KeyError, msgspec.MsgspecError) as error:
        raise _invalid(
            "不是平台签名的对账声明", "this is no statement that the platform signed"
        ) from error
    _agree(wire, said.statement, said.receiver)
    parts = -(-(said.end - said.start) // PART)
    if said.receiver != receiver or said.hash != HASH or len(said.parts) != parts:
        raise _invalid("不是给这个接收方的声明", "it is not for this receiver")
    return said, signed


def sign_answer(said: Answered, private: ReceiverKeys) -> str:
    """Sign *said* as its receiver."""
    key = private.signing[0]
    header = {"alg": SIGNING[0], "kid": key.thumbprint(), "typ": JWS}
    return jws.serialize_compact(header, msgspec.json.encode(said), key, list(SIGNING))


def read_answer(value: bytes, keys: Mapping[str, ReceiverKeys]) -> tuple[Answered, str]:
    """Give an answer that its receiver signed, and its JWS.

    Raises `ReceiptInvalidError`.
    """
    wire = _read(value, ANSWER)
    if wire.receiver not in keys:
        raise _invalid("没有这个接收方登记的密钥", "no receiver of that name has a key")
    signed = wire.data.jws
    known = {key.thumbprint(): key for key in keys[wire.receiver].signing}
    try:
        unchecked = jws.extract_compact(signed.encode("ascii"))
        header = msgspec.convert(unchecked.headers(), _Header)
        checked = jws.deserialize_compact(signed, known[header.kid], list(SIGNING))
        said = msgspec.json.decode(checked.payload, type=Answered)
    except (JoseError, ValueError, KeyError, msgspec.MsgspecError) as error:
        raise _invalid("签名不符", "the signature does not fit") from error
    _agree(wire, said.statement, said.receiver)
    return said, signed


def _write(  # noqa: PLR0913 - an envelope has so many sides
    kind: str,
    schema: str,
    name: UUID,
    said: Statement | Answered,
    *,
    signed: str,
    source: str,
) -> bytes:
    envelope = {
        "specversion": "1.0",
        "id": str(name),
        "source": source,
        "type": kind,
        "subject": str(said.statement),
        "time": said.at.astimezone(_SHANGHAI).isoformat(),
        "datacontenttype": "application/json",
        "dataschema": schema,
        "receiver": said.receiver,
        "data": {"jws": signed},
    }
    return orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)


def _read(value: bytes, kind: str) -> _Wire:
    if len(value) > LONGEST:
        raise _invalid("过长", "it is too long")
    try:
        wire = msgspec.json.decode(value, type=_Wire)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _invalid("形式不符", "it is not of the form") from error
    if wire.type != kind:
        raise _invalid("类型不符", "it is of another type")
    return wire


def _agree(wire: _Wire, statement: UUID, receiver: str) -> None:
    if (wire.subject, wire.receiver) != (statement, receiver):
        raise _invalid("签名的是别的声明", "what is signed is about another statement")


def _invalid(zh: str, en: str) -> ReceiptInvalidError:
    return ReceiptInvalidError(f"{zh}；另存待查", f"{en}; it is kept apart")
