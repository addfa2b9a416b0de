"""Following keys from a row to the rows of another type."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from zhitong.resolvers.asking import Asking, Place
from zhitong.resolvers.read import COUNTS_ONLY, LINK, Ask, Found
from zhitong.resolvers.restrictions import restrict
from zhitong.resolvers.rulings import plain
from zhitong.rules.identifiers import credit_code_fault
from zhitong.types import SOURCE_KEY, Kind, Order, Relation, Row, Ruling, Shape

BY_KEY = Order(SOURCE_KEY, descending=False)
TWICE = 2
"""How many rows of one certificate number are shown in a list."""


def hidden(asking: Asking, relation: Relation, row: Row) -> bool:
    """Say whether *relation* is not to be followed from *row*, or leads nowhere."""
    return hidden_rows(asking, relation, row.type, [row])[0]


def hidden_rows(
    asking: Asking, relation: Relation, type_name: str, rows: Sequence[Row]
) -> list[bool]:
    """Say from which *rows* of one type *relation* is not to be followed.

    What is said of the relation alone is noted once, and only where a row asks it.
    """
    if not rows:
        return []
    here, there = asking.entities[type_name], asking.entities[relation.target]
    rulings = asking.reader.verdicts(asking.inquiry, here).fields[relation.name]
    counted = asking.counting.only(there) is not None
    if counted and relation.shape is not Shape.PAGE:
        # A row that is found, or not, would be a count of one.
        restrict(asking.inquiry, there.name, "*", (Ruling(COUNTS_ONLY),))
        return [True] * len(rows)
    if not asking.reader.sees(asking.inquiry, there):
        asking.reader.refuse(asking.inquiry, there)
        return [True] * len(rows)
    kept_back = [False] * len(rows)
    if plain(rulings) is not True:
        kept_back = [row.values[LINK + relation.name] is None for row in rows]
    if False in kept_back and not asking.reader.leads(
        asking.inquiry, there, relation.remote
    ):
        return [True] * len(rows)
    return kept_back


async def linked(
    asking: Asking, place: Place, relation: Relation, row: Row
) -> Row | None:
    """Find the one row *relation* leads to."""
    found = await _found(asking, place, relation, row)
    if not found or not found.rows or not asking.may_give(place, 1):
        return None
    return found.rows[0]


async def match(asking: Asking, place: Place, relation: Relation, row: Row) -> str:
    """Say how the key of *relation* was found, without a read of its own."""
    here = asking.entities[row.type]
    if hidden(asking, relation, row):
        return "HIDDEN"
    key = row.values[LINK + relation.name]
    if not isinstance(key, str):
        return "NOT_STATED"
    found = await _found(asking, place, relation, row)
    return told(here.fields[relation.local].kind, key, found)


def told(kind: Kind, key: str, found: Found | None) -> str:
    """Say how *key*, which a field of *kind* states, was found."""
    if found and found.records:
        return "AMBIGUOUS" if found.more else "EXACT"
    if found and found.missing:
        return "UNAVAILABLE"
    wrong = kind is Kind.CREDIT_CODE and credit_code_fault(key) is not None
    return "MALFORMED" if wrong else "NOT_FOUND"


async def _found(
    asking: Asking, place: Place, relation: Relation, row: Row
) -> Found | None:
    key = row.values[LINK + relation.name]
    if not isinstance(key, str):
        return None
    ask = by_key(asking, place, relation.target, limit=1, peek=True)
    return await asking.loaders.rows_by_key(ask, relation.remote).load(key)


async def listed(
    asking: Asking, place: Place, relation: Relation, row: Row
) -> list[Row] | None:
    """Find the rows whose keys *row* lists, in its order; None if hidden."""
    if hidden(asking, relation, row):
        return None
    keys = row.values[LINK + relation.name]
    if not isinstance(keys, Iterable):
        return []
    ask = by_key(asking, place, relation.target, limit=TWICE)
    loader = asking.loaders.rows_by_key(ask, relation.remote)
    found = await asyncio.gather(*(loader.load(key) for key in dict.fromkeys(keys)))
    rows = [match for one in found for match in one.rows]
    return rows if asking.may_give(place, len(rows)) else None


def by_key(
    asking: Asking,
    place: Place,
    type_name: str,
    *,
    limit: int = 1,
    peek: bool = False,
) -> Ask:
    """Prepare a look-up, in key order, of what is asked of *type_name* at *place*."""
    return Ask(
        entity=asking.entities[type_name],
        fields=place.fields,
        links=place.links,
        order=BY_KEY,
        limit=limit,
        peek=peek,
    )
