"""Statements and answers as they travel: whose they are, and what they tell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from zhitong.connectors.key_forms import PRIVATE, pem
from zhitong.connectors.key_forms import PUBLIC as SPKI
from zhitong.connectors.signers import FileSigner, file_signer, generate
from zhitong.exceptions import ReceiptInvalidError, SettingsError
from zhitong.infra.platform_keys import platform_keys
from zhitong.infra.receipts import compact
from zhitong.infra.settings import Settings
from zhitong.ports import StatedHere
from zhitong.rules.reconciliation import parts_of, root_of
from zhitong.streams.answering import Answering
from zhitong.streams.group_reader import Message
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.memory_broker import MemoryBroker, MemoryProducer
from zhitong.streams.stated import (
    JWS,
    Answered,
    Statement,
    answered,
    is_answer,
    read_answer,
    sign_answer,
    write_answer,
    write_statement,
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


def statement(
    signer: FileSigner, said: Statement | None = None, about: Statement | None = None
) -> bytes:
    """Write the event of a statement that *signer* signed."""
    said = said or stated()
    signed = compact(signer, JWS, msgspec.json.encode(said)).decode()
    return write_statement(about or said, signed, "/zhitong/anze")


@pytest.fixture
def platform(tmp_path: Path) -> tuple[Settings, FileSigner]:
    """Give a receiver's settings, and the key of the platform that it was given."""
    key = generate("ecdsa-p256")
    signer = file_signer(key)
    (tmp_path / "platform").mkdir()
    given = tmp_path / "platform" / "2026.pem"
    given.write_text(pem(SPKI, signer.spki))
    return Settings(state=tmp_path), signer


class Book:
    """What is kept of statements."""

    def __init__(self) -> None:
        self.kept: list[StatedHere] = []

    async def keep(self, stated: Sequence[StatedHere]) -> None:
        self.kept += stated


async def taken(settings: Settings, *values: bytes) -> list[StatedHere]:
    """Have the receiver take what came, and give what it will answer."""
    kept = Book()
    book: Any = kept
    producer = MemoryProducer(MemoryBroker({}))
    answering = Answering(
        book,
        KEYS["credit"],
        producer,
        tenant="anze",
        topic="receipts",
        platform=partial(platform_keys, settings),
    )
    await answering.take(
        [Message("recon", 0, at, value, "") for at, value in enumerate(values)]
    )
    return kept.kept


async def test_what_the_platform_has_not_signed_is_said_and_never_answered(
    platform: tuple[Settings, FileSigner], caplog: pytest.LogCaptureFixture
) -> None:
    settings, signer = platform
    forger = file_signer(generate("ecdsa-p256"))
    true = statement(signer)
    whole = json.loads(true)
    head, said, _ = whole["data"]["jws"].split(".")
    by = json.loads(statement(forger))["data"]["jws"].rpartition(".")[2]
    forged = [
        statement(forger),
        # The platform's header, another's signature; and none at all.
        json.dumps(whole | {"data": {"jws": f"{head}.{said}.{by}"}}).encode(),
        json.dumps(whole | {"data": {"jws": f"{head}.{said}."}}).encode(),
    ]
    assert await taken(settings, *forged) == []
    refused = [one for one in caplog.messages if "no statement recon[0]@" in one]
    assert len(refused) == len(forged)
    (kept,) = await taken(settings, *forged, true)
    assert kept.statement == stated().statement


async def test_without_a_key_of_the_platform_it_is_said_that_nothing_is_verified(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signer = file_signer(generate("ecdsa-p256"))
    assert len(await taken(Settings(state=tmp_path), statement(signer))) == 1
    assert "whether it signed its statements is not known" in caplog.text


def test_the_platform_s_own_folder_has_its_keys(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path)
    settings.evidence.mkdir()
    der = generate("ecdsa-p256")
    signer = file_signer(der)
    own = settings.evidence / f"receipt-{signer.key_id}.pem"
    own.write_text(pem(PRIVATE, der))
    assert platform_keys(settings) == {signer.key_id: pem(SPKI, signer.spki)}
    own.write_text("nothing")
    with pytest.raises(SettingsError, match="no key of the platform"):
        platform_keys(settings)
