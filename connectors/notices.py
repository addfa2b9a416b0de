"""Notices in the platform's database: claimed, sent, tried again or given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from zhitong.connectors.session import Session, State
from zhitong.exceptions import LedgerUnavailableError
from zhitong.rules.clock_events import What
from zhitong.rules.notices import Address, Message, Notice
from zhitong.types import Label

MOST = 500
"""Notices of one message."""
LENT_SECONDS = 120.0
"""For how long who has claimed a message sends it; longer than a sender's patience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message that is to be sent, and what it is made of."""

    message: Message
    ids: Sequence[int]
    attempts: int
    """That failed before."""


@dataclass(frozen=True, slots=True)
class Left:
    """What has not reached an address."""

    address: str
    waiting: int
    given_up: int


class Notices(Session):
    """The notices of the platform's database, for an ``async with``.

    Each call raises `LedgerUnavailableError`, and nothing was done then.
    """

    SQL = "notices"

    async def claim(self, address: Address) -> Claimed | None:
        """Give what *address* is to be told now; None: nothing.

        It is committed before it is sent: killed then, the same message comes again.
        """
        rows = await self._fetch("claim", address.name, uuid4(), MOST, LENT_SECONDS)
        if not rows:
            return None
        known = {
            row["clock_id"]: row
            for row in await self._fetch("named", [row["clock_id"] for row in rows])
        }
        return Claimed(
            message=Message(
                id=UUID(str(rows[0]["message"])),
                address=address,
                notices=[
                    _notice(row, known[row["clock_id"]])
                    for row in sorted(rows, key=lambda row: int(str(row["notice_id"])))
                    # A clock that is gone meanwhile is nothing to be told of.
                    if row["clock_id"] in known
                ],
            ),
            ids=[int(str(row["notice_id"])) for row in rows],
            attempts=max(int(str(row["attempts"])) for row in rows),
        )

    async def sent(self, claimed: Claimed) -> None:
        """Note that it has arrived."""
        await self._fetch("sent", list(claimed.ids))

    async def failed(self, claimed: Claimed, why: str, again: datetime | None) -> None:
        """Note that it has not, and when it is tried *again*; None: it is given up."""
        await self._fetch("failed", list(claimed.ids), why, again)

    async def counted(self) -> Sequence[Left]:
        """Count what has not reached each address."""
        return [
            Left(
                str(row["address"]),
                int(str(row["waiting"])),
                int(str(row["given_up"])),
            )
            for row in await self._fetch("counted")
        ]

    async def listed(self, most: int) -> Sequence[State]:
        """Give what has not arrived, what was given up first."""
        return await self._fetch("listed", most)

    async def again(self, address: str) -> int:
        """Try what was given up once more, of one *address* or of all; say how much."""
        return len(await self._fetch("again", address))

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复，通知稍后再发",
            "the platform's database does not answer; notices are sent later",
        )


def _notice(row: State, clock: State) -> Notice:
    return Notice(
        clock=str(row["clock_id"]),
        decision=UUID(str(clock["decision_id"])),
        document_no=str(clock["document_no"]),
        duty=str(clock["duty"]),
        title=Label(str(clock["title_zh"]), str(clock["title_en"])),
        unit=str(clock["unit"]),
        what=What(str(row["what"])),
        due_on=row["due_on"],  # type: ignore[arg-type]
    )
