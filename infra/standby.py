"""The platform's two embedded servers: a primary, and a standby that it waits for.

- Whether a commit waits is the primary's own setting. That it does is noted in the
  state folder after it is so, and the note is gone before it is not: a standby that may
  lack what was acknowledged is not promoted unless somebody says so.
- An old primary is ended before another is promoted, and its data marked: it does not
  start again but as a standby, not even by hand.
- What an old primary has that the new one lacks was acknowledged to nobody; it is wound
  back to where both were the same.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from zhitong.connectors.replication import Replication
from zhitong.connectors.session import State
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import EmbeddedError, StandbyError
from zhitong.infra.embedded import FELLOWS, TIMELINE, Cluster
from zhitong.infra.lock import alone
from zhitong.infra.postgres_folder import SUPERUSER, run
from zhitong.infra.postgres_memory import release
from zhitong.infra.postgres_server import Server, password
from zhitong.infra.secret import private

PLATFORM = "platform"
MEMBERS = (PLATFORM, FELLOWS[PLATFORM])
NAMES = "FIRST 1 ({})".format(", ".join(f'"{name}"' for name in MEMBERS))
"""Whom commits wait for; a primary does not read from itself."""
READER = "zhitong_standby"
NOTE = "synchronous"
"""The file beside the passwords that says that the standby has all."""
_CATCH_UP = 600.0
_SOON = 2.0
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Promoted:
    """What a promotion came to."""

    name: str
    timeline: int
    position: str
    fenced: str
    how: str
    """``stopped``: the old one in order, and nothing was lost; else ``killed``."""


class Pair:
    """Both servers under the folder *state*."""

    def __init__(self, state: Path) -> None:
        self._state = state.resolve()
        cluster = Cluster(self._state, MEMBERS)
        self.members = [cluster.server(name) for name in MEMBERS]

    def primary(self) -> Server:
        """Give the one that takes writes; raise `StandbyError` without one."""
        found = [one for one in self.members if one.standing == "primary"]
        if not found:
            raise StandbyError(
                "没有主库：zhitong up；磁盘已毁则 zhitong pg promote 或 restore",
                "there is no primary: zhitong up; where its disk is gone, zhitong pg "
                "promote or restore",
            )
        # By hand both may have become one; the one that clients follow is meant.
        return max(found, key=self._timeline)

    def other(self, than: Server) -> Server:
        """Give the one that is not *than*."""
        return next(one for one in self.members if one.name != than.name)

    @property
    def synchronous(self) -> bool:
        """Whether all that was acknowledged is on both."""
        return self._note.exists()

    async def stand_by(self) -> str:
        """Make the other one the primary's standby, from a copy if need be.

        Gives its name once commits wait for it.
        """
        with alone(self._state):
            primary = self.primary()
            target = self.other(primary)
            if target.standing in {"fenced", "primary"}:
                raise StandbyError(
                    f"{target.name} 曾是主库：请执行 zhitong pg rejoin",
                    f"{target.name} was the primary: run zhitong pg rejoin",
                )
            if not await self._kept(primary, target):
                target.kill()
                self._copy(primary, target)
            if target.standing == "missing":
                self._copy(primary, target)
            return await self._follow(primary, target)

    async def rejoin(self) -> str:
        """Make an old primary the standby of the new one; give how it was done.

        ``rewound``, or ``copied`` where too much is missing for that.
        """
        with alone(self._state):
            primary = self.primary()
            target = self.other(primary)
            target.kill()
            usable = await self._kept(primary, target) and target.standing != "missing"
            if usable and target.standing != "standby":
                usable = self._wound_back(primary, target)
            if not usable:
                self._copy(primary, target)
            await self._follow(primary, target)
            return "rewound" if usable else "copied"

    async def promote(self, who: str, because: str, *, behind: bool) -> Promoted:
        """End and fence the primary, and let the standby take its place.

        *behind*: also where it may lack what was acknowledged.
        """
        with alone(self._state):
            found = [one for one in self.members if one.standing == "standby"]
            if not found:
                raise StandbyError(
                    "没有备机可以接替：zhitong pg status",
                    "there is no standby to take its place: zhitong pg status",
                )
            standby = found[0]
            if not (self.synchronous or behind):
                raise StandbyError(
                    f"{standby.name} 未与主库同步，可能缺少已答复的内容；"
                    "确实只能如此，请加 --although-behind",
                    f"{standby.name} was not synchronous and may lack what was "
                    "acknowledged; where nothing else is left, add --although-behind",
                )
            old = self.other(standby)
            how = await self._ended(old)
            self.fence(old)
            standby.start()
            self._note.unlink(missing_ok=True)
            async with Replication(standby.address, 90.0) as server:
                position = str((await server.state())["position"])
                timeline = await server.promote(_CATCH_UP)
                # Before anybody is told: an old primary is from now on refused.
                private(self._state / "database" / TIMELINE, f"{timeline}\n")
                await server.admit(password(self._state, READER), _slot(old))
                await server.checkpoint()
                found_ = Promoted(standby.name, timeline, position, old.name, how)
                await server.note(_promotion(who, because, found_))
            return found_

    async def go_alone(self, who: str, because: str) -> str:
        """Let commits wait for nobody until there is a standby again."""
        with alone(self._state):
            primary = self.primary()
            self._note.unlink(missing_ok=True)
            async with Replication(primary.address) as server:
                await server.wait_for("")
                deed = Deed(
                    kind=DeedKind.ACTION,
                    who=who,
                    action="go-without-standby",
                    target=primary.name,
                    reason=because,
                )
                await server.note(deed)
            return primary.name

    def fence(self, server: Server) -> None:
        """Mark the data of a *server* that does not run, if there is any."""
        if server.data.exists():
            server.mark(server.fenced, f"{datetime.now(UTC).isoformat()}\n")
            # Started by hand it waits for a primary, and takes no writes.
            server.mark(server.data / "standby.signal")

    async def _ended(self, server: Server) -> str:
        """Stop *server* in order if it can still hand over all it has; else kill it."""
        try:
            async with (
                asyncio.timeout(_SOON),
                Replication(server.address, _SOON) as one,
            ):
                orderly = any(
                    row["state"] == "streaming" for row in await one.readers()
                )
        except (StandbyError, TimeoutError, OSError):
            orderly = False
        if orderly:
            server.stop()
            return "stopped"
        server.kill()
        return "killed"

    async def readable(self, slot: str) -> Server:
        """Let somebody read the primary's changes by *slot*; give the primary."""
        with alone(self._state):
            primary = self.primary()
            await self._open(primary, slot)
            return primary

    async def _open(self, primary: Server, slot: str) -> None:
        """Have *primary* run, and be read from by *slot*."""
        if not primary.replicated.exists():
            primary.stop()
            primary.mark(primary.replicated)
        primary.start()
        async with Replication(primary.address) as server:
            await server.admit(password(self._state, READER), slot)

    async def _kept(self, primary: Server, target: Server) -> bool:
        """Have *primary* keep a log for *target*; say whether it has all since it left.

        Of who was away for too long it has given up the place, and nothing can be read
        by that any more: another is made.
        """
        await self._open(primary, _slot(target))
        if not await self._gave_up(primary, target):
            return True
        await self._open(primary, _slot(target))
        return False

    async def _gave_up(self, primary: Server, target: Server) -> bool:
        """Forget *target*'s place where *primary* has kept no more for it."""
        slot = _slot(target)
        async with Replication(primary.address) as server:
            for row in await server.slots():
                if row["name"] == slot and row["wal_status"] == "lost":
                    await server.forget(slot)
                    return True
        return False

    def _copy(self, primary: Server, target: Server) -> None:
        """Copy *primary* as it runs."""
        made = target.data.with_name(f".{target.name}.made")
        for old in (made, target.data):
            if old.exists():
                release(old)
                shutil.rmtree(old)
        program = str(primary.programs / "bin/pg_basebackup")
        words = ("-X", "stream", "--checkpoint=fast", "--slot", _slot(target))
        source = ("-d", _source(primary, READER), "-D", str(made))
        secret = password(self._state, READER)
        run(primary.account, program, *source, *words, secret=secret)
        (made / "standby.signal").touch()
        made.rename(target.data)

    def _wound_back(self, primary: Server, target: Server) -> bool:
        """Wind *target* back; say whether it can go on from there."""
        self.fence(target)
        try:
            self._rewind(primary, target)
        except EmbeddedError:
            return False
        return _has_its_beginning(target, primary)

    def _rewind(self, primary: Server, target: Server) -> None:
        """Wind *target* back to where *primary* left it, and on from there."""
        # It is recovered first, by a program that refuses to where this file is.
        (target.data / "standby.signal").unlink(missing_ok=True)
        program = str(primary.programs / "bin/pg_rewind")
        source = f"{_source(primary, SUPERUSER)} dbname={SUPERUSER}"
        words = ("--target-pgdata", str(target.data), "--source-server", source)
        secret = password(self._state)
        try:
            run(target.account, program, *words, secret=secret)
        finally:
            target.mark(target.data / "standby.signal")
        target.fenced.unlink(missing_ok=True)

    async def _follow(self, primary: Server, target: Server) -> str:
        """Start *target* as a standby; have commits wait for it once it is there."""
        configured = target.data / "postgresql.auto.conf"
        secret = password(self._state, READER)
        lines = (
            f"primary_conninfo = '{_source(primary, READER)} password={secret}'",
            f"primary_slot_name = '{_slot(target)}'",
            # It would wait for itself after a promotion.
            "synchronous_standby_names = ''",
        )
        kept = configured.read_text() if configured.exists() else ""
        target.mark(target.data / "standby.signal")
        target.mark(configured, "\n".join((kept.rstrip(), *lines, "")))
        target.kill()
        target.start()
        async with Replication(primary.address) as server:
            await self._streams(server, target.name)
            await server.wait_for(NAMES)
            if not await server.synchronous(target.name, _CATCH_UP):
                raise _late(target.name)
        private(self._note, f"{target.name} {datetime.now(UTC).isoformat()}\n")
        return target.name

    async def _streams(self, server: Replication, name: str) -> None:
        """Wait until the standby has come so far that commits can wait for it."""
        for _ in range(int(_CATCH_UP / _PAUSE)):
            for row in await server.readers():
                if row["name"] == name and row["state"] == "streaming":
                    return
            await asyncio.sleep(_PAUSE)
        raise _late(name)

    @property
    def _note(self) -> Path:
        return self._state / "database" / NOTE

    def _timeline(self, server: Server) -> str:
        found = sorted((server.data / "pg_wal").glob("????????????????????????"))
        return found[-1].name[:8] if found else ""


async def look(server: Server) -> State | None:
    """Ask *server* how it is; None where it does not answer."""
    with suppress(StandbyError, OSError):
        async with (
            asyncio.timeout(_SOON * 2),
            Replication(server.address, _SOON) as one,
        ):
            return await one.state()
    return None


def _has_its_beginning(target: Server, primary: Server) -> bool:
    """Say whether the log that *target*, wound back, begins with is still there.

    pg_rewind keeps it from the last common checkpoint's record on. What is replayed
    begins where that checkpoint began, which may be a segment before, and the new
    primary may have removed that: then the standby would ask for it for ever.
    """
    label = target.data / "backup_label"
    if not label.exists():
        return True  # nothing was to be wound back
    first = label.read_text().partition("(file ")[2].partition(")")[0]
    return any((one.data / "pg_wal" / first).exists() for one in (target, primary))


def _slot(server: Server) -> str:
    return server.name.replace("-", "_")


def _source(primary: Server, user: str) -> str:
    port = int(primary.port_file.read_text())
    return f"host=127.0.0.1 port={port} user={user}"


def _late(name: str) -> StandbyError:
    return StandbyError(
        f"{name} 迟迟没有跟上主库，请查看它的日志（状态目录 log/）",
        f"{name} does not catch up with the primary: look at its log (log/ of the "
        "state folder)",
    )


def _promotion(who: str, because: str, done: Promoted) -> Deed:
    return Deed(
        kind=DeedKind.ACTION,
        who=who,
        action="promote-standby",
        target=done.name,
        reason=because,
        detail={
            "timeline": done.timeline,
            "position": done.position,
            "fenced": done.fenced,
            "how": done.how,
        },
    )
