"""What is on the topics, read by programs that are not ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from cloudevents.core.v1.event import CloudEvent
from receiving import CONFIG, Site, decision, entry, of_person, site
from topic_reader import read

from zhitong.decisions import Change
from zhitong.infra.broker_apache import Apache
from zhitong.streams.kafka_client import Access


@pytest.fixture
async def credit(broker: Access, database: str) -> AsyncIterator[Site]:
    async with site("credit", broker, database) as made:
        yield made


def understood(receiver: Site, topic: str) -> list[CloudEvent]:
    found = [
        from_kafka_event(KafkaMessage(headers=dict(headers), key=key, value=value))
        for _, _, key, value, headers in read(receiver.broker, topic)
    ]
    assert all(isinstance(each, CloudEvent) for each in found)
    return [each for each in found if isinstance(each, CloudEvent)]


async def test_the_reader_of_the_cloudevents_project_understands_an_event(
    credit: Site,
) -> None:
    sent = credit.outgoing(entry(of_person()))
    await credit.send(sent)
    (event,) = understood(credit, credit.topic)
    said = of_person()
    assert event.get_id() == str(sent.event_id)
    assert event.get_type() == "cn.zhitong.decision.recorded.v1"
    assert event.get_source() == f"/zhitong/anze/{CONFIG.division}/credit"
    assert event.get_subject() == str(said.id)
    assert event.get_time() == datetime.fromisoformat("2026-11-22T09:30:00+08:00")
    assert event.get_datacontenttype() == "application/json"
    assert event.get_dataschema() == "urn:zhitong:schema:credit:cf_zrr:1"
    assert event.get_extension("receiver") == "credit"
    assert event.get_extension("decisionversion") == 1
    assert event.get_extension("partitionkey") == sent.key
    assert event.get_extension("followshistory") is False
    data = event.get_data()
    assert isinstance(data, dict)
    assert data["table"] == "cf_zrr"
    assert data["row"]["CF_XDR_MC"] == "李四"
    assert "11010519491231002X" not in json.dumps(data)


async def test_it_understands_a_withdrawal_and_the_receipts(credit: Site) -> None:
    sent = [
        credit.outgoing(entry(decision())),
        credit.outgoing(entry(decision(), 2, Change.WITHDRAWN)),
    ]
    await credit.send(*sent)
    async with credit.consuming():
        await credit.answered(2)
    types = [event.get_type() for event in understood(credit, credit.topic)]
    assert types == [
        "cn.zhitong.decision.recorded.v1",
        "cn.zhitong.decision.withdrawn.v1",
    ]
    receipts = understood(credit, credit.receipts)
    assert {event.get_type() for event in receipts} == {"cn.zhitong.receipt.v1"}
    assert [event.get_subject() for event in receipts] == [
        str(event.event_id) for event in sent
    ]


async def test_kafkas_own_console_consumer_prints_an_event(
    credit: Site, kafka_program: Apache, tmp_path: Path
) -> None:
    sent = credit.outgoing(entry(decision()))
    await credit.send(sent)
    (tmp_path / "login").write_text(credit.broker.properties, "utf-8")
    child = await asyncio.create_subprocess_exec(
        str(kafka_program.java),
        "-XX:-UsePerfData",
        f"-Djava.io.tmpdir={tmp_path}",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        "-Dfile.encoding=UTF-8",
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        "--bootstrap-server",
        credit.broker.address,
        "--consumer.config",
        str(tmp_path / "login"),
        "--topic",
        credit.topic,
        "--from-beginning",
        "--max-messages",
        "1",
        "--timeout-ms",
        "60000",
        "--property",
        "print.headers=true",
        "--property",
        "print.key=true",
        stdout=asyncio.subprocess.PIPE,
        env=dict(kafka_program.environment()),
        cwd=tmp_path,
    )
    printed, _ = await child.communicate()
    assert child.returncode == 0
    headers, key, value = printed.decode().rstrip("\n").split("\t")
    assert "content-type:application/cloudevents+json" in headers.split(",")
    assert key == sent.key
    assert value.encode() == sent.payload
    assert json.loads(value)["data"]["row"]["CF_XDR_MC"] == "安泽市某某化工有限公司"
