"""Connections to a database that several servers have, of which one takes writes.

Its address names all of them, and ``target_session_attrs=read-write``:

- All are asked at once, and one that is silent is not waited for: asyncpg, which asks
  one after the other, never gets past a halted server that still has its port.
- Of those that are no standby the newest timeline counts. One older than what this
  process has met, or than the address says (``timeline``), is an old primary that came
  back: it is not read from and not written to.
- Whoever meets a newer timeline drops all this process has of an older one.

An address that says nothing of the kind is connected to as ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from weakref import WeakKeyDictionary

import asyncpg

from zhitong.connectors.loan import LOST, Plain, Pool
from zhitong.connectors.statements import statements

GRACE = 0.5
"""How long the others are waited for once one server has been found, in seconds."""
SECONDS = 3.0
"""How long a server may take to answer: a promotion is met at the next attempt."""
PACE = 5.0
"""How often a process looks whether another server has taken over."""
WRITES = frozenset({"read-write", "primary"})
_ALONE = (
    "STANDBY: 平台数据库没有同步备机，提交只在一块磁盘上 the platform's database has "
    "no synchronous standby, what is committed is on one disk: zhitong pg status"
)

_log = logging.getLogger("zhitong.primary")
create_pool: Any = asyncpg.create_pool
"""Its stub lets nobody pass arguments on."""


@dataclass(slots=True)
class _Met:
    """The newest timeline that was met, and what is connected to by which one."""

    timeline: int = 0
    connections: WeakKeyDictionary[Plain, tuple[int, asyncio.AbstractEventLoop]] = (
        field(default_factory=WeakKeyDictionary)
    )

    def meet(self, timeline: int) -> None:
        """Drop what is older than *timeline*, if that is news."""
        if timeline <= self.timeline:
            return
        self.timeline = timeline
        loop = asyncio.get_running_loop()
        for connection, (of, its) in list(self.connections.items()):
            if of < timeline and its is loop:
                connection.terminate()


_met: dict[tuple[str, ...], _Met] = {}


@dataclass(frozen=True, slots=True)
class Servers:
    """An address taken apart: one for each server."""

    urls: tuple[str, ...]
    least: int
    """The oldest timeline that may be spoken to."""

    @property
    def met(self) -> _Met:
        """What this process knows of them."""
        hosts = tuple(
            sorted(urlsplit(url).netloc.rpartition("@")[2] for url in self.urls)
        )
        return _met.setdefault((*hosts, urlsplit(self.urls[0]).path), _Met())


@dataclass(frozen=True, slots=True)
class _Found:
    connection: Plain
    timeline: int
    """0: a standby's."""


def servers(url: str) -> Servers | None:
    """Take *url* apart; None where asyncpg can do with it as it is."""
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    user, _, hosts = parts.netloc.rpartition("@")
    several = hosts.split(",")
    timeline = asked.pop("timeline", "")
    if asked.get("target_session_attrs") not in WRITES or len(several) == 1:
        return None
    del asked["target_session_attrs"]
    urls = tuple(
        parts._replace(
            netloc=f"{user}@{host}" if user else host, query=urlencode(asked)
        ).geturl()
        for host in several
    )
    return Servers(urls, int(timeline) if timeline.isdigit() else 0)


async def connect(url: str, *, timeout: float = 60.0, **options: Any) -> Plain:  # noqa: ANN401, ASYNC109 - as asyncpg has it
    """Connect to the server at *url* that takes writes; raise what asyncpg does.

    Raises `ConnectionError` where several were asked and none of them does.
    """
    several = servers(url)
    if several is None:
        return await asyncpg.connect(url, timeout=timeout, **options)
    found = await _newest(several, min(timeout, SECONDS), options)
    met = several.met
    met.connections[found.connection] = (found.timeline, asyncio.get_running_loop())
    met.meet(found.timeline)
    return found.connection


def pool(url: str, **options: Any) -> Pool:  # noqa: ANN401 - as asyncpg has it
    """Make a pool of such connections, to be awaited."""
    made: Pool = create_pool(url, connect=connect, **options)
    return made


async def follow(url: str) -> None:
    """Look every few seconds whether another server has taken over, for ever.

    Says so where commits do not wait for a standby. Waits for one that nobody waits for
    any more are ended: such a session would hold its place on the server until the
    standby is back. What it has committed is seen then, and whoever comes again is
    answered once it is there as well.
    """
    if servers(url) is None:
        return
    said: str | None = None
    # Kept: where such sessions have filled the server, there is no place for another.
    kept: Plain | None = None
    try:
        while True:
            with suppress(*LOST):
                newest = await connect(url, timeout=SECONDS)
                if kept is not None:
                    kept.terminate()
                kept = newest
            found = await _look(kept) if kept is not None else said
            if found is not None and found != said:
                said = found
                if found:
                    _log.info("平台数据库的同步备机 the synchronous standby: %s", found)
                else:
                    _log.warning(_ALONE)
            await asyncio.sleep(PACE)
    finally:
        if kept is not None:
            kept.terminate()


async def _look(connection: Plain) -> str | None:
    """End waits that are forsaken; name whom commits wait for, None: not known."""
    try:
        async with asyncio.timeout(SECONDS):
            await connection.fetch(statements("primary")["forsaken"])
            return str(await connection.fetchval(statements("primary")["awaited"]))
    except LOST:
        connection.terminate()
        return None


async def _newest(several: Servers, seconds: float, options: Any) -> _Found:  # noqa: ANN401 - as asyncpg has it
    asking = {
        asyncio.create_task(_asked(url, seconds, options)) for url in several.urls
    }
    found: list[_Found] = []
    best: _Found | None = None
    try:
        waiting = asking
        while waiting:
            done, waiting = await asyncio.wait(
                waiting,
                timeout=GRACE if found else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            answers = [one.result() for one in done if not one.exception()]
            least = max(1, several.least, several.met.timeline)
            found += [one for one in answers if one.timeline >= least]
            if not done:
                break
        best = max(found, key=lambda one: one.timeline, default=None)
        if best is None:
            raise _nobody([one.exception() for one in asking])
        return best
    finally:
        for one in asking:
            one.cancel()
        for each in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(each, _Found) and each is not best:
                each.connection.terminate()


async def _asked(url: str, seconds: float, options: Any) -> _Found:  # noqa: ANN401 - as asyncpg has it
    async with asyncio.timeout(seconds):
        connection: Plain = await asyncpg.connect(url, **options)
        known = False
        try:
            timeline = await connection.fetchval(statements("primary")["timeline"])
            known = True
        finally:
            if not known:
                connection.terminate()
        return _Found(connection, timeline)


def _nobody(faults: Sequence[BaseException | None]) -> Exception:
    """Say why there is none; the fault of all is told as it is."""
    known = [one for one in faults if isinstance(one, asyncpg.PostgresError)]
    if known and len(known) == len(faults):
        return known[0]
    said = "; ".join(
        "not the present primary" if one is None else f"{type(one).__name__}: {one}"
        for one in faults
    )
    return ConnectionError(f"no server takes writes ({said})")
