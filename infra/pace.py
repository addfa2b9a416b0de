"""How fast clients may ask: a rate with a burst each, in this process's memory.

The generic cell rate algorithm: one moment per client, the one at which its burst is
whole again. Several gateways each count for themselves; what is bounded is the work of
one process. Libraries were looked at: `limits` counts in windows, which let twice the
rate through at their edges, `aiolimiter` waits where a refusal is due.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial

from zhitong.exceptions import RateLimitedError
from zhitong.types import Allowance, Principal

REMEMBERED = 10_000
"""Clients whose moments are kept; beyond that the longest silent are forgotten."""
COST_OF_ONE = 1_000
"""A question counts once more for each such cost: a large one is work for several."""
STRANGERS = Allowance(rate=10.0, burst=50)
"""Refused tokens of one address; whoever has a valid one is not counted here."""

MESSAGES = 4
"""For each question over a WebSocket one that ends it, a ping and a pong."""

Clock = Callable[[], float]


class _Running:
    """A place among those of one client whose questions are being answered."""

    __slots__ = ("_client", "_most", "_running")

    def __init__(self, running: Counter[Hashable], client: Hashable, most: int) -> None:
        self._running = running
        self._client = client
        self._most = most

    def __enter__(self) -> None:
        running = self._running.get(self._client, 0)
        if running >= self._most:
            # Nobody can say when one of them will be answered.
            raise _too_many(self._most)
        self._running[self._client] = running + 1

    def __exit__(self, *_: object) -> None:
        left = self._running[self._client] - 1
        if left:
            self._running[self._client] = left
        else:
            del self._running[self._client]


class Pace:
    """Counts what each client asks; raises where that is too fast or too much."""

    def __init__(
        self, clock: Clock = time.monotonic, remembered: int = REMEMBERED
    ) -> None:
        self._clock = clock
        self._remembered = remembered
        self._full: OrderedDict[Hashable, float] = OrderedDict()
        self._running: Counter[Hashable] = Counter()

    def running(self, principal: Principal, allowance: Allowance) -> _Running:
        """Hold a place for a question of *principal* while it is answered."""
        return _Running(self._running, client_of(principal), allowance.concurrent)

    def question(
        self, principal: Principal, allowance: Allowance
    ) -> Callable[[int], None]:
        """Count a question of *principal*; give how it pays for what it costs."""
        client = client_of(principal)
        self.count(client, allowance)
        return partial(self._spend, client, allowance)

    def message(self, principal: Principal, allowance: Allowance) -> None:
        """Count a message of *principal* over a WebSocket, beside its questions."""
        rate, burst = MESSAGES * allowance.rate, MESSAGES * allowance.burst
        client = ("messages", client_of(principal))
        self.count(client, replace(allowance, rate=rate, burst=burst))

    def _spend(self, client: Hashable, allowance: Allowance, cost: int) -> None:
        # One that costs more than a whole burst is asked when the burst is whole.
        more = min(cost // COST_OF_ONE, allowance.burst - 1)
        if more > 0:
            self.count(client, allowance, more, again=1)

    def stranger(self, address: str) -> None:
        """Count a request without a valid token from *address*."""
        self.count(_network(address), STRANGERS)

    def count(
        self, client: Hashable, allowance: Allowance, times: int = 1, again: int = 0
    ) -> None:
        """Count so many; raise `RateLimitedError` where that is faster than allowed.

        What is refused here counts *again* besides when it is asked once more.
        """
        now = self._clock()
        each = 1 / allowance.rate
        full = max(self._full.get(client, now), now) + times * each
        over = full - now - allowance.burst * each
        # A rounding error is no question.
        if over > each * 1e-6:
            raise _too_fast(over + again * each)
        self._full[client] = full
        self._full.move_to_end(client)
        if len(self._full) > self._remembered:
            self._full.popitem(last=False)


def client_of(principal: Principal) -> Hashable:
    """Name the client: one person at one system of one unit."""
    return (
        principal.tenant,
        principal.kind,
        principal.unit,
        principal.client,
        principal.person,
    )


def _network(address: str) -> Hashable:
    """Name an address; of IPv6 the network, for each host has 2^64 addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:  # noqa: PLR2004 - IPv4
        return found
    return ipaddress.ip_network((found, 64), strict=False)


def _too_fast(seconds: float) -> RateLimitedError:
    wait = max(1, math.ceil(seconds))
    return RateLimitedError(
        f"请求过快，请 {wait} 秒后重试",
        f"too fast; try again in {wait} s",
        after=str(wait),
    )


def _too_many(most: int) -> RateLimitedError:
    return RateLimitedError(
        f"同时进行的请求已达上限 {most} 个，请等其中一个答复后再发",
        f"{most} of your questions are being answered, the most at one time; wait for "
        "one of them",
        after="1",
    )
