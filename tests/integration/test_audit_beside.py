"""What stands beside the proved rows, and is made of them, cannot be changed unseen."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from entries import SEALING
from sealed_log import SmallWitness, small_log
from signed_log import proved, signed_decision

from zhitong.connectors.erasure import Erasure, Order
from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.ledger_entry import number_place
from zhitong.connectors.sealing import seal, unseal
from zhitong.connectors.signers import ECDSA, file_signer, generate
from zhitong.connectors.whole_check import Checked, Wanted, check
from zhitong.rules.unseen import NO_SECRETS

pytestmark = pytest.mark.integration


async def checked(url: str, witness: SmallWitness, **more: object) -> Checked:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            wanted = Wanted(witnessed=witness.seen, grace=0, **more)  # type: ignore[arg-type]
            return await check(EvidenceRows(connection), wanted)
    finally:
        await connection.close()


async def changed(url: str, *statements: str) -> None:
    """Do what only an operator with all rights can."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set session_replication_role = replica")
        for statement in statements:
            assert not (await connection.execute(statement)).endswith(" 0"), statement
    finally:
        await connection.close()


async def one(url: str, statement: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval(statement))
    finally:
        await connection.close()


@pytest.fixture
def witness() -> SmallWitness:
    return SmallWitness(file_signer(generate(ECDSA)))


# --- what was found about a decision -----------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "delete from finding",
        "update finding set severity = 'DOUBT'",
        "update finding set en = 'well'",
        "update finding set found_at = found_at + interval '1 microsecond'",
    ],
)
async def test_what_was_found_about_a_decision_cannot_be_taken_back(
    database: str, tmp_path: Path, witness: SmallWitness, change: str
) -> None:
    await small_log(database, tmp_path, witness)
    place = await one(database, "select min(finding_id) from finding")
    await changed(database, f"{change} where finding_id = '{place}'")
    found = await checked(database, witness)
    assert [str(each) for each in found.faults.listed] == [
        f"FINDING_DIFFERS finding {place}"
    ]


@pytest.mark.parametrize(
    ("version", "name"), [("version", "{0}/7"), ("version + 40", "{0}/7")]
)
async def test_what_nobody_found_is_named(
    database: str, tmp_path: Path, witness: SmallWitness, version: str, name: str
) -> None:
    await small_log(database, tmp_path, witness)
    decision = await one(
        database,
        "select decision_id from audit_leaf l where version = 1 and not exists "
        "(select from finding f where f.decision_id = l.decision_id) limit 1",
    )
    await changed(
        database,
        f"insert into finding select '{decision}/7', decision_id, {version}, 'x', "  # noqa: S608 - the test's own
        f"'BREACH', '', '', '', at from audit_leaf where decision_id = '{decision}' "
        "and version = 1",
    )
    found = await checked(database, witness)
    assert [str(each) for each in found.faults.listed] == [
        f"FINDING_DIFFERS finding {name.format(decision)}"
    ]


# --- the present row ---------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("case_key = case_key || 'x'", "case_key"),
        ("case_hash = case_hash + 1", "case_hash"),
        ("origin = 'HISTORY'", "origin"),
    ],
)
async def test_the_case_and_the_origin_of_a_decision_are_its_first_version_s(
    database: str, tmp_path: Path, witness: SmallWitness, change: str, column: str
) -> None:
    await small_log(database, tmp_path, witness)
    decision = await one(database, "select min(decision_id) from decision")
    await changed(
        database,
        f"update decision set {change} where decision_id = '{decision}'",  # noqa: S608 - the test's own
    )
    (fault,) = (await checked(database, witness)).faults.listed
    assert (fault.kind, fault.column) == ("PRESENT_DIFFERS", column)
    assert fault.id.startswith(decision)


# --- sealed ID numbers --------------------------------------------------------

OTHER = """(select n.sealed from sealed_number n where n.decision_id <> '{0}'
    order by n.decision_id limit 1)"""


async def numbered(url: str) -> str:
    return await one(url, "select min(decision_id) from sealed_number")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(f"sealed = {OTHER}", id="another's"),
        pytest.param(
            "sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)", id="changed"
        ),
        pytest.param("sealed = '\\x00'", id="cut"),
        pytest.param(
            "key_id = (select k.key_id from person_key k "
            "where k.key_id <> sealed_number.key_id limit 1)",
            id="another person's key",
        ),
    ],
)
async def test_a_sealed_number_that_somebody_swapped_is_named_by_who_has_the_keys(
    database: str, tmp_path: Path, witness: SmallWitness, change: str
) -> None:
    await small_log(database, tmp_path, witness)
    decision = await numbered(database)
    await changed(
        database,
        f"update sealed_number set {change.format(decision)} "  # noqa: S608 - the test's own
        f"where decision_id = '{decision}' and version = 1",
    )
    found = await checked(database, witness, sealing=SEALING)
    assert f"NUMBER_DIFFERS sealed_number {decision}/1 .party" in {
        str(each) for each in found.faults.listed
    }
    assert found.faults.totals["NUMBER_DIFFERS"] == 1  # type: ignore[index]  # a name
    assert NO_SECRETS not in found.unseen


async def test_without_the_keys_it_says_that_numbers_were_not_looked_at(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    await changed(database, "update sealed_number set sealed = '\\x00'")
    found = await checked(database, witness)
    assert (len(found.faults), NO_SECRETS in found.unseen) == (0, True)


async def test_a_number_of_no_version_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    decision = await numbered(database)
    await changed(
        database,
        "insert into sealed_number select decision_id, 40, field, key_id, sealed "  # noqa: S608 - the test's own
        f"from sealed_number where decision_id = '{decision}' and version = 1",
    )
    found = await checked(database, witness, sealing=SEALING)
    assert [str(each) for each in found.faults.listed] == [
        f"NUMBER_DIFFERS sealed_number {decision}/40 .party"
    ]


@pytest.mark.parametrize(
    "change",
    [
        "update person_key set wrapped = null, destroyed_at = now()",
        "update person_key set wrapped = null",
        "update person_key set destroyed_at = now()",
    ],
)
async def test_a_key_that_nobody_ordered_to_be_destroyed_is_named(
    database: str, tmp_path: Path, witness: SmallWitness, change: str
) -> None:
    await small_log(database, tmp_path, witness)
    key = await one(database, "select min(key_id::text) from person_key")
    await changed(database, f"{change} where key_id = '{key}'")
    found = await checked(database, witness, sealing=SEALING)
    assert [str(each) for each in found.faults.listed] == [
        f"ERASURE_DIFFERS person_key {key}"
    ]


async def test_an_erasure_is_excused_by_its_deed_and_must_stand(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    first = "from person_key order by key_id limit 1"
    key = await one(database, f"select key_id {first}")
    wrapped = await one(database, f"select encode(wrapped, 'hex') {first}")
    person = await one(database, f"select encode(person, 'hex') {first}")
    async with Erasure(database) as erasure:
        order = Order(who="李运维", reason="本人申请", approval="安信〔2026〕3号")
        assert await erasure.erase(bytes.fromhex(person), order) is not None
    assert len((await checked(database, witness, sealing=SEALING)).faults) == 0
    await changed(
        database,
        f"update person_key set wrapped = '\\x{wrapped}', destroyed_at = null "  # noqa: S608 - the test's own
        f"where key_id = '{key}'",
    )
    found = await checked(database, witness, sealing=SEALING)
    assert [str(each) for each in found.faults.listed] == [
        f"ERASURE_DIFFERS person_key {key}"
    ]
    gone = f"delete from person_key where key_id = '{key}'"  # noqa: S608 - the test's own
    await changed(database, gone)
    found = await checked(database, witness, sealing=SEALING)
    assert found.faults.totals["ERASURE_DIFFERS"] == 1  # type: ignore[index]  # a name


async def test_an_erased_number_that_is_sealed_anew_is_named(
    database: str, tmp_path: Path, witness: SmallWitness
) -> None:
    await small_log(database, tmp_path, witness)
    connection = await asyncpg.connect(database)
    before = await connection.fetchrow(
        "select n.*, k.person, k.wrapped from sealed_number n join person_key k "
        "using (key_id) limit 1"
    )
    assert before is not None
    place = number_place(
        UUID(before["decision_id"]), before["version"], before["field"]
    )
    key = SEALING.unwrapped(before["key_id"], before["person"], before["wrapped"])
    number = unseal(key, before["sealed"], place)
    async with Erasure(database) as erasure:
        order = Order(who="李运维", reason="本人申请", approval="安信〔2026〕3号")
        assert await erasure.erase(before["person"], order) is not None
    # What the operator keeps to himself, he can put back under another key.
    made, anew, wrapped = SEALING.make(before["person"])
    await connection.execute(
        "insert into person_key (key_id, person, wrapped) values ($1, $2, $3)",
        *(made, before["person"], wrapped),
    )
    await connection.execute(
        "update sealed_number set key_id = $1, sealed = $2 where sealed = $3",
        *(made, seal(anew, number, place), before["sealed"]),
    )
    await connection.close()
    found = await checked(database, witness, sealing=SEALING)
    assert [str(each) for each in found.faults.listed] == [
        f"ERASURE_DIFFERS person_key {before['key_id']}"
    ]


@pytest.mark.parametrize(
    "change",
    [
        "delete from sealed_opening",
        "update sealed_opening set sealed = (select sealed from sealed_number limit 1)",
        "update sealed_opening set field = 'representative'",
    ],
)
async def test_what_opens_a_digest_that_a_bureau_has_signed_is_opened_too(
    database: str, tmp_path: Path, witness: SmallWitness, change: str
) -> None:
    await small_log(database, tmp_path, witness)
    made = await signed_decision(database, file_signer(generate(ECDSA)))
    await proved(database, tmp_path, witness)
    assert (await checked(database, witness, sealing=SEALING)).faults.listed == []
    await changed(database, change)
    found = await checked(database, witness, sealing=SEALING)
    named = {str(each).rpartition(" ")[0] for each in found.faults.listed}
    assert named == {f"NUMBER_DIFFERS sealed_opening {made.decision.id}/1"}
