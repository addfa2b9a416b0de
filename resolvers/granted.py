"""The grants in force, held in memory by each gateway and never for long.

What is in force is asked of the platform's database five times a second. While it does
not answer no sharing grant counts, but those for an emergency do. That nothing leaves
after a revocation does not rest on this: the record's own statement sees to it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from zhitong.exceptions import ZhitongError
from zhitong.grants import Grant
from zhitong.ports import GrantsInForce
from zhitong.resolvers.granting import held
from zhitong.types import Principal

LOGGER = logging.getLogger(__name__)
POLL_SECONDS = 0.2
STALE_SECONDS = 1.0
"""So long what was read last is believed."""
_LOST = (ZhitongError, OSError, TimeoutError)


class HeldGrants:
    """Knows the grants in force, as of a moment ago."""

    def __init__(
        self, register: GrantsInForce, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._register = register
        self._clock = clock
        self._counter: int | None = None
        self._grants: dict[str, tuple[Grant, ...]] = {}
        self._read_at = float("-inf")
        self._heard = True

    @property
    def fresh(self) -> bool:
        """Say whether the database has answered a moment ago."""
        return self._clock() - self._read_at <= STALE_SECONDS

    def of(self, principal: Principal, at: datetime) -> tuple[Grant, ...]:
        """Give the grants of *principal* that are in force *at* that moment."""
        grants = self._grants.get(principal.unit, ())
        if not grants:
            return ()
        fresh = self.fresh
        return tuple(
            grant for grant in held(grants, principal, at) if fresh or grant.incident
        )

    async def refresh(self) -> None:
        """Read what has changed; raise where the database does not answer in time."""
        asked = self._clock()
        async with asyncio.timeout(STALE_SECONDS):
            if await self._register.counter() != self._counter:
                found = await self._register.in_force(datetime.now(UTC))
                by_unit: dict[str, tuple[Grant, ...]] = {}
                for grant in found.grants:
                    by_unit[grant.unit] = (*by_unit.get(grant.unit, ()), grant)
                self._counter, self._grants = found.counter, by_unit
        # As of when it was asked: the answer may have been long on its way.
        self._read_at = asked

    async def hear(self) -> None:
        """Read what has changed, now; where that fails the watch will."""
        try:
            await self.refresh()
        except _LOST as error:
            if self._heard:
                LOGGER.warning("the grants in force cannot be read: %r", error)
            self._heard = False
        else:
            self._heard = True

    async def watch(self) -> None:
        """Read it again and again; end when cancelled."""
        while True:
            await self.hear()
            await asyncio.sleep(POLL_SECONDS)
