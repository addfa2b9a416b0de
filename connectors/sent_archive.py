"""Months of the sent log past their time: bytes archived, read back, then removed.

Ids, hashes, places and receivers stay for ever, so that a repair reaches whoever had
the decision. A deed has the file's digest and a root over what is in it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from zhitong.connectors import deeds
from zhitong.connectors.loan import LOST
from zhitong.connectors.own_connection import OwnConnection
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError, SettingsError
from zhitong.rules.merkle import Frontier, digest, leaf

FORM = "zhitong-sent-archive/1"
SUFFIX = ".jsonl.gz"
PAGE = 1_000
OWN = 0o600
"""Whose file it is: it is about persons."""
_HASH = digest("sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMonth:
    """A month of the sent log, as it is kept in a partition of its own."""

    name: str
    month: date
    events: int
    """Those whose bytes are still here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file has."""

    month: str
    tenant: str
    events: int
    root: bytes
    sha256: str


class SentArchive(OwnConnection):
    """The sent log's months, for the time of an ``async with``; as the owner."""

    def __init__(self, url: str) -> None:
        super().__init__(url, _answered)
        self._begun = False

    async def months(self) -> Sequence[SentMonth]:
        """Say what each month holds, the oldest first."""
        sql = statements("sent_archive")
        async with _answered():
            return [
                SentMonth(
                    **row, events=await self._own.fetchval(sql["held"], row["name"])
                )
                for row in await self._own.fetch(sql["months"])
            ]

    async def archive(self, month: SentMonth, folder: Path, who: str, why: str) -> Path:
        """Write the bytes of *month* to a file in *folder*, then keep them no longer.

        All of it in one transaction that nobody writes the month beside: what is
        removed is what was read back. Raises where the file is there already.
        """
        path = folder / f"{month.name}{SUFFIX}"
        sql = statements("sent_archive")
        async with _answered(), self._own.transaction():
            await self._own.execute(sql["hold"], month.name)
            done = self._begun = False
            try:
                written = await self._write(month, path)
                found = read_sent_archive(path)
                if (found.events, found.root) != (month.events, written):
                    raise _differs(path)
                deed = Deed(
                    kind=DeedKind.ARCHIVE,
                    who=who,
                    action="archive-sent",
                    target=month.name,
                    reason=why,
                    detail={
                        "events": found.events,
                        "root": found.root.hex(),
                        "file": path.name,
                        "sha256": found.sha256,
                    },
                )
                await deeds.write(self._own, deed)
                await self._own.execute(sql["slim"], month.name)
                done = True
            finally:
                # Nothing is removed then. Whether a commit that fails was one, nobody
                # knows: what was written before it stays.
                if not done and self._begun:
                    path.unlink(missing_ok=True)
        return path

    async def said(self, month: str) -> Sequence[Mapping[str, Any]]:
        """Give what deeds say of the archives of *month*."""
        async with _answered():
            rows = await self._own.fetch(statements("sent_archive")["deeds"], month)
        return [orjson.loads(row["body"])["detail"] for row in rows]

    async def _write(self, month: SentMonth, path: Path) -> bytes:
        """Write what is to be kept, down to the disk; give the root over it."""
        sql = statements("sent_archive")
        first: dict[str, object] = {
            "form": FORM,
            "tenant": await self._own.fetchval(sql["tenant"]) or "",
            "month": month.name,
        }
        head = await self._own.fetchval(sql["head"])
        if head is not None:
            first["head"] = head.decode()
        tree = Frontier(_HASH)
        with path.open("xb") as file:
            self._begun = True
            os.fchmod(file.fileno(), OWN)
            with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
                packed.write(orjson.dumps(first) + b"\n")
                rows = self._own.cursor(sql["events"], month.name, prefetch=PAGE)
                async for row in rows:
                    said = dict(row) | {
                        "payload": base64.b64encode(row["payload"]).decode(),
                        "payload_hash": row["payload_hash"].hex(),
                        "key_id": str(row["key_id"]) if row["key_id"] else None,
                    }
                    packed.write(orjson.dumps(said, option=orjson.OPT_UTC_Z) + b"\n")
                    tree.add(_leaf(said))
            file.flush()
            os.fsync(file.fileno())
        return tree.root()


def read_sent_archive(path: Path) -> Found:
    """Read the file at *path*, each event's bytes held against their digest.

    What is sealed can only be held against the root. Raises `SettingsError` where it
    is no archive of a sent log, or was changed.
    """
    tree = Frontier(_HASH)
    try:
        with path.open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest()
        with gzip.open(path, "rb") as packed:
            first = orjson.loads(packed.readline())
            if first["form"] != FORM:
                raise _differs(path)
            for line in packed:
                said = orjson.loads(line)
                kept = base64.b64decode(said["payload"], validate=True)
                if said["key_id"] is None and (
                    hashlib.sha256(kept).hexdigest() != said["payload_hash"]
                ):
                    raise _differs(path)
                tree.add(_leaf(said))
        return Found(
            month=first["month"],
            tenant=first["tenant"],
            events=tree.size,
            root=tree.root(),
            sha256=whole,
        )
    except (OSError, EOFError, ValueError, LookupError, TypeError, zlib.error) as error:
        raise _differs(path) from error


def _leaf(said: Mapping[str, Any]) -> bytes:
    kept = hashlib.sha256(said["payload"].encode()).hexdigest()
    words = (said["receiver"], said["event_id"], said["payload_hash"], kept)
    return leaf(_HASH, " ".join(words).encode())


def _differs(path: Path) -> SettingsError:
    return SettingsError(
        f"归档文件 {path.name} 不是已发日志的归档，或已被改动",
        f"the archive {path.name} is none of a sent log, or was changed",
    )


@asynccontextmanager
async def _answered() -> AsyncIterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise SettingsError(
            f"归档文件 {error.filename} 已经存在，不覆盖",
            f"the archive {error.filename} exists already and is not overwritten",
        ) from error
    except LOST as error:
        raise LedgerUnavailableError(
            "平台数据库没有答复，或有人正在读这个月；归档没有完成，请稍后重试",
            "the platform's database does not answer, or somebody reads that month; "
            "nothing was archived, try again later",
        ) from error
