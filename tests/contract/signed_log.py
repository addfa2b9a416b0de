"""A small log with a decision that its bureau has signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
from entries import AT, UNIT, entry, ledger_over, of_person
from sealed_log import SmallWitness, seal

from zhitong.connectors import key_ring
from zhitong.connectors.key_ring import Because
from zhitong.connectors.signers import FileSigner
from zhitong.decisions import Entry, Signing
from zhitong.infra.bureau_signing import sign
from zhitong.rules.statements import stated

NUMBER = "110105194912310038"
SAID = of_person(NUMBER, local_id="S-1", document_no="（安）罚〔2026〕900号")
VARIABLES: dict[str, Any] = {
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


async def signed_decision(database: str, bureau: FileSigner) -> Entry:
    """Record a decision that *bureau* has signed, a key registered for its unit."""
    await enrol(database, bureau)
    async with ledger_over(database) as (ledger, _):
        given = Signing(**sign(bureau, VARIABLES))
        held = await ledger.signed(entry(SAID), given, stated(SAID))
        assert held.state == "HOLDS"
        made = entry(SAID, signature=held)
        await ledger.commit(made)
    return made


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
