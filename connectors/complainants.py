"""Who complained 举报人: identities in a store of their own, under a key of its own.

Case files know a pseudonym and no more. Nothing that answers questions or sends events
imports this module (import-linter sees to it), and no binding reaches its database.

- A pseudonym is drawn at random: it is computed from nothing, so nothing leads back.
- Each identity is sealed (AES-256-GCM) under a key of its own, that key under one which
  the database does not hold; both are bound to the pseudonym.
- An identity is read by the statement that records who was told, why and by whose
  approval: without the record there is no identity.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from dataclasses import dataclass, field

import asyncpg
import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST, lent
from zhitong.connectors.sealing import KEY_BITS, seal, unseal
from zhitong.connectors.statements import statements
from zhitong.exceptions import RecordUnavailableError, SettingsError

PSEUDONYM_BYTES = 15
BLOCK = 512
"""Bytes an identity is padded to: its length would tell names apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who complained. Shows none of it when it is printed or logged."""

    name: str = field(repr=False)
    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Who asks for an identity, or its end; why, and by whose approval."""

    who: str
    why: str
    approval: str

    def __post_init__(self) -> None:
        for stated in (self.who, self.why, self.approval):
            if not stated.strip():
                raise SettingsError(
                    "查看或删除举报人身份须写明经办人、事由和审批文号",
                    "who, why and the number of the approval are stated before a "
                    "complainant's identity is shown or erased",
                )


async def open_complainants_pool(url: str) -> asyncpg.Pool[asyncpg.Record]:
    """Open the connections the store is read and written through."""
    return await primary.pool(
        url,
        min_size=1,
        max_size=4,
        # An unmasking is on disk before it is answered, whatever the server's default.
        server_settings={
            "application_name": "zhitong complainants",
            "synchronous_commit": "on",
        },
    )


class Complainants:
    """The store; *secret* is the key that its database does not hold."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], secret: bytes, seconds: float = 5.0
    ) -> None:
        self._pool = pool
        # The secret is a file's content, of whatever length; the cipher asks for 32.
        self._master = hashlib.sha256(b"complainants:" + secret).digest()
        self._seconds = seconds

    async def keep(self, identity: Identity) -> str:
        """Keep *identity*; give the pseudonym that stands for it everywhere else."""
        pseudonym = f"JB-{_drawn()}"
        key = AESGCM.generate_key(KEY_BITS)
        await self._do(
            "keep",
            pseudonym,
            seal(self._master, key.hex(), f"key:{pseudonym}"),
            seal(key, _written(identity), f"identity:{pseudonym}"),
        )
        return pseudonym

    async def unmask(self, pseudonym: str, reason: Reason) -> Identity | None:
        """Say who *pseudonym* is, None where that is unknown or erased; on record.

        Raises `RecordUnavailableError` where it cannot be recorded.
        """
        (row,) = await self._do(
            "unmask", pseudonym, reason.who, reason.why, reason.approval
        )
        if row["sealed"] is None:
            return None
        key = _opened(self._master, row["wrapped"], f"key:{pseudonym}")
        text = _opened(bytes.fromhex(key), row["sealed"], f"identity:{pseudonym}")
        return msgspec.json.decode(text, type=Identity)

    async def erase(self, pseudonym: str, reason: Reason) -> bool:
        """Destroy the identity and its key; False where there is none any more."""
        return bool(
            await self._do("erase", pseudonym, reason.who, reason.why, reason.approval)
        )

    async def _do(self, name: str, *values: object) -> list[asyncpg.Record]:
        try:
            statement = statements("complainants")[name]
            async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
                return list(await connection.fetch(statement, *values))
        except LOST as error:
            # The type alone: a driver's message could quote what it stumbled over.
            raise RecordUnavailableError(
                f"举报人库没有答复或未能登记（{type(error).__name__}），身份未给出",
                "the complainants' store does not answer or did not record it "
                f"({type(error).__name__}): no identity was given",
            ) from None


def _drawn() -> str:
    return base64.b32encode(secrets.token_bytes(PSEUDONYM_BYTES)).decode().lower()


def _written(identity: Identity) -> str:
    try:
        text = msgspec.json.encode(identity)
    except UnicodeEncodeError:  # half a character of UTF-16; the error holds the text
        raise SettingsError(
            "举报人身份中有不成字的内容，未保存",
            "an identity has half a character in it and was not kept",
        ) from None
    # JSON may end in blanks, so that what is sealed needs no length of its own.
    return (text + b" " * (-len(text) % BLOCK)).decode()


def _opened(key: bytes, sealed: bytes, place: str) -> str:
    try:
        return unseal(key, sealed, place)
    except SettingsError as error:
        raise SettingsError(
            "封存的举报人身份打不开：请核对状态目录中的 complainant.key 是否为原文件",
            "a sealed identity does not open: is complainant.key in the state folder "
            "the one it was sealed with?",
        ) from error.__cause__
