"""What an operator does to receivers; each action is a deed, with who and why."""

from __future__ import annotations

from collections.abc import Sequence

from zhitong.connectors.session import Session, State
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import GrantEndedError, LedgerUnavailableError

NOT_GRANTED = "ZT404"
"""What the database says of a receiver without a grant (0018-granted.sql)."""


class ReceiverControl(Session):
    """The receivers of the platform's database, for the time of an ``async with``."""

    SQL = "receiver_control"

    async def states(self) -> Sequence[State]:
        """Say how each receiver is and what waits for it."""
        return await self._fetch("state")

    async def suspend(self, receiver: str, who: str, because: str) -> bool:
        """Hold *receiver*; False if it is held already, or unknown."""
        return await self._act("suspend", who, because, receiver, because)

    async def resume(self, receiver: str, who: str, because: str) -> bool:
        """Send to *receiver* again; False if it is not held, or unknown.

        Raises `GrantEndedError` where its stream rests on a grant that has ended.
        """
        try:
            return await self._act("resume", who, because, receiver)
        except LedgerUnavailableError as error:
            if getattr(error.__cause__, "sqlstate", None) != NOT_GRANTED:
                raise
            raise GrantEndedError(
                f"对 {receiver} 的推送依据共享授权，授权已终止：取得新的授权后再恢复",
                f"what {receiver} is sent rests on a sharing grant, which has ended: "
                "resume it after a new grant",
            ) from error

    async def _act(self, action: str, who: str, because: str, *values: str) -> bool:
        def deed(row: State) -> Deed:
            return Deed(
                kind=DeedKind.ACTION,
                who=who,
                action=action,
                target=str(row["target"]),
                reason=because,
            )

        return bool(await self._do(deed, action, *values))

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复：请确认它在运行，且已由网关建表（zhitong serve）",
            "the platform's database does not answer: see that it runs and that a "
            "gateway has made its tables (zhitong serve)",
        )
