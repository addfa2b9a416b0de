"""Every kind of fault: what it strikes, what it needs, and how it is undone.

A kind is an asynchronous context: entered, the fault is there; left, it is undone.
That it is *healed* is seen from outside, of all kinds alike: something decided after
it was undone has gone all the way to both receivers and been answered.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
from chaos_proxy import Mood
from machine import until
from soak_crew import GATEWAY, RECEIVERS, WORKERS
from soak_disks import may_mount
from soak_kind import LONG, WHILE, Kind, Undone, meanwhile, server_frozen, server_killed
from soak_lines import has_rooms
from soak_machine import (
    clock_jumps,
    fsync_fails,
    fsync_slow,
    lacks,
    log_full,
    wal_full,
)
from soak_nodes import of_the_nodes
from soak_pair import of_the_pair
from soak_world import BROKER, DEPARTMENT, OPERATOR_SECONDS, BrokenError, World

from zhitong.connectors.receiver_control import ReceiverControl
from zhitong.exceptions import LedgerUnavailableError, StandbyError
from zhitong.infra.broker_access import administrator
from zhitong.infra.consuming import database_name
from zhitong.infra.gateway import PLATFORM
from zhitong.infra.receivers_file import receivers_of


def kinds() -> Sequence[Kind]:
    """Name all there are."""
    return (
        *_of_processes(),
        *_of_databases(),
        *_of_the_broker(),
        *of_the_pair(),
        *of_the_nodes(),
        *_of_lines(),
        *_of_the_machine(),
    )


_BEFORE = 10.0
"""Seconds before an upgrade of which its latencies are told."""
_CALMS_WITHIN = 120.0
_RELAYS = ("relay a", "relay b")
_CONSUMERS = tuple(f"consumer {name}" for name in RECEIVERS)


def _of_processes() -> Iterator[Kind]:
    for name, places in {
        "relay": _RELAYS,
        "consumer": _CONSUMERS,
        "sealer": ("sealer",),
        "gateway": (GATEWAY,),
    }.items():
        yield Kind(name=f"{name} killed", places=places, enter=_killed)
        yield Kind(name=f"{name} frozen", places=places, enter=_frozen, lasts=WHILE)
        yield Kind(name=f"{name} restarted", places=places, enter=_restarted)
    yield Kind(name="relay frozen long", places=_RELAYS, enter=_frozen, lasts=LONG)
    yield Kind(name="gateway worker killed", places=(GATEWAY,), enter=_worker_killed)
    yield Kind(
        name="gateway worker frozen",
        places=(GATEWAY,),
        enter=_worker_frozen,
        lasts=WHILE,
    )
    yield Kind(name="gateway supervisor killed", places=(GATEWAY,), enter=_beheaded)
    yield Kind(name="gateway upgraded", places=(GATEWAY,), enter=_upgraded, alone=True)


@asynccontextmanager
async def _killed(world: World, place: str) -> AsyncIterator[None]:
    below = world.crew.family(place)[1:]
    world.crew.kill(place)
    for pid in below:
        _kill(pid)
    try:
        yield
    finally:
        world.crew.begin(place)


@asynccontextmanager
async def _frozen(world: World, place: str) -> AsyncIterator[None]:
    world.crew.tell(place, signal.SIGSTOP)
    try:
        yield
    finally:
        world.crew.tell(place, signal.SIGCONT)


@asynccontextmanager
async def _restarted(world: World, place: str) -> AsyncIterator[None]:
    await world.crew.end(place)
    world.crew.begin(place)
    yield


@asynccontextmanager
async def _worker_killed(world: World, _: str) -> AsyncIterator[None]:
    for pid in world.crew.workers()[:1]:
        _kill(pid)
    yield

    async def again() -> bool:
        return len(world.crew.workers()) == WORKERS

    await until(again, "the gateway's processes")


@asynccontextmanager
async def _worker_frozen(world: World, _: str) -> AsyncIterator[None]:
    frozen = world.crew.workers()[:1]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def _beheaded(world: World, _: str) -> AsyncIterator[None]:
    """Kill who supervises the gateway's processes; they are to end by themselves."""
    below = world.crew.workers()
    world.crew.kill(GATEWAY)

    async def gone() -> bool:
        return not any(_lives(pid) for pid in below)

    await until(gone, "the end of the gateway's processes")
    world.crew.begin(GATEWAY)
    yield


@asynccontextmanager
async def _upgraded(world: World, _: str) -> AsyncIterator[None]:
    """Replace the gateway's processes under load; no request may go unanswered."""
    load = world.load
    # Whether requests fail is judged where they do not wait for each other already.
    if not await load.calms(_CALMS_WITHIN):
        raise RuntimeError(f"not judged: half waited {load.median(_BEFORE):.1f} s")
    before = load.median(_BEFORE)
    old, began = world.crew.workers(), time.time()
    world.crew.signal(GATEWAY, signal.SIGHUP)

    async def replaced() -> bool:
        new = world.crew.workers()
        return len(new) == WORKERS and not set(new) & set(old)

    await until(replaced, "the gateway's new processes")
    yield
    lost = [why for _, ended, why in load.failures if ended >= began]
    took = [one for at, one in load.answered if at >= began]
    said = (
        f"{len(took)} requests answered meanwhile, {len(lost)} not; median "
        f"{before * 1000:.0f} ms before, worst {max(took, default=0.0) * 1000:.0f} ms"
    )
    number = sum(name.startswith("upgrade ") for name in world.figures) + 1
    world.figures[f"upgrade {number}"] = said
    if lost:
        raise BrokenError(f"{len(lost)} requests went unanswered: {lost[0]}; {said}")


def _of_databases() -> Iterator[Kind]:
    receivers = tuple(database_name(name) for name in RECEIVERS)
    for name, places in {
        "platform database": (PLATFORM,),
        "department database": (DEPARTMENT,),
        "receiver database": receivers,
    }.items():
        yield Kind(name=f"{name} killed", places=places, enter=_database_killed)
        yield Kind(
            name=f"{name} frozen", places=places, enter=_database_frozen, lasts=WHILE
        )
        yield Kind(name=f"{name} restarted", places=places, enter=_database_restarted)
    for name, whose in {
        "relay's sessions ended": "application_name = 'zhitong-relay'",
        "all sessions ended": "backend_type = 'client backend'",
    }.items():
        ended = partial(_sessions_ended, whose)
        yield Kind(name=name, places=(PLATFORM,), enter=ended)
    yield Kind(name="outbox locked", places=(PLATFORM,), enter=_locked, lasts=WHILE)
    yield Kind(
        name="transaction left open", places=(PLATFORM,), enter=_open, lasts=WHILE
    )
    yield Kind(
        name="receiver suspended",
        places=("receivers",),
        enter=_suspended,
        lasts=WHILE,
    )


def _database_killed(world: World, place: str) -> Undone:
    return server_killed(world, world.leader(place))


def _database_frozen(world: World, place: str) -> Undone:
    return server_frozen(world, place, world.leader(place))


@asynccontextmanager
async def _database_restarted(world: World, place: str) -> AsyncIterator[None]:
    cluster, name = world.cluster(place), world.leader(place).name
    await asyncio.to_thread(cluster.restart, name)
    yield


@asynccontextmanager
async def _sessions_ended(whose: str, world: World, _: str) -> AsyncIterator[None]:
    await world.ask(
        f"select count(pg_terminate_backend(pid)) from pg_stat_activity where {whose}"  # noqa: S608 - our words
        " and pid <> pg_backend_pid()"
    )
    yield


@asynccontextmanager
async def _locked(world: World, _: str) -> AsyncIterator[None]:
    """Lock the outbox, as a careless statement of an operator's does."""
    async with _transaction(world, "lock table outbox in access exclusive mode"):
        yield


@asynccontextmanager
async def _open(world: World, _: str) -> AsyncIterator[None]:
    """Leave a transaction open that has written, as a forgotten session does."""
    async with _transaction(
        world, "create table if not exists soak_open (n int)", "select txid_current()"
    ):
        yield


@asynccontextmanager
async def _transaction(world: World, *statements: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(world.superuser(PLATFORM), timeout=5)
    try:
        await connection.execute("begin")
        for statement in statements:
            await connection.execute(statement, timeout=10)
        yield
    finally:
        connection.terminate()


@asynccontextmanager
async def _suspended(world: World, _: str) -> AsyncIterator[None]:
    name = RECEIVERS[0]
    async with ReceiverControl(world.superuser(PLATFORM)) as control:
        await control.suspend(name, "soak", "持续试验")
    try:
        yield
    finally:
        await _resume(world, name)


async def _resume(world: World, name: str) -> None:
    """Resume as an operator would: again while the database is away or moves."""
    deadline = time.monotonic() + OPERATOR_SECONDS
    while True:
        try:
            async with ReceiverControl(world.superuser(PLATFORM)) as control:
                await control.resume(name, "soak", "持续试验")
        except (LedgerUnavailableError, StandbyError):
            # Of a primary whose disk is gone nobody is the primary for a while.
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(1)
        else:
            return


def _of_the_broker() -> Iterator[Kind]:
    # All of it: of three nodes, the three.
    yield Kind(name="broker killed", places=(BROKER,), enter=_broker_killed)
    yield Kind(
        name="broker frozen", places=(BROKER,), enter=_broker_frozen, lasts=WHILE
    )
    yield Kind(name="broker restarted", places=(BROKER,), enter=_broker_restarted)
    yield Kind(name="offsets lost", places=_CONSUMERS, enter=_offsets_lost)


def _broker_killed(world: World, _: str) -> Undone:
    return meanwhile(world.broker.kill, world.broker.start)


def _broker_frozen(world: World, _: str) -> Undone:
    return meanwhile(world.broker.freeze, world.broker.thaw)


@asynccontextmanager
async def _broker_restarted(world: World, _: str) -> AsyncIterator[None]:
    await asyncio.to_thread(world.broker.restart)
    yield


@asynccontextmanager
async def _offsets_lost(world: World, place: str) -> AsyncIterator[None]:
    """Have a receiver read everything once more, as after a lost group."""
    name = place.removeprefix("consumer ")
    await world.crew.end(place)
    try:
        await asyncio.to_thread(_forget_group, world, name)
        yield
    finally:
        world.crew.begin(place)


def _forget_group(world: World, name: str) -> None:
    from kafka import KafkaAdminClient  # noqa: PLC0415 - of this kind alone

    settings = world.settings
    group = receivers_of(settings).kafka[name].groups[0]
    admin = KafkaAdminClient(**administrator(settings).configs)
    try:
        admin.delete_groups([group])
    finally:
        admin.close()


_MOODS = {
    "slow": Mood(delay=0.3),
    "silent": Mood(hold=True),
    "deaf": Mood(swallow=True),
    "torn": Mood(tear=7),
    "refused": Mood(refuse=True),
}
"""What a line suffers; *deaf*: what is asked is done, and the answer never comes."""


def _of_lines() -> Iterator[Kind]:
    lines = (
        "relay – broker",
        "relay – platform",
        "gateway – platform",
        "gateway – department",
        "consumer – broker",
    )
    for line in lines:
        for name, mood in _MOODS.items():
            yield Kind(
                name=f"{line} {name}",
                places=(line,),
                enter=partial(_suffers, mood),
                lasts=WHILE,
                lacks=partial(_no_line, line),
            )
        yield Kind(
            name=f"{line} reset",
            places=(line,),
            enter=_reset,
            lacks=partial(_no_line, line),
        )
    for name, swallows in {"wire cut": False, "wire one way": True}.items():
        yield Kind(
            name=name,
            places=("relay b",),
            enter=partial(_cut, swallows),
            lasts=LONG,
            lacks=_no_wire,
        )


@asynccontextmanager
async def _suffers(mood: Mood, world: World, place: str) -> AsyncIterator[None]:
    line = world.lines[place]
    line.suffer(mood)
    if mood.refuse:
        line.reset()
    try:
        yield
    finally:
        line.suffer(Mood())
        if mood.swallow:
            # What was thrown away is missing in the middle: such a line is no line.
            line.reset()


@asynccontextmanager
async def _reset(world: World, place: str) -> AsyncIterator[None]:
    world.lines[place].reset()
    yield


@asynccontextmanager
async def _cut(swallows: bool, world: World, _: str) -> AsyncIterator[None]:  # noqa: FBT001 - bound by its name above
    wire = world.wire
    assert wire is not None  # noqa: S101 - the kind lacks it otherwise
    (wire.swallow if swallows else wire.cut)()
    if world.nodes > 1:
        # Three brokers are reached beside it: that way is cut where it leads out.
        world.lines["wire – broker"].suffer(Mood(hold=True))
    try:
        yield
    finally:
        (wire.give_back if swallows else wire.mend)()
        world.lines["wire – broker"].suffer(Mood())


def _no_wire(_: World) -> str:
    return "" if has_rooms() else "no root, or no `ip`"


def _no_line(line: str, world: World) -> str:
    if world.nodes > 1 and line.endswith("– broker") and not has_rooms():
        return "no root, or no `ip`: three brokers speak TLS"
    return ""


def _of_the_machine() -> Iterator[Kind]:
    tool = partial(lacks, "strace")
    yield Kind(
        name="fsync slow",
        places=(PLATFORM,),
        enter=fsync_slow,
        lasts=WHILE,
        lacks=tool,
    )
    yield Kind(name="fsync fails", places=(PLATFORM,), enter=fsync_fails, lacks=tool)
    yield Kind(
        name="wal full",
        places=(PLATFORM,),
        enter=wal_full,
        lasts=WHILE,
        lacks=lambda _: "" if may_mount() else "no small disks (root alone)",
    )
    yield Kind(
        name="broker log full",
        places=(BROKER,),
        enter=log_full,
        lasts=WHILE,
        lacks=lambda _: "" if may_mount() else "no small disks (root alone)",
    )
    for name, places in {
        "relay": ("relay a",),
        "consumer": _CONSUMERS,
        "sealer": ("sealer",),
        "gateway": (GATEWAY,),
    }.items():
        yield Kind(
            name=f"{name}'s clock jumps",
            places=places,
            enter=clock_jumps,
            lasts=WHILE,
            lacks=partial(lacks, "faketime"),
        )


def _kill(pid: int) -> None:
    if _lives(pid):
        os.kill(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    try:
        state = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]  # noqa: PTH123, SIM115
    except OSError:
        return False
    return state not in "ZXx"
