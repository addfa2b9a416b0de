"""A receiver's front-end database, a real one: rows in batches, and its answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg
import msgspec
import pytest
from batch_book import MemoryBatchBook
from front_rows import TABLES, first, make_tables, outgoing
from receiving import decision, entry

from zhitong.connectors.front_end import FrontEndDatabase
from zhitong.decisions import Ack, Answer, Change, FrontRow, Outgoing
from zhitong.streams.channels import FrontEndChannel
from zhitong.streams.front_end_push import AnswerReader, FrontEndSender
from zhitong.streams.producer import Fault, Unsent, batch_number
from zhitong.streams.returns import ReturnDesk


@dataclass(frozen=True, kw_only=True)
class Site:
    """The receiver's database, and what is at our side of it."""

    url: str
    channel: FrontEndChannel
    connection: asyncpg.Connection[asyncpg.Record]
    book: MemoryBatchBook

    def sender(self, **more: object) -> FrontEndSender:
        store = FrontEndDatabase(self.url, self.channel.tables)
        loop = asyncio.get_running_loop()
        return FrontEndSender(store, self.channel, loop, **more)  # type: ignore[arg-type]

    async def send(self, *events: Outgoing) -> Sequence[Ack | Fault | Unsent]:
        """Send *events* by a sender of their own; what is taken is in the book."""
        sender = self.sender()
        answers = await asyncio.to_thread(sender.send_batch, events)
        await asyncio.to_thread(sender.close)
        self.book.note(self.channel.place, events, answers)
        return answers

    async def rows(self, statement: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in await self.connection.fetch(statement)]

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AnswerReader]:
        store = FrontEndDatabase(self.url, self.channel.tables)
        yield AnswerReader(
            receiver="provincial",
            place=self.channel.place,
            store=store,
            book=self.book,
            desk=ReturnDesk(self.book, dict, lambda _: False),
        )
        await store.close()

    async def look(self) -> int:
        """Read the answers once."""
        async with self.reading() as reader:
            return await reader.look()


@pytest.fixture
async def site(database: str) -> AsyncIterator[Site]:
    connection = await asyncpg.connect(database)
    await make_tables(connection)
    channel = FrontEndChannel(address=database, tables=TABLES)
    yield Site(
        url=database, channel=channel, connection=connection, book=MemoryBatchBook()
    )
    await connection.close()


def places(answers: Sequence[Ack | Fault | Unsent]) -> list[int]:
    assert all(isinstance(each, Ack) for each in answers), answers
    return [batch_number(each) for each in answers if isinstance(each, Ack)]


async def test_rows_lie_in_a_numbered_batch_as_the_tables_columns_are(
    site: Site,
) -> None:
    events = [first("A-1"), first("A-2")]
    one, two = places(await site.send(*events))
    assert one == two
    assert str(one).endswith("00001")
    assert len(str(one)) == 13
    found = await site.rows(
        "select record_unique_identity, cd_batch, cd_operation, decided_on::text,"
        " fine::text, penalty_kinds from penalty order by document_no"
    )
    assert found == [
        (str(event.event_id), str(one), "i", "2026-11-20", "20000.00", "罚款")
        for event in events
    ]
    assert await site.rows("select cd_batch, row_count from cd_batch_log") == [
        (str(one), 2)
    ]


async def test_a_cases_events_lie_in_batches_that_follow_one_another(
    site: Site,
) -> None:
    case = [
        first("A-1"),
        outgoing(entry(decision("A-1"), 2, Change.CORRECTED)),
        outgoing(entry(decision("A-1"), 3, Change.WITHDRAWN)),
    ]
    found = places(await site.send(*case, first("A-2")))
    assert found == [found[0], found[0] + 1, found[0] + 2, found[0]]
    rows = await site.rows(
        "select cd_operation, status, data_version from penalty"
        " where act_no = 'A-1' order by cd_batch"
    )
    assert rows == [("i", "0", 1), ("u", "0", 2), ("u", "1", 3)]


async def test_what_was_committed_and_not_heard_of_is_not_written_twice(
    site: Site,
) -> None:
    store = FrontEndDatabase(site.url, site.channel.tables)
    sender = FrontEndSender(store, site.channel, asyncio.get_running_loop())
    events = [first("A-1"), first("A-2")]
    # It is cut off behind the commit: nobody hears how it went.
    heard = await asyncio.to_thread(sender.send_batch, events)
    await asyncio.to_thread(sender.close)
    again = await site.send(events[1], first("A-3"), events[0])
    assert places(again)[0] == places(again)[2] == places(heard)[0]
    assert places(again)[1] == places(heard)[0] + 1
    assert await site.rows(
        "select count(*), count(distinct cd_batch) from penalty"
    ) == [(3, 2)]


async def test_killed_in_the_middle_of_a_batch_nothing_of_it_is_there(
    site: Site,
) -> None:
    await site.connection.execute(
        "create function slow() returns trigger language plpgsql as"
        " $$ begin perform pg_sleep(30); return new; end $$;"
        " create trigger slow before insert on cd_batch_log"
        " for each row execute function slow()"
    )
    sender = site.sender()
    sending = asyncio.create_task(asyncio.to_thread(sender.send_batch, [first("A-1")]))
    async with asyncio.timeout(60):
        while not await site.connection.fetchval(  # noqa: ASYNC110 - a database tells nobody
            "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
        ):
            await asyncio.sleep(0.02)
    killed = await site.connection.fetch(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where wait_event = 'PgSleep'"
    )
    assert len(killed) == 1
    (answer,) = await sending
    await asyncio.to_thread(sender.close)
    assert isinstance(answer, Fault)
    assert answer.error.code == "RECEIVER_UNAVAILABLE"
    assert await site.rows("select from penalty") == []
    await site.connection.execute("drop trigger slow on cd_batch_log")
    assert len(places(await site.send(first("A-1")))) == 1
    assert len(await site.rows("select from penalty")) == 1


async def test_two_relays_take_numbers_of_their_own(site: Site) -> None:
    senders = [site.sender() for _ in range(3)]
    found = await asyncio.gather(
        *(
            asyncio.to_thread(each.send_batch, [first(f"A-{n}")])
            for n, each in enumerate(senders)
        )
    )
    for each in senders:
        await asyncio.to_thread(each.close)
    assert len({place for answers in found for place in places(answers)}) == 3


async def test_a_row_that_does_not_fit_is_poison_and_the_others_are_written(
    site: Site,
) -> None:
    long = first("A-2", document_no="号" * 60)
    corrected = outgoing(
        entry(decision("A-2", document_no="号" * 60), 2, Change.CORRECTED)
    )
    answers = await site.send(first("A-1"), long, first("A-3"), corrected)
    assert isinstance(answers[0], Ack)
    assert isinstance(answers[2], Ack)
    assert isinstance(answers[1], Fault)
    assert answers[1].error.code == "EVENT_POISON"
    assert "号" * 3 not in str(answers[1].error)
    assert isinstance(answers[3], Unsent), "behind it nothing of its case is written"
    assert len(await site.rows("select from penalty")) == 2


async def test_a_table_without_a_column_is_named_and_never_altered(
    site: Site,
) -> None:
    await site.connection.execute("alter table penalty drop column fine")
    (answer,) = await site.send(first("A-1"))
    assert isinstance(answer, Fault)
    assert answer.error.code == "RECEIVER_TABLE"
    assert "fine" in str(answer.error)
    assert await site.rows("select from penalty") == []
    await site.connection.execute("alter table penalty add column fine text")
    assert len(places(await site.send(first("A-1")))) == 1


async def test_nobody_there_is_the_receivers_fault(site: Site) -> None:
    url = "postgresql://zhitong@127.0.0.1:9/front"
    sender = FrontEndSender(
        FrontEndDatabase(url, TABLES), site.channel, asyncio.get_running_loop()
    )
    (answer,) = await asyncio.to_thread(sender.send_batch, [first("A-1")])
    assert isinstance(answer, Fault)
    assert answer.error.code == "RECEIVER_UNAVAILABLE"
    await asyncio.to_thread(sender.close)
    (answer,) = await asyncio.to_thread(sender.send_batch, [first("A-1")])
    assert isinstance(answer, Fault)


async def test_a_batch_is_acknowledged_by_half_and_the_rest_stays_awaited(
    site: Site,
) -> None:
    events = [first(f"A-{n}") for n in range(1, 5)]
    (number, *_) = places(await site.send(*events))
    assert await site.look() == 0
    await site.connection.execute(
        "update penalty set ack = 'accepted' where act_no = 'A-1';"
        " update penalty set ack = 'rejected', ack_code = '1003', ack_field = 'fine'"
        " where act_no = 'A-2'"
    )
    await site.look()
    assert site.book.answers() == {
        events[0].event_id: (Answer.HELD, ()),
        events[1].event_id: (Answer.REJECTED, ("1003 fine",)),
    }
    place = site.channel.place
    assert await site.book.awaited("provincial", place, number) == 2
    # Twice the same changes nothing; the whole then is of all that is not rejected.
    await site.look()
    await site.connection.execute(
        "update cd_batch_log set ack = 'accepted', ack_at = '2026-11-23 10:00+08'"
    )
    await site.look()
    assert {each: answer for each, (answer, _) in site.book.answers().items()} == {
        event.event_id: Answer.REJECTED if event is events[1] else Answer.HELD
        for event in events
    }
    assert site.book.doubled == 0
    assert await site.book.awaited("provincial", place, number) == 0
    assert await site.look() == 0, "what has its answers is not asked again"


async def test_a_batch_that_is_rejected_rejects_each_of_it(site: Site) -> None:
    events = [first("A-1"), first("A-2")]
    await site.send(*events)
    await site.connection.execute(
        "update cd_batch_log set ack = 'rejected', ack_code = 'B07', ack_text = '重复'"
    )
    await site.look()
    assert site.book.answers() == {
        event.event_id: (Answer.REJECTED, ("B07 重复",)) for event in events
    }


async def test_a_row_of_somebody_elses_in_our_batch_is_kept_apart(
    site: Site,
) -> None:
    stranger = UUID(int=7)
    (number,) = places(await site.send(first("A-1")))
    await site.connection.execute(
        "insert into penalty (record_unique_identity, cd_batch, ack)"
        " values ($1, $2, 'accepted')",
        str(stranger),
        str(number),
    )
    await site.look()
    assert site.book.strays == [(stranger, "we sent this receiver no such event")]
    assert site.book.answers() == {}


async def test_what_is_sent_again_goes_into_the_batch_it_was_in(site: Site) -> None:
    events = [first("A-1"), first("A-2")]
    number, _ = places(await site.send(*events))
    await site.connection.execute("delete from penalty where act_no = 'A-1'")
    again = [
        msgspec.structs.replace(each, replay="r1", place=number) for each in events
    ]
    assert places(await site.send(*again)) == [number, number]
    assert await site.rows(
        "select distinct cd_batch, count(*) over () from penalty"
    ) == [(str(number), 2)]
    assert len(await site.rows("select from cd_batch_log")) == 1


async def test_batches_that_are_never_answered_hide_none_behind_them(
    site: Site,
) -> None:
    alone = replace(site, channel=replace(site.channel, rows=1))
    events = [first(f"A-{n}") for n in range(1, 6)]
    assert len(set(places(await alone.send(*events)))) == 5
    alone.book.most = 2
    await site.connection.execute(
        "update penalty set ack = 'accepted' where act_no = 'A-5'"
    )
    async with alone.reading() as reader:
        for _ in range(3):
            await reader.look()
        assert alone.book.answers() == {events[4].event_id: (Answer.HELD, ())}
        # Behind the last it begins at the first again.
        await site.connection.execute(
            "update penalty set ack = 'accepted' where act_no = 'A-1'"
        )
        for _ in range(2):
            await reader.look()
    assert alone.book.answers()[events[0].event_id] == (Answer.HELD, ())


async def test_a_batch_that_is_noted_late_is_looked_at_too(site: Site) -> None:
    """Whoever wrote it died; who took over noted others first."""
    one, two = first("A-1"), first("A-2")
    await site.send(one)
    await site.send(two)
    late = site.book.places.pop(one.event_id)
    await site.connection.execute("update penalty set ack = 'accepted'")
    async with site.reading() as reader:
        await reader.look()
        assert set(site.book.answers()) == {two.event_id}
        await reader.look()
        site.book.places[one.event_id] = late
        reader._back_at = 0.0
        await reader.look()
    assert set(site.book.answers()) == {one.event_id, two.event_id}


async def test_what_is_noted_late_of_a_batch_has_the_answer_of_the_whole(
    site: Site,
) -> None:
    """Whoever took over had some of the cases first, and others a moment later."""
    one, two = first("A-1"), first("A-2")
    await site.send(one, two)
    late = site.book.places.pop(one.event_id)
    await site.connection.execute("update cd_batch_log set ack = 'accepted'")
    async with site.reading() as reader:
        await reader.look()
        assert set(site.book.answers()) == {two.event_id}
        site.book.places[one.event_id] = late
        reader._back_at = 0.0
        await reader.look()
    assert set(site.book.answers()) == {one.event_id, two.event_id}


@pytest.mark.parametrize("number", [None, "taken", "99999999999999999999"])
async def test_a_number_that_they_wrote_over_stops_nothing(
    site: Site, number: str | None
) -> None:
    events = [first("A-1"), first("A-2")]
    await site.send(events[0])
    # Its acknowledgement was lost, and they have used the column for something else.
    await site.connection.execute("update penalty set cd_batch = $1", number)
    found = places(await site.send(*events))
    assert found[0] == 0, "it lies in no batch of ours any more"
    assert found[1] > 0
    assert await site.rows("select count(*) from penalty") == [(2,)]


async def test_where_none_of_many_fits_the_table_is_at_fault(site: Site) -> None:
    await site.connection.execute("alter table penalty add column theirs text not null")
    events = [first(f"A-{n}") for n in range(11)]
    codes = {
        each.error.code for each in await site.send(*events) if isinstance(each, Fault)
    }
    assert codes == {"RECEIVER_TABLE"}, (
        "no case of these is to wait behind a dead letter"
    )
    (few,) = await site.send(first("B-1"))
    assert isinstance(few, Fault)
    assert few.error.code == "EVENT_POISON"
    await site.connection.execute("alter table penalty drop column theirs")
    assert len(places(await site.send(*events))) == 11


async def test_what_a_rule_of_theirs_refuses_holds_no_other_up(site: Site) -> None:
    await site.connection.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$ begin if new.act_no = 'A-7' then raise exception '李四'; end if;"
        " return new; end $$;"
        " create trigger refuse before insert on penalty"
        " for each row execute function refuse()"
    )
    answers = await site.send(*(first(f"A-{n}") for n in range(20)))
    (refused,) = (each for each in answers if isinstance(each, Fault))
    assert refused.error.code == "EVENT_POISON"
    assert "李四" not in str(refused.error)
    assert isinstance(answers[7], Fault)
    assert len({batch_number(each) for each in answers if isinstance(each, Ack)}) == 1
    assert await site.rows("select row_count from cd_batch_log") == [(19,)]


async def test_a_list_that_is_no_words_is_json(site: Site) -> None:
    await site.connection.execute(
        "alter table penalty add column findings text, add column told jsonb"
    )
    store = FrontEndDatabase(site.url, site.channel.tables)
    found = [{"check": "a", "severity": "DOUBT"}]
    said = FrontRow(
        event_id=UUID(int=1),
        table="penalty",
        row={"findings": found, "told": found, "penalty_kinds": ["警告", "罚款"]},
    )
    (place,) = await store.write([said])
    await store.close()
    assert place.fault == ""
    assert await site.rows(
        "select findings::jsonb = told, told -> 0 ->> 'check', penalty_kinds"
        " from penalty"
    ) == [(True, "a", "警告、罚款")]
