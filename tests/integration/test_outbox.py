from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from ledger_rows import PUT, prepare, put, run
from msgspec.structs import replace
from outgoing import outgoing

from zhitong.connectors import outbox as module
from zhitong.connectors.outbox import PlatformOutbox, desired
from zhitong.decisions import BUCKETS, Ack, Backlog, Outgoing
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra.embedded import Cluster

pytestmark = pytest.mark.integration
ENDLESS = 60
ALL = frozenset(range(BUCKETS))
OWNER = """select distinct pid from pg_locks
    where locktype = 'advisory' and classid = 7001
    and database = (select oid from pg_database where datname = current_database())"""

OWNED = """select pid, count(*)::int from pg_locks
    where locktype = 'advisory' and classid = 7001
    and database = (select oid from pg_database where datname = current_database())
    group by pid"""
WAITS = """select from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())"""


class Opened(NamedTuple):
    url: str
    outbox: Callable[[str], PlatformOutbox]


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Opened]:
    await prepare(database)
    made: list[PlatformOutbox] = []

    def make(name: str) -> PlatformOutbox:
        made.append(PlatformOutbox(database, name))
        return made[-1]

    yield Opened(database, make)
    for each in made:
        await each.close()


async def numbers(outbox: PlatformOutbox, limit: int = 100, *resting: str) -> list[int]:
    return [event.seq for event in await outbox.waiting(limit, resting)]


async def backlog(outbox: PlatformOutbox) -> dict[str, tuple[int, int, bool]]:
    return {
        each.receiver: (each.waiting, each.parked, each.suspended)
        for each in await outbox.backlog()
    }


def test_relays_share_the_buckets_and_few_change_hands() -> None:
    two = {name: desired(name, {"a", "b"}) for name in ("a", "b")}
    assert two["a"] | two["b"] == ALL
    assert not two["a"] & two["b"]
    three = {name: desired(name, {"a", "b", "c"}) for name in ("a", "b", "c")}
    assert frozenset.union(*three.values()) == ALL
    assert sum(map(len, three.values())) == BUCKETS
    # Who stays keeps what it keeps: buckets move to the newcomer alone.
    assert three["a"] <= two["a"]
    assert three["b"] <= two["b"]
    assert min(map(len, three.values())) > BUCKETS // 10


async def test_one_relay_owns_all_and_shares_with_a_second_then_takes_over(
    opened: Opened,
) -> None:
    first, second = opened.outbox("first"), opened.outbox("second")
    assert await first.own() == ALL
    # The second finds nothing free before the first has released it.
    assert await second.own() == frozenset()
    kept = await first.own()
    taken = await second.own()
    assert kept == desired("first", {"first", "second"})
    assert taken == ALL - kept
    await second.close()
    assert await first.own() == ALL


async def test_what_waits_is_given_in_order_and_nothing_of_another_bucket(
    opened: Opened,
) -> None:
    first, second = opened.outbox("first"), opened.outbox("second")
    await first.own()
    await second.own()
    owned = {"first": await first.own(), "second": await second.own()}
    events = [outgoing(seq, f"case {seq % 20}") for seq in range(1, 101)]
    await put(opened.url, events)
    for name, outbox in (("first", first), ("second", second)):
        mine = [e.seq for e in events if e.bucket in owned[name]]
        assert await numbers(outbox) == mine
    assert len(await first.waiting(3)) == 3


async def test_what_is_given_is_what_was_put(opened: Opened) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    sent = outgoing(7, "one", payload=bytes(range(256)), traceparent="00-a-b-01")
    await put(opened.url, [sent])
    (found,) = await outbox.waiting(10)
    assert found == replace(sent, created_at=found.created_at)


async def test_what_is_acknowledged_is_moved_whole_and_only_once(
    opened: Opened,
) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    await put(opened.url, [outgoing(1), outgoing(2), outgoing(3, receiver="credit")])
    acks = [Ack(seq=1, partition=5, offset=50), Ack(seq=3, partition=6, offset=60)]
    await outbox.sent(acks)
    await outbox.sent(acks)
    assert await numbers(outbox) == [2]
    moved = await run(
        opened.url,
        "select seq, receiver, kpartition, koffset, payload, event_id"
        " from outbox_sent order by seq",
    )
    assert [tuple(row) for row in moved] == [
        (1, "provincial", 5, 50, b"1", str(outgoing(1).event_id)),
        (3, "credit", 6, 60, b"3", str(outgoing(3).event_id)),
    ]


async def test_the_sent_log_has_this_month_and_the_next(opened: Opened) -> None:
    await opened.outbox("one").own()
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    after = (now.year + now.month // 12, now.month % 12 + 1)
    rows = await run(
        opened.url,
        "select inhrelid::regclass::text from pg_inherits"
        " where inhparent = 'outbox_sent'::regclass order by 1",
    )
    assert [row[0] for row in rows] == [
        f"outbox_sent_{year}_{month:02}"
        for year, month in ((now.year, now.month), after)
    ]


async def test_months_that_went_missing_are_made_with_the_next_connection(
    opened: Opened,
) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    await put(opened.url, [outgoing(1)])
    # As in a database put back from a backup of last year.
    months = await run(
        opened.url,
        "select inhrelid::regclass::text from pg_inherits"
        " where inhparent = 'outbox_sent'::regclass",
    )
    for (month,) in months:
        await run(opened.url, f"drop table {month}")
    with pytest.raises(LedgerUnavailableError):
        await outbox.sent([Ack(seq=1, partition=0, offset=0)])
    await outbox.own()
    await outbox.sent([Ack(seq=1, partition=0, offset=0)])
    assert await run(opened.url, "select from outbox_sent")


async def test_an_event_was_sent_when_the_broker_had_it_unless_its_clock_is_wrong(
    opened: Opened,
) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    await put(opened.url, [outgoing(number) for number in range(1, 5)])
    ((had,),) = await run(opened.url, "select clock_timestamp()")
    (before,) = await run(opened.url, "select min(created_at) from outbox")
    times = [had, None, had + timedelta(days=90), had - timedelta(days=9000)]
    acks = [
        Ack(seq=number, partition=0, offset=number, at=at)
        for number, at in enumerate(times, 1)
    ]
    await outbox.sent(acks)
    ((now,),) = await run(opened.url, "select clock_timestamp()")
    sent = await run(opened.url, "select sent_at from outbox_sent order by seq")
    told, untold, ahead, behind = (row["sent_at"] for row in sent)
    assert told == had
    assert had < untold <= now
    assert had < ahead <= now
    assert before["min"] <= behind < had


async def test_a_new_month_waits_for_no_reader_of_the_sent_log(opened: Opened) -> None:
    reader = await asyncpg.connect(opened.url)
    try:
        async with reader.transaction(isolation="repeatable_read", readonly=True):
            await reader.fetch("select count(*) from outbox_sent")  # as a backup does
            first, second = opened.outbox("first"), opened.outbox("second")
            async with asyncio.timeout(5):
                owned = await asyncio.gather(first.own(), second.own())
    finally:
        await reader.close()
    assert frozenset.union(*owned) == ALL
    await put(opened.url, [outgoing(1)])
    await first.own()
    await second.own()
    await first.sent([Ack(seq=1, partition=0, offset=0)])
    assert await run(opened.url, "select sent_at from outbox_sent where seq = 1")


async def test_suspended_and_resting_receivers_are_left_out(opened: Opened) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    await put(opened.url, [outgoing(1), outgoing(2, receiver="credit")])
    assert await numbers(outbox) == [1, 2]
    assert await numbers(outbox, 10, "provincial") == [2]
    suspend = "update receiver set suspended_at = now() where receiver = 'credit'"
    await run(opened.url, suspend)
    assert await numbers(outbox) == [1]
    assert await backlog(outbox) == {
        "credit": (1, 0, True),
        "provincial": (1, 0, False),
    }
    await run(opened.url, "update receiver set suspended_at = null")
    assert await numbers(outbox) == [1, 2]


async def test_a_parked_case_waits_and_goes_on_when_it_is_released(
    opened: Opened,
) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    events = [
        outgoing(1, "sick"),
        outgoing(2, "sick"),
        outgoing(3, "sick", "credit"),
        outgoing(4),
    ]
    await put(opened.url, events)
    assert [await outbox.failed(1, "too large") for _ in range(3)] == [1, 2, 3]
    await outbox.park(1, "too large")
    assert await numbers(outbox) == [3, 4]
    assert await backlog(outbox) == {
        "credit": (1, 0, False),
        "provincial": (3, 1, False),
    }
    letters = await run(opened.url, "select event_id, receiver, seq from dead_letter")
    assert [tuple(r) for r in letters] == [(str(events[0].event_id), "provincial", 1)]
    released = "select release_key('provincial', $1)"
    assert [tuple(r) for r in await run(opened.url, released, events[0].key)] == [
        (True,)
    ]
    assert await numbers(outbox) == [1, 2, 3, 4]
    assert await run(opened.url, "select from dead_letter") == []
    assert [tuple(r) for r in await run(opened.url, released, events[0].key)] == [
        (False,)
    ]


async def test_the_age_of_the_oldest_is_told(opened: Opened) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    await put(opened.url, [outgoing(1), outgoing(2)])
    aged = "update outbox set created_at = created_at - interval '1 hour' where seq = 1"
    await run(opened.url, aged)
    found = {each.receiver: each for each in await outbox.backlog()}
    assert found["credit"] == Backlog(
        receiver="credit", waiting=0, oldest_seconds=0.0, parked=0
    )
    assert 3600 <= found["provincial"].oldest_seconds < 3600 + ENDLESS


async def test_an_event_committed_late_is_sent_and_not_overtaken(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRAIL", 0)
    outbox = opened.outbox("one")
    await outbox.own()
    await put(opened.url, [outgoing(1_000)])
    assert await numbers(outbox) == [1_000]  # the mark is there now
    await put(opened.url, [outgoing(5, "late"), outgoing(2_000, "late")])
    # The later event of its case is not given before it ...
    assert await numbers(outbox) == [1_000]
    # ... and the next look from the beginning finds it.
    outbox._rescan_at = time.monotonic() - 1
    assert await numbers(outbox) == [5, 1_000, 2_000]


async def test_an_uncommitted_event_neither_shows_nor_stops_others(
    opened: Opened,
) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    writer = await asyncpg.connect(opened.url)
    try:
        writing = writer.transaction()
        await writing.start()
        late = outgoing(1)
        await writer.execute(
            PUT,
            late.seq,
            late.bucket,
            str(late.event_id),
            late.receiver,
            late.topic,
            late.key,
            late.payload,
            late.traceparent,
        )
        await put(opened.url, [outgoing(2)])
        assert await numbers(outbox) == [2]
        await outbox.sent([Ack(seq=2, partition=0, offset=0)])
        await writing.commit()
        assert await numbers(outbox) == [1]
    finally:
        await writer.close()


async def test_a_batch_is_bounded_in_bytes_too(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 2_500)
    outbox = opened.outbox("one")
    await outbox.own()
    await put(opened.url, [outgoing(n, payload=bytes(1_000)) for n in range(1, 9)])
    assert await numbers(outbox) == [1, 2, 3]


async def test_when_its_connection_is_killed_all_is_lost_and_taken_again(
    opened: Opened,
) -> None:
    first, second = opened.outbox("first"), opened.outbox("second")
    assert await first.own() == ALL
    await put(opened.url, [outgoing(1)])
    ((owner,),) = await run(opened.url, OWNER)
    await run(opened.url, "select pg_terminate_backend($1, 5000)", owner)
    # The other one takes what is free now, and its own share only.
    theirs = await second.own()
    assert theirs == desired("second", {"first", "second"})
    with pytest.raises(LedgerUnavailableError):
        await first.own()
    assert await first.own() == ALL - theirs
    assert sorted(await numbers(first) + await numbers(second)) == [1]


async def test_a_look_on_a_dead_connection_is_an_error_and_owning_starts_anew(
    opened: Opened,
) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    ((owner,),) = await run(opened.url, OWNER)
    await run(opened.url, "select pg_terminate_backend($1, 5000)", owner)
    with pytest.raises(LedgerUnavailableError):
        await outbox.waiting(10)
    assert await outbox.own() == ALL


async def test_a_relay_silent_for_long_is_no_longer_counted(opened: Opened) -> None:
    silent, living = opened.outbox("silent"), opened.outbox("living")
    await silent.own()
    # Its beat is old and its connection gone, as after a power cut.
    ((owner,),) = await run(opened.url, OWNER)
    await run(opened.url, "select pg_terminate_backend($1, 5000)", owner)
    await run(opened.url, "update relay set beat_at = beat_at - interval '1 minute'")
    assert await living.own() == ALL


async def test_a_halted_relay_loses_its_locks_to_the_server(database: str) -> None:
    # A stopped process keeps its connection; the server must end the session.
    await prepare(database)
    outbox = PlatformOutbox(database, "halted")
    await outbox.own()
    connection = outbox._connection
    assert connection is not None
    await connection.execute("set idle_session_timeout = 200")
    async with asyncio.timeout(ENDLESS):
        while await run(database, OWNER):  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)
    with pytest.raises(LedgerUnavailableError):
        await outbox.own()
    await outbox.close()


async def test_a_frozen_database_is_left_in_bounded_time(
    cluster_factory: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.5)
    cluster = cluster_factory("frozen-outbox")
    url = cluster.start()["frozen-outbox"]
    await prepare(url)
    outbox = PlatformOutbox(url, "one")
    await outbox.own()
    cluster.freeze("frozen-outbox")
    try:
        async with asyncio.timeout(ENDLESS):
            with pytest.raises(LedgerUnavailableError):
                await outbox.waiting(10)
            with pytest.raises(LedgerUnavailableError):
                await outbox.own()
    finally:
        cluster.thaw("frozen-outbox")
    assert await _all_again(outbox) == ALL
    await outbox.close()


async def _all_again(outbox: PlatformOutbox) -> frozenset[int]:
    """Own until the sessions of before have ended, as the server notices them."""
    owned: frozenset[int] = frozenset()
    async with asyncio.timeout(ENDLESS):
        while owned != ALL:
            owned = await outbox.own()
            await asyncio.sleep(0.05)
    return owned


async def test_a_long_case_leaves_room_for_those_behind_it(
    opened: Opened,
) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    long = [outgoing(seq, "long") for seq in range(1, 1_501)]
    await put(opened.url, long + [outgoing(seq) for seq in range(1_501, 3_001)])
    assert await numbers(outbox, 500) == [*range(1, 101), *range(1_501, 1_901)]
    # Where nothing else is near, it has all of the batch.
    assert await numbers(outbox, 300) == [*range(1, 301)]


async def test_behind_an_event_that_failed_nothing_of_its_case_is_given(
    opened: Opened,
) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    await put(opened.url, [*(outgoing(n, "one") for n in (1, 2, 3)), outgoing(4)])
    assert await outbox.failed(1, "too large") == 1
    assert await numbers(outbox) == [1, 4]
    await outbox.sent([Ack(seq=1, partition=0, offset=0)])
    await outbox.failed(3, "too large")
    assert await numbers(outbox) == [2, 4]


async def test_a_look_passes_by_what_is_parked(opened: Opened) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    await put(opened.url, [outgoing(n, "sick") for n in range(1, 201)])
    await outbox.park(1, "too large")
    await put(opened.url, [outgoing(n) for n in range(201, 211)])
    # Were they counted among the forty rows of a look, nothing would be found.
    assert await numbers(outbox, 10) == [*range(201, 211)]
    flagged = await run(opened.url, "select count(*)::int from outbox where parked")
    assert [tuple(row) for row in flagged] == [(200,)]


async def test_parking_and_releasing_wait_for_a_writer_of_the_case(
    opened: Opened,
) -> None:
    outbox = opened.outbox("one")
    await outbox.own()
    sick = [outgoing(1, "sick"), outgoing(2, "sick")]
    await put(opened.url, sick[:1])
    writer = await asyncpg.connect(opened.url)
    try:
        for wanted, act in (
            (True, "select park_event(1, 'too large')"),
            (False, f"select release_key('provincial', '{sick[0].key}')"),
        ):
            writing = writer.transaction()
            await writing.start()
            # As the ledger does: the case's lock, then the row as the key stands.
            await writer.execute("select lock_key($1)", sick[0].key)
            acting = asyncio.create_task(run(opened.url, act))
            async with asyncio.timeout(ENDLESS):
                while not await run(opened.url, WAITS):  # noqa: ASYNC110 - another session's doing
                    await asyncio.sleep(0.01)
            await writer.execute("delete from outbox where seq = 2")
            await writer.execute(PUT, *_put(sick[1]))
            await writer.execute(
                "update outbox o set parked = exists (select from parked_key k"
                " where k.receiver = o.receiver and k.key = o.key) where seq = 2"
            )
            await writing.commit()
            await acting
            rows = await run(opened.url, "select seq, parked from outbox order by seq")
            assert [tuple(row) for row in rows] == [(1, wanted), (2, wanted)]
    finally:
        await writer.close()


async def test_counting_stops_at_a_bound_and_says_more(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COUNTED", 3)
    outbox = opened.outbox("one")
    await put(opened.url, [outgoing(n) for n in range(1, 4)])
    assert (await backlog(outbox))["provincial"] == (3, 0, False)
    await put(opened.url, [outgoing(n) for n in range(4, 9)])
    assert (await backlog(outbox))["provincial"] == (4, 0, False)


async def test_a_count_that_takes_too_long_costs_no_bucket(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = opened.outbox("one")
    assert await outbox.own() == ALL
    await put(opened.url, [outgoing(1)])
    blocker = await asyncpg.connect(opened.url)
    try:
        async with blocker.transaction():
            await blocker.execute("lock table parked_key in access exclusive mode")
            monkeypatch.setattr(module, "_SECONDS", 0.5)
            with pytest.raises(LedgerUnavailableError):
                await outbox.backlog()
            monkeypatch.setattr(module, "_SECONDS", 10.0)
            assert await numbers(outbox) == [1]
            ((_, owned),) = await run(opened.url, OWNED)
            assert owned == BUCKETS
    finally:
        await blocker.close()
    assert (await backlog(outbox))["provincial"] == (1, 0, False)


def _put(event: Outgoing) -> tuple[object, ...]:
    return (
        event.seq,
        event.bucket,
        str(event.event_id),
        event.receiver,
        event.topic,
        event.key,
        event.payload,
        event.traceparent,
    )


async def test_what_is_under_way_is_released_when_it_is_done_and_read_by_nobody(
    opened: Opened,
) -> None:
    first, second = opened.outbox("first"), opened.outbox("second")
    await first.own()
    await put(opened.url, [outgoing(seq) for seq in range(1, 101)])
    moving = desired("second", {"first", "second"})
    busy = {min(moving), max(moving)}
    await second.own()
    kept = await first.own(busy)
    assert kept == ALL - moving
    assert [first.settled] == [False]
    # What is under way is neither given again by the one nor taken by the other.
    assert await second.own() == moving - busy
    assert [second.settled] == [False]
    given = {e.bucket for outbox in (first, second) for e in await outbox.waiting(100)}
    assert not given & busy
    # One is done, the other not yet.
    await first.own({max(moving)})
    assert await second.own() == moving - {max(moving)}
    await first.own()
    assert await second.own() == moving
    assert [first.settled] == [True]
    assert [second.settled] == [True]
    assert len(await first.waiting(100)) + len(await second.waiting(100)) == 100


async def test_what_is_under_way_for_ever_is_released_all_the_same(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAVING_SECONDS", 0.0)
    first, second = opened.outbox("first"), opened.outbox("second")
    await first.own()
    await second.own()
    await first.own(ALL)
    assert await second.own() == desired("second", {"first", "second"})


async def test_what_was_leaving_and_comes_back_is_locked_once(opened: Opened) -> None:
    first, second = opened.outbox("first"), opened.outbox("second")
    await first.own()
    await second.own()
    await first.own(ALL)
    await second.close()
    assert await first.own() == ALL
    assert [first.settled] == [True]
    third = opened.outbox("third")
    await third.own()
    await first.own()
    # A lock that was taken twice would still be held.
    assert await third.own() == desired("third", {"first", "third"})


async def test_a_relay_whose_connection_has_ended_is_soon_no_longer_counted(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIVE_SECONDS", 3_600.0)
    monkeypatch.setattr(module, "GONE_SECONDS", 0.0)
    killed, living = opened.outbox("killed"), opened.outbox("living")
    await killed.own()
    assert await living.own() == frozenset()
    ((owner,),) = await run(opened.url, OWNER)
    await run(opened.url, "select pg_terminate_backend($1, 5000)", owner)
    assert await living.own() == ALL


async def test_where_an_event_went_is_noted_where_it_was_recorded_for_another_place(
    opened: Opened,
) -> None:
    await put(opened.url, [outgoing(1), outgoing(2)])
    outbox = opened.outbox("one")
    await outbox.own()
    await outbox.waiting(100)
    place = "file:///srv/exchange/provincial"
    await outbox.sent(
        [
            Ack(seq=1, partition=20261123, offset=1, place=place),
            Ack(seq=2, partition=3, offset=7),
        ]
    )
    found = await run(
        opened.url, "select seq, topic, koffset from outbox_sent order by seq"
    )
    assert [tuple(row) for row in found] == [
        (1, place, 1),
        (2, outgoing(2).topic, 7),
    ]
