"""The operator's side of the witness: sealer, witness and database are real ones."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from log_operator import new_key
from sealing_log import QUICK, begun, until, wait_in_queue
from witnesses import WitnessProcess

from zhitong.connectors.key_forms import PRIVATE, PUBLIC, pem
from zhitong.connectors.key_ring import HEAD, Because, KeyRing
from zhitong.connectors.loan import Plain
from zhitong.connectors.sealer import Sealer
from zhitong.connectors.signers import ECDSA, SM2, generate, verify
from zhitong.exceptions import SettingsError
from zhitong.infra.countersigning import Countersigning, witnesses
from zhitong.infra.settings import Settings
from zhitong.infra.witness_key import PUBLIC_NAME

pytestmark = pytest.mark.integration

COUNTED = """
select count(*) from head h where exists (
    select from head_countersignature c
    where (c.origin, c.size, c.at) = (h.origin, h.size, h.at)
)
"""
COVERED = """
select not exists (select from unsealed)
    and (select max(size) from head_countersignature)
        = (select count(*) from sealed_leaf) as covered
"""
WORDS = """
select h.note, c.seen, c.value, k.spki, c.algorithm
from head_countersignature c
join head h using (origin, size, at) join evidence_key k on k.key_id = c.key_id
"""


@pytest.fixture
async def log(database: str, tmp_path: Path) -> AsyncIterator[Plain]:
    """Give a connection to an empty log, whose first key is made."""
    await begun(database)
    connection = await asyncpg.connect(database)
    await KeyRing(tmp_path / "evidence").signer(connection, HEAD, ECDSA)
    yield connection
    await connection.close()


@pytest.fixture
async def start(
    log: Plain, tmp_path: Path
) -> AsyncIterator[Callable[..., WitnessProcess]]:
    """Give ``start("a")``: a witness that trusts the log's first key."""
    spki = await log.fetchval("select spki from evidence_key where purpose = 'head'")
    started: list[WitnessProcess] = []

    def begin(name: str = "witness", *words: str) -> WitnessProcess:
        one = WitnessProcess(tmp_path / name, spki, words)
        started.append(one)
        return one.start()

    yield begin
    for one in started:
        one.kill()


@asynccontextmanager
async def running(
    database: str, tmp_path: Path, *who: WitnessProcess, key: Path | None = None
) -> AsyncIterator[None]:
    """Run sealer and countersigning for the time of the block, as ``zhitong seal``."""
    named = [f"{one.url}={key or one.folder / PUBLIC_NAME}" for one in who]
    settings = Settings(state=tmp_path, witnesses=",".join(named))
    countersigning = Countersigning(database, settings)
    sealer = Sealer(
        database,
        KeyRing(tmp_path / "evidence"),
        ECDSA,
        pace=QUICK,
        sealed=lambda _: countersigning.wake(),
    )
    tasks = [asyncio.create_task(sealer.run())]
    tasks += [asyncio.create_task(countersigning.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def covered(log: Plain) -> None:
    """Wait until all that waited lies under a head with a witness's word."""

    async def so() -> bool:
        return bool(await log.fetchval(COVERED))

    await until(so)


async def test_heads_get_a_word_that_holds_and_is_kept(
    log: Plain, database: str, tmp_path: Path, start: Callable[..., WitnessProcess]
) -> None:
    witness = start()
    async with running(database, tmp_path, witness):
        for number in range(5):
            await wait_in_queue(log, f"{number}.a", f"{number}.b")
            await covered(log)
    rows = await log.fetch(WORDS)
    assert len(rows) >= 5
    for row in rows:
        stamped = row["seen"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        text = f"zhitong-witness/1\nseen {stamped}\n".encode() + row["note"]
        assert verify(row["spki"], row["algorithm"], text, row["value"])
    kept = {word.note.encode() for word in witness.client.heads()}
    # At the end one word may have been on its way.
    assert kept >= {row["note"] for row in rows}


@pytest.mark.parametrize("way", ["halted", "killed"])
async def test_heads_go_on_without_the_witness_and_one_word_catches_up(
    log: Plain,
    database: str,
    tmp_path: Path,
    start: Callable[..., WitnessProcess],
    way: str,
) -> None:
    witness = start()
    async with running(database, tmp_path, witness):
        await wait_in_queue(log, "first")
        await covered(log)
        (witness.halt if way == "halted" else witness.kill)()
        before = await log.fetchval(COUNTED)
        for number in range(10):
            await wait_in_queue(log, f"{number}")

            async def sealed() -> bool:
                return not await log.fetchval("select count(*) from unsealed")

            await until(sealed)
        (witness.resume if way == "halted" else witness.start)()
        await covered(log)
    assert await log.fetchval("select count(*) from head") >= 11
    # A halted witness may answer what it was asked before, too.
    assert await log.fetchval(COUNTED) - before in {1, 2}


async def test_a_witness_that_hangs_holds_up_no_other(
    log: Plain, database: str, tmp_path: Path, start: Callable[..., WitnessProcess]
) -> None:
    hanging, well = start("hanging"), start("well")
    hanging.halt()
    async with running(database, tmp_path, hanging, well):
        await wait_in_queue(log, "one")
        await covered(log)
        hanging.resume()

        async def both() -> bool:
            counted = "select count(distinct key_id) from head_countersignature"
            return bool(await log.fetchval(counted) == 2)

        await until(both)


async def test_a_word_that_was_lost_on_the_way_is_fetched(
    log: Plain, database: str, tmp_path: Path, start: Callable[..., WitnessProcess]
) -> None:
    witness = start()
    async with running(database, tmp_path, witness):
        await wait_in_queue(log, "one", "two")
        await covered(log)
    lost = await log.fetchval("select count(*) from head_countersignature")
    await log.execute("delete from head_countersignature")
    async with running(database, tmp_path, witness):
        await covered(log)
    assert await log.fetchval("select count(*) from head_countersignature") >= lost


async def test_a_new_key_is_introduced_by_the_old_one(
    log: Plain, database: str, tmp_path: Path, start: Callable[..., WitnessProcess]
) -> None:
    witness = start()
    ring = KeyRing(tmp_path / "evidence")
    async with running(database, tmp_path, witness):
        await wait_in_queue(log, "one")
        await covered(log)
        for algorithm in (SM2, ECDSA):
            new = ring.keep(HEAD, generate(algorithm))
            await rotate(log, ring, new.key_id)
            await wait_in_queue(log, new.key_id)
            await covered(log)
            assert witness.client.key().trusts == (new.key_id,)


async def rotate(log: Plain, ring: KeyRing, name: str) -> None:
    new = ring._signer(HEAD, name)
    assert new is not None
    await ring.rotate(log, HEAD, new, Because(who="test", reason="测试"), timedelta(0))


async def test_an_operator_who_rewrote_the_log_has_no_word_and_is_told_so(
    log: Plain,
    database: str,
    tmp_path: Path,
    start: Callable[..., WitnessProcess],
    caplog: pytest.LogCaptureFixture,
) -> None:
    witness = start()
    async with running(database, tmp_path, witness):
        await wait_in_queue(log, *(f"{number}" for number in range(20)))
        await covered(log)
    await wait_in_queue(log, *(f"{number} rewritten" for number in range(40)))
    await log.execute("truncate head, sealed_leaf, tree_node cascade")
    with caplog.at_level(logging.WARNING, "zhitong.countersigning"):
        async with running(database, tmp_path, witness):

            async def told() -> bool:
                return "WITNESS_REFUSED" in caplog.text

            await until(told)
    assert "FORK" in caplog.text
    assert "LOG_CHANGED" in caplog.text
    assert await log.fetchval("select count(*) from head_countersignature") == 0
    assert b'"reason":"FORK"' in (witness.folder / "refused.jsonl").read_bytes()


async def test_a_witness_with_another_key_is_not_believed(
    log: Plain,
    database: str,
    tmp_path: Path,
    start: Callable[..., WitnessProcess],
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(pem(PUBLIC, new_key().spki), "ascii")
    with caplog.at_level(logging.WARNING, "zhitong.countersigning"):
        async with running(database, tmp_path, start(), key=other):
            await wait_in_queue(log, "one")

            async def told() -> bool:
                return "another key" in caplog.text

            await until(told)
    assert await log.fetchval("select count(*) from head_countersignature") == 0


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("https://w.example", id="no key"),
        pytest.param("http://w.example={}", id="no safe address"),
        pytest.param("https://w.example={},", id="one that is empty"),
        pytest.param("https://w.example={}", id="fewer than the quorum"),
    ],
)
def test_witnesses_written_wrongly_are_refused_at_the_start(
    said: str, tmp_path: Path
) -> None:
    (tmp_path / "w.pem").write_text(pem(PRIVATE, b""), "ascii")
    text = said.format(tmp_path / "w.pem")
    with pytest.raises(SettingsError):
        witnesses(Settings(state=tmp_path, witnesses=text, witness_quorum=2))
