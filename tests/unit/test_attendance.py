"""Waiting has an end, and who ended it is told apart."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from zhitong.infra.attendance import ClientGoneError, attended, within

LONG = 60.0


class Work:
    """Work that goes on until it is stopped."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.stopped = False

    async def __call__(self) -> str:
        self.begun.set()
        try:
            await asyncio.sleep(LONG)
        finally:
            self.stopped = True
        return "done"


class Line:
    """A connection whose client leaves when it is told to."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.looked = asyncio.Event()

    async def receive(self) -> Message:
        self.looked.set()
        await self.left.wait()
        return {"type": "http.disconnect"}


async def at_once() -> str:
    return "done"


async def test_what_is_done_in_time_is_given() -> None:
    assert await within(LONG, at_once()) == "done"


async def test_what_takes_too_long_is_ended() -> None:
    work = Work()
    with pytest.raises(TimeoutError):
        await within(0.01, work())
    assert work.stopped


async def test_who_is_cancelled_is_not_told_that_time_is_over() -> None:
    work = Work()
    task = asyncio.create_task(within(LONG, work()))
    await work.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.stopped


async def test_a_task_goes_on_after_what_it_waited_for_was_ended() -> None:
    async def patient() -> str:
        with pytest.raises(TimeoutError):
            await within(0.01, Work()())
        await asyncio.sleep(0)
        return await within(LONG, at_once())

    task = asyncio.create_task(patient())
    assert await task == "done"
    assert task.cancelling() == 0


async def test_an_answer_that_is_there_at_once_is_not_watched_over() -> None:
    line = Line()
    assert await attended(at_once(), line.receive) == "done"
    assert not line.looked.is_set()


async def test_who_leaves_ends_the_work() -> None:
    line, work = Line(), Work()
    task = asyncio.create_task(attended(work(), line.receive))
    await line.looked.wait()
    line.left.set()
    with pytest.raises(ClientGoneError):
        await task
    assert work.stopped


async def test_a_fault_of_the_work_is_its_own() -> None:
    async def failing() -> str:
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        await attended(failing(), Line().receive)


async def test_nobody_watches_any_more_when_the_work_is_done() -> None:
    line = Line()

    async def waiting() -> str:
        await line.looked.wait()
        return "done"

    assert await attended(waiting(), line.receive) == "done"
    await asyncio.sleep(0)
    assert [each for each in asyncio.all_tasks() if not each.done()] == [
        asyncio.current_task()
    ]
