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
    files = _files(folder)
    connection = await _connect(url)
    try:
        async with connection.transaction():
            await connection.execute(queries["lock"], LOCK)
            await connection.execute(queries["create"])
            rows = await connection.fetch(queries["applied"])
            applied = {row["name"]: row["digest"] for row in rows}
            fresh: list[str] = []
            for name, text in files:
                digest = hashlib.sha256(text.encode()).hexdigest()
                if name not in applied:
                    await connection.execute(text)
                    await connection.execute(queries["note"], name, digest)
                    fresh.append(name)
                elif applied[name] != digest:
                    raise SettingsError(
                        f"迁移文件 {name} 在执行之后被改动，请恢复原文件，另写新的迁移",
                        f"migration {name} was changed after it was applied; "
                        "restore it and write a new one",
                    )
            return fresh
    finally:
        await connection.close(timeout=5)


def _files(folder: Path) -> list[tuple[str, str]]:
    return [
        (path.name, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.sql"))
    ]


async def _connect(url: str) -> asyncpg.Connection[asyncpg.Record]:
    try:
        return await asyncpg.connect(url, timeout=10)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise SettingsError(
            f"连不上平台自身的数据库（{error}）：请先执行 zhitong up，"
            "或更正 ZHITONG_DATABASE_PLATFORM",
            f"cannot reach the platform's own database ({error}): run zhitong up "
            "first, or correct ZHITONG_DATABASE_PLATFORM",
        ) from error
