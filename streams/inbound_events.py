"""Events that are sent to us: CloudEvents whose data is what the sender has signed.

The signature covers all that counts, ``Told``; what the envelope repeats of it must be
the same. Nothing that a message claims is believed before its signature is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import orjson
from joserfc import jws
from joserfc.errors import JoseError
from msgspec import Meta

from zhitong.inbound import LARGEST, Arrived, Fault, Tidings, Told
from zhitong.rules.resident_ids import has_resident_id
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.group_reader import Message
from zhitong.streams.inbound_schemas import shapes
from zhitong.streams.inbound_senders import InboundSender
from zhitong.streams.keys import SIGNING, ReceiverKeys

JWS = "zhitong-inbound+jws"
_SHOWN = 20
"""Reasons that are kept of one message."""


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    jws: str


class _Wire(msgspec.Struct, frozen=True, kw_only=True):
    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: str
    time: Annotated[datetime, Meta(tz=True)]
    data: _Data


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["ES256"]
    kid: str
    typ: Literal["zhitong-inbound+jws"]


class _FoundError(Exception):
    """Ends the reading of a message, with the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundReading:
    """Reads what one sender has written, by its public *keys*."""

    sender: InboundSender
    keys: ReceiverKeys | None
    """None: it has registered none, so nobody has signed anything."""
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What each dictionary must have."""

    def read(self, message: Message) -> Arrived:
        """Say what *message* tells, or why it cannot be taken; never raises."""
        arrived = Arrived(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            raw=message.value[: LARGEST + 1],
            hash=hashlib.sha256(message.value).digest(),
            sender=self.sender.name,
        )
        if len(message.value) > LARGEST:
            return msgspec.structs.replace(arrived, faults=(Fault.TOO_LARGE,))
        try:
            wire = _wire(message.value)
            said = self._verified(wire.data.jws)
            told = self._told(said, wire)
        except _FoundError as found:
            return msgspec.structs.replace(arrived, faults=(found.reason,))
        tidings, faults = self._judged(told)
        return msgspec.structs.replace(
            arrived,
            told=told,
            # What is not of its schema is never looked up: nothing is known of it.
            tidings=None if faults else tidings,
            said=said,
            faults=faults,
        )

    def _verified(self, signed: str) -> bytes:
        try:
            unchecked = jws.extract_compact(signed.encode("ascii"))
            header = msgspec.convert(unchecked.headers(), _Header)
        # A header of a hundred thousand brackets is one that JSON's reader falls over.
        except (
            *(JoseError, ValueError, msgspec.ValidationError),
            RecursionError,
        ) as error:
            raise _FoundError(Fault.UNSIGNED) from error
        signing = self.keys.signing if self.keys else ()
        known = {key.thumbprint(): key for key in signing}
        if header.kid not in known:
            raise _FoundError(Fault.WRONG_SIGNER)
        try:
            return jws.deserialize_compact(
                signed, known[header.kid], list(SIGNING)
            ).payload
        except (JoseError, ValueError) as error:
            raise _FoundError(Fault.UNSIGNED) from error

    def _told(self, said: bytes, wire: _Wire) -> Told:
        try:
            told = msgspec.json.decode(said, type=Told)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise _FoundError(f"{Fault.MALFORMED}: jws") from error
        ours = (self.sender.tenant, self.sender.name)
        there = (wire.id, wire.type, wire.subject)
        if (told.tenant, told.sender) != ours or there != (
            told.event_id,
            told.type,
            told.subject,
        ):
            raise _FoundError(Fault.FOREIGN_EVENT)
        return told

    def _judged(self, told: Told) -> tuple[Tidings | None, tuple[str, ...]]:
        shape = shapes().get(told.type)
        if shape is None:
            return None, (Fault.TYPE_UNKNOWN,)
        if shape.tidings not in self.sender.types:
            return shape.tidings, (Fault.TYPE_NOT_GRANTED,)
        faults = [f"{Fault.MALFORMED}: {place}" for place in shape.faults(told.data)]
        # Only what is of its schema is no deeper than that.
        texts = [told.subject, *(() if faults else _texts(told.data))]
        if any("\0" in text for text in texts):
            faults.append(f"{Fault.MALFORMED}: null character")
        if any(map(has_resident_id, texts)):
            faults.append(Fault.ID_NUMBER)
        if not faults and shape.tidings is Tidings.DICTIONARY_UPDATED:
            missing = sorted(self._missing(told))
            faults += [f"{Fault.CODE_MISSING}: {text}" for text in missing]
        return shape.tidings, tuple(faults[:_SHOWN])

    def _missing(self, told: Told) -> Iterator[str]:
        """Name what we write and the dictionary does not have."""
        codes = told.data["codes"]
        assert isinstance(codes, list)  # noqa: S101 - its schema says so
        there = {str(each["text"]) for each in codes}
        for text in self.words.get(told.subject, ()):
            # “其他-见处罚内容” is the dictionary's “其他” and what it is.
            if text not in there and text.partition("-")[0] not in there:
                yield text


def write_inbound(told: Told, signed: str) -> bytes:
    """Write the event of what is *signed*, as its sender does."""
    envelope = {
        "specversion": "1.0",
        "id": str(told.event_id),
        "source": f"/{told.sender}",
        "type": told.type,
        "subject": told.subject,
        "time": told.at.astimezone(SHANGHAI).isoformat(),
        "datacontenttype": "application/json",
        "dataschema": shapes()[told.type].urn if told.type in shapes() else told.type,
        "data": {"jws": signed},
    }
    return orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)


def sign_inbound(told: Told, private: ReceiverKeys) -> str:
    """Sign *told* as its sender."""
    key = private.signing[0]
    header = {"alg": SIGNING[0], "kid": key.thumbprint(), "typ": JWS}
    return jws.serialize_compact(header, msgspec.json.encode(told), key, list(SIGNING))


def _wire(value: bytes) -> _Wire:
    try:
        return msgspec.json.decode(value, type=_Wire)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _FoundError(Fault.UNREADABLE) from error


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
