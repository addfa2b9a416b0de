"""The rows of one party, over all systems: what is asked who looked at.

Read as the platform, which the policy lets find them for this alone, and on record as
any look is. An enterprise is found by its code, wherever one is stated; a person by the
ID number, where the policy names the field, and by the cases that are found so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from zhitong.exceptions import TooWideError
from zhitong.resolvers.own import caused, opened, platform
from zhitong.resolvers.read import Ask, Found, Reader
from zhitong.resolvers.records import Recorder
from zhitong.types import SOURCE_KEY, EntityType, Inquiry, Keys, Order, Row

PLATFORM = platform("查阅告知")
PURPOSE = "who-looked"
PARTY = "Counterparty"
CASE = "CaseRecord"
OF_A_CASE: Mapping[str, str] = {"Decision": "caseSource", "Inspection": ""}
"""Types whose rows name a case; by which field its system, empty: their own."""
MOST_ROWS = 2_000
"""Rows of one party in one system's type; more are not told, and said so."""
BY_KEY = Order(SOURCE_KEY, descending=False)


@dataclass(frozen=True, slots=True)
class Parties:
    """Finds what there is about a party."""

    reader: Reader
    recorder: Recorder
    entities: Mapping[str, EntityType]

    async def rows(self, inquiry: Inquiry, code: str, number: str) -> Sequence[Row]:
        """Find the rows of the party with that code, or ID number, for *inquiry*."""
        basis = caused("查询谁看过当事人的数据", inquiry.principal)
        asked = opened(PLATFORM, PURPOSE, inquiry.id, basis=basis)
        try:
            found = [*await self._coded(asked, code), *await self._own(asked, number)]
        finally:
            await self.recorder.record(asked)
        inquiry.gaps += [gap for gap in asked.gaps if gap not in inquiry.gaps]
        return found

    async def _coded(self, asked: Inquiry, code: str) -> Sequence[Row]:
        if not code:
            return ()
        reads = (
            self._read(asked, self.entities[name], Keys(field, (code,)))
            for name, field in coded(self.entities)
        )
        return _all(await asyncio.gather(*reads))

    async def _own(self, asked: Inquiry, number: str) -> Sequence[Row]:
        """Find a person's rows, and those of the cases among them."""
        if not number:
            return ()
        reads = (
            self.reader.look_up(
                asked,
                _ask(entity, "caseNo" if entity.name == CASE else ""),
                field,
                *dict.fromkeys((number, number.lower())),
            )
            for entity, field in numbered(self.entities)
        )
        found = _all(await asyncio.gather(*reads))
        cases = {
            (row.source, str(row.values["caseNo"]))
            for row in found
            if row.type == CASE and row.values["caseNo"]
        }
        return [*found, *await self._of_cases(asked, cases)]

    async def _of_cases(
        self, asked: Inquiry, cases: set[tuple[str, str]]
    ) -> Sequence[Row]:
        if not cases:
            return ()
        keys = Keys("caseNo", tuple(sorted({number for _, number in cases})))
        found: list[Row] = []
        for name, system in OF_A_CASE.items():
            read = self._read(asked, self.entities[name], keys, "caseNo", system)
            # Two systems may number alike: another person's case is not this one's.
            found += [
                row
                for row in _all([await read])
                if (
                    row.values[system] if system else row.source,
                    row.values["caseNo"],
                )
                in cases
            ]
        return found

    async def _read(
        self, asked: Inquiry, entity: EntityType, keys: Keys, *fields: str
    ) -> Found:
        return await self.reader.rows(asked, _ask(entity, *fields, keys=keys))


def coded(entities: Mapping[str, EntityType]) -> Iterator[tuple[str, str]]:
    """Name the types and fields that state a party's credit code."""
    for entity in entities.values():
        if entity.name == PARTY:
            yield entity.name, "code"
        for way in entity.relations.values():
            if (way.target, way.remote) == (PARTY, "code"):
                yield entity.name, way.local


def numbered(
    entities: Mapping[str, EntityType],
) -> Iterator[tuple[EntityType, str]]:
    """Name the types and fields that a party is looked up by with an ID number."""
    for name in dict(coded(entities)):
        for field in entities[name].fields.values():
            if field.exact:
                yield entities[name], field.name


def _ask(entity: EntityType, *fields: str, keys: Keys | None = None) -> Ask:
    return Ask(
        entity=entity,
        fields=frozenset(filter(None, fields)),
        order=BY_KEY,
        limit=MOST_ROWS,
        peek=True,
        keys=keys,
    )


def _all(found: Sequence[Found]) -> Sequence[Row]:
    """Join what was read; raise where some of it was too much to read."""
    if any(each.more for each in found):
        raise TooWideError(
            f"关于该当事人的记录在一个系统中超过 {MOST_ROWS} 条，"
            "请按各条记录的 id 查询",
            f"a system has more than {MOST_ROWS} rows about the party; ask by each "
            "row's id",
        )
    return [row for each in found for row in each.rows]
