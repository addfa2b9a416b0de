"""The receivers in the platform's database: known by name before anything is queued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from zhitong.connectors.statements import statements
from zhitong.types import Label


async def name_receivers(
    pool: asyncpg.Pool[asyncpg.Record], receivers: Mapping[str, tuple[Label, str]]
) -> None:
    """Make *receivers* known: title and topic by name."""
    await pool.execute(
        statements("receivers")["name"],
        list(receivers),
        [title.zh for title, _ in receivers.values()],
        [title.en for title, _ in receivers.values()],
        [topic for _, topic in receivers.values()],
    )


async def told_receivers(pool: asyncpg.Pool[asyncpg.Record]) -> Sequence[str]:
    """Name who has had or is to have an event, before the platform or since."""
    return [
        row["receiver"] for row in await pool.fetch(statements("receivers")["told"])
    ]
