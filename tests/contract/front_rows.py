"""A receiver's front-end database, its tables as somebody else has made them."""

from __future__ import annotations

import itertools

import asyncpg
import msgspec
from receiving import CONFIG, decision, entry

from zhitong.decisions import (
    Answering,
    Entry,
    FrontTables,
    Outgoing,
    bucket,
    case_hash,
    event_id,
    partition_key,
)
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.schemas import tables

KEYS = ReceiverKeys.generate("provincial")
ENVELOPES = ReceiverEnvelopes(
    CONFIG, {one.name: KEYS.public for one in CONFIG.receivers}
)
TABLES = FrontTables(
    tables=("penalty",),
    of_batch=Answering(answer="ack", code="ack_code", text="ack_text", at="ack_at"),
    of_row=Answering(answer="ack", code="ack_code", field="ack_field"),
)
_KINDS = {
    "document_no": "varchar(40)",
    "decided_on": "date",
    "fine": "numeric(14,2)",
    "data_version": "integer",
    "officer_certificates": "text[]",
}
_seq = itertools.count(1)


async def make_tables(
    connection: asyncpg.Connection[asyncpg.Record], schema: str = "public"
) -> None:
    """Make the table of penalties and that of batches."""
    columns = ", ".join(
        f'"{name}" {_KINDS.get(name, "varchar(2000)")}'
        for name in tables()["penalty"].columns
    )
    await connection.execute(f"create schema if not exists {schema}")
    penalty = f"create table {schema}.penalty"
    await connection.execute(
        f"{penalty} ({columns}, ack text, ack_code text, ack_field text)"
    )
    batches = f"create table {schema}.cd_batch_log"
    await connection.execute(
        f"{batches} (cd_batch varchar(20), row_count integer, cd_time timestamp,"
        " ack text, ack_code text, ack_text text, ack_at timestamptz)"
    )


def outgoing(
    said: Entry, place: str = "postgresql://front/exchange/public"
) -> Outgoing:
    """Write the event of *said* for the province, as it is read from the outbox."""
    (event,) = ENVELOPES.events([whole(said, "provincial")], follows_history=False)
    hashed = case_hash(said.decision.case_key)
    return Outgoing(
        seq=next(_seq),
        bucket=bucket(hashed),
        event_id=event_id(said.decision.id, said.version, said.change),
        receiver="provincial",
        topic=place,
        key=partition_key(hashed),
        payload=event.payload,
        created_at=said.at,
    )


def first(number: str, **changes: object) -> Outgoing:
    """Write the event of a decision that was recorded."""
    return outgoing(entry(decision(number, **changes)))


def at(event: Outgoing, place: str) -> Outgoing:
    """Give *event* as one for *place*."""
    return msgspec.structs.replace(event, topic=place)
