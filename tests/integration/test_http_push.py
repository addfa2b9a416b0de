"""Signed HTTP push against a real server: what is taken, and whose fault is whose."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from outgoing import event_uuid, outgoing
from pushed import SECRET, Pushed, Server, ok, page, said, serving, status
from starlette.responses import JSONResponse, Response, StreamingResponse

from zhitong.connectors.memory_outbox import MemoryOutbox
from zhitong.decisions import Ack, Answer
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra.broker_authority import authorities, certificate, certify
from zhitong.streams.channels import HttpChannel
from zhitong.streams.http_push import LARGEST_REPLY, HttpSender
from zhitong.streams.http_signature import base
from zhitong.streams.memory_broker import MemoryBroker, MemoryProducer
from zhitong.streams.producer import Fault, Unsent
from zhitong.streams.relay import Relay

PLACE = "https://credit.example/take"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def codes(answers: Sequence[Ack | Fault | Unsent]) -> list[str]:
    return [
        each.error.code if isinstance(each, Fault) else type(each).__name__
        for each in answers
    ]


def sent(server: Server, count: int = 1, **more: object) -> list[str]:
    sender = server.sender(**more)
    events = [outgoing(seq, topic=PLACE) for seq in range(1, count + 1)]
    answers = sender.send_batch(events)
    sender.close()
    return codes(answers)


def test_the_signature_base_is_that_of_the_standards_example() -> None:
    # RFC 9421, B.2.5: what is signed with HMAC there.
    covered = {
        "date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "@authority": "example.com",
        "content-type": "application/json",
    }
    params = (
        '("date" "@authority" "content-type");created=1618884473'
        ';keyid="test-shared-secret"'
    )
    assert base(covered, params) == (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
        '"@authority": example.com\n'
        '"content-type": application/json\n'
        '"@signature-params": ("date" "@authority" "content-type")'
        ';created=1618884473;keyid="test-shared-secret"'
    )


def test_a_push_is_signed_twice_and_its_body_covered(server: Server) -> None:
    sender = server.sender()
    event = outgoing(1, topic=PLACE, traceparent="00-" + "a" * 32 + "-" + "b" * 16)
    (answer,) = sender.send_batch([event])
    sender.close()
    assert isinstance(answer, Ack)
    assert server.unsigned == []
    (call,) = server.calls
    assert (call.event, call.body) == (str(event_uuid(1)), b"1")
    assert call.headers["content-type"] == "application/cloudevents+json"
    assert call.headers["traceparent"] == event.traceparent
    # Where the receiver's own log has the call: its day and millisecond.
    called = datetime.fromtimestamp(
        int(call.headers["gjgxjhpt_rtime"]) / 1_000, timezone(timedelta(hours=8))
    )
    midnight = called.replace(hour=0, minute=0, second=0, microsecond=0)
    assert answer.partition == int(f"{called:%Y%m%d}")
    assert answer.offset == round((called - midnight).total_seconds() * 1_000)


def test_a_case_keeps_its_order_and_others_go_side_by_side(server: Server) -> None:
    def slow(call: Pushed) -> Response:
        time.sleep(0.02)
        return ok(call)

    server.reply = slow
    sender = server.sender(at_once=4)
    events = [outgoing(seq, f"case {seq % 6}", topic=PLACE) for seq in range(1, 31)]
    answers = sender.send_batch(events)
    sender.close()
    assert codes(answers) == ["Ack"] * 30
    assert 1 < server.most <= 4
    for case in range(6):
        mine = [int(body) for body in server.bodies if int(body) % 6 == case]
        assert mine == sorted(mine)
        assert len(mine) == 5


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        pytest.param(page, "RECEIVER_ANSWER", id="an error page with 200"),
        pytest.param(said(code=300), "RECEIVER_ANSWER", id="300 failed"),
        pytest.param(
            lambda _: JSONResponse({"ok": True}), "RECEIVER_ANSWER", id="no code"
        ),
        pytest.param(lambda _: Response(b""), "RECEIVER_ANSWER", id="nothing"),
        pytest.param(status(500), "RECEIVER_ANSWER", id="500"),
        pytest.param(status(409), "RECEIVER_ANSWER", id="409"),
        pytest.param(
            said(data={"event_id": str(event_uuid(99))}),
            "RECEIVER_ANSWER",
            id="taken is another",
        ),
        pytest.param(status(503), "RECEIVER_UNAVAILABLE", id="503"),
        pytest.param(status(401), "RECEIVER_UNAVAILABLE", id="401"),
        pytest.param(
            status(302, location="http://127.0.0.1:1/"),
            "RECEIVER_UNAVAILABLE",
            id="elsewhere",
        ),
        pytest.param(status(400), "EVENT_POISON", id="400"),
        pytest.param(status(422), "EVENT_POISON", id="422"),
    ],
)
def test_what_acknowledges_nothing_has_taken_nothing(
    server: Server, reply: object, code: str
) -> None:
    server.reply = reply  # type: ignore[assignment]
    assert sent(server) == [code]


@pytest.mark.parametrize(
    "data", [None, 7, [], {}, {"text": None, "code": None, "id": 5}]
)
def test_what_their_interface_gives_beside_is_no_answer(
    server: Server, data: object
) -> None:
    server.reply = said(data=data)
    assert sent(server) == ["Ack"]
    assert server.filed == []


def test_a_code_that_the_file_names_refuses_the_event_alone(server: Server) -> None:
    server.reply = said(code="res-1002")
    assert sent(server, refused=("res-1002",)) == ["EVENT_POISON"]


def test_a_doubtful_answer_is_the_events_where_later_ones_are_taken(
    server: Server,
) -> None:
    def one_page(call: Pushed) -> Response:
        return page(call) if call.body == b"1" else ok(call)

    server.reply = one_page
    assert sent(server, 3, at_once=1) == ["EVENT_POISON", "Ack", "Ack"]
    server.reply = page
    assert sent(server, 3, at_once=1) == ["RECEIVER_ANSWER"] * 3


def test_many_refused_and_none_taken_is_not_for_their_own_sake(server: Server) -> None:
    server.reply = status(400)
    assert set(sent(server, 11)) == {"RECEIVER_ANSWER"}


def test_however_many_stand_in_front_the_others_are_sent(server: Server) -> None:
    server.reply = lambda call: page(call) if int(call.body) <= 7 else ok(call)
    found = sent(server, 9, at_once=1)
    assert found == ["EVENT_POISON"] * 7 + ["Ack"] * 2


def test_a_page_of_maintenance_is_not_fetched_for_every_event(server: Server) -> None:
    server.reply = page
    sender = server.sender(at_once=2)
    events = [outgoing(seq, topic=PLACE) for seq in range(1, 301)]
    answers = codes(sender.send_batch(events))
    asked = len(server.calls)
    assert 100 <= asked <= 102
    assert Counter(answers) == {"RECEIVER_ANSWER": asked, "Unsent": 300 - asked}
    # Next time it begins with others: were those in front to blame, nothing would move.
    server.reply = ok
    sender.send_batch(events)
    sender.close()
    assert int(server.bodies[asked]) > 100


def test_behind_a_fault_nothing_of_its_case_is_sent(server: Server) -> None:
    server.reply = lambda call: status(422)(call) if call.body == b"2" else ok(call)
    sender = server.sender()
    case = [outgoing(seq, "one", topic=PLACE) for seq in (1, 2, 3)]
    answers = sender.send_batch([*case, outgoing(4, topic=PLACE)])
    sender.close()
    assert codes(answers) == ["Ack", "EVENT_POISON", "BROKER_UNAVAILABLE", "Ack"]
    assert b"3" not in server.bodies


def test_a_short_fault_is_tried_again_under_the_same_key(server: Server) -> None:
    server.reply = lambda call: ok(call) if call.same else status(502)(call)
    assert sent(server) == ["Ack"]
    assert [call.event for call in server.calls] == [str(event_uuid(1))] * 2


def test_how_long_it_asks_to_be_left_alone_is_given_on(server: Server) -> None:
    server.reply = status(429, **{"retry-after": "77"})
    sender = server.sender()
    (answer,) = sender.send_batch([outgoing(1, topic=PLACE)])
    sender.close()
    assert isinstance(answer, Fault)
    assert (answer.error.code, answer.rest) == ("RECEIVER_UNAVAILABLE", 77.0)
    assert len(server.calls) == 1


def test_behind_five_faults_the_breaker_leaves_it_alone(server: Server) -> None:
    server.reply = status(503)
    assert set(sent(server, 60, at_once=2)) == {"RECEIVER_UNAVAILABLE"}
    assert len(server.calls) < 10


def test_what_a_slow_receiver_was_not_asked_comes_with_a_later_batch(
    server: Server,
) -> None:
    def slowly(call: Pushed) -> Response:
        time.sleep(0.3)
        return ok(call)

    server.reply = slowly
    channel = HttpChannel(url=server.url, requester="anze", interface="s", at_once=1)
    sender = HttpSender(channel, lambda: SECRET, print, batch_seconds=0.2)
    events = [outgoing(seq, topic=PLACE) for seq in range(1, 9)]
    answers = sender.send_batch(events)
    sender.close()
    found = codes(answers)
    assert (found[0], found[-1]) == ("Ack", "Unsent")
    assert len(server.calls) == found.count("Ack")


def test_one_that_does_not_answer_in_time_has_taken_nothing(server: Server) -> None:
    held = threading.Event()
    server.reply = lambda call: (held.wait(5), ok(call))[1]
    try:
        assert sent(server, seconds=0.2) == ["RECEIVER_UNAVAILABLE"]
    finally:
        held.set()


def test_nobody_there_and_no_secret_are_the_receivers_faults() -> None:
    channel = HttpChannel(
        url="http://127.0.0.1:9/take", requester="anze", interface="s"
    )
    sender = HttpSender(channel, lambda: SECRET, print)
    assert codes(sender.send_batch([outgoing(1, topic=PLACE)])) == [
        "RECEIVER_UNAVAILABLE"
    ]
    sender.close()
    assert codes(sender.send_batch([outgoing(1, topic=PLACE)])) == [
        "RECEIVER_UNAVAILABLE"
    ]


def test_a_reply_may_hold_the_answer_and_it_is_filed_before_it_counts(
    server: Server,
) -> None:
    event = str(event_uuid(1))
    server.reply = said(
        data={"event_id": event, "answer": "REJECTED", "reasons": ["1003 CF_JDRQ"]}
    )
    assert sent(server) == ["Ack"]
    (filed,) = server.filed
    assert (str(filed.event_id), filed.answer, filed.reasons) == (
        event,
        Answer.REJECTED,
        ("1003 CF_JDRQ",),
    )

    def away(_: object) -> None:
        raise LedgerUnavailableError("中文", "it is away")

    channel = HttpChannel(url=server.url, requester="anze", interface="s_619900_2026")
    sender = HttpSender(channel, lambda: SECRET, away)
    answers = sender.send_batch([outgoing(1, topic=PLACE)])
    sender.close()
    # Taken for sent, its answer would never be asked for again.
    assert codes(answers) == ["RECEIVER_UNAVAILABLE"]


async def test_a_lane_that_is_left_alone_holds_no_other_up(server: Server) -> None:
    server.reply = status(503, **{"retry-after": "3600"})
    topic = "zhitong.anze.provincial.v1"
    there = MemoryBroker({topic: 12})
    outbox = MemoryOutbox(
        [outgoing(1, receiver="credit", topic=PLACE), outgoing(2, topic=topic)]
    )
    relay = Relay(
        outbox,
        lambda: MemoryProducer(there),
        others={"credit": server.sender},
        longest_rest=0.01,
    )
    task = asyncio.create_task(relay.run())
    async with asyncio.timeout(60):
        while 2 in outbox.rows or not server.calls:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)
        outbox.rows[3] = outgoing(3, topic=topic)
        while 3 in outbox.rows:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert list(outbox.rows) == [1]
    assert len(server.calls) == 1, "it asked for an hour"
    assert outbox.parked == {}


def test_no_answer_shows_what_a_receiver_quotes(server: Server) -> None:
    server.reply = lambda _: JSONResponse({"code": 300, "message": "李四 110105"})
    sender = server.sender()
    (answer,) = sender.send_batch([outgoing(1, topic=PLACE)])
    sender.close()
    assert isinstance(answer, Fault)
    assert "李四" not in f"{answer.error} {answer.error.details}"


@pytest.mark.parametrize("code", [200, 500])
def test_a_page_without_an_end_is_left(server: Server, code: int) -> None:
    parts: list[int] = []
    enough = threading.Event()

    def endless() -> Iterator[bytes]:
        yield b"x" * (LARGEST_REPLY + 1)
        while not enough.wait(0.01) and len(parts) < 3_000:
            parts.append(1)
            yield b"x"

    server.reply = lambda _: StreamingResponse(endless(), status_code=code)
    try:
        # By one line, that is free again behind each.
        assert sent(server, 3, at_once=1) == ["RECEIVER_ANSWER"] * 3
        assert len(parts) < 3_000, "it was read to its end"
    finally:
        enough.set()


@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_that_only_trickles_is_left(server: Server, *, packed: bool) -> None:
    parts: list[int] = []
    enough = threading.Event()

    def trickling() -> Iterator[bytes]:
        # A file's name, in gzip's own header, has no end and unpacks to nothing.
        yield b"\x1f\x8b\x08\x08\0\0\0\0\0\3" if packed else b"{"
        while not enough.wait(0.01) and len(parts) < 3_000:
            parts.append(1)
            yield b" "

    headers = {"content-encoding": "gzip"} if packed else {}
    server.reply = lambda _: StreamingResponse(trickling(), headers=headers)
    try:
        assert sent(server, seconds=0.5) == ["RECEIVER_UNAVAILABLE"]
        assert len(parts) < 3_000, "it was waited for"
    finally:
        enough.set()


def test_a_reply_whose_head_has_no_end_is_given_up() -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as there:

        def trickle() -> None:
            line, _ = there.accept()
            with line:
                line.recv(65_536)
                line.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                while not ended.wait(0.02):
                    line.sendall(b"a")

        thread = threading.Thread(target=trickle)
        thread.start()
        channel = HttpChannel(
            url=f"http://127.0.0.1:{there.getsockname()[1]}/take",
            requester="anze",
            interface="s",
            seconds=0.2,
            at_once=1,
        )
        sender = HttpSender(channel, lambda: SECRET, print, batch_seconds=0.1)
        try:
            events = [outgoing(seq, topic=PLACE) for seq in (1, 2)]
            found = codes(sender.send_batch(events))
        finally:
            ended.set()
            thread.join()
            sender.close()
    assert found == ["RECEIVER_UNAVAILABLE", "Unsent"]


def test_a_server_that_does_not_prove_itself_is_sent_nothing(tmp_path: Path) -> None:
    other = tmp_path / "other"
    certify(tmp_path, tmp_path / "server")
    certify(other, other / "server")
    ours = str(authorities(tmp_path))
    with serving(certificate(tmp_path / "server")) as proved:
        for trusted in ("", str(authorities(other)), str(tmp_path / "nothing.pem")):
            assert sent(proved, authorities=trusted) == ["RECEIVER_UNAVAILABLE"]
        # It is who it says for an address, and not for this name.
        named = proved.url.replace("127.0.0.1", "localhost")
        refused = sent(proved, url=named, authorities=ours)
        assert refused == ["RECEIVER_UNAVAILABLE"]
        assert proved.calls == []
        assert sent(proved, authorities=ours) == ["Ack"]
        assert proved.unsigned == []
