"""What is said of the catalogue's resources: read once for a field of a question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from zhitong.catalogue import Measured, Reply, Reviews
from zhitong.ports import CatalogueHistory


class Said:
    """Replies and measurements, read once for all resources of a question's field."""

    def __init__(
        self, history: CatalogueHistory | None, reviews: Reviews | None
    ) -> None:
        self._history = history
        self.reviews = reviews
        self._asked: asyncio.Task[Mapping[str, Reply]] | None = None
        self._measured: asyncio.Task[Mapping[str, Measured]] | None = None

    async def of(self, resource: str) -> Reply | None:
        """Give the last reply on *resource*."""
        if self._history is None:
            return None
        if self._asked is None:
            self._asked = asyncio.ensure_future(self._history.replies())
        return (await self._asked).get(resource)

    async def quality(self, resource: str) -> Measured | None:
        """Give what was last measured of *resource*."""
        if self._history is None:
            return None
        if self._measured is None:
            self._measured = asyncio.ensure_future(self._history.measured())
        return (await self._measured).get(resource)
