"""Proof that is late: alarm, announcement, closing and recovery, all seen over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sealing_log import until
from witnesses import WitnessProcess

from zhitong.connectors.key_ring import HEAD, KeyRing
from zhitong.connectors.sealer import Pace, Sealer
from zhitong.connectors.signers import ECDSA
from zhitong.exceptions import SettingsError, WitnessError
from zhitong.infra.app import build_app
from zhitong.infra.countersigning import Countersigning
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.gateway import Gateway
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.infra.witness_key import PUBLIC_NAME, witness_key
from zhitong.infra.witnessing import demo_folder
from zhitong.rules.freshness import Moment

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
    gateway: Gateway
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
        """Wait until it is told so, and was said."""

        async def so() -> bool:
            told = (await self.evidence())["state"]
            return bool(told == self.gateway.freshness._said == state)

        await until(so)

    def later(self, **passed: float) -> None:
        """Let the gateway's clocks go on by so much; the witness's do not."""
        ahead = timedelta(**passed)
        self.gateway.freshness._clock = lambda: Moment(
            wall=datetime.now(UTC) + ahead,
            steady=time.monotonic() + ahead.total_seconds(),
        )

    def jumped(self, hours: int) -> None:
        """Set the gateway's clock wrong."""
        self.gateway.freshness._clock = lambda: Moment(
            wall=datetime.now(UTC) + timedelta(hours=hours), steady=time.monotonic()
        )

    async def proved(self) -> None:
        """Wait until the gateway has a word of the witness."""

        async def so() -> bool:
            return (await self.evidence())["seen"] is not None

        await until(so)


@asynccontextmanager
async def city(
    settings: Settings, addresses: Mapping[str, str], platform: str
) -> AsyncIterator[City]:
    """Run gateway, sealer and witness."""
    state = settings.state
    make_demo_keys(state, ["provincial", "credit"])
    witness_key(state / "outside", ECDSA)
    believed = state / "outside" / PUBLIC_NAME
    settings = replace(settings, witnesses=f"http://127.0.0.1:1={believed}")
    gateway = Gateway(settings, {**addresses, "platform": platform}.get)
    issuer = DemoIssuer(state)
    verifier = Verifier({"demo": issuer.issuer}, settings.audience)
    connection = await asyncpg.connect(platform)
    async with gateway.running() as engine:
        key = await KeyRing(settings.evidence).signer(connection, HEAD, ECDSA)
        witness = WitnessProcess(state / "outside", key.spki).start()
        named = f"{witness.url}={believed}"
        countersigning = Countersigning(platform, replace(settings, witnesses=named))
        sealer = Sealer(
            platform,
            KeyRing(settings.evidence),
            ECDSA,
            pace=Pace(seconds=0.02, heartbeat=0.2),
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
                yield City(client, issuer, witness, gateway, connection)
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
        await here.proved()
        assert told(await here.ask("police", PROTECTED)) == []
        await here.stands("FRESH")
        assert "zhitong-evidence" not in (await here.ask("auditor", PUBLIC)).headers

        here.witness.halt()
        assert told(await here.ask("police", PROTECTED)) == []
        here.later(minutes=2.5)
        await here.stands("LATE")
        assert "closes" in await here.evidence()
        assert told(await here.ask("police", PROTECTED)) == []

        here.later(hours=13)
        await here.stands("CLOSING")
        said = (await here.ask("auditor", PUBLIC)).headers["zhitong-evidence"]
        assert said.startswith("closing; closes=20")
        answer = await here.ask("police", PROTECTED)
        assert (told(answer), "zhitong-evidence" in answer.headers) == ([], False)

        here.later(hours=24, minutes=1)
        await here.stands("CLOSED")
        held = await here.ask("police", PROTECTED)
        assert (held.status_code, told(held)) == (503, ["EVIDENCE_STALE"])
        assert held.json() == shown("evidence-stale")
        assert told(await here.ask("public", PUBLIC)) == []

        here.later()
        here.witness.resume()
        await here.stands("FRESH")
        assert told(await here.ask("police", PROTECTED)) == []
        kinds = ["evidence-late", "evidence-closing", "evidence-closed"]

        async def found() -> bool:
            rows = await here.connection.fetch(
                "select check_name from access_finding "
                "where finding_id like 'evidence:%' order by found_at"
            )
            return [row["check_name"] for row in rows] == kinds

        await until(found)
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
        await here.proved()
        here.witness.kill()
        here.later(hours=25)
        await here.stands("CLOSED")
        answer = await here.ask("department", RECORD, d=PENALTY)
        assert (answer.status_code, told(answer)) == (200, ["EVIDENCE_STALE"])
        done = answer.json()["data"]["recordDecision"]
        assert (done["version"], done["replayed"], done["decision"]) == (1, False, None)
        here.later()
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
        here.gateway.freshness._heartbeat = 1.0
        await here.proved()
        here.witness.halt()
        await here.stands("CLOSED")
        held = await here.ask("police", PROTECTED)
        assert told(held) == ["EVIDENCE_STALE"]
        second = Gateway(
            replace(here.gateway._settings, state=hasty.state / "second"),
            {**addresses, "platform": database}.get,
        )
        second.freshness._heartbeat = 1.0
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
    freshness._clock = lambda: Moment(
        wall=datetime.now(UTC), steady=time.monotonic() + 26 * 3600
    )
    caplog.set_level(logging.WARNING, "zhitong.evidence")
    for _ in range(3):
        await freshness.look()
    assert freshness.report()["state"] == "CLOSED"
    assert caplog.text.count("cannot be asked") == 1


async def test_a_gateway_whose_clock_jumped_is_held_until_it_and_a_word_are_right(
    settings: Settings, addresses: Mapping[str, str], database: str
) -> None:
    async with city(settings, addresses, database) as here:
        await here.proved()
        for hours in (30, -30):
            here.jumped(hours)
            # The witness is there all the while: its words are no younger for that.
            await here.stands("CLOSED")
            here.later()
            await here.stands("FRESH")


async def test_the_demo_s_witness_is_believed_as_soon_as_it_has_a_key(
    settings: Settings, addresses: Mapping[str, str], database: str
) -> None:
    make_demo_keys(settings.state, ["provincial", "credit"])
    gateway = Gateway(settings, {**addresses, "platform": database}.get)
    async with gateway.running():
        words = gateway.freshness._words
        assert words._keys == {}
        key = witness_key(demo_folder(settings.state), ECDSA)
        await gateway.freshness.look()
        assert words._keys == {key.key_id: key.spki}


def test_a_gateway_is_not_started_without_the_keys_it_is_to_believe(
    settings: Settings, addresses: Mapping[str, str], tmp_path: Path
) -> None:
    for named, error in [
        ("http://127.0.0.1:1", SettingsError),
        (f"http://127.0.0.1:1={tmp_path / 'none.pem'}", WitnessError),
    ]:
        with pytest.raises(error):
            Gateway(replace(settings, witnesses=named), addresses.get)
    witness_key(tmp_path / "one", ECDSA)
    twice = f"http://127.0.0.1:1={tmp_path / 'one' / PUBLIC_NAME}"
    with pytest.raises(SettingsError):
        Gateway(
            replace(settings, witnesses=f"{twice},{twice}", witness_quorum=2),
            addresses.get,
        )
