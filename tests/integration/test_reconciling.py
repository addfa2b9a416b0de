"""The hourly reconciliation runs in a process of its own, beside a relay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra import processes
from zhitong.infra.reconciling import reconcile_apart
from zhitong.infra.settings import Settings

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
MODULE = "zhitong.infra.reconciling"


def _at_work() -> bool:
    return any(MODULE in processes.words(pid) for pid in processes.everyone())


async def test_what_hinders_it_comes_out_of_its_process(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, kafka="127.0.0.1:1")
    with pytest.raises(LedgerUnavailableError):
        await reconcile_apart(NOWHERE, settings)


async def test_it_ends_with_who_waits_for_it(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, kafka="127.0.0.1:1")
    task = asyncio.create_task(reconcile_apart(NOWHERE, settings))
    while not _at_work():
        await asyncio.sleep(0.01)
        assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not _at_work()
