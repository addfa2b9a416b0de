"""A lawful erasure 依法删除: a person's key is destroyed, and a deed says by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zhitong.connectors.session import Session, State
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import LedgerUnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who has a person erased, why, and by whose approval."""

    who: str
    reason: str
    approval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was destroyed."""

    numbers: int
    """ID numbers that nobody can read any more, each version's counted."""
    payloads: int
    """Events to receivers that nobody can read any more where we keep what was sent."""
    decisions: tuple[str, ...]
    """In which decisions they stood."""
    receivers: tuple[str, ...]
    """Who has had one of these, and is to be told."""


class Erasure(Session):
    """The persons of the platform's database, for the time of an ``async with``.

    It takes the owner's address: no gateway may destroy a key.
    """

    SQL = "sealing"

    async def erase(self, person: bytes, order: Order) -> Erased | None:
        """Destroy the key of *person*, a digest; None where none lives.

        What is registered about the person later is sealed under a key of its own.
        """

        def deed(row: State) -> Deed:
            return Deed(
                kind=DeedKind.ERASURE,
                who=order.who,
                action="erase-person",
                target=person.hex(),
                reason=order.reason,
                detail={
                    "approval": order.approval,
                    "key": str(row["key_id"]),
                    "numbers": row["numbers"],
                    "payloads": row["payloads"],
                    "decisions": row["decisions"],
                },
            )

        destroyed = await self._do(deed, "erase", person)
        if not destroyed:
            return None
        (row,) = destroyed  # of a person one key lives at a time
        return Erased(
            numbers=int(str(row["numbers"])),
            payloads=int(str(row["payloads"])),
            decisions=_texts(row["decisions"]),
            receivers=_texts(row["receivers"]),
        )

    async def erased_at(self, person: bytes) -> datetime | None:
        """Say when the last key of *person* was destroyed; None: there was none."""
        (row,) = await self._fetch("erased", person)
        found = row["at"]
        return found if isinstance(found, datetime) else None

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复，密钥是否已销毁不能确定：请重试",
            "the platform's database does not answer, and whether the key is destroyed "
            "is not known: try again",
        )


def _texts(column: object) -> tuple[str, ...]:
    return tuple(column) if isinstance(column, list) else ()
