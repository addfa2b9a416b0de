"""A bounded sample of a type's rows, to measure how good they are.

No verdict is asked, for nothing of what is read leaves the process that measures it:
counts alone do (`zhitong.rules.catalogue_quality`). A large table is never read whole:
blocks of it are, at random, and the statement has the source's own time like any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from zhitong.catalogue import Sample, SampledRow, Sampling
from zhitong.connectors.codecs import trimmed
from zhitong.connectors.mapping import MappedType
from zhitong.connectors.sql import Statement
from zhitong.connectors.statements import statements
from zhitong.types import Kind

SPELT = frozenset({Kind.DATE, Kind.DATETIME, Kind.MONEY, Kind.INTEGER})
"""Kinds that not every cell can be read as; one that cannot has no value."""
BLOCKS = frozenset({"r", "p", "m"})
"""What PostgreSQL reads blocks of at random: tables and kept views."""
ENOUGH = 2.0
"""Blocks are read for so many times the rows: they are filled unevenly."""
Fetch = Callable[[str, Sequence[object]], Awaitable[list[asyncpg.Record]]]
WRITTEN = "~"
"""Before the name of a column that gives the cell as it is written."""


async def read(mapped: MappedType, fetch: Fetch, limit: int) -> Sample:
    """Read up to *limit* rows of a type by *fetch*, which raises `SourceError`."""
    sizes = await fetch(statements("catalogue")["size"], [mapped.table])
    kind, rows = sizes[0] if sizes else ("", -1.0)
    sampling, estimate, part = plan(kind, rows, limit)
    records = await fetch(*statement(mapped, limit, part))
    return sample(mapped, records, (sampling, estimate), limit)


def plan(kind: str, estimate: float, limit: int) -> tuple[Sampling, int | None, str]:
    """Say how to sample, how many rows there may be, and the SQL of it."""
    if estimate < 0 or kind not in BLOCKS:
        return Sampling.FIRST, None, ""
    if estimate <= limit:
        return Sampling.FIRST, int(estimate), ""
    percent = min(100.0, 100 * ENOUGH * limit / estimate)
    return Sampling.RANDOM, int(estimate), f" tablesample system ({percent:.6f})"


def statement(mapped: MappedType, limit: int, part: str) -> tuple[str, list[object]]:
    """Write the statement: ``~key``, each field, and ``~field`` as it is written."""
    written = Statement(mapped, "", sampled=part)
    columns = [f'{written.key} as "~key"']
    for name in mapped.fields:
        found = written.lookup(name)
        assert found is not None  # noqa: S101 - it is named by the mapping itself
        columns.append(f'{found.value} as "{name}"')
        if found.field.kind in SPELT:
            cell = trimmed(f"({found.raw})::text")
            columns.append(f'{cell} as "{WRITTEN}{name}"')
    select, source = ", ".join(columns), written.source()
    # One more than is wanted says whether these are all.
    most = written.parameter(limit + 1)
    return f"select {select} from {source} limit {most}", written.parameters  # noqa: S608 - names are the binding's


def sample(
    mapped: MappedType,
    records: Sequence[asyncpg.Record],
    planned: tuple[Sampling, int | None],
    limit: int,
) -> Sample:
    """Give what came as a sample."""
    sampling, estimate = planned
    if sampling is Sampling.FIRST and len(records) <= limit:
        sampling, estimate = Sampling.WHOLE, len(records)
    spelt = [name for name, one in mapped.fields.items() if one.field.kind in SPELT]
    rows = tuple(
        SampledRow(
            record["~key"],
            {name: record[name] for name in mapped.fields},
            {name: record[WRITTEN + name] for name in spelt},
        )
        for record in records[:limit]
    )
    return Sample(sampling=sampling, estimate=estimate, rows=rows)
