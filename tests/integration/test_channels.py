"""Each receiver by its channel: one outbox, one sent log, one book of receipts."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from front_rows import TABLES, at, first, make_tables
from ledger_rows import prepare, put, run, until
from outgoing import event_uuid, outgoing
from pushed import RID, SECRET, SID, Server, page, said, serving

from zhitong.connectors.front_end import FrontEndDatabase
from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.decisions import Ack, FrontTables, Outgoing
from zhitong.infra.channels import filing
from zhitong.streams.addressed import Addressed
from zhitong.streams.channels import FileChannel, FrontEndChannel, HttpChannel
from zhitong.streams.file_answers import FileAnswers
from zhitong.streams.file_drop import FileSender
from zhitong.streams.front_end_push import AnswerReader, FrontEndSender
from zhitong.streams.http_push import HttpSender
from zhitong.streams.memory_broker import MemoryBroker, MemoryProducer
from zhitong.streams.relay import Relay
from zhitong.streams.returns import ReturnDesk

pytestmark = pytest.mark.integration

LEFT = "select count(*)::int from outbox"
FRONT = FrontTables(
    schema="front",
    tables=TABLES.tables,
    of_batch=TABLES.of_batch,
    of_row=TABLES.of_row,
)
TOPIC = "zhitong.anze.supervision.v1"


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A platform, and its receivers: HTTP, a front-end database, a folder, a topic."""

    url: str
    server: Server
    folder: Path
    book: PlatformReceiptBook
    broker: MemoryBroker

    @property
    def places(self) -> dict[str, str]:
        return {
            "credit": self.http.place,
            "provincial": self.front.place,
            "licences": self.files.place,
            "supervision": TOPIC,
        }

    @property
    def http(self) -> HttpChannel:
        return HttpChannel(url=self.server.url, requester=RID, interface=SID)

    @property
    def front(self) -> FrontEndChannel:
        return FrontEndChannel(address=self.url, tables=FRONT)

    @property
    def files(self) -> FileChannel:
        return FileChannel(folder=str(self.folder))

    @property
    def desk(self) -> ReturnDesk:
        return ReturnDesk(self.book, dict, lambda _: False)

    @asynccontextmanager
    async def relaying(
        self, outbox: Callable[[str, str], PlatformOutbox] = PlatformOutbox
    ) -> AsyncIterator[None]:
        """Run a relay beside the block."""
        file, loop = filing(self.desk), asyncio.get_running_loop()
        relay = Relay(
            outbox(self.url, "one"),
            lambda: MemoryProducer(self.broker),
            others={
                "credit": lambda: HttpSender(self.http, lambda: SECRET, file),
                "provincial": lambda: FrontEndSender(
                    FrontEndDatabase(self.url, FRONT), self.front, loop
                ),
                "licences": lambda: Addressed(
                    FileSender("licences", self.files), self.files
                ),
            },
            longest_rest=0.1,
        )
        task = asyncio.create_task(relay.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def read_answers(self) -> None:
        """Look once at what the front-end database and the folder say."""
        store = FrontEndDatabase(self.url, FRONT)
        await AnswerReader(
            receiver="provincial",
            place=self.front.place,
            store=store,
            book=self.book,
            desk=self.desk,
        ).look()
        await store.close()
        await FileAnswers(
            receiver="licences",
            place=self.files.place,
            folder=self.folder,
            book=self.book,
            desk=self.desk,
        ).look()

    def events(self) -> list[Outgoing]:
        """Make three events for each, of two cases."""
        rows = [at(first(f"A-{n}"), self.front.place) for n in range(3)]
        others = [
            outgoing(
                10_000 + 10 * i + n, f"case {n % 2}", name, topic=self.places[name]
            )
            for i, name in enumerate(("credit", "licences", "supervision"))
            for n in range(3)
        ]
        return [*rows, *others]


@pytest.fixture
async def platform(database: str, tmp_path: Path) -> AsyncIterator[Platform]:
    await prepare(database)
    connection = await asyncpg.connect(database)
    await make_tables(connection, "front")
    await connection.close()
    book = PlatformReceiptBook(database)
    folder = tmp_path / "drop"
    folder.mkdir()
    with serving() as server:
        made = Platform(
            url=database,
            server=server,
            folder=folder,
            book=book,
            broker=MemoryBroker({TOPIC: 12}),
        )
        await run(
            database,
            "insert into receiver (receiver, title_zh, title_en, topic)"
            " select unnest($1::text[]), '接收方', 'A receiver', unnest($2::text[])"
            " on conflict (receiver) do update set topic = excluded.topic",
            list(made.places),
            list(made.places.values()),
        )
        yield made
    await book.close()


def lines(folder: Path) -> list[str]:
    """Give the lines of all whole batches."""
    found = []
    for path in sorted(folder.glob("*.manifest.json")):
        data = folder / json.loads(path.read_text("utf-8"))["file"]
        found += data.read_text("utf-8").splitlines()
    return found


async def test_what_waits_leaves_by_each_channel_and_the_log_says_where(
    platform: Platform,
) -> None:
    await put(platform.url, platform.events())
    async with platform.relaying():
        await until(platform.url, LEFT, 0)
    logged = await run(
        platform.url,
        "select receiver, topic, kpartition, koffset, payload_hash from outbox_sent",
    )
    assert Counter(row["receiver"] for row in logged) == Counter(
        dict.fromkeys(platform.places, 3)
    )
    assert {(row["receiver"], row["topic"]) for row in logged} == {
        *platform.places.items()
    }
    days = {row["kpartition"] for row in logged if "://" in row["topic"]}
    assert all(20_260_000 < day < 30_000_000 for day in days)
    assert sorted(platform.server.bodies) == [b"10000", b"10001", b"10002"]
    assert sorted(lines(platform.folder)) == ["10010", "10011", "10012"]
    assert len(platform.broker.messages[TOPIC]) == 3
    (row,) = await run(platform.url, "select count(*) as n from front.penalty")
    assert row["n"] == 3


async def test_killed_between_write_and_note_nothing_is_lost_and_each_knows_doubles(
    platform: Platform,
) -> None:
    acknowledged: Counter[str] = Counter()

    class Dying(PlatformOutbox):
        """Its relay dies before it can move anything."""

        async def sent(self, acks: Sequence[Ack]) -> None:
            assert acks
            acknowledged["batches"] += 1
            await asyncio.Event().wait()

    await put(platform.url, platform.events())
    async with platform.relaying(Dying):
        async with asyncio.timeout(120):
            while acknowledged["batches"] < 4:  # noqa: ASYNC110 - a relay tells nobody
                await asyncio.sleep(0.02)
    assert (await run(platform.url, LEFT))[0][0] == 12
    async with platform.relaying():
        await until(platform.url, LEFT, 0)
    # Twice, under the same keys: the receiver drops the second.
    keys = Counter(call.event for call in platform.server.calls)
    assert keys == {str(event_uuid(10_000 + n)): 2 for n in range(3)}
    (row,) = await run(platform.url, "select count(*) as n from front.penalty")
    assert row["n"] == 3
    assert sorted(lines(platform.folder)) == ["10010", "10011", "10012"]


async def test_what_waits_when_a_channel_is_changed_leaves_by_the_new_one(
    platform: Platform,
) -> None:
    places = ["https://gone.example/take", platform.files.place]
    events = [
        outgoing(seq, "one", "licences", topic=place)
        for seq, place in enumerate(places, 1)
    ]
    await put(platform.url, events)
    async with platform.relaying():
        await until(platform.url, LEFT, 0)
    assert lines(platform.folder) == ["1", "2"]
    logged = await run(
        platform.url, "select topic, kpartition, koffset from outbox_sent order by seq"
    )
    one, two = (tuple(row) for row in logged)
    assert one == two, "both lie in the same batch of the folder"
    assert one[0] == platform.files.place
    (number,) = await platform.book.unanswered("licences", platform.files.place)
    there = await platform.book.batch("licences", platform.files.place, number)
    assert there == [event.event_id for event in events]


async def test_what_each_answers_is_in_one_book_and_shown_with_the_delivery(
    platform: Platform,
) -> None:
    events = platform.events()
    platform.server.reply = lambda call: said(
        data={"event_id": call.event, "answer": "REJECTED", "reasons": ["1003 CF_JDRQ"]}
    )(call)
    await put(platform.url, events)
    async with platform.relaying():
        await until(platform.url, LEFT, 0)
    await run(
        platform.url, "update front.cd_batch_log set ack = 'accepted', ack_at = now()"
    )
    (path,) = platform.folder.glob("*.manifest.json")
    number = json.loads(path.read_text("utf-8"))["batch"]
    answer = platform.folder / "ack" / "1.json"
    answer.parent.mkdir()
    answer.write_text(
        json.dumps(
            {
                "receiver": "licences",
                "batch": number,
                "events": [{"event_id": str(event_uuid(10_010)), "answer": "HELD"}],
            }
        ),
        "utf-8",
    )
    await platform.read_answers()
    await platform.read_answers()
    found = await run(
        platform.url,
        "select receiver, status, count(*)::int as n from delivery group by 1, 2",
    )
    assert {(row["receiver"], row["status"]): row["n"] for row in found} == {
        ("credit", "REJECTED"): 3,
        ("provincial", "HELD"): 3,
        ("licences", "HELD"): 1,
        ("licences", "SENT"): 2,
        ("supervision", "SENT"): 3,
    }
    unsigned = await run(
        platform.url,
        "select distinct signed, key_id, payload_hash from receipt",
    )
    assert [tuple(row) for row in unsigned] == [("", "", "")]
    work = await run(platform.url, "select receiver, codes, fields from work_item")
    assert [tuple(row) for row in work] == [("credit", ["1003"], ["CF_JDRQ"])] * 3
    assert await platform.book.unanswered("licences", platform.files.place) == [number]
    assert await platform.book.unanswered("provincial", platform.front.place) == []


async def test_an_answer_for_anothers_event_is_kept_apart_with_the_reason(
    platform: Platform,
) -> None:
    event = outgoing(1, receiver="licences", topic=platform.files.place)
    other = outgoing(2, receiver="credit", topic=platform.http.place)
    await put(platform.url, [event, other])
    async with platform.relaying():
        await until(platform.url, LEFT, 0)
    (path,) = platform.folder.glob("*.manifest.json")
    answer = platform.folder / "ack" / "1.json"
    answer.parent.mkdir()
    answer.write_text(
        json.dumps(
            {
                "receiver": "licences",
                "batch": json.loads(path.read_text("utf-8"))["batch"],
                "events": [{"event_id": str(other.event_id), "answer": "HELD"}],
            }
        ),
        "utf-8",
    )
    await platform.read_answers()
    assert await run(platform.url, "select from receipt") == []
    (stray,) = await run(platform.url, "select receiver, why, raw from stray_receipt")
    assert (stray["receiver"], stray["why"]) == (
        "licences",
        "we sent this receiver no such event",
    )
    assert str(other.event_id).encode() in stray["raw"]


async def test_one_that_shows_a_page_holds_nobody_else_up(platform: Platform) -> None:
    platform.server.reply = page
    await put(platform.url, platform.events())
    async with platform.relaying():
        await until(platform.url, LEFT, 3)
        assert await run(platform.url, "select from dead_letter") == []
        platform.server.reply = said()
        await until(platform.url, LEFT, 0)
