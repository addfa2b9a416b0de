"""What a kind of fault is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from soak_world import World

from zhitong.infra.postgres_server import Server

Undone = AbstractAsyncContextManager[None]
"""Something that is undone in the end."""
Enter = Callable[[World, str], Undone]
MOMENT = (0.5, 3.0)
WHILE = (3.0, 8.0)
LONG = (16.0, 22.0)
"""Longer than the database bears a silent relay (`idle_session_timeout`)."""


WHY = ("--because", "持续试验")
"""What an operator of ours says."""


@asynccontextmanager
async def meanwhile(
    do: Callable[[], object], undo: Callable[[], object]
) -> AsyncIterator[None]:
    """Let what *do* does hold for a while; both in threads, for servers take theirs."""
    await asyncio.to_thread(do)
    try:
        yield
    finally:
        await asyncio.to_thread(undo)


def server_killed(world: World, server: Server) -> Undone:
    """Kill a database's *server*; it is started again."""
    return meanwhile(server.kill, partial(world.revive, server))


def server_frozen(world: World, place: str, server: Server) -> Undone:
    """Halt a *server* of the database *place*."""
    cluster, name = world.cluster(place), server.name
    return meanwhile(partial(cluster.freeze, name), partial(cluster.thaw, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault."""

    name: str
    places: Sequence[str]
    """What it may strike; no two faults strike one place at a time."""
    enter: Enter
    lasts: tuple[float, float] = MOMENT
    """Seconds from which its length is drawn."""
    lacks: Callable[[World], str] = lambda _: ""
    """Says why this machine cannot do it; empty: it can."""
    alone: bool = False
    """Whether nothing else may be wrong meanwhile."""
