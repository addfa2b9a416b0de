"""Bureaus' signatures in the log: what was signed, and what it was worth, stays so."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from entries import AT, SEALING, UNIT, entry, ledger_over, of_person
from sealed_log import SmallWitness, seal, small_log

from zhitong.connectors import key_ring
from zhitong.connectors.erasure import Erasure, Order
from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.key_ring import Because
from zhitong.connectors.signers import ECDSA, FileSigner, file_signer, generate
from zhitong.connectors.whole_check import Checked, Wanted, check
from zhitong.decisions import Entry, Signing
from zhitong.infra.bureau_signing import sign
from zhitong.rules.statements import content, stated

pytestmark = pytest.mark.integration

NUMBER = "110105194912310038"
SAID = of_person(NUMBER, local_id="S-1", document_no="（安）罚〔2026〕900号")
VARIABLES = {
    "decision": {
        "localId": "S-1",
        "actType": "PENALTY",
        "subjectCode": UNIT,
        "subjectName": "安泽市应急管理局",
        "caseSource": "emergency",
        "caseNo": "AZYJ-2026-00001",
        "matterCode": "1",
        "documentNo": "（安）罚〔2026〕900号",
        "documentTitle": "行政处罚决定书",
        "decidedOn": "2026-11-20",
        "facts": "安全出口上锁。",
        "legalBasis": "安全生产法",
        "result": "罚款人民币20000元",
        "counterpartyKind": "NATURAL_PERSON",
        "counterpartyName": "李四",
        "idKind": "RESIDENT_ID",
        "idNumber": NUMBER,
        "officerCertificates": ["1900101", "1900102"],
        "reviewNo": "FS-1",
        "reviewedOn": "2026-11-19",
        "reviewOpinion": "AGREE",
        "collective": True,
        "penaltyKinds": ["FINE"],
        "fine": "20000.00",
        "procedure": "ORDINARY",
        "confiscated": "0.00",
    }
}


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
    bureau = file_signer(generate(ECDSA))
    await enrol(database, bureau)
    async with ledger_over(database) as (ledger, _):
        made = entry(SAID, signature=None)
        given = Signing(**sign(bureau, VARIABLES))
        held = await ledger.signed(made, given, stated(SAID))
        assert held.state == "HOLDS"
        await ledger.commit(entry(SAID, signature=held))
    await proved(database, tmp_path, witness)
    return entry(SAID, signature=held)


async def enrol(database: str, bureau: FileSigner) -> None:
    connection = await asyncpg.connect(database)
    try:
        because = Because(who="me", reason="公函")
        await key_ring.register(
            connection, key_ring.BUREAU, bureau.spki, AT, because, unit=UNIT
        )
    finally:
        await connection.close()


async def proved(database: str, folder: Path, witness: SmallWitness) -> None:
    await seal(database, folder)
    connection = await asyncpg.connect(database)
    try:
        await witness.countersign(connection)
    finally:
        await connection.close()


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
