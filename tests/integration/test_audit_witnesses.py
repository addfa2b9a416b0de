"""Which words, keys, heads and stamps count, and with whose account that is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import asyncpg
import orjson
import pytest
from cryptography.x509 import load_pem_x509_certificates
from entries import SEALING
from sealed_log import SmallWitness, grants, small_log
from signed_log import proved, signed_decision
from stamp_authority import StampAuthority

from zhitong.connectors import deeds
from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.key_ring import register
from zhitong.connectors.server_roles import arrange
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.timestamps import question, stamps
from zhitong.connectors.whole_check import Checked, Wanted, check
from zhitong.evidence import Deed, DeedKind, stamp
from zhitong.infra.audit import LATE
from zhitong.rules.unseen import NO_AUTHORITY
from zhitong.rules.verification import micros

pytestmark = pytest.mark.integration


@pytest.fixture
def witness() -> SmallWitness:
    return SmallWitness(file_signer(generate(ECDSA)))


async def checked(database: str, *witnesses: SmallWitness, **more: object) -> Checked:
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            wanted = Wanted(
                witnessed=[seen for each in witnesses for seen in each.seen],
                grace=0,
                **more,  # type: ignore[arg-type]  # of several kinds
            )
            return await check(EvidenceRows(connection), wanted)
    finally:
        await connection.close()


async def named(database: str, *witnesses: SmallWitness, **more: object) -> list[str]:
    found = await checked(database, *witnesses, **more)
    return [str(each) for each in found.faults.listed]


async def test_a_second_deed_that_makes_a_key_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    row = await connection.fetchrow(
        "select body, target from deed where action = 'add-key' limit 1"
    )
    assert row is not None
    again = Deed(
        kind=DeedKind.KEY,
        who="李运维",
        action="add-key",
        target=row["target"],
        reason="再次",
        detail=orjson.loads(row["body"])["detail"],
    )
    async with connection.transaction():
        await deeds.write(connection, again)
    await connection.close()
    found = await checked(database, witness)
    assert [str(each) for each in found.faults.listed] == [
        f"KEY_TWICE evidence_key {row['target']}"
    ]


async def test_a_head_counts_with_the_quorum_of_witnesses(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    other = SmallWitness(file_signer(generate(ECDSA)))
    pinned = (witness.signer.spki, other.signer.spki)
    first = witness.seen[0].head
    alone = await named(database, witness, witness_keys=pinned, quorum=2)
    assert alone == [
        "WITNESS_MISSING witness anze (1 of 2)",
        f"WITNESS_BEHIND head {first.size}@{stamp(first.at)} (witnessed 0)",
    ]
    connection = await asyncpg.connect(database)
    await register(connection, "witness", other.signer.spki)
    await other.countersign(connection)
    await connection.close()
    both = (witness, other)
    assert await named(database, *both, witness_keys=pinned, quorum=2) == []
    # One of them has not seen the newest: what it lacks has one witness's word.
    *_, before, _ = [seen.head.size for seen in other.seen]
    newest = [seen for seen in other.seen if seen.head.size > before]
    for seen in newest:
        other.seen.remove(seen)
    assert await named(database, *both, witness_keys=pinned) == []
    lacks = min(newest, key=lambda seen: seen.head.at).head
    assert await named(database, *both, witness_keys=pinned, quorum=2) == [
        f"WITNESS_BEHIND head {lacks.size}@{stamp(lacks.at)} (witnessed {before})"
    ]


async def test_a_witness_under_another_s_name_is_not_two(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    other = SmallWitness(file_signer(generate(ECDSA)))
    for seen in witness.seen:
        said = replace(seen.word.signature, key_id=other.signer.key_id)
        other.seen.append(replace(seen, word=replace(seen.word, signature=said)))
    pinned = (witness.signer.spki, other.signer.spki)
    found = await named(database, witness, other, witness_keys=pinned, quorum=2)
    kinds = {each.split(" ")[0] for each in found}
    assert kinds == {"WITNESS_WORD", "WITNESS_MISSING", "WITNESS_BEHIND"}


async def test_a_sealer_that_stands_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    last = max((seen.head for seen in witness.seen), key=lambda head: head.at)
    at = micros(stamp(last.at))
    assert await named(database, witness, late=LATE, now=at + LATE) == []
    assert await named(database, witness, late=LATE, now=at + LATE + 1) == [
        f"HEAD_LATE head {last.size}@{stamp(last.at)}"
    ]


async def test_a_database_whose_clock_stands_hides_no_sealer_that_does(
    database: str,
    tmp_path: Path,
    witness: SmallWitness,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await small_log(database, tmp_path, witness)

    async def stood(_rows: EvidenceRows) -> int:
        return 0

    monkeypatch.setattr(EvidenceRows, "clock", stood)
    (found,) = await named(database, witness, late=-LATE)
    assert found.startswith("HEAD_LATE")


async def test_a_timestamp_of_an_authority_that_is_not_trusted_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path / "keys", witness)
    trusted = StampAuthority(tmp_path / "tsa").make()
    other = StampAuthority(tmp_path / "other").make()
    heads = [seen.head for seen in witness.seen[:2]]
    connection = await asyncpg.connect(database)
    for head, authority in zip(heads, (trusted, other), strict=True):
        response = authority.answer(question(head.note).as_bytes())
        moment = stamps(response, head.note)
        await connection.execute(
            "insert into head_timestamp values ($1, $2, $3, $4, $5)",
            *(head.origin, head.size, head.at, moment, response),
        )
    await connection.close()
    roots = load_pem_x509_certificates(trusted.ca.read_bytes())
    found = await checked(database, witness, authorities=roots)
    assert [str(each) for each in found.faults.listed] == [
        f"TIMESTAMP_UNTRUSTED head_timestamp {heads[1].size}@{stamp(heads[1].at)}"
    ]
    assert NO_AUTHORITY not in found.unseen
    without = await checked(database, witness)
    assert (len(without.faults), NO_AUTHORITY in without.unseen) == (0, True)


async def test_a_gateway_s_account_may_verify_the_whole_log(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    names = ("zhitong_owner", "zhitong_gateway", "zhitong_sealer")
    passwords = {name: f"of-{name}" for name in names}
    await arrange(database, passwords, "zhitong_owner")
    await small_log(database, tmp_path, witness)
    await grants(database, 2)
    await signed_decision(database, file_signer(generate(ECDSA)))
    await proved(database, tmp_path, witness)
    place = database.rpartition("@")[2]
    url = f"postgresql://zhitong_gateway:of-zhitong_gateway@{place}"
    found = await checked(url, witness, sealing=SEALING, archives=())
    assert [str(each) for each in found.faults.listed] == []
