"""Which log a database has: its name, and the digest it keeps for life."""

from __future__ import annotations

from dataclasses import dataclass

from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.exceptions import SettingsError
from zhitong.rules.merkle import Digest, digest

FIRST = "sha256"
"""The digest of what had a leaf before the log was begun."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log as its database names it."""

    origin: str
    hash: str

    @property
    def digest(self) -> Digest:
        """The digest of its tree."""
        return digest(self.hash)


async def begin(connection: Connection, origin: str, wanted: str) -> Log:
    """Begin the log *origin* with the digest *wanted*, or find that it is so.

    Raises `SettingsError` where it has another digest, or leaves of another.
    """
    sql = statements("evidence_log")
    found = await _log(connection)
    if found is None:
        if wanted != FIRST and await connection.fetchval(sql["begun"]):
            raise _another(FIRST, wanted)
        await connection.execute(sql["begin"], origin, wanted)
        return Log(origin, wanted)
    if found.hash != wanted:
        raise _another(found.hash, wanted)
    return found


async def read_log(connection: Connection) -> Log:
    """Say which log the database has; raise `SettingsError` where it has none."""
    found = await _log(connection)
    if found is None:
        raise SettingsError(
            "平台数据库还没有存证日志：请先启动网关或执行 zhitong up",
            "the platform's database has no log yet: start a gateway or run zhitong up",
        )
    return found


async def _log(connection: Connection) -> Log | None:
    row = await connection.fetchrow(statements("evidence_log")["log"])
    return Log(**row) if row else None


def _another(has: str, wanted: str) -> SettingsError:
    return SettingsError(
        f"存证日志的杂凑算法是 {has}，终身不变，而 ZHITONG_EVIDENCE_ALGORITHM 要求 "
        f"{wanted}：请改回原设置，或为新的租户另起一个日志",
        f"the log's digest is {has}, for life, and ZHITONG_EVIDENCE_ALGORITHM wants "
        f"{wanted}: set it back, or begin another log for another tenant",
    )
