"""``zhitong rules explain`` over a ledger: by id, and by a number in any style."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from entries import decision, entry, ledger_over, prepare

from zhitong.decisions import Change, Finding, Severity
from zhitong.infra.cli import main
from zhitong.types import Label

pytestmark = pytest.mark.integration


@pytest.fixture
async def ledger(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commit a decision with a finding, and its correction without one."""
    await prepare(database)
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    said = decision()
    finding = Finding(
        check="penalty-two-officers",
        severity=Severity.BREACH,
        detail=Label("少一人", "one is missing"),
        source="行政处罚法（2021修订）第42条",
    )
    async with ledger_over(database) as (kept, _):
        await kept.commit(entry(said, findings=(finding,)))
        corrected = decision(facts="安全出口未上锁。")
        await kept.commit(entry(corrected, 2, Change.CORRECTED, reason="更正"))


async def explain(*words: str) -> int:
    """Run the command line in a thread, where it may have a loop of its own."""

    def ran() -> int:
        with pytest.raises(SystemExit) as ended:
            main(["rules", "explain", *words])
        return int(str(ended.value.code))

    return await asyncio.to_thread(ran)


@pytest.mark.usefixtures("ledger")
async def test_a_decision_is_explained_in_the_version_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await explain(str(decision().id)) == 0
    now = capsys.readouterr().out
    assert "第 2 版 version 2  CORRECTED" in now
    assert "one is missing" not in now
    assert await explain(str(decision().id), "--version", "1") == 0
    first = capsys.readouterr().out
    assert "第 1 版 version 1  RECORDED" in first
    assert "→ BREACH 少一人 / BREACH one is missing" in first
    assert "penalty-served/2021-07-15" in first
    assert "the last day is 2026-12-01" in first


@pytest.mark.usefixtures("ledger")
async def test_a_decision_is_found_by_its_number_in_another_style(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await explain("（安）应急罚[2026]第1号") == 0
    assert str(decision().id) in capsys.readouterr().out


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    "words",
    [
        ["（安）应急罚〔2026〕2号"],
        ["00000000-0000-0000-0000-000000000000"],
        [str(decision().id), "--version", "3"],
    ],
)
async def test_what_the_ledger_does_not_have_is_named(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await explain(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith("DECISION_UNKNOWN")
    assert words[0] in error


async def test_two_decisions_of_one_number_are_both_named(
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await prepare(database)
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    one = decision()
    other = decision(local_id="A-2", subject_code="11619900MB0004002K")
    async with ledger_over(database) as (kept, _):
        await kept.commit(entry(one))
        await kept.commit(entry(other))
    assert await explain(one.document_no) == 2
    error = capsys.readouterr().err
    assert str(one.id) in error
    assert str(other.id) in error
