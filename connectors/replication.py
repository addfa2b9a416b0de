"""One server of the platform's database as whoever keeps it sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from zhitong.connectors.session import Session, State
from zhitong.evidence import Deed
from zhitong.exceptions import StandbyError

_PAUSE = 0.05


class Replication(Session):
    """A server, by its superuser's address, for the time of an ``async with``."""

    SQL = "replication"

    async def state(self) -> State:
        """Say what it is: standby or primary, its timeline, where it has come to."""
        (row,) = await self._fetch("state")
        return row

    async def readers(self) -> Sequence[State]:
        """Say who reads its changes, and how far behind each is."""
        return await self._fetch("readers")

    async def slots(self) -> Sequence[State]:
        """Say for whom changes are kept, and how many bytes."""
        return await self._fetch("slots")

    async def admit(self, password: str, slot: str) -> None:
        """Let a standby read, from now on: its role, and the place it has come to."""
        await self._told("role", password)
        await self._fetch("slot", slot)

    async def alone_but_for(self, name: str) -> bool:
        """Say whether commits wait for nobody, or for *name*."""
        (row,) = await self._fetch("archived", name)
        return bool(row["alone"])

    async def forget(self, slot: str) -> None:
        """Keep nothing more for who read by *slot*."""
        await self._fetch("unslot", slot)

    async def wait_for(self, names: str) -> None:
        """Have commits wait for the first of *names* that is there; empty: for none."""
        await self._told("await_names", names)
        await self._fetch("reload")

    async def synchronous(self, name: str, seconds: float) -> bool:
        """Say whether commits wait for *name* within *seconds*."""
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            for row in await self.readers():
                if row["name"] == name and row["sync_state"] == "sync":
                    return True
            await asyncio.sleep(_PAUSE)
        return False

    async def recovered(self, seconds: float) -> int:
        """Wait until it is recovered and takes writes; give its timeline."""
        deadline = asyncio.get_running_loop().time() + seconds
        while (state := await self.state())["standby"]:
            if asyncio.get_running_loop().time() > deadline:
                raise self._unavailable()
            await asyncio.sleep(_PAUSE)
        return int(str(state["timeline"]))

    async def promote(self, seconds: float) -> int:
        """Make this standby the primary; give its timeline.

        All it has received is replayed first, as far as it can be: of what it has last
        there may be a part only, which nobody was told of.
        """
        await self._fetch("promote")
        return await self.recovered(seconds)

    async def checkpoint(self) -> None:
        """Write all to the data files: who rewinds to us finds the new timeline."""
        await self._fetch("checkpoint")

    async def note(self, deed: Deed) -> None:
        """Put *deed* on record."""
        await self._do(lambda _: deed, "one")

    async def reach(self) -> State:
        """Say how far ledger, outbox and log reach."""
        (row,) = await self._fetch("decisions")
        return row

    async def _told(self, name: str, value: str) -> None:
        """Run a statement of a kind that takes no parameters, as the server quotes."""
        async with self._connected() as connection:
            rows = await self._rows(connection, name, value)
            for row in rows:
                for statement in row.values():
                    await connection.execute(str(statement))

    def _unavailable(self) -> StandbyError:
        return StandbyError(
            "平台数据库的服务器没有答复：zhitong pg status 说明哪台在运行",
            "a server of the platform's database does not answer: zhitong pg status "
            "says which one runs",
        )
