"""Following keys from a row to the rows of another type."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from zhitong.resolvers.policy import plain
from zhitong.resolvers.read import LINK, Ask, Found
from zhitong.rules.identifiers import credit_code_fault
from zhitong.schema.context import Context
from zhitong.schema.selection import ResolveInfo
from zhitong.types import SOURCE_KEY, Kind, Order, Relation, Row

BY_KEY = Order(SOURCE_KEY, descending=False)
TWO = 2
"""One row is the answer; a second says that the key is ambiguous."""


async def linked(
    context: Context, info: ResolveInfo, relation: Relation, row: Row
) -> Row | None:
    """Find the one row *relation* leads to."""
    found = await _found(context, info, relation, row)
    return found.rows[0] if found and found.rows else None


async def match(
    context: Context, info: ResolveInfo, relation: Relation, row: Row
) -> str:
    """Say how the key of *relation* was found, without a read of its own."""
    here, there = context.entities[row.type], context.entities[relation.target]
    rulings = context.reader.verdicts(context.inquiry, here).fields[relation.name]
    key = row.values[LINK + relation.name]
    if not isinstance(key, str):
        return "NOT_STATED" if plain(rulings) is True else "HIDDEN"
    if not context.reader.sees(context.inquiry, there):
        return "HIDDEN"
    found = await _found(context, info, relation, row)
    if found and found.rows:
        return "EXACT" if len(found.rows) == 1 else "AMBIGUOUS"
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
    ask = _ask(context, info, relation, TWO)
    return await context.loaders.rows_by_key(ask, relation.remote).load(key)


async def listed(
    context: Context, info: ResolveInfo, relation: Relation, row: Row
) -> list[Row]:
    """Find the rows whose keys *row* lists, in the order it lists them."""
    keys = row.values[LINK + relation.name]
    if not isinstance(keys, Iterable):
        return []
    ask = _ask(context, info, relation, TWO)
    loader = context.loaders.rows_by_key(ask, relation.remote)
    found = await asyncio.gather(*(loader.load(key) for key in dict.fromkeys(keys)))
    return [match for one in found for match in one.rows]


def _ask(context: Context, info: ResolveInfo, relation: Relation, limit: int) -> Ask:
    entity = context.entities[relation.target]
    wanted = context.wanted(info, entity, ())
    return Ask(
        entity=entity,
        fields=wanted.fields,
        links=wanted.links,
        order=BY_KEY,
        limit=limit,
    )
