"""Loading a published list of powers as a department's own table."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import asyncpg

from zhitong.infra.sample_sheet import Item, Part, SampleError, read_power_list

__all__ = ["BINDING", "SampleError", "load_power_list"]

BINDING = Path(__file__).parent / "demo" / "extra" / "sample.toml"
"""Feeds Matter from what was loaded."""

_TABLES = BINDING.with_suffix(".sql")
_SCHEMA = "qzqd_sample"


async def load_power_list(path: Path, url: str) -> int:
    """Replace the department's list by that of *path*; say how many items it has.

    The published list has no codes: each item gets a provisional one and says so.
    """
    items = await asyncio.to_thread(read_power_list, path)
    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError) as error:
        raise SampleError(
            f"连不上数据库，请检查地址与口令：{error}",
            f"cannot reach the database, check its URL: {error}",
        ) from error
    try:
        async with connection.transaction():
            await connection.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
            await connection.execute(_TABLES.read_text(encoding="utf-8"))
            for table, rows in (
                ("qzqd", list(_items(items, path.name))),
                ("qzqd_zx", list(_parts(items))),
            ):
                await connection.copy_records_to_table(
                    table, schema_name=_SCHEMA, records=rows
                )
    finally:
        await connection.close()
    return len(items)


def _code(serial: int) -> str:
    return f"PROVISIONAL-{serial:04d}"


def _items(items: Sequence[Item], file: str) -> Iterator[tuple[object, ...]]:
    for serial, item in enumerate(items, 1):
        first = item.parts[0]
        yield (
            _code(serial),
            "1",
            item.name,
            *_told(first),
            file,
            first.sheet,
            first.row,
        )


def _parts(items: Sequence[Item]) -> Iterator[tuple[object, ...]]:
    for serial, item in enumerate(items, 1):
        for place, part in enumerate(item.parts, 1):
            if part.name or place > 1:
                yield (_code(serial), place, part.name, *_told(part), part.row)


def _told(part: Part) -> tuple[str | None, ...]:
    return (
        part.power_type,
        part.basis,
        part.body,
        part.office,
        part.level,
        part.duties,
        part.telephone,
        part.remark,
    )
