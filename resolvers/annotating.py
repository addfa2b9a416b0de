"""What each receiver is told of what happened to a decision: under its verdicts.

What we were told is a notice, and it is read as any caller's CreditNotice, field by
field. Of an erasure a receiver learns which decision and version it touches: what the
policy gives it of a Decision. Whoever may not know what happened is told by a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from zhitong.decisions import Annotation, Event, Happened
from zhitong.ports import Envelopes, Source
from zhitong.resolvers.decision_fields import ID, MAPPED, Value
from zhitong.resolvers.read import Ask, Now, Reader
from zhitong.resolvers.rulings import plain, visible
from zhitong.types import SOURCE_KEY, EntityType, Inquiry, Order, Values

NOTICE_ID = "noticeId"
NEEDED = frozenset({"kind", "status"})
"""Without these of a notice nobody may know what happened."""
GIVEN = frozenset(
    {"sender", "number", "listingNo", "documentNo", "decidedBy"}
    | {"occurredOn", "endsOn"}
)
"""What an annotation has a place for: no name and no text in people's own words."""
TOUCHED = frozenset({ID, "version"})
"""What is told of a decision that a person was erased from."""
Given: TypeAlias = Callable[[EntityType, str, Mapping[str, Value]], Source]
"""Makes the platform's own source of one row that is at hand, by its key's field."""
_ONE = Order(SOURCE_KEY, descending=False)


class Annotating:
    """Makes the events of what happened, each under its receiver's verdicts."""

    def __init__(
        self,
        reader: Reader,
        envelopes: Envelopes,
        given: Given,
        *,
        decision: EntityType,
        notice: EntityType,
    ) -> None:
        self._reader = reader
        self._envelopes = envelopes
        self._given = given
        self._decision = decision
        self._notice = notice

    async def of(self, happened: Happened) -> Sequence[tuple[Event, Inquiry]]:
        """Give the event of each receiver that is told by one, and its look.

        Left out is whose channel has no place for it, and who may not know it.
        """
        made: list[tuple[Event, Inquiry]] = []
        for receiver in happened.receivers:
            if not self._envelopes.annotates(receiver, happened.at):
                continue
            look = self._look(happened, receiver)
            one = await self._annotation(happened, receiver, look)
            if one is None:
                continue
            event = self._envelopes.annotated(one)
            look.answer_digest = hashlib.sha256(event.payload).digest()
            look.answer_size = len(event.payload)
            made.append((event, look))
        return made

    def _look(self, happened: Happened, receiver: str) -> Inquiry:
        principal, occasion = self._envelopes.asker(receiver, happened.at)
        return Inquiry(
            principal=principal,
            occasion=occasion,
            id=f"{happened.event_id}/{receiver}",
            operation=f"push:{receiver}",
        )

    async def _annotation(
        self, happened: Happened, receiver: str, look: Inquiry
    ) -> Annotation | None:
        row: dict[str, Value] = dict(happened.notice)
        if row:
            found = await self._read(look, self._notice, row, NEEDED, GIVEN)
        else:
            row = dict.fromkeys(MAPPED)
            row |= {ID: str(happened.decision_id), "version": happened.version}
            found = await self._read(look, self._decision, row, TOUCHED, ())
        if found is None:
            return None
        values, fields = found
        shown = {name: values[name] for name in GIVEN & fields}
        return Annotation(
            receiver=receiver,
            happened=happened,
            shown=shown,
            withheld=frozenset(
                name
                for name in GIVEN
                if row.get(name) is not None and shown.get(name) is None
            ),
        )

    async def _read(
        self,
        look: Inquiry,
        entity: EntityType,
        row: Mapping[str, Value],
        needed: Collection[str],
        more: Collection[str],
    ) -> tuple[Values, frozenset[str]] | None:
        """Read *row* as *look* may; None unless all that is *needed* is given."""
        key = NOTICE_ID if entity is self._notice else ID
        source = self._given(entity, key, row)
        fields = self._reader.verdicts(look, entity, source).fields
        if any(plain(fields[name]) is not True for name in needed):
            return None
        if entity is self._decision:
            # It had the decision, whatever rows its rules would give it today.
            look.verdicts = {
                name: replace(known, rows=None) for name, known in look.verdicts.items()
            }
        asked = frozenset({*needed, *(one for one in more if visible(fields[one]))})
        ask = Ask(entity=entity, fields=asked, order=_ONE)
        reading = self._reader.given(look, ask, source)
        found = await self._reader.read(look, reading, Now.of(ask))
        return (found.rows[0].values, asked) if found.rows else None
