"""Migrations of the platform's own database: files applied once, in order.

A runner of forty lines instead of a library: those that are kept well bring a
second driver or an ORM (docs/adr/0004).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from zhitong.connectors.statements import statements
from zhitong.exceptions import SettingsError

LOCK = 7_000_001


async def migrate(url: str, folder: Path) -> Sequence[str]:
    """Apply what is new in *folder*, return the names; refuse altered files."""
    queries = statements("migrations")
    connection = await asyncpg.connect(url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute(queries["lock"], LOCK)
            await connection.execute(queries["create"])
            rows = await connection.fetch(queries["applied"])
            applied = {row["name"]: row["digest"] for row in rows}
            fresh: list[str] = []
            for path in sorted(folder.glob("*.sql")):
                text = path.read_text(encoding="utf-8")
                digest = hashlib.sha256(text.encode()).hexdigest()
                if path.name not in applied:
                    await connection.execute(text)
                    await connection.execute(queries["note"], path.name, digest)
                    fresh.append(path.name)
                elif applied[path.name] != digest:
                    raise SettingsError(
                        f"迁移文件 {path.name} 在执行之后被改动，请恢复原文件，另写新的迁移",
                        f"migration {path.name} was changed after it was applied; "
                        "restore it and write a new one",
                    )
            return fresh
    finally:
        await connection.close(timeout=5)
