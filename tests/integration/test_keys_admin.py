"""``zhitong keys`` and ``zhitong seal`` as they are typed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sealing_log import begun, checked, sealed, wait_in_queue

from zhitong.connectors.key_forms import PRIVATE, PUBLIC, pem
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.infra.cli import main

pytestmark = pytest.mark.integration


class Typed:
    """Runs our commands over one database and state folder."""

    def __init__(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._state = state
        self._capsys = capsys

    async def said(self, *words: str) -> tuple[object, str, str]:
        """Give exit code and both outputs of a command."""
        # A thread of its own: a command begins a loop of its own.
        with pytest.raises(SystemExit) as end:
            await asyncio.to_thread(main, [*words, "--state", str(self._state)])
        out, error = self._capsys.readouterr()
        return end.value.code, out, error

    @asynccontextmanager
    async def sealing(self) -> AsyncIterator[None]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "zhitong.infra.cli", "seal"),
            *("--state", str(self._state)),
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            yield
        finally:
            process.terminate()
            out, error = await process.communicate()
        assert process.returncode == 0, error.decode()
        assert "封存已启动 The sealer runs: seal-1" in out.decode()


@pytest.fixture
async def typed(
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Typed:
    await begun(database)
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    monkeypatch.setenv("ZHITONG_SEAL_SECONDS", "0.02")
    return Typed(tmp_path / "state", capsys)


async def test_keys_are_listed_and_turned_while_a_sealer_runs(
    typed: Typed, database: str, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(database)
    assert "还没有密钥" in (await typed.said("keys", "list"))[1]
    token = generate(ECDSA)
    key, public = tmp_path / "token.pem", tmp_path / "public.pem"
    key.write_text(pem(PRIVATE, token))
    public.write_text(pem(PUBLIC, file_signer(token).spki))
    turn = ("keys", "rotate", "--purpose", "head", "--because", "年度更换")
    async with typed.sealing():
        await wait_in_queue(connection, "one")
        await sealed(connection, 1)
        code, out, _ = await typed.said(*turn, "--hours", "1")
        assert (code, "密钥已更换" in out) == (0, True)
        await wait_in_queue(connection, "two")
        await sealed(connection, 2)
        by = f"openssl dgst -sha256 -sign '{key}'"
        code, out, _ = await typed.said(
            *(*turn, "--hours", "0", "--program", by, "--public", str(public))
        )
        assert code == 0
        await wait_in_queue(connection, "three")
        await sealed(connection, 3)
    await checked(connection)
    listed = (await typed.said("keys", "list"))[1].splitlines()
    assert [line.split()[1] for line in listed] == ["head"] * 3
    assert sum("retired" in line for line in listed) == 2
    newest = await connection.fetch(
        "select key_id from head_signature order by at desc limit 1"
    )
    assert [row["key_id"] for row in newest] == [file_signer(token).key_id]
    await connection.close()


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        pytest.param((), "there is no key for head yet", id="none yet"),
        pytest.param(("--hours", "-1"), "the hours must not be below 0", id="hours"),
        pytest.param(("--program", "true"), "--public FILE", id="no public key"),
        pytest.param(
            ("--program", "true", "--public", "/none"), "cannot read", id="no file"
        ),
    ],
)
async def test_a_turn_that_cannot_be_is_refused(
    typed: Typed, words: tuple[str, ...], fault: str
) -> None:
    code, _, error = await typed.said(
        *("keys", "rotate", "--purpose", "head", "--because", "b", *words)
    )
    assert code == 2
    assert error.startswith("SETTINGS:")
    assert fault in error


async def test_a_bureau_s_key_is_registered_once_and_retired_by_deeds(
    typed: Typed, database: str, tmp_path: Path
) -> None:
    bureau = file_signer(generate(ECDSA))
    (tmp_path / "bureau.pem").write_text(pem(PUBLIC, bureau.spki))
    add = (
        *("keys", "add", "--unit", "11619900MB0004001B", "--because", "公函"),
        *("--key", str(tmp_path / "bureau.pem")),
    )
    code, out, _ = await typed.said(*add)
    assert (code, bureau.key_id in out) == (0, True)
    assert "known already" in (await typed.said(*add))[2]
    retire = ("keys", "retire", bureau.key_id, "--because", "遗失")
    assert (await typed.said(*retire))[0] == 0
    assert "no key" in (await typed.said(*retire))[2]
    (line,) = (await typed.said("keys", "list"))[1].splitlines()
    assert line.split()[:2] == [bureau.key_id, "bureau"]
    assert line.endswith("11619900MB0004001B")
    connection = await asyncpg.connect(database)
    deeds = await connection.fetch(
        "select action, target, reason from deed where kind = 'KEY' order by at"
    )
    await connection.close()
    assert [tuple(deed) for deed in deeds] == [
        ("add-key", bureau.key_id, "公函"),
        ("retire-key", bureau.key_id, "遗失"),
    ]


@pytest.mark.parametrize(
    ("unit", "key", "fault"),
    [
        ("11619900MB0004001X", "bureau.pem", "no unified social credit code"),
        ("11619900MB0004001B", "none.pem", "cannot read the public key"),
        ("11619900MB0004001B", "private.pem", "cannot read the public key"),
    ],
)
async def test_what_is_no_bureau_s_key_is_refused(
    typed: Typed, tmp_path: Path, unit: str, key: str, fault: str
) -> None:
    der = generate(ECDSA)
    (tmp_path / "bureau.pem").write_text(pem(PUBLIC, file_signer(der).spki))
    (tmp_path / "private.pem").write_text(pem(PRIVATE, der))
    code, _, error = await typed.said(
        *("keys", "add", "--unit", unit, "--because", "b", "--key", str(tmp_path / key))
    )
    assert (code, fault in error) == (2, True)


async def test_the_platform_s_own_keys_are_turned_and_not_retired(
    typed: Typed, database: str
) -> None:
    connection = await asyncpg.connect(database)
    async with typed.sealing():
        await wait_in_queue(connection, "one")
        await sealed(connection, 1)
    name = await connection.fetchval("select key_id from evidence_key")
    await connection.close()
    error = (await typed.said("keys", "retire", name, "--because", "b"))[2]
    assert "turned with keys rotate" in error


async def test_status_says_how_the_log_is(typed: Typed, database: str) -> None:
    connection = await asyncpg.connect(database)
    assert "no head yet" in (await typed.said("status"))[1]
    async with typed.sealing():
        await wait_in_queue(connection, "one")
        await sealed(connection, 1)
    _, out, _ = await typed.said("status")
    assert "存证日志 The log: sha256，" in out
    await connection.close()
