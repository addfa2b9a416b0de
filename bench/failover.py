"""Kill, then freeze, a broker of three while events pass: `make bench-failover`.

Everything real: embedded PostgreSQL, three nodes of Kafka, and a relay, in a state
folder that is made for it and removed. Events wait at a steady rate; once the node that
leads the controllers, and once another that leads partitions, is killed, then one is
frozen. Prints for each how long nothing was sent at most, and how long until nothing
waited; then what was lost, doubled or out of order. Nothing is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ledger_rows import prepare, put, run
from machine import others
from outgoing import outgoing
from topic_reader import read

from zhitong.connectors.outbox import PlatformOutbox
from zhitong.infra.broker import Broker, choose
from zhitong.infra.embedded import clean, databases
from zhitong.infra.settings import from_environment
from zhitong.streams.cluster import look
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.relay import Relay
from zhitong.streams.topics import ensure_topics

TOPIC = "bench.failover"
CASES = 200
EVERY = 0.05
"""Seconds between two lots of events, and between two looks at what was sent."""
CALM = 5.0


class Passing:
    """Events that pass at *rate*, and when some were last seen to have been sent."""

    def __init__(self, url: str, rate: int) -> None:
        self._url = url
        self._rate = rate
        self.made = 0
        self.sent = 0
        self.longest = 0.0
        self._last = time.monotonic()

    async def make(self) -> None:
        """Have events wait, as many as their time has come for."""
        began = time.monotonic()
        while True:
            due = int((time.monotonic() - began) * self._rate) - self.made
            numbers = range(self.made + 1, self.made + due + 1)
            await put(
                self._url,
                [outgoing(n, f"case {n % CASES}", topic=TOPIC) for n in numbers],
            )
            self.made += due
            await asyncio.sleep(EVERY)

    async def watch(self) -> None:
        """See how far they are."""
        while True:
            ((sent,),) = await run(self._url, "select count(*) from outbox_sent")
            if sent > self.sent or self.sent == self.made:
                self.sent, self._last = sent, time.monotonic()
            self.longest = max(self.longest, time.monotonic() - self._last)
            await asyncio.sleep(EVERY)

    async def caught_up(self) -> None:
        """Wait until no more waits than comes in half a second."""
        while self.made - self.sent > self._rate / 2:  # noqa: ASYNC110 - another's doing
            await asyncio.sleep(EVERY)


async def fault(passing: Passing, what: str, act: Callable[[], None]) -> None:
    """Do *act* to the broker, and print what it cost."""
    await asyncio.sleep(CALM)
    await passing.caught_up()
    passing.longest, began = 0.0, time.monotonic()
    await asyncio.to_thread(act)
    await asyncio.sleep(CALM * 2)
    await passing.caught_up()
    print(
        f"{what:<44} nothing sent for {passing.longest:4.1f} s, "
        f"caught up within {time.monotonic() - began:4.1f} s",
        flush=True,
    )


async def faults(broker: Broker, admin: Access, passing: Passing) -> None:
    """Let each thing happen, and be over."""
    for what, act, quorum in (
        ("killed, who leads the controllers", broker.kill, True),
        ("killed, another", broker.kill, False),
        ("frozen, another", broker.freeze, False),
    ):
        leads = (await asyncio.to_thread(look, admin)).quorum
        number = leads if quorum else leads % 3 + 1
        await fault(passing, what, lambda n=number, do=act: do(n))  # type: ignore[misc]
        await asyncio.to_thread(broker.start)


def compare(admin: Access, made: int) -> str:
    """Say what is lost, doubled and out of order of what was *made*."""
    found = [(key, int(value)) for _, _, key, value, _ in read(admin, TOPIC)]
    seen: dict[bytes, list[int]] = {}
    for key, number in found:
        if number not in seen.setdefault(key, []):
            seen[key].append(number)
    numbers = {number for each in seen.values() for number in each}
    lost = set(range(1, made + 1)) - numbers
    wrong = sum(each != sorted(each) for each in seen.values())
    twice = len(found) - len(numbers)
    return f"{made:,} events: lost {len(lost)}, twice {twice}, out of order {wrong}"


async def main(state: Path, rate: int) -> None:
    """Run it."""
    settings = from_environment({**os.environ, "ZHITONG_STATE": str(state)})
    url = databases(["failover"], {}, state)["failover"]
    await prepare(url)
    broker = Broker(state, choose(settings), 3)
    admin = await asyncio.to_thread(broker.start)
    ensure_topics(admin, {TOPIC: 12})
    print(others())
    passing = Passing(url, rate)
    relay = Relay(PlatformOutbox(url, "bench"), lambda: KafkaSender(lambda: admin))
    work = [relay.run(), passing.make(), passing.watch()]
    tasks = [asyncio.create_task(each) for each in work]
    await faults(broker, admin, passing)
    tasks[1].cancel()
    while (await run(url, "select 1 from outbox limit 1")) != []:  # noqa: ASYNC110 - the relay's doing
        await asyncio.sleep(EVERY)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    ((made,),) = await run(url, "select max(seq) from outbox_sent")
    print(await asyncio.to_thread(compare, admin, made))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument(
        "--state", type=Path, default=Path(".zhitong/bench/failover"), help="its folder"
    )
    given = parser.parse_args()
    clean(given.state)
    try:
        asyncio.run(main(given.state, given.rate))
    finally:
        clean(given.state)
