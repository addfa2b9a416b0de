"""The departments' databases of the matrix, and how a test looks into them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from leak_oracle import Oracle


@dataclass(frozen=True, slots=True)
class City:
    """The departments' databases and what was written into them."""

    addresses: Mapping[str, str]
    bindings: Path
    policy: Path
    oracle: Oracle


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(address)
    try:
        yield connection
    finally:
        await connection.close()
