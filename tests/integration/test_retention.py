"""Months of looks past their time: archived, read back, removed; the log holds."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import asyncpg
import orjson
import pytest
from sealed_log import SmallWitness, seal, small_log

from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.record_archive import Month, RecordArchive
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import Checked, Wanted, check
from zhitong.exceptions import SettingsError
from zhitong.infra.retaining import due
from zhitong.infra.retention_file import read_retention
from zhitong.infra.settings import Settings
from zhitong.rules.merkle import digest, leaf
from zhitong.rules.unseen import NO_ARCHIVES

pytestmark = pytest.mark.integration


@pytest.fixture
def witness() -> SmallWitness:
    return SmallWitness(file_signer(generate(ECDSA)))


async def verified(
    url: str, witness: SmallWitness, archives: Sequence[Path] | None = None
) -> Checked:
    """Verify the whole log."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            wanted = Wanted(witnessed=witness.seen, grace=0, archives=archives)
            return await check(EvidenceRows(connection), wanted)
    finally:
        await connection.close()


async def faults(
    url: str, witness: SmallWitness, archives: Sequence[Path] | None = None
) -> list[str]:
    """Name what is wrong."""
    found = await verified(url, witness, archives)
    return [str(each.kind) for each in found.faults.listed]


async def fetched(url: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


def archives(folder: Path) -> list[Path]:
    return list(folder.glob("*.gz"))


async def sealed_again(url: str, folder: Path, witness: SmallWitness) -> None:
    await seal(url, folder)
    connection = await asyncpg.connect(url)
    try:
        await witness.countersign(connection)
    finally:
        await connection.close()


async def with_looks(archive: RecordArchive) -> Month:
    (month,) = [each for each in await archive.months() if each.records]
    return month


async def test_an_archived_month_is_gone_lawfully_and_its_file_proves_it(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path / "keys", witness)
    before = await fetched(database, "select record_id, body, leaf from access_entry")
    async with RecordArchive(database) as archive:
        month = await with_looks(archive)
        assert (month.records, month.protected, month.unproved) == (
            len(before),
            True,
            0,
        )
        path = await archive.archive(month, tmp_path, "李运维", "到期")
    await sealed_again(database, tmp_path / "keys", witness)
    assert await fetched(database, "select 1 from access_entry") == []
    assert await faults(database, witness) == []
    first, *lines = map(orjson.loads, gzip.decompress(path.read_bytes()).splitlines())
    assert first["form"] == "zhitong-archive/1"
    assert {(each["record"], each["body"], each["leaf"]) for each in lines} == {
        (row["record_id"], row["body"].decode(), row["leaf"].hex()) for row in before
    }


async def test_archived_rows_are_verified_in_their_files(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path / "keys", witness)
    async with RecordArchive(database) as archive:
        month = await with_looks(archive)
        path = await archive.archive(month, tmp_path, "李运维", "到期")
    await sealed_again(database, tmp_path / "keys", witness)
    without = await verified(database, witness)
    assert (without.excused, NO_ARCHIVES in without.unseen) == (month.records, True)
    held = await verified(database, witness, [path])
    assert (len(held.faults), NO_ARCHIVES in held.unseen) == (0, False)
    missing = await verified(database, witness, [])
    assert missing.faults.totals == {"ARCHIVE_MISSING": month.records}
    first, *lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join([first, *lines[1:]])))
    one = orjson.loads(lines[0])
    assert [
        str(each) for each in (await verified(database, witness, [path])).faults.listed
    ] == [f"ARCHIVE_MISSING access_entry {one['record']} #{one['number']}"]
    torn = lines[0].replace(b"criminal", b"Criminal")
    path.write_bytes(gzip.compress(b"".join([first, *lines[1:], torn])))
    assert await faults(database, witness, [path]) == [
        "ARCHIVE_DIFFERS",
        "ARCHIVE_MISSING",
    ]
    # A body that fits its own leaf is not the one that was sealed.
    body = one["body"].replace("criminal", "Criminal")
    other = {**one, "body": body, "leaf": leaf(digest("sha256"), body.encode()).hex()}
    made = orjson.dumps(other) + b"\n"
    path.write_bytes(gzip.compress(b"".join([first, *lines[1:], made])))
    assert [
        str(each) for each in (await verified(database, witness, [path])).faults.listed
    ] == [f"ARCHIVE_DIFFERS access_entry {one['record']} #{one['number']}"]


async def test_removing_a_month_without_the_deed_is_still_found(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path / "keys", witness)
    async with RecordArchive(database) as archive:
        month = await with_looks(archive)
    await fetched(database, f'alter table access_entry detach partition "{month.name}"')
    assert set(await faults(database, witness)) == {"ROW_MISSING"}


async def test_what_no_witness_has_seen_is_counted(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path / "keys", witness)
    await fetched(database, "delete from head_countersignature")
    async with RecordArchive(database) as archive:
        month = await with_looks(archive)
    assert month.unproved == month.records > 0


async def test_a_file_that_is_there_is_not_overwritten_and_nothing_is_removed(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path / "keys", witness)
    async with RecordArchive(database) as archive:
        month = await with_looks(archive)
        (tmp_path / f"{month.name}.jsonl.gz").write_bytes(b"another")
        with pytest.raises(SettingsError):
            await archive.archive(month, tmp_path, "李运维", "到期")
        assert await with_looks(archive) == month
    assert await fetched(database, "select 1 from deed where kind = 'ARCHIVE'") == []


async def test_a_file_that_is_not_what_was_read_removes_nothing_and_is_gone(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path / "keys", witness)
    await fetched(
        database,
        # Its own leaf fits: the sealed one alone tells.
        "update access_entry set body = body || '\\x20'::bytea,"
        " leaf = sha256('\\x00'::bytea || body || '\\x20'::bytea)",
    )
    async with RecordArchive(database) as archive:
        month = await with_looks(archive)
        with pytest.raises(SettingsError):
            await archive.archive(month, tmp_path, "李运维", "到期")
        assert await with_looks(archive) == month
    assert archives(tmp_path) == []


@pytest.mark.parametrize(
    ("protected", "until"), [(False, date(2026, 8, 1)), (True, date(2029, 2, 1))]
)
def test_a_month_with_protected_looks_stays_longer(
    protected: bool,  # noqa: FBT001 - a parameter of the case
    until: date,
) -> None:
    rules = read_retention(Settings().retention)
    month = Month(
        name="access_entry_2026_01",
        month=date(2026, 1, 1),
        records=1,
        protected=protected,
        unproved=0,
    )
    assert due(rules, month, date(2026, 11, 22)) == until
