"""Ways to change a log behind its back, each with what must be named of it.

Every change is made by a superuser with triggers and foreign keys out of force, in a
transaction that is rolled back. What it returns says whether a fault names its place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import asyncpg

from zhitong.connectors.key_ring import KeySigner
from zhitong.connectors.loan import Plain as Connection
from zhitong.evidence import Head, stamp
from zhitong.rules.faults import Fault
from zhitong.rules.head_notes import read_head
from zhitong.rules.merkle import NONE, Frontier, digest, leaf

Row = asyncpg.Record
SHA256 = digest("sha256")

COLUMNS: dict[str, tuple[str, ...]] = {
    "access_entry": (
        *("record_id", "at", "kind", "unit", "person", "party", "purpose", "cause"),
        *("protected", "subjects", "body", "leaf"),
    ),
    "audit_leaf": ("decision_id", "version", "body", "leaf", "at"),
    "decision_version": (
        *("decision_id", "version", "change", "content", "content_hash", "reason"),
        *("basis", "unit", "who", "at"),
    ),
    "decision": (
        *("decision_id", "document_no", "party_name", "fine", "content", "version"),
        *("decided_on", "officers", "change", "content_hash", "recorded_at"),
        *("recorded_by", "changed_at", "collective", "subject_code", "review_no"),
        *("case_key", "case_hash", "origin"),
    ),
    "sealed_number": ("decision_id", "version", "field", "key_id", "sealed"),
    "sealed_opening": ("decision_id", "version", "field", "key_id", "sealed"),
    "decision_signature": (
        *("decision_id", "version", "state", "key_id", "algorithm", "signed_at"),
        *("statement", "salt", "numbers", "differs", "recorded_by", "recorded_at"),
    ),
    "access_finding": ("record_id", "check_name", "zh", "en", "source"),
    "access_grant": (
        *("grant_id", "version", "state", "kind", "unit", "unit_name", "person"),
        *("owner", "purpose", "basis", "scene", "incident", "fields", "lookups"),
        *("conditional", "masked", "division", "own_cause", "mode", "documents"),
        *("page", "cost", "rate", "receiver", "valid_from", "valid_to", "told"),
        *("applied_by", "applied_at", "reviewed_at", "ended_at", "settled", "ending"),
        *("due_step", "due_unit", "due_at", "provisional", "late", "changed_at"),
    ),
    "grant_step": (
        *("grant_id", "version", "step", "state", "at", "unit", "person", "issuer"),
        *("role", "reason", "due_at", "late", "digest"),
    ),
    "person_key": ("person", "wrapped"),
    "finding": (
        *("finding_id", "decision_id", "version", "check_name", "severity"),
        *("zh", "en", "source", "found_at"),
    ),
    "deed": (
        *("deed_id", "at", "kind", "who", "unit", "action", "target", "reason"),
        *("body", "leaf"),
    ),
    "sealed_leaf": ("number", "kind", "id", "leaf"),
    # Not *oldest*, by which the sealer's lateness is told: it proves nothing.
    "head": ("origin", "size", "at", "note"),
    "head_signature": ("origin", "size", "at", "key_id", "algorithm", "value"),
    "head_countersignature": (
        *("origin", "size", "at", "key_id", "algorithm", "seen", "value"),
    ),
    "evidence_key": ("key_id", "purpose", "algorithm", "spki", "since", "retired"),
}
"""What may be changed: every column of what is proved, some of what is made of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was done, and the names of its place: a fault must have one of them."""

    what: str
    names: tuple[str, ...]
    numbers: tuple[int, ...] = ()
    """Numbers of leaves: a fault has one, or says a range that one is in."""

    def named(self, faults: Sequence[Fault]) -> bool:
        """Say whether one of *faults* names the place."""
        return any(self._in(fault) for fault in faults)

    def _in(self, fault: Fault) -> bool:
        text = str(fault)
        if any(name in text for name in self.names):
            return True
        return any(
            fault.number == number or _between(fault, number) for number in self.numbers
        )


def _between(fault: Fault, number: int) -> bool:
    text = fault.id if fault.table == "sealed_leaf" else fault.detail
    first, mark, last = text.removeprefix("leaves ").partition("…")
    return bool(mark) and first.isdigit() and int(first) <= number <= int(last)


class Tampering:
    """Changes one log at random; *chosen* says which, so that it can be done again."""

    def __init__(self, connection: Connection, chosen: Random) -> None:
        self._connection = connection
        self._chosen = chosen
        self._ways: list[tuple[int, Callable[[], Awaitable[Change | None]]]] = [
            (60, self.change_a_byte),
            (18, self.delete_a_row),
            (4, self.swap_contents),
            (4, self.swap_numbers),
            (2, self.swap_heads),
            (4, self.cut_the_tail),
            (8, self.invent_a_row),
        ]

    async def once(self) -> Change:
        """Change something."""
        weights = [weight for weight, _ in self._ways]
        while True:
            ((_, way),) = self._chosen.choices(self._ways, weights)
            try:
                async with self._connection.transaction():
                    change = await way()
            except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
                continue  # the database itself does not take it
            if change is not None:
                return change

    # --- one row -----------------------------------------------------------------

    async def change_a_byte(self) -> Change | None:
        """Change one byte of one column of one row; None where it has no byte."""
        table = self._chosen.choice(list(COLUMNS))
        column = self._chosen.choice(COLUMNS[table])
        row = await self._row(table)
        if row is None or (value := self._other(row[column])) is None:
            return None
        await self._unbind(table)
        await self._connection.execute(
            f"update {table} set {column} = $3 where tableoid = $1 and ctid = $2",
            row["tableoid"],
            row["ctid"],
            value,
        )
        return Change(
            f"{table}.{column} {_short(row[column], value)}", _names(table, row)
        )

    async def _unbind(self, table: str) -> None:
        """Let *table* take what the database itself would refuse."""
        for row in await self._connection.fetch(
            "select conname from pg_constraint where contype = 'c' "
            "and conrelid = $1::text::regclass",
            table,
        ):
            await self._connection.execute(
                f'alter table {table} drop constraint "{row["conname"]}"'
            )

    async def delete_a_row(self) -> Change | None:
        """Delete one row of one table."""
        table = self._chosen.choice(list(COLUMNS))
        row = await self._row(table)
        if row is None:
            return None
        await self._delete(table, row)
        return Change(f"delete from {table}", _names(table, row))

    async def invent_a_row(self) -> Change | None:
        """Add a row that is much like another, and was never written."""
        table = self._chosen.choice([each for each in COLUMNS if each not in _MADE])
        row = await self._row(table)
        if row is None:
            return None
        values = {name: row[name] for name in COLUMNS[table]}
        if table == "sealed_leaf":
            top = await self._connection.fetchval("select max(number) from sealed_leaf")
            values |= {"number": top + 1, "id": f"{row['id']}x"}
        elif table == "head":
            values["at"] = row["at"] + timedelta(microseconds=1)
        elif table in _VERSIONED:
            values["version"] = 9
        else:
            key = next(
                n for n in ("key_id", "decision_id", COLUMNS[table][0]) if n in values
            )
            values[key] = f"{self._chosen.getrandbits(64):016x}"
        names = ", ".join(values)
        places = ", ".join(f"${each}" for each in range(1, len(values) + 1))
        await self._connection.execute(
            f"insert into {table} ({names}) values ({places})", *values.values()
        )
        return Change(f"insert into {table}", _names(table, values))

    # --- two rows ------------------------------------------------------------------

    async def swap_contents(self) -> Change | None:
        """Let two rows of a table have each other's body, leaf, or both."""
        table = self._chosen.choice(["access_entry", "audit_leaf", "deed"])
        columns = self._chosen.choice([["body"], ["leaf"], ["body", "leaf"]])
        one, other = await self._row(table), await self._row(table)
        if one is None or other is None or one["leaf"] == other["leaf"]:
            return None
        for here, there in ((one, other), (other, one)):
            for column in columns:
                # The row itself may have moved with its first column.
                where, values = _where(table, here)
                await self._connection.execute(
                    f"update {table} set {column} = $1 where {where}",
                    there[column],
                    *values,
                )
        names = (*_names(table, one), *_names(table, other))
        return Change(f"swap {columns} in {table}", names)

    async def swap_numbers(self) -> Change | None:
        """Let two sealed leaves have each other's number."""
        one, other = await self._row("sealed_leaf"), await self._row("sealed_leaf")
        if one is None or other is None or one["number"] == other["number"]:
            return None
        for row in (one, other):
            await self._connection.execute(
                "delete from sealed_leaf where number = $1", row["number"]
            )
        for number, row in ((one["number"], other), (other["number"], one)):
            await self._connection.execute(
                "insert into sealed_leaf values ($1, $2, $3, $4)",
                number,
                row["kind"],
                row["id"],
                row["leaf"],
            )
        return Change("swap numbers", (), (one["number"], other["number"]))

    async def swap_heads(self) -> Change | None:
        """Let two heads have each other's note."""
        one, other = await self._row("head"), await self._row("head")
        if one is None or other is None or one["note"] == other["note"]:
            return None
        for here, there in ((one, other), (other, one)):
            await self._connection.execute(
                "update head set note = $3 where size = $1 and at = $2",
                here["size"],
                here["at"],
                there["note"],
            )
        return Change("swap heads", (*_names("head", one), *_names("head", other)))

    # --- the tail ------------------------------------------------------------------

    async def cut_the_tail(self) -> Change | None:
        """Take away the newest heads with their leaves and all rows of these."""
        sizes = [
            row["size"]
            for row in await self._connection.fetch(
                "select distinct size from head order by 1 desc"
            )
        ]
        if len(sizes) == 1:
            return None
        size = sizes[self._chosen.randrange(1, len(sizes))]
        for statement in _CUTS:
            await self._connection.execute(statement.replace("$1", str(size)))
        return Change(f"cut the log down to {size}", (f"{sizes[0]}@",))

    async def _row(self, table: str) -> Row | None:
        many = await self._connection.fetchval(f"select count(*) from {table}")
        if not many:
            return None
        first = "number" if table == "sealed_leaf" else ", ".join(_KEYS[table])
        more = _NUMBERS if table == "person_key" else "null"
        return await self._connection.fetchrow(
            f"select tableoid, ctid, *, {more} as places from {table} "
            f"order by {first} offset $1 limit 1",
            self._chosen.randrange(many),
        )

    async def _delete(self, table: str, row: Row) -> None:
        await self._connection.execute(
            f"delete from {table} where tableoid = $1 and ctid = $2",
            row["tableoid"],
            row["ctid"],
        )

    def _other(self, value: Any) -> Any:  # noqa: ANN401 - columns of many kinds
        """Give *value* with one byte changed; None where it has none."""
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value ^ 1 << self._chosen.randrange(20)
        if isinstance(value, datetime):
            step = timedelta(microseconds=1 << self._chosen.randrange(40))
            return value + step if self._chosen.random() < 0.5 else value - step
        if isinstance(value, date):
            return value + timedelta(days=1 << self._chosen.randrange(8))
        if isinstance(value, bytes) and value:
            place = self._chosen.randrange(len(value))
            byte = value[place] ^ 1 << self._chosen.randrange(8)
            return value[:place] + bytes([byte]) + value[place + 1 :]
        if isinstance(value, str) and value:
            place = self._chosen.randrange(len(value))
            return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
        if isinstance(value, list) and value:
            place = self._chosen.randrange(len(value))
            return [*value[:place], self._other(value[place]), *value[place + 1 :]]
        return None


_MADE = frozenset({"decision", "person_key", "access_finding"})
"""No more than what versions make; keys, under which nothing need be sealed; and what
is found about looks later, which their bodies cannot have."""
_VERSIONED = frozenset(
    {
        *("decision_version", "sealed_number", "sealed_opening"),
        *("decision_signature", "grant_step"),
    }
)
_NUMBERS = """array(select n.decision_id || '/' || n.version from sealed_number n
    where n.key_id = person_key.key_id)"""

_KEYS: dict[str, tuple[str, ...]] = {
    "access_entry": ("record_id",),
    "audit_leaf": ("decision_id", "version"),
    "decision_version": ("decision_id", "version"),
    "decision": ("decision_id",),
    "finding": ("finding_id",),
    "sealed_number": ("decision_id", "version", "field"),
    "sealed_opening": ("decision_id", "version", "field"),
    "decision_signature": ("decision_id", "version"),
    "access_finding": ("record_id", "check_name"),
    "access_grant": ("grant_id",),
    "grant_step": ("grant_id", "version"),
    "person_key": ("key_id",),
    "deed": ("deed_id",),
    "sealed_leaf": ("number",),
    "head": ("size", "at"),
    "head_signature": ("size", "at", "key_id"),
    "head_countersignature": ("size", "at", "key_id"),
    "evidence_key": ("key_id",),
}

_CUTS = (
    """delete from access_entry where record_id in
    (select id from sealed_leaf where kind = 'LOOK' and number >= $1)""",
    """delete from deed where deed_id in
    (select id from sealed_leaf where kind = 'DEED' and number >= $1)""",
    """delete from decision_version where decision_id || '/' || version in
    (select id from sealed_leaf where kind = 'DECISION' and number >= $1)""",
    """delete from audit_leaf where decision_id || '/' || version in
    (select id from sealed_leaf where kind = 'DECISION' and number >= $1)""",
    "delete from sealed_leaf where number >= $1",
    "delete from head_countersignature where size > $1",
    "delete from head_signature where size > $1",
    "delete from head where size > $1",
)


def _where(table: str, row: Row) -> tuple[str, list[object]]:
    keys = _KEYS[table]
    text = " and ".join(f"{key} = ${place}" for place, key in enumerate(keys, 2))
    return text, [row[key] for key in keys]


def _names(table: str, row: Any) -> tuple[str, ...]:  # noqa: ANN401 - row or values
    """Say how a fault would name a row."""
    if table == "person_key":
        # What is sealed under it opens no more.
        return tuple(row["places"])
    if table in _VERSIONED - {"grant_step"} or table == "audit_leaf":
        return (f"{row['decision_id']}/{row['version']}",)
    if table == "sealed_leaf":
        return (f"#{row['number']}", f" {row['id']}", f"{row['number']}…")
    if table in {"head", "head_signature", "head_countersignature"}:
        return (f"{row['size']}@{stamp(row['at'])}",)
    return (str(row[_KEYS[table][0]]),)


def _short(before: object, after: object) -> str:
    return f"{before!r:.40} → {after!r:.40}"


async def rewrite(
    connection: Connection, operator: KeySigner, record: str, person: str
) -> None:
    """Let *record* name *person*, and all that follows fit and be signed."""
    row = await connection.fetchrow(
        "select person, body from access_entry where record_id = $1", record
    )
    assert row is not None
    body = row["body"].replace(row["person"].encode(), person.encode())
    assert body != row["body"]
    await connection.execute(
        "update access_entry set body = $2, leaf = $3, person = $4 "
        "where record_id = $1",
        record,
        body,
        leaf(SHA256, body),
        person,
    )
    await connection.execute(
        "update sealed_leaf set leaf = $2 where kind = 'LOOK' and id = $1",
        record,
        leaf(SHA256, body),
    )
    # No word of the witness can be had for what it has not seen.
    await connection.execute("delete from head_countersignature")
    await connection.execute("delete from tree_node")
    leaves = [
        each["leaf"]
        for each in await connection.fetch(
            "select leaf from sealed_leaf order by number"
        )
    ]
    tree, previous = Frontier(SHA256), NONE
    for each in await connection.fetch("select note from head order by size, at"):
        before = read_head(each["note"])
        for one in leaves[tree.size : before.size]:
            tree.add(one)
        head = Head(
            origin=before.origin,
            hash=before.hash,
            size=before.size,
            root=tree.root(),
            at=before.at,
            previous=previous,
        )
        previous = SHA256(head.note)
        where = (head.size, head.at)
        await connection.execute(
            "update head set note = $3 where size = $1 and at = $2", *where, head.note
        )
        await connection.execute(
            "update head_signature set value = $3 where size = $1 and at = $2",
            *where,
            operator.sign(head.note),
        )
