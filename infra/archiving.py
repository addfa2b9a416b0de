"""``zhitong pg archive``: the log of changes received into a folder, as it is written.

Received, not handed over segment by segment: what was committed since the last whole
segment would be on the lost disk alone. With *synchronous* commits wait for it, where
there is no standby to wait for.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import Process
from contextlib import suppress
from functools import partial
from pathlib import Path

from zhitong.connectors.replication import Replication
from zhitong.exceptions import StandbyError
from zhitong.infra.postgres_account import Account, account_for
from zhitong.infra.postgres_folder import ENVIRONMENT
from zhitong.infra.postgres_server import Server, password
from zhitong.infra.settings import Settings
from zhitong.infra.standby import READER, Pair
from zhitong.infra.workers import run_worker

NAME = "archive"
SLOT = "zhitong_archive"
READS = "zhitong-archive"
"""What it is called among those who read from the primary."""
NAMES = f'FIRST 1 ("{READS}")'
_PAUSE = 1.0
_ENDING = 10.0

_log = logging.getLogger("zhitong.archive")


def archive(settings: Settings, *, synchronous: bool) -> None:
    """Receive until SIGINT or SIGTERM."""
    work = partial(archiving, settings, synchronous=synchronous)
    run_worker(settings, NAME, lambda _name: work())


def generation(settings: Settings, after: Path | None = None) -> Path:
    """Name the folder of the present archive and its backups.

    A database that was restored begins another one, *after* those there are.
    """
    folder = settings.backups.resolve()
    numbers = [int(each.name) for each in folder.glob("[0-9]*")]
    number = max(numbers, default=1) + (after is not None)
    found = folder / f"{number:04}"
    if after is not None:
        keeper(settings, found)
    return found


def wal(settings: Settings) -> Path:
    """Name the folder of what was received."""
    return generation(settings) / "wal"


def keeper(settings: Settings, folder: Path) -> Account:
    """Make *folder* and give the account that works there."""
    return account_for(folder.resolve(), Pair(settings.state).members[0].programs)


async def archiving(settings: Settings, *, synchronous: bool) -> None:
    """Receive from whichever server is the primary, for ever."""
    print("归档已启动 The archive receives", flush=True)  # noqa: T201 - what the command line says
    said = ""
    while True:
        try:
            await _session(settings, synchronous=synchronous)
            said = ""
        except (StandbyError, OSError) as error:
            if str(error) != said:
                _log.warning("ARCHIVE: 没有接收变更 nothing is received: %s", error)
            said = str(error)
        await asyncio.sleep(_PAUSE)


async def _session(settings: Settings, *, synchronous: bool) -> None:
    primary = await Pair(settings.state).readable(SLOT)
    async with Replication(primary.address) as server:
        receiver = await _receiver(settings, primary)
        try:
            if synchronous and await server.alone_but_for(NAMES):
                await server.wait_for(NAMES)
            await receiver.wait()
        finally:
            await _ended(receiver)
    log = primary.state / "log" / f"{NAME}.log"
    raise StandbyError(f"接收已中断，见 {log}", f"it was broken off: {log}")


async def _receiver(settings: Settings, primary: Server) -> Process:
    folder = wal(settings)
    account = keeper(settings, folder)
    port = int(primary.port_file.read_text())
    source = f"host=127.0.0.1 port={port} user={READER} application_name={READS}"
    command = (
        *(*account.prefix, str(primary.programs / "bin/pg_receivewal")),
        *("-D", str(folder.resolve()), "-d", source, "--slot", SLOT),
        # Each change is on its disk before it is said to be; a lost primary ends it,
        # for another may be the primary then.
        *("--synchronous", "--no-loop"),
    )
    log = primary.state / "log" / f"{NAME}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**ENVIRONMENT, "PGPASSWORD": password(settings.state, READER)}
    with log.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            *command, stdout=file, stderr=file, env=environment, cwd="/"
        )


async def _ended(receiver: Process) -> None:
    with suppress(ProcessLookupError):
        receiver.terminate()
    try:
        async with asyncio.timeout(_ENDING):
            await receiver.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            receiver.kill()
