"""One sense for every store of used tokens: PostgreSQL and the one in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from zhitong.connectors.migrations import migrate
from zhitong.connectors.used_tokens import (
    KEPT,
    SWEEP_SECONDS,
    MemoryUsedTokens,
    PlatformUsedTokens,
)
from zhitong.exceptions import LedgerUnavailableError, TokenReplayedError
from zhitong.ports import UsedTokens
from zhitong.types import TokenUse

pytestmark = pytest.mark.integration

MIGRATIONS = Path(__file__).parents[2] / "infra" / "migrations"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SESSION = TokenUse(
    issuer="city", number="7", holder="", once=False, expires=NOW + timedelta(hours=8)
)
ONCE = replace(SESSION, once=True)


@dataclass(frozen=True)
class Stores:
    """``one()`` and ``other()`` stand for two gateways of one tenant."""

    one: UsedTokens
    other: UsedTokens


@pytest.fixture(params=["memory", "postgresql"])
async def stores(
    request: pytest.FixtureRequest, database: str
) -> AsyncIterator[Stores]:
    if request.param == "memory":
        memory = MemoryUsedTokens()
        yield Stores(memory, memory)
        return
    await migrate(database, MIGRATIONS)
    one, other = platform(database), platform(database)
    yield Stores(one, other)
    await one.close()
    await other.close()


async def test_a_session_serves_many_changes_in_one_hand(stores: Stores) -> None:
    for store in (stores.one, stores.one, stores.other):
        await store.use(SESSION)


async def test_a_session_is_refused_in_another_hand_at_every_gateway(
    stores: Stores,
) -> None:
    mine, stolen = replace(SESSION, holder="A" * 43), replace(SESSION, holder="B" * 43)
    await stores.one.use(mine)
    for store in (stores.one, stores.other):
        for other in (stolen, SESSION):
            with pytest.raises(TokenReplayedError):
                await store.use(other)
    await stores.other.use(mine)


async def test_a_token_for_one_change_serves_one(stores: Stores) -> None:
    await stores.one.use(ONCE)
    for store in (stores.one, stores.other):
        with pytest.raises(TokenReplayedError):
            await store.use(ONCE)


async def test_of_many_at_once_one_alone_is_served(stores: Stores) -> None:
    gateways = [stores.one, stores.other] * 10
    outcomes = await asyncio.gather(
        *(store.use(ONCE) for store in gateways), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    refused = [each for each in outcomes if isinstance(each, TokenReplayedError)]
    assert len(refused) == len(gateways) - 1


async def test_of_two_hands_at_once_one_alone_is_served(stores: Stores) -> None:
    hands = [replace(SESSION, holder=letter * 43) for letter in "AB"]
    gateways = [(stores.one, hands[0]), (stores.other, hands[1])] * 10
    outcomes = await asyncio.gather(
        *(store.use(token) for store, token in gateways), return_exceptions=True
    )
    served = {
        token.holder
        for (_, token), outcome in zip(gateways, outcomes, strict=True)
        if outcome is None
    }
    assert len(served) == 1
    assert outcomes.count(None) == len(gateways) / 2


async def test_numbers_are_those_of_an_issuer(stores: Stores) -> None:
    await stores.one.use(ONCE)
    await stores.one.use(replace(ONCE, issuer="province"))
    await stores.one.use(replace(ONCE, number="8"))


async def test_a_gateway_that_starts_anew_still_knows_them(database: str) -> None:
    await migrate(database, MIGRATIONS)
    before = platform(database)
    await before.use(ONCE)
    await before.close()
    after = platform(database)
    with pytest.raises(TokenReplayedError):
        await after.use(ONCE)
    await after.close()


async def test_what_has_expired_is_swept_and_nothing_else(database: str) -> None:
    await migrate(database, MIGRATIONS)
    clock = Clock(NOW)
    store = PlatformUsedTokens(database, clock=clock)
    await store.use(ONCE)  # sweeps, and not again for a while
    ended = NOW - KEPT
    for number, expires in (("old", ended), ("new", ended + timedelta(hours=1))):
        await store.use(replace(ONCE, number=number, expires=expires))
    assert await numbers(database) == {"7", "old", "new"}
    clock.now += SWEEP_SECONDS
    await store.use(replace(ONCE, number="last"))
    assert await numbers(database) == {"7", "new", "last"}
    await store.close()


async def test_without_the_database_nothing_may_be_changed(
    database: str,
) -> None:
    store = platform(f"{database}_gone")
    with pytest.raises(LedgerUnavailableError):
        await store.use(SESSION)
    await store.close()


def platform(url: str) -> PlatformUsedTokens:
    """A store on the day of the tokens: by the machine's clock they have long ended."""
    return PlatformUsedTokens(url, clock=Clock(NOW))


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now.timestamp()

    def __call__(self) -> float:
        return self.now


async def numbers(database: str) -> set[str]:
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("select number from used_token")
    finally:
        await connection.close()
    return {row["number"] for row in rows}
