from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from msgspec.structs import replace

from zhitong.decisions import Answer, Change, Receipt, event_id
from zhitong.exceptions import EventPoisonError, ReceiptInvalidError
from zhitong.streams.cloud_events import (
    DecisionEvent,
    ReceiptEvent,
    parse,
    parse_receipt,
    write,
    write_receipt,
)

DECISION = UUID("6f2c4f0e-5a53-4f0e-9d7c-2b8d3e619900")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EVENT = DecisionEvent(
    receiver="credit",
    decision_id=DECISION,
    version=2,
    change=Change.WITHDRAWN,
    follows_history=True,
    source="/zhitong/anze/619900/credit",
    time=datetime(2026, 11, 22, 1, 30, 5, 123456, tzinfo=UTC),
    key="00f0a1b2c3d4e5f6",
    schema="urn:zhitong:schema:credit:cf_fr:1",
    table="cf_fr",
    row={"CF_WSH": "安应急罚〔2026〕3号", "CF_NR_FK": "2.000000"},
    traceparent=TRACE,
)


def test_an_event_is_a_cloud_event_with_its_time_in_shanghai() -> None:
    assert orjson.loads(write(EVENT)) == {
        "specversion": "1.0",
        "id": str(event_id(DECISION, 2, Change.WITHDRAWN)),
        "source": "/zhitong/anze/619900/credit",
        "type": "cn.zhitong.decision.withdrawn.v1",
        "subject": str(DECISION),
        "time": "2026-11-22T09:30:05.123456+08:00",
        "datacontenttype": "application/json",
        "dataschema": "urn:zhitong:schema:credit:cf_fr:1",
        "receiver": "credit",
        "decisionversion": 2,
        "partitionkey": "00f0a1b2c3d4e5f6",
        "followshistory": True,
        "traceparent": TRACE,
        "data": {
            "table": "cf_fr",
            "row": {"CF_WSH": "安应急罚〔2026〕3号", "CF_NR_FK": "2.000000"},
        },
    }


def test_names_of_attributes_are_such_as_cloud_events_allow() -> None:
    for name in orjson.loads(write(EVENT)):
        assert name.isascii()
        assert name.isalnum()
        assert name == name.lower()
        assert len(name) <= 20


def test_what_was_written_is_read_and_written_alike() -> None:
    value = write(EVENT)
    assert parse(value) == EVENT
    assert write(parse(value)) == value


def test_without_a_trace_there_is_no_attribute_for_it() -> None:
    untraced = replace(EVENT, traceparent="")
    assert "traceparent" not in orjson.loads(write(untraced))
    assert parse(write(untraced)) == untraced


def test_an_extension_attribute_of_later_times_does_not_stop_a_reader() -> None:
    later = orjson.loads(write(EVENT)) | {"sampledrate": 3}
    assert parse(orjson.dumps(later)) == EVENT


@pytest.mark.parametrize(
    ("change", "place"),
    [
        pytest.param({"specversion": "0.3"}, "specversion", id="an older CloudEvent"),
        pytest.param({"id": str(DECISION)}, "id", id="an id of something else"),
        pytest.param({"decisionversion": 3}, "id", id="another version's id"),
        pytest.param(
            {"type": "cn.zhitong.decision.recorded.v1"}, "id", id="another change's id"
        ),
        pytest.param({"type": "cn.zhitong.receipt.v1"}, "type", id="a receipt"),
        pytest.param({"subject": "some-word"}, "subject", id="no decision's id"),
        pytest.param({"time": "2026-11-22T09:30:05"}, "time", id="a time of nowhere"),
        pytest.param({"time": None}, "time", id="no time"),
        pytest.param({"decisionversion": 0}, "decisionversion", id="no version"),
        pytest.param({"decisionversion": "2"}, "decisionversion", id="text for number"),
        pytest.param({"partitionkey": "案号12"}, "partitionkey", id="a case's number"),
        pytest.param({"followshistory": 1}, "followshistory", id="number for boolean"),
        pytest.param({"receiver": ""}, "receiver", id="nobody"),
        pytest.param({"datacontenttype": "text/xml"}, "datacontenttype", id="XML"),
        pytest.param({"data": []}, "data", id="a list"),
        pytest.param({"data": {"table": "cf_fr"}}, "data", id="no row"),
        pytest.param({"data": {"table": "t", "row": {}, "x": 1}}, "data", id="more"),
    ],
)
def test_what_is_not_of_the_form_is_poison_and_the_place_is_named(
    change: dict[str, object], place: str
) -> None:
    with pytest.raises(EventPoisonError) as caught:
        parse(orjson.dumps(orjson.loads(write(EVENT)) | change))
    assert place in caught.value.label.en


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="an empty object"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"data":' * 100_000, id="deep in a name"),
        pytest.param(b'{"data":' + b"9" * 100_000, id="a long number"),
    ],
)
def test_nonsense_is_poison_and_no_receipt(value: bytes) -> None:
    with pytest.raises(EventPoisonError):
        parse(value)
    with pytest.raises(ReceiptInvalidError):
        parse_receipt(value)


def test_a_fault_never_repeats_the_content() -> None:
    value = orjson.dumps(orjson.loads(write(EVENT)) | {"partitionkey": "张三的案子"})
    with pytest.raises(EventPoisonError) as caught:
        parse(value)
    assert "张三" not in str(caught.value)
    assert caught.value.__suppress_context__


RECEIPT = Receipt(
    event_id=EVENT.event_id,
    receiver="credit",
    answer=Answer.HELD,
    at=datetime(2026, 11, 22, 1, 30, 6, tzinfo=UTC),
    payload_hash="ab" * 32,
    signed="aaa.bbb.ccc",
)


def test_a_receipt_travels_as_a_cloud_event_about_the_event() -> None:
    value = write_receipt(RECEIPT, "anze", traceparent=TRACE)
    said = orjson.loads(value)
    assert said["type"] == "cn.zhitong.receipt.v1"
    assert said["source"] == "/zhitong/anze/receivers/credit"
    assert said["subject"] == str(EVENT.event_id)
    assert said["time"] == "2026-11-22T09:30:06+08:00"
    assert said["data"] == {"jws": "aaa.bbb.ccc"}
    assert parse_receipt(value) == ReceiptEvent(
        receiver="credit",
        event_id=EVENT.event_id,
        jws="aaa.bbb.ccc",
        traceparent=TRACE,
    )


def test_the_same_answer_has_the_same_id_and_another_answer_another() -> None:
    waiting = replace(RECEIPT, answer=Answer.WAITING)
    ids = [orjson.loads(write_receipt(one, "anze"))["id"] for one in (RECEIPT, waiting)]
    assert ids[0] == orjson.loads(write_receipt(RECEIPT, "anze"))["id"]
    assert ids[0] != ids[1]


def test_an_event_is_no_receipt_and_a_receipt_no_event() -> None:
    with pytest.raises(ReceiptInvalidError):
        parse_receipt(write(EVENT))
    with pytest.raises(EventPoisonError):
        parse(write_receipt(RECEIPT, "anze"))
