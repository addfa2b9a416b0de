"""The published examples: what is written today, and what their published keys open."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from zhitong.infra.receivers_file import read_receivers
from zhitong.streams import examples
from zhitong.streams.cloud_events import parse, parse_receipt
from zhitong.streams.forms import FORMS
from zhitong.streams.keys import ReceiverKeys, unseal, verify_receipt
from zhitong.streams.schemas import faults, tables

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "streams.md").read_text("utf-8")
CONFIG = read_receivers()
PUBLIC = ReceiverKeys.load(DOCS / "examples" / "credit.public.json")


def value(table: str) -> bytes:
    known = tables()[table]
    of = next(one for one in FORMS.values() if table in one.tables)
    for receiver in CONFIG.receivers:
        if receiver.format == of.key:
            return examples.value(examples.event(receiver, known, CONFIG))
    return examples.value(examples.sample(of, known, CONFIG))


@pytest.mark.parametrize("table", list(tables()))
def test_the_example_of_every_table_is_an_event_its_receiver_takes(table: str) -> None:
    event = parse(value(table))
    assert event.table == table
    assert event.source == f"/zhitong/anze/619900/{event.receiver}"
    assert faults(table, event.row) == ()


def test_the_published_keys_open_the_number_and_verify_the_receipt_of_an_example(
    tmp_path: Path,
) -> None:
    # In the repository anybody may read it; as a key in use it could not be loaded.
    file = tmp_path / "credit.private.json"
    shutil.copyfile(DOCS / "examples" / file.name, file)
    file.chmod(0o600)
    event = parse(value("cf_zrr"))
    sealed = str(event.row["CF_XDR_ZJHM"])
    assert unseal(sealed, ReceiverKeys.load(file)) == "11010519491231002X"
    wire = parse_receipt(examples.value(examples.receipt("anze")))
    said = verify_receipt(wire.jws, PUBLIC)
    assert said == replace(examples.RECEIPT, key_id=said.key_id)
    assert said.event_id == wire.event_id == event.event_id
    assert said.payload_hash == hashlib.sha256(value("cf_zrr")).hexdigest()


def test_the_page_shows_the_examples_as_they_are() -> None:
    shown = [
        json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    ]
    receipt = examples.receipt("anze")
    parts = [
        json.loads(base64.urlsafe_b64decode(part + "=="))
        for part in receipt["data"]["jws"].split(".")[:2]
    ]
    assert shown == [json.loads(value("cf_zrr")), receipt, *parts]
