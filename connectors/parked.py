"""Parked keys: what a dead letter holds up, and how an operator lets it go on."""

from __future__ import annotations

from collections.abc import Sequence

from zhitong.connectors.session import Session, State
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError


class ParkedKeys(Session):
    """The parked keys of the platform's database, for the time of an ``async with``."""

    SQL = "parked"

    async def listed(self) -> Sequence[State]:
        """Name the keys that wait behind a dead letter, longest first."""
        return await self._fetch("list")

    async def events(self, receiver: str, key: str) -> Sequence[State]:
        """Give what waits behind *key*, the dead letter first; nothing: not parked."""
        return await self._fetch("events", receiver, key)

    async def dead(self, receiver: str, event: str) -> State | None:
        """Give the dead letter *event* of *receiver*; None where it is none."""
        found = await self._fetch("dead", receiver, event)
        return found[0] if found else None

    async def release(self, receiver: str, key: str, who: str, why: str) -> bool:
        """Let a parked key go on, its dead letter first; False if it is not parked."""

        def deed(row: State) -> Deed:
            return Deed(
                kind=DeedKind.ACTION,
                who=who,
                action="release",
                target=str(row["target"]),
                reason=why,
            )

        return bool(await self._do(deed, "release", receiver, key))

    async def skip(self, dead: State, notice: bytes, who: str, why: str) -> bool:
        """Send *notice* in place of *dead*, whose bytes are kept; its key goes on.

        False if it is no dead letter any more.
        """

        def deed(row: State) -> Deed:
            return Deed(
                kind=DeedKind.ACTION,
                who=who,
                action="skip-event",
                target=str(row["target"]),
                reason=why,
                detail=_which(dead),
            )

        receiver, event = str(dead["receiver"]), str(dead["event_id"])
        return bool(await self._do(deed, "skip", receiver, event, notice))

    async def hand_over(self, dead: State, who: str, why: str) -> bool:
        """Give *dead*, which tells what happened to a decision, to a person to tell.

        False if it is no dead letter any more.
        """

        def deed(row: State) -> Deed:
            return Deed(
                kind=DeedKind.ACTION,
                who=who,
                action="hand-over-event",
                target=str(row["target"]),
                reason=why,
                detail=_which(dead),
            )

        receiver, event = str(dead["receiver"]), str(dead["event_id"])
        return bool(await self._do(deed, "hand_over", receiver, event))

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复：请确认它在运行，且已由网关建表（zhitong serve）",
            "the platform's database does not answer: see that it runs and that a "
            "gateway has made its tables (zhitong serve)",
        )


def _which(dead: State) -> dict[str, object]:
    """Say which dead letter it was: by then it is none any more."""
    return {
        "decision": str(dead["decision_id"]),
        "version": dead["version"],
        "key": str(dead["key"]),
        "payload_hash": str(dead["payload_hash"]),
    }
