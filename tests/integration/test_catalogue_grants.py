"""Applications for grants go out in the exchange file, and come in with it."""

from __future__ import annotations

import difflib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.integration.test_catalogue_exchange import Typed, typed

from zhitong.connectors.grant_check import grant_faults
from zhitong.connectors.migrations import migrate
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.platform_database import MIGRATIONS
from zhitong.schema.engine import Answer

pytestmark = pytest.mark.integration

__all__ = ["typed"]

Asking = Callable[..., Awaitable[Answer]]
Query = Callable[..., Awaitable[list[asyncpg.Record]]]
TAX, MARKET = (DEMO_PRINCIPALS[who].unit for who in ("tax-officer", "market-steward"))
APPLY = """mutation ($application: GrantApplicationInput!) {
  applyForGrant(application: $application) { version } }"""
STEP = """mutation ($id: String!, $version: Int!) {
  %s(step: { grantId: $id, version: $version, reason: "因故" }%s) { version state } }"""
STEPS = {
    "pass": ("data-authority", "reviewGrant", ", outcome: COMPLETE"),
    "return": ("data-authority", "reviewGrant", ", outcome: INCOMPLETE"),
    "agree": ("market-steward", "decideGrant", ", outcome: AGREE"),
    "refuse": ("market-steward", "decideGrant", ", outcome: REFUSE"),
    "provide": ("market-steward", "provideGrant", ""),
    "revoke": ("market-steward", "revokeGrant", ""),
    "withdraw": ("tax-officer", "withdrawGrant", ""),
    "dispute": ("tax-officer", "disputeGrant", ""),
}
LIVES = {
    "applied": (),
    "disputed": ("pass", "refuse", "dispute"),
    "in_force": ("pass", "agree", "provide"),
    "incomplete": ("return",),
    "refused": ("pass", "refuse"),
    "revoked": ("pass", "agree", "provide", "revoke"),
    "withdrawn": ("withdraw",),
}
"""Each state that is tried, and the steps that lead there."""
STATUSES = {
    "applied": 1,
    "disputed": 8,
    "in_force": 5,
    "incomplete": 2,
    "refused": 8,
    "revoked": 4,
    "withdrawn": 4,
}


@pytest.fixture
def addresses(addresses: Mapping[str, str], database: str) -> Mapping[str, str]:
    """Give the city, and a platform's database that nobody has applied in."""
    return {**addresses, "platform": database}


@pytest.fixture
async def another(database: str) -> AsyncIterator[str]:
    """Give the address of a fresh platform's database."""
    place, _, name = database.rpartition("/")
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(f"create database {name}_another")
        yield f"{place}/{name}_another"
        await connection.execute(f"drop database {name}_another with (force)")
    finally:
        await connection.close()


class Office:
    """Takes applications through their lives."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask

    async def done(self, who: str, document: str, **given: object) -> Any:  # noqa: ANN401 - JSON
        answer = await self._ask(who, document, given)
        body: Any = answer.body
        assert "errors" not in body, body
        return body["data"]

    async def lives(self, grant: str, *steps: str) -> None:
        form = {
            "grantId": grant,
            "owner": MARKET,
            "items": ["Counterparty.phone", "CaseRecord.facts"],
            "purpose": "inspection",
            "basis": "税收征收管理法",
            "scene": "核实纳税人登记信息",
            "validFrom": "2026-01-01",
            "validTo": "2099-12-31",
        }
        await self.done("tax-officer", APPLY, application=form)
        for version, step in enumerate(steps, 1):
            who, field, outcome = STEPS[step]
            document = STEP % (field, outcome)
            await self.done(who, document, id=grant, version=version)


@pytest.fixture
def office(ask: Asking) -> Office:
    return Office(ask)


def application(**changed: object) -> dict[str, object]:
    said = {
        "apply_id": "platform-1",
        "unit_code": TAX,
        "unit_name": "国家税务总局安泽市税务局",
        "org_code": MARKET,
        "items": ["Counterparty.phone"],
        "lookups": [],
        "purpose": "inspection",
        "basis": "税收征收管理法",
        "scene": "核实",
        "mode": "interface",
        "masked": False,
        "division": "",
        "own_cause": False,
        "documents": [],
        "page": None,
        "cost": None,
        "rate": None,
        "receiver": None,
        "valid_from": "2026-01-01T00:00:00+08:00",
        "valid_to": "2099-01-01T00:00:00+08:00",
    }
    return {**said, **changed}


async def taken(typed: Typed, **parts: object) -> tuple[object, str, str]:
    """Take a file of replies with *parts* on what was just exported."""
    version = (await typed.exported())["version"]
    whole = {"format": "zhitong-catalogue-reply-1", "version": version, "replies": []}
    return await typed.said("import", put(typed.folder, whole | parts))


def put(folder: Path, whole: Mapping[str, object]) -> str:
    """Write a file that comes in, and name it."""
    path = folder / "incoming.json"
    path.write_text(json.dumps(whole), encoding="utf-8")
    return str(path)


async def states(sql: Query) -> Mapping[str, str]:
    rows = await sql("platform", "select grant_id, state from access_grant")
    return {row["grant_id"]: row["state"] for row in rows}


async def faults(url: str) -> list[str]:
    """Name where the register of grants is not as its deeds say."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            return [f"{one.id} {one.column}" async for one in grant_faults(connection)]
    finally:
        await connection.close()


async def test_each_state_goes_out_under_the_platforms_own_number(
    typed: Typed,
    office: Office,
) -> None:
    for state, steps in LIVES.items():
        await office.lives(state, *steps)
    given = (await typed.exported())["grants"]
    assert {one["apply_id"]: one["state"] for one in given} == {
        one: one for one in LIVES
    }
    assert {one["apply_id"]: one["status"] for one in given} == STATUSES
    names = [one.person for one in DEMO_PRINCIPALS.values() if len(one.person) > 1]
    text = json.dumps(given, ensure_ascii=False)
    assert [name for name in names if name in text] == []


async def test_a_fresh_platform_gives_out_what_it_has_taken_in(
    typed: Typed,
    office: Office,
    another: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for state, steps in LIVES.items():
        await office.lives(state, *steps)
    code, _, error = await taken(
        typed,
        replies=[{"catalog_id": "Licence@market", "status": 2, "opinion": "请补充"}],
        grants=[{"apply_id": "applied", "status": 1, "external_id": "E-1"}],
    )
    assert code == 0, error
    await typed.exported()
    path = typed.folder / "catalogue.json"
    before = path.read_text("utf-8")
    await migrate(another, MIGRATIONS, "anze")
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", another)
    code, _, error = await typed.said("import", str(path))
    assert code == 0, error
    await typed.exported()
    assert await faults(another) == []
    lines = difflib.ndiff(before.splitlines(), path.read_text("utf-8").splitlines())
    changed = [line for line in lines if line[:2] in {"- ", "+ "}]
    keys = {line.split('"')[1] for line in changed}
    assert keys == {"exported_at", "opinion", "state", "status"}
    after = {
        one["apply_id"]: one["state"] for one in json.loads(path.read_text())["grants"]
    }
    assert after == {
        **{one: one for one in ("applied", "refused", "revoked", "withdrawn")},
        **dict.fromkeys(("disputed", "in_force", "incomplete"), "applied"),
    }


async def test_an_application_of_the_platform_is_entered_and_has_its_clock(
    typed: Typed,
    office: Office,
    sql: Query,
) -> None:
    said = {"apply_id": "platform-1", "status": 1, "external_id": "E-7"}
    parts = {"applications": [application()], "grants": [said]}
    assert (await taken(typed, **parts))[0] == 0
    (row,) = await sql("platform", "select * from access_grant")
    assert (row["state"], row["due_step"], row["unit"]) == ("APPLIED", "REVIEW", TAX)
    assert row["due_at"] > datetime.now(UTC)
    who, field, outcome = STEPS["pass"]
    passed = await office.done(who, STEP % (field, outcome), id="platform-1", version=1)
    assert passed["reviewGrant"]["state"] == "REVIEWED"
    deeds = await sql("platform", "select kind, action from deed order by at")
    own = [row["action"] for row in deeds if row["kind"] in {"GRANT", "CATALOGUE"}]
    assert own == [
        *("export-catalogue", "apply-grant", "import-catalogue", "pass-grant"),
    ]
    code, out, _ = await taken(typed, **parts)
    assert (code, "没有变化" in out) == (0, True)


async def test_what_the_platform_revokes_is_revoked_here(
    typed: Typed,
    office: Office,
    sql: Query,
    database: str,
) -> None:
    await office.lives("in-force", "pass", "agree", "provide")
    await office.lives("waiting")
    said = [
        {"apply_id": one, "status": 4, "opinion": "用途已变"}
        for one in ("in-force", "waiting")
    ]
    assert (await taken(typed, grants=said))[0] == 0
    assert await states(sql) == {"in-force": "REVOKED", "waiting": "APPLIED"}
    assert await faults(database) == []
    (deed,) = await sql("platform", "select * from deed where action = 'revoke-grant'")
    assert (deed["who"], deed["reason"]) == ("exchange-platform", "用途已变")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"items": ["Counterparty.nothing"]}, "$.applications[1]"),
        ({"purpose": "curiosity"}, "$.applications[1]"),
        ({"valid_to": "2026-01-02T00:00:00Z"}, "$.applications[1]"),
        ({"apply_id": "here"}, "here"),
    ],
)
async def test_of_a_file_with_one_bad_application_nothing_is_taken(
    typed: Typed,
    office: Office,
    sql: Query,
    changed: Mapping[str, object],
    named: str,
) -> None:
    await office.lives("here")
    bad = application(**{"apply_id": "platform-2", **changed})
    code, _, error = await taken(
        typed,
        applications=[application(), bad],
        replies=[{"catalog_id": "Licence@market", "status": 5}],
    )
    assert code == 2
    assert "CATALOGUE_FILE" in error
    assert named in error
    assert await states(sql) == {"here": "APPLIED"}
    assert await sql("platform", "select * from catalogue_reply") == []
    assert await sql("platform", "select * from grant_reply") == []


async def test_a_file_never_puts_a_grant_in_force(
    typed: Typed,
    sql: Query,
) -> None:
    whole = await typed.exported()
    await sql("platform", "delete from catalogue_export")
    said = {"status": 5, "state": "in_force", "opinion": ""}
    at = {"applied_at": "2026-01-05T00:00:00Z"}
    whole["grants"] = [application() | said | at]
    code, _, error = await typed.said("import", put(typed.folder, whole))
    assert code == 0, error
    assert await states(sql) == {"platform-1": "APPLIED"}


async def test_what_came_through_the_platform_is_revoked_by_it_too(
    typed: Typed,
    office: Office,
    sql: Query,
) -> None:
    assert (await taken(typed, applications=[application()]))[0] == 0
    for version, step in enumerate(("pass", "agree", "provide"), 1):
        who, field, outcome = STEPS[step]
        document = STEP % (field, outcome)
        await office.done(who, document, id="platform-1", version=version)
    assert await states(sql) == {"platform-1": "IN_FORCE"}
    said = {"apply_id": "platform-1", "status": 4}
    code, _, error = await taken(typed, grants=[said])
    assert code == 0, error
    assert await states(sql) == {"platform-1": "REVOKED"}
