"""Our keys of the proof: private in a folder, public in the table of keys for ever.

A private key lies in ``<purpose>-<key id>.pem``; where a program signs, in its place
``<purpose>-<key id>.json`` says which. Of each purpose one key is in force, and while a
new one takes over, two.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from zhitong.connectors import deeds
from zhitong.connectors.evidence_log import read_log
from zhitong.connectors.key_forms import PRIVATE, PUBLIC, KeyFormError, from_pem, pem
from zhitong.connectors.loan import Connection
from zhitong.connectors.signers import (
    ECDSA,
    CommandSigner,
    FileSigner,
    algorithm_of,
    file_signer,
    generate,
    key_id,
)
from zhitong.connectors.statements import statements
from zhitong.decisions import BureauKey
from zhitong.evidence import Deed, DeedKind, KeyNote, stamp
from zhitong.exceptions import SettingsError, SignerUnavailableError

HEAD = "head"
RECEIPT = "receipt"
SPOOL = "spool"
PURPOSES = (HEAD, RECEIPT, SPOOL)
"""What keys of ours are for; a witness has its own."""
BUREAU = "bureau"
"""The purpose of those that bureaus sign their decisions with: theirs, not ours."""
LOCK = 7_000_003

KeySigner = FileSigner | CommandSigner


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A program that signs, and the public key of what it signs with (PEM)."""

    command: tuple[str, ...]
    public: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key as the table has it."""

    key_id: str
    purpose: str
    algorithm: str
    spki: bytes
    since: datetime
    retired: datetime | None
    unit: str = ""
    """Whose it is, of a bureau that signs its decisions: its credit code."""

    @property
    def pem(self) -> str:
        """The key as openssl reads it."""
        return pem(PUBLIC, self.spki)


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """Who has something done with a key, and why."""

    who: str
    reason: str


FIRST_USE = Because(who="zhitong", reason="首次使用 first use")


class KeyRing:
    """The keys of one state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, KeySigner] = {}

    async def signer(
        self, connection: Connection, purpose: str, algorithm: str = ECDSA
    ) -> KeySigner:
        """Give what signs for *purpose* now; the key is made at first use."""
        return (await self.signers(connection, purpose, algorithm))[0]

    async def signers(
        self,
        connection: Connection,
        purpose: str,
        algorithm: str = ECDSA,
        at: datetime | None = None,
    ) -> Sequence[KeySigner]:
        """Give all that sign for *purpose* now, or *at* a time, the newest first.

        Gateways may have keys each in its own folder. Of heads there is one: raises
        `SignerUnavailableError` where it is not here: nobody would vouch for another.
        """
        now = at or datetime.now(UTC)
        if found := await self._here(connection, purpose, now):
            return found
        async with connection.transaction():
            # Two processes that start together make one key.
            sql = statements("key_ring")
            await connection.execute(sql["one_at_a_time"], LOCK)
            # Not the time before it waited: the other one's key is younger.
            now = at or datetime.now(UTC)
            if found := await self._here(connection, purpose, now):
                return found
            made = self._make(purpose, algorithm)
            await register(connection, purpose, made.spki, now)
            return [made]

    async def rotate(
        self,
        connection: Connection,
        purpose: str,
        successor: KeySigner,
        because: Because,
        overlap: timedelta,
    ) -> KeyNote:
        """Let *successor* take over, named by the key before it; both sign till then.

        Writes note, keys and deed in one transaction.
        """
        sql = statements("key_ring")
        async with connection.transaction():
            await connection.execute(sql["one_at_a_time"], LOCK)
            log = await read_log(connection)
            now = datetime.now(UTC)
            old = await self._here(connection, purpose, now)
            if not old:
                raise SettingsError(
                    f"还没有用途为 {purpose} 的密钥，无需更换",
                    f"there is no key for {purpose} yet, so none to replace",
                )
            note = KeyNote(
                origin=log.origin,
                purpose=purpose,
                old=old[0].key_id,
                new=successor.key_id,
                algorithm=successor.algorithm,
                spki=successor.spki,
                at=now,
            )
            if not await register(connection, purpose, successor.spki, now, because):
                raise SettingsError(
                    f"密钥 {note.new} 已经登记过",
                    f"the key {note.new} is known already",
                )
            value = old[0].sign(note.text)
            await connection.execute(
                sql["note"], note.new, note.old, old[0].algorithm, note.text, value
            )
            ended = await connection.fetch(
                sql["retire"], purpose, note.new, now + overlap
            )
            for row in ended:
                detail = {"retired": stamp(row["retired"]), "successor": note.new}
                deed = _deed("retire-key", row["key_id"], because, now, detail)
                await deeds.write(connection, deed)
        return note

    def keep(self, purpose: str, der: bytes) -> FileSigner:
        """Keep a private key in the folder, readable by us alone."""
        signer = file_signer(der)
        self._write(purpose, signer.key_id, "pem", pem(PRIVATE, der))
        return signer

    def keep_program(self, purpose: str, program: Program) -> CommandSigner:
        """Keep what program signs."""
        signer = _command_signer(program)
        text = msgspec.json.encode(program).decode()
        self._write(purpose, signer.key_id, "json", text)
        return signer

    def _make(self, purpose: str, algorithm: str) -> FileSigner:
        return self.keep(purpose, generate(algorithm))

    def _write(self, purpose: str, name: str, ending: str, text: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{purpose}-{name}.{ending}"
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # Registered for ever, it must not be lost to a power cut.
            os.fsync(descriptor)
        draft.rename(path)

    async def _here(
        self, connection: Connection, purpose: str, now: datetime
    ) -> Sequence[KeySigner]:
        """Give those in force whose private key is here."""
        sql = statements("key_ring")
        rows = await connection.fetch(sql["active"], purpose, now)
        found = [self._signer(purpose, row["key_id"]) for row in rows]
        here = [each for each in found if each is not None]
        if rows and not here and purpose == HEAD:
            names = ", ".join(row["key_id"] for row in rows)
            raise SignerUnavailableError(
                f"{self._folder} 中没有 {purpose} 的私钥 {names}：请恢复该文件",
                f"{self._folder} lacks the private key {names} for {purpose}: put its "
                "file back",
            )
        return here

    def _signer(self, purpose: str, name: str) -> KeySigner | None:
        if name not in self._read:
            path = self._folder / f"{purpose}-{name}"
            # Neither: this key is kept elsewhere.
            with suppress(FileNotFoundError):
                self._read[name] = _load(path)
        return self._read.get(name)


async def register(  # noqa: PLR0913 - a key's row has that much
    connection: Connection,
    purpose: str,
    spki: bytes,
    at: datetime | None = None,
    because: Because = FIRST_USE,
    *,
    unit: str = "",
) -> bool:
    """Enter a public key, for ever, and that it was; say whether it is new."""
    since, algorithm = at or datetime.now(UTC), algorithm_of(spki)
    async with connection.transaction():
        new = await connection.fetchval(
            statements("key_ring")["register"],
            key_id(spki),
            purpose,
            algorithm,
            spki,
            since,
            unit,
        )
        if new:
            detail = {
                "purpose": purpose,
                "algorithm": algorithm,
                "spki": spki.hex(),
                "since": stamp(since),
            }
            if unit:
                detail["unit"] = unit
            deed = _deed("add-key", new, because, since, detail)
            await deeds.write(connection, deed)
    return new is not None


async def retire_bureau(connection: Connection, name: str, because: Because) -> bool:
    """Let a bureau's key sign no more from now on; say whether it did."""
    now = datetime.now(UTC)
    async with connection.transaction():
        found = await connection.fetchval(
            statements("key_ring")["retire_bureau"], name, now
        )
        if found:
            detail = {"retired": stamp(now)}
            deed = _deed("retire-key", name, because, now, detail)
            await deeds.write(connection, deed)
    return found is not None


async def bureau_keys(connection: Connection, unit: str) -> Sequence[BureauKey]:
    """List the keys that *unit* has, or had, to sign its decisions with."""
    rows = await connection.fetch(statements("key_ring")["bureau"], unit)
    return [BureauKey(**row) for row in rows]


async def public_keys(connection: Connection) -> Sequence[PublicKey]:
    """List every key that ever was."""
    rows = await connection.fetch(statements("key_ring")["all"])
    return [PublicKey(**row) for row in rows]


def _load(path: Path) -> KeySigner:
    try:
        try:
            text = path.with_name(f"{path.name}.pem").read_text("ascii")
        except FileNotFoundError:
            text = path.with_name(f"{path.name}.json").read_text("utf-8")
            return _command_signer(msgspec.json.decode(text, type=Program))
        return file_signer(from_pem(PRIVATE, text))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise SignerUnavailableError(
            f"密钥文件 {path} 已损坏（{type(error).__name__}）：请恢复该文件",
            f"the key file {path} is damaged ({type(error).__name__}): put it back",
        ) from error


def _command_signer(program: Program) -> CommandSigner:
    try:
        return CommandSigner(program.command, from_pem(PUBLIC, program.public))
    except KeyFormError as error:
        raise SettingsError(
            f"公钥不是 P-256 或 SM2 的 PEM（{error}）",
            f"the public key is no PEM of P-256 or SM2 ({error})",
        ) from error


def _deed(
    action: str, target: str, because: Because, at: datetime, detail: dict[str, str]
) -> Deed:
    return Deed(
        kind=DeedKind.KEY,
        who=because.who,
        action=action,
        target=target,
        reason=because.reason,
        at=at,
        detail=detail,
    )
