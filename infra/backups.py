"""Backups of the platform's database, and its restoring to any moment since one.

A backup is a copy of the primary as it runs, checked file by file; what was changed
since lies in the archive. It has its name only once it is whole.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from zhitong.connectors.replication import Replication
from zhitong.connectors.session import State
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import EmbeddedError, StandbyError
from zhitong.infra.archiving import generation, keeper
from zhitong.infra.embedded import TIMELINE
from zhitong.infra.lock import alone
from zhitong.infra.postgres_folder import run
from zhitong.infra.postgres_server import Server, password
from zhitong.infra.secret import private
from zhitong.infra.settings import Settings
from zhitong.infra.standby import NOTE, READER, Pair

_NAMED = "%Y%m%dT%H%M%SZ"
_ENDING, _LOOK = 50, 0.2
"""So often, in seconds, it is looked whether a server that gave up is gone."""
_SEGMENT = 24


@dataclass(frozen=True, slots=True)
class Backup:
    """One that is whole."""

    folder: Path
    at: datetime
    """When it was finished: what was committed before is in it."""

    @property
    def wal(self) -> Path:
        """The folder of what was changed since."""
        return self.folder.parents[1] / "wal"

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file())


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: from which backup, where it is, and how far it goes."""

    backup: Backup
    state: Path
    timeline: int
    reach: State


def backups(settings: Settings) -> Sequence[Backup]:
    """Name those that are whole, oldest first."""
    found = []
    for folder in sorted(settings.backups.resolve().glob("[0-9]*/base/*Z")):
        at = datetime.strptime(folder.name, _NAMED).replace(tzinfo=UTC)
        found.append(Backup(folder, at))
    return found


async def back_up(settings: Settings, who: str, keep: int) -> Backup:
    """Copy the primary, check the copy, forget what *keep* newer ones make needless."""
    base = generation(settings) / "base"
    account = keeper(settings, base)
    primary = Pair(settings.state).primary()
    if not primary.replicated.exists():
        raise StandbyError(
            "请先运行 zhitong pg archive：没有变更的归档，备份只能恢复到备份之时",
            "run zhitong pg archive first: without its log of changes a backup goes no "
            "further than itself",
        )
    made = base / ".made"
    if made.exists():
        shutil.rmtree(made)
    port = int(primary.port_file.read_text())
    source = f"host=127.0.0.1 port={port} user={READER}"
    programs = primary.programs / "bin"
    secret = password(settings.state, READER)
    words = ("-D", str(made), "-X", "stream", "--checkpoint=fast")
    run(account, str(programs / "pg_basebackup"), "-d", source, *words, secret=secret)
    # Against its manifest, and its changes read as recovery would.
    run(account, str(programs / "pg_verifybackup"), str(made))
    # Not before it was whole: it cannot be recovered to a moment in between.
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    done = made.rename(base / at.strftime(_NAMED))
    _forget(settings, primary.programs, keep)
    async with Replication(primary.address) as server:
        await server.note(
            Deed(
                kind=DeedKind.ACTION,
                who=who,
                action="back-up-platform",
                target=done.name,
                reason="",
            )
        )
    return Backup(done, at)


async def restore(settings: Settings, to: datetime | None, into: Path) -> Restored:
    """Make the platform's server under the state folder *into*, as it was at *to*.

    None: as far as the archive goes. Raises `StandbyError` where there is a server
    already, or no backup that is older.
    """
    with alone(into):
        older = [one for one in backups(settings) if to is None or one.at <= to]
        if not older:
            raise StandbyError(
                "没有早于该时刻的备份：zhitong pg status 列出备份",
                "no backup is older than that: zhitong pg status lists them",
            )
        pair = Pair(into)
        if any(one.standing in {"primary", "standby"} for one in pair.members):
            raise StandbyError(
                f"{into} 中已有平台数据库，未作改动；请用 --into 另指定目录，"
                "或先移走它的数据",
                f"{into} has a platform's database already, and nothing was changed: "
                "name another folder with --into, or move its data away first",
            )
        _words(settings, into)
        # Of no server that there is now.
        (into / "database" / NOTE).unlink(missing_ok=True)
        server = pair.members[0]
        _place(older[-1], server, to)
        try:
            server.start()
            async with Replication(server.address, 600.0) as one:
                timeline = await one.recovered(3_600.0)
        except (EmbeddedError, StandbyError) as error:
            if not await _ended(server):
                raise
            shutil.rmtree(server.data)
            raise StandbyError(
                f"恢复没有到达该时刻，已撤回（日志：{server.log}）：归档到此之前为止，"
                "请用更早的 --to，或不写",
                f"that moment was not reached, all is as before (log: {server.log}): "
                "the archive ends before it; use an earlier --to, or none",
            ) from error
        async with Replication(server.address, 600.0) as one:
            private(into / "database" / TIMELINE, f"{timeline}\n")
            if into == settings.state:
                # What comes now does not continue what was received before.
                generation(settings, after=older[-1].folder.parents[1])
            return Restored(older[-1], into, timeline, await one.reach())


async def _ended(server: Server) -> bool:
    """Say whether *server* gave up: it cuts its sessions off before it is gone."""
    for _ in range(_ENDING):
        if server.postmaster() is None:
            return True
        await asyncio.sleep(_LOOK)
    return False


def _words(settings: Settings, into: Path) -> None:
    """Copy the passwords: roles have theirs in the data."""
    if into.resolve() == settings.state.resolve():
        return
    for file in (settings.state / "database").iterdir():
        if (
            file.name not in {NOTE, TIMELINE}
            and not (into / "database" / file.name).exists()
        ):
            (into / "database").mkdir(mode=0o700, parents=True, exist_ok=True)
            private(into / "database" / file.name, file.read_text())


def _place(backup: Backup, server: Server, to: datetime | None) -> None:
    """Put a copy where *server* has its data, to be recovered at its start."""
    made = server.data.with_name(f".{server.name}.made")
    for old in (made, server.data):
        if old.exists():
            shutil.rmtree(old)
    server.data.parent.mkdir(parents=True, exist_ok=True)
    run(server.account, "cp", "-R", str(backup.folder), str(made))
    folder = shlex.quote(str(backup.wal))
    # The last one may be begun only, and has what was committed last.
    fetched = f"cp {folder}/%f %p || cp {folder}/%f.partial %p"
    lines = [
        f"restore_command = '{fetched.replace(chr(39), chr(39) * 2)}'",
        "recovery_target_timeline = 'latest'",
        "recovery_target_action = 'promote'",
        "synchronous_standby_names = ''",
        "primary_conninfo = ''",
        "primary_slot_name = ''",
    ]
    if to is not None:
        lines.append(f"recovery_target_time = '{to.isoformat()}'")
    configured = made / "postgresql.auto.conf"
    server.mark(configured, "\n".join((configured.read_text(), *lines, "")))
    for file in (made / "standby.signal", made / "zhitong.fenced"):
        file.unlink(missing_ok=True)
    server.mark(made / "recovery.signal")
    made.rename(server.data)


def _forget(settings: Settings, programs: Path, keep: int) -> None:
    """Remove backups but *keep*, and what no backup left needs of the archive."""
    present = generation(settings)
    found = [one for one in backups(settings) if one.folder.is_relative_to(present)]
    for one in found[:-keep]:
        shutil.rmtree(one.folder)
    oldest = found[-keep:][0]
    label = (oldest.folder / "backup_label").read_text()
    begun = label.partition("(file ")[2][:_SEGMENT]
    if oldest.wal.exists():
        account = keeper(settings, oldest.wal)
        clean = str(programs / "bin/pg_archivecleanup")
        run(account, clean, str(oldest.wal), begun)
