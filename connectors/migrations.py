"""Migrations of the platform's own database: files applied once, in order.

A runner of forty lines instead of a library: those that are kept well bring a
second driver or an ORM (docs/adr/0004).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from zhitong.connectors import primary
from zhitong.connectors.evidence_log import begin
from zhitong.connectors.loan import LOST, Plain
from zhitong.connectors.statements import statements
from zhitong.exceptions import LedgerUnavailableError, SettingsError, TenantError

LOCK = 7_000_001
ALWAYS = "always"
"""The folder of what runs again."""


async def migrate(
    url: str, folder: Path, tenant: str | None = None, digest: str | None = None
) -> Sequence[str]:
    """Apply what is new in *folder*, return the names; refuse altered files.

    What lies in its folder ``always`` says how things are to be, whatever was there: it
    runs again when anything is new, or itself has changed.

    The platform's database is stamped with *tenant*, and one of another tenant left as
    it was (`TenantError`). A receiver's database is nobody's and has no stamp. Its log
    is begun with *digest*; `SettingsError` where it has another.

    Where nothing is to be done only rights to read are needed; raises `SettingsError`
    where *url* has no more than these and something is.
    """
    connection = await _connect(url)
    try:
        async with connection.transaction():
            await connection.execute(statements("migrations")["lock"], LOCK)
            fresh = await _apply(connection, folder)
            if tenant is not None:
                # All above is undone where it was another's.
                await _stamp(connection, tenant)
            if tenant is not None and digest is not None:
                await begin(connection, tenant, digest)
            return fresh
    except asyncpg.InsufficientPrivilegeError as error:
        raise SettingsError(
            f"平台数据库尚未迁移到本版本，而当前账号无权迁移（{error}）："
            "请以属主账号执行 zhitong migrate（ZHITONG_DATABASE_PLATFORM_OWNER）",
            "the platform's database is not as this version needs it, and this "
            f"account may not change it ({error}): run zhitong migrate with the "
            "owner's address (ZHITONG_DATABASE_PLATFORM_OWNER)",
        ) from error
    finally:
        await connection.close(timeout=5)


async def _apply(connection: Plain, folder: Path) -> list[str]:
    queries = statements("migrations")
    if not await connection.fetchval(queries["made"]):
        await connection.execute(queries["create"])
    rows = await connection.fetch(queries["applied"])
    applied = {row["name"]: row["digest"] for row in rows}
    fresh: list[str] = []
    for name, text in _files(folder):
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
    for name, text in _files(folder / ALWAYS):
        digest = hashlib.sha256(text.encode()).hexdigest()
        noted = f"{ALWAYS}/{name}"
        if fresh or applied.get(noted) != digest:
            await connection.execute(text)
            await connection.execute(queries["note"], noted, digest)
            fresh.append(noted)
    return fresh


async def _stamp(connection: Plain, tenant: str) -> None:
    name = await connection.fetchval(statements("migrations")["tenant"])
    if name is None:
        await connection.execute(statements("migrations")["stamp"], tenant)
    else:
        _compare(name, tenant)


async def confirm(url: str, tenant: str) -> None:
    """Raise `TenantError` unless the platform's database at *url* is *tenant*'s.

    Raises `LedgerUnavailableError` where it does not answer or nobody has stamped it.
    """
    try:
        connection = await primary.connect(url, timeout=10)
        try:
            name = await connection.fetchval(
                statements("migrations")["tenant"], timeout=10
            )
        finally:
            await connection.close(timeout=5)
    except LOST as error:
        raise _unstamped() from error
    if name is None:
        raise _unstamped()
    _compare(name, tenant)


def _compare(name: str, tenant: str) -> None:
    if name != tenant:
        raise TenantError(
            f"数据库属于 {name}，而本进程服务于 {tenant}：请核对 ZHITONG_TENANT 与"
            "数据库地址",
            f"the database belongs to {name}, this process serves {tenant}: compare "
            "ZHITONG_TENANT and the database's address",
        )


def _unstamped() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "平台数据库没有答复：请确认它在运行，且已由网关建表（zhitong serve）",
        "the platform's database does not answer: see that it runs and that a gateway "
        "has made its tables (zhitong serve)",
    )


def _files(folder: Path) -> list[tuple[str, str]]:
    return [
        (path.name, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.sql"))
    ]


async def _connect(url: str) -> Plain:
    try:
        return await primary.connect(url, timeout=10)
    except LOST as error:
        raise SettingsError(
            f"连不上平台自身的数据库（{error}）：请先执行 zhitong up，"
            "或更正 ZHITONG_DATABASE_PLATFORM",
            f"cannot reach the platform's own database ({error}): run zhitong up "
            "first, or correct ZHITONG_DATABASE_PLATFORM",
        ) from error
