"""A sharing grant is as its deeds say, whoever may write its row."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import orjson
import pytest
from grant_desk import MARKET, Asking, Desk, form, in_force

from zhitong.connectors.grant_check import grant_faults
from zhitong.connectors.loan import Plain

pytestmark = pytest.mark.integration

OPEN = """mutation ($given: BreakGlassInput!) {
  breakGlass(emergency: $given) { grantId } }"""


@pytest.fixture
async def register(addresses: Mapping[str, str]) -> AsyncIterator[Plain]:
    """Give the register of grants, as an operator with all rights has it."""
    connection = await asyncpg.connect(addresses["platform"])
    undone = connection.transaction()
    await undone.start()
    yield connection
    await undone.rollback()
    await connection.close()


async def named(register: Plain, desk: Desk) -> list[str]:
    grant = str(desk.given["grantId"])
    return [
        each.column
        async for each in grant_faults(register)
        if each.id.partition("/")[0] == grant
    ]


async def test_grants_in_every_state_are_as_their_deeds_say(
    ask: Asking, register: Plain
) -> None:
    applied, revoked = Desk(ask, form()), await in_force(ask)
    await applied.apply()
    await revoked.take("market-steward", "revokeGrant")
    for desk in (applied, revoked, await in_force(ask)):
        assert await named(register, desk) == []


async def test_what_was_opened_in_an_emergency_is_as_its_deed_says(
    ask: Asking, register: Plain
) -> None:
    given = {
        "grantId": f"紧急-{uuid.uuid4().hex}",
        "owner": MARKET,
        "items": ["Counterparty.phone"],
        "incident": "安泽市东岭县化工厂火灾",
        "reason": "联系企业负责人疏散人员，来不及申请",
    }
    opened = await ask("procuratorate", OPEN, {"given": given})
    assert "errors" not in opened.body, opened.body
    desk = Desk(ask, given)
    assert await named(register, desk) == []
    statement = """update access_grant set valid_to = valid_to + interval '1 year',
        fields = '{"Counterparty": ["idNumber"]}' where grant_id = $1"""
    await register.execute(statement, given["grantId"])
    assert {*await named(register, desk)} == {"valid_to", "fields"}


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("valid_to = valid_to + interval '1 year'", "valid_to"),
        ("state = 'REVOKED'", "state"),
        ("unit = '11619900MB0001002T'", "unit"),
        ('fields = \'{"Counterparty": ["idNumber"]}\'', "fields"),
        ("masked = not masked", "masked"),
        ("scene = '另一用途'", "scene"),
        ("rate = 1000", "rate"),
        ("version = version + 1", ""),
        ("version = version - 1", ""),
    ],
)
async def test_a_grant_that_somebody_changed_is_named(
    ask: Asking, register: Plain, change: str, column: str
) -> None:
    desk = await in_force(ask)
    statement = f"update access_grant set {change} where grant_id = $1"  # noqa: S608 - the test's own
    await register.execute(statement, desk.given["grantId"])
    assert column in await named(register, desk)


OTHER = {
    "text": "{0} || 'x'",
    "timestamptz": "coalesce({0}, now()) + interval '1 microsecond'",
    "bool": "not {0}",
    "int4": "coalesce({0}, 0) + 10",
    "float8": "coalesce({0}, 0) + 0.5",
    "jsonb": """{0} || '{{"x": ["y"]}}'""",
    "_text": "{0} || 'x'::text",
    "bytea": "{0} || '\\x00'",
}
"""What is other than a column has, by its type."""


async def unbound(register: Plain, table: str) -> list[tuple[str, str]]:
    """Let *table* take whatever comes; give its columns and their types."""
    await register.execute("set local session_replication_role = replica")
    for row in await register.fetch(
        "select conname from pg_constraint where contype = 'c' "
        "and conrelid = $1::text::regclass",
        table,
    ):
        await register.execute(f'alter table {table} drop constraint "{row[0]}"')
    rows = await register.fetch(
        "select column_name, udt_name from information_schema.columns "
        "where table_name = $1 and table_schema = 'public'",
        table,
    )
    return [(row["column_name"], row["udt_name"]) for row in rows]


@pytest.mark.parametrize("table", ["access_grant", "grant_step"])
async def test_each_column_of_a_grant_and_of_its_steps_is_proved(
    ask: Asking, register: Plain, table: str
) -> None:
    desk = Desk(ask, form())
    await desk.apply()
    await desk.take("data-authority", "reviewGrant", "INCOMPLETE", "缺少依据全文")
    columns = await unbound(register, table)
    assert len(columns) >= 12
    unseen = []
    for column, kind in columns:
        undone = register.transaction()
        await undone.start()
        other = OTHER[kind].format(
            f"coalesce({column}, '')" if kind == "text" else column
        )
        await register.execute(
            f"update {table} set {column} = {other} where grant_id = $1",  # noqa: S608 - the test's own
            desk.given["grantId"],
        )
        found = {each.rpartition(".")[2] for each in await named(register, desk)}
        if column not in found and found not in ({""}, {"grant_step"}):
            unseen.append((column, found))
        await undone.rollback()
    assert unseen == []
    assert await named(register, desk) == []


async def test_a_grant_whose_deeds_are_of_before_is_held_to_what_they_say(
    ask: Asking, register: Plain
) -> None:
    desk = await in_force(ask)
    grant = desk.given["grantId"]
    for body in await register.fetch("select body from deed where target = $1", grant):
        said = orjson.loads(body[0])
        await register.execute(
            "update deed set body = $2 where deed_id = $1",
            said["deed"],
            orjson.dumps({**said, "detail": of_before(said["detail"])}),
        )
    assert await named(register, desk) == []
    await register.execute(
        "update access_grant set masked = not masked, missing = 'x', due_unit = 'x' "
        "where grant_id = $1",
        grant,
    )
    assert await named(register, desk) == ["masked", "due_unit"]


def of_before(detail: dict[str, Any]) -> dict[str, object]:
    """Give *detail* as deeds had it before they had the row."""
    row = detail["row"]
    names = ("owner", "fields", "lookups", "masked", "valid_to", "scene")
    due = {"duty": row["due_step"], "unit": row["due_unit"], "at": row["due_at"]}
    return {
        "version": detail["version"],
        "state": row["state"],
        "role": detail["role"],
        "unit_name": detail["unit_name"],
        "due": due if row["due_at"] else None,
        "late": row["late"],
        "terms": {name: row[name] for name in names},
    }


async def test_a_grant_that_nobody_applied_for_is_named(
    ask: Asking, register: Plain
) -> None:
    desk = await in_force(ask)
    made = Desk(ask, {**desk.given, "grantId": "invented"})
    await register.execute(
        """insert into access_grant
        select (jsonb_populate_record(g, '{"grant_id": "invented"}')).*
        from access_grant g where grant_id = $1""",
        desk.given["grantId"],
    )
    assert await named(register, made) == [""]


async def test_a_step_that_somebody_changed_or_removed_is_named(
    ask: Asking, register: Plain
) -> None:
    desk = await in_force(ask)
    grant = desk.given["grantId"]
    await register.execute(
        "update grant_step set person = '他人' where grant_id = $1 and version = 3",
        grant,
    )
    assert await named(register, desk) == ["grant_step.person"]
    await register.execute(
        "delete from grant_step where grant_id = $1 and version = 2", grant
    )
    assert await named(register, desk) == ["grant_step"]
