"""The table of keys as an operator uses it, through a connection of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from asyncpg import InsufficientPrivilegeError

from zhitong.connectors.key_ring import (
    BUREAU,
    Because,
    KeyRing,
    KeySigner,
    PublicKey,
    public_keys,
    register,
    retire_bureau,
)
from zhitong.connectors.loan import Plain
from zhitong.connectors.session import Session
from zhitong.connectors.signers import key_id
from zhitong.evidence import KeyNote
from zhitong.exceptions import LedgerUnavailableError, SettingsError


class KeyTable(Session):
    """The keys of the log, for the time of an ``async with``."""

    SQL = "key_ring"

    async def keys(self) -> Sequence[PublicKey]:
        """List every key there was."""
        async with self._connected() as connection:
            return await public_keys(connection)

    async def add_bureau(self, unit: str, spki: bytes, because: Because) -> str | None:
        """Register the key a bureau signs with; give its id, None if it is known."""
        async with self._changing() as connection:
            new = await register(connection, BUREAU, spki, None, because, unit=unit)
            return key_id(spki) if new else None

    async def retire_bureau(self, name: str, because: Because) -> bool:
        """Let a bureau's key sign no more; say whether there was such a one in use."""
        async with self._changing() as connection:
            return await retire_bureau(connection, name, because)

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
        async with self._changing() as connection:
            return await ring.rotate(connection, purpose, successor, because, overlap)

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[Plain]:
        async with self._connected() as connection:
            try:
                yield connection
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
