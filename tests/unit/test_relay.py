from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from outgoing import TOPICS, outgoing

from zhitong.connectors.memory_outbox import MemoryOutbox
from zhitong.decisions import Ack, Backlog, Outgoing
from zhitong.streams.memory_broker import LARGEST, MemoryBroker, MemoryProducer
from zhitong.streams.producer import Fault, Unsent, behind
from zhitong.streams.relay import Relay

ENDLESS = 60
PROVINCIAL, CREDIT = TOPICS["provincial"], TOPICS["credit"]


@asynccontextmanager
async def relaying(
    outbox: MemoryOutbox, broker: MemoryBroker, batch: int = 100
) -> AsyncIterator[list[MemoryProducer]]:
    """Run a relay while the block runs; give the producers it has made."""
    made: list[MemoryProducer] = []

    def producer() -> MemoryProducer:
        made.append(MemoryProducer(broker))
        return made[-1]

    relay = Relay(outbox, producer, batch=batch, longest_rest=0.01)
    task = asyncio.create_task(relay.run())
    try:
        yield made
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(ENDLESS):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def values(broker: MemoryBroker, topic: str) -> list[int]:
    return [int(message.value) for message in broker.messages.get(topic, [])]


def broker() -> MemoryBroker:
    return MemoryBroker(dict.fromkeys(TOPICS.values(), 12))


def of_case(case: str, numbers: Sequence[int]) -> list[Outgoing]:
    return [outgoing(number, case) for number in numbers]


async def test_what_waits_is_sent_and_moved_to_the_partition_of_its_bucket() -> None:
    events = [outgoing(seq) for seq in range(1, 31)]
    outbox, there = MemoryOutbox(events), broker()
    async with relaying(outbox, there):
        await until(lambda: not outbox.rows)
    assert sorted(values(there, PROVINCIAL)) == list(range(1, 31))
    assert {ack.seq: ack.partition for ack in outbox.moved} == {
        event.seq: event.bucket % 12 for event in events
    }


async def test_a_batch_holds_a_cases_events_in_their_order() -> None:
    outbox, there = MemoryOutbox(of_case("one", range(1, 6))), broker()
    async with relaying(outbox, there) as made:
        await until(lambda: not outbox.rows)
    assert made[0].batches == [[1, 2, 3, 4, 5]]
    assert values(there, PROVINCIAL) == [1, 2, 3, 4, 5]


async def test_a_lost_acknowledgement_doubles_and_never_loses_or_disorders() -> None:
    outbox, there = MemoryOutbox(of_case("one", range(1, 4))), broker()
    there.acks_lost = 2
    async with relaying(outbox, there) as made:
        await until(lambda: not outbox.rows)
    # All of the batch comes again, in its order.
    assert values(there, PROVINCIAL) == [1, 2, 3, 1, 2, 3, 1, 2, 3]
    assert made[0].resets == 2
    assert outbox.parked == {}


async def test_a_missing_topic_stops_only_its_receiver_and_recovers() -> None:
    outbox = MemoryOutbox([outgoing(1, receiver="credit"), outgoing(2)])
    there = MemoryBroker({PROVINCIAL: 12})
    async with relaying(outbox, there):
        await until(lambda: 2 not in outbox.rows)
        outbox.rows[3] = outgoing(3)
        await until(lambda: 3 not in outbox.rows)
        assert list(outbox.rows) == [1]
        there.topics[CREDIT] = 12
        await until(lambda: not outbox.rows)
    assert values(there, CREDIT) == [1]
    assert outbox.parked == {}


async def test_a_broker_that_is_away_is_tried_for_ever_and_nothing_is_parked() -> None:
    outbox, there = MemoryOutbox([outgoing(1), outgoing(2)]), broker()
    there.away = True
    async with relaying(outbox, there) as made:
        await until(
            lambda: (
                len(outbox.rows) < 2
                or bool(outbox.parked)
                or (bool(made) and len(made[0].batches) > 5)
            )
        )
        assert (list(outbox.rows), outbox.parked) == ([1, 2], {})
        there.away = False
        await until(lambda: not outbox.rows)
    assert sorted(values(there, PROVINCIAL)) == [1, 2]
    assert outbox.parked == {}


async def test_poison_parks_its_case_after_three_attempts_and_only_it() -> None:
    poison = outgoing(1, "sick", payload=b"x" * (LARGEST + 1))
    outbox = MemoryOutbox([poison, outgoing(2, "sick"), *of_case("well", (3, 4))])
    there = broker()
    async with relaying(outbox, there) as made:
        await until(lambda: not {3, 4} & set(outbox.rows) and bool(outbox.parked))
        tried = sum(1 in batch for batch in made[0].batches)
        await asyncio.sleep(0.1)
    assert tried == 3
    assert values(there, PROVINCIAL) == [3, 4]
    assert sorted(outbox.rows) == [1, 2]
    assert outbox.parked == {("provincial", poison.key): "the event is too large"}
    assert sum(1 in batch for batch in made[0].batches) == 3


async def test_behind_a_fault_nothing_of_its_case_counts_as_sent() -> None:
    outbox = MemoryOutbox([*of_case("one", (1, 2, 3)), outgoing(4, "two")])
    there = broker()

    class Gapped(MemoryProducer):
        """Its second event is not acknowledged, the third is."""

        def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault]:
            answers = list(super().send_batch(events))
            if len(self.batches) == 1:
                answers[1] = behind(2)
            return answers

    relay = Relay(outbox, lambda: Gapped(there), longest_rest=0.01)
    task = asyncio.create_task(relay.run())
    await until(lambda: not outbox.rows)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert [ack.seq for ack in outbox.moved] == [1, 4, 2, 3]
    assert values(there, PROVINCIAL) == [1, 2, 3, 4, 2, 3]


async def test_what_a_slow_channel_has_not_begun_comes_later_and_is_no_fault() -> None:
    outbox = MemoryOutbox([*of_case("one", (1, 2, 3)), outgoing(4, "two")])
    there = broker()

    inner = MemoryProducer(there)

    class Slow:
        """It begins one of a batch, and gives the others back."""

        reset, close = inner.reset, inner.close

        def send_batch(
            self, events: Sequence[Outgoing]
        ) -> Sequence[Ack | Fault | Unsent]:
            sent = inner.send_batch(events[:1])
            return [*sent, *(Unsent(seq=each.seq) for each in events[1:])]

    relay = Relay(outbox, Slow, longest_rest=600.0)
    task = asyncio.create_task(relay.run())
    await until(lambda: not outbox.rows)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert values(there, PROVINCIAL) == [1, 2, 3, 4]
    assert inner.resets == 0


async def test_each_receiver_has_the_producer_of_its_channel() -> None:
    outbox = MemoryOutbox([outgoing(1), outgoing(2, receiver="credit")])
    there, apart = broker(), broker()
    relay = Relay(
        outbox,
        lambda: MemoryProducer(there),
        others={"credit": lambda: MemoryProducer(apart)},
    )
    task = asyncio.create_task(relay.run())
    await until(lambda: not outbox.rows)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert (values(there, PROVINCIAL), values(apart, CREDIT)) == ([1], [2])
    assert (values(there, CREDIT), values(apart, PROVINCIAL)) == ([], [])


async def test_poison_lets_go_what_is_before_it_and_nothing_behind() -> None:
    poison = outgoing(2, "sick", payload=b"x" * (LARGEST + 1))
    sick = [outgoing(1, "sick"), poison, outgoing(3, "sick")]
    outbox, there = MemoryOutbox([*sick, outgoing(4)]), broker()
    async with relaying(outbox, there) as made:
        await until(lambda: bool(outbox.parked))
    assert values(there, PROVINCIAL) == [1, 4]
    assert sorted(outbox.rows) == [2, 3]
    # Once it has failed it is tried alone.
    assert made[0].batches == [[1, 2, 3, 4], [2], [2]]


async def test_figures_that_do_not_come_hold_nothing_up() -> None:
    class Slow(MemoryOutbox):
        """Its count never ends."""

        async def backlog(self) -> Sequence[Backlog]:
            await asyncio.Event().wait()
            return []

    outbox, there = Slow([outgoing(1)]), broker()
    async with relaying(outbox, there):
        await until(lambda: not outbox.rows)
    assert values(there, PROVINCIAL) == [1]


async def test_a_suspended_receiver_is_held_and_sent_when_it_is_resumed() -> None:
    outbox = MemoryOutbox([outgoing(1, receiver="credit"), outgoing(2)])
    outbox.suspended.add("credit")
    there = broker()
    async with relaying(outbox, there):
        await until(lambda: 2 not in outbox.rows)
        assert values(there, CREDIT) == []
        outbox.suspended.clear()
        await until(lambda: not outbox.rows)
    assert values(there, CREDIT) == [1]


async def test_a_database_that_is_away_after_the_sending_is_waited_for() -> None:
    outbox, there = MemoryOutbox([outgoing(1)]), broker()

    class Leaving(MemoryProducer):
        """Its broker takes the batch, and the database goes away meanwhile."""

        def send_batch(self, events: Sequence[Outgoing]):  # type: ignore[no-untyped-def] # noqa: ANN202 - as above
            outbox.away = True
            return super().send_batch(events)

    task = asyncio.create_task(Relay(outbox, lambda: Leaving(there)).run())
    await until(lambda: values(there, PROVINCIAL) == [1] and outbox.away)
    assert list(outbox.rows) == [1]
    outbox.away = False
    await until(lambda: not outbox.rows)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert values(there, PROVINCIAL) == [1]


async def test_many_events_go_in_batches_of_bounded_size() -> None:
    outbox, there = MemoryOutbox([outgoing(seq) for seq in range(1, 251)]), broker()
    async with relaying(outbox, there, batch=100) as made:
        await until(lambda: not outbox.rows)
    assert [len(batch) for batch in made[0].batches] == [100, 100, 50]
