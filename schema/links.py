"""Following keys from a row to the rows of another type."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from zhitong.resolvers.read import COUNTS_ONLY, LINK, Ask, Found
from zhitong.resolvers.rulings import plain
from zhitong.rules.identifiers import credit_code_fault
from zhitong.schema.context import Context
from zhitong.schema.selection import ResolveInfo
from zhitong.types import SOURCE_KEY, Kind, Order, Relation, Row, Ruling, Shape

BY_KEY = Order(SOURCE_KEY, descending=False)
TWICE = 2
"""How many rows of one certificate number are shown in a list."""


def hidden(context: Context, relation: Relation, row: Row) -> bool:
    """Say whether *relation* is not to be followed from *row*, or leads nowhere."""
    here, there = context.entities[row.type], context.entities[relation.target]
    rulings = context.reader.verdicts(context.inquiry, here).fields[relation.name]
    counted = context.counting.only(there) is not None
    if counted and relation.shape is not Shape.PAGE:
        # A row that is found, or not, would be a count of one.
        context.inquiry.restrictions[there.name, "*"] = (Ruling(COUNTS_ONLY),)
        return True
    kept_back = row.values[LINK + relation.name] is None and plain(rulings) is not True
    if not context.reader.sees(context.inquiry, there):
        context.reader.refuse(context.inquiry, there)
        return True
    return kept_back or not context.reader.leads(
        context.inquiry, there, relation.remote
    )


async def linked(
    context: Context, info: ResolveInfo, relation: Relation, row: Row
) -> Row | None:
    """Find the one row *relation* leads to."""
    found = await _found(context, info, relation, row)
    if not found or not found.rows or not context.may_give(info, 1, ()):
        return None
    return found.rows[0]


async def match(
    context: Context, info: ResolveInfo, relation: Relation, row: Row
) -> str:
    """Say how the key of *relation* was found, without a read of its own."""
    here = context.entities[row.type]
    if hidden(context, relation, row):
        return "HIDDEN"
    key = row.values[LINK + relation.name]
    if not isinstance(key, str):
        return "NOT_STATED"
    found = await _found(context, info, relation, row)
    if found and found.rows:
        return "AMBIGUOUS" if found.more else "EXACT"
    if found and found.missing:
        return "UNAVAILABLE"
    wrong = here.fields[relation.local].kind is Kind.CREDIT_CODE and (
        credit_code_fault(key) is not None
    )
    return "MALFORMED" if wrong else "NOT_FOUND"


async def _found(
    context: Context, info: ResolveInfo, relation: Relation, row: Row
) -> Found | None:
    key = row.values[LINK + relation.name]
    if not isinstance(key, str):
        return None
    ask = by_key(context, info, relation.target, limit=1, peek=True)
    return await context.loaders.rows_by_key(ask, relation.remote).load(key)


async def listed(
    context: Context, info: ResolveInfo, relation: Relation, row: Row
) -> list[Row] | None:
    """Find the rows whose keys *row* lists, in its order; None if hidden."""
    if hidden(context, relation, row):
        return None
    keys = row.values[LINK + relation.name]
    if not isinstance(keys, Iterable):
        return []
    ask = by_key(context, info, relation.target, limit=TWICE)
    loader = context.loaders.rows_by_key(ask, relation.remote)
    found = await asyncio.gather(*(loader.load(key) for key in dict.fromkeys(keys)))
    rows = [match for one in found for match in one.rows]
    return rows if context.may_give(info, len(rows), ()) else None


def by_key(
    context: Context,
    info: ResolveInfo,
    type_name: str,
    *path: str,
    limit: int = 1,
    peek: bool = False,
) -> Ask:
    """Prepare a look-up, in key order, of what is asked of *type_name* at *path*."""
    entity = context.entities[type_name]
    wanted = context.wanted(info, entity, path)
    return Ask(
        entity=entity,
        fields=wanted.fields,
        links=wanted.links,
        order=BY_KEY,
        limit=limit,
        peek=peek,
    )
