"""The grants in force, held in memory by each gateway and never for long.

What is in force is asked of the platform's database five times a second. While it does
not answer no sharing grant counts, but those for an emergency do, until their own end
by a clock that nobody sets. That nothing leaves after a revocation does not rest on
this while the database answers: the record's own statement sees to it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from zhitong.exceptions import ZhitongError
from zhitong.grants import Grant
from zhitong.ports import GrantsInForce
from zhitong.resolvers.granting import held
from zhitong.types import Inquiry, Principal

LOGGER = logging.getLogger(__name__)
POLL_SECONDS = 0.2
STALE_SECONDS = 1.0
"""So long what was read last is believed."""
_LOST = (ZhitongError, OSError, TimeoutError)


def _now() -> datetime:
    return datetime.now(UTC)


class HeldGrants:
    """Knows the grants in force, as of a moment ago."""

    def __init__(
        self,
        register: GrantsInForce,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._register = register
        self._clock = clock
        self._now = now
        self._counter: int | None = None
        self._grants: dict[str, tuple[Grant, ...]] = {}
        self._read_at = float("-inf")
        self._read = datetime.min.replace(tzinfo=UTC)
        self._heard = True
        self._turn = asyncio.Lock()

    @property
    def fresh(self) -> bool:
        """Say whether the database has answered a moment ago."""
        return self._clock() - self._read_at <= STALE_SECONDS

    def of(self, principal: Principal, at: datetime) -> tuple[Grant, ...]:
        """Give the grants of *principal* that are in force *at* that moment."""
        grants = self._grants.get(principal.unit, ())
        if not grants:
            return ()
        if self.fresh:
            return held(grants, principal, at)
        # By the time that has passed since, whatever our clock was set to meanwhile.
        passed = timedelta(seconds=self._clock() - self._read_at)
        known = held(grants, principal, max(at, self._read + passed))
        return tuple(grant for grant in known if grant.incident)

    def stand(self, inquiry: Inquiry) -> bool:
        """Say whether what *inquiry* rests on is in force, as far as we know."""
        known = self.of(inquiry.principal, self._now())
        return inquiry.grants_used <= {grant.id for grant in known}

    async def refresh(self) -> None:
        """Read what has changed; raise where the database does not answer in time."""
        # In turn: an answer from before would bring back what has been revoked since.
        async with asyncio.timeout(STALE_SECONDS), self._turn:
            asked, now = self._clock(), self._now()
            if await self._register.counter() != self._counter:
                found = await self._register.in_force(now)
                by_unit: dict[str, tuple[Grant, ...]] = {}
                for grant in found.grants:
                    by_unit[grant.unit] = (*by_unit.get(grant.unit, ()), grant)
                self._counter, self._grants = found.counter, by_unit
        # As of when it was asked: the answer may have been long on its way.
        self._read_at, self._read = asked, now

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
