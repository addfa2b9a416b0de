"""One database with what all departments have, for peers that know one database.

The same loader fills it: every department's schema, row for row, with its indexes. On
top lies the schema ``graph``: a table per type in the graph's words, its columns
written by our own bindings (`zhitong.connectors.mapping`), so that a value is the same
by construction and no code list is copied by hand. It is made once and indexed for the
five questions: the peers' best case, for nothing is left to decode when they are asked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import asyncpg
from our_gateway import tidy

from zhitong.connectors.binding_file import read_folder
from zhitong.connectors.mapping import MappedType
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.infra.city_load import BINDINGS, SOURCES, load_city
from zhitong.schema.entities import ENTITIES
from zhitong.types import EntityType, Kind

AFTER = Path(__file__).parent / "peers" / "tables.sql"
TYPES = (
    "Counterparty",
    "CaseRecord",
    "CreditListing",
    "EnforcementSubject",
    "Officer",
)
CASES = "select source, count(*) from graph.case_record group by 1 order by 1"
MARK = "select obj_description(to_regnamespace('graph'), 'pg_namespace')"


Found: TypeAlias = Mapping[str, Mapping[str, MappedType]]
"""Type → department → where it lies there."""


async def make(
    url: str, scale: str, sources: Sequence[str] = SOURCES, bindings: Path = BINDINGS
) -> Found:
    """Load the departments into the database at *url*, and make ``graph`` of them.

    What was made of the same city by the same statements stays. Gives how the
    departments' own tables are read, as the *bindings* say.
    """
    loaded = await load_city(dict.fromkeys(sources, url), scale)
    found = await _found(url, bindings)
    statements = [one for kind in TYPES for one in _table(ENTITIES[kind], found[kind])]
    statements.append(AFTER.read_text("utf-8"))
    mark = hashlib.sha256("".join([scale, *statements]).encode()).hexdigest()
    connection = await asyncpg.connect(url)
    try:
        if not loaded.loaded and await connection.fetchval(MARK) == mark:
            return found
        await connection.execute("drop schema if exists graph cascade")
        await connection.execute("create schema graph")
        for statement in statements:
            await connection.execute(statement)
        await tidy(url)
        await connection.execute(f"comment on schema graph is '{mark}'")
    finally:
        await connection.close()
    return found


async def cases(url: str) -> Mapping[str, int]:
    """Say how many cases each department has."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(CASES)
        return {row["source"]: row["count"] for row in found}
    finally:
        await connection.close()


async def _found(url: str, folder: Path) -> Found:
    found: dict[str, dict[str, MappedType]] = {name: {} for name in TYPES}
    bindings, errors = read_folder(folder, ENTITIES)
    if errors:
        raise SystemExit(str(errors[0]))
    for name, binding in sorted(bindings.items()):
        source = PostgreSQLSource(binding, ENTITIES, url)
        inspection = await source.inspect()
        await source.close()
        for kind in TYPES:
            if kind in inspection.types:
                found[kind][name] = inspection.types[kind]
    return found


def _table(entity: EntityType, parts: Mapping[str, MappedType]) -> Iterator[str]:
    table = f"graph.{snake(entity.name)}"
    rows = " union all ".join(
        _rows(entity, source, mapped) for source, mapped in parts.items()
    )
    yield f"create table {table} as {rows}"
    yield f"alter table {table} add primary key (source, key)"
    yield f"alter table {table} alter sort set not null"


def _rows(entity: EntityType, source: str, mapped: MappedType) -> str:
    columns = [
        f"'{source}'::text as source",
        f"{mapped.source_key.value} as key",
        f"coalesce({_sort(entity, mapped)}, '') as sort",
    ]
    for name, field in entity.fields.items():
        kind = "text[]" if field.kind is Kind.TEXTS else "text"
        held = mapped.fields.get(name)
        value = "null" if held is None else held.value
        columns.append(f"({value})::{kind} as {snake(name)}")
    joins = " ".join(mapped.joins.values())
    return f"select {', '.join(columns)} from {mapped.table} base {joins}"


def _sort(entity: EntityType, mapped: MappedType) -> str:
    """Write what the type's first order sorts by, as `zhitong.resolvers.merge` does."""
    held = mapped.fields.get(entity.orders[0])
    if held is None:
        return "null::text"
    codec = held.codec
    return (
        f"case when {codec.valued(held.raw) or 'true'} "
        f"then ({codec.order_value(held.raw)})::text end"
    )


def snake(name: str) -> str:
    """Write a name of the graph as PostgreSQL's users do."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
