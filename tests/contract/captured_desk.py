"""A small department whose table is captured: written to by hand, row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
from capture_city import deciding

from zhitong.connectors.binding_file import read_binding
from zhitong.infra.capture_entering import Step
from zhitong.infra.capturing import Capturing
from zhitong.infra.settings import Settings
from zhitong.resolvers.decisions import Decisions
from zhitong.schema.entities import ENTITIES

UNIT = "11619900MB0004001B"
TABLE = """
create schema bm;
create table bm.jd (
    id bigint primary key, lx text default '罚', wh text, rq text, mc text, dm text,
    dsrlx text default '企', ss text, jg text default '罚款', je numeric,
    zt text default '有效', gxsj timestamptz default clock_timestamp(), bb bigint);
create table bm.ry (id bigint, xh int, zh text);
"""
BINDING = """
name  = "bm"
title = { zh = "市某局", en = "A bureau" }
owner = "11619900MB0004001B"
tenant = "anze"
none  = ["/", "无"]

[codes.lx]
"罚" = "PENALTY"
"许" = "LICENCE"

[codes.dsrlx]
"企" = "LEGAL_PERSON"
"人" = "NATURAL_PERSON"

[types.CaseRecord]
table = "bm.jd"
key   = "id"

[types.CaseRecord.fields]
caseId              = "id"
actType             = { column = "lx", codes = "lx" }
subjectCode         = { value = "11619900MB0004001B" }
documentNo          = "wh"
decidedOn           = { column = "rq", format = "yyyy-mm-dd" }
counterpartyKind    = { column = "dsrlx", codes = "dsrlx" }
counterpartyName    = "mc"
counterpartyCode    = "dm"
facts               = "ss"
result              = "jg"
fine                = "je"
officerCertificates = { table = "bm.ry", on = { id = "base.id" }, column = "zh" }

[capture]
like  = "CaseRecord"
void  = { column = "zt", values = ["作废"], reason = "本局已作废" }
"""
BY_CLOCK = 'version = { column = "gxsj", overlap = 600 }'
BY_COUNT = 'version = { column = "bb", overlap = 5 }'
LEDGER = """
select d.local_id, d.version, d.change, d.document_no, d.facts, d.reason,
    (select count(*) from outbox o where o.decision_id = d.decision_id) as events
from decision d order by d.local_id
"""


@dataclass(slots=True)
class Desk:
    """A department's table and the capture of it."""

    url: str
    capturing: Capturing
    folder: Path

    async def sql(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Run a statement, in the department's database or the platform's."""
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def decide(self, key: int, **columns: object) -> None:
        """Write a row as the department's program does."""
        row = {
            "id": key,
            "wh": f"某罚〔2026〕{key}号",
            "rq": "2026-06-12",
            "mc": f"某某有限公司{key}",
            "ss": "未按规定培训",
            "je": 2000,
            **columns,
        }
        names, marks = ", ".join(row), ", ".join(f"${n + 1}" for n in range(len(row)))
        await self.sql(f"insert into bm.jd ({names}) values ({marks})", *row.values())

    async def change(self, key: int, said: str) -> None:
        """Update a row, and the moment at which it says it was changed."""
        await self.sql(
            f"update bm.jd set gxsj = clock_timestamp(), {said} where id = $1", key
        )

    async def sweep(self) -> dict[str, int]:
        """Sweep once; say what became of rows."""
        return told(await self.capturing.once())

    async def look(self) -> dict[str, int]:
        """Look once by the version."""
        async with self.capturing.looks() as looks:
            assert looks is not None
            await looks.look()
            return told(looks.steps)

    async def ledger(self) -> dict[str, tuple[object, ...]]:
        """Give version, change and facts of each decision, by its local id."""
        return {
            row["local_id"]: (row["version"], row["change"], row["facts"])
            for row in await self.sql(LEDGER)
        }

    async def work(self) -> dict[str, str]:
        """Give the code of each row that waits."""
        found = await self.sql("select key, code from capture_item")
        return {row["key"]: row["code"] for row in found}

    def bound(self, *more: str, text: str = BINDING) -> None:
        """Bind the table by *text* and *more* from now on."""
        path = self.folder / "bm.toml"
        path.write_text("\n".join([text, *more, ""]), "utf-8")
        self.capturing = replace(self.capturing, binding=read_binding(path, ENTITIES))

    @property
    def decisions(self) -> Decisions:
        """Give what enters, for whom else it is there."""
        return self.capturing.decisions


def told(steps: Mapping[Step, int]) -> dict[str, int]:
    return {str(step): many for step, many in steps.items()}


@asynccontextmanager
async def desk_at(url: str, folder: Path) -> AsyncIterator[Desk]:
    """Give a department's table in the database at *url*, bound with no version."""
    path = folder / "bm.toml"
    path.write_text(BINDING, "utf-8")
    async with deciding(url, folder, {}) as decisions:
        made = Capturing(
            settings=Settings(state=folder),
            binding=read_binding(path, ENTITIES),
            url=url,
            platform=url,
            decisions=decisions,
        )
        desk = Desk(url, made, folder)
        connection = await asyncpg.connect(url)
        await connection.execute(TABLE)
        await connection.close()
        yield desk
