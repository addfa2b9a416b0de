"""Notices 通知: who is told that a duty is due soon or late, and in which words.

A notice names the duty, the document and its last day; no party and no text. What one
address is to know at one look goes in one message, whose id says if it comes twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from zhitong.rules.clock_events import What
from zhitong.types import Label

TOLD = frozenset({What.SOON, What.LATE})
"""What an address may be told of."""
ALL = "*"
RETRIES = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1440)
)
"""How long after each failed attempt the next is made; then it is given up."""
LINES = 200
"""Of a mail; more are counted."""


class Way(StrEnum):
    """How somebody is told."""

    MAIL = "mail"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Somebody who is told of some duties of some units."""

    name: str
    units: frozenset[str]
    duties: frozenset[str]
    what: frozenset[What]
    way: Way
    to: str

    def wants(self, unit: str, duty: str, what: What) -> bool:
        """Say whether it is to be told that of a duty of *unit*."""
        return (
            what in self.what
            and bool({unit, ALL} & self.units)
            and bool({duty, ALL} & self.duties)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to be told."""

    clock: str
    decision: UUID
    document_no: str
    duty: str
    title: Label
    unit: str
    what: What
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told at one time: *id* is the same where it is sent again."""

    id: UUID
    address: Address
    notices: Sequence[Notice]

    @property
    def subject(self) -> str:
        """Say how much is late and due soon."""
        late = sum(one.what is What.LATE for one in self.notices)
        soon = len(self.notices) - late
        return (
            f"执通：逾期 {late} 项，将到期 {soon} 项 "
            f"Zhitong: {late} late, {soon} due soon"
        )

    @property
    def text(self) -> str:
        """Write it for people, what is late first."""
        ordered = sorted(
            self.notices,
            key=lambda one: (one.what is not What.LATE, one.due_on, one.document_no),
        )
        lines = [self.subject, ""]
        for one in ordered[:LINES]:
            word = "逾期 late" if one.what is What.LATE else "将到期 due soon"
            lines += [
                f"{word}  末日 due {one.due_on}  {one.document_no}",
                f"  {one.title.zh} {one.title.en}",
            ]
        if len(ordered) > LINES:
            more = len(ordered) - LINES
            lines.append(f"另有 {more} 项 and {more} more")
        return "\n".join(lines) + "\n"

    @property
    def body(self) -> dict[str, object]:
        """Write it for a program."""
        return {
            "id": str(self.id),
            "address": self.address.name,
            "notices": [
                {
                    "clock": one.clock,
                    "decision": str(one.decision),
                    "documentNo": one.document_no,
                    "duty": one.duty,
                    "titleZh": one.title.zh,
                    "titleEn": one.title.en,
                    "unit": one.unit,
                    "what": one.what,
                    "dueOn": one.due_on.isoformat(),
                }
                for one in self.notices
            ],
        }


def rest(attempts: int) -> timedelta | None:
    """Say how long to wait after so many failed *attempts*; None: it is given up."""
    return RETRIES[attempts - 1] if 0 < attempts <= len(RETRIES) else None
