"""A look into a receiver's own database: what it holds of a decision, in its form."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from zhitong.connectors.statements import statements


async def held_row(url: str, decision_id: str) -> Mapping[str, str]:
    """Give the row's columns that have a value, as text; none: it holds nothing."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(statements("inbox_look")["held"], decision_id)
    finally:
        await connection.close()
    return {row["name"]: row["value"] for row in found}
