"""ID numbers sealed under a key per person, which a lawful erasure destroys.

- A person is the keyed digest of an ID number; the number itself lies nowhere open.
- Each person has a random AES-256 key, kept in the database sealed under a master key
  that is not kept there.
- A number is sealed (AES-GCM) for its place: decision, version and field. Put in
  another place it does not open.
- Without the person's key a number is gone, in every backup of the numbers too that
  has not the keys; content hashes and audit leaves stand.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zhitong.connectors.access_entry import Records
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.exceptions import SettingsError

KEY_BITS = 256
NONCE = 12
"""Bytes; what AES-GCM is defined for. Random ones do for 2^32 seals under a key."""

Keys: TypeAlias = Mapping[bytes, tuple[UUID, bytes]]
"""A person's living key and its id, by the person's digest."""


class Sealing:
    """Our two secrets at work: the one digests ID numbers, the other wraps keys."""

    def __init__(self, digest_key: bytes, master: bytes) -> None:
        self._digest_key = digest_key
        # The secret is a file's content, of whatever length; the cipher asks for 32.
        self._master = AESGCM(hashlib.sha256(master).digest())

    def records(self, tenant: str, log: str) -> Records:
        """Give what writes looks for the register: under the same key as its own do."""
        return Records(self._digest_key, tenant, log)

    def person(self, number: str) -> bytes:
        """Digest an ID number, 32 bytes; blanks and letters' case do not count."""
        text = "person:" + "".join(number.split()).upper()
        return hmac.digest(self._digest_key, text.encode(), hashlib.sha256)

    def make(self, person: bytes) -> tuple[UUID, bytes, bytes]:
        """Make a key for *person*: its id, itself, and as the database keeps it."""
        key_id, key = uuid4(), AESGCM.generate_key(KEY_BITS)
        return key_id, key, _sealed(self._master, key, key_id.bytes + person)

    def unwrapped(self, key_id: UUID, person: bytes, wrapped: bytes) -> bytes:
        """Open a key as the database keeps it."""
        return _opened(self._master, wrapped, key_id.bytes + person)


def seal(key: bytes, number: str, place: str) -> bytes:
    """Seal *number* for *place*, and no other."""
    return seal_bytes(key, number.encode(), place)


def seal_bytes(key: bytes, written: bytes, place: str) -> bytes:
    """Seal *written* for *place*, and no other."""
    return _sealed(AESGCM(key), written, place.encode())


def unseal(key: bytes, sealed: bytes, place: str) -> str:
    """Open what was sealed for *place*; raise `SettingsError` if it does not open."""
    return unseal_bytes(key, sealed, place).decode()


def unseal_bytes(key: bytes, sealed: bytes, place: str) -> bytes:
    """Open bytes that were sealed for *place*; raise `SettingsError` as `unseal`."""
    return _opened(AESGCM(key), sealed, place.encode())


async def living_keys(
    connection: Connection, sealing: Sealing, persons: Sequence[bytes]
) -> Keys:
    """Give the key of each of *persons*, made where none lives."""
    found = await _found(connection, sealing, persons)
    missing = sorted(set(persons) - set(found))
    if missing:
        made = [(person, *sealing.make(person)) for person in missing]
        await connection.execute(
            statements("sealing")["make"],
            [key_id for _, key_id, _, _ in made],
            missing,
            [wrapped for _, _, _, wrapped in made],
        )
        # Another may have made one at the same moment: the one that stands counts.
        found = await _found(connection, sealing, persons)
    return found


async def _found(
    connection: Connection, sealing: Sealing, persons: Sequence[bytes]
) -> dict[bytes, tuple[UUID, bytes]]:
    rows = await connection.fetch(statements("sealing")["living"], persons)
    return {
        person: (key_id, sealing.unwrapped(key_id, person, wrapped))
        for person, key_id, wrapped in rows
    }


def _sealed(cipher: AESGCM, text: bytes, place: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return nonce + cipher.encrypt(nonce, text, place)


def _opened(cipher: AESGCM, sealed: bytes, place: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place)
    except InvalidTag as error:
        raise SettingsError(
            "封存的证件号码打不开：请核对状态目录中的 person.key 是否为原文件",
            "a sealed ID number does not open: is person.key in the state folder "
            "the one it was sealed with?",
        ) from error
