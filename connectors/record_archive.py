"""Months of the register past their time: archived, read back, and only then removed.

The tree's digests stay, so that proofs of other leaves hold; a deed says which leaves
have their rows elsewhere, and the digest of the file they are in.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from zhitong.connectors import deeds
from zhitong.connectors.evidence_log import Log, read_log
from zhitong.connectors.loan import LOST
from zhitong.connectors.own_connection import OwnConnection
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import RecordUnavailableError, SettingsError
from zhitong.rules.merkle import leaf

FORM = "zhitong-archive/1"
SUFFIX = ".jsonl.gz"
PAGE = 1_000
OWN = 0o600
"""Whose file it is: it names persons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of the register, as it is kept in a partition of its own."""

    name: str
    month: date
    records: int
    protected: bool
    unproved: int
    """Looks that no witness has seen under a head: they are not archived yet."""


class RecordArchive(OwnConnection):
    """The register's months, for the time of an ``async with``; as the owner."""

    def __init__(self, url: str) -> None:
        super().__init__(url, _answered)
        self._begun = False

    async def months(self) -> Sequence[Month]:
        """Say what each month holds, the oldest first."""
        sql = statements("record_archive")
        async with _answered():
            return [
                Month(**row, **dict(held))
                for row in await self._own.fetch(sql["months"])
                for held in await self._own.fetch(sql["held"], row["name"])
            ]

    async def archive(self, month: Month, folder: Path, who: str, why: str) -> Path:
        """Write *month* to a file in *folder*, and then take it out of the register.

        All of it in one transaction that nobody writes the month beside: what is
        removed is what was written. Raises where the file is there already.
        """
        path = folder / f"{month.name}{SUFFIX}"
        sql = statements("record_archive")
        async with _answered(), self._own.transaction():
            await self._own.execute(sql["hold"], month.name)
            log = await read_log(self._own)
            done = self._begun = False
            try:
                written = await self._write(month, path, log)
                await self._remove(month, path, written, log, (who, why))
                done = True
            finally:
                # Nothing is removed then. Whether a commit that fails was one, nobody
                # knows: what was written before it stays.
                if not done and self._begun:
                    path.unlink(missing_ok=True)
        return path

    async def _remove(
        self, month: Month, path: Path, written: int, log: Log, by: tuple[str, str]
    ) -> None:
        """Read the file back, and put on record that it has what is then removed."""
        sql = statements("record_archive")
        if not read_archive(path, log) == written == month.records:
            raise _differs(path)
        numbers = await self._own.fetch(sql["numbers"], month.name)
        who, why = by
        deed = Deed(
            kind=DeedKind.ARCHIVE,
            who=who,
            action="archive-records",
            target=month.name,
            reason=why,
            detail={
                "leaf_kind": "LOOK",
                "numbers": [[row["first"], row["last"]] for row in numbers],
                "records": written,
                "file": path.name,
                "sha256": _sha256(path),
            },
        )
        await deeds.write(self._own, deed)
        await self._own.execute(sql["findings"], month.name)
        await self._own.execute(sql["remove"], month.name)

    async def _write(self, month: Month, path: Path, log: Log) -> int:
        """Write what is to be kept, down to the disk; count the looks."""
        sql = statements("record_archive")
        head = await self._own.fetchrow(sql["head"])
        first: dict[str, object] = {
            "form": FORM,
            "origin": log.origin,
            "hash": log.hash,
            "month": month.name,
        }
        if head is not None:
            first["head"] = head["note"].decode()
            first["signatures"] = orjson.loads(head["signatures"] or "[]")
        many = 0
        with path.open("xb") as file:
            self._begun = True
            os.fchmod(file.fileno(), OWN)
            with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
                packed.write(orjson.dumps(first) + b"\n")
                rows = self._own.cursor(sql["records"], month.name, prefetch=PAGE)
                async for row in rows:
                    packed.write(orjson.dumps(_line(row)) + b"\n")
                    many += 1
            file.flush()
            os.fsync(file.fileno())
        return many


def read_archive(path: Path, log: Log) -> int:
    """Count the looks in the file at *path*, each held against its leaf.

    Raises `SettingsError` where it is no archive of *log*, or was changed.
    """
    return sum(1 for _ in archived(path, log))


def archived(path: Path, log: Log) -> Iterator[tuple[str, bytes]]:
    """Give record id and leaf of each look in the file at *path*.

    Raises `SettingsError` where it is no archive of *log*, or was changed.
    """
    try:
        with gzip.open(path, "rb") as file:
            first = orjson.loads(file.readline())
            if (first["form"], first["origin"], first["hash"]) != (
                FORM,
                log.origin,
                log.hash,
            ):
                raise _differs(path)
            for line in file:
                yield _held(orjson.loads(line), log, path)
    except (OSError, EOFError, ValueError, LookupError, TypeError, zlib.error) as error:
        raise _differs(path) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "number": row["number"],
        "record": row["record_id"],
        "leaf": row["leaf"].hex(),
        "body": row["body"].decode(),
        "findings": orjson.loads(row["findings"]),
    }


def _held(said: dict[str, Any], log: Log, path: Path) -> tuple[str, bytes]:
    body = said["body"].encode()
    record, proved = said["record"], leaf(log.digest, body)
    if orjson.loads(body)["record"] != record or proved.hex() != said["leaf"]:
        raise _differs(path)
    return record, proved


def _differs(path: Path) -> SettingsError:
    return SettingsError(
        f"归档文件 {path.name} 与登记不符，没有移出任何登记",
        f"the archive {path.name} is not what the register has; nothing was removed",
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
        raise RecordUnavailableError(
            "调阅登记簿不可用，归档没有完成，请稍后重试",
            "the access register is not available and nothing was archived; try again",
        ) from error
