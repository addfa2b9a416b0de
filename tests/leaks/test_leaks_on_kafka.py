"""What lies on Kafka of decisions full of canaries, and what comes back of them."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from leak_askers import principals
from leak_city import City, connected
from leak_decisions import written
from leak_matrix import listening
from leak_oracle import Asker, Oracle, blurred
from leak_probes import Room
from leak_rows import Truth, Value, canary, day, id_number, tokens
from leak_spans import exporting
from receiving import Site, site
from topic_reader import read

from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.receiver_keys import private_keys, public_keys
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Engine, Question
from zhitong.schema.entities import ENTITIES
from zhitong.streams import names
from zhitong.streams.group_reader import Message
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.keys import unseal
from zhitong.streams.receipts import ReceiptDesk
from zhitong.streams.relay import Relay
from zhitong.streams.topics import ensure_topics
from zhitong.types import Kind, Occasion

pytestmark = pytest.mark.integration
ENDLESS = 120
KINDS = ("NATURAL_PERSON", "LEGAL_PERSON")
BUREAU = DEMO_PRINCIPALS["department"]
RECEIVERS = {
    "provincial": ("provincial-platform", "provincial-supervision"),
    "credit": ("credit-system", "double-publicity"),
}
RECORD = """mutation ($it: DecisionInput!) {
  done: recordDecision(decision: $it) { decisionId version } }"""
CORRECT = """mutation ($it: CorrectionInput!) {
  done: correctDecision(correction: $it) { decisionId version } }"""
WITHDRAW = """mutation ($it: WithdrawalInput!) {
  done: withdrawDecision(withdrawal: $it) { decisionId version } }"""
BOTH = frozenset(
    {
        *("subjectName", "documentNo", "facts", "legalBasis", "result"),
        *("counterpartyName", "changeReason", "changeBasis"),
    }
)
COLUMNS: Mapping[tuple[str, str], frozenset[str]] = {
    ("provincial", "NATURAL_PERSON"): BOTH
    | {"localId", "inspectionNo", "documentTitle", "title", "reviewedOn", "fine"},
    ("credit", "NATURAL_PERSON"): BOTH
    | {"violationType", "licenceAffected", "publicityTo", "counterpartyIdNumber"},
}
"""The fields that each form has columns for, by its JSON Schema, read by hand."""
OF_FIRMS = {
    "provincial": {"counterpartyCode"},
    "credit": {"counterpartyCode", "registrationNo", "representative"},
}
"""The same of who is no natural person, beside those; but for the ID number."""


def columns(receiver: str, kind: str) -> frozenset[str]:
    shared = COLUMNS[receiver, "NATURAL_PERSON"]
    if kind == "NATURAL_PERSON":
        return shared
    return (shared | OF_FIRMS[receiver]) - {"counterpartyIdNumber"}


@dataclass(frozen=True)
class Told:
    """One version of a decision as its department told it."""

    version: int
    said: Mapping[str, Any]

    @property
    def truth(self) -> Truth:
        values: dict[str, Value] = dict.fromkeys(ENTITIES["Decision"].fields)
        for name, one in self.said.items():
            if name in values and name not in {"officerCertificates", "penaltyKinds"}:
                # The ledger takes no ID number in, but in the field made for it.
                values[name] = blurred("text", Kind.TEXT, one)
        values["counterpartyIdNumber"] = self.said["idNumber"]
        values["officerCertificates"] = tuple(self.said["officerCertificates"])
        known = frozenset(values)
        return Truth(type="Decision", source="x", key="x", values=values, fed=known)

    @property
    def canaries(self) -> set[str]:
        return {token for one in self.said.values() for token in tokens(str(one))}


async def done(engine: Engine, document: str, it: Mapping[str, Any]) -> dict[str, Any]:
    answer = await engine.answer(
        Question(
            document=document,
            variables={"it": it},
            operation=None,
            principal=BUREAU,
            occasion=Occasion(basis="安全生产法"),
            request_id=canary(),
        )
    )
    body: Any = answer.body
    assert "errors" not in body, body
    made: dict[str, Any] = body["data"]["done"]
    return made


async def lived(engine: Engine, kind: str) -> tuple[str, list[Told]]:
    """Record, correct and withdraw a decision; give its id and what was said."""
    local = canary()
    first, second = (
        written(kind, local) | {"reviewedOn": day(), "publicityTo": day()}
        for _ in range(2)
    )
    # What makes a decision this one does not change.
    second |= {name: first[name] for name in ("documentNo", "caseNo")}
    key = (await done(engine, RECORD, first))["decisionId"]
    why = f"{canary()}证件{id_number()}。"
    corrected = {"decisionId": key, "version": 1, "decision": second, "reason": why}
    await done(engine, CORRECT, corrected)
    ended = {
        "decisionId": key,
        "reason": f"{canary()}证件{id_number()}。",
        "basis": f"{canary()}证件{id_number()}。",
    }
    await done(engine, WITHDRAW, ended)
    more = {"changeReason": ended["reason"], "changeBasis": ended["basis"]}
    return key, [
        Told(1, first | {"change": "RECORDED"}),
        Told(2, second | {"change": "CORRECTED", "changeReason": why}),
        Told(3, second | {"change": "WITHDRAWN"} | more),
    ]


@asynccontextmanager
async def relaying(city: City, broker: Access) -> AsyncIterator[None]:
    outbox = PlatformOutbox(city.addresses["platform"], "leaks")
    relay = Relay(outbox, lambda: KafkaSender(lambda: broker, 60.0), longest_rest=1.0)
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def left(city: City) -> None:
    """Wait until the outbox is empty."""
    async with asyncio.timeout(ENDLESS), connected(city.addresses["platform"]) as own:
        while await own.fetchval("select count(*) from outbox"):  # noqa: ASYNC110 - the relay tells nobody
            await asyncio.sleep(0.05)


def due(oracle: Oracle, receiver: str, told: Told) -> frozenset[str]:
    """Give the canaries that *receiver* is to find in its row of a version."""
    kind, purpose = RECEIVERS[receiver]
    (principal, *_) = principals(kind)
    room = Room(
        oracle,
        Asker(principal=principal, occasion=Occasion(purpose=purpose, basis="x")),
    )
    return room.shown([told.truth], columns(receiver, told.said["counterpartyKind"]))


def opened(value: bytes, keys: Any) -> str:
    """Read an event as its receiver can: its sealed number as well."""
    event = orjson.loads(value)
    row = event["data"]["row"]
    if sealed := row.get("CF_XDR_ZJHM"):
        row["CF_XDR_ZJHM"] = unseal(sealed, keys)
    return orjson.dumps(event).decode()


@pytest.fixture(autouse=True)
def workers() -> Iterator[None]:
    """Log as workers do: the client's own DEBUG would quote all it sends."""
    kafka = logging.getLogger("kafka")
    before = kafka.level
    kafka.setLevel(logging.CRITICAL)
    yield
    kafka.setLevel(before)


@pytest.fixture
async def relayed(
    city: City, engine: Engine, broker: Access
) -> Mapping[str, list[Told]]:
    """Let two decisions live, and all that leaves of them lie on the broker."""
    tenant = Settings().tenant
    topics = {names.topic(tenant, f"{name}.v1"): 12 for name in RECEIVERS}
    await asyncio.to_thread(ensure_topics, broker, topics)
    with listening() as heard, exporting() as exported:
        with exported.call():  # its trace goes with the events
            lives = [await lived(engine, kind) for kind in KINDS]
        async with relaying(city, broker):
            await left(city)
    versions = [one for _, told in lives for one in told]
    known = {token for one in versions for token in one.canaries} - {BUREAU.unit}
    assert tokens("\n".join(heard)) & known == set()
    assert exported.tokens & known == set()
    assert any(name.startswith("send ") for name in exported.names)
    return dict(lives)


def on_topic(broker: Access, receiver: str, decision: str) -> dict[int, Any]:
    """Give the records about a decision by version, with key and headers."""
    topic = names.topic(Settings().tenant, f"{receiver}.v1")
    found = [kept for kept in read(broker, topic) if decision.encode() in kept[3]]
    return {orjson.loads(kept[3])["decisionversion"]: kept for kept in found}


async def test_each_topic_has_what_the_oracle_gives_its_receiver(
    relayed: Mapping[str, list[Told]],
    oracle: Oracle,
    broker: Access,
    tmp_path: Path,
    database: str,
    city: City,
) -> None:
    known = oracle.beside.union(
        *(told.canaries for versions in relayed.values() for told in versions)
    ) - {BUREAU.unit}
    for receiver in RECEIVERS:
        keys = private_keys(tmp_path, receiver)
        for decision, versions in relayed.items():
            records = await asyncio.to_thread(on_topic, broker, receiver, decision)
            assert records.keys() == {1, 2, 3}
            for told in versions:
                _, _, key, value, headers = records[told.version]
                shown = tokens(opened(value, keys)) & known
                assert shown == due(oracle, receiver, told), (receiver, told.version)
                assert told.said["idNumber"].encode() not in value
                assert tokens(f"{key!r} {headers!r}") & known == set()
    async with site("credit", broker, database) as made:
        await answers(made, city, tmp_path, known)


async def answers(made: Site, city: City, state: Path, known: frozenset[str]) -> None:
    """Have a receiver answer it all: no receipt tells what is in a decision."""
    topic = names.topic(Settings().tenant, "credit.v1")
    receiver = replace(made, topic=topic, keys=private_keys(state, "credit"))
    with listening() as heard, exporting() as exported:
        async with receiver.consuming():
            await receiver.answered(6)
        found = await asyncio.to_thread(read, made.broker, made.receipts)
        values = [value for *_, value, _ in found]
        # One that is no receipt, with somebody's number in it.
        values.append(b"{" + " ".join(sorted(known)).encode())
        book = PlatformReceiptBook(city.addresses["platform"])
        desk = ReceiptDesk(book, lambda: public_keys(state, RECEIVERS))
        await desk.take([Message("receipts", 0, 0, value, "") for value in values])
        await book.close()
    assert len(receiver.answers()) >= 6
    for *_, key, value, headers in found:
        jws = orjson.loads(value)["data"]["jws"].split(".")[1]
        plain = base64.urlsafe_b64decode(jws + "==").decode()
        assert tokens(f"{key!r} {value!r} {plain} {headers!r}") & known == set()
    assert tokens("\n".join(heard)) & known == set()
    assert exported.tokens & known == set()
