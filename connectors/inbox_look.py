"""A look into a receiver's own database: what it holds of a decision, in its form."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg
import orjson

from zhitong.connectors.statements import statements


async def held_row(url: str, decision_id: str) -> Mapping[str, str]:
    """Give the row's columns that have a value, as text; none: it holds nothing."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchval(statements("inbox_look")["held"], decision_id)
    finally:
        await connection.close()
    row = orjson.loads(found) if found else {}
    return {name: str(value) for name, value in row.items() if value is not None}
