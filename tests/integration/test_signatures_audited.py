"""Bureaus' signatures in the log: what was signed, and what it was worth, stays so."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import orjson
import pytest
from entries import SEALING
from sealed_log import SmallWitness, small_log
from signed_log import NUMBER, proved, signed_decision

from zhitong.connectors.erasure import Erasure, Order
from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import Checked, Wanted, check
from zhitong.decisions import Entry
from zhitong.rules.merkle import digest, leaf
from zhitong.rules.statements import content

pytestmark = pytest.mark.integration


async def checked(url: str, witness: SmallWitness) -> Checked:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            wanted = Wanted(witnessed=witness.seen, grace=0)
            return await check(EvidenceRows(connection), wanted)
    finally:
        await connection.close()


async def changed(url: str, statement: str) -> None:
    """Do what only an operator with all rights can."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set session_replication_role = replica")
        assert not (await connection.execute(statement)).endswith(" 0"), statement
    finally:
        await connection.close()


@pytest.fixture
def witness() -> SmallWitness:
    return SmallWitness(file_signer(generate(ECDSA)))


@pytest.fixture
async def signed(database: str, tmp_path: Path, witness: SmallWitness) -> Entry:
    """Give a signed version of a decision; the log has it, sealed and witnessed."""
    await small_log(database, tmp_path, witness)
    made = await signed_decision(database, file_signer(generate(ECDSA)))
    await proved(database, tmp_path, witness)
    return made


@pytest.mark.usefixtures("signed")
async def test_an_untouched_log_with_a_signature_has_no_fault(
    database: str, witness: SmallWitness
) -> None:
    assert (await checked(database, witness)).faults.listed == []


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("update {} set state = 'INVALID'", "state"),
        ("update {} set statement = 'a.b.c'", "statement"),
        ("update {} set key_id = '0123456789abcdef'", "key"),
        ("update {} set signed_at = signed_at + interval '1 microsecond'", "at"),
        ("update {} set salt = repeat('0', 64)", "salt"),
        ("update {} set numbers = '{{}}'", "numbers"),
        ("update {} set differs = '{{content}}'", "differs"),
        ("update {} set recorded_by = 'x'", "recorded_by"),
        ("update {} set version = 2", ""),
        ("delete from {}", ""),
    ],
)
async def test_a_signature_that_was_changed_or_taken_away_is_named(
    database: str, witness: SmallWitness, signed: Entry, change: str, column: str
) -> None:
    await changed(database, change.format("decision_signature"))
    faults = (await checked(database, witness)).faults.listed
    assert {each.kind.value for each in faults} == {"STATEMENT_DIFFERS"}
    places = {(each.id, each.column) for each in faults}
    assert (f"{signed.decision.id}/1", column) in places


async def test_a_signature_that_nobody_gave_is_named(
    database: str, witness: SmallWitness, signed: Entry
) -> None:
    await changed(
        database,
        "insert into decision_signature (decision_id, version, state, key_id,"  # noqa: S608 - the test's own
        " algorithm, statement, salt, numbers, differs, recorded_by, recorded_at)"
        " select l.decision_id, l.version, 'HOLDS', '', '', '', '', '{}', '{}', '',"
        " l.at from audit_leaf l where l.decision_id <> "
        f"'{signed.decision.id}' limit 1",
    )
    (fault,) = (await checked(database, witness)).faults.listed
    assert (fault.kind, fault.column) == ("STATEMENT_DIFFERS", "")


async def test_a_bureau_s_key_that_was_put_in_the_place_of_another_is_named(
    database: str, witness: SmallWitness, signed: Entry
) -> None:
    spki = file_signer(generate(ECDSA)).spki.hex()
    await changed(
        database,
        f"update evidence_key set spki = '\\x{spki}' where purpose = 'bureau'",  # noqa: S608 - the test's own
    )
    faults = (await checked(database, witness)).faults.listed
    assert {str(each).partition(" ")[0] for each in faults} == {
        "KEY_DIFFERS",
        "STATEMENT_DIFFERS",
    }
    assert f"{signed.decision.id}/1" in {each.id for each in faults}


@pytest.mark.usefixtures("signed")
async def test_a_bureau_s_key_cannot_be_given_to_another_unit(
    database: str, witness: SmallWitness
) -> None:
    await changed(
        database,
        "update evidence_key set unit = '11619900MB0005004U' where purpose = 'bureau'",
    )
    faults = (await checked(database, witness)).faults.listed
    assert ("KEY_DIFFERS", "unit") in {
        (each.kind.value, each.column) for each in faults
    }


async def test_after_an_erasure_the_signature_still_holds_and_opens_no_number(
    database: str, tmp_path: Path, witness: SmallWitness, signed: Entry
) -> None:
    order = Order(who="me", reason="本人申请", approval="安信〔2026〕3号")
    async with Erasure(database) as erasure:
        assert await erasure.erase(SEALING.person(NUMBER), order) is not None
    await proved(database, tmp_path, witness)
    assert (await checked(database, witness)).faults.listed == []
    connection = await asyncpg.connect(database)
    try:
        wrapped = await connection.fetchval(
            "select k.wrapped from sealed_opening o join person_key k using (key_id)"
        )
    finally:
        await connection.close()
    assert wrapped is None  # nobody opens the digest's key any more
    assert signed.signature is not None
    text = content(signed, signed.signature.salt, signed.signature.numbers)
    assert NUMBER.encode() not in text


@pytest.mark.parametrize(("name", "value"), [("numbers", ["x"]), ("state", "HOLDS ")])
async def test_a_signature_that_cannot_be_weighed_does_not_hold(
    database: str, tmp_path: Path, witness: SmallWitness, name: str, value: object
) -> None:
    await small_log(database, tmp_path, witness)
    made = await signed_decision(database, file_signer(generate(ECDSA)))
    place = (str(made.decision.id), made.version)
    connection = await asyncpg.connect(database)
    body = await connection.fetchval(
        "select body from audit_leaf where decision_id = $1 and version = $2", *place
    )
    # Before it is sealed, an operator writes whatever he likes.
    said = orjson.loads(body)
    said["signature"] |= {name: value, "statement": "e30.e30.e30"}
    body = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    proof = leaf(digest("sha256"), body)
    await connection.execute("set session_replication_role = replica")
    for statement, *values in (
        ("update audit_leaf set body = $3, leaf = $4 where {}", *place, body, proof),
        ("update unsealed set leaf = $3 where id = $1 || '/' || $2", *place, proof),
        ("update decision_signature set statement = 'e30.e30.e30' where {}", *place),
    ):
        where = statement.format("decision_id = $1 and version = $2::text::integer")
        done = await connection.execute(where, *map(_text, values))
        assert done == "UPDATE 1"
    await connection.execute(
        "alter table decision_signature drop constraint if exists "
        "decision_signature_state_check"
    )
    stands = orjson.dumps(value).decode() if name == "numbers" else str(value)
    cast = "jsonb" if name == "numbers" else "text"
    await connection.execute(
        f"update decision_signature set {name} = $1::text::{cast} "  # noqa: S608 - the test's own
        "where decision_id = $2",
        *(stands, place[0]),
    )
    await connection.close()
    await proved(database, tmp_path, witness)
    found = await checked(database, witness)
    named = f"STATEMENT_DIFFERS decision_signature {place[0]}/{place[1]}"
    assert any(str(each).startswith(named) for each in found.faults.listed)


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) else value
