from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace
from sending import DATA, told, wire

from zhitong.decisions import (
    Absence,
    Act,
    Annotation,
    Answer,
    Change,
    Decision,
    Entry,
    Happened,
    Party,
    Receipt,
)
from zhitong.inbound import Fate, InboundReceipt
from zhitong.infra.receivers_file import read_receivers
from zhitong.rules.reconciliation import root_of
from zhitong.streams.asyncapi import asyncapi
from zhitong.streams.asyncapi_clocks import EXAMPLE
from zhitong.streams.channels import FileChannel
from zhitong.streams.clock_stream import source as clocks_source
from zhitong.streams.clock_stream import write_clock
from zhitong.streams.cloud_events import write_receipt
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.inbound_receipts import receipted, write_inbound_receipt
from zhitong.streams.keys import ReceiverKeys, sign_receipt
from zhitong.streams.notices import Notice, write_notice
from zhitong.streams.stated import (
    Statement,
    answered,
    sign_answer,
    write_answer,
    write_statement,
)

ROOT = Path(__file__).parents[2]
PORTAL = ROOT / "portal"
EVENT_ID = UUID("6f2c4f0e-5a53-4f0e-9d7c-2b8d3e619900")
AT = datetime(2026, 11, 22, 1, 30, 5, 123456, tzinfo=UTC)
KEYS = ReceiverKeys.generate("credit")


def document() -> dict[str, Any]:
    said: dict[str, Any] = json.loads(asyncapi(read_receivers()))
    return said


def produced() -> list[tuple[str, bytes]]:
    """Give the message's name and the bytes of an event of every kind."""
    envelopes = ReceiverEnvelopes(read_receivers(), {"credit": KEYS.public})
    found = []
    for act in Act:
        for kind in ("LEGAL_PERSON", "NATURAL_PERSON"):
            decision = Decision(
                local_id=f"{act}-{kind}",
                act=act,
                subject_code="11619900MB0004001B",
                document_no="安应急〔2026〕1号",
                decided_on=date(2026, 11, 20),
                party=Party(kind=kind, name="甲", id_number="11010519491231002X"),
            )
            entry = Entry(
                decision=decision,
                version=1,
                change=Change.RECORDED,
                at=AT,
                unit="11619900MB0004001B",
                person="乙",
            )
            copies = [whole(entry, name) for name in envelopes.receivers(act)]
            for event in envelopes.events(copies, follows_history=False):
                name = event.schema.removeprefix("urn:zhitong:schema:")
                found.append((name.replace(":", "."), event.payload))
    receipt = Receipt(
        event_id=EVENT_ID,
        receiver="credit",
        answer=Answer.HELD,
        at=AT,
        payload_hash="ab" * 32,
    )
    signed = replace(receipt, signed=sign_receipt(receipt, KEYS))
    notice = Notice(
        event_id=EVENT_ID,
        receiver="credit",
        decision_id=EVENT_ID,
        version=2,
        change=Change.WITHDRAWN,
        follows_history=True,
        source="/zhitong/anze/619900/credit",
        time=AT,
        key="88978920f9d0f597",
        why=Absence.ERASED,
        payload_hash="ab" * 32,
    )
    annotation = Annotation(
        receiver="credit",
        happened=Happened(
            cause=EVENT_ID,
            what="ERASED",
            decision_id=EVENT_ID,
            version=2,
            order=-7,
            at=AT,
        ),
        withheld=frozenset({"listingNo"}),
    )
    stated = Statement(
        statement=EVENT_ID,
        receiver="credit",
        topic="zhitong.anze.credit.v1",
        partition=3,
        start=7,
        end=9,
        records=1,
        root=root_of({7: "a"}, 7, 9).hex(),
        parts=[root_of({7: "a"}, 7, 9).hex()],
        foreign=[8],
        at=AT,
    )
    source = read_receivers().source("credit")
    # Nothing is there: its part is told.
    said = answered(stated, {}, AT)
    return [
        *found,
        ("notice", write_notice(notice)),
        ("annotation", envelopes.annotated(annotation).payload),
        ("receipt", write_receipt(signed, "anze")),
        ("statement", write_statement(stated, "a.b.c", source)),
        ("answer", write_answer(said, sign_answer(said, KEYS), "anze")),
        ("clock", write_clock(EXAMPLE, clocks_source("anze", "619900"))),
        *inbound(),
    ]


def inbound() -> Iterator[tuple[str, bytes]]:
    """Give what is told us, and an answer to it."""
    for what in DATA:
        yield f"inbound.{what}.1", wire(told(what, at=AT))
    due = InboundReceipt(
        receipt=EVENT_ID,
        message=EVENT_ID,
        sender="credit",
        event_id=None,
        fate=Fate.QUARANTINED,
        reasons=("UNREADABLE",),
        at=AT,
        payload_hash="ab" * 32,
        topic="zhitong.anze.inbound.credit.v1",
        partition=0,
        offset=7,
    )
    yield "inbound.receipt", write_inbound_receipt(receipted(due, "anze"), "a.b.c")


async def node(script: str, *arguments: str, given: bytes = b"") -> list[str]:
    """Run a script of the portal; skip without its packages, except in CI."""
    wanted = PORTAL / "node_modules" / "@asyncapi" / "parser"
    if not (wanted.is_dir() and shutil.which("node")):
        assert not os.environ.get("CI"), "npm ci --prefix portal has not run"
        pytest.skip("npm ci --prefix portal has not run")
    process = await asyncio.create_subprocess_exec(
        "node",
        script,
        *arguments,
        cwd=PORTAL,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(given)
    assert process.returncode == 0
    return said.decode().splitlines()


def test_the_document_that_is_checked_in_is_the_one_that_is_made() -> None:
    checked_in = (ROOT / "docs" / "asyncapi.json").read_text("utf-8")
    assert checked_in == asyncapi(read_receivers()), "make schema"


def test_each_receiver_has_a_channel_with_its_topic_and_tables() -> None:
    channels = document()["channels"]
    assert {name: one["address"] for name, one in channels.items()} == {
        "provincial": "zhitong.anze.provincial.v1",
        "credit": "zhitong.anze.credit.v1",
        "replay.provincial": "zhitong.anze.replay.provincial.v1",
        "replay.credit": "zhitong.anze.replay.credit.v1",
        "receipts": "zhitong.anze.receipts.v1",
        "recon.provincial": "zhitong.anze.recon.provincial.v1",
        "recon.credit": "zhitong.anze.recon.credit.v1",
        "clocks": "zhitong.anze.clocks.v1",
        "inbound.credit": "zhitong.anze.inbound.credit.v1",
        "inbound.receipts.credit": "zhitong.anze.inbound.receipts.credit.v1",
        "inbound.provincial": "zhitong.anze.inbound.provincial.v1",
        "inbound.receipts.provincial": "zhitong.anze.inbound.receipts.provincial.v1",
    }
    assert list(channels["credit"]["messages"]) == [
        "credit.cf_fr.1",
        "credit.cf_zrr.1",
        "credit.xk_fr.1",
        "credit.xk_zrr.1",
        "notice",
        "annotation",
    ]
    assert len(channels["provincial"]["messages"]) == 9 + 2
    assert channels["replay.credit"]["messages"] == channels["credit"]["messages"]
    assert channels["provincial"]["bindings"]["kafka"]["partitions"] == 12


def test_who_reads_no_topic_has_messages_and_no_channel() -> None:
    config = read_receivers()
    files = FileChannel(folder="/srv/exchange/credit")
    receivers = tuple(
        dataclasses.replace(one, channel=files) if one.name == "credit" else one
        for one in config.receivers
    )
    said = json.loads(asyncapi(dataclasses.replace(config, receivers=receivers)))
    assert not {"credit", "replay.credit", "recon.credit"} & said["channels"].keys()
    message = said["components"]["messages"]["credit.cf_zrr.1"]
    schema = {**message["payload"], "components": said["components"]}
    Draft202012Validator(schema).validate(message["examples"][0]["payload"])


def test_a_topic_has_the_messages_of_all_its_receivers_rules() -> None:
    config = read_receivers()
    (now,) = (one for one in config.receivers if one.name == "credit")
    before = dataclasses.replace(
        now,
        format="credit@2015",
        acts=frozenset({Act.PENALTY}),
        since=date(2015, 1, 1),
        until=date(2018, 7, 24),
    )
    both = dataclasses.replace(config, receivers=(before, now))
    said = json.loads(asyncapi(both))
    assert list(said["channels"]["credit"]["messages"]) == [
        "credit2015.cf.1",
        *("credit.cf_fr.1", "credit.cf_zrr.1", "credit.xk_fr.1", "credit.xk_zrr.1"),
        "notice",
        "annotation",
    ]


def test_every_kind_of_event_we_produce_is_as_the_document_says() -> None:
    said, seen = document(), set()
    for name, payload in produced():
        schema = said["components"]["messages"][name]["payload"]
        whole = {**schema, "components": said["components"]}
        errors = Draft202012Validator(whole).iter_errors(json.loads(payload))
        assert [error.message for error in errors] == []
        seen.add(name)
    assert seen == set(said["components"]["messages"])


async def test_the_asyncapi_parser_finds_nothing_to_say() -> None:
    path = str(ROOT / "docs" / "asyncapi.json")
    assert await node("asyncapi.mjs", path) == [
        "0 findings, 12 channels, 28 messages, 12 operations"
    ]


async def test_the_cloud_events_reader_reads_what_we_produce_with_its_time() -> None:
    events: Sequence[tuple[str, bytes]] = produced()
    given = b"".join(base64.b64encode(value) + b"\n" for _, value in events)
    read = [json.loads(line) for line in await node("events.mjs", given=given)]
    assert len(read) == len(events) == 37
    for (_, value), event in zip(events, read, strict=True):
        said = json.loads(value)
        # The reader writes times in UTC; whatever else we said it gives back.
        assert datetime.fromisoformat(event.pop("time")) == datetime.fromisoformat(
            said.pop("time")
        ).replace(microsecond=123000)
        assert event == said
