"""Answers in a folder: of a batch, of half of one, torn, signed, another's."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from batch_book import MemoryBatchBook
from outgoing import event_uuid, outgoing

from zhitong.decisions import Answer, Receipt
from zhitong.streams.channels import FileChannel
from zhitong.streams.file_answers import FileAnswers
from zhitong.streams.file_drop import FileSender
from zhitong.streams.keys import ReceiverKeys, sign_receipt
from zhitong.streams.returns import ReturnDesk

KEYS = ReceiverKeys.generate("credit")
OTHERS = ReceiverKeys.generate("provincial")
AT = datetime(2026, 11, 23, 2, tzinfo=UTC)


@dataclass(kw_only=True)
class Site:
    """A folder with a batch of four events in it."""

    folder: Path
    book: MemoryBatchBook
    number: int
    signed: bool = False

    async def look(self) -> int:
        desk = ReturnDesk(
            self.book, lambda: {"credit": KEYS.public}, lambda _: self.signed
        )
        reader = FileAnswers(
            receiver="credit",
            place="file:///drop",
            folder=self.folder,
            book=self.book,
            desk=desk,
        )
        return await reader.look()

    def answer(self, name: str = "1.json", **said: object) -> Path:
        """Lay an answer down."""
        path = self.folder / "ack" / name
        path.parent.mkdir(exist_ok=True)
        given = {"receiver": "credit", "batch": self.number, **said}
        path.write_text(json.dumps(given), "utf-8")
        return path

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.folder / "ack" / folder).glob("*"))

    async def awaited(self) -> int:
        return await self.book.awaited("credit", "file:///drop", self.number)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    events = [outgoing(seq, receiver="credit", topic="") for seq in (1, 2, 3, 4)]
    sender = FileSender("credit", FileChannel(folder=str(tmp_path)))
    answers = sender.send_batch(events)
    sender.close()
    book = MemoryBatchBook()
    book.note("file:///drop", events, answers)
    return Site(folder=tmp_path, book=book, number=next(iter(book.places.values()))[1])


def row(seq: int, **said: object) -> dict[str, object]:
    return {"event_id": str(event_uuid(seq)), **said}


def old(path: Path) -> None:
    """Make a file look as if it had lain there for an hour."""
    long_ago = path.stat().st_mtime - 3_600
    os.utime(path, (long_ago, long_ago))


def receipt(keys: ReceiverKeys, event: UUID) -> str:
    said = Receipt(
        event_id=event,
        receiver=keys.receiver,
        answer=Answer.HELD,
        at=AT,
        payload_hash="0" * 64,
    )
    return sign_receipt(said, keys)


async def test_a_batch_that_is_held_is_held_event_by_event(site: Site) -> None:
    site.answer(answer="HELD", at="2026-11-23T10:00:00+08:00")
    assert await site.look() == 1
    assert site.book.answers() == {
        event_uuid(seq): (Answer.HELD, ()) for seq in (1, 2, 3, 4)
    }
    assert {each.at for each in site.book.receipts.values()} == {AT}
    assert site.names("done") == ["1.json"]
    assert await site.look() == 0


async def test_an_answer_is_of_all_that_was_laid_down_noted_or_not(site: Site) -> None:
    late = event_uuid(1)
    del site.book.places[late]
    site.book.leaving.add(late)
    site.answer(answer="HELD")
    assert await site.look() == 1
    assert set(site.book.answers()) == {event_uuid(seq) for seq in (1, 2, 3, 4)}
    assert site.book.strays == []


async def test_half_an_answer_leaves_the_rest_awaited_and_twice_changes_nothing(
    site: Site,
) -> None:
    half = [row(1, answer="HELD"), row(2, answer="REJECTED", code="7", field="XK_NR")]
    site.answer("1.json", events=half)
    await site.look()
    assert await site.awaited() == 2
    site.answer("1.json", events=half)
    site.answer("2.json", events=half)
    await site.look()
    assert await site.awaited() == 2
    assert site.book.answers()[event_uuid(2)] == (Answer.REJECTED, ("7 XK_NR",))
    assert site.book.doubled == 0
    site.answer("3.json", answer="HELD", events=half)
    await site.look()
    assert await site.awaited() == 0
    assert site.book.answers()[event_uuid(2)][0] is Answer.REJECTED
    assert len(site.names("done")) == 4, "none was written over"


async def test_what_is_torn_is_waited_for_and_then_put_aside(site: Site) -> None:
    path = site.answer()
    path.write_text(path.read_text("utf-8")[:-5], "utf-8")
    assert await site.look() == 0
    assert path.exists(), "it may still be written"
    old(path)
    await site.look()
    assert site.names("aside") == ["1.json", "1.json.reason"]
    assert "torn" in (site.folder / "ack/aside/1.json.reason").read_text("utf-8")
    assert site.book.receipts == {}


async def test_anothers_answer_is_put_aside(site: Site) -> None:
    site.answer(receiver="provincial", answer="HELD")
    await site.look()
    assert site.names("aside") == ["1.json", "1.json.reason"]
    assert site.book.receipts == {}


async def test_a_batch_that_was_never_sent_is_put_aside_and_kept(site: Site) -> None:
    path = site.answer(batch=2019041100002, answer="HELD")
    await site.look()
    assert path.exists(), "it may be faster than what we note"
    old(path)
    await site.look()
    assert site.names("aside") == ["1.json", "1.json.reason"]
    ((raw, why),) = site.book.strays
    assert b"2019041100002" in raw if isinstance(raw, bytes) else False
    assert why == "no batch 2019041100002 was sent; it is kept apart"


async def test_an_answer_about_anothers_event_is_kept_apart(site: Site) -> None:
    site.answer(events=[row(99, answer="HELD"), row(1, answer="HELD")])
    await site.look()
    assert site.book.strays == [(event_uuid(99), "we sent this receiver no such event")]
    assert site.book.answers() == {event_uuid(1): (Answer.HELD, ())}


async def test_where_a_signature_is_demanded_nothing_else_counts(site: Site) -> None:
    site.signed = True
    good, strange = receipt(KEYS, event_uuid(1)), receipt(OTHERS, event_uuid(2))
    site.answer(
        answer="HELD",
        events=[
            row(1, receipt=good),
            row(2, receipt=strange),
            row(3, receipt=receipt(KEYS, event_uuid(4))),
        ],
    )
    await site.look()
    (filed,) = site.book.receipts.values()
    assert (filed.event_id, filed.signed) == (event_uuid(1), good)
    whys = [why for _, why in site.book.strays]
    assert whys == [
        "the key is not one of credit's; it is kept apart",
        "what is signed is about another event; it is kept apart",
        "the receiver's file demands a signature, and it has none; it is kept apart",
    ]


async def test_unsigned_it_says_nothing_of_bytes_and_has_no_key(site: Site) -> None:
    site.answer(answer="HELD")
    await site.look()
    for each in site.book.receipts.values():
        assert (each.signed, each.key_id, each.payload_hash) == ("", "", "")


@pytest.mark.parametrize("what", ["link", "device", "pipe", "folder"])
async def test_what_is_no_file_is_put_aside_and_holds_nothing_up(
    site: Site, what: str
) -> None:
    ack = site.folder / "ack"
    ack.mkdir()
    odd = ack / "0.json"
    kept = site.folder / "kept.json"
    kept.write_text("ours alone", "utf-8")
    if what == "link":
        odd.symlink_to(kept)
    elif what == "device":
        odd.symlink_to("/dev/zero")
    elif what == "pipe":
        os.mkfifo(odd)
    else:
        odd.mkdir()
    site.answer("1.json", answer="HELD")
    async with asyncio.timeout(30):
        assert await site.look() == 1
    assert site.names("done") == ["1.json"]
    assert site.names("aside") == ["0.json", "0.json.reason"]
    assert kept.read_text("utf-8") == "ours alone"


async def test_a_reason_is_never_written_over_something(site: Site) -> None:
    site.answer("1.json", receiver="provincial", answer="HELD")
    aside = site.folder / "ack" / "aside"
    aside.mkdir()
    ours = site.folder / "subject.key"
    ours.write_text("a secret", "utf-8")
    (aside / "1.json.reason").symlink_to(ours)
    await site.look()
    assert ours.read_text("utf-8") == "a secret"
    assert "1.json" in site.names("aside")


@pytest.mark.parametrize("name", ["", "done", "aside"])
async def test_a_folder_that_leads_elsewhere_is_not_used(
    site: Site, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "ours.json").write_text("{}", "utf-8")
    ack = site.folder / "ack"
    if name:
        ack.mkdir()
        good = name == "done"
        site.answer(receiver="credit" if good else "provincial", answer="HELD")
    (ack / name).symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(NotADirectoryError):
        await site.look()
    assert [path.name for path in elsewhere.iterdir()] == ["ours.json"]


@pytest.mark.parametrize("number", [0, -1, 10**13, 10**19, 10**40])
async def test_a_number_that_no_column_takes_is_put_aside(
    site: Site, number: int
) -> None:
    old(site.answer("1.json", batch=number, answer="HELD"))
    site.answer("2.json", answer="HELD")
    assert await site.look() == 1
    assert site.names("aside") == ["1.json", "1.json.reason"]
    assert site.names("done") == ["2.json"]


async def test_an_answer_written_over_while_it_is_filed_is_read_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.answer(events=[row(1, answer="HELD")])
    file = site.book.file

    async def slow(receipts: Sequence[Receipt]) -> None:
        if not site.book.receipts:
            other = site.folder / "next"
            said = {
                "receiver": "credit",
                "batch": site.number,
                "events": [row(2, answer="HELD")],
            }
            other.write_text(json.dumps(said), "utf-8")
            other.rename(site.folder / "ack" / "1.json")
        await file(receipts)

    monkeypatch.setattr(site.book, "file", slow)
    assert await site.look() == 0
    assert await site.look() == 1
    assert set(site.book.answers()) == {event_uuid(1), event_uuid(2)}
