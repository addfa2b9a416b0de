"""What is held of that which others sent us, and how an operator lets it go on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from zhitong.connectors import deeds
from zhitong.connectors.inbound_judging import SQL as INBOUND
from zhitong.connectors.inbound_judging import again, write
from zhitong.connectors.session import Session, State
from zhitong.connectors.statements import statements
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError
from zhitong.inbound import Arrived, Fate, Judged


class InboundDesk(Session):
    """What is held in the platform's database, for the time of an ``async with``."""

    SQL = INBOUND

    async def listed(self, fate: str = "") -> Sequence[State]:
        """Name what is held, longest first; of one *fate* alone where it is given."""
        return await self._fetch("held", fate)

    async def quarantined(self, sender: str, fault: str) -> Sequence[UUID]:
        """Name what *sender*'s is in quarantine for one reason, as it came."""
        found = await self._fetch("quarantined", sender, fault)
        return [UUID(str(row["message_id"])) for row in found]

    async def message(self, name: UUID) -> State | None:
        """Give a message with all its verdicts."""
        found = await self._fetch("message", name)
        return found[0] if found else None

    async def shown(self, name: UUID, sender: str, who: str, why: str) -> None:
        """Write that somebody reads the bytes of a message, before he is given them."""
        async with self._connected() as connection, connection.transaction():
            deed = Deed(
                kind=DeedKind.ACTION,
                who=who,
                action="read-inbound",
                target=f"{sender}/{name}",
                reason=why,
            )
            await deeds.write(connection, deed)

    async def release(
        self, name: UUID, arrived: Arrived, who: str, why: str
    ) -> Sequence[Judged]:
        """Judge a held message anew, as it is read now; nothing: it is not held."""
        async with self._connected() as connection, connection.transaction():
            await connection.execute(statements(INBOUND)["lock"])
            if not await self._is_held(name):
                return []
            verdicts = await again(connection, {name: arrived})
            fates = [each.fate for each in verdicts if each.message == name]
            deed = Deed(
                kind=DeedKind.ACTION,
                who=who,
                action="release-inbound",
                target=f"{arrived.sender}/{name}",
                reason=why,
                detail={"verdict": fates[-1]},
            )
            await deeds.write(connection, deed)
            return verdicts

    async def give_up(self, name: UUID, sender: str, who: str, why: str) -> bool:
        """Let a held message have no effect, ever; False if it is not held."""
        async with self._connected() as connection, connection.transaction():
            await connection.execute(statements(INBOUND)["lock"])
            if not await self._is_held(name):
                return False
            await write(connection, [Judged(message=name, fate=Fate.GIVEN_UP)])
            deed = Deed(
                kind=DeedKind.ACTION,
                who=who,
                action="give-up-inbound",
                target=f"{sender}/{name}",
                reason=why,
            )
            await deeds.write(connection, deed)
            return True

    async def _is_held(self, name: UUID) -> bool:
        found = await self.message(name)
        return found is not None and found["held"] is not None

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复：请确认它在运行，且已由网关建表（zhitong serve）",
            "the platform's database does not answer: see that it runs and that a "
            "gateway has made its tables (zhitong serve)",
        )
