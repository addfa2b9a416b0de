"""Faults of the broker's three nodes, their certificates and their users' passwords."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from soak_kind import WHILE, WHY, Enter, Kind, Undone, meanwhile
from soak_world import BROKER, World

from zhitong.infra import processes
from zhitong.infra.broker import choose
from zhitong.infra.broker_access import administrator
from zhitong.infra.broker_apache import Apache
from zhitong.infra.broker_authority import certify
from zhitong.infra.broker_node import Node
from zhitong.streams.cluster import look


def of_the_nodes() -> Iterator[Kind]:
    """Name all there are."""
    ways: Mapping[str, Enter] = {
        "node killed": partial(_killed, 1),
        "two nodes killed": partial(_killed, 2),
        "node frozen": _frozen,
        "controllers' leader killed": _leader_killed,
        "node's data deleted": _deleted,
        "nodes restarted in turn": _rolled,
        "certificates turned": partial(_turned, ("certificates",)),
        "relay's password turned": partial(_turned, ("password", "relay")),
        "receiver's password turned": partial(_turned, ("password", "credit")),
        "certificate expired": _expired,
    }
    for name, enter in ways.items():
        yield Kind(
            name=name, places=(BROKER,), enter=enter, lasts=WHILE, lacks=_no_nodes
        )


def _no_nodes(world: World) -> str:
    return "" if world.nodes > 1 else "one broker (--nodes 3)"


def _killed(count: int, world: World, _: str) -> Undone:
    """Kill one of three, or two: then nothing is taken, and events wait."""
    first = world.turn(world.nodes)
    numbers = [(first + each) % world.nodes + 1 for each in range(count)]

    def kill() -> None:
        for number in numbers:
            world.broker.kill(number)

    def start() -> None:
        for number in numbers:
            world.broker.start(number)

    return meanwhile(kill, start)


def _frozen(world: World, _: str) -> Undone:
    number, broker = world.turn(world.nodes), world.broker
    return meanwhile(partial(broker.freeze, number), partial(broker.thaw, number))


@asynccontextmanager
async def _leader_killed(world: World, _: str) -> AsyncIterator[None]:
    found = await asyncio.to_thread(look, administrator(world.settings))
    number, broker = found.quorum, world.broker
    async with meanwhile(partial(broker.kill, number), partial(broker.start, number)):
        yield


def _deleted(world: World, _: str) -> Undone:
    """Destroy the disk of a node; it is filled again from the others, and votes."""
    node = _whole(world)

    def destroy() -> None:
        world.broker.kill(node.number)
        shutil.rmtree(node.home / "data")

    return meanwhile(destroy, partial(world.broker.start, node.number))


@asynccontextmanager
async def _rolled(world: World, _: str) -> AsyncIterator[None]:
    await world.operator("kafka", "restart")
    yield


@asynccontextmanager
async def _turned(what: Sequence[str], world: World, _: str) -> AsyncIterator[None]:
    await world.operator("kafka", "rotate", *what, *WHY)
    yield


@asynccontextmanager
async def _expired(world: World, _: str) -> AsyncIterator[None]:
    """Let a node come back with a certificate that has expired, until it is turned."""
    node, program = _whole(world), choose(world.settings)
    assert isinstance(program, Apache)  # noqa: S101 - the other has no nodes
    await asyncio.to_thread(world.broker.stop, node.number)
    certify(world.broker.home, node.home, timedelta(days=-1))
    # A start of ours would turn it: this is one that was made before it expired.
    processes.launch(program.command(node), program.environment(), node.log)
    try:
        yield
    finally:
        await world.operator("kafka", "rotate", "certificates", *WHY)


def _whole(world: World) -> Node:
    """Give a node whose data is on no small disk of ours."""
    return world.broker.nodes[world.turn(world.nodes - 1)]
