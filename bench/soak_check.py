"""After a soak: what was acknowledged against what every part of the platform holds."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import asyncpg
from kafka import KafkaConsumer, TopicPartition
from soak_crew import RECEIVERS
from soak_load import Acknowledged

from zhitong.infra.broker_access import administrator
from zhitong.infra.consuming import database_name
from zhitong.infra.embedded import address
from zhitong.infra.gateway import PLATFORM
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.streams.kafka_client import Access, connect

SENT = """select event_id, receiver, decision_id, version, key, seq from outbox_sent
    where koffset is not null order by seq"""


class Checker:
    """Compares; *faults* says what did not hold."""

    def __init__(
        self, settings: Settings, acknowledged: Sequence[Acknowledged]
    ) -> None:
        self._settings = settings
        self._acknowledged = acknowledged
        look_up = address(settings.state, os.environ)
        self._platform = look_up(PLATFORM) or ""
        self._theirs = {name: look_up(database_name(name)) or "" for name in RECEIVERS}
        self.faults: list[str] = []

    async def arrived(self, patience: float) -> None:
        """Wait until nothing waits anywhere, while anything still moves."""
        last, since = None, time.monotonic()
        while True:
            state = await self._state()
            if state[0] == 0 and state[1] == state[2]:
                return
            if state != last:
                last, since = state, time.monotonic()
            if time.monotonic() - since > patience:
                self.faults.append(f"nothing moves: (outbox, sent, answered) {state}")
                return
            await asyncio.sleep(0.2)

    async def compare(self) -> Mapping[str, object]:
        """Find every difference; give figures."""
        sent = await _fetch(self._platform, SENT)
        await self._ledger()
        named = {event for each in self._acknowledged for event in each.events}
        logged = {(row["event_id"], row["receiver"]) for row in sent}
        self._same("events named in answers", named, "in the sent log", logged)
        figures: dict[str, object] = {"events sent": f"{len(sent):,}"}
        for name in RECEIVERS:
            figures |= await self._receiver(
                name, [r for r in sent if r["receiver"] == name]
            )
        figures |= await self._receipts(logged)
        return figures

    async def _ledger(self) -> None:
        rows = await _fetch(
            self._platform,
            "select decision_id, version from decision_version"
            " join decision using (decision_id, version) where origin = 'PLATFORM'"
            " union select decision_id, version from decision_version v"
            " where exists (select from outbox_sent s where s.koffset is not null"
            " and (s.decision_id, s.version) = (v.decision_id, v.version))",
        )
        acked = {(each.decision, each.version) for each in self._acknowledged}
        held = {(row["decision_id"], row["version"]) for row in rows}
        self._same("acknowledged versions", acked, "in the ledger", held)

    async def _receiver(
        self, name: str, sent: Sequence[asyncpg.Record]
    ) -> Mapping[str, object]:
        url = self._theirs[name]
        inbox = await _fetch(
            url, "select event_id, decision_id, version, answer from inbox"
        )
        events = {row["event_id"] for row in sent}
        self._same(
            f"{name}: sent", events, "in the inbox", {r["event_id"] for r in inbox}
        )
        await self._effects(name, url, sent, inbox)
        topic = next(
            each.topic
            for each in read_receivers(
                self._settings.receivers, self._settings.tenant
            ).receivers
            if each.name == name
        )
        arrivals = await asyncio.to_thread(_read, administrator(self._settings), topic)
        self._order(name, sent, arrivals)
        answers = Counter(row["answer"] for row in inbox)
        return {
            f"{name}: inbox": f"{len(inbox):,}, "
            + ", ".join(f"{kind} {count:,}" for kind, count in sorted(answers.items())),
            f"{name}: on the topic": f"{len(arrivals):,}, "
            f"{len(arrivals) - len({e for _, e in arrivals}):,} twice or more",
        }

    async def _effects(
        self,
        name: str,
        url: str,
        sent: Sequence[asyncpg.Record],
        inbox: Sequence[asyncpg.Record],
    ) -> None:
        """See that each decision has one row, and it is of its last version held."""
        last = {row["decision_id"]: row["version"] for row in sent}
        rejected = {
            (row["decision_id"], row["version"])
            for row in inbox
            if row["answer"] != "HELD"
        }
        connection = await asyncpg.connect(url)
        try:
            found: list[tuple[str, int]] = []
            for (place,) in await connection.fetch("select place from place"):
                table = await connection.fetchval("select quote_ident($1)", place)
                statement = "select decision_id, version from " + table  # noqa: S608 - quoted
                found += [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()
        self._same(
            f"{name}: last versions",
            set(last.items()) - rejected,
            "effects",
            set(found),
        )
        if len(found) != len(set(found)):
            self.faults.append(f"{name}: effects are there twice")

    def _order(
        self,
        name: str,
        sent: Sequence[asyncpg.Record],
        arrivals: Sequence[tuple[str, str]],
    ) -> None:
        ledger: dict[str, list[str]] = {}
        for row in sent:
            ledger.setdefault(row["key"], []).append(row["event_id"])
        topic: dict[str, dict[str, None]] = {}
        for key, event in arrivals:
            topic.setdefault(key, {}).setdefault(event)
        for key, events in ledger.items():
            if list(topic.get(key, ())) != events:
                self.faults.append(f"{name}: case {key} in another order on the topic")

    async def _receipts(self, logged: set[tuple[str, str]]) -> Mapping[str, object]:
        rows = await _fetch(
            self._platform, "select event_id, receiver, answer from receipt"
        )
        final = {
            (row["event_id"], row["receiver"])
            for row in rows
            if row["answer"] != "WAITING"
        }
        self._same("sent", logged, "answered by receipt", final)
        for what in ("stray_receipt", "parked_key", "dead_letter", "outbox"):
            count = await _fetch(self._platform, "select count(*) from " + what)  # noqa: S608 - our words
            if count[0][0]:
                self.faults.append(f"{count[0][0]} rows in {what}")
        return {"receipts filed": f"{len(rows):,}"}

    async def _state(self) -> tuple[int, int, int]:
        (row,) = await _fetch(
            self._platform,
            "select (select count(*) from outbox),"
            " (select count(*) from outbox_sent where koffset is not null),"
            " (select count(distinct (event_id, receiver)) from receipt"
            " where answer <> 'WAITING')",
        )
        return row[0], row[1], row[2]

    def _same(
        self,
        what: str,
        one: AbstractSet[object],
        where: str,
        other: AbstractSet[object],
    ) -> None:
        if missing := one - other:
            self.faults.append(
                f"{what}: {len(missing):,} not {where}: {next(iter(missing))}"
            )
        if strange := other - one:
            self.faults.append(
                f"{where}: {len(strange):,} not {what}: {next(iter(strange))}"
            )


async def _fetch(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


def _read(access: Access, topic: str) -> list[tuple[str, str]]:
    """Give key and event of every message, each partition in its order."""
    consumer = connect(KafkaConsumer, access, auto_offset_reset="earliest")
    try:
        places = [
            TopicPartition(topic, number)
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        found: list[tuple[str, str]] = []
        while any((consumer.position(p) or 0) < end for p, end in ends.items()):
            for records in consumer.poll(timeout_ms=200).values():
                found += [(r.key.decode(), json.loads(r.value)["id"]) for r in records]
        return found
    finally:
        consumer.close(autocommit=False)
