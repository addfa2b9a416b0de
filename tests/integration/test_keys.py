"""Keys of the proof: made at first use, turned with a note, published for ever."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx
import orjson
import pytest
from sealing_log import begun, checked, sealed, sealing, until, wait_in_queue
from starlette.applications import Starlette
from starlette.routing import Route

from zhitong.connectors.key_forms import PRIVATE, PUBLIC, from_pem, pem
from zhitong.connectors.key_ring import HEAD, Because, KeyRing, Program, public_keys
from zhitong.connectors.key_table import KeyTable
from zhitong.connectors.loan import Plain as Connection
from zhitong.connectors.published import LogTable, Published
from zhitong.connectors.server_roles import arrange
from zhitong.connectors.signers import ECDSA, SM2, file_signer, generate, verify
from zhitong.exceptions import SettingsError, SignerUnavailableError
from zhitong.infra.evidence_pages import EvidencePages
from zhitong.rules.head_notes import read_head

pytestmark = pytest.mark.integration

BECAUSE = Because(who="operator", reason="年度更换")
DAY = timedelta(days=1)


@pytest.fixture
async def platform(database: str) -> str:
    await begun(database)
    return database


@pytest.fixture
async def connection(platform: str) -> AsyncIterator[Connection]:
    made = await asyncpg.connect(platform)
    yield made
    await made.close()


async def test_a_key_is_made_at_first_use_and_is_the_same_afterwards(
    connection: Connection, tmp_path: Path
) -> None:
    first = await KeyRing(tmp_path).signer(connection, "receipt")
    again = await KeyRing(tmp_path).signer(connection, "receipt")
    assert first.key_id == again.key_id
    (known,) = await public_keys(connection)
    assert (known.key_id, known.purpose, known.spki) == (
        first.key_id,
        "receipt",
        first.spki,
    )
    deed = orjson.loads(await connection.fetchval("select body from deed"))
    assert (deed["action"], deed["target"]) == ("add-key", first.key_id)
    assert deed["detail"]["spki"] == first.spki.hex()


async def test_two_processes_that_start_together_have_one_key(
    platform: str, tmp_path: Path
) -> None:
    async def one() -> str:
        connection = await asyncpg.connect(platform)
        try:
            return (await KeyRing(tmp_path).signer(connection, HEAD)).key_id
        finally:
            await connection.close()

    assert len(set(await asyncio.gather(*(one() for _ in range(6))))) == 1


async def test_gateways_with_folders_of_their_own_have_receipt_keys_of_their_own(
    connection: Connection, tmp_path: Path
) -> None:
    one = await KeyRing(tmp_path / "one").signer(connection, "receipt")
    two = await KeyRing(tmp_path / "two").signer(connection, "receipt")
    assert one.key_id != two.key_id
    await KeyRing(tmp_path / "one").signer(connection, HEAD)
    with pytest.raises(SignerUnavailableError):
        await KeyRing(tmp_path / "two").signer(connection, HEAD)


async def test_a_damaged_key_file_is_said(
    connection: Connection, tmp_path: Path
) -> None:
    made = await KeyRing(tmp_path).signer(connection, HEAD)
    (tmp_path / f"head-{made.key_id}.pem").write_text("-----BEGIN")
    with pytest.raises(SignerUnavailableError, match="KeyFormError"):
        await KeyRing(tmp_path).signer(connection, HEAD)


# --- rotation -----------------------------------------------------------------


async def test_a_key_is_turned_under_a_sealer_that_runs(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    ring = KeyRing(tmp_path)
    async with sealing(platform, tmp_path):
        await wait_in_queue(connection, "before")
        await sealed(connection, 1)
        (old,) = await ring.signers(connection, HEAD)
        new = ring.keep(HEAD, generate(SM2))
        note = await ring.rotate(connection, HEAD, new, BECAUSE, DAY)
        await wait_in_queue(connection, "while both sign")
        await sealed(connection, 2)
        await connection.execute(
            "update evidence_key set retired = clock_timestamp() where key_id = $1",
            old.key_id,
        )
        await asyncio.sleep(0.05)
        await wait_in_queue(connection, "after")
        await sealed(connection, 3)
    await checked(connection)
    assert (note.old, note.new, note.spki) == (old.key_id, new.key_id, new.spki)
    row = await connection.fetchrow("select * from key_note")
    assert row is not None
    assert row["note"] == note.text
    assert verify(old.spki, ECDSA, note.text, row["value"])
    signers = await connection.fetch(
        "select array_agg(key_id order by key_id) as keys, min(at) as at "
        "from head_signature group by size, at order by at"
    )
    found = [row["keys"] for row in signers]
    both = sorted([old.key_id, new.key_id])
    assert found[0] == [old.key_id]
    assert both in found
    assert found[-1] == [new.key_id]
    actions = await connection.fetch("select action, target from deed order by at")
    assert [("add-key", new.key_id), ("retire-key", old.key_id)] == [
        (each["action"], each["target"]) for each in actions
    ][-2:]


async def test_a_program_takes_over_from_a_file(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    key = tmp_path / "token.pem"
    der = generate(ECDSA)
    token = file_signer(der)
    key.write_text(pem(PRIVATE, der))
    command = ("openssl", "dgst", "-sha256", "-sign", str(key))
    ring = KeyRing(tmp_path)
    await ring.signer(connection, HEAD)
    program = ring.keep_program(HEAD, Program(command, pem(PUBLIC, token.spki)))
    await ring.rotate(connection, HEAD, program, BECAUSE, timedelta(0))
    async with sealing(platform, tmp_path):
        await wait_in_queue(connection, "one")
        await sealed(connection, 1)
    await checked(connection)
    by = await connection.fetch("select distinct key_id from head_signature")
    assert [row["key_id"] for row in by] == [token.key_id]


async def test_there_is_nothing_to_turn_before_the_first_key(
    connection: Connection, tmp_path: Path
) -> None:
    ring = KeyRing(tmp_path)
    with pytest.raises(SettingsError, match="receipt"):
        await ring.rotate(
            connection, "receipt", ring.keep("receipt", generate(ECDSA)), BECAUSE, DAY
        )


ROLES = ["zhitong_owner", "zhitong_gateway", "zhitong_sealer"]


async def accounts(database: str) -> list[str]:
    """Give the addresses of owner, gateway and sealer, the owner's tables there."""
    await arrange(database, dict.fromkeys(ROLES, "words"), ROLES[0])
    place = database.rpartition("@")[2]
    found = [f"postgresql://{role}:words@{place}" for role in ROLES]
    await begun(found[0])
    return found


async def test_the_gateway_s_account_neither_seals_nor_turns_the_head_s_key(
    database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, as_gateway, as_sealer = await accounts(database)
    connection = await asyncpg.connect(as_sealer)
    ring = KeyRing(tmp_path)
    await ring.signer(connection, HEAD)
    await connection.close()
    new = ring.keep(HEAD, generate(ECDSA))
    async with KeyTable(as_gateway) as table:
        with pytest.raises(SettingsError, match="_SEALER"):
            await table.rotate(ring, HEAD, new, BECAUSE, 1)

    async def said() -> bool:
        return any("PLATFORM_SEALER" in record.message for record in caplog.records)

    async with sealing(as_gateway, tmp_path):
        await until(said)


async def test_the_sealer_s_account_may_seal_and_turn_keys(
    database: str, tmp_path: Path
) -> None:
    as_owner, _, as_sealer = await accounts(database)
    everything = await asyncpg.connect(as_owner)
    connection = await asyncpg.connect(as_sealer)
    try:
        await wait_in_queue(everything, *(f"{number}" for number in range(300)))
        async with sealing(as_sealer, tmp_path):
            await sealed(everything, 300)
            ring = KeyRing(tmp_path)
            new = ring.keep(HEAD, generate(ECDSA))
            await ring.rotate(connection, HEAD, new, BECAUSE, DAY)
            await everything.execute("delete from tree_node")
        # Another one finds the nodes gone, and computes them again.
        async with sealing(as_sealer, tmp_path):
            await wait_in_queue(everything, "last")
            await sealed(everything, 301)
        await checked(everything)
        assert await everything.fetchval("select count(*) from tree_node") == 1
    finally:
        await connection.close()
        await everything.close()


# --- what anybody may see -----------------------------------------------------


@pytest.fixture
async def web(platform: str) -> AsyncIterator[httpx.AsyncClient]:
    async with asyncpg.create_pool(platform, min_size=1, max_size=2) as pool:
        pages = EvidencePages(Published(pool))
        app = Starlette(routes=[Route("/keys", pages.keys), Route("/head", pages.head)])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://z") as web:
            yield web


async def test_a_stranger_checks_the_newest_head_with_what_is_published(
    platform: str, connection: Connection, tmp_path: Path, web: httpx.AsyncClient
) -> None:
    assert (await web.get("/head")).status_code == 404
    async with sealing(platform, tmp_path):
        await wait_in_queue(connection, "one")
        await sealed(connection, 1)

    async def published() -> bool:
        return (await web.get("/head")).status_code == 200

    await until(published)
    (known,) = (await web.get("/keys")).json()["keys"]
    head = (await web.get("/head")).json()
    note = b64decode(head["note"])
    (signature,) = head["signatures"]
    assert signature["kid"] == known["kid"]
    assert verify(
        from_pem(PUBLIC, known["pem"]),
        signature["algorithm"],
        note,
        b64decode(signature["value"]),
    )
    assert read_head(note).origin == "anze"
    assert head["countersignatures"] == []
    assert known["retired"] is None


async def test_status_says_how_large_the_log_is_and_how_old_its_head(
    platform: str, connection: Connection, tmp_path: Path
) -> None:
    async with LogTable(platform) as table:
        before = await table.state()
    assert before is not None
    assert (before.size, before.hash, before.origin) == (None, "sha256", "anze")
    async with sealing(platform, tmp_path):
        await wait_in_queue(connection, "one")
        await sealed(connection, 1)
    async with LogTable(platform) as table:
        after = await table.state()
    assert after is not None
    assert after.size is not None
    assert after.size >= 1
    assert after.age is not None
