"""Consumers built on what was released once, and the events of today."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from old_consumer import EXAMPLES, GOLDEN, OldConsumer, golden, produced

from zhitong.streams.group_reader import Message
from zhitong.streams.intake import Intake, Read
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.published import releases

Edit = Callable[[dict[str, Any]], object]
RELEASES = [one.number for one in releases()]


def row_of(said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = said["data"]["row"]
    return found


def test_every_release_has_golden_events_of_every_table_that_it_brought() -> None:
    kept = sorted(int(one.name) for one in GOLDEN.iterdir())
    assert kept == RELEASES
    for release in releases():
        _, _, readings = golden(release.number)
        said = [json.loads(text) for name, text in release.documents.items()]
        brought = {one["$id"] for one in said if "$id" in one}
        assert brought <= {one.get("dataschema") for one in readings}


@pytest.mark.parametrize("release", RELEASES)
def test_an_old_consumer_reads_the_events_of_its_day_as_it_did(release: int) -> None:
    consumer = OldConsumer(release)
    _, events, readings = golden(release)
    assert [consumer.read(one) for one in events] == readings
    assert not any("refused" in one or "unknown" in one for one in readings)


@pytest.mark.parametrize("release", RELEASES)
def test_an_old_consumer_makes_the_same_of_what_is_sent_today(release: int) -> None:
    consumer = OldConsumer(release)
    said, _, readings = golden(release)
    readers = {one["receiver"] for one in readings}
    assert [consumer.read(one) for one in produced(said, readers)] == readings


@pytest.fixture
def keys(tmp_path: Path) -> ReceiverKeys:
    # In the repository anybody may read it; as a key in use it could not be loaded.
    file = tmp_path / "credit.private.json"
    shutil.copyfile(EXAMPLES / file.name, file)
    file.chmod(0o600)
    return ReceiverKeys.load(file)


@pytest.mark.parametrize("release", RELEASES)
def test_the_consumer_of_today_takes_the_events_of_an_old_release(
    release: int, keys: ReceiverKeys
) -> None:
    """What was sent long ago may be sent again."""
    _, events, readings = golden(release)
    for value, reading in zip(events, readings, strict=True):
        if "row" not in reading:
            continue
        intake = Intake(replace(keys, receiver=reading["receiver"]))
        found = intake.read(Message("t", 0, 0, value, ""))
        assert isinstance(found, Read)
        assert (found.arrival.reasons, found.arrival.row) == ((), reading["row"])


def _column(said: dict[str, Any]) -> None:
    row_of(said)["CF_NEW"] = "1"
    said["newattribute"] = "1"


def test_what_an_old_consumer_does_not_know_it_ignores() -> None:
    value, reading = penalty()
    assert OldConsumer(1).read(edited(value, _column)) == reading


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda said: row_of(said).pop("CF_JDRQ"), id="a column fewer"),
        pytest.param(lambda said: row_of(said).update(CF_ZT="9"), id="a value more"),
        pytest.param(
            lambda said: row_of(said).update(CF_NR_FK="2000050"), id="another unit"
        ),
        pytest.param(
            lambda said: row_of(said).update(CF_JDRQ="2026/11/20"), id="another form"
        ),
        pytest.param(lambda said: said.update(decisionversion="1"), id="another type"),
        pytest.param(lambda said: said.pop("followshistory"), id="an attribute fewer"),
        pytest.param(
            lambda said: said.update(dataschema="urn:zhitong:schema:credit:cf_fr:2"),
            id="another version on its topic",
        ),
    ],
)
def test_an_old_consumer_is_hurt_by_what_we_call_breaking(edit: Edit) -> None:
    value, reading = penalty()
    assert OldConsumer(1).read(edited(value, edit)) != reading


def penalty() -> tuple[bytes, dict[str, Any]]:
    _, events, readings = golden(1)
    name = "urn:zhitong:schema:credit:cf_fr:1"
    place = [one.get("dataschema") for one in readings].index(name)
    return events[place], readings[place]


def edited(value: bytes, edit: Edit) -> bytes:
    said = json.loads(value)
    edit(said)
    return json.dumps(said).encode()
