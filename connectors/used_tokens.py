"""Which tokens have served a change: in the platform's database, or in memory."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST, lent
from zhitong.connectors.statements import statements
from zhitong.exceptions import LedgerUnavailableError, TokenReplayedError
from zhitong.types import TokenUse

SECONDS = 2.0
POOL_SIZE = 2
REMEMBERED = 4_096
SWEEP_SECONDS = 600.0
KEPT = timedelta(hours=1)
"""How long after its end a token is still known: clocks of several machines differ."""

_Key = tuple[str, str]


class MemoryUsedTokens:
    """Used tokens of one process, forgotten with it; for tests and single runs."""

    def __init__(self) -> None:
        self._holders: dict[_Key, str] = {}

    async def use(self, token: TokenUse) -> None:
        """Note that *token* serves a change; raise `TokenReplayedError`."""
        key = (token.issuer, token.number)
        if token.once and key in self._holders:
            raise replayed()
        if self._holders.setdefault(key, token.holder) != token.holder:
            raise replayed()


class PlatformUsedTokens:
    """Used tokens in the platform's database, common to all gateways and lasting."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._clock = clock
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._held: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._swept = 0.0
        self._opening = asyncio.Lock()

    async def use(self, token: TokenUse) -> None:
        """Note that *token* serves a change; raise `TokenReplayedError`.

        Raises `LedgerUnavailableError` where that cannot be noted.
        """
        key = (token.issuer, token.number, token.holder)
        if not token.once and key in self._held:
            # Who holds it does not change before it ends.
            self._held.move_to_end(key)
            return
        rows = await self._do(
            "once" if token.once else "hold",
            token.issuer,
            token.number,
            token.holder,
            token.expires,
        )
        if not rows and not token.once:
            # Another's insert was not yet seen by our select; it is now.
            rows = await self._do("hold", *key, token.expires)
        if [row["holder"] for row in rows] != [token.holder]:
            raise replayed()
        if not token.once:
            self._held[key] = None
            if len(self._held) > REMEMBERED:
                self._held.popitem(last=False)
        await self._sweep()

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            # A frozen server would not answer a farewell.
            self._pool.terminate()
        self._pool = None

    async def _sweep(self) -> None:
        now = self._clock()
        if now - self._swept >= SWEEP_SECONDS:
            self._swept = now
            await self._do("sweep", datetime.fromtimestamp(now, UTC) - KEPT)

    async def _do(self, name: str, *values: object) -> list[asyncpg.Record]:
        try:
            async with asyncio.timeout(SECONDS):
                async with self._opening:
                    if self._pool is None:
                        self._pool = await primary.pool(
                            self._url,
                            min_size=0,
                            max_size=POOL_SIZE,
                            server_settings={"application_name": "zhitong tokens"},
                        )
                async with lent(self._pool) as connection:
                    statement = statements("used_tokens")[name]
                    return list(await connection.fetch(statement, *values))
        except LOST as error:
            raise LedgerUnavailableError(
                "平台数据库没有答复，变更没有执行，请稍后重试。",
                "The platform's database does not answer; nothing was changed, try "
                "again later.",
            ) from error


def replayed() -> TokenReplayedError:
    """Refuse a token that has served already, or serves somebody else."""
    return TokenReplayedError(
        "令牌已用于另一次变更，或已由他人使用，请重新获取令牌后再提交。",
        "The token has served another change, or somebody else; get a new one and "
        "send it again.",
    )
