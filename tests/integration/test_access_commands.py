"""``zhitong access``: as an operator runs it, on a register that is sealed."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import asyncpg
import pytest
from sealed_log import SmallWitness, small_log

from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.infra.cli import main
from zhitong.infra.retaining import Retaining, retain
from zhitong.infra.settings import Settings

pytestmark = pytest.mark.integration


LATE = date(2040, 1, 1)


@pytest.fixture
async def register(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Give a sealed and witnessed register, which the settings name."""
    witness = SmallWitness(file_signer(generate(ECDSA)))
    await small_log(database, tmp_path / "keys", witness)
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    return database


async def run(*words: str) -> int:
    def ran() -> int:
        with pytest.raises(SystemExit) as ended:
            main(["access", *words])
        return int(str(ended.value.code))

    return await asyncio.to_thread(ran)


async def kept(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("select count(*) from access_entry"))
    finally:
        await connection.close()


@pytest.mark.usefixtures("register")
async def test_a_review_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("review") == 0
    assert "条 new findings" in capsys.readouterr().out


@pytest.mark.usefixtures("register")
async def test_a_review_of_the_future_or_of_many_years_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for day in ("2999-01-01", "2001-01-01"):
        assert await run("review", "--since", day) == 2
        assert "SETTINGS" in capsys.readouterr().err


async def test_a_dry_run_says_what_would_go_and_removes_nothing(
    register: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await kept(register)
    asked = Retaining(folder=tmp_path, because="到期", today=LATE, dry=True)
    assert await asyncio.to_thread(retain, Settings(state=tmp_path), asked)
    assert f"{before:,} 条将归档 would be archived" in capsys.readouterr().out
    assert await kept(register) == before > 0


async def test_what_is_past_its_time_goes_and_what_is_not_stays(
    register: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await kept(register)
    early = Retaining(
        folder=tmp_path, because="到期", today=date(2026, 12, 1), dry=False
    )
    assert await asyncio.to_thread(retain, Settings(state=tmp_path), early)
    assert "kept until" in capsys.readouterr().out
    assert await kept(register) == before > 0
    late = Retaining(folder=tmp_path, because="到期", today=LATE, dry=False)
    assert await asyncio.to_thread(retain, Settings(state=tmp_path), late)
    assert f"{before:,} 条已归档 archived" in capsys.readouterr().out
    assert await kept(register) == 0


async def test_unwitnessed_looks_stay_and_the_command_says_so(
    register: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await asyncpg.connect(register)
    await connection.execute("truncate head_countersignature")
    await connection.close()
    before = await kept(register)
    late = Retaining(folder=tmp_path, because="到期", today=LATE, dry=False)
    assert not await asyncio.to_thread(retain, Settings(state=tmp_path), late)
    assert "未经见证" in capsys.readouterr().out
    assert await kept(register) == before > 0


@pytest.mark.parametrize("words", [("--because", " "), ("--folder", "nowhere")])
async def test_no_reason_or_no_folder_is_refused(
    register: str, tmp_path: Path, words: tuple[str, str]
) -> None:
    before = await kept(register)
    given = {"--folder": str(tmp_path), "--because": "到期", words[0]: words[1]}
    assert await run("retain", *(word for pair in given.items() for word in pair)) == 2
    assert await kept(register) == before
