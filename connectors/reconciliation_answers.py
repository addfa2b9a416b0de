"""Receivers' answers to statements, held against what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from zhitong.connectors.reconciliation import Reconciliations, difference_of
from zhitong.rules.reconciliation import Difference, Kind, Place

AGREES = "AGREES"
DIFFERS = "DIFFERS"
BEHIND = "BEHIND"


class Answers(Reconciliations):
    """What is done with the answers, on a connection of its own."""

    async def file(  # noqa: PLR0913 - an answer has so many sides
        self,
        statement: UUID,
        place: Place,
        *,
        seen: int,
        root: bytes,
        parts: Sequence[tuple[int, int, Mapping[int, str]]],
        at: datetime,
        signed: str,
    ) -> Sequence[Difference] | None:
        """Keep an answer; give what it shows to be wrong.

        None: nothing of the kind was stated, or it is stated otherwise by now.
        """
        rows = await self._rows("root", statement, place.receiver)
        if not rows:
            return None
        agrees = rows[0]["root"] == root
        behind = seen < place.end
        word = AGREES if agrees else BEHIND if behind else DIFFERS
        await self._rows("answered", statement, word, at, signed, place.receiver)
        found: list[Difference] = []
        for start, end, held in () if agrees else parts:
            found += await self._part(place, start, min(end, seen), held)
        told = await self._rows(
            "told", place.topic, place.partition, place.start, place.end
        )
        still = {each.id for each in found}
        before = [difference_of(Kind(row["kind"]), row) for row in told]
        await self.tell(found, [each for each in before if each.id not in still])
        return found

    async def _part(
        self, place: Place, start: int, end: int, held: Mapping[int, str]
    ) -> Sequence[Difference]:
        names = list(held.values())
        where = (place.topic, place.partition, start, end)
        missing = await self._rows("unheld", *where, names)
        known = await self.elsewhere(place.receiver, names)
        return [
            *(difference_of(Kind.INBOX_MISSING, row) for row in missing),
            *(
                Difference(
                    kind=Kind.INBOX_FOREIGN,
                    receiver=place.receiver,
                    event_id=event,
                    topic=place.topic,
                    partition=place.partition,
                    offset=offset,
                )
                for offset, event in held.items()
                if event not in known
            ),
        ]
