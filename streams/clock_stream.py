"""The stream of clocks ``zhitong.<tenant>.clocks.v1``: how each stands, as it changes.

One event is one CloudEvent, keyed as its decision's events are, so that what is told of
one decision stays in order. It says all of how the clock stands and which revision that
is: a consumer keeps the highest. No name and no text of a decision is in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import orjson

from zhitong.decisions import Ack, Outgoing, bucket, partition_key
from zhitong.rules.clock_events import ClockEvent
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.names import CLOCKS, clocks
from zhitong.streams.producer import Fault, Producer

CLOCK_TYPE = "cn.zhitong.clock.v1"
CLOCK_SCHEMA = "urn:zhitong:schema:clock:1"


def source(tenant: str, division: str) -> str:
    """Say where events of clocks come from; with their id it is unique."""
    return f"/zhitong/{tenant}/{division}/{CLOCKS}"


def write_clock(one: ClockEvent, source: str) -> bytes:
    """Write *one* as the value of a message; the same gives the same bytes."""
    said = {
        "specversion": "1.0",
        "id": str(one.event_id),
        "source": source,
        "type": CLOCK_TYPE,
        "subject": str(one.decision_id),
        "time": one.at.astimezone(SHANGHAI).isoformat(),
        "datacontenttype": "application/json",
        "dataschema": CLOCK_SCHEMA,
        "partitionkey": partition_key(one.order),
        "data": _data(one),
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def _data(one: ClockEvent) -> Mapping[str, object]:
    said: dict[str, object] = {
        "clock": one.clock_id,
        "revision": one.seq,
        "what": one.what,
        "state": one.state,
        "duty": one.duty,
        "version": one.version,
        "unit": one.unit,
        "started_on": one.started_on.isoformat(),
        "near_on": one.near_on.isoformat(),
        "due_on": one.due_on.isoformat(),
        "provisional": one.provisional,
        "rule": one.rule,
    }
    if one.ended_on is not None:
        said["ended_on"] = one.ended_on.isoformat()
    if one.ended_at is not None:
        said["ended_at"] = one.ended_at.astimezone(SHANGHAI).isoformat()
    if one.ended_by is not None:
        said["ended_by"] = one.ended_by
    return said


def send(
    producer: Producer, events: Sequence[ClockEvent], tenant: str, source: str
) -> tuple[Collection[int], Collection[str]]:
    """Send *events*; give the numbers of those the broker has, and what was wrong."""
    answers = producer.send_batch([_outgoing(one, tenant, source) for one in events])
    sent = [one.seq for one in answers if isinstance(one, Ack)]
    return sent, {str(one.error) for one in answers if isinstance(one, Fault)}


def _outgoing(one: ClockEvent, tenant: str, source: str) -> Outgoing:
    return Outgoing(
        seq=one.seq,
        bucket=bucket(one.order),
        event_id=one.event_id,
        receiver=CLOCKS,
        topic=clocks(tenant),
        key=partition_key(one.order),
        payload=write_clock(one, source),
        created_at=one.at,
    )
