"""A lawful erasure destroys a person's key: numbers are gone, proofs stand."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest
from entries import AT, SEALING, decision, entry, ledger_over, of_person, prepare
from ledger_rows import left

from zhitong.connectors.decision_row import with_numbers
from zhitong.connectors.erasure import Erased, Erasure, Order
from zhitong.connectors.ledger import PlatformLedger
from zhitong.connectors.ledger_entry import payload_place
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.connectors.sealing import Sealing, unseal
from zhitong.decisions import Answer, Change, Decision, Event, Receipt
from zhitong.exceptions import SettingsError

pytestmark = pytest.mark.integration

PARTY = "11010519491231002X"
REPRESENTATIVE = "110105194912310038"
Opened = tuple[PlatformLedger, "asyncpg.Pool[asyncpg.Record]"]


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Opened]:
    await prepare(database)
    async with ledger_over(database) as opened:
        yield opened


def of_two() -> Decision:
    """Give a decision about one person, represented by another."""
    said = of_person(PARTY)
    party = msgspec.structs.replace(
        said.party,
        representative="赵六",
        representative_id_kind="RESIDENT_ID",
        representative_id_number=REPRESENTATIVE,
    )
    return msgspec.structs.replace(said, party=party)


ORDER = Order(who="me", reason="本人申请", approval="安信〔2026〕3号")


async def erase(url: str, number: str) -> Erased | None:
    async with Erasure(url) as erasure:
        return await erasure.erase(SEALING.person(number), ORDER)


async def held(ledger: PlatformLedger, said: Decision) -> Decision:
    found = await ledger.held(said.id)
    assert found is not None
    return found.decision


async def test_no_id_number_lies_open_anywhere_in_the_database(opened: Opened) -> None:
    ledger, pool = opened
    said = of_two()
    await ledger.commit(entry(said))
    await ledger.commit(entry(said, 2, Change.WITHDRAWN, reason="撤销"))
    tables = await pool.fetch(
        "select relname from pg_class where relkind = 'r' and relnamespace = "
        "'public'::regnamespace"
    )
    assert "sealed_number" in {table["relname"] for table in tables}
    for table in tables:
        rows = await pool.fetch(
            f"select t::text as said from {table['relname']} t"  # noqa: S608
        )
        for row in rows:
            for number in (PARTY, REPRESENTATIVE):
                assert number not in row["said"]
                assert number.encode().hex() not in row["said"]


async def test_an_erased_person_is_gone_from_all_versions_and_only_that_person(
    opened: Opened, database: str
) -> None:
    ledger, pool = opened
    said, other = of_two(), of_person(REPRESENTATIVE, local_id="A-2")
    await ledger.commit(entry(said))
    await ledger.commit(entry(other))
    await ledger.commit(entry(said, 2, Change.WITHDRAWN, reason="撤销"))
    assert await held(ledger, said) == said
    proofs = await pool.fetch("select content_hash, content from decision_version")
    leaves = await pool.fetch("select body, leaf from audit_leaf")

    assert await erase(database, PARTY) == Erased(
        numbers=2,
        payloads=0,
        decisions=(str(said.id),),
        receivers=("credit", "provincial"),
    )

    assert await held(ledger, said) == with_numbers(
        said, {"representative": REPRESENTATIVE}
    )
    assert await held(ledger, other) == other
    assert proofs == await pool.fetch(
        "select content_hash, content from decision_version"
    )
    assert leaves == await pool.fetch("select body, leaf from audit_leaf")
    for leaf in leaves:
        assert leaf["leaf"] == hashlib.sha256(b"\x00" + leaf["body"]).digest()
    (key,) = await pool.fetch(
        "select wrapped, destroyed_at from person_key where person = $1",
        SEALING.person(PARTY),
    )
    assert key["wrapped"] is None
    assert key["destroyed_at"] is not None
    assert await erase(database, PARTY) is None
    (deed,) = await pool.fetch("select * from deed")
    assert (deed["kind"], deed["target"], deed["reason"]) == (
        "ERASURE",
        SEALING.person(PARTY).hex(),
        "本人申请",
    )
    detail = msgspec.json.decode(deed["body"])["detail"]
    assert (detail["approval"], detail["numbers"]) == ("安信〔2026〕3号", 2)
    assert PARTY not in deed["body"].decode()


async def test_the_same_decision_again_is_a_replay_after_the_erasure_too(
    opened: Opened, database: str
) -> None:
    ledger, _ = opened
    said = of_person(PARTY)
    await ledger.commit(entry(said))
    await erase(database, PARTY)
    assert (await ledger.commit(entry(said))).replayed


async def test_what_is_registered_later_has_a_key_of_its_own(
    opened: Opened, database: str
) -> None:
    ledger, pool = opened
    before, after = (
        of_person(PARTY),
        of_person(PARTY, local_id="A-2", document_no="2号"),
    )
    await ledger.commit(entry(before))
    await erase(database, PARTY)
    await ledger.commit(entry(after))
    assert await held(ledger, before) == with_numbers(before, {})
    assert await held(ledger, after) == after
    assert await pool.fetchval("select count(*) from person_key") == 2


async def test_an_erased_decision_can_still_be_withdrawn(
    opened: Opened, database: str
) -> None:
    ledger, _ = opened
    said = of_person(PARTY)
    await ledger.commit(entry(said))
    await erase(database, PARTY)
    bare = await held(ledger, said)
    committed = await ledger.commit(entry(bare, 2, Change.WITHDRAWN, reason="撤销"))
    assert (committed.version, committed.replayed) == (2, False)
    assert await held(ledger, said) == bare


async def test_another_master_key_is_said_and_not_taken_for_an_erasure(
    opened: Opened,
) -> None:
    ledger, pool = opened
    said = of_person(PARTY)
    await ledger.commit(entry(said))
    await ledger.commit(entry(decision(local_id="A-2")))
    wrong = PlatformLedger(pool, Sealing(b"digests", b"another"))
    with pytest.raises(SettingsError, match=r"person\.key"):
        await wrong.held(said.id)
    assert await wrong.held(decision(local_id="A-2").id) is not None


def receipt(event: Event, hashed: str) -> Receipt:
    return Receipt(
        event_id=event.event_id,
        receiver=event.receiver,
        answer=Answer.HELD,
        at=AT,
        payload_hash=hashed,
    )


async def test_what_was_sent_about_a_person_is_kept_sealed_and_erased_with_the_key(
    opened: Opened, database: str
) -> None:
    ledger, pool = opened
    about, other = entry(of_person(PARTY)), entry(decision(local_id="A-2"))
    await ledger.commit(about)
    await ledger.commit(other)
    (key,) = await pool.fetch("select * from person_key")
    await left(database)

    sent = await pool.fetch("select * from outbox_sent")
    kept = {(row["event_id"], row["receiver"]): row for row in sent}
    assert len(kept) == len(about.events) + len(other.events)
    opens = SEALING.unwrapped(key["key_id"], SEALING.person(PARTY), key["wrapped"])
    for event in about.events:
        row = kept[str(event.event_id), event.receiver]
        assert PARTY.encode() not in row["payload"]
        assert row["payload"] != event.payload
        said = unseal(opens, row["payload"], payload_place(event))
        assert said == event.payload.decode()
        assert row["key_id"] == key["key_id"]
        assert row["payload_hash"] == hashlib.sha256(event.payload).digest()
    for event in other.events:
        row = kept[str(event.event_id), event.receiver]
        assert (row["payload"], row["key_id"]) == (event.payload, None)
    assert not await pool.fetch("select from sealed_payload")

    erased = await erase(database, PARTY)
    assert erased is not None
    assert erased.payloads == len(about.events)
    assert not await pool.fetch("select from person_key where wrapped is not null")


async def test_a_receipt_for_what_is_sealed_is_filed_also_after_the_erasure(
    opened: Opened, database: str
) -> None:
    ledger, pool = opened
    about = entry(of_person(PARTY))
    await ledger.commit(about)
    await left(database)
    await erase(database, PARTY)
    first, second = about.events
    book = PlatformReceiptBook(database)
    try:
        right = hashlib.sha256(first.payload).hexdigest()
        await book.file([receipt(first, right), receipt(second, "0" * 64)])
    finally:
        await book.close()
    filed = await pool.fetch("select event_id, receiver from receipt")
    assert [tuple(row) for row in filed] == [(str(first.event_id), first.receiver)]
    (stray,) = await pool.fetch("select receiver, why from stray_receipt")
    assert tuple(stray) == (second.receiver, "it is for other bytes than those sent")
