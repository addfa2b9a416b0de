"""The table of keys as an operator uses it, through a connection of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from asyncpg import InsufficientPrivilegeError

from zhitong.connectors.key_ring import (
    Because,
    KeyRing,
    KeySigner,
    PublicKey,
    public_keys,
)
from zhitong.connectors.session import Session
from zhitong.evidence import KeyNote
from zhitong.exceptions import LedgerUnavailableError, SettingsError


class KeyTable(Session):
    """The keys of the log, for the time of an ``async with``."""

    SQL = "key_ring"

    async def keys(self) -> Sequence[PublicKey]:
        """List every key there was."""
        async with self._connected() as connection:
            return await public_keys(connection)

    async def rotate(
        self,
        ring: KeyRing,
        purpose: str,
        successor: KeySigner,
        because: Because,
        hours: float,
    ) -> KeyNote:
        """Let *successor* take over after *hours* in which both sign."""
        overlap = timedelta(hours=hours)
        async with self._connected() as connection:
            try:
                return await ring.rotate(
                    connection, purpose, successor, because, overlap
                )
            except InsufficientPrivilegeError as error:
                raise SettingsError(
                    "该数据库账号无权更换密钥，请设置 ZHITONG_DATABASE_PLATFORM_SEALER",
                    "this account may not turn keys: set "
                    "ZHITONG_DATABASE_PLATFORM_SEALER",
                ) from error

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复，密钥未变",
            "the platform's database does not answer; no key was changed",
        )
