"""What waits for a receiver that is reached otherwise by now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from outgoing import TOPICS, outgoing

from zhitong.decisions import Ack
from zhitong.streams.addressed import Addressed
from zhitong.streams.channels import FileChannel, KafkaChannel
from zhitong.streams.file_drop import FileSender
from zhitong.streams.memory_broker import MemoryBroker, MemoryProducer
from zhitong.streams.producer import Fault, Unsent

OLD = "https://credit.example/take"
TOPIC, FORMER = TOPICS["credit"], "zhitong.anze.credit.v0"
KAFKA = KafkaChannel(TOPIC, ("zhitong.anze.credit",), 12)


def places(answers: Sequence[Ack | Fault | Unsent]) -> list[str]:
    assert all(isinstance(each, Ack) for each in answers), answers
    return [each.place for each in answers if isinstance(each, Ack)]


def test_what_was_recorded_for_an_address_goes_to_the_folder_and_says_so(
    tmp_path: Path,
) -> None:
    channel = FileChannel(folder=str(tmp_path))
    sender = Addressed(FileSender("credit", channel), channel)
    # One case: recorded for the old channel, for a topic, and for this one.
    events = [
        outgoing(1, "one", "credit", topic=OLD),
        outgoing(2, "one", "credit"),
        outgoing(3, "one", "credit", topic=channel.place),
    ]
    assert places(sender.send_batch(events)) == [channel.place, channel.place, ""]
    sender.close()
    (path,) = tmp_path.glob("*.manifest.json")
    said = json.loads(path.read_text("utf-8"))
    assert said["events"] == [str(each.event_id) for each in events]


def test_what_was_recorded_for_an_address_goes_to_the_topic() -> None:
    broker = MemoryBroker({TOPIC: 12, FORMER: 12})
    sender = Addressed(MemoryProducer(broker), KAFKA)
    events = [
        outgoing(1, receiver="credit", topic=OLD),
        outgoing(2, receiver="credit", topic=FORMER),
        outgoing(3, receiver="credit"),
    ]
    # Of another topic its readers are there still.
    assert places(sender.send_batch(events)) == [TOPIC, "", ""]
    found = {topic: len(messages) for topic, messages in broker.messages.items()}
    assert found == {TOPIC: 2, FORMER: 1}


def test_a_fault_stays_a_fault() -> None:
    sender = Addressed(MemoryProducer(MemoryBroker({})), KAFKA)
    (answer,) = sender.send_batch([outgoing(1, receiver="credit", topic=OLD)])
    assert isinstance(answer, Fault)
    assert answer.seq == 1
