"""Timestamps on heads: a real authority, openssl as the stranger who checks them."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from sealing_log import begun, sealed, sealing, until, wait_in_queue
from stamp_authority import StampAuthority

from zhitong.connectors.loan import Plain
from zhitong.exceptions import SettingsError
from zhitong.infra.settings import Settings
from zhitong.infra.timestamping import Timestamping

pytestmark = pytest.mark.integration

STAMPS = """
select h.note, t.response, t.stamped, t.size
from head_timestamp t join head h using (origin, size, at) order by t.at
"""


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[StampAuthority]:
    made = StampAuthority(tmp_path / "tsa").make()
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def log(database: str) -> AsyncIterator[Plain]:
    await begun(database)
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
def settings(tmp_path: Path, authority: StampAuthority) -> Settings:
    return Settings(
        state=tmp_path, tsa=authority.url, tsa_ca=str(authority.ca), tsa_hours=1e-9
    )


@asynccontextmanager
async def stamping(url: str, settings: Settings) -> AsyncIterator[None]:
    task = asyncio.create_task(Timestamping(url, settings, every=0.05).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def stamped(log: Plain, count: int) -> list[asyncpg.Record]:
    async def enough() -> bool:
        return len(await log.fetch(STAMPS)) >= count

    await until(enough)
    return list(await log.fetch(STAMPS))


def checks(folder: Path, note: bytes, response: bytes, ca: Path) -> bool:
    """Say whether openssl takes *response* for a timestamp over *note*."""
    (folder / "note").write_bytes(note)
    (folder / "response.tsr").write_bytes(response)
    words = ["-data", str(folder / "note"), "-in", str(folder / "response.tsr")]
    done = subprocess.run(  # noqa: S603 - openssl, as a stranger has it
        ["openssl", "ts", "-verify", *words, "-CAfile", str(ca)],  # noqa: S607 - the one on the path
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


async def test_a_head_is_stamped_and_openssl_says_so_too(
    log: Plain, database: str, settings: Settings, authority: StampAuthority
) -> None:
    async with sealing(database, settings.evidence), stamping(database, settings):
        for count in (1, 2):
            await wait_in_queue(log, f"{count}")
            await sealed(log, count)
            rows = await stamped(log, count)
    for row in rows:
        assert checks(settings.state, row["note"], row["response"], authority.ca)
        other = row["note"].replace(b"size", b"SIZE")
        assert not checks(settings.state, other, row["response"], authority.ca)
    assert rows[0]["size"] < rows[-1]["size"]


async def test_an_authority_that_is_away_stops_nothing_and_is_caught_up_with(
    log: Plain,
    database: str,
    settings: Settings,
    authority: StampAuthority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "zhitong.timestamping")
    authority.stop()
    async with sealing(database, settings.evidence), stamping(database, settings):
        await wait_in_queue(log, "a", "b")
        await sealed(log, 2)

        async def told() -> bool:
            return "TSA" in caplog.text

        await until(told)
        authority.start()
        (row, *_) = await stamped(log, 1)
    assert checks(settings.state, row["note"], row["response"], authority.ca)
    assert sum("TSA" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("what", ["nothing", "another's", "an old one"])
async def test_what_is_no_stamp_of_that_authority_on_that_head_is_not_kept(
    log: Plain, database: str, settings: Settings, authority: StampAuthority, what: str
) -> None:
    if what == "nothing":
        authority.faulty = b"\x30\x03\x02\x01\x00"
    if what == "another's":
        other = StampAuthority(settings.state / "other").make()
        settings = replace(settings, tsa_ca=str(other.ca))
    async with sealing(database, settings.evidence):
        await wait_in_queue(log, "a")
        await sealed(log, 1)
        if what == "an old one":
            async with stamping(database, settings):
                authority.faulty = (await stamped(log, 1))[0]["response"]
            await wait_in_queue(log, "b")
            await sealed(log, 2)
        before, asked = len(await log.fetch(STAMPS)), authority.asked
        async with stamping(database, settings):

            async def tried() -> bool:
                return authority.asked >= asked + 2

            await until(tried)
    assert len(await log.fetch(STAMPS)) == before


async def test_where_nothing_is_new_nothing_is_stamped(
    log: Plain, database: str, settings: Settings, authority: StampAuthority
) -> None:
    async with sealing(database, settings.evidence):
        await wait_in_queue(log, "a")
        await sealed(log, 1)
    async with stamping(database, settings):
        await stamped(log, 1)
        await asyncio.sleep(0.5)
    assert authority.asked == 1


@pytest.mark.parametrize(
    "wrong", [{"tsa": "ftp://tsa"}, {"tsa_ca": ""}, {"tsa_ca": "/nowhere.pem"}]
)
def test_an_authority_written_wrongly_is_refused_at_the_start(
    settings: Settings, wrong: dict[str, str]
) -> None:
    with pytest.raises(SettingsError):
        Timestamping("", replace(settings, **wrong))  # type: ignore[arg-type]
