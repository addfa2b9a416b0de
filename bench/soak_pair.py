"""Faults of the platform's two databases: who leads is lost, who follows is lost.

What mends them is what an operator would do: `zhitong pg promote`, `rejoin`, `alone`.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from soak_kind import WHILE, WHY, Enter, Kind, Undone, server_frozen, server_killed
from soak_world import World

from zhitong.infra.gateway import PLATFORM
from zhitong.infra.postgres_server import Server

Lose = Callable[[World, Server], None]


def of_the_pair() -> Iterator[Kind]:
    """Name all there are."""
    for name, loses in {
        "primary killed, standby promoted": _killed,
        "primary's disk destroyed, standby promoted": _destroyed,
        "primary frozen, standby promoted": _frozen,
        "primary handed over": _well,
    }.items():
        enter = partial(_promoted, loses)
        yield Kind(
            name=name, places=(PLATFORM,), enter=enter, lasts=WHILE, lacks=_no_pair
        )
    ways: Mapping[str, Enter] = {
        "standby killed": _standby_killed,
        "standby frozen": _standby_frozen,
        "standby's disk destroyed": _standby_destroyed,
    }
    for name, way in ways.items():
        yield Kind(
            name=name, places=(PLATFORM,), enter=way, lasts=WHILE, lacks=_no_pair
        )


def _no_pair(world: World) -> str:
    return "" if world.standby else "no standby (--standby)"


def _killed(_: World, server: Server) -> None:
    server.kill()


def _destroyed(_: World, server: Server) -> None:
    server.kill()
    shutil.rmtree(server.data)


def _frozen(world: World, server: Server) -> None:
    world.cluster(PLATFORM).freeze(server.name)


def _well(_world: World, _: Server) -> None:
    """Nothing is lost: it is handed over in order."""


@asynccontextmanager
async def _promoted(loses: Lose, world: World, _: str) -> AsyncIterator[None]:
    """Lose who leads, have the other lead, and make a new standby after a while."""
    old = world.pair().primary()
    await asyncio.to_thread(loses, world, old)
    world.forget()
    await world.operator("pg", "promote", *WHY)
    try:
        yield
    finally:
        await world.operator("pg", "rejoin")


def _standby_killed(world: World, _: str) -> Undone:
    """Kill who follows: what is asked for is not acknowledged until it is back."""
    return server_killed(world, _standby(world))


def _standby_frozen(world: World, _: str) -> Undone:
    return server_frozen(world, PLATFORM, _standby(world))


@asynccontextmanager
async def _standby_destroyed(world: World, _: str) -> AsyncIterator[None]:
    """Destroy the disk of who follows; the other goes on alone until there is a new."""
    standby = _standby(world)
    await asyncio.to_thread(_destroyed, world, standby)
    await world.operator("pg", "alone", *WHY)
    try:
        yield
    finally:
        await world.operator("pg", "standby")


def _standby(world: World) -> Server:
    pair = world.pair()
    return pair.other(pair.primary())
