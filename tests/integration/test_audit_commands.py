"""``zhitong audit`` as a command: a real sealer, a real witness, another process."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import orjson
import pytest
from sealed_log import acts, decisions, looks
from sealing_log import QUICK, begun, until
from stranger import lay, verified
from witnesses import WitnessProcess

from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.key_ring import HEAD, KeyRing
from zhitong.connectors.record_archive import RecordArchive
from zhitong.connectors.sealer import Sealer
from zhitong.connectors.signers import ECDSA
from zhitong.infra import audit
from zhitong.infra.countersigning import Countersigning
from zhitong.infra.settings import Settings
from zhitong.infra.witness_key import PUBLIC_NAME
from zhitong.rules.faults import FaultKind

pytestmark = pytest.mark.integration

COVERED = """
select not exists (select from unsealed) and (select max(size) from
head_countersignature) = (select count(*) from sealed_leaf)
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def report(self) -> Any:  # noqa: ANN401 - what JSON has
        return orjson.loads(self.out)


@dataclass
class City:
    """A log with a witness, and the command line."""

    url: str
    folder: Path
    witness: WitnessProcess
    records: list[str]
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the sealer has ended."""

    async def verify(self, *words: str) -> Said:
        """Verify as of then, however long ago that is on a busy machine."""
        return await self.audit("verify", "--now", self.at.isoformat(), *words)

    async def audit(self, *words: str) -> Said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "zhitong.infra.cli", "audit", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "ZHITONG_DATABASE_PLATFORM": self.url,
                "ZHITONG_STATE": str(self.folder),
                "ZHITONG_WITNESSES": f"{self.witness.url}="
                f"{self.witness.folder / PUBLIC_NAME}",
            },
        )
        out, err = await process.communicate()
        return Said(process.returncode or 0, out.decode(), err.decode())

    async def sealed(self) -> None:
        """Have all that waits sealed and countersigned."""
        named = f"{self.witness.url}={self.witness.folder / PUBLIC_NAME}"
        settings = Settings(state=self.folder, witnesses=named)
        countersigning = Countersigning(self.url, settings)
        keys = KeyRing(self.folder / "evidence")
        sealer = Sealer(
            self.url, keys, ECDSA, pace=QUICK, sealed=lambda _: countersigning.wake()
        )
        tasks = [asyncio.create_task(each.run()) for each in (sealer, countersigning)]
        connection = await asyncpg.connect(self.url)

        async def covered() -> bool:
            return bool(await connection.fetchval(COVERED))

        await until(covered)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await connection.close()
        self.at = datetime.now(UTC)


@pytest.fixture
async def city(database: str, tmp_path: Path) -> AsyncIterator[City]:
    await begun(database)
    connection = await asyncpg.connect(database)
    keys = KeyRing(tmp_path / "evidence")
    spki = (await keys.signer(connection, HEAD, ECDSA)).spki
    await connection.execute(
        "insert into receiver (receiver, title_zh, title_en, topic) values "
        "('provincial', '', '', ''), ('credit', '', '', '')"
    )
    await connection.close()
    witness = WitnessProcess(tmp_path / "witness", spki).start()
    records = await looks(database, 40)
    await decisions(database, 3)
    await acts(database, 3)
    made = City(database, tmp_path, witness, records)
    await made.sealed()
    # What was written meanwhile, as the deed of the witness's key, is sealed too.
    await made.sealed()
    yield made
    witness.kill()


async def test_a_log_is_verified_against_the_witness_of_the_settings(
    city: City,
) -> None:
    said = await city.verify("--json")
    assert (said.code, said.report["faults"]) == (0, []), said.err
    assert said.report["holds"] is True
    assert said.report["witnessed"] >= 1
    heads = city.witness.folder / "heads"
    said = await city.verify("--quick", "--witness-heads", str(heads))
    assert said.code == 0, said.out
    assert "核验通过" in said.out


async def test_a_quorum_of_more_witnesses_than_there_are_fails(city: City) -> None:
    said = await city.verify("--quorum", "2")
    assert said.code == 1
    assert "WITNESS_MISSING: 1" in said.out
    assert "(1 of 2)" in said.out


async def test_a_sealer_that_stands_is_seen_unless_it_is_a_copy_that_is_looked_at(
    city: City,
) -> None:
    later = (city.at + timedelta(hours=1)).isoformat()
    said = await city.audit("verify", "--now", later, "--json")
    assert (said.code, said.report["totals"]) == (1, {"HEAD_LATE": 1})
    heads = ("--witness-heads", str(city.witness.folder / "heads"))
    said = await city.audit("verify", *heads)
    assert said.code == 0, said.out
    assert "--now" in said.out


async def test_archived_rows_are_verified_in_their_files(city: City) -> None:
    async with RecordArchive(city.url) as archive:
        (month,) = [each for each in await archive.months() if each.records]
        path = await archive.archive(month, city.folder, "李运维", "到期")
    await city.sealed()
    said = await city.verify("--json")
    assert (said.code, said.report["excused"]) == (0, month.records)
    said = await city.verify("--archive", str(path))
    assert said.code == 0, said.out
    assert f"依法归档 archived {month.records}" in said.out
    path.write_bytes(path.read_bytes()[:-9])
    said = await city.verify("--archive", str(path), "--json")
    assert (said.code, said.report["totals"]["ARCHIVE_DIFFERS"]) == (1, 1)


async def test_without_a_witness_that_answers_it_fails(city: City) -> None:
    city.witness.kill()
    said = await city.verify()
    assert said.code == 1
    assert "WITNESS_MISSING: 1" in said.out


async def test_a_cut_tail_is_named_by_the_witness(city: City) -> None:
    connection = await asyncpg.connect(city.url)
    await connection.execute(
        "set session_replication_role = replica;"
        "delete from sealed_leaf; delete from head; delete from head_signature;"
        "delete from head_countersignature; delete from access_entry;"
    )
    await connection.close()
    said = await city.verify("--witness", city.witness.url, "--json")
    assert said.code == 1
    assert said.report["totals"]["WITNESS_AHEAD"] >= 1


async def test_what_is_sealed_while_a_witness_tells_what_it_saw_is_not_late(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = shutil.copytree(city.witness.folder / "heads", tmp_path / "told")
    await looks(city.url, 1, first=900)
    await city.sealed()
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", city.url)
    settings = Settings(state=city.folder)
    for spent, late in ((0.0, 1), (3_600.0, 0)):
        times = iter((0.0, spent))
        monkeypatch.setattr(audit, "monotonic", lambda times=times: next(times))
        now = city.at + timedelta(seconds=90)
        asked = audit.Asked(witness_heads=told, now=now)
        found = await asyncio.to_thread(audit.checked, settings, asked)
        assert found.faults.totals.get(FaultKind.WITNESS_BEHIND, 0) == late
        assert len(found.faults) == late


async def test_what_is_no_record_of_a_witness_is_said(
    city: City, tmp_path: Path
) -> None:
    other = tmp_path / "none"
    other.write_text("none")
    said = await city.verify("--witness-heads", str(other))
    assert said.code == 2
    assert "SETTINGS" in said.err


async def test_an_export_is_checked_by_a_stranger_and_is_in_the_log(
    city: City, tmp_path: Path
) -> None:
    out = tmp_path / "evidence.zip"
    words = ("--record", *city.records[:2], "--out", str(out), "--because", "法院调取")
    said = await city.audit("export", *words)
    assert said.code == 0, said.err
    with zipfile.ZipFile(out) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    connection = await asyncpg.connect(city.url)
    spki = await connection.fetchval(
        "select spki from evidence_key where purpose = 'head'"
    )
    await connection.close()
    (tmp_path / "operator.pem").write_text(pem(PUBLIC, spki))
    done = verified(
        lay(tmp_path / "given", files),
        *("--operator-key", str(tmp_path / "operator.pem")),
        *("--witness-key", str(city.witness.folder / PUBLIC_NAME)),
    )
    assert done.returncode == 0, done.stdout
    again = await city.audit("export", *words)
    assert again.code == 2
    await city.sealed()
    said = await city.verify("--json")
    assert (said.code, said.report["faults"]) == (0, [])
