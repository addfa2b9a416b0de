"""Turns come in the order of waiting; who leaves gives its own on; waits end."""

from __future__ import annotations

import asyncio

import pytest

from zhitong.connectors.turns import Turns


def soon(seconds: float = 60.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_who_has_waited_longest_is_next() -> None:
    turns, had = Turns(1), list[str]()

    async def wait(name: str) -> None:
        await turns.take(soon())
        had.append(name)

    await turns.take(soon())
    waiting = [asyncio.create_task(wait(name)) for name in "abc"]
    await asyncio.sleep(0)
    for name in "abc":
        turns.give()
        await asyncio.sleep(0.001)
        assert had[-1] == name
    assert had == ["a", "b", "c"]
    await asyncio.gather(*waiting)


async def test_all_turns_can_be_had_at_one_time_and_no_more() -> None:
    turns = Turns(2)
    await turns.take(soon())
    await turns.take(soon())
    with pytest.raises(TimeoutError):
        await turns.take(soon(0.0))
    turns.give()
    await turns.take(soon(0.0))


async def test_each_waits_until_its_own_deadline() -> None:
    turns = Turns(1)
    await turns.take(soon())
    first = asyncio.create_task(turns.take(soon(0.01)))
    await asyncio.sleep(0)
    later = asyncio.create_task(turns.take(soon(0.05)))
    await asyncio.wait([first])
    assert isinstance(first.exception(), TimeoutError)
    assert not later.done()
    await asyncio.wait([later])
    assert isinstance(later.exception(), TimeoutError)
    turns.give()
    await turns.take(soon())


async def test_a_turn_that_is_served_spoils_no_later_one() -> None:
    turns = Turns(1)
    await turns.take(soon())
    first = asyncio.create_task(turns.take(soon(0.02)))
    await asyncio.sleep(0)
    later = asyncio.create_task(turns.take(soon()))
    await asyncio.sleep(0)
    turns.give()
    await first
    await asyncio.sleep(0.03)
    assert not later.done()
    turns.give()
    await later


@pytest.mark.parametrize("given", [False, True])
async def test_one_who_leaves_takes_no_turn_along(*, given: bool) -> None:
    turns = Turns(1)
    await turns.take(soon())
    leaving = asyncio.create_task(turns.take(soon()))
    await asyncio.sleep(0)
    if given:
        turns.give()
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    if not given:
        turns.give()
    await turns.take(soon(0.0))
