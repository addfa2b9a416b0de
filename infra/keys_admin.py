"""``zhitong keys``: the keys of the proof, and how another one takes over."""

from __future__ import annotations

import asyncio
import getpass
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from zhitong.connectors.key_forms import PUBLIC, KeyFormError, from_pem
from zhitong.connectors.key_ring import (
    RECEIPT,
    Because,
    KeyRing,
    KeySigner,
    Program,
    PublicKey,
)
from zhitong.connectors.key_table import KeyTable
from zhitong.connectors.signers import ECDSA, algorithm_of, generate
from zhitong.evidence import KeyNote
from zhitong.exceptions import SettingsError
from zhitong.infra.commands import say
from zhitong.infra.platform_database import SEALER, own_platform
from zhitong.infra.settings import Settings
from zhitong.rules.identifiers import credit_code_fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A change of keys as it was asked for."""

    purpose: str
    because: str
    hours: float = 24.0
    """How long both keys sign."""
    program: str = ""
    """The command that signs from now on; empty: a key in a file, made now."""
    public: Path | None = None
    """The public key of what the program signs with."""


def show(settings: Settings) -> None:
    """Print every key there was, the public part of it."""
    keys = asyncio.run(_all(settings))
    say(*map(_line, keys) if keys else ["还没有密钥 There is no key yet"])


def rotate(settings: Settings, turn: Turn) -> None:
    """Let another key take over, named and signed by the one before it."""
    if turn.hours < 0:
        raise SettingsError("重叠小时数不得小于 0", "the hours must not be below 0")
    note = asyncio.run(_rotate(settings, turn))
    say(
        f"密钥已更换 The key is turned: {note.old} → {note.new}",
        f"  用途 purpose: {note.purpose}，算法 algorithm: {note.algorithm}",
        f"  两把密钥同时签名至 both sign until: "
        f"{note.at + timedelta(hours=turn.hours):%Y-%m-%d %H:%M} UTC",
        *note.text.decode().splitlines(),
    )


def add(settings: Settings, unit: str, key: Path, because: str) -> None:
    """Register the public key that a bureau signs its decisions with."""
    fault = credit_code_fault(unit)
    if fault is not None:
        raise SettingsError(
            f"{unit} 不是统一社会信用代码", f"{unit} is no unified social credit code"
        )
    try:
        spki = from_pem(PUBLIC, key.read_text("ascii"))
        algorithm = algorithm_of(spki)
    except (OSError, UnicodeDecodeError, KeyFormError) as error:
        raise SettingsError(
            f"读不了公钥文件 {key}，须为 P-256 或 SM2 的 PEM（{type(error).__name__}）",
            f"cannot read the public key {key}, which is to be PEM of P-256 or SM2 "
            f"({type(error).__name__})",
        ) from error
    said = Because(who=getpass.getuser(), reason=because)
    name = asyncio.run(_add(settings, unit, spki, said))
    if name is None:
        raise SettingsError("该密钥已经登记过", "the key is known already")
    say(f"已登记 Registered: {name}  {algorithm}  {unit}")


def retire(settings: Settings, name: str, because: str) -> None:
    """Let a bureau's key sign no more: what it has signed stays signed."""
    said = Because(who=getpass.getuser(), reason=because)
    if not asyncio.run(_retire(settings, name, said)):
        raise SettingsError(
            f"没有在用的部门密钥 {name}；平台自己的密钥用 keys rotate 更换",
            f"no key {name} of a bureau is in use; the platform's own are turned with "
            "keys rotate",
        )
    say(f"已停用 Retired: {name}")


async def _add(
    settings: Settings, unit: str, spki: bytes, because: Because
) -> str | None:
    async with _table(settings) as table:
        return await table.add_bureau(unit, spki, because)


async def _retire(settings: Settings, name: str, because: Because) -> bool:
    async with _table(settings) as table:
        return await table.retire_bureau(name, because)


async def _all(settings: Settings) -> Sequence[PublicKey]:
    async with _table(settings) as table:
        return await table.keys()


async def _rotate(settings: Settings, turn: Turn) -> KeyNote:
    ring = KeyRing(settings.evidence)
    because = Because(who=getpass.getuser(), reason=turn.because)
    async with _table(settings) as table:
        return await table.rotate(
            ring, turn.purpose, _successor(settings, ring, turn), because, turn.hours
        )


def _successor(settings: Settings, ring: KeyRing, turn: Turn) -> KeySigner:
    if not turn.program:
        # A receipt is a JWS of ES256, whatever the log is of.
        receipt = turn.purpose == RECEIPT
        algorithm = ECDSA if receipt else settings.evidence_signature
        return ring.keep(turn.purpose, generate(algorithm))
    if turn.public is None:
        raise SettingsError(
            "用程序签名时须以 --public 给出公钥文件（PEM）",
            "with a program that signs its public key must be named: --public FILE",
        )
    try:
        public = turn.public.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"读不了公钥文件 {turn.public}（{type(error).__name__}）",
            f"cannot read the public key {turn.public} ({type(error).__name__})",
        ) from error
    command = tuple(shlex.split(turn.program))
    signer = ring.keep_program(turn.purpose, Program(command, public))
    # Before anything depends on it: whether it signs, and with that key.
    signer.sign(b"zhitong-key/1\n")
    return signer


@asynccontextmanager
async def _table(settings: Settings) -> AsyncIterator[KeyTable]:
    async with KeyTable(await own_platform(settings, SEALER)) as table:
        yield table


def _line(key: PublicKey) -> str:
    since = f"{key.since:%Y-%m-%d %H:%M}"
    if key.retired is None:
        state = "在用 in use"
    elif key.retired > datetime.now(UTC):
        state = f"在用至 in use until {key.retired:%Y-%m-%d %H:%M}"
    else:
        state = f"已停用 retired {key.retired:%Y-%m-%d %H:%M}"
    unit = f"  {key.unit}" if key.unit else ""
    return f"{key.key_id}  {key.purpose:<8} {key.algorithm:<18} {since}  {state}{unit}"
