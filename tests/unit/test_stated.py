"""Statements and answers as they travel: whose they are, and what they tell."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from msgspec.structs import replace

from zhitong.exceptions import ReceiptInvalidError
from zhitong.rules.reconciliation import parts_of, root_of
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.stated import (
    Answered,
    Statement,
    answered,
    is_answer,
    read_answer,
    sign_answer,
    write_answer,
)

AT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
KEYS = {name: ReceiverKeys.generate(name) for name in ("credit", "provincial")}
PUBLIC = {name: keys.public for name, keys in KEYS.items()}
EVENTS = {offset: f"event {offset}" for offset in range(3_000, 5_500)}


def stated(events: dict[int, str] = EVENTS) -> Statement:
    return Statement(
        statement=UUID(int=7),
        receiver="credit",
        topic="t",
        partition=2,
        start=3_000,
        end=5_500,
        records=len(events),
        root=root_of(events, 3_000, 5_500).hex(),
        parts=[each.hex() for each in parts_of(events, 3_000, 5_500)],
        foreign=[],
        at=AT,
    )


def wire(said: Answered, by: str = "credit") -> bytes:
    return write_answer(said, sign_answer(said, KEYS[by]), "anze")


def test_who_has_all_says_the_root_and_tells_nothing_more() -> None:
    said = answered(stated(), EVENTS, AT)
    assert (said.root, said.records, said.parts) == (stated().root, 2_500, [])


def test_who_lacks_one_tells_the_part_it_lies_in_event_by_event() -> None:
    held = {offset: event for offset, event in EVENTS.items() if offset != 4_321}
    said = answered(stated(), held, AT)
    assert said.root != stated().root
    (part,) = said.parts
    assert (part.start, part.end, len(part.held)) == (4_000, 5_000, 999)
    assert set(range(4_000, 5_000)) - {offset for offset, _ in part.held} == {4_321}


def test_the_last_part_ends_with_the_window() -> None:
    said = answered(stated(), {}, AT)
    assert [(part.start, part.end) for part in said.parts] == [
        (3_000, 4_000),
        (4_000, 5_000),
        (5_000, 5_500),
    ]


def test_an_answer_is_read_as_it_was_signed() -> None:
    said = answered(stated(), EVENTS, AT)
    assert is_answer(wire(said))
    read, _ = read_answer(wire(said), PUBLIC)
    assert read == said


def forged() -> list[bytes]:
    said = answered(stated(), EVENTS, AT)
    theirs = replace(said, receiver="provincial")
    whole = json.loads(wire(said))
    return [
        # Signed by another receiver, in one's own name and in the other's.
        wire(said, by="provincial"),
        wire(theirs, by="credit"),
        # About another statement than is signed; from nobody; no signature at all.
        json.dumps(whole | {"subject": str(UUID(int=8))}).encode(),
        json.dumps(whole | {"receiver": "nobody"}).encode(),
        json.dumps(whole | {"data": {"jws": "a.b.c"}}).encode(),
        json.dumps(whole | {"type": "cn.zhitong.receipt.v1"}).encode(),
    ]


@pytest.mark.parametrize("value", forged(), ids=range(len(forged())))
def test_what_its_receiver_has_not_signed_is_no_answer(value: bytes) -> None:
    with pytest.raises(ReceiptInvalidError):
        read_answer(value, PUBLIC)


def test_a_receipt_or_noise_is_no_answer() -> None:
    assert not is_answer(b'{"type": "cn.zhitong.receipt.v1"}')
    assert not is_answer(b"\xff")
    assert not is_answer(b"[" * 100_000)
