"""A gateway process's end of the line to what supervises it and others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from zhitong.infra.settings import Settings
from zhitong.infra.supervising import RELOAD, told_folder
from zhitong.types import Principal

Reload = Callable[[Principal], Awaitable[Mapping[str, object]]]


class Line:
    """Says what this process has done, and hears what others have."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._supervisor = os.getppid()
        self._loading: asyncio.Task[None] | None = None

    def told(self, settings: Settings) -> Path:
        """Name the folder where the processes keep what they told of counts."""
        return told_folder(settings, self._supervisor)

    def heed(
        self,
        end: Callable[[], object],
        load: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Call *end* when the line is cut, and *load* when another process has."""
        loop, end_of_it = asyncio.get_running_loop(), self._connection.fileno()

        def hear() -> None:
            try:
                said = self._connection.recv()
            except (EOFError, OSError):
                loop.remove_reader(end_of_it)
                end()
                return
            if said == RELOAD and load is not None:
                self._loading = asyncio.ensure_future(load())

        loop.add_reader(end_of_it, hear)

    def ready(self, states: Mapping[str, str]) -> None:
        """Say that questions are answered from now on."""
        self._connection.send(dict(states))

    def passing_on(self, reload: Reload) -> Reload:
        """Let the other processes load their bindings, too, after *reload*."""

        async def reloaded(principal: Principal) -> Mapping[str, object]:
            try:
                return await reload(principal)
            finally:
                with suppress(OSError):
                    self._connection.send(RELOAD)

        return reloaded
