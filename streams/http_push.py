"""Signed HTTP push: each event is a POST, and taken once the reply says so.

- Events of one case go one after the other, cases side by side, to a bound.
- The event's id is the Idempotency-Key: what was sent and not known to be taken comes
  again under the same.
- Short faults of the line are tried again within a batch; behind five in a row the
  breaker leaves the receiver alone, and the lane rests as long as it asks.
- A reply that acknowledges nothing may be the receiver's fault or the event's. It is
  the event's once another that was sent after it was taken.
- Behind a hundred such in a row nothing more of a batch is begun, and the next begins
  behind them: a page of maintenance is not fetched for every event, and whatever
  stands in front holds nothing up.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NamedTuple

from circuitbreaker import CircuitBreaker
from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from zhitong.decisions import Ack, Outgoing, Returned
from zhitong.exceptions import (
    EventPoisonError,
    ReceiverAnswerError,
    ReceiverUnavailableError,
    ZhitongError,
)
from zhitong.streams.channels import HttpChannel
from zhitong.streams.cloud_events import CONTENT_TYPE, SHANGHAI
from zhitong.streams.http_reply import Reply, rest, returned, unanswered
from zhitong.streams.http_signature import convention, whole
from zhitong.streams.producer import Fault, Unsent, away, behind, headers

LARGEST_REPLY = 262_144
"""Bytes; a receipt is a few hundred."""
BATCH_SECONDS = 20.0
"""After which nothing of a batch is begun: what a slow receiver has taken is noted."""
FAILURES_TO_OPEN = 5
SECONDS_OPEN = 5.0
MANY = 10
"""Where none of a batch is taken and more than so many are refused, each for its own
sake, it is not for their sake."""
ENOUGH = 100
"""So many in a row are answered and not taken, before a batch is left."""
_RETRY = Retry(
    total=2,
    redirect=0,
    # One that did not answer in time will not the second time, and holds its lane up.
    read=0,
    allowed_methods=None,
    backoff_factor=0.2,
    backoff_jitter=0.1,
    # How long to rest is for the lane: a thread that waits holds its case's others up.
    respect_retry_after_header=False,
)
_SHORT = frozenset({500, 502, 504})
"""Tried again here and not by urllib3, which reads what it tries again to its end: an
error page without one would hold a thread for as long as it comes."""
_AGAIN = (0.2, 0.4)
"""After so many seconds."""
_SLACK_SECONDS = 5.0

_AHEAD, _DAY = 8 * 3_600_000, 86_400_000
"""Of Asia/Shanghai before UTC, and a day's length, in milliseconds."""

_log = logging.getLogger("zhitong.relay")

File = Callable[[Sequence[Returned]], None]
"""Files what came back; raises a `ZhitongError` where it cannot be kept."""


class _Outcome(NamedTuple):
    """What became of one event, and between when."""

    event: Outgoing
    answer: Ack | Fault | Unsent
    begun: float = 0.0
    ended: float = 0.0
    returned: Returned | None = None


class HttpSender:
    """A `Producer` by HTTP; *secret* is read for each batch: it may be a new one."""

    def __init__(
        self,
        channel: HttpChannel,
        secret: Callable[[], bytes],
        file: File,
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        self._channel = channel
        self._secret = secret
        self._file = file
        self._batch_seconds = batch_seconds
        # The last event: thrice a connection and an answer, and what lies between.
        self._patience = 6 * channel.seconds + _SLACK_SECONDS
        self._ending = threading.Event()
        self._threads = ThreadPoolExecutor(channel.at_once, "push")
        self._pool: PoolManager | None = None
        self._breaker = CircuitBreaker(
            failure_threshold=FAILURES_TO_OPEN,
            recovery_timeout=SECONDS_OPEN,
            expected_exception=_sick,
            name=channel.url,
        )
        self._in_vain = 0
        """So many in a row were answered and not taken."""
        self._behind = 0
        """So many cases the next batch leaves for its end."""

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault | Unsent]:
        """Send *events*; what is not begun in time is given back."""
        if self._ending.is_set():
            return [Fault(seq=each.seq, error=away("closed")) for each in events]
        try:
            secret = self._secret()
            self._pool = self._pool or self._open()
        except (ZhitongError, OSError) as error:
            fault = away(getattr(error, "code", type(error).__name__))
            fault.__cause__ = error
            return [Fault(seq=each.seq, error=fault) for each in events]
        cases: dict[str, list[Outgoing]] = {}
        for event in events:
            cases.setdefault(event.key, []).append(event)
        until = time.monotonic() + self._batch_seconds
        pool = self._pool
        running: list[tuple[list[Outgoing], Future[list[_Outcome]]]] = []
        self._in_vain = 0
        turn = self._behind % len(cases) if cases else 0
        ordered = list(cases.values())
        for case in [*ordered[turn:], *ordered[:turn]]:
            # It may be closed meanwhile.
            with suppress(RuntimeError):
                one = self._threads.submit(self._case, pool, secret, case, until)
                running.append((case, one))
        late = until + self._patience
        outcomes = [each for one in running for each in _ended(*one, late)]
        taken = any(isinstance(each.answer, Ack) for each in outcomes)
        tried = sum(isinstance(each.answer, Fault) for each in outcomes)
        self._behind = 0 if taken else self._behind + tried
        answers = self._kept(_judged(outcomes))
        return [answers.get(e.seq, Unsent(seq=e.seq)) for e in events]

    def reset(self) -> None:
        """Begin anew with connections of its own."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.clear()

    def close(self) -> None:
        """End; nothing more of a batch under way is begun."""
        self._ending.set()
        self._threads.shutdown(wait=False)
        self.reset()

    def _open(self) -> PoolManager:
        channel = self._channel
        return PoolManager(
            maxsize=channel.at_once,
            block=True,
            retries=_RETRY,
            timeout=Timeout(channel.seconds),
            ca_certs=channel.authorities or None,
        )

    def _case(
        self, pool: PoolManager, secret: bytes, events: list[Outgoing], until: float
    ) -> list[_Outcome]:
        """Send the events of one case in their order, to the first fault."""
        done: list[_Outcome] = []
        for index, event in enumerate(events):
            if (
                self._ending.is_set()
                or self._in_vain >= ENOUGH
                or time.monotonic() > until
            ):
                rest_of_it = events[index:]
                return done + [_Outcome(e, Unsent(seq=e.seq)) for e in rest_of_it]
            done.append(self._push(pool, secret, event))
            if isinstance(done[-1].answer, Fault):
                rest_of_it = events[index + 1 :]
                return done + [_Outcome(e, behind(e.seq)) for e in rest_of_it]
        return done

    def _push(self, pool: PoolManager, secret: bytes, event: Outgoing) -> _Outcome:
        begun = time.monotonic()
        if self._breaker.opened:
            fault = away("circuit open")
            alone = max(0.0, float(self._breaker.open_remaining))
            return _Outcome(event, Fault(seq=event.seq, error=fault, rest=alone))
        asked = 0.0
        try:
            with self._breaker:
                now = time.time_ns() // 1_000_000
                reply = self._post(pool, self._headers(secret, event, now), event)
                asked = rest(reply.headers)
                said = returned(self._channel, event, reply)
        except (ReceiverUnavailableError, EventPoisonError) as error:
            answered = isinstance(error, (ReceiverAnswerError, EventPoisonError))
            self._in_vain += answered
            answer = Fault(seq=event.seq, error=error, rest=asked)
            return _Outcome(event, answer, begun, time.monotonic())
        self._in_vain = 0
        called = datetime.fromtimestamp(now / 1_000, SHANGHAI)
        ack = Ack(
            seq=event.seq,
            # The call, as the receiver's own log has it: its day and millisecond.
            partition=int(f"{called:%Y%m%d}"),
            offset=(now + _AHEAD) % _DAY,
            at=datetime.now(UTC),
            digest=hashlib.sha256(event.payload).digest(),
        )
        return _Outcome(event, ack, begun, time.monotonic(), said)

    def _headers(self, secret: bytes, event: Outgoing, now: int) -> dict[str, str]:
        channel = self._channel
        rid, sid = channel.requester, channel.interface
        return {
            "accept": "application/json",
            # What came with a call and is no header's text stays here.
            **{
                name: value.decode()
                for name, value in headers(event)
                if value.isascii() and value.decode().isprintable()
            },
            **convention(secret, channel.family, rid, sid, now),
            **whole(
                secret=secret,
                requester=rid,
                url=channel.url,
                media=CONTENT_TYPE,
                event=event.event_id,
                body=event.payload,
                at=now // 1_000,
            ),
        }

    def _post(self, pool: PoolManager, said: dict[str, str], event: Outgoing) -> Reply:
        reply = self._once(pool, said, event)
        for seconds in _AGAIN:
            if reply.status not in _SHORT or self._ending.wait(seconds):
                break
            reply = self._once(pool, said, event)
        return reply

    def _once(self, pool: PoolManager, said: dict[str, str], event: Outgoing) -> Reply:
        try:
            response = pool.request(
                "POST",
                self._channel.url,
                body=event.payload,
                headers=said,
                preload_content=False,
                # What is signed for one address is not for another.
                redirect=False,
            )
            try:
                # Of an error nothing but its status is looked at.
                until = time.monotonic() + self._channel.seconds
                sound = response.status < HTTPStatus.MULTIPLE_CHOICES
                body = _read(response, until) if sound else b""
            finally:
                response.close()
                # Without it the pool has one less for each that is not read to its end,
                # and at last none: whoever asks for one would wait for ever.
                response.release_conn()
        except (HTTPError, OSError) as error:
            fault = away(type(error).__name__)
            raise fault from error
        found = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, found, body)

    def _kept(self, outcomes: Sequence[_Outcome]) -> dict[int, Ack | Fault | Unsent]:
        """Give the answers by number, once what came back with them is filed."""
        answers = {each.event.seq: each.answer for each in outcomes}
        came = [each for each in outcomes if each.returned is not None]
        if not came:
            return answers
        try:
            self._file([each.returned for each in came if each.returned is not None])
        except ZhitongError as error:
            # Sent again it is answered again; taken for sent its receipt were lost.
            _log.warning("%s: %s", error.code, error)
            fault = away(error.code)
            answers |= {e.event.seq: Fault(seq=e.event.seq, error=fault) for e in came}
        return answers


def _ended(
    case: Sequence[Outgoing], one: Future[list[_Outcome]], late: float
) -> Sequence[_Outcome]:
    """Say what became of *case*; what has not come to an end by then is given up.

    The head of a reply may trickle in for as long as its sender likes: a line's clock
    begins anew with each byte. Its thread ends with it, and sends nothing more.
    """
    try:
        return one.result(max(0.0, late - time.monotonic()))
    except TimeoutError:
        if one.cancel():
            return [_Outcome(each, Unsent(seq=each.seq)) for each in case]
        fault = away("no end")
        return [_Outcome(each, Fault(seq=each.seq, error=fault)) for each in case]


def _sick(kind: type[BaseException], _: BaseException) -> bool:
    """Say whether the breaker counts it: who answers promptly is not to be spared."""
    return issubclass(kind, ReceiverUnavailableError) and not issubclass(
        kind, ReceiverAnswerError
    )


def _judged(outcomes: Sequence[_Outcome]) -> list[_Outcome]:
    """Say of each doubtful fault whose it is."""
    taken = [each.begun for each in outcomes if isinstance(each.answer, Ack)]
    last = max(taken, default=0.0)
    own = sum(_is(each, EventPoisonError) for each in outcomes)
    return [
        _blamed(each, EventPoisonError)
        if _is(each, ReceiverAnswerError) and last > each.ended
        else _blamed(each, ReceiverAnswerError)
        if _is(each, EventPoisonError) and not taken and own > MANY
        else each
        for each in outcomes
    ]


def _is(outcome: _Outcome, kind: type[ZhitongError]) -> bool:
    return isinstance(outcome.answer, Fault) and isinstance(outcome.answer.error, kind)


def _blamed(
    outcome: _Outcome, kind: type[EventPoisonError | ReceiverAnswerError]
) -> _Outcome:
    """Say that the fault of *outcome* is of another *kind*, in the same words."""
    fault = outcome.answer
    assert isinstance(fault, Fault)  # noqa: S101 - whoever asks has looked
    label, details = fault.error.label, fault.error.details
    error = kind(label.zh, label.en, **details)
    return outcome._replace(answer=Fault(seq=fault.seq, error=error, rest=fault.rest))


def _read(response: BaseHTTPResponse, until: float) -> bytes:
    """Read what came, to a bound of time and size."""
    body = b""
    # As it is, for it was asked for so: what unpacks to nothing would be read for ever.
    while part := response.read1(65_536, decode_content=False):
        body += part
        if len(body) > LARGEST_REPLY:
            raise unanswered("too long")
        if time.monotonic() > until:
            raise away("too slow")
    return body
