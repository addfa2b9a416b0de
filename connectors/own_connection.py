"""One connection to the platform's database, for the time of an ``async with``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

from zhitong.connectors import primary
from zhitong.connectors.loan import Plain

Answered = Callable[[], AbstractAsyncContextManager[None]]
"""What is said where the database does not answer."""


class OwnConnection:
    """Connects to *url* as it is entered, with *options* of the driver."""

    def __init__(self, url: str, answered: Answered, **options: Any) -> None:  # noqa: ANN401 - as the driver has it
        self._url = url
        self._answered = answered
        self._options = options
        self._connection: Plain | None = None

    async def __aenter__(self) -> Self:
        async with self._answered():
            self._connection = await primary.connect(self._url, **self._options)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            # Not closed politely: a frozen server would hold our end up.
            self._connection.terminate()

    @property
    def _own(self) -> Plain:
        assert self._connection is not None  # noqa: S101 - inside its `async with`
        return self._connection
