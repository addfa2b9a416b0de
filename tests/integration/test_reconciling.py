"""The hourly reconciliation runs in a process of its own, beside a relay."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from multiprocessing import Pipe
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


def test_it_has_nothing_to_say_to_who_has_ended(tmp_path: Path) -> None:
    ours, theirs = Pipe()
    with theirs:
        end = theirs.fileno()
        words = [sys.executable, "-P", "-m", MODULE, str(end)]
        process = subprocess.Popen(  # noqa: S603 - our own program
            words, pass_fds=[end], stderr=subprocess.PIPE, text=True
        )
    with ours:
        ours.send((NOWHERE, Settings(state=tmp_path, kafka="127.0.0.1:1")))
    _, said = process.communicate()
    assert said == ""
    assert process.returncode == 0


async def test_it_ends_with_who_waits_for_it(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, kafka="127.0.0.1:1")
    task = asyncio.create_task(reconcile_apart(NOWHERE, settings))
    while not _at_work():
        await asyncio.sleep(0.01)
        assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not _at_work()
