"""Proof that is late: alarm, announcement, closing and recovery, all seen over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sealing_log import QUICK, until
from witnesses import WitnessProcess

from zhitong.connectors.key_ring import HEAD, KeyRing
from zhitong.connectors.sealer import Sealer
from zhitong.connectors.signers import ECDSA
from zhitong.infra.app import build_app
from zhitong.infra.countersigning import Countersigning
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.gateway import Gateway
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.infra.witness_key import PUBLIC_NAME

pytestmark = pytest.mark.integration

RECORD = """mutation($d: DecisionInput!) { recordDecision(decision: $d) {
  version replayed decision { documentNo facts recordedBy officerCertificates } } }"""
PENALTY: Mapping[str, object] = {
    "localId": "stale-1",
    "actType": "PENALTY",
    "subjectCode": DEMO_PRINCIPALS["department"].unit,
    "documentNo": "（安）应急罚〔2026〕1号",
    "decidedOn": "2026-06-01",
    "division": "619900",
    "title": "未按规定培训",
    "facts": "未培训",
    "result": "罚款人民币贰万元整",
    "counterpartyKind": "LEGAL_PERSON",
    "counterpartyName": "安泽化工有限公司",
    "counterpartyCode": "91110000600037341L",
    "penaltyKinds": ["FINE"],
    "fine": "20000.00",
    "procedure": "ORDINARY",
}
PROTECTED = "{ counterparties(first: 1) { nodes { name phone } } }"
PUBLIC = "{ enforcementSubjects(first: 1) { nodes { name } } }"
POLICE = {
    "zhitong-purpose": "criminal-investigation",
    "zhitong-basis": "CPL 54",
    "zhitong-cause": "2026-12",
    "zhitong-letter": "88",
}


@dataclass
class City:
    """A gateway over HTTP, its sealer, and a witness that can be ended."""

    client: httpx.AsyncClient
    issuer: DemoIssuer
    witness: WitnessProcess
    platform: str
    connection: asyncpg.Connection[asyncpg.Record] = field(repr=False)

    async def ask(self, who: str, document: str, **variables: object) -> httpx.Response:
        return await self.client.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={
                "authorization": f"Bearer {self.issuer.issue(DEMO_PRINCIPALS[who])}",
                **(POLICE if who == "police" else {}),
            },
        )

    async def evidence(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (await self.client.get("/ready")).json()["evidence"]
        return found

    async def stands(self, state: str) -> None:
        async def so() -> bool:
            return bool((await self.evidence())["state"] == state)

        await until(so)

    async def sealed(self) -> None:
        """Wait until nothing waits for the sealer."""

        async def so() -> bool:
            return not await self.connection.fetchval("select count(*) from unsealed")

        await until(so)

    async def age(self, interval: str) -> None:
        """Make what has no proof older by *interval*."""
        await self.sealed()
        await self.connection.execute(
            "update head set oldest = oldest - $1::text::interval", interval
        )


@asynccontextmanager
async def city(
    settings: Settings, addresses: Mapping[str, str], platform: str
) -> AsyncIterator[City]:
    """Run gateway, sealer and witness."""
    state = settings.state
    make_demo_keys(state, ["provincial", "credit"])
    gateway = Gateway(settings, {**addresses, "platform": platform}.get)
    issuer = DemoIssuer(state)
    verifier = Verifier({"demo": issuer.issuer}, settings.audience)
    connection = await asyncpg.connect(platform)
    async with gateway.running() as engine:
        key = await KeyRing(settings.evidence).signer(connection, HEAD, ECDSA)
        witness = WitnessProcess(state / "outside", key.spki).start()
        named = f"{witness.url}={witness.folder / PUBLIC_NAME}"
        countersigning = Countersigning(platform, replace(settings, witnesses=named))
        sealer = Sealer(
            platform,
            KeyRing(settings.evidence),
            ECDSA,
            pace=QUICK,
            sealed=lambda _: countersigning.wake(),
        )
        tasks = [
            asyncio.create_task(sealer.run()),
            asyncio.create_task(countersigning.run()),
        ]
        app = build_app(
            engine,
            verifier,
            settings,
            gateway.readiness,
            gateway.reload,
            freshness=gateway.freshness,
        )
        transport = httpx.ASGITransport(app)
        try:
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", timeout=60
            ) as client:
                yield City(client, issuer, witness, platform, connection)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            witness.kill()
            await connection.close()


@pytest.fixture
def settings(tmp_path: Path, bindings: Path) -> Settings:
    return Settings(state=tmp_path, bindings=bindings)


def shown(page: str) -> object:
    """Give the answer that an error's page shows."""
    text = (Path(__file__).parents[2] / f"docs/errors/{page}.md").read_text("utf-8")
    return json.loads(text.partition("```json\n")[2].partition("```")[0])


def told(response: httpx.Response) -> list[str]:
    return [each["extensions"]["code"] for each in response.json().get("errors", [])]


async def test_without_a_witness_it_is_said_announced_and_then_protected_data_held(
    settings: Settings,
    addresses: Mapping[str, str],
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "zhitong.evidence")
    async with city(settings, addresses, database) as here:
        assert told(await here.ask("police", PROTECTED)) == []
        await here.stands("FRESH")
        assert "zhitong-evidence" not in (await here.ask("auditor", PUBLIC)).headers

        here.witness.halt()
        assert told(await here.ask("police", PROTECTED)) == []
        await here.age("2 minutes")
        await here.stands("LATE")
        assert "closes" in await here.evidence()
        assert told(await here.ask("police", PROTECTED)) == []

        await here.age("13 hours")
        await here.stands("CLOSING")
        said = (await here.ask("auditor", PUBLIC)).headers["zhitong-evidence"]
        assert said.startswith("closing; closes=20")
        answer = await here.ask("police", PROTECTED)
        assert (told(answer), "zhitong-evidence" in answer.headers) == ([], False)

        await here.age("11 hours")
        await here.stands("CLOSED")
        held = await here.ask("police", PROTECTED)
        assert (held.status_code, told(held)) == (503, ["EVIDENCE_STALE"])
        assert held.json() == shown("evidence-stale")
        assert told(await here.ask("public", PUBLIC)) == []

        here.witness.resume()
        await here.stands("FRESH")
        assert told(await here.ask("police", PROTECTED)) == []
        found = await here.connection.fetch(
            "select check_name from access_finding where finding_id like 'evidence:%' "
            "order by found_at"
        )
    kinds = ["evidence-late", "evidence-closing", "evidence-closed"]
    assert [row["check_name"] for row in found] == kinds
    said_once = [
        record.getMessage().split(":")[0]
        for record in caplog.records
        if record.name == "zhitong.evidence"
    ]
    states = ["LATE", "CLOSING", "CLOSED", "FRESH"]
    assert said_once == [f"EVIDENCE {state}" for state in states]


async def test_a_decision_is_registered_while_protected_data_is_held(
    settings: Settings, addresses: Mapping[str, str], database: str
) -> None:
    async with city(settings, addresses, database) as here:
        here.witness.kill()
        assert told(await here.ask("police", PROTECTED)) == []
        await here.age("25 hours")
        await here.stands("CLOSED")
        answer = await here.ask("department", RECORD, d=PENALTY)
        assert (answer.status_code, told(answer)) == (200, ["EVIDENCE_STALE"])
        done = answer.json()["data"]["recordDecision"]
        assert (done["version"], done["replayed"], done["decision"]) == (1, False, None)
        here.witness.start()
        await here.stands("FRESH")
        again = await here.ask("department", RECORD, d=PENALTY)
        assert told(again) == []
        assert again.json()["data"]["recordDecision"]["replayed"] is True


async def test_time_itself_closes_and_a_restarted_gateway_stays_closed(
    settings: Settings, addresses: Mapping[str, str], database: str
) -> None:
    hasty = replace(settings, evidence_alarm_seconds=0.5, evidence_limit_hours=2 / 3600)
    async with city(hasty, addresses, database) as here:
        here.witness.halt()
        await here.ask("police", PROTECTED)
        await here.stands("CLOSED")
        held = await here.ask("police", PROTECTED)
        assert told(held) == ["EVIDENCE_STALE"]
        second = Gateway(
            replace(hasty, state=hasty.state / "second"),
            {**addresses, "platform": database}.get,
        )
        make_demo_keys(hasty.state / "second", ["provincial", "credit"])
        async with second.running():
            assert second.freshness.stale() is not None
        here.witness.resume()

        async def given() -> bool:
            return told(await here.ask("police", PROTECTED)) == []

        await until(given)


async def test_while_the_database_is_away_the_age_grows_by_our_own_clock(
    settings: Settings,
    addresses: Mapping[str, str],
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = Gateway(settings, {**addresses, "platform": database}.get)
    freshness = gateway.freshness
    freshness._url = "postgresql://127.0.0.1:1/nothing"
    freshness._clock = lambda: freshness._seen.clock + 25 * 3600
    caplog.set_level(logging.WARNING, "zhitong.evidence")
    for _ in range(3):
        await freshness.look()
    assert freshness.report()["state"] == "CLOSED"
    assert caplog.text.count("cannot be asked") == 1
