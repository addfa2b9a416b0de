"""What a reply to a push means: taken, the event's own fault, or none of both.

A status of 2xx is no acknowledgement: a maintenance page has one as well. Taken is
what the body says is taken, ``{"code": …, "message": …, "data": …}`` with a code that
the receiver's file names; its ``data`` may hold the receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from zhitong.decisions import Answer, Outgoing, Returned
from zhitong.exceptions import EventPoisonError, ReceiverAnswerError
from zhitong.rules.rejections import reasons
from zhitong.streams.channels import HttpChannel
from zhitong.streams.producer import away

_OWN = frozenset({400, 413, 415, 422, 451})
"""Of the event, whatever else is the matter."""
_LANE = frozenset({401, 407, 408, 425, 429, 502, 503, 504})
"""Never of one event: we are not let in, it is too much, or nobody is there."""
_OURS = frozenset({"event_id", "answer", "receipt"})
"""What makes ``data`` an answer."""
_SHOWN = 60
"""Characters of a receiver's code that are shown; its words may quote a person."""


class Reply(NamedTuple):
    """What came back, as far as it is looked at."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Data(msgspec.Struct, frozen=True):
    event_id: UUID | None = None
    answer: Answer | None = None
    reasons: tuple[str, ...] = ()
    code: int | str = ""
    field: str = ""
    text: str = ""
    at: datetime | None = None
    receipt: str = ""


class _Body(msgspec.Struct, frozen=True):
    code: int | str
    data: Any = None


def returned(channel: HttpChannel, event: Outgoing, reply: Reply) -> Returned | None:
    """Give what *reply* says of *event* beyond having taken it; None: nothing.

    Raises `EventPoisonError` for a fault of the event's own, `ReceiverAnswerError`
    where one cannot tell whose it is, `ReceiverUnavailableError` for the receiver's.
    """
    status = reply.status
    if status in _OWN:
        raise _poison(f"HTTP {status}")
    if status in _LANE or status < HTTPStatus.OK or 300 <= status < 400:  # noqa: PLR2004 - a redirect
        raise away(f"HTTP {status}")
    if status >= HTTPStatus.BAD_REQUEST:
        raise unanswered(f"HTTP {status}")
    body = _body(reply)
    code = str(body.code)
    if code in channel.refused:
        raise _poison(f"code {code[:_SHOWN]}")
    if code not in channel.taken:
        raise unanswered(f"code {code[:_SHOWN]}")
    return _said(event, body.data)


def rest(headers: Mapping[str, str]) -> float:
    """Say how many seconds a receiver asks to be left alone, in Retry-After."""
    said = headers.get("retry-after")
    if not said:
        return 0.0
    try:
        return max(0.0, float(Retry(0).parse_retry_after(said)))
    except (InvalidHeader, ValueError, OverflowError):
        return 0.0


def unanswered(reason: str) -> ReceiverAnswerError:
    """Say that a reply is there and no acknowledgement."""
    return ReceiverAnswerError(
        f"接收方应答了，但没有确认接收（{reason}）",
        f"the receiver answered and has not acknowledged ({reason})",
        reason=reason,
    )


def _body(reply: Reply) -> _Body:
    try:
        return msgspec.json.decode(reply.body, type=_Body)
    except (msgspec.DecodeError, RecursionError) as error:
        media = reply.headers.get("content-type", "").partition(";")[0][:_SHOWN]
        raise unanswered(f"HTTP {reply.status}, {media or 'no type'}") from error


def _said(event: Outgoing, data: object) -> Returned | None:
    """Read the ``data`` of a reply that says it is taken."""
    if not isinstance(data, dict) or data.keys().isdisjoint(_OURS):
        # Whatever their interface gives there: it is none of the answers agreed upon.
        return None
    try:
        said = msgspec.convert(data, _Data)
    except msgspec.ValidationError as error:
        raise unanswered("data") from error
    if said.event_id is not None and said.event_id != event.event_id:
        # Taken may be another; this one is not known to be.
        raise unanswered("data.event_id")
    if not said.receipt and said.answer is None:
        return None
    return Returned(
        receiver=event.receiver,
        event_id=event.event_id,
        answer=said.answer,
        reasons=said.reasons or _why(said),
        at=said.at,
        jws=said.receipt,
    )


def _why(said: _Data) -> tuple[str, ...]:
    if said.answer is not Answer.REJECTED:
        return ()
    return reasons(str(said.code), said.field, said.text)


def _poison(reason: str) -> EventPoisonError:
    return EventPoisonError(
        f"接收方不收这件事件（{reason}）",
        f"the receiver does not take this event ({reason})",
        reason=reason,
    )
