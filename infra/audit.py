"""``zhitong audit verify``: the log recomputed from its rows, held to a witness."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

import msgspec

from zhitong.connectors.check_process import check_apart
from zhitong.connectors.evidence_rows import EvidenceRows, snapshot
from zhitong.connectors.key_forms import PUBLIC, KeyFormError, from_pem
from zhitong.connectors.log_check import Found, Plan, Stretch, check_stretch
from zhitong.connectors.sealing import Sealing
from zhitong.connectors.whole_check import GRACE, Checked, Spread, Wanted, check
from zhitong.connectors.witness_forms import Word
from zhitong.evidence import stamp
from zhitong.exceptions import SettingsError
from zhitong.infra import audit_report
from zhitong.infra.countersigning import witnesses
from zhitong.infra.platform_database import own_platform
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.infra.timestamping import roots
from zhitong.infra.witness_client import WitnessAwayError, WitnessClient
from zhitong.rules.head_chain import Witnessed
from zhitong.rules.verification import micros

LATE = 120_000_000
"""Microseconds that the newest head may be old: a sealer at work makes one each minute,
new leaves or not."""
WORKERS = 4
"""Processes at most: beyond that the database is the slower side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a verification was asked to do."""

    witness: str = ""
    """The address of a witness; without it those of the settings are asked."""
    witness_heads: Path | None = None
    """What a witness has given out, as JSON lines."""
    witness_key: Path | None = None
    quorum: int | None = None
    """How many witnesses must have seen a head; None: as the settings have it."""
    archives: Sequence[Path] | None = None
    """Files of rows that were archived; None: they are not looked at."""
    now: datetime | None = None
    """As of when, for a copy; None: as of now."""
    first: int = 0
    quick: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class _Words:
    """What a witness says; None: there is none, and why."""

    seen: Sequence[Witnessed] | None
    keys: Sequence[bytes] = ()
    why: str = ""


def verify(settings: Settings, asked: Asked) -> bool:
    """Print what is wrong with the log; say whether nothing is."""
    since = monotonic()
    words = _words(settings, asked)
    began = monotonic()
    found = _checked(settings, asked, words, since)
    spent = monotonic() - began
    audit_report.show(found, spent, words.why, as_json=asked.as_json)
    return not len(found.faults)


def checked(settings: Settings, asked: Asked) -> Checked:
    """Check the log, and give what was found."""
    since = monotonic()
    return _checked(settings, asked, _words(settings, asked), since)


def _checked(settings: Settings, asked: Asked, words: _Words, since: float) -> Checked:
    # Heads from a file are for a copy, which has none of this minute.
    copy = asked.witness_heads is not None and asked.now is None
    wanted = Wanted(
        witnessed=words.seen,
        witness_keys=words.keys,
        quorum=asked.quorum or settings.witness_quorum,
        # All that a witness has seen may take minutes to be told, or to be waited for:
        # what was sealed meanwhile it was not asked about.
        grace=GRACE + int((monotonic() - since) * 1_000_000),
        rows_from=asked.first,
        quick=asked.quick,
        now=None if asked.now is None else micros(stamp(asked.now)),
        late=None if copy else LATE,
        sealing=_sealing(settings),
        authorities=roots(settings) if settings.tsa_ca else (),
        archives=asked.archives,
    )
    return asyncio.run(_verify(settings, wanted))


async def _verify(settings: Settings, wanted: Wanted) -> Checked:
    return await verified(await own_platform(settings), wanted)


async def verified(url: str, wanted: Wanted) -> Checked:
    """Check the log at *url*, a large one by several processes."""
    async with snapshot(url) as rows:
        return await check(rows, wanted, _spread(url, rows))


def _spread(url: str, rows: EvidenceRows) -> Spread:
    async def found(plan: Plan, parts: Sequence[Stretch]) -> AsyncIterator[Found]:
        if len(parts) == 1:
            yield await check_stretch(rows, plan, parts[0])
            return
        workers = min(os.cpu_count() or 1, WORKERS, len(parts))
        name = await rows.name()
        async for one in check_apart(url, name, plan, parts, workers):
            yield one

    return found


def _words(settings: Settings, asked: Asked) -> _Words:
    """Ask witnesses before the database is looked at: they may only know less."""
    keys = () if asked.witness_key is None else (_key(asked.witness_key),)
    if asked.witness_heads is not None:
        return _Words(_read(asked.witness_heads), keys)
    try:
        if asked.witness:
            return _asked(asked.witness, keys)
    except (WitnessAwayError, SettingsError) as error:
        return _Words(None, why=f"{asked.witness} {error}".strip())
    # Those that countersign, each believed by the key that is set for it. Who is away
    # is one fewer of the quorum.
    seen: list[Witnessed] = []
    pinned: list[bytes] = []
    away: list[str] = []
    try:
        for each in witnesses(settings):
            try:
                one = _asked(each.url(), (each.spki(),))
            except WitnessAwayError as error:
                away.append(str(error))
                continue
            seen += one.seen or ()
            pinned += one.keys
    except SettingsError as error:
        return _Words(None, why=str(error))
    return _Words(seen or None, pinned, "；".join(away))


def _sealing(settings: Settings) -> Sealing | None:
    """Give what opens sealed ID numbers, if it is here; it is not made for this."""
    files = [settings.state / name for name in ("subject.key", "person.key")]
    if not all(file.exists() for file in files):
        return None
    return Sealing(*map(secret, files))


def _asked(url: str, keys: Sequence[bytes]) -> _Words:
    client = WitnessClient(url)
    try:
        seen = [_witnessed(word) for word in client.heads()]
    except ValueError as error:
        raise SettingsError(
            f"{url} 所答不是见证的树头",
            f"what {url} answers are no heads of a witness",
        ) from error
    return _Words(seen, keys or (client.key().spki,))


def _read(path: Path) -> list[Witnessed]:
    """Read heads as a witness keeps them: a file of lines, or a folder of files."""
    try:
        files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        return [
            _witnessed(msgspec.json.decode(line, type=Word))
            for file in files
            for line in file.read_bytes().splitlines()
        ]
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path} 读不成见证的树头（{type(error).__name__}）",
            f"{path} cannot be read as heads of a witness ({type(error).__name__})",
        ) from error


def _witnessed(word: Word) -> Witnessed:
    return Witnessed(word.head, word.countersignature)


def _key(path: Path) -> bytes:
    try:
        return from_pem(PUBLIC, path.read_text("ascii"))
    except (OSError, ValueError, KeyFormError) as error:
        raise SettingsError(
            f"{path} 不是 PEM 公钥", f"{path} is no public key in PEM"
        ) from error
