"""What the relay asks of a broker: take a batch, forget all, end. Nothing else.

- A batch is answered event by event, in its order, when all is known of all.
- A fault of the event itself is `EventPoisonError`; whatever may pass when the broker
  is put right is `BrokerUnavailableError`, also a missing topic and a refused login.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from zhitong.decisions import Ack, Outgoing
from zhitong.exceptions import BrokerUnavailableError, EventPoisonError

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
"""CloudEvents in structured mode: the value is the whole event."""

Headers = list[tuple[str, bytes]]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why an event is not with the broker, as far as we know."""

    seq: int
    error: EventPoisonError | BrokerUnavailableError


class Producer(Protocol):
    """Sends; called from one thread at a time, `close` from any."""

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault]:
        """Send *events* and wait for every answer; never raises for a broker's sake."""
        ...

    def reset(self) -> None:
        """Forget order and sequence numbers: begin anew with the next batch."""
        ...

    def close(self) -> None:
        """End; a batch under way is answered with faults."""
        ...


def headers(event: Outgoing) -> Headers:
    """Write the headers of *event*."""
    found = [("content-type", CONTENT_TYPE)]
    if event.traceparent:
        found.append(("traceparent", event.traceparent.encode()))
    return found


def partition(bucket: int, partitions: int) -> int:
    """Say where a bucket's events go; every client of ours has to agree."""
    return bucket % partitions
