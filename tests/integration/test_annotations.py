"""What happened to decisions leaves by the one outbox, once, or somebody tells it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import orjson
import pytest
from entries import SEALING, decision, entry, ledger_over, of_person, prepare
from happenings import annotating, due, happen
from ledger_rows import ENDLESS, run
from reconciled import way

from zhitong.connectors import work_chase
from zhitong.connectors.annotations import Told
from zhitong.connectors.erasure import Erasure, Order
from zhitong.connectors.ledger import PlatformLedger
from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.parked import ParkedKeys
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.connectors.work_chase import Chase
from zhitong.decisions import (
    Ack,
    Answer,
    Change,
    Entry,
    Event,
    Happened,
    Receipt,
    case_hash,
    partition_key,
)
from zhitong.infra.calendar_file import read_work_clocks
from zhitong.infra.settings import Settings
from zhitong.rules.work import Due
from zhitong.streams.annotations import Told as Annotated
from zhitong.streams.annotations import read_annotation
from zhitong.streams.kafka_client import Access
from zhitong.types import Inquiry

pytestmark = pytest.mark.integration

CLOCKS = read_work_clocks(Settings().calendar)
OUT = "select * from outbox where change = 'ANNOTATED' order by receiver"
WORK = "select kind, receiver, occasion, closed_by from work_item order by 1, 2, 3"
KEY = partition_key(case_hash(decision().case_key))


@pytest.fixture
async def opened(
    database: str,
) -> AsyncIterator[tuple[PlatformLedger, asyncpg.Pool[asyncpg.Record]]]:
    await prepare(database)
    async with ledger_over(database) as both:
        yield both


@pytest.fixture
def ledger(
    opened: tuple[PlatformLedger, asyncpg.Pool[asyncpg.Record]],
) -> PlatformLedger:
    return opened[0]


@pytest.fixture
def pool(
    opened: tuple[PlatformLedger, asyncpg.Pool[asyncpg.Record]],
) -> asyncpg.Pool[asyncpg.Record]:
    return opened[1]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_chase, "SETTLING", timedelta(0))


def second() -> Entry:
    return entry(decision(facts="更正"), 2, Change.CORRECTED, reason="更正")


async def leave(url: str) -> None:
    """Have all that waits leave; a connection before may still hold some buckets."""
    outbox = PlatformOutbox(url, "one")
    try:
        async with asyncio.timeout(ENDLESS):
            while await run(url, "select from outbox where not parked"):
                await outbox.own()
                if waiting := await outbox.waiting(100):
                    acks = [Ack(seq=one.seq, partition=0, offset=0) for one in waiting]
                    await outbox.sent(acks)
    finally:
        await outbox.close()


async def file(url: str, row: asyncpg.Record, answer: Answer) -> None:
    """File the answer of an event's receiver."""
    receipt = Receipt(
        event_id=UUID(row["event_id"]),
        receiver=row["receiver"],
        answer=answer,
        at=datetime.now(UTC),
        payload_hash=hashlib.sha256(row["payload"]).hexdigest(),
    )
    book = PlatformReceiptBook(url)
    try:
        await book.file([receipt])
    finally:
        await book.close()


async def look(url: str) -> None:
    """Chase all that is not answered by now."""
    async with Chase(url) as chase:
        found = await chase.look(CLOCKS, lambda _receiver, recorded: Due(recorded))
    assert found is not None


async def work(url: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await run(url, WORK)]


def told(row: asyncpg.Record) -> Annotated:
    found = read_annotation(row["payload"])
    assert found is not None
    return found


async def test_a_repair_leaves_to_who_had_the_decision_but_who_told_us(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    await ledger.commit(entry(decision()))
    await leave(database)
    await ledger.commit(second())
    for what in ("REPAIRED", "LISTED", "SUPERVISED"):
        await happen(database, what, decision().id, "credit")
    assert await due(pool).tell(annotating().of) == Told(events=1, by_hand=0)

    (row,) = await run(database, OUT)
    said = told(row)
    assert (row["receiver"], row["version"], row["key"]) == ("provincial", 2, KEY)
    assert (row["event_id"], row["decision_id"]) == (
        str(said.event_id),
        str(decision().id),
    )
    assert (said.happened, said.data["sender"]) == ("REPAIRED", "credit")
    assert said.data["listing_no"] == "SX-31"
    assert not {"已履行义务", "安泽市某某化工有限公司"} & {*said.data.values()}
    # In its key's order: behind the version that waits still.
    lying = "select change from outbox where key = $1 order by seq"
    waiting = await run(database, lying, KEY)
    assert [one["change"] for one in waiting][-1] == "ANNOTATED"

    (look_,) = await run(
        database,
        "select body from access_entry where record_id = $1",
        f"{row['event_id']}/provincial",
    )
    digest = orjson.loads(look_["body"])["answer"]["digest"]
    assert digest == hashlib.sha256(row["payload"]).hexdigest()
    assert await work(database) == []
    taken = await run(database, "select change, event_id, taken_at from inbound_effect")
    assert all(one["taken_at"] for one in taken)
    assert {one["event_id"] for one in taken} == {None, row["event_id"]}
    assert await due(pool).tell(annotating().of) == Told()
    assert len(await run(database, OUT)) == 1


async def test_an_erasure_is_told_to_everybody_and_says_nothing_of_the_person(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    number = "11010519491231002X"
    about = entry(of_person(number))
    for each in (about, entry(decision(local_id="A-2", document_no="另一号"))):
        await ledger.commit(each)
    await leave(database)
    async with Erasure(database) as erasure:
        order = Order(who="me", reason="本人申请", approval="1")
        erased = await erasure.erase(SEALING.person(number), order)
    assert erased is not None
    assert erased.receivers == ("credit", "provincial")
    # Due in the erasure's own transaction, whoever is killed behind it.
    (effect,) = await run(database, "select change, decision_id from inbound_effect")
    assert tuple(effect) == ("ERASED", str(about.decision.id))

    assert await due(pool).tell(annotating().of) == Told(events=2, by_hand=0)
    rows = await run(database, OUT)
    assert [row["receiver"] for row in rows] == ["credit", "provincial"]
    for row in rows:
        said = told(row)
        assert said.decision_id == about.decision.id
        assert said.data.keys() == {"happened", "cause", "expected"}
        assert said.data["expected"] == "ERASE_OR_RESTRICT"
        for private in (number, "李四", about.decision.document_no):
            assert private not in row["payload"].decode()
    await leave(database)
    # Nothing of it is sealed, so it can be sent again.
    kept = await run(
        database, "select key_id from outbox_sent where change = 'ANNOTATED'"
    )
    assert [row["key_id"] for row in kept] == [None, None]


async def nobody(_: Happened) -> Sequence[tuple[Event, Inquiry]]:
    return ()


async def test_whom_no_event_can_tell_somebody_is_to_tell(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    await ledger.commit(entry(decision()))
    await happen(database, "OBJECTED", decision().id)
    assert await due(pool).tell(nobody) == Told(events=0, by_hand=2)
    assert await run(database, OUT) == []
    assert await work(database) == [
        ("UNTOLD", name, "OBJECTED", None) for name in ("credit", "provincial")
    ]
    await look(database)
    (item, _) = await run(database, "select due_at from work_item")
    assert item["due_at"] > datetime.now(UTC)
    assert await due(pool).tell(nobody) == Told()


async def test_of_several_who_look_each_tells_what_no_other_has(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    ids = [decision(local_id=f"A-{n}", document_no=f"{n}号") for n in range(10)]
    for one in ids:
        await ledger.commit(entry(one))
        await happen(database, "REPAIRED", one.id)
    looks = (due(pool).tell(annotating().of) for _ in range(4))
    found = await asyncio.gather(*looks)
    assert sum(one.events for one in found) == 20
    rows = await run(database, OUT)
    assert len({(row["event_id"], row["receiver"]) for row in rows}) == 20


async def test_who_is_killed_in_the_middle_has_told_nobody(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    await ledger.commit(entry(decision()))
    await happen(database, "REPAIRED", decision().id)
    names: list[str] = []

    async def killed(happened: Happened) -> Sequence[tuple[Event, Inquiry]]:
        names.append(str(happened.event_id))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await due(pool).tell(killed)
    assert await run(database, OUT) == []
    assert len(await run(database, "select from inbound_effect where taken_at is null"))
    assert await due(pool).tell(annotating().of) == Told(events=2, by_hand=0)
    assert {row["event_id"] for row in await run(database, OUT)} == {*names}


async def test_behind_a_dead_letter_it_waits_in_its_order(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    await ledger.commit(entry(decision()))
    park = "select park_event(seq, 'too large') from outbox where receiver = 'credit'"
    await run(database, park)
    await happen(database, "REPAIRED", decision().id)
    await due(pool).tell(annotating().of)
    rows = await run(database, OUT)
    assert [(row["receiver"], row["parked"]) for row in rows] == [
        ("credit", True),
        ("provincial", False),
    ]


async def test_a_dead_letter_of_one_is_given_to_a_person_and_its_key_goes_on(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    await ledger.commit(entry(decision()))
    await leave(database)
    await happen(database, "REPAIRED", decision().id)
    await due(pool).tell(annotating().of)
    row = (await run(database, OUT))[0]
    await run(database, "select park_event($1, 'refused')", row["seq"])
    await ledger.commit(second())
    async with ParkedKeys(database) as parked:
        dead = await parked.dead("credit", row["event_id"])
        assert dead is not None
        assert await parked.hand_over(dead, "me", "对方不认")
        assert not await parked.hand_over(dead, "me", "对方不认")
    assert await work(database) == [("UNTOLD", "credit", "REPAIRED", None)]
    assert await run(database, "select from parked_key") == []
    assert await run(database, "select from outbox where parked") == []
    (kept,) = await run(
        database,
        "select koffset, payload from outbox_sent"
        " where change = 'ANNOTATED' and receiver = 'credit'",
    )
    assert (kept["koffset"], kept["payload"]) == (None, row["payload"])
    (deed,) = await run(database, "select action from deed")
    assert deed["action"] == "hand-over-event"


async def test_it_is_chased_until_its_own_receipt_whatever_version_is_held(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    await ledger.commit(entry(decision()))
    await leave(database)
    await happen(database, "REPAIRED", decision().id, "credit")
    await due(pool).tell(annotating().of)
    (row,) = await run(database, OUT)
    await leave(database)
    await look(database)
    chased = ("UNACKNOWLEDGED", "provincial", "REPAIRED")
    assert await work(database) == [(*chased, None)]

    await ledger.commit(second())
    (later,) = await run(database, "select * from outbox where receiver = 'provincial'")
    await leave(database)
    await file(database, later, Answer.HELD)
    await look(database)
    assert (*chased, None) in await work(database)
    await file(database, row, Answer.HELD)
    assert (*chased, "RECEIPT") in await work(database)


async def test_that_it_is_held_mends_no_version(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    await ledger.commit(entry(decision()))
    (first, _) = await run(database, "select * from outbox order by receiver desc")
    await leave(database)
    await file(database, first, Answer.REJECTED)
    await ledger.commit(second())
    await leave(database)
    await happen(database, "REPAIRED", decision().id, "credit")
    await due(pool).tell(annotating().of)
    (row,) = await run(database, OUT)
    assert (row["receiver"], row["version"]) == ("provincial", 2)
    await leave(database)
    await file(database, row, Answer.HELD)
    await look(database)
    assert ("REJECTED", "provincial", "RECORDED", None) in await work(database)


async def test_a_rejection_of_one_is_work_and_no_figure_of_the_source(
    ledger: PlatformLedger, pool: asyncpg.Pool[asyncpg.Record], database: str
) -> None:
    await ledger.commit(entry(decision()))
    await happen(database, "REPAIRED", decision().id, "credit")
    await due(pool).tell(annotating().of)
    (row,) = await run(database, OUT)
    await leave(database)
    await file(database, row, Answer.REJECTED)
    assert await work(database) == [("REJECTED", "provincial", "REPAIRED", None)]


async def test_a_reconciliation_sees_it_and_names_it_where_it_is_lost(
    broker: Access, database: str
) -> None:
    here = await way(broker, database)
    (sent,) = await here.record(1)
    await happen(database, "REPAIRED", sent.decision)

    async def by_topic(happened: Happened) -> Sequence[tuple[Event, Inquiry]]:
        return [
            (msgspec.structs.replace(event, topic=here.topic), look)
            for event, look in await annotating().of(happened)
        ]

    async with ledger_over(database, size=2) as (_, pool):
        assert await due(pool).tell(by_topic) == Told(events=1, by_hand=0)
    await here.send()
    assert len(here.lying()) == 2
    await here.file()
    assert await here.found(whole=True) == set()
    (lost,) = await run(
        database,
        "delete from outbox_sent where change = 'ANNOTATED' returning event_id",
    )
    found = await here.found(whole=True)
    assert lost["event_id"] in {name for _, name in found}
