"""Decisions from before the platform began, copied into the ledger: no event leaves.

Each becomes the first version of a decision of origin HISTORY, with its audit leaf, and
a line of the sent log per receiver that had it already: so a later correction or
withdrawal reaches them. A load is one transaction, under a stamp: the same stamp again
loads nothing, another one replaces what nothing has touched since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import islice
from typing import TypeAlias

import asyncpg

from zhitong.connectors import decision_row, deeds, primary
from zhitong.connectors.date_codecs import CHINA
from zhitong.connectors.ledger_entry import number_place
from zhitong.connectors.sealing import Keys, Sealing, living_keys, seal
from zhitong.connectors.statements import statements
from zhitong.decisions import (
    Act,
    Change,
    Decision,
    Entry,
    bucket,
    case_hash,
    event_id,
    partition_key,
)
from zhitong.evidence import Deed, DeedKind
from zhitong.rules.merkle import digest, leaf

BATCH = 5_000
RECORDER = "历史导入 history"
"""Who registered it: no person did."""

Receivers: TypeAlias = Callable[[Act], Sequence[tuple[str, str]]]
"""Who has had decisions of an act: names and topics."""
Told: TypeAlias = Iterable[tuple[Decision, str]]
"""Decisions, each with the credit code of the unit that answers for it."""
Rows: TypeAlias = list[tuple[object, ...]]

_DECISION = (
    *("decision_id", "local_id", "act_type", "subject_code", "subject_name"),
    *("case_source", "case_no", "case_key", "case_hash", "inspection_no"),
    *("matter_code", "document_no", "document_key", "document_title", "decided_on"),
    *("division", "title", "facts", "legal_basis", "content", "party_key"),
    *("party_kind", "party_name", "party_code", "registration_no", "representative"),
    *("officers", "review_no", "reviewed_on", "review_opinion", "collective"),
    *("procedure", "penalty_kinds", "violation_type", "fine", "confiscated"),
    *("licence_affected", "publicity_to", "licence_kind", "certificate_name"),
    *("certificate_no", "valid_from", "valid_to", "version", "change", "reason"),
    *("content_hash", "origin", "recorded_by", "recorded_at", "changed_at"),
)
_COLUMNS: Mapping[str, Sequence[str]] = {
    "decision": _DECISION,
    "decision_version": (
        *("decision_id", "version", "change", "content", "content_hash"),
        *("reason", "basis", "unit", "who", "at"),
    ),
    "audit_leaf": ("decision_id", "version", "body", "leaf", "at"),
    "sealed_number": ("decision_id", "version", "field", "key_id", "sealed"),
    "outbox_sent": (
        *("seq", "bucket", "event_id", "receiver", "decision_id", "version", "change"),
        *("topic", "key", "schema", "traceparent", "created_at", "attempts", "sent_at"),
    ),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What stands after a load."""

    decisions: int
    left_out: int
    """Entered twice, or registered already."""
    now: bool
    """It was loaded by this call."""


async def load_history(  # noqa: PLR0913 - what is loaded, where, for whom, when
    url: str,
    sealing: Sealing,
    *,
    stamp: str,
    told: Told,
    receivers: Receivers,
    at: datetime,
    tenant: str,
) -> Loaded:
    """Load *told* into the platform's migrated database at *url*, unless it is there.

    *stamp* names the load; *told* is not begun where that one stands already.
    """
    connection = await primary.connect(url)
    try:
        found = await connection.fetchrow(statements("history")["loaded"], stamp)
        if found is not None:
            return Loaded(found["decisions"], found["left_out"], now=False)
        async with connection.transaction():
            await connection.execute(statements("history")["months"], at)
            await connection.execute(statements("history")["forgotten"])
            load = _Load(connection, sealing, receivers, at, tenant)
            await load.run(told)
            await connection.execute(
                statements("history")["note"], stamp, load.taken, load.left_out
            )
            await deeds.write(connection, _deed(stamp, load))
        await connection.execute(statements("history")["analyse"])
        return Loaded(load.taken, load.left_out, now=True)
    finally:
        await connection.close()


class _Load:
    def __init__(
        self,
        connection: asyncpg.Connection[asyncpg.Record],
        sealing: Sealing,
        receivers: Receivers,
        at: datetime,
        tenant: str,
    ) -> None:
        self._connection = connection
        self._sealing = sealing
        self._receivers = receivers
        self._at = at
        self._tenant = tenant
        self._digest = digest("sha256")
        self._standing: set[object] = set()
        self.taken = 0
        self.left_out = 0

    async def run(self, told: Told) -> None:
        """Copy all of *told*, a batch at a time."""
        (log,) = await self._connection.fetch(statements("access_log")["log"])
        self._digest = digest(log["hash"])
        for identity, stands, *key in await self._connection.fetch(
            statements("history")["standing"]
        ):
            self._standing |= {identity, tuple(key)} if stands else {identity}
        rest = iter(told)
        while batch := list(islice(rest, BATCH)):
            keys = await self._keys(batch)
            rows: dict[str, Rows] = {table: [] for table in _COLUMNS}
            for decision, unit in batch:
                self._tell(rows, keys, decision, unit)
            for table, records in rows.items():
                await self._connection.copy_records_to_table(
                    table, columns=_COLUMNS[table], records=records
                )

    async def _keys(self, batch: Sequence[tuple[Decision, str]]) -> Keys:
        persons = {
            self._sealing.person(number)
            for decision, _ in batch
            for number in decision_row.numbers_of(decision).values()
        }
        return await living_keys(self._connection, self._sealing, sorted(persons))

    def _tell(
        self, rows: dict[str, Rows], keys: Keys, decision: Decision, unit: str
    ) -> None:
        person = self._sealing.person
        entry = Entry(
            decision=decision,
            version=1,
            change=Change.RECORDED,
            at=self._at,
            unit=unit,
            person=RECORDER,
        )
        hashed = decision_row.content_hash(decision, person)
        row = decision_row.columns(entry, hashed, person)
        identity = row["decision_id"]
        key = (row["subject_code"], row["document_key"], row["party_key"])
        if identity in self._standing or key in self._standing:
            self.left_out += 1
            return
        self._standing |= {identity, key}
        self.taken += 1
        order = case_hash(decision.case_key)
        origin = decision_row.HISTORY
        row |= {"case_key": decision.case_key, "case_hash": order, "origin": origin}
        rows["decision"].append(tuple(map(row.get, _DECISION)))
        rows["decision_version"].append(
            (
                *(identity, 1, Change.RECORDED, decision_row.content(decision), hashed),
                *("", "", unit, RECORDER, self._at),
            )
        )
        body = decision_row.leaf_body(entry, hashed, None, self._tenant, origin)
        proved = leaf(self._digest, body)
        rows["audit_leaf"].append((identity, 1, body, proved, self._at))
        rows["sealed_number"] += self._sealed(decision, keys)
        rows["outbox_sent"] += self._sent(decision, order)

    def _sealed(self, decision: Decision, keys: Keys) -> Rows:
        sealed: Rows = []
        for place, number in decision_row.numbers_of(decision).items():
            key_id, key = keys[self._sealing.person(number)]
            where = number_place(decision.id, 1, place)
            sealed.append(
                (str(decision.id), 1, place, key_id, seal(key, number, where))
            )
        return sealed

    def _sent(self, decision: Decision, order: int) -> Rows:
        event = str(event_id(decision.id, 1, Change.RECORDED))
        # Dated by the decision: who asks what was queued of late is not told of all
        # history because it was loaded today.
        since = datetime.combine(decision.decided_on, time(), CHINA)
        return [
            (
                *(0, bucket(order), event, receiver, str(decision.id), 1),
                *(Change.RECORDED, topic, partition_key(order), "", "", since),
                *(0, self._at),
            )
            for receiver, topic in self._receivers(decision.act)
        ]


def _deed(stamp: str, load: _Load) -> Deed:
    return Deed(
        kind=DeedKind.ACTION,
        who=RECORDER,
        action="load-history",
        target=stamp,
        reason="平台启用前的决定 decisions from before the platform",
        detail={"decisions": load.taken, "leftOut": load.left_out},
    )
