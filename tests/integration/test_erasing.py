"""``zhitong erase``: the number is gone, no proof is, and a deed says who did it."""

from __future__ import annotations

import asyncio
import getpass
import io
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import asyncpg
import msgspec
import pytest
from entries import entry, of_person, prepare

from zhitong.connectors.ledger import PlatformLedger, open_ledger_pool
from zhitong.connectors.sealing import Sealing
from zhitong.infra.cli import main
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.rules.merkle import digest, leaf

pytestmark = pytest.mark.integration

NUMBER = "11010519491231002X"
WORDS = ("--because", "本人申请", "--approval", "安信〔2026〕3号")
Erase = Callable[..., Awaitable[int]]


@pytest.fixture
async def sealing(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Sealing:
    """Register a decision about a person, in the database and under a state's keys."""
    await prepare(database)
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path))
    made = Sealing(secret(tmp_path / "subject.key"), secret(tmp_path / "person.key"))
    pool = await open_ledger_pool(database)
    try:
        ledger = PlatformLedger(pool, made, tenant=Settings().tenant)
        await ledger.commit(entry(of_person(NUMBER)))
    finally:
        pool.terminate()
    return made


@pytest.fixture
def erase(monkeypatch: pytest.MonkeyPatch) -> Erase:
    """Give ``erase("--because", …, number=…)``, the command with that on its input."""

    async def run(*words: str, number: str = NUMBER) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(number + "\n"))

        def ran() -> int:
            with pytest.raises(SystemExit) as ended:
                main(["erase", *words])
            return int(str(ended.value.code))

        return await asyncio.to_thread(ran)

    return run


async def fetch(url: str, statement: str) -> Sequence[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


LEAVES = """select body, leaf from audit_leaf union all select body, leaf from deed
    union all select body, leaf from access_entry"""


async def test_a_person_is_erased_on_record_and_all_proofs_stand(
    sealing: Sealing, database: str, erase: Erase, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await fetch(database, LEAVES)
    assert await erase(*WORDS, number="110105 19491231 002x") == 0
    said = capsys.readouterr().out
    assert "1 处号码不可再读" in said
    assert str(of_person(NUMBER).id) in said

    (deed,) = await fetch(database, "select * from deed")
    assert (deed["kind"], deed["who"], deed["reason"], deed["target"]) == (
        "ERASURE",
        getpass.getuser(),
        "本人申请",
        sealing.person(NUMBER).hex(),
    )
    detail = msgspec.json.decode(deed["body"])["detail"]
    assert detail["approval"] == "安信〔2026〕3号"
    assert detail["decisions"] == [str(of_person(NUMBER).id)]
    assert await fetch(database, "select from person_key where wrapped is null")

    after = await fetch(database, LEAVES)
    assert len(after) == len(before) + 1
    assert set(before) < set(after)
    for row in after:
        assert row["leaf"] == leaf(digest("sha256"), row["body"])
    assert NUMBER not in said + deed["body"].decode()


@pytest.mark.usefixtures("sealing")
async def test_a_second_time_it_says_when_it_was_done_and_does_nothing(
    database: str,
    erase: Erase,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await erase(*WORDS) == 0
    assert await erase(*WORDS) == 2
    error = capsys.readouterr().err
    assert error.startswith("ERASURE: ")
    assert "was destroyed at 20" in error
    assert len(await fetch(database, "select from deed")) == 1


@pytest.mark.parametrize(
    ("words", "number", "told"),
    [
        pytest.param(WORDS, "11010519491231003X", "no such ID number", id="unknown"),
        pytest.param(WORDS, " ", "on standard input", id="no number"),
        pytest.param(WORDS, "1" * 200, "on standard input", id="no ID number"),
        pytest.param(
            ("--because", " ", "--approval", "1"), NUMBER, "--because", id="no reason"
        ),
        pytest.param(
            ("--because", "申请", "--approval", ""),
            NUMBER,
            "--approval",
            id="no approval",
        ),
        pytest.param(
            ("--because", f"删除{NUMBER}", "--approval", "1"),
            NUMBER,
            "leave it out",
            id="the number in the reason",
        ),
    ],
)
@pytest.mark.usefixtures("sealing")
async def test_what_is_not_ordered_as_it_must_be_is_refused(  # noqa: PLR0913 - a table of three
    database: str,
    erase: Erase,
    capsys: pytest.CaptureFixture[str],
    *,
    words: tuple[str, ...],
    number: str,
    told: str,
) -> None:
    assert await erase(*words, number=number) == 2
    error = capsys.readouterr().err
    assert error.startswith("ERASURE: ")
    assert told in error
    assert NUMBER not in error
    assert await fetch(database, "select from deed") == []
    assert not await fetch(database, "select from person_key where wrapped is null")


@pytest.mark.usefixtures("sealing")
async def test_another_state_folder_knows_nobody_and_makes_no_keys(
    erase: Erase,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert await erase(*WORDS, "--state", str(elsewhere)) == 2
    assert "subject.key" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []
