from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from kafka import KafkaProducer
from ledger_rows import prepare, put, run
from msgspec.structs import replace
from outgoing import event_uuid, outgoing

from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.decisions import Ack, Answer, Outgoing, Receipt
from zhitong.exceptions import LedgerUnavailableError
from zhitong.streams.cloud_events import write_receipt
from zhitong.streams.group_reader import Message
from zhitong.streams.kafka_client import Access
from zhitong.streams.keys import ReceiverKeys, sign_receipt, verify_receipt
from zhitong.streams.receipts import ReceiptDesk, ReceiptReader
from zhitong.streams.topics import ensure_topics

pytestmark = pytest.mark.integration
ENDLESS = 120
EAST = timezone(timedelta(hours=14))
AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
FILED = "select event_id, receiver, answer, at, reasons from receipt order by answer"
STRAY = "select receiver, why from stray_receipt order by why"
RECEIVERS = ("provincial", "credit")


@pytest.fixture(scope="module")
def private() -> Mapping[str, ReceiverKeys]:
    return {name: ReceiverKeys.generate(name) for name in RECEIVERS}


@pytest.fixture
async def platform(database: str) -> str:
    """Give a platform that has sent event 1 to both and has event 2 waiting."""
    await prepare(database)
    await put(database, [outgoing(1), outgoing(2)])
    await put(database, [_credit(1)])
    outbox = PlatformOutbox(database, "one")
    await outbox.own()
    await outbox.sent(
        [Ack(seq=1, partition=0, offset=0), Ack(seq=101, partition=0, offset=0)]
    )
    await outbox.close()
    return database


def _credit(number: int) -> Outgoing:
    return replace(outgoing(number, receiver="credit"), seq=100 + number)


@pytest.fixture
async def book(platform: str) -> AsyncIterator[PlatformReceiptBook]:
    made = PlatformReceiptBook(platform)
    yield made
    await made.close()


def receipt(
    number: int,
    answer: Answer = Answer.HELD,
    receiver: str = "provincial",
    *,
    reasons: tuple[str, ...] = (),
    payload: bytes = b"",
) -> Receipt:
    return Receipt(
        event_id=event_uuid(number),
        receiver=receiver,
        answer=answer,
        at=AT,
        payload_hash=hashlib.sha256(payload or str(number).encode()).hexdigest(),
        reasons=reasons,
    )


def message(value: bytes) -> Message:
    return Message("receipts", 0, 0, value, "")


def jws(given: Receipt, keys: ReceiverKeys) -> str:
    return sign_receipt(given, keys)


def signed(given: Receipt, keys: ReceiverKeys) -> Message:
    return enveloped(given, jws(given, keys))


def enveloped(given: Receipt, text: str) -> Message:
    return message(write_receipt(replace(given, signed=text), "anze"))


def desk(book: PlatformReceiptBook, private: Mapping[str, ReceiverKeys]) -> ReceiptDesk:
    return ReceiptDesk(
        book, lambda: {name: keys.public for name, keys in private.items()}
    )


async def test_a_signed_receipt_is_filed_once_with_its_signature(
    platform: str, book: PlatformReceiptBook, private: Mapping[str, ReceiverKeys]
) -> None:
    given = receipt(1, Answer.REJECTED, reasons=("格式不符 form", "second"))
    found = signed(given, private["provincial"])
    for _ in range(2):
        await desk(book, private).take([found, found])
    ((*row,),) = await run(platform, FILED)
    assert row == [
        str(event_uuid(1)),
        "provincial",
        "REJECTED",
        AT,
        ["格式不符 form", "second"],
    ]
    ((kept, key),) = await run(platform, "select signed, key_id from receipt")
    assert verify_receipt(kept, private["provincial"].public).answer == "REJECTED"
    assert key == private["provincial"].signing[0].thumbprint()
    assert await run(platform, STRAY) == []


async def test_a_receipt_that_is_faster_than_the_move_to_the_sent_log_counts(
    platform: str, book: PlatformReceiptBook, private: Mapping[str, ReceiverKeys]
) -> None:
    await desk(book, private).take([signed(receipt(2), private["provincial"])])
    assert [row["answer"] for row in await run(platform, FILED)] == ["HELD"]


async def test_one_that_waited_and_is_held_now_has_both_and_shows_held(
    platform: str, book: PlatformReceiptBook, private: Mapping[str, ReceiverKeys]
) -> None:
    waiting, held = receipt(1, Answer.WAITING), receipt(1, Answer.HELD)
    messages = [signed(each, private["provincial"]) for each in (waiting, held)]
    await desk(book, private).take(messages)
    assert [r["answer"] for r in await run(platform, FILED)] == ["HELD", "WAITING"]
    states = "select receiver, status from delivery where sent_at < now() order by 1"
    shown = await run(platform, states)
    assert [tuple(row) for row in shown] == [("credit", "SENT"), ("provincial", "HELD")]


async def test_a_final_answer_counts_though_the_receivers_clock_was_set_back(
    platform: str, book: PlatformReceiptBook, private: Mapping[str, ReceiverKeys]
) -> None:
    waiting = receipt(1, Answer.WAITING, reasons=("缺第1版 version 1",))
    held = replace(receipt(1), at=AT - timedelta(hours=1))
    messages = [signed(each, private["provincial"]) for each in (waiting, held)]
    await desk(book, private).take(messages)
    states = (
        "select status, answered_at, held_since, reasons from delivery"
        " where receiver = 'provincial' and sent_at is not null"
    )
    assert [tuple(row) for row in await run(platform, states)] == [
        ("HELD", held.at, held.at, [])
    ]


async def test_a_receipt_for_nothing_or_for_other_bytes_is_kept_apart_and_said(
    platform: str,
    book: PlatformReceiptBook,
    private: Mapping[str, ReceiverKeys],
    caplog: pytest.LogCaptureFixture,
) -> None:
    messages = [
        signed(receipt(9), private["provincial"]),
        signed(receipt(1, payload=b"forged"), private["provincial"]),
        signed(receipt(2, receiver="credit"), private["credit"]),
        signed(receipt(1, receiver="credit"), private["credit"]),
    ]
    for _ in range(2):
        await desk(book, private).take(messages)
    assert [(r["event_id"], r["receiver"]) for r in await run(platform, FILED)] == [
        (str(event_uuid(1)), "credit")
    ]
    assert [tuple(row) for row in await run(platform, STRAY)] == [
        ("provincial", "it is for other bytes than those sent"),
        ("provincial", "we sent this receiver no such event"),
        ("credit", "we sent this receiver no such event"),
    ]
    assert "other bytes" in caplog.text


async def test_forged_and_broken_receipts_stop_nothing_and_are_kept(
    platform: str,
    book: PlatformReceiptBook,
    private: Mapping[str, ReceiverKeys],
    caplog: pytest.LogCaptureFixture,
) -> None:
    keys = private["provincial"]
    good = receipt(1)
    head, body, _ = jws(good, keys).split(".")
    _, _, other = jws(receipt(2), keys).split(".")
    stranger = ReceiverKeys.generate("provincial")
    messages = [
        message(b""),
        message(b"\xff\x00 no receipt"),
        enveloped(good, f"{head}.{body}.{other}"),
        signed(good, stranger),
        enveloped(receipt(2), jws(good, keys)),
        signed(good, keys),
    ]
    await desk(book, private).take(messages)
    assert [row["answer"] for row in await run(platform, FILED)] == ["HELD"]
    strays = await run(platform, "select receiver, raw from stray_receipt")
    assert {(row["receiver"], row["raw"]) for row in strays} == {
        ("unknown", b""),
        ("unknown", b"\xff\x00 no receipt"),
        ("provincial", messages[2].value),
        ("provincial", messages[3].value),
        ("provincial", messages[4].value),
    }
    assert caplog.text.count("RECEIPT_INVALID") == 5


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"reasons": ("a\x00b",)}, id="a reason with a NUL"),
        pytest.param({"payload_hash": "\x00"}, id="a hash with a NUL"),
        pytest.param({"at": datetime.min.replace(tzinfo=EAST)}, id="before all time"),
    ],
)
async def test_a_signed_receipt_no_column_takes_is_kept_apart_and_stops_nothing(
    platform: str,
    book: PlatformReceiptBook,
    private: Mapping[str, ReceiverKeys],
    odd: dict[str, object],
) -> None:
    keys = private["provincial"]
    strange = replace(receipt(1), **odd)
    text = jws(strange, keys)
    found = enveloped(receipt(1), text)
    await desk(book, private).take([found, signed(receipt(2), keys)])
    filed = [row["event_id"] for row in await run(platform, FILED)]
    assert filed == [str(event_uuid(2))]
    (stray,) = await run(platform, "select receiver, raw, why from stray_receipt")
    assert tuple(stray)[:2] == ("provincial", text.encode())


async def test_a_receiver_cannot_sign_for_another(
    platform: str, book: PlatformReceiptBook, private: Mapping[str, ReceiverKeys]
) -> None:
    posing = ReceiverKeys(
        receiver="provincial",
        sealing=private["credit"].sealing,
        signing=private["credit"].signing,
    )
    await desk(book, private).take([signed(receipt(1), posing)])
    assert await run(platform, FILED) == []
    assert [row["receiver"] for row in await run(platform, STRAY)] == ["provincial"]


async def test_a_book_that_is_away_says_so_and_works_again(
    platform: str, book: PlatformReceiptBook
) -> None:
    away = PlatformReceiptBook("postgresql://postgres@127.0.0.1:1/none")
    with pytest.raises(LedgerUnavailableError):
        await away.file([receipt(1)])
    await book.file([receipt(1)])
    killed = """select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()"""
    await run(platform, killed)
    with suppress(LedgerUnavailableError):
        await book.file([receipt(2)])
    await book.file([receipt(2)])
    assert len(await run(platform, FILED)) == 2


class Wavering:
    """A book whose database is away for the first two times."""

    def __init__(self, book: PlatformReceiptBook) -> None:
        self._book = book
        self.tried = 0

    async def file(self, receipts: Sequence[Receipt]) -> None:
        self.tried += 1
        if self.tried <= 2:
            raise LedgerUnavailableError("离线", "away")
        await self._book.file(receipts)

    async def stray(self, receiver: str, raw: bytes, why: str) -> None:
        await self._book.stray(receiver, raw, why)


async def _count(url: str, wanted: int) -> None:
    async with asyncio.timeout(ENDLESS):
        while len(await run(url, FILED)) < wanted:  # noqa: ASYNC110 - another task's doing
            await asyncio.sleep(0.05)


async def test_the_reader_files_what_is_on_the_topic_and_goes_on_where_it_was(
    platform: str,
    book: PlatformReceiptBook,
    private: Mapping[str, ReceiverKeys],
    broker: Access,
) -> None:
    group, topic = f"test.{uuid.uuid4().hex}", f"receipts.{uuid.uuid4().hex}"
    ensure_topics(broker, {topic: 3})
    public = {name: keys.public for name, keys in private.items()}
    wavering = Wavering(book)
    producer = KafkaProducer(**broker.configs)

    def send(*messages: Message) -> None:
        for message in messages:
            producer.send(topic, message.value)
        producer.flush()

    async def read_until(wanted: int) -> None:
        reader = ReceiptReader(
            ReceiptDesk(wavering, lambda: public), lambda: broker, topic, group
        )
        reading = asyncio.create_task(reader.run())
        await _count(platform, wanted)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading

    try:
        send(message(b"noise"), signed(receipt(1), private["provincial"]))
        await read_until(1)
        assert wavering.tried >= 3
        send(signed(receipt(1, receiver="credit"), private["credit"]))
        await read_until(2)
    finally:
        producer.close()
    (stray,) = await run(platform, "select receiver, raw from stray_receipt")
    assert tuple(stray) == ("unknown", b"noise")
