"""What each receiver is given of a decision: the one read, under its verdicts.

A receiver is a requester like any other; the entry is a source of one row. Whom the
policy's rows leave out is told of nothing new. But who had a decision is told when it
is corrected or withdrawn: with what identifies it and what became of it, where its
rules for fields give that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

import msgspec

from zhitong.decisions import (
    Change,
    Copy,
    Entry,
    Finding,
    Severity,
    case_hash,
    event_id,
)
from zhitong.ports import Envelopes, Source
from zhitong.resolvers.decision_fields import ID, MAPPED, Value, kept, values
from zhitong.resolvers.looks import compared
from zhitong.resolvers.read import Ask, Now, Reader, Reading
from zhitong.resolvers.rulings import plain, visible
from zhitong.types import (
    SOURCE_KEY,
    EntityType,
    Inquiry,
    Label,
    Occasion,
    Order,
    Principal,
    Tightening,
    TypeVerdicts,
    Values,
)

Given: TypeAlias = Callable[[Mapping[str, Value]], Source]
"""Makes the platform's own source of one decision that is at hand."""
Found: TypeAlias = Callable[[Sequence[Mapping[str, Value]]], Source]
"""Makes one of what the rules found about it."""

ALWAYS = frozenset({ID, "actType", "version", "change", "changedAt"})
"""Without these there is no event: they are in the envelope, or choose the table."""
IDENTITY = ALWAYS | {
    "subjectCode",
    "documentNo",
    "counterpartyKind",
    "counterpartyName",
    "changeReason",
    "changeBasis",
}
"""What somebody is still told of a decision that is no longer for them."""
FINDING_ID = "findingId"
TOLD = frozenset({"check", "severity", "messageZh", "messageEn", "ruleSource"})
"""Fields of the graph's Finding that a form may have a place for."""
FOUND = TOLD | {FINDING_ID, ID, "version"}
"""All that is at hand of a finding, also for conditions of the policy."""
_ONE = Order(SOURCE_KEY, descending=False)


class Copies:
    """Makes the copies of an entry, each under its receiver's verdicts."""

    def __init__(  # noqa: PLR0913, PLR0917 - two types, and what makes a source of each
        self,
        reader: Reader,
        entity: EntityType,
        envelopes: Envelopes,
        given: Given,
        finding: EntityType,
        found: Found,
    ) -> None:
        self._reader = reader
        self._entity = entity
        self._envelopes = envelopes
        self._given = given
        self._finding = finding
        self._found = found
        # Receivers and the policy are the same each time: so are the verdicts.
        self._known: dict[tuple[Principal, Occasion], dict[str, TypeVerdicts]] = {}
        self._weighed: dict[
            tuple[Principal, Occasion, bool],
            tuple[Mapping[str, Tightening], Reading],
        ] = {}

    async def of(
        self, entry: Entry, receivers: Sequence[str], order: int | None = None
    ) -> tuple[Copy, ...]:
        """Give the copies of *entry*, leaving out those who may not have the row."""
        order = case_hash(entry.decision.case_key) if order is None else order
        written = values(entry)
        source = self._given(written)
        made: list[Copy] = []
        for receiver in receivers:
            look = self._look(entry, receiver)
            row = await self._read(look, source)
            if row is None and entry.change is not Change.RECORDED:
                look = self._look(entry, receiver, beyond=True)
                row = await self._read(look, source, beyond=True)
            if row is not None:
                made.append(_copy(entry, order, receiver, look, (written, row)))
        return tuple(made)

    async def with_findings(
        self, copies: Sequence[Copy], found: Sequence[Finding]
    ) -> tuple[Copy, ...]:
        """Put what the rules *found* into the copies whose form has a place for it.

        It is read as the decision was: as the policy gives it, and in the same look.
        """
        told = list(copies)
        for place, one in enumerate(copies):
            has = self._envelopes.tells_findings(one.receiver, one.entry.at)
            # Who is told of its end alone is told of no more.
            if has and not one.withheld >= MAPPED - IDENTITY:
                shown = await self._told(one, found)
                told[place] = msgspec.structs.replace(one, findings=shown)
        return tuple(told)

    async def _told(self, copy: Copy, found: Sequence[Finding]) -> tuple[Finding, ...]:
        """Give what of *found* the receiver of *copy* may have, in its order."""
        rows = [_row(copy, number, one) for number, one in enumerate(found, 1)]
        if not rows:
            return ()
        source, look = self._found(rows), copy.look
        fields = self._reader.verdicts(look, self._finding, source).fields
        # A finding without its rule or its weight says nothing.
        if any(plain(fields[name]) is not True for name in ("check", "severity")):
            return ()
        asked = frozenset(name for name in TOLD if visible(fields[name]))
        ask = Ask(entity=self._finding, fields=asked, order=_ONE, limit=len(rows))
        reading = self._reader.given(look, ask, source)
        answered = await self._reader.read(look, reading, Now.of(ask))
        given = {row.key: row.values for row in answered.rows}
        return tuple(
            _finding(given[str(row[FINDING_ID])], asked)
            for row in rows
            if str(row[FINDING_ID]) in given
        )

    def unfit(
        self, receiver: str, at: datetime, needed: Iterable[str], exact: Iterable[str]
    ) -> tuple[str, ...]:
        """Name what keeps *receiver* from its form: found at start, not in an entry.

        *needed* are fields without which there is no row, *exact* those that are of
        no use blurred. A condition on what an entry does not have would leave
        everything out in silence.
        """
        look = self._opened(*self._envelopes.asker(receiver, at))
        source = self._given(dict.fromkeys(MAPPED))
        verdicts = self._reader.verdicts(look, self._entity, source)
        fields = verdicts.fields
        wrong = [n for n in sorted({*needed, *ALWAYS}) if plain(fields[n]) is not True]
        wrong += [name for name in sorted(exact) if plain(fields[name]) is False]
        used = set(compared(verdicts.rows))
        for name in MAPPED:
            for ruling in fields[name]:
                used.update(compared(ruling.under))
        return (*wrong, *sorted(used - MAPPED))

    def _opened(
        self, principal: Principal, occasion: Occasion, name: str = ""
    ) -> Inquiry:
        known = self._known.setdefault((principal, occasion), {})
        return Inquiry(principal=principal, occasion=occasion, id=name, verdicts=known)

    def _look(self, entry: Entry, receiver: str, *, beyond: bool = False) -> Inquiry:
        """Open the look of *receiver*; *beyond* the rows that the policy gives it."""
        name = event_id(entry.decision.id, entry.version, entry.change)
        asker = self._envelopes.asker(receiver, entry.at)
        look = self._opened(*asker, f"{name}/{receiver}")
        look.at, look.operation = entry.at, f"push:{receiver}"
        if beyond:
            look.verdicts = {
                name: replace(known, rows=None) for name, known in look.verdicts.items()
            }
        return look

    async def _read(
        self, look: Inquiry, source: Source, *, beyond: bool = False
    ) -> Values | None:
        reading = self._reading(look, source, beyond)
        found = await self._reader.read(look, reading.over(source), Now())
        return found.rows[0].values if found.rows else None

    def _reading(self, look: Inquiry, source: Source, beyond: bool) -> Reading:  # noqa: FBT001 - as `_read` was told
        """Weigh what *look* may have of any entry, once while the source is alike."""
        key = (look.principal, look.occasion, beyond)
        tightened = source.tightened(self._entity.name)
        known = self._weighed.get(key)
        if known is not None and known[0] == tightened:
            return known[1]
        if not beyond:
            look.verdicts.clear()  # they are shared, and were of other sharing
        fields = self._reader.verdicts(look, self._entity, source).fields
        among = IDENTITY if beyond else MAPPED
        asked = frozenset(name for name in among if visible(fields[name]))
        ask = Ask(entity=self._entity, fields=asked, order=_ONE)
        reading = self._reader.given(look, ask, source)
        self._weighed[key] = (tightened, reading)
        return reading


def _row(copy: Copy, number: int, found: Finding) -> dict[str, Value]:
    """Write a finding as the ledger will have it."""
    version = copy.entry.version
    return {
        FINDING_ID: f"{copy.decision_id}/{version}/{number}",
        ID: str(copy.decision_id),
        "version": version,
        "check": found.check,
        "severity": found.severity.value,
        "messageZh": found.detail.zh,
        "messageEn": found.detail.en,
        "ruleSource": found.source,
    }


def _finding(row: Values, asked: Collection[str]) -> Finding:
    def said(name: str) -> str:
        return str(row[name] or "") if name in asked else ""

    return Finding(
        check=said("check"),
        severity=Severity(said("severity")),
        detail=Label(said("messageZh"), said("messageEn")),
        source=said("ruleSource"),
    )


def _copy(
    entry: Entry,
    order: int,
    receiver: str,
    look: Inquiry,
    read: tuple[Mapping[str, Value], Values],
) -> Copy:
    written, row = read
    asked = {name for one in look.looks for name in one.fields}

    def shown(name: str) -> object:
        return row[name] if name in asked else None

    withheld = (
        name
        for name in MAPPED
        if name not in asked or (shown(name) is None and written[name] is not None)
    )
    return Copy(
        receiver=receiver,
        decision_id=entry.decision.id,
        order=order,
        entry=kept(entry, written, shown),
        withheld=frozenset(withheld),
        look=look,
    )
