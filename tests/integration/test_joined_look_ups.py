"""Look-ups of many questions at one time, in real databases: as if asked one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest

from zhitong.connectors.pool import Pool
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.resolvers.read import Ask, Reader
from zhitong.schema.entities import ENTITIES
from zhitong.schema.executor import GraphEngine as Engine
from zhitong.types import Compare, Inquiry, Kind, Occasion, Op

pytestmark = pytest.mark.integration

LONG = 60
WHO = tuple(DEMO_PRINCIPALS)[:4]
TYPES = tuple(
    one
    for one in ENTITIES.values()
    if one.lookup is not None and one.name not in {"Decision", "Grant"}
)
ODD = ("", " ", "a b", "none-such", "610100 ", "007", "7", "无", "a\u00a0", "‰")


def inquiry(who: str) -> Inquiry:
    occasion = Occasion(purpose="criminal-investigation", basis="法", cause="1号")
    return Inquiry(principal=DEMO_PRINCIPALS[who], occasion=occasion, id=who)


async def told(reader: Reader, who: str, ask: Ask) -> tuple[object, ...]:
    """Give all that a look-up answers and leaves in its question."""
    asking = inquiry(who)
    found = await reader.rows(asking, ask)
    rows = [
        (row.source, row.key, row.order, row.match, [row.values[x] for x in ask.fields])
        for row in found.rows
    ]
    noted = (asking.looks, asking.gaps, asking.restrictions, asking.grants_used)
    return rows, found.more, found.missing, noted


async def asks(reader: Reader) -> list[Ask]:
    """Make look-ups of every type: of rows that there are, and of odd texts."""
    made: list[Ask] = []
    for entity in TYPES:
        field = entity.lookup or entity.key
        plain = frozenset(
            name for name, one in entity.fields.items() if one.kind is not Kind.TEXTS
        )
        listed = Ask(entity=entity, fields=plain, limit=8)
        rows = (await reader.rows(inquiry("police"), listed)).rows
        known = [str(row.values[field]) for row in rows]
        made += [
            replace(listed, where=Compare(field, Op.EQ, value), limit=1)
            for value in (*known, *ODD)
        ]
    return made


async def test_look_ups_at_one_time_are_told_as_one_by_one(
    gateway: tuple[Gateway, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    fetch = Pool.fetch

    async def counted(
        self: Pool, sql: str, parameters: Sequence[object], *, probe: bool = False
    ) -> list[asyncpg.Record]:
        sent.append(sql)
        return await fetch(self, sql, parameters, probe=probe)

    reader = gateway[0]._reader
    asked = [(who, ask) for ask in await asks(reader) for who in WHO]
    monkeypatch.setattr(Pool, "fetch", counted)
    one_by_one = [await told(reader, who, ask) for who, ask in asked]
    alone = len(sent)
    sent.clear()
    questions = (told(reader, who, ask) for who, ask in asked)
    assert await asyncio.wait_for(asyncio.gather(*questions), LONG) == one_by_one
    assert any(rows for rows, *_ in one_by_one)
    assert len(sent) < alone / 2
