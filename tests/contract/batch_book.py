"""A receipt book in memory that knows batches: what ours in the database must do."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from zhitong.decisions import Ack, Answer, Outgoing, Receipt
from zhitong.streams.producer import Fault, Unsent, batch_number


class MemoryBatchBook:
    """Where each event was put, and what was said of it."""

    def __init__(self) -> None:
        self.places: dict[UUID, tuple[str, int]] = {}
        self.leaving: set[UUID] = set()
        """Events that were sent and are not noted yet."""
        self.receipts: dict[tuple[UUID, Answer], Receipt] = {}
        self.strays: list[tuple[UUID | bytes, str]] = []
        self.doubled = 0
        """Receipts under one name that said something else."""
        self.most = 200
        """Batches without an answer that are given at once."""

    def note(
        self,
        place: str,
        events: Sequence[Outgoing],
        answers: Sequence[Ack | Fault | Unsent],
    ) -> None:
        for event, answer in zip(events, answers, strict=True):
            if isinstance(answer, Ack):
                self.places[event.event_id] = (place, batch_number(answer))

    def answers(self) -> dict[UUID, tuple[Answer, tuple[str, ...]]]:
        return {
            event: (answer, receipt.reasons)
            for (event, answer), receipt in self.receipts.items()
        }

    async def file(self, receipts: Sequence[Receipt]) -> None:
        for each in receipts:
            if each.event_id not in self.leaving.union(self.places):
                why = "we sent this receiver no such event"
                self.strays.append((each.event_id, why))
                continue
            name = each.event_id, each.answer
            there = self.receipts.setdefault(name, each)
            self.doubled += there.reasons != each.reasons

    async def stray(self, receiver: str, raw: bytes, why: str) -> None:
        del receiver
        self.strays.append((raw, why))

    async def batch(self, receiver: str, place: str, number: int) -> Sequence[UUID]:
        del receiver
        return [e for e, there in self.places.items() if there == (place, number)]

    async def awaited(self, receiver: str, place: str, number: int) -> int:
        answered = {event for event, _ in self.receipts}
        events = await self.batch(receiver, place, number)
        return sum(event not in answered for event in events)

    async def unanswered(
        self, receiver: str, place: str, since: int = 0
    ) -> Sequence[int]:
        numbers = sorted({n for at, n in self.places.values() if at == place})
        found = [
            number
            for number in numbers
            if number >= since and await self.awaited(receiver, place, number)
        ]
        return found[: self.most]
