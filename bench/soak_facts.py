"""Reads, once a soak has come to rest, what every part of the platform then holds."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg
from kafka import KafkaConsumer, TopicPartition
from soak_check import Arrived, Effect, Held, Kept, Leaf, Log, Message, Receiver, Sent

from zhitong.connectors.evidence_log import read_log
from zhitong.connectors.log_proofs import inclusion
from zhitong.connectors.signers import verify
from zhitong.infra.broker_access import administrator
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.streams.kafka_client import Access, connect
from zhitong.streams.topics import administering

MARK = r"soak\d+n\d+s\d+e"
PROOFS = 2_000
"""How many proofs the platform is asked for; our own tree covers every leaf."""
_MARKS = "array(select m[1] from regexp_matches({}, '(" + MARK + ")', 'g') m)"  # noqa: S608 - our words
"""Found where the texts are: all of them would not be held here."""
_SAID = _MARKS.format("convert_from(v.content, 'UTF8') || ' ' || v.reason")
_KEPT = f"""select v.decision_id, v.version, local_id, v.content_hash, {_SAID} as marks
    from decision_version v join decision d using (decision_id)
    where d.local_id like $1"""  # noqa: S608 - our words
_LEAVES = """select a.decision_id, a.version, a.body, s.number
    from audit_leaf a join decision d using (decision_id)
    left join sealed_leaf s on s.kind = 'DECISION'
        and s.id = a.decision_id || '/' || a.version
    where d.local_id like $1"""
_HEAD = """select h.size, h.at, h.note, s.algorithm, s.value, k.spki
    from head h join head_signature s using (origin, size, at)
    join evidence_key k using (key_id) order by h.size desc, h.at desc limit 1"""
_SENT = """select event_id, receiver, decision_id, version, key, seq, payload_hash
    from outbox_sent s where koffset is not null
    and exists (select from decision d where d.decision_id = s.decision_id
        and d.local_id like $1)"""
_LEFT = ("outbox", "parked_key", "dead_letter", "stray_receipt", "unsealable")
_STATE = """select (select count(*) from outbox),
    (select count(*) from outbox_sent where koffset is not null),
    (select count(distinct (event_id, receiver)) from receipt
        where answer <> 'WAITING'),
    (select count(*) from unsealed where kind = 'DECISION')"""
_WATCH = """
create table if not exists soak_written (
    turn bigint generated always as identity, decision_id text, version integer);
create or replace function soak_write() returns trigger language plpgsql as $$ begin
    insert into soak_written (decision_id, version)
        values (new.decision_id, new.version);
    return null; end $$;"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where to look: the addresses of the superusers, and whose decisions."""

    settings: Settings
    platform: str
    receivers: Mapping[str, str]
    seed: int

    @property
    def ours(self) -> str:
        """What the local ids of this soak are like."""
        return f"soak-{self.seed}-%"


async def watch_effects(url: str) -> bool:
    """Have a receiver's database note each change of its tables, in their order.

    False: it has none yet.
    """
    connection = await asyncpg.connect(url)
    try:
        places = await connection.fetch("select place from place")
        await connection.execute(_WATCH)
        for (place,) in places:
            await connection.execute(
                "create or replace trigger soak_write after insert or update on "
                f'"{place}" for each row execute function soak_write()'
            )
        return bool(places)
    finally:
        await connection.close()


async def at_rest(places: Places, patience: float) -> str:
    """Wait until nothing waits anywhere; say what does where nothing moves any more."""
    last: tuple[int, ...] | None = None
    since = time.monotonic()
    while True:
        try:
            (row,) = await _fetch(places.platform, _STATE)
        except (OSError, asyncpg.PostgresError):
            row = None
        state = tuple(row) if row else None
        if state and state[0] == 0 and state[1] == state[2] and state[3] == 0:
            return ""
        if state != last:
            last, since = state, time.monotonic()
        if time.monotonic() - since > patience:
            return f"nothing moves: (outbox, sent, answered, unsealed) is {state}"
        await asyncio.sleep(0.3)


async def read_held(places: Places) -> Held:
    """Read everything."""
    ours = places.ours
    kept = [
        Kept(
            decision=row["decision_id"],
            version=row["version"],
            local=row["local_id"],
            digest=row["content_hash"],
            marks=frozenset(row["marks"]),
        )
        for row in await _fetch(places.platform, _KEPT, ours)
    ]
    sent = [
        Sent(
            event=row["event_id"],
            receiver=row["receiver"],
            decision=row["decision_id"],
            version=row["version"],
            key=row["key"],
            seq=row["seq"],
            digest=row["payload_hash"] or b"",
        )
        for row in await _fetch(places.platform, _SENT, ours)
    ]
    topics = {
        each.name: each.channel.place
        for each in receivers_of(places.settings).receivers
    }
    receivers = {}
    for name, url in places.receivers.items():
        events = {each.event for each in sent if each.receiver == name}
        receivers[name] = await _receiver(
            places, url, topics[name], events, {each.decision for each in kept}
        )
    receipts = await _fetch(
        places.platform,
        "select event_id, receiver from receipt where answer <> 'WAITING'",
    )
    events_sent = {each.event for each in sent}
    log, leaves = await _proved(places)
    return Held(
        kept=kept,
        leaves=leaves,
        log=log,
        sent=sent,
        receivers=receivers,
        receipts=frozenset(
            (row["event_id"], row["receiver"])
            for row in receipts
            if row["event_id"] in events_sent
        ),
        left=await _left(places),
    )


async def _left(places: Places) -> Mapping[str, int]:
    found = {}
    for what in _LEFT:
        ((count,),) = await _fetch(places.platform, f"select count(*) from {what}")  # noqa: S608 - our words
        found[what] = count
    for name, url in places.receivers.items():
        for what in ("waiting", "receipt_due", "undecodable"):
            ((count,),) = await _fetch(url, f"select count(*) from {what}")  # noqa: S608 - our words
            found[f"{name}: {what}"] = count
    return found


async def _receiver(
    places: Places, url: str, topic: str, events: set[str], decisions: set[str]
) -> Receiver:
    inbox = await _fetch(
        url, "select event_id, decision_id, version, answer, payload_hash from inbox"
    )
    effects = []
    for (place,) in await _fetch(url, "select place from place"):
        rows = await _fetch(
            url,
            f"select decision_id, version, {_MARKS.format('t::text')} as marks"  # noqa: S608 - a table's own name
            f' from "{place}" t',
        )
        effects += [
            Effect(
                decision=row["decision_id"],
                version=row["version"],
                marks=frozenset(row["marks"]),
            )
            for row in rows
            if row["decision_id"] in decisions
            or any(mark.startswith(f"soak{places.seed}n") for mark in row["marks"])
        ]
    written = await _fetch(
        url, "select decision_id, version from soak_written order by turn"
    )
    messages = await asyncio.to_thread(_read, administrator(places.settings), topic)
    mine = f"soak{places.seed}n"
    return Receiver(
        messages=[
            each
            for each in messages
            if each.event in events or any(m.startswith(mine) for m in each.marks)
        ],
        inbox=[
            Arrived(
                event=row["event_id"],
                decision=row["decision_id"],
                version=row["version"],
                answer=row["answer"],
                digest=bytes.fromhex(row["payload_hash"]),
            )
            for row in inbox
            if row["event_id"] in events or row["decision_id"] in decisions
        ],
        effects=effects,
        written=[
            (row["decision_id"], row["version"])
            for row in written
            if row["decision_id"] in decisions
        ],
    )


async def _proved(places: Places) -> tuple[Log, dict[tuple[str, int], Leaf]]:
    connection = await asyncpg.connect(places.platform)
    try:
        head = await connection.fetchrow(_HEAD)
        rows = await connection.fetch(_LEAVES, places.ours)
        size = head["size"] if head else 0
        leaves = await connection.fetch(
            "select leaf from sealed_leaf where number < $1 order by number", size
        )
        digest = (await read_log(connection)).digest
        drawn = random.Random(f"proofs {places.seed}")  # noqa: S311 - not secret
        asked = set(drawn.sample(range(len(rows)), min(PROOFS, len(rows))))
        found = {}
        for place, row in enumerate(rows):
            number = row["number"]
            path = (
                tuple(await inclusion(connection, digest, number, size))
                if place in asked and number is not None and number < size
                else None
            )
            at = row["decision_id"], row["version"]
            found[at] = Leaf(body=row["body"], number=number, path=path)
    finally:
        await connection.close()
    if head is None:
        return Log(), found
    root = re.search(rb"^root ([0-9a-f]{64})$", head["note"], re.MULTILINE)
    return (
        Log(
            leaves=[row["leaf"] for row in leaves],
            root=bytes.fromhex(root[1].decode()) if root else b"",
            signed=verify(head["spki"], head["algorithm"], head["note"], head["value"]),
        ),
        found,
    )


def groups(access: Access) -> str:
    """Say how each group of consumers is: its state, its members, what they have."""
    lines = []
    with administering(access) as admin:
        for name in sorted(one["group_id"] for one in admin.list_groups()):  # type: ignore[no-untyped-call]
            (said,) = admin.describe_groups([name]).values()
            lines.append(json.dumps(said, default=str, ensure_ascii=False))
    return "\n".join(lines)


def _read(access: Access, topic: str) -> Sequence[Message]:
    """Give every message, each partition's in their order."""
    consumer = connect(KafkaConsumer, access, auto_offset_reset="earliest")
    try:
        places = [
            TopicPartition(topic, number)
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        found: list[Message] = []
        while any((consumer.position(p) or 0) < end for p, end in ends.items()):
            for records in consumer.poll(timeout_ms=200).values():
                found += [_message(r.key, r.value) for r in records]
        return found
    finally:
        consumer.close(autocommit=False)


def _message(key: bytes | None, value: bytes) -> Message:
    try:
        event = str(json.loads(value)["id"])
    except (ValueError, KeyError, TypeError):
        event = ""
    return Message(
        event=event,
        key=(key or b"").decode(errors="replace"),
        digest=hashlib.sha256(value).digest(),
        marks=frozenset(re.findall(MARK, value.decode(errors="replace"))),
    )


async def _fetch(url: str, statement: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()
