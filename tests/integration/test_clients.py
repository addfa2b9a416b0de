"""Consumers in Python, Java and Node on one topic: the same events, each signature."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import uuid
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import orjson
import pytest
from consumers import Heard, MissingError, commands, heard, told
from entries import AT, SEALING, UNIT, ledger_over, prepare
from happenings import annotating, due, happen
from kafka import KafkaProducer
from receiving import decision, entry, of_person
from reconciled import ASKER, RECEIVER, Way
from topic_reader import read

from zhitong.connectors import key_ring
from zhitong.connectors.annotations import Told
from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.key_ring import Because
from zhitong.connectors.ledger import PlatformLedger
from zhitong.connectors.reconciliation import Reconciliations
from zhitong.connectors.signers import ECDSA, SM2, FileSigner, file_signer, generate
from zhitong.decisions import (
    Answer,
    Change,
    Decision,
    Entry,
    Event,
    Receipt,
    Signing,
    event_id,
)
from zhitong.infra.bureau_signing import sign
from zhitong.infra.platform_keys import platform_keys
from zhitong.infra.receipts import compact
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings, from_environment
from zhitong.infra.stating import state
from zhitong.rules.statements import content, stated
from zhitong.streams.access_lists import apply_grants, set_users
from zhitong.streams.cloud_events import RECEIPT_TYPE, parse_receipt
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.grants import users
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.keys import ReceiverKeys, verify_receipt
from zhitong.streams.names import user
from zhitong.streams.receivers import Receivers
from zhitong.streams.stated import ANSWER, JWS, STATEMENT, read_answer
from zhitong.streams.topics import ensure_topics
from zhitong.types import Inquiry, Occasion

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
Line = Mapping[str, Any]
Programs = Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def programs() -> Programs:
    # The cache of the clone, wherever a test has its state.
    settings = from_environment(
        {"ZHITONG_CACHE": str(ROOT / ".zhitong" / "cache"), **os.environ}
    )
    try:
        return commands(settings.cache)
    except MissingError as error:
        pytest.skip(str(error))


@dataclass(kw_only=True)
class City:
    """A ledger and a relay on one side, a receiver's topics on the other."""

    way: Way
    config: Receivers
    keys: ReceiverKeys
    reader: Access
    """The receiver's own account, with the grants it has in a city."""
    folder: Path

    async def enrol(self, algorithm: str) -> FileSigner:
        """Register a key of the bureau's; receivers are given it as well."""
        signer = file_signer(generate(algorithm))
        folder = self.folder / "bureaus"
        folder.mkdir(exist_ok=True)
        name = f"{UNIT}.{signer.key_id}.pem"
        (folder / name).write_text(pem(PUBLIC, signer.spki), "ascii")
        connection = await asyncpg.connect(self.way.url)
        because = Because(who="me", reason="公函")
        await key_ring.register(
            connection, key_ring.BUREAU, signer.spki, AT, because, unit=UNIT
        )
        await connection.close()
        return signer

    async def record(
        self,
        said: Decision,
        version: int = 1,
        change: Change = Change.RECORDED,
        by: FileSigner | None = None,
    ) -> bytes:
        """Commit a version of *said* to the ledger, signed; give its event."""
        at = AT + timedelta(minutes=version)
        made = entry(said, version, change, at=at, basis="安全生产法")
        async with ledger_over(self.way.url, size=2) as (_, pool):
            ledger = PlatformLedger(pool, SEALING, 30, "anze")
            if by is not None:
                given = Signing(**sign(by, variables(made)))
                held = await ledger.signed(made, given, stated(said))
                assert held.state == "HOLDS"
                made = msgspec.structs.replace(made, signature=held)
            event = self._event(made)
            look = Inquiry(
                principal=ASKER,
                occasion=Occasion(),
                id=f"{event.event_id}/{RECEIVER}",
                at=at,
            )
            look.answer_digest = hashlib.sha256(event.payload).digest()
            look.answer_size = len(event.payload)
            made = msgspec.structs.replace(made, events=(event,), looks=(look,))
            await ledger.commit(made)
        return event.payload

    def _event(self, made: Entry) -> Event:
        envelopes = ReceiverEnvelopes(
            self.config, {one.name: self.keys.public for one in self.config.receivers}
        )
        (event,) = envelopes.events([whole(made, RECEIVER)], follows_history=False)
        return event

    def put(self, topic: str, *values: bytes | None) -> None:
        """Put *values* on a topic, past the platform; None is a tombstone."""
        producer = KafkaProducer(**self.way.broker.configs)
        for value in values:
            producer.send(topic, value, key=b"0" * 16, partition=0)
        producer.close()

    async def state(self) -> None:
        """Send, reconcile, and state to the receiver what it was sent."""
        await self.way.send()
        await self.way.reconcile()
        book = Reconciliations(self.way.url)
        sender = KafkaSender(lambda: self.way.broker, 10.0)
        since = datetime.now(UTC) - timedelta(days=90)
        keys = Settings(state=self.folder).evidence
        try:
            await state(book, sender, self.config, keys, since, whole=True)
        finally:
            sender.close()
            await book.close()

    async def read(self, programs: Programs) -> Mapping[str, Heard]:
        """Let each of the programs read both topics to their ends, and answer."""
        platform, password = self.folder / "platform", self.folder / "password"
        platform.mkdir()
        for name, text in platform_keys(Settings(state=self.folder)).items():
            (platform / f"{name}.pem").write_text(text, "ascii")
        password.write_text(self.reader.password, "utf-8")
        self.keys.save(self.folder / "private.json")
        words = [
            *told(self.reader, password),
            *("--group", f"{self.reader.user}.trial"),
            *("--tenant", self.config.tenant, "--topic", self.way.topic),
            *("--statements", self.config.recon(RECEIVER)),
            *("--answer", self.config.receipts),
            *("--keys", str(self.folder / "private.json")),
            *("--bureaus", str(self.folder / "bureaus")),
            *("--platform", str(platform)),
            *("--schemas", str(ROOT / "streams" / "schemas")),
        ]
        return {
            name: await asyncio.to_thread(heard, command, words)
            for name, command in programs.items()
        }

    def receipts(self) -> Sequence[Receipt]:
        """Give the receipts on their topic, each verified by the platform's code."""
        values = [value for *_, value, _ in read(self.way.broker, self.config.receipts)]
        kinds = {orjson.loads(value)["type"] for value in values}
        assert kinds <= {RECEIPT_TYPE, ANSWER}
        return [
            verify_receipt(parse_receipt(value).jws, self.keys.public)
            for value in values
            if RECEIPT_TYPE.encode() in value
        ]

    def answers(self) -> int:
        """Count the answers to what was stated, each verified."""
        values = [value for *_, value, _ in read(self.way.broker, self.config.receipts)]
        keys = {RECEIVER: self.keys.public}
        return len([read_answer(v, keys) for v in values if ANSWER.encode() in v])


def variables(made: Entry) -> dict[str, Any]:
    """Give what the bureau's mutation is sent with, of which it signs."""
    first = msgspec.structs.replace(made, change=Change.RECORDED)
    said = json.loads(content(first, "", stated(made.decision)))["decision"]
    if made.change is Change.CORRECTED:
        more = {"reason": made.reason, "version": made.version - 1, "decision": said}
        return {"correction": more}
    if made.change is Change.WITHDRAWN:
        more = {"reason": made.reason, "basis": made.basis}
        return {"withdrawal": more, "decision": said}
    return {"decision": said}


@pytest.fixture
async def city(broker: Access, database: str, tmp_path: Path) -> City:
    config = read_receivers(tenant=f"t{uuid.uuid4().hex[:12]}")
    await asyncio.to_thread(ensure_topics, broker, config.topics)
    topic = config.kafka[RECEIVER].topic
    passwords = {name: f"password of {name}" for name in users(config)}
    await asyncio.to_thread(set_users, broker, config.tenant, passwords)
    await asyncio.to_thread(apply_grants, broker, config)
    name = user(config.tenant, RECEIVER)
    await prepare(database)
    return City(
        way=Way(url=database, broker=broker, topic=topic),
        config=config,
        keys=ReceiverKeys.generate(RECEIVER),
        reader=replace(broker, user=name, password=passwords[name]),
        folder=tmp_path,
    )


def lines(said: Mapping[str, Heard], code: int) -> Sequence[Line]:
    """Give what all three say, which must be the same."""
    assert {one.complaint for one in said.values()} == {""}
    first, *others = said.values()
    for other in others:
        assert other.lines == first.lines
    assert {name: one.code for name, one in said.items()} == dict.fromkeys(said, code)
    return [json.loads(line) for line in first.lines]


def of(kind: str, found: Sequence[Line]) -> Sequence[Line]:
    return [line for line in found if line["kind"] == kind]


async def test_all_three_read_the_same_verify_every_signature_and_answer(
    city: City, programs: Programs
) -> None:
    es256, sm2 = await city.enrol(ECDSA), await city.enrol(SM2)
    withdrawn = decision("A-3", case_no="AZYJ-3")
    unsigned = of_person(
        local_id="A-2", case_no="AZYJ-2", document_no="（安）应急罚〔2026〕A-2号"
    )
    sent = [
        await city.record(decision(), by=es256),
        await city.record(decision(), 2, Change.CORRECTED, by=sm2),
        await city.record(unsigned),
        await city.record(withdrawn, by=sm2),
        await city.record(withdrawn, 2, Change.WITHDRAWN, by=es256),
    ]
    await happen(city.way.url, "REPAIRED", unsigned.id)
    async with ledger_over(city.way.url, size=2) as (_, pool):
        assert await due(pool).tell(annotating(city.config).of) == Told(events=1)
    # As after a relay's death: the same bytes twice change nothing.
    await asyncio.to_thread(city.put, city.way.topic, sent[0])
    await city.state()
    said = lines(await city.read(programs), 0)

    events = of("event", said)
    digests = [hashlib.sha256(each).hexdigest() for each in (*sent, sent[0])]
    assert Counter(one["digest"] for one in events) == Counter(digests)
    assert {(one["table"], one["version"], one["bureau"]) for one in events} == {
        ("cf_fr", 1, "HOLDS"),
        ("cf_fr", 2, "HOLDS"),
        ("cf_zrr", 1, "NONE"),
    }
    assert {(one["answer"], tuple(one["faults"])) for one in events} == {("HELD", ())}
    assert {
        event_id(withdrawn.id, 2, Change.WITHDRAWN),
        event_id(unsigned.id, 1, Change.RECORDED),
    } <= {uuid.UUID(one["id"]) for one in events}
    (repair,) = of("annotation", said)
    assert repair["decision"] == str(unsigned.id)
    assert (repair["happened"], repair["expected"]) == ("REPAIRED", "NOTE")
    assert (repair["answer"], repair["faults"]) == ("HELD", [])
    events = [*events, repair]
    windows = of("statement", said)
    assert {(one["signature"], one["agreement"]) for one in windows} == {
        ("HOLDS", "AGREES")
    }
    assert sum(one["records"] for one in windows) == len(events)

    given = Counter(
        (str(one.event_id), one.answer, one.payload_hash) for one in city.receipts()
    )
    mine = {(one["id"], Answer.HELD, one["digest"]) for one in events}
    # Java and Node say it twice of what came twice; Python once: both came together.
    assert given.keys() == mine
    assert all(count >= 3 for count in given.values())
    # The kit in Python answers statements too; the examples only verify them.
    assert city.answers() == len(windows)


async def test_each_of_them_names_what_is_forged(
    city: City, programs: Programs
) -> None:
    bureau, stranger = await city.enrol(ECDSA), file_signer(generate(ECDSA))
    true = json.loads(await city.record(decision(), by=bureau))

    def forged(number: int, statement: str, **row: object) -> bytes:
        said = true | {"subject": str(uuid.UUID(int=number))}
        name = uuid.uuid5(uuid.UUID(int=number), "1/RECORDED")
        data = {"table": "cf_fr", "row": true["data"]["row"] | row}
        said |= {"id": str(name), "statement": statement, "data": data}
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)

    mine = decision(local_id="forged")
    by_stranger = sign(stranger, variables(entry(mine)))["statement"]
    head, payload, signature = true["statement"].split(".")
    changed = f"{head}.{payload}.{signature[:-4]}AAAA"
    assert signature[-4:] != "AAAA"
    await asyncio.to_thread(
        city.put,
        city.way.topic,
        forged(1, true["statement"]),
        forged(2, changed),
        forged(3, by_stranger),
        forged(4, "no.jws"),
        forged(5, "", CF_NR_FK="20000", CF_MORE="x"),
        forged(6, "", CF_FR_ZJHM="eyJhbGciOiJub25lIn0.a.b.c.d"),
        b"no event",
        None,
    )
    await city.state()
    recon = city.config.recon(RECEIVER)
    (theirs,) = platform_keys(Settings(state=city.folder))
    stolen = orjson.dumps({"alg": "ES256", "kid": theirs, "typ": JWS})
    invented = compact(stranger, JWS, b'{"statement":"invented"}').decode()
    borrowed = urlsafe_b64encode(stolen).decode().rstrip("=")
    for jws in (invented, f"{borrowed}.{invented.partition('.')[2]}"):
        about = {"type": STATEMENT, "subject": str(uuid.uuid4()), "receiver": RECEIVER}
        event = orjson.dumps(about | {"data": {"jws": jws}})
        await asyncio.to_thread(city.put, recon, event)
    said = lines(await city.read(programs), 1)

    found = {one["decision"]: one for one in of("event", said)}
    verdicts = {
        number: found[str(uuid.UUID(int=number))]["bureau"] for number in range(1, 7)
    }
    assert verdicts == {
        1: "DIFFERS",
        2: "INVALID",
        3: "KEY_UNKNOWN",
        4: "MALFORMED",
        5: "NONE",
        6: "NONE",
    }
    # A column that no schema lists is ignored: the platform may add some.
    assert found[str(uuid.UUID(int=5))]["faults"] == ["CF_NR_FK"]
    assert found[str(uuid.UUID(int=6))]["faults"] == ["CF_FR_ZJHM"]
    assert {found[str(uuid.UUID(int=n))]["answer"] for n in (5, 6)} == {"REJECTED"}
    assert found[true["subject"]]["bureau"] == "HOLDS"
    assert len(of("unreadable", said)) == 2
    # None of them came from the platform, and it has signed that.
    assert {one["id"] for one in of("foreign", said)} == {
        found[str(uuid.UUID(int=number))]["id"] for number in range(1, 7)
    }
    states = Counter(one["signature"] for one in of("statement", said))
    assert (states["KEY_UNKNOWN"], states["INVALID"]) == (1, 1)
    assert {
        one["agreement"] for one in of("statement", said) if "agreement" in one
    } == {"AGREES"}
