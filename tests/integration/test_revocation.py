"""A grant that is revoked while it is used: nothing leaves that rests on it.

The database is the judge: the revocation waits for the records under way and holds up
those that come after, so what is on record inside its transaction is all there will be.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from zhitong.infra.app import build_app, server
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.gateway import Gateway
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.resolvers import granted as held_grants
from zhitong.schema.engine import Engine

pytestmark = pytest.mark.integration

TAX = DEMO_PRINCIPALS["tax-officer"]
PURPOSE = "tax-collection"
MARKET = "11619900MB0002006C"
ASKED = """{ counterparties(first: 5, sources: ["market"], where: {kind: {eq: %s}}) {
  nodes { code phone } } }"""
LEGAL = ASKED % "LEGAL_PERSON"
CLIENTS = 12
GRANT = """insert into access_grant (grant_id, version, state, kind, unit, unit_name,
    owner, purpose, basis, fields, receiver, page, valid_from, valid_to, applied_by,
    applied_at, changed_at)
values ($1, 1, 'IN_FORCE', 'SHARING', $2, '税务局', $3, $4, '税收征收管理法',
    '{"Counterparty": ["phone"]}', $5, 500, now() - interval '1 day',
    now() + interval '1 day', '某人', now(), now())"""
REVOKE = "update access_grant set state = 'REVOKED' where grant_id = $1"
RESTING = """select record_id from access_entry
where convert_from(body, 'UTF8')::jsonb -> 'grants' ? $1"""
Ask = Callable[[str], Any]


async def granted(
    connection: asyncpg.Connection[asyncpg.Record],
    name: str,
    receiver: str | None = None,
) -> None:
    await connection.execute(GRANT, name, TAX.unit, MARKET, PURPOSE, receiver)


@dataclass(slots=True)
class Heard:
    """What clients were told, each answer by its record."""

    whole: set[str] = field(default_factory=set)
    codes: Counter[str] = field(default_factory=Counter)
    denied: set[str] = field(default_factory=set)

    def note(self, response: httpx.Response) -> None:
        body = response.json()
        if response.status_code != httpx.codes.OK:
            self.codes[body["errors"][0]["extensions"]["code"]] += 1
            assert "data" not in body
            return
        nodes = body["data"]["counterparties"]["nodes"]
        record = response.headers["zhitong-record"]
        shown = any(node["phone"] for node in nodes)
        (self.whole if shown else self.denied).add(record)


@pytest.fixture
async def ask(
    gateway: tuple[Gateway, Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[str], Any]]:
    """Give ``ask(document)``: the tax officer asks the gateway over a real socket."""
    # A busy machine is no database that is away.
    monkeypatch.setattr(held_grants, "STALE_SECONDS", 600.0)
    async with serving(*gateway, tmp_path) as asked:
        yield asked


@asynccontextmanager
async def serving(made: Gateway, engine: Engine, state: Path) -> AsyncIterator[Ask]:
    issuer = DemoIssuer(state)
    settings = Settings(state=state)
    app = build_app(
        engine,
        Verifier({"demo": issuer.issuer}, settings.audience),
        settings,
        made.readiness,
        made.reload,
        grants=made.grants,
    )
    running = server(app, settings)
    headers = {
        "authorization": f"Bearer {issuer.issue(TAX)}",
        "zhitong-purpose": PURPOSE,
    }
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(running.serve([listening]))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with httpx.AsyncClient(
            base_url=address, headers=headers, timeout=60
        ) as client:

            async def asked(document: str) -> httpx.Response:
                return await client.post("/graphql", json={"query": document})

            yield asked
        running.should_exit = True
        await task


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110 - it is another's doing, and sets no event
            await asyncio.sleep(0.01)


def known(made: Gateway, name: str) -> bool:
    """Say whether the gateway has heard of the grant *name*, among others' perhaps."""
    held = made.grants
    assert held is not None
    return name in {grant.id for grant in held.of(TAX, datetime.now(UTC))}


async def test_no_answer_that_rests_on_a_grant_leaves_after_its_revocation(
    ask: Ask, addresses: Mapping[str, str]
) -> None:
    heard = Heard()
    asking = True

    async def client() -> None:
        while asking:
            response = await ask(LEGAL)
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                await asyncio.sleep(0.2)
                continue
            heard.note(response)

    connection = await asyncpg.connect(addresses["platform"])
    await granted(connection, "revoked-under-load")
    clients = [asyncio.create_task(client()) for _ in range(CLIENTS)]
    try:
        await until(lambda: len(heard.whole) > CLIENTS)
        async with connection.transaction():
            await connection.execute(REVOKE, "revoked-under-load")
            rows = await connection.fetch(RESTING, "revoked-under-load")
        before = {row["record_id"] for row in rows}
        denied = len(heard.denied)
        await until(lambda: len(heard.denied) > denied + CLIENTS)
    finally:
        asking = False
        await asyncio.gather(*clients)
    rows = await connection.fetch(RESTING, "revoked-under-load")
    await connection.close()
    assert {row["record_id"] for row in rows} == before
    assert heard.whole <= before
    assert heard.codes.keys() <= {"GRANT_ENDED"}


async def test_an_answer_whose_grant_ends_before_its_record_is_refused(
    ask: Ask,
    gateway: tuple[Gateway, Engine],
    addresses: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = gateway[0].grants
    assert held is not None
    connection = await asyncpg.connect(addresses["platform"])
    await granted(connection, "ends-early")
    await until(lambda: known(gateway[0], "ends-early"))
    assert (await ask(LEGAL)).status_code == httpx.codes.OK
    # The gateway has not heard of it yet, as happens to each for a moment.
    remembered = held.of(TAX, datetime.now(UTC))
    monkeypatch.setattr(type(held), "of", lambda *_: remembered)
    await connection.execute(REVOKE, "ends-early")
    await connection.close()
    response = await ask(LEGAL)
    assert response.status_code == httpx.codes.FORBIDDEN
    assert response.json()["errors"][0]["extensions"]["code"] == "GRANT_ENDED"
    assert "data" not in response.json()


async def test_a_grant_raises_the_page_while_it_is_in_force(
    ask: Ask, gateway: tuple[Gateway, Engine], addresses: Mapping[str, str]
) -> None:
    wide = LEGAL.replace("first: 5", "first: 300")
    refused = await ask(wide)
    assert refused.json()["errors"][0]["extensions"]["code"] == "PAGE_SIZE"
    connection = await asyncpg.connect(addresses["platform"])
    await granted(connection, "wide-page")
    await until(lambda: known(gateway[0], "wide-page"))
    assert "errors" not in (await ask(wide)).json()
    await connection.execute(REVOKE, "wide-page")
    await connection.close()
    await until(lambda: not known(gateway[0], "wide-page"))
    refused = await ask(wide)
    assert refused.json()["errors"][0]["extensions"]["code"] == "PAGE_SIZE"
