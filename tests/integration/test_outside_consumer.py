"""A consumer in another language, written from docs/streams.md, on real topics."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from cloudevents.core.v1.event import CloudEvent
from kafka import KafkaProducer
from receiving import Site, decision, entry, of_person, site, until
from topic_reader import Kept, read

from zhitong.decisions import Answer, Change, Receipt
from zhitong.infra.broker_apache import Apache
from zhitong.streams.cloud_events import parse_receipt
from zhitong.streams.kafka_client import Access
from zhitong.streams.keys import verify_receipt
from zhitong.streams.receipts import ReceiptDesk, ReceiptReader

pytestmark = pytest.mark.integration
SCRIPT = Path(__file__).parents[1] / "contract" / "outside_consumer.mjs"
PAGE = Path(__file__).parents[2] / "docs" / "streams.md"
ASYNCAPI = Path(__file__).parents[2] / "docs" / "asyncapi.json"
NUMBER = "11010519491231002X"
WITH_CHARSET = b"application/cloudevents+json; charset=UTF-8"


@pytest.fixture
async def credit(broker: Access, database: str) -> AsyncIterator[Site]:
    async with site("credit", broker, database) as made:
        yield made


class Book:
    """Keeps what the desk files."""

    def __init__(self) -> None:
        self.filed: list[Receipt] = []
        self.strays: list[str] = []

    async def file(self, receipts: Sequence[Receipt]) -> None:
        self.filed += receipts

    async def stray(self, receiver: str, raw: bytes, why: str) -> None:
        self.strays.append(f"{receiver} {len(raw)} {why}")


async def outside(
    receiver: Site, folder: Path, events: Sequence[bytes], receipts: Sequence[bytes]
) -> dict[str, Any]:
    """Let the program in another language read *events* and *receipts*."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node")
    keys, *files = folder / "private.json", folder / "events", folder / "receipts"
    receiver.keys.save(keys)
    for file, values in zip(files, (events, receipts), strict=True):
        # As Kafka's console consumer prints them.
        file.write_bytes(b"".join(value + b"\n" for value in values))
    process = await asyncio.create_subprocess_exec(
        node, str(SCRIPT), str(keys), *map(str, files), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    said: dict[str, Any] = json.loads(printed)
    return said


def values(receiver: Site, topic: str) -> list[bytes]:
    return [value for *_, value, _ in read(receiver.broker, topic)]


async def test_it_opens_numbers_verifies_our_receipts_and_hashes_the_same_bytes(
    credit: Site, tmp_path: Path
) -> None:
    sent = credit.outgoing(entry(of_person()))
    await credit.send(sent)
    async with credit.consuming():
        await credit.answered(1)
    events, receipts = (
        values(credit, topic) for topic in (credit.topic, credit.receipts)
    )
    assert NUMBER.encode() not in events[0]
    said = await outside(credit, tmp_path, events, receipts)
    held = said["held"][str(of_person().id)]
    assert (held["table"], held["version"]) == ("cf_zrr", 1)
    assert (held["row"]["CF_XDR_MC"], held["row"]["CF_XDR_ZJHM"]) == ("李四", NUMBER)
    (theirs,) = said["theirs"]
    assert theirs["answer"] == "HELD"
    assert theirs["event_id"] == str(sent.event_id)
    assert theirs["payload_hash"] == said["hashes"][0] == sha256(events[0]).hexdigest()


async def test_its_receipts_are_filed_with_a_charset_in_their_header_and_without(
    credit: Site, tmp_path: Path
) -> None:
    first, second = entry(decision()), entry(decision(), 2, Change.CORRECTED)
    history = entry(decision("A-2"), 3, Change.WITHDRAWN)
    sent = [
        credit.outgoing(second),
        credit.outgoing(first),
        credit.outgoing(first),
        credit.outgoing(history, follows_history=True),
    ]
    said = await outside(credit, tmp_path, [each.payload for each in sent], [])
    given = said["given"]
    answers = [
        verify_receipt(one["value"]["data"]["jws"], credit.keys.public) for one in given
    ]
    assert [(each.event_id, each.answer) for each in answers] == [
        (sent[0].event_id, Answer.WAITING),
        (sent[1].event_id, Answer.HELD),
        (sent[0].event_id, Answer.HELD),
        (sent[1].event_id, Answer.HELD),
        (sent[3].event_id, Answer.HELD),
    ]
    assert answers[0].reasons == ("waits for version 1",)
    assert [one["key"] for one in given[:4]] == [sent[0].key] * 4
    assert [one["partition"] for one in given[:4]] == [sent[0].bucket % 12] * 4

    producer = KafkaProducer(**credit.broker.configs)
    media = [WITH_CHARSET, b"application/cloudevents+json"]
    for number, one in enumerate(given):
        producer.send(
            credit.receipts,
            value=json.dumps(one["value"]).encode(),
            key=one["key"].encode(),
            partition=one["partition"],
            headers=[("content-type", media[number % 2])],
        )
    producer.close()
    book = Book()
    desk = ReceiptDesk(book, lambda: {"credit": credit.keys.public})
    reader = ReceiptReader(desk, lambda: credit.broker, credit.receipts, credit.group)
    reading = asyncio.create_task(reader.run())

    async def filed() -> bool:
        return len({(one.event_id, one.answer) for one in book.filed}) == 4

    await until(filed)
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading
    assert book.strays == []
    ids = [one["value"]["id"] for one in given]
    assert ids[1] == ids[3]
    assert len(set(ids)) == 4


async def test_a_receipt_of_theirs_has_the_id_ours_has(
    credit: Site, tmp_path: Path
) -> None:
    sent = credit.outgoing(entry(decision()))
    await credit.send(sent)
    async with credit.consuming():
        await credit.answered(1)
    (ours,) = values(credit, credit.receipts)
    said = await outside(credit, tmp_path, [sent.payload], [])
    (theirs,) = said["given"]
    shared = ("id", "source", "subject", "type", "dataschema", "receiver")
    assert {name: theirs["value"][name] for name in shared} == {
        name: json.loads(ours)[name] for name in shared
    }
    assert parse_receipt(ours).event_id == sent.event_id


async def test_the_header_on_the_topics_is_the_one_asyncapi_states(
    credit: Site,
) -> None:
    await credit.send(credit.outgoing(entry(decision())))
    async with credit.consuming():
        await credit.answered(1)
    messages = json.loads(ASYNCAPI.read_text("utf-8"))["components"]["messages"]
    stated = messages["credit.cf_fr.1"]["headers"]["properties"]["content-type"]
    kept = [*read(credit.broker, credit.topic), *read(credit.broker, credit.receipts)]
    assert [dict(headers)["content-type"] for *_, headers in kept] == [
        stated["const"].encode()
    ] * 2
    pattern = messages["receipt"]["headers"]["properties"]["content-type"]["pattern"]
    assert pattern == r"^application/cloudevents\+json(; *charset=[Uu][Tt][Ff]-8)?$"


async def test_an_event_whose_header_has_a_charset_is_read_and_held_like_another(
    credit: Site,
) -> None:
    sent = credit.outgoing(entry(decision()))
    producer = KafkaProducer(**credit.broker.configs)
    producer.send(credit.topic, sent.payload, headers=[("content-type", WITH_CHARSET)])
    producer.close()
    async with credit.consuming():
        await credit.answered(1)
    (answer,) = credit.answers()
    assert (answer.event_id, answer.answer) == (sent.event_id, Answer.HELD)
    (kept,) = read(credit.broker, credit.topic)
    assert understood(kept).get_id() == str(sent.event_id)


async def test_the_command_of_the_page_prints_headers_key_and_value(
    credit: Site, kafka_program: Apache, tmp_path: Path
) -> None:
    sent = credit.outgoing(entry(decision()))
    await credit.send(sent)
    # The page's command stands in a folder with the state and the fetched files.
    port = tmp_path / ".zhitong" / "state" / "port" / "kafka-1"
    port.parent.mkdir(parents=True)
    port.write_text(credit.broker.address.rpartition(":")[2], "utf-8")
    users = tmp_path / ".zhitong" / "state" / "kafka" / "users"
    users.mkdir(parents=True)
    (users / "zhitong.anze.credit.properties").write_text(credit.broker.properties)
    cache = tmp_path / ".zhitong" / "cache"
    cache.mkdir()
    (cache / "kafka").symlink_to(kafka_program.jars[0].parent.resolve())
    page = PAGE.read_text("utf-8")
    (command,) = re.findall(r"```sh\n(java .*?)\n```", page, re.DOTALL)
    command = command.replace("zhitong.anze.credit.v1", credit.topic)
    child = await asyncio.create_subprocess_shell(
        f"{command} --max-messages 1",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": f"{kafka_program.java.parent}:{os.defpath}", "LC_ALL": "C.UTF-8"},
        cwd=tmp_path,
    )
    printed, _ = await child.communicate()
    headers, key, value = printed.removesuffix(b"\n").split(b"\t")
    assert b"content-type:application/cloudevents+json" in headers.split(b",")
    assert key.decode() == sent.key
    assert value == sent.payload


def understood(kept: Kept) -> CloudEvent:
    """Read with the reader of the CloudEvents project."""
    _, _, key, value, headers = kept
    event = from_kafka_event(KafkaMessage(headers=dict(headers), key=key, value=value))
    assert isinstance(event, CloudEvent)
    return event
