"""What the Python peers share: statements, the pool, loaders, the HTTP server."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import uvicorn
import uvloop
from strawberry.dataloader import DataLoader

HERE = Path(__file__).parents[1]
TWICE = 2
"""How many rows of one certificate number are shown."""
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Make: TypeAlias = Callable[[asyncpg.Record], Any]


def statements(file: str) -> dict[str, str]:
    """Read the statements of *file* by name."""
    parts = re.split(
        r"^-- (\w+) --$", (HERE / file).read_text("utf-8"), flags=re.MULTILINE
    )
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2])}


QUERIES = statements("queries.sql")


class Loaders:
    """The loaders of one request; rows become what *make* makes of them."""

    def __init__(
        self, pool: Pool, case: Make, listing: Make, subject: Make, officer: Make
    ) -> None:
        async def pages(
            name: str, make: Make, keys: list[tuple[str, int]]
        ) -> list[list[Any]]:
            found: dict[tuple[str, int], list[Any]] = defaultdict(list)
            for first in {first for _, first in keys}:
                codes = [code for code, limit in keys if limit == first]
                for row in await pool.fetch(QUERIES[name], codes, first):
                    found[row["of"], first].append(make(row))
            return [found[key] for key in keys]

        async def rows(name: str, make: Make, keys: list[str]) -> list[list[Any]]:
            found: dict[str, list[Any]] = defaultdict(list)
            for row in await pool.fetch(QUERIES[name], keys):
                found[row["of"]].append(make(row))
            return [found[key] for key in keys]

        self.cases = DataLoader(lambda keys: pages("cases_of", case, keys))
        self.listings = DataLoader(lambda keys: pages("listings_of", listing, keys))
        self.subjects = DataLoader(lambda keys: rows("subjects", subject, keys))
        self.officers = DataLoader(lambda keys: rows("officers", officer, keys))

    async def subject_of(self, code: str | None) -> Any:
        """Give the subject of *code*."""
        return next(iter(await self.subjects.load(code)), None) if code else None

    async def officers_of(self, certificates: Sequence[str] | None) -> list[Any]:
        """Give the officers of *certificates*, in their order."""
        found = await self.officers.load_many(list(dict.fromkeys(certificates or ())))
        return [one for rows in found for one in rows[:TWICE]]


def serve(make: Callable[[Pool], Any], **settings: Any) -> None:
    """Serve the app that *make* makes of a pool, one process, until stopped."""

    async def run() -> None:
        async with asyncpg.create_pool(
            os.environ["PEER_DATABASE"],
            min_size=8,
            max_size=8,
            server_settings={"search_path": "graph"},
            **settings,
        ) as pool:
            config = uvicorn.Config(
                make(pool),
                host="127.0.0.1",
                port=int(os.environ["PEER_PORT"]),
                http="httptools",
                lifespan="off",
                access_log=False,
                log_level="warning",
            )
            await uvicorn.Server(config).serve()

    uvloop.run(run())
