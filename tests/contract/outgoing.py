"""Events on their way, as tests of the relay and of producers make them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid5

from zhitong.decisions import NAMESPACE, Outgoing, bucket, case_hash, partition_key

TOPICS = {
    "provincial": "zhitong.anze.provincial.v1",
    "credit": "zhitong.anze.credit.v1",
}


def event_uuid(seq: int) -> UUID:
    return uuid5(NAMESPACE, str(seq))


def outgoing(  # noqa: PLR0913 - an event has so many sides
    seq: int,
    case: str = "",
    receiver: str = "provincial",
    *,
    topic: str = "",
    payload: bytes = b"",
    traceparent: str = "",
) -> Outgoing:
    """Make the event *seq* of *case*; of a case of its own if none is named."""
    hashed = case_hash(case or f"case {seq}")
    return Outgoing(
        seq=seq,
        bucket=bucket(hashed),
        event_id=event_uuid(seq),
        receiver=receiver,
        topic=topic or TOPICS[receiver],
        key=partition_key(hashed),
        payload=payload or str(seq).encode(),
        created_at=datetime(2026, 11, 20, tzinfo=UTC),
        traceparent=traceparent,
    )
