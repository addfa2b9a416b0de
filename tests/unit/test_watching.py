"""Looking at the ledger once for all who wait, each from its own place."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from zhitong.decisions import Change, Changed
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra import watching as module
from zhitong.infra.watching import Watching

ENDLESS = 60.0
FAST = 0.001


class Ledger:
    """A log in memory: other leaves lie between those of decisions."""

    def __init__(self) -> None:
        self.changes: list[Changed] = []
        self.looks: list[tuple[int, int]] = []
        self.away = False
        self.number = 0

    def record(self, *, beside: int = 2) -> int:
        """Seal a decision's version behind other leaves; give its number."""
        self.number += beside + 1
        one = Changed(
            number=self.number - 1,
            decision_id=f"d{self.number}",
            version=1,
            change=Change.RECORDED,
        )
        self.changes.append(one)
        return one.number

    async def since(self, position: int, most: int) -> Sequence[Changed]:
        self._answers()
        self.looks.append((position, most))
        return [one for one in self.changes if one.number >= position][:most]

    async def end(self) -> int:
        self._answers()
        return self.number

    def _answers(self) -> None:
        if self.away:
            raise LedgerUnavailableError("台账不可用", "the ledger is away")


def numbers(found: Sequence[Changed]) -> list[int]:
    return [one.number for one in found]


async def test_who_waits_gets_what_comes_and_only_that() -> None:
    ledger = Ledger()
    ledger.record()
    watching = Watching(ledger, seconds=FAST)
    async with asyncio.timeout(ENDLESS), watching.waiting():
        position = await watching.now()
        waiting = asyncio.create_task(watching.since(position, 10))
        await asyncio.sleep(0)
        assert not waiting.done()
        number = ledger.record()
        assert numbers(await waiting) == [number]


async def test_a_hundred_who_wait_cost_one_look() -> None:
    ledger = Ledger()
    watching = Watching(ledger, seconds=FAST)
    async with asyncio.timeout(ENDLESS), watching.waiting():
        first = ledger.record()
        await watching.since(first, 1)
        ledger.looks.clear()
        waiting = [
            asyncio.create_task(watching.since(first + 1, 10)) for _ in range(100)
        ]
        number = ledger.record()
        assert [numbers(await one) for one in waiting] == [[number]] * 100
    # All of them by the one that looks for all.
    assert {most for _, most in ledger.looks} == {module._AT_ONCE}


async def test_who_is_far_behind_reads_the_ledger_in_its_own_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "KEPT", 5)
    ledger = Ledger()
    watching = Watching(ledger, seconds=FAST)
    watching._latest = type(watching._latest)(maxlen=5)
    async with asyncio.timeout(ENDLESS), watching.waiting():
        begun = await watching.now()
        sealed = [ledger.record() for _ in range(40)]
        await watching.since(sealed[-1], 1)
        found: list[int] = []
        position = begun
        while len(found) < len(sealed):
            part = numbers(await watching.since(position, 7))
            assert 0 < len(part) <= 7
            found += part
            position = part[-1] + 1
    assert found == sealed
    assert (begun, 7) in ledger.looks


async def test_what_is_sealed_before_the_first_look_is_not_missed() -> None:
    ledger = Ledger()
    watching = Watching(ledger, seconds=FAST)
    position = await watching.now()
    number = ledger.record()
    async with asyncio.timeout(ENDLESS), watching.waiting():
        assert numbers(await watching.since(position, 10)) == [number]


async def test_it_goes_on_from_the_same_place_when_the_ledger_is_back() -> None:
    ledger = Ledger()
    watching = Watching(ledger, seconds=FAST)
    async with asyncio.timeout(ENDLESS), watching.waiting():
        first = ledger.record()
        await watching.since(first, 1)
        waiting = asyncio.create_task(watching.since(first + 1, 10))
        ledger.away = True
        number = ledger.record()
        await asyncio.sleep(10 * FAST)
        assert not waiting.done()
        ledger.away = False
        assert numbers(await waiting) == [number]


async def test_what_nobody_foresaw_is_logged_without_its_text_and_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    states = {"market": "ready"}
    faults = [ValueError("110101199003070011")]
    failed = asyncio.Event()

    def told() -> dict[str, str]:
        if not failed.is_set() and asyncio.current_task() is not here:
            failed.set()
            raise faults.pop()
        return states

    here = asyncio.current_task()
    watching = Watching(states=told, seconds=FAST)
    async with asyncio.timeout(ENDLESS), watching.waiting():
        await failed.wait()
        waiting = asyncio.create_task(watching.other(states))
        await asyncio.sleep(0)
        states = {"market": "away"}
        assert await waiting == {"market": "away"}
    assert "ValueError" in caplog.text
    assert "1101011990" not in caplog.text


async def test_nobody_looks_where_nobody_waits() -> None:
    ledger = Ledger()
    watching = Watching(ledger, seconds=FAST)
    async with watching.waiting(), watching.waiting():
        pass
    await asyncio.sleep(0)
    ledger.looks.clear()
    await asyncio.sleep(10 * FAST)
    assert ledger.looks == []


async def test_sources_are_told_when_they_are_other_than_they_were() -> None:
    states = {"market": "ready"}
    watching = Watching(states=lambda: states, seconds=FAST)
    async with asyncio.timeout(ENDLESS), watching.waiting():
        seen = watching.states()
        waiting = asyncio.create_task(watching.other(seen))
        await asyncio.sleep(0)
        states["market"] = "away"
        assert await waiting == {"market": "away"}


async def test_a_gateway_without_a_ledger_says_so() -> None:
    with pytest.raises(LedgerUnavailableError):
        await Watching().now()
