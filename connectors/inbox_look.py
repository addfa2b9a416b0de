"""A look into a receiver's own database: what it holds of a decision, in its form."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from zhitong.connectors.statements import statements


async def holds(url: str) -> Mapping[str, tuple[int, str]]:
    """Give the version that is held of each decision, and what that is."""
    return {
        row["decision_id"]: (row["version"], row["state"])
        for row in await _fetch(url, "holds")
        if row["version"] is not None
    }


async def answered(url: str) -> Mapping[tuple[str, str], int]:
    """Count what was answered, by what the version is and the answer."""
    return {
        (row["change"], row["answer"]): row["many"]
        for row in await _fetch(url, "answered")
    }


async def held_row(url: str, decision_id: str) -> Mapping[str, str]:
    """Give the row's columns that have a value, as text; none: it holds nothing."""
    found = await _fetch(url, "held", decision_id)
    return {row["name"]: row["value"] for row in found}


async def _fetch(url: str, name: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statements("inbox_look")[name], *values))
    finally:
        await connection.close()
