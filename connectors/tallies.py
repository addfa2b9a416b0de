"""Counts as SQL: one statement each, group by group or key by key.

Groups are made of what cells hold and read only then: a department's code is decoded
once for all the rows that have it. Cells that read alike meet in the outer sum.
"""

from __future__ import annotations

from zhitong.connectors.mapping import MappedType
from zhitong.connectors.masks import numberless
from zhitong.connectors.sql import FIRST, Statement, exploded, in_one_cell, matching
from zhitong.types import (
    All,
    Compare,
    GroupBy,
    Keys,
    Kind,
    Op,
    Predicate,
    TallyQuery,
)

ROWS = "count(*)"


def told_by(mapped: MappedType, query: TallyQuery) -> tuple[MappedType, str]:
    """Say which table answers *query*, and what counts in it: a roll-up if it can."""
    if mapped.rollup is None or not mapped.rollup[0].answers(query):
        return mapped, ROWS
    rollup, kept = mapped.rollup
    return kept, f"sum({rollup.count})"


def tally_statement(
    mapped: MappedType, query: TallyQuery, collate: str
) -> tuple[str, list[object]]:
    """Write a count per group; group values come as text, in ``~0``, ``~1`` …."""
    told, many = told_by(mapped, query)
    statement = Statement(told, collate)
    return tallied(statement, query, many), statement.parameters


def tallied(statement: Statement, query: TallyQuery, many: str) -> str:
    """Write *query*; the statement then has its parameters, and what fills them."""
    statement.counted = FIRST
    where = statement.condition(query.where)
    if query.keys is not None:
        return _by_key(statement, query.keys, where, _whole(many))
    if not query.by:
        return (
            f'select {_whole(many)} as "~count" from {statement.source()} where {where}'
        )
    listed = any(_is_list(statement, group) for group in query.by)
    write = _grouped if many != ROWS or listed else _grouped_twice
    limit = "" if query.limit is None else f" limit {query.limit:d}"
    return write(statement, query, where, many) + limit


def _whole(many: str) -> str:
    return many if many == ROWS else f"coalesce({many}, 0)::bigint"


def _is_list(statement: Statement, group: GroupBy) -> bool:
    found = statement.lookup(group.field)
    return found is not None and found.field.kind is Kind.TEXTS


def _grouped_twice(
    statement: Statement, query: TallyQuery, where: str, many: str
) -> str:
    keys: list[str] = []
    values: list[str] = []
    given = _given(query.where)
    for number, group in enumerate(query.by):
        cell, value = _cell(statement, group, f"c.k{number}", given)
        keys.append(f"{cell} as k{number}")
        values.append(f'({value})::text as "~{number}"')
    places = ", ".join(str(number + 1) for number in range(len(query.by)))
    cells = (
        f"select {', '.join(keys)}, {many} as n from {statement.source()} "
        f"where {where} group by {places}"
    )
    select = ", ".join([*values, 'sum(c.n)::bigint as "~count"'])
    return f"select {select} from ({cells}) c group by {places}"


def _given(where: Predicate | None) -> frozenset[str]:
    """Name fields of which all rows that are counted have a value."""
    parts = where.parts if isinstance(where, All) else (where,)
    return frozenset(
        part.field
        for part in parts
        if isinstance(part, Compare) and part.op in {Op.GTE, Op.LTE}
    )


def _cell(
    statement: Statement, group: GroupBy, key: str, given: frozenset[str]
) -> tuple[str, str]:
    """Write what a group's cells have in common, and its value read off that *key*."""
    found = statement.lookup(group.field)
    if found is None:
        return "null::text", key
    if group.month:
        month = found.codec.month(found.raw)
        if group.field not in given:
            valued = found.codec.valued(found.raw) or "true"
            month = f"case when {valued} then {month} end"
        return month, found.codec.month_text(key)
    value = found.codec.value(key)
    if found.field.named:
        value = numberless(found.field, value, statement.constant)
    return found.codec.cell(found.raw), value


def _grouped(statement: Statement, query: TallyQuery, where: str, many: str) -> str:
    groups = [_group(statement, *numbered) for numbered in enumerate(query.by)]
    values = [f'{value} as "~{number}"' for number, (value, _) in enumerate(groups)]
    select = ", ".join([*values, f'{_whole(many)} as "~count"'])
    source = " ".join([statement.source(), *(join for _, join in groups if join)])
    places = ", ".join(str(number + 1) for number in range(len(groups)))
    none = "" if many == ROWS else f" having {many} > 0"
    return f"select {select} from {source} where {where} group by {places}{none}"


def _group(statement: Statement, number: int, group: GroupBy) -> tuple[str, str]:
    """Write a group's value as text, and the join that a list takes: row by value."""
    found = statement.lookup(group.field)
    value = statement.value(group.field)
    if found is not None and found.field.named:
        value = numberless(found.field, value, statement.constant)
    if found is not None and found.field.kind is Kind.TEXTS:
        values = f"(select distinct u.v from unnest({value}) u(v))"
        return f"g{number}.v", f"left join lateral {values} g{number} on true"
    return (f"left({value}, 7)" if group.month else f"({value})::text"), ""


def _by_key(statement: Statement, asked: Keys, where: str, many: str) -> str:
    found = statement.lookup(asked.field)
    if found is None:
        return ""
    if in_one_cell(found):
        source = f"{exploded(statement, found, asked.values)} and {where}"
        counted = f'select x.k as "~match", count(*) as "~count" from {source}'
        return f"{counted} group by 1"
    keys, match = matching(statement, found, asked.values)
    each = f'select k.k::text as "~match", q.n as "~count" from {keys}'
    rows = f"{statement.source()} where {match} and {where}"
    counted = f"cross join lateral (select {many} as n from {rows}) q"
    return f"{each} {counted} where q.n > 0"
